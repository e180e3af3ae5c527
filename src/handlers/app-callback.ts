import { randomUUID } from "node:crypto";
import type { Middleware } from "koa";
import { YingdaError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { parseCommand } from "../conversation/commands.ts";
import { languageOf, TEXTS } from "../conversation/texts.ts";
import { appConversation } from "../session/conversation-id.ts";
import type { Attachment, Message } from "../session/message.ts";
import type { WeComApi } from "../wecom/api-client.ts";
import { type AppCallback, parseAppCallback } from "../wecom/callback-xml.ts";
import { type CallbackCrypto, readCallbackQuery } from "../wecom/crypto.ts";
import { readXmlEnvelope } from "../wecom/envelope-xml.ts";
import type { Intake } from "./intake.ts";
import { readRawBody } from "./raw-body.ts";
import type { AppCardEvent } from "./review-cards/click-desk.ts";
import { answerUrlCheck, searchOf } from "./url-check.ts";

export interface AppChannel {
  crypto: CallbackCrypto;
  agentId: string;
  api: WeComApi;
}

export interface AppCallbackParts {
  app: AppChannel | null;
  intake: Intake;
  callbackMaxAgeMs: number;
  log: Logger;
  /** Takes a press on a card's button, beside the acknowledgement. Throws `store_unavailable`: WeCom then sends it again. */
  onCardEvent?: (event: AppCardEvent) => void;
}

/** `GET /wecom/app`: WeCom checks the URL (wecom-protocol 1.6). */
export function verifyAppUrl({ app, intake, callbackMaxAgeMs }: AppCallbackParts): Middleware {
  return function verifyUrl(ctx) {
    if (app === null) throw notConfigured();
    answerUrlCheck(ctx, app.crypto, { nowMs: intake.clock.nowMs(), maxAgeMs: callbackMaxAgeMs });
  };
}

/** `POST /wecom/app`: verify, keep, answer 200 with an empty body; the answer follows by `message/send` (wecom-protocol 2.1). */
export function takeAppCallback(parts: AppCallbackParts): Middleware {
  const { app, intake, callbackMaxAgeMs } = parts;
  return async function appCallback(ctx) {
    if (app === null) throw notConfigured();
    const query = readCallbackQuery(searchOf(ctx));
    const { encrypt } = readXmlEnvelope(await readRawBody(ctx.req));
    const nowMs = intake.clock.nowMs();
    const callback = parseAppCallback(app.crypto.open(query, encrypt, { nowMs, maxAgeMs: callbackMaxAgeMs }));
    ctx.state.kind = callback.kind;
    if (callback.kind === "event" && callback.event === CARD_EVENT && callback.card !== undefined) {
      const { fromUserId: userId, eventKey, dedupeKey, card } = callback;
      parts.onCardEvent?.({ userId, eventKey, dedupeKey, taskId: card.taskId, responseCode: card.responseCode });
    }
    const message = toMessage(callback, app.agentId, nowMs);
    if (message !== null) {
      const kept = await intake.take(message);
      if (kept.tellBusy) tellBusy(message, app, parts.log);
    }
    ctx.status = 200;
    ctx.body = "";
  };
}

const CARD_EVENT = "template_card_event";

/** What the turn sees of a callback; null for what needs no answer. Unknown kinds are acknowledged and counted. */
function toMessage(callback: AppCallback, agentId: string, nowMs: number): Message | null {
  if (callback.kind === "unknown") return null;
  const clicked = callback.kind === "event" ? clickOf(callback) : null;
  if (callback.kind === "event" && clicked === null && callback.event.toLowerCase() !== "enter_agent") return null;
  const userId = callback.fromUserId;
  const common = {
    channel: "app" as const,
    conversationId: appConversation(agentId, userId),
    sender: { userId },
    receivedAtMs: nowMs,
    reply: { kind: "app" as const, agentId, toUser: userId },
    traceId: randomUUID(),
  };
  if (callback.kind === "event" && clicked !== null) {
    const id = `app:${agentId}:click:${callback.dedupeKey}`;
    return { ...common, ...clicked, id, attachments: [] };
  }
  if (callback.kind === "event") {
    // One greeting a member and day: the app's chat is opened many times.
    const day = new Date(nowMs + CHINA_OFFSET_MS).toISOString().slice(0, 10);
    const id = `app:${agentId}:greeting:${userId.toLowerCase()}:${day}`;
    return { ...common, id, kind: "greeting", text: "", attachments: [] };
  }
  const { text, attachments } = readContent(callback.content);
  return { ...common, id: `app:${agentId}:${callback.msgId}`, kind: "message", text, attachments };
}

/** Keys that an administrator may give two entries of the app's menu; see docs/wecom-setup.md. */
const RATING_KEYS: ReadonlyMap<string, string> = new Map([
  ["feedback:accurate", "👍"],
  ["feedback:inaccurate", "👎"],
]);

/** The thumb, or the command, that a click in the menu stands for (wecom-protocol 2.3), as if the member had written it. */
function clickOf({
  event,
  eventKey,
}: Extract<AppCallback, { kind: "event" }>): { kind: "rating" | "message"; text: string } | null {
  if (event.toLowerCase() !== "click") return null;
  const thumb = RATING_KEYS.get(eventKey);
  if (thumb !== undefined) return { kind: "rating", text: thumb };
  return parseCommand(eventKey) === null ? null : { kind: "message", text: eventKey };
}

const CHINA_OFFSET_MS = 8 * 3600_000;

function readContent(content: Extract<AppCallback, { kind: "message" }>["content"]): {
  text: string;
  attachments: Attachment[];
} {
  switch (content.type) {
    case "text":
      return { text: content.text, attachments: [] };
    case "image":
      return { text: "", attachments: [{ kind: "image", mediaId: content.mediaId, url: content.picUrl }] };
    case "voice":
    case "video":
      return { text: "", attachments: [{ kind: content.type, mediaId: content.mediaId }] };
    case "location": {
      const { label, latitude, longitude } = content;
      return { text: "", attachments: [{ kind: "location", label, latitude, longitude }] };
    }
    case "link": {
      const { title, url, description } = content;
      return { text: "", attachments: [{ kind: "link", title, url, description }] };
    }
  }
}

/** The mailbox is full. Best effort and beside the acknowledgement: under overload nothing may wait for it. */
function tellBusy(message: Message, app: AppChannel, log: Logger): void {
  const content = TEXTS[languageOf(message.text)].busy;
  const signal = AbortSignal.timeout(5_000);
  app.api
    .sendText({ toUser: message.sender.userId, content, traceId: message.traceId, signal })
    .catch((error: unknown) => log.warn({ err: error, traceId: message.traceId }, "could not tell that we are busy"));
}

function notConfigured(): YingdaError {
  return new YingdaError("channel_not_configured", "Set the four WECOM_APP_* variables to use the self-built app.");
}
