import type { Context, Middleware } from "koa";
import { YingdaError } from "../base/errors.ts";
import type { Events } from "../base/events.ts";
import { languageOf, TEXTS } from "../conversation/texts.ts";
import type { Message } from "../session/message.ts";
import type { Snapshot, Snapshots } from "../session/snapshots.ts";
import { type BotCallback, type BotMessage, parseBotCallback, readBotEnvelope } from "../wecom/callback-json.ts";
import { type CallbackCrypto, type CallbackQuery, readCallbackQuery } from "../wecom/crypto.ts";
import { BOT_CONTENT_TYPE, botReplyPacket, emptyBotReply, streamReply } from "../wecom/payloads.ts";
import { answerBotEvent, type BotEventParts } from "./bot-event.ts";
import { botMessage, type ReadingParts } from "./bot-message.ts";
import type { Intake } from "./intake.ts";
import { readRawBody } from "./raw-body.ts";
import { answerUrlCheck, searchOf } from "./url-check.ts";

export interface BotCallbackParts extends BotEventParts {
  bot: { crypto: CallbackCrypto; name: string | undefined } | null;
  groupSession: ReadingParts["groupSession"];
  intake: Intake;
  snapshots: Snapshots;
  callbackMaxAgeMs: number;
  events: Events;
}

/** `GET /wecom/bot`: the URL check, as for the app (wecom-protocol 1.6). */
export function verifyBotUrl({ bot, intake, callbackMaxAgeMs }: BotCallbackParts): Middleware {
  return function verifyUrl(ctx) {
    if (bot === null) throw notConfigured();
    answerUrlCheck(ctx, bot.crypto, { nowMs: intake.clock.nowMs(), maxAgeMs: callbackMaxAgeMs });
  };
}

/** `POST /wecom/bot`: messages open a stream, polls read it, events get their own answers (wecom-protocol 4). */
export function takeBotCallback(parts: BotCallbackParts): Middleware {
  const { bot, intake, callbackMaxAgeMs } = parts;
  return async function botCallback(ctx) {
    if (bot === null) throw notConfigured();
    const query = readCallbackQuery(searchOf(ctx));
    const ciphertext = readBotEnvelope(await readRawBody(ctx.req));
    const nowMs = intake.clock.nowMs();
    const callback = parseBotCallback(bot.crypto.open(query, ciphertext, { nowMs, maxAgeMs: callbackMaxAgeMs }));
    ctx.state.kind = callback.kind;
    answer(ctx, bot.crypto, query, await replyTo(callback, bot.name, nowMs, parts));
  };
}

async function replyTo(
  callback: BotCallback,
  botName: string | undefined,
  nowMs: number,
  parts: BotCallbackParts,
): Promise<string> {
  switch (callback.kind) {
    case "poll":
      return pollReply(callback.streamId, await parts.snapshots.read(callback.streamId), nowMs);
    case "message":
      return openStream(httpMessage(callback, { botName, groupSession: parts.groupSession, nowMs }), nowMs, parts);
    case "event":
      return answerBotEvent(callback, nowMs, parts);
    case "unknown":
      return emptyBotReply();
  }
}

function httpMessage(callback: BotMessage, reading: ReadingParts): Message & { reply: { kind: "bot" } } {
  const { responseUrl } = callback;
  return botMessage(callback, "bot", reading, (streamId) => ({
    kind: "bot",
    streamId,
    ...(responseUrl === undefined ? {} : { responseUrl }),
  }));
}

/** The first answer to a message: its stream. A repeated message gets the same stream as it stands. */
async function openStream(message: Message & { reply: { streamId: string } }, nowMs: number, parts: BotCallbackParts) {
  const { streamId } = message.reply;
  const kept = await parts.intake.take(message);
  if (kept.outcome === "busy") {
    return streamReply({ streamId, content: TEXTS[languageOf(message.text)].busy, finish: true });
  }
  const snapshot = kept.repeated ? await parts.snapshots.read(streamId) : null;
  if (snapshot === null && kept.repeated)
    return streamReply({ streamId, content: TEXTS.zh.streamUnknown, finish: true });
  if (snapshot === null) return streamReply({ streamId, content: "", finish: false, feedbackId: streamId });
  return streamReply({ streamId, ...visible(snapshot, nowMs), feedbackId: streamId });
}

/** A poll is a read. An unknown stream is finished with an apology, or WeCom would poll it for minutes (4.8). */
function pollReply(streamId: string, snapshot: Snapshot | null, nowMs: number): string {
  if (snapshot === null) return streamReply({ streamId, content: TEXTS.zh.streamUnknown, finish: true });
  return streamReply({ streamId, ...visible(snapshot, nowMs) });
}

/** Past its life a bubble is finished even when no worker is there to do it. */
function visible(snapshot: Snapshot, nowMs: number): Pick<Snapshot, "content" | "finish" | "pictures"> {
  if (snapshot.finish || nowMs < snapshot.expiresAtMs + EXPIRY_GRACE_MS) return snapshot;
  const notice = TEXTS[languageOf(snapshot.content)].laterAsNewMessage;
  return { content: snapshot.content === "" ? notice : `${snapshot.content}\n\n${notice}`, finish: true };
}

/** The turn finishes its own bubble at its expiry; polls step in only when it did not. */
const EXPIRY_GRACE_MS = 5_000;

/** The reply packet: our nonce must be the callback's (wecom-protocol 1.7). */
function answer(ctx: Context, crypto: CallbackCrypto, query: CallbackQuery, json: string): void {
  ctx.status = 200;
  ctx.type = BOT_CONTENT_TYPE;
  ctx.body = botReplyPacket(crypto, json, { timestamp: query.timestamp, nonce: query.nonce });
}

function notConfigured(): YingdaError {
  return new YingdaError("channel_not_configured", "Set WECOM_BOT_TOKEN and WECOM_BOT_AES_KEY to use the AI bot.");
}
