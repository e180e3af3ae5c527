import { randomUUID } from "node:crypto";
import type { Context, Middleware } from "koa";
import { YingdaError } from "../base/errors.ts";
import type { Events } from "../base/events.ts";
import { languageOf, TEXTS } from "../conversation/texts.ts";
import type { FeedbackRecord, SpooledRecord } from "../review/records.ts";
import { botGroupConversation, botSingleConversation } from "../session/conversation-id.ts";
import { shardOf, streamIdOf } from "../session/keys.ts";
import type { Attachment, Message, Quote } from "../session/message.ts";
import type { RecordSpool } from "../session/record-spool.ts";
import type { Snapshot, Snapshots } from "../session/snapshots.ts";
import {
  type BotCallback,
  parseBotCallback,
  readBotEnvelope,
  stripMention,
  textOfContent,
  textOfQuote,
} from "../wecom/callback-json.ts";
import { type CallbackCrypto, type CallbackQuery, readCallbackQuery } from "../wecom/crypto.ts";
import { BOT_CONTENT_TYPE, botReplyPacket, emptyBotReply, streamReply, welcomeReply } from "../wecom/payloads.ts";
import type { Intake } from "./intake.ts";
import { readRawBody } from "./raw-body.ts";
import type { CardClick } from "./review-cards/click-desk.ts";
import { answerUrlCheck, searchOf } from "./url-check.ts";

type BotMessage = Extract<BotCallback, { kind: "message" }>;
type BotEvent = Extract<BotCallback, { kind: "event" }>;

export interface BotCallbackParts {
  bot: { crypto: CallbackCrypto; name: string | undefined } | null;
  groupSession: "group" | "member";
  /** What the bot calls itself when it has no name in WeCom. */
  displayName: string;
  intake: Intake;
  snapshots: Snapshots;
  spool: RecordSpool<SpooledRecord>;
  callbackMaxAgeMs: number;
  events: Events;
  /** Answers a press on a card's button with the reply's plaintext; null: the empty one. WeCom sends it once (4.6). */
  onCardEvent?: (click: CardClick) => Promise<string | null>;
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
      return openStream(toMessage(callback, botName, nowMs, parts.groupSession), nowMs, parts);
    case "event":
      return answerEvent(callback, nowMs, parts);
    case "unknown":
      return emptyBotReply();
  }
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
function visible(snapshot: Snapshot, nowMs: number): { content: string; finish: boolean } {
  if (snapshot.finish || nowMs < snapshot.expiresAtMs + EXPIRY_GRACE_MS) return snapshot;
  const notice = TEXTS[languageOf(snapshot.content)].laterAsNewMessage;
  return { content: snapshot.content === "" ? notice : `${snapshot.content}\n\n${notice}`, finish: true };
}

/** The turn finishes its own bubble at its expiry; polls step in only when it did not. */
const EXPIRY_GRACE_MS = 5_000;

async function answerEvent(event: BotEvent, nowMs: number, parts: BotCallbackParts): Promise<string> {
  switch (event.eventType) {
    case "enter_chat":
      // The welcome goes in this very answer; WeCom takes none later (4.6).
      return welcomeReply(TEXTS.zh.greeting(parts.displayName));
    case "template_card_event": {
      if (event.card === undefined || parts.onCardEvent === undefined) return emptyBotReply();
      const { taskId, eventKey } = event.card;
      return (await parts.onCardEvent({ userId: event.userId, taskId, eventKey })) ?? emptyBotReply();
    }
    case "feedback_event":
      await keepFeedback(event, nowMs, parts);
      return emptyBotReply();
    default:
      return emptyBotReply();
  }
}

const FEEDBACK_VERDICTS = { 1: "accurate", 2: "inaccurate", 3: "cancelled" } as const;
const FEEDBACK_REASONS: Record<number, string> = { 1: "off_topic", 2: "incomplete", 3: "wrong", 4: "data_error" };
/** Characters kept of a comment; WeCom states no limit, the database has one. */
const COMMENT_MAX = 4_000;

async function keepFeedback(event: BotEvent, nowMs: number, parts: BotCallbackParts): Promise<void> {
  if (event.feedback === undefined) return;
  const record: FeedbackRecord = {
    kind: "feedback",
    eventId: `bot:${event.botId}:${event.msgId}`,
    feedbackId: event.feedback.id,
    userId: event.userId,
    verdict: FEEDBACK_VERDICTS[event.feedback.type],
    reasons: event.feedback.reasons.map((reason) => FEEDBACK_REASONS[reason] ?? String(reason)),
    comment: event.feedback.content.slice(0, COMMENT_MAX).toWellFormed(),
    atMs: nowMs,
  };
  await parts.spool.keep(shardOf(record.feedbackId), record.eventId, record);
}

function toMessage(
  callback: BotMessage,
  botName: string | undefined,
  nowMs: number,
  groupSession: "group" | "member",
): Message & { reply: { kind: "bot"; streamId: string } } {
  const { botId, userId, chat } = callback;
  const conversationId =
    chat.kind === "single"
      ? botSingleConversation(botId, userId)
      : botGroupConversation(botId, chat.chatId, userId, groupSession);
  const id = `bot:${botId}:${callback.msgId}`;
  const text = textOfContent(callback.content);
  return {
    id,
    kind: "message",
    channel: "bot",
    conversationId,
    sender: { userId },
    ...(chat.kind === "group" ? { groupId: chat.chatId } : {}),
    text: chat.kind === "group" ? stripMention(text, botName) : text,
    ...(callback.quote === undefined ? {} : { quote: readQuote(callback.quote) }),
    attachments: readAttachments(callback.content),
    receivedAtMs: nowMs,
    reply: {
      kind: "bot",
      streamId: streamIdOf(conversationId, id),
      ...(callback.responseUrl === undefined ? {} : { responseUrl: callback.responseUrl }),
    },
    traceId: randomUUID(),
  };
}

function readQuote(quote: NonNullable<BotMessage["quote"]>): Quote {
  return { kind: quote.type, text: textOfQuote(quote) };
}

function readAttachments(content: BotMessage["content"]): Attachment[] {
  switch (content.type) {
    case "text":
    case "voice":
      return [];
    case "image":
    case "video":
    case "file":
      return [{ kind: content.type, url: content.url }];
    case "mixed":
      return content.items.flatMap((item) => (item.type === "image" ? [{ kind: "image", url: item.url }] : []));
  }
}

/** The reply packet: our nonce must be the callback's (wecom-protocol 1.7). */
function answer(ctx: Context, crypto: CallbackCrypto, query: CallbackQuery, json: string): void {
  ctx.status = 200;
  ctx.type = BOT_CONTENT_TYPE;
  ctx.body = botReplyPacket(crypto, json, { timestamp: query.timestamp, nonce: query.nonce });
}

function notConfigured(): YingdaError {
  return new YingdaError("channel_not_configured", "Set WECOM_BOT_TOKEN and WECOM_BOT_AES_KEY to use the AI bot.");
}
