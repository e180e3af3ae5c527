import { YingdaError } from "../base/errors.ts";
import type { GivenCard } from "./card-schema.ts";
import { cleanText } from "./clean-text.ts";
import type { CallbackCrypto } from "./crypto.ts";
import { type NoticeCard, noticeCard } from "./notice-card.ts";
import { type ButtonCard, templateCard } from "./template-card.ts";

/** UTF-8 bytes of one AI-bot answer, stream or markdown (wecom-protocol 4.7, 4.9). */
export const STREAM_BYTES_MAX = 20_480;
/** UTF-8 bytes of one text message of the self-built app; WeCom cuts what is longer (3.2). */
export const APP_TEXT_BYTES_MAX = 2048;
/** UTF-8 bytes of `feedback.id` (4.7). */
const FEEDBACK_ID_BYTES_MAX = 256;
/** What WeCom's own server answers AI-bot callbacks with (1.7). */
export const BOT_CONTENT_TYPE = "text/plain; charset=utf-8";

/**
 * The plaintext reply to an AI bot's message or poll (wecom-protocol 4.7). `content` is the whole answer so far, it
 * replaces what is shown. `feedbackId` belongs in the first reply of a stream only, `pictures` (10 at most, JPEG or PNG, with
 * the MD5 of their bytes) in the last.
 * @throws YingdaError `internal` when `content` exceeds 20480 bytes: cut it with `splitText` or `cutBytes`.
 */
export function streamReply(reply: {
  streamId: string;
  content: string;
  finish: boolean;
  feedbackId?: string;
  pictures?: readonly { base64: string; md5: string }[];
}): string {
  const { pictures = [] } = reply;
  const stream = {
    id: reply.streamId,
    finish: reply.finish,
    content: botText("the stream's content", reply.content),
    ...(reply.finish && pictures.length > 0 ? { msg_item: pictures.map(pictureItem) } : {}),
    ...(reply.feedbackId === undefined ? {} : { feedback: checkedFeedback(reply.feedbackId) }),
  };
  return JSON.stringify({ msgtype: "stream", stream });
}

function pictureItem({ base64, md5 }: { base64: string; md5: string }) {
  return { msgtype: "image", image: { base64, md5 } };
}

/**
 * The plaintext reply to `enter_chat`, the only one that may be a plain text (wecom-protocol 4.7).
 * @throws YingdaError `internal` when it is longer than 20480 bytes.
 */
export function welcomeReply(text: string): string {
  return JSON.stringify({ msgtype: "text", text: { content: botText("the welcome", text) } });
}

/** The plaintext reply to `enter_chat` with a card (wecom-protocol 4.7). @throws YingdaError `internal` as `noticeCard` does. */
export function welcomeCardReply(card: NoticeCard): string {
  return JSON.stringify({ msgtype: "template_card", template_card: noticeCard(card) });
}

/** The plaintext reply to whatever needs none (wecom-protocol 1.7). */
export function emptyBotReply(): string {
  return "{}";
}

/**
 * The body for a `response_url` (wecom-protocol 4.9).
 * @throws YingdaError `internal` when `content` is blank or exceeds 20480 bytes.
 */
export function markdownBody(content: string, feedbackId?: string): string {
  const text = botText("the markdown", content);
  if (text.trim() === "") throw new YingdaError("internal", "the markdown is blank: WeCom refuses an empty message");
  const feedback = feedbackId === undefined ? {} : { feedback: checkedFeedback(feedbackId) };
  return JSON.stringify({ msgtype: "markdown", markdown: { content: text, ...feedback } });
}

/**
 * The body for `message/send` with a text (wecom-protocol 3.2); `toUser` is one userid, or several joined by a bar. The same
 * arguments always give the same bytes: with `duplicateCheckSeconds` WeCom does not deliver an identical request again
 * within that time.
 * @throws YingdaError `internal` when `content` is blank or exceeds 2048 bytes.
 */
export function appTextBody(message: {
  toUser: string;
  agentId: number;
  content: string;
  duplicateCheckSeconds?: number | undefined;
}): string {
  const { toUser, agentId, content, duplicateCheckSeconds } = message;
  checkBytes("the app's text", content, APP_TEXT_BYTES_MAX);
  if (content.trim() === "") throw new YingdaError("internal", "the text is blank: WeCom refuses an empty message");
  return JSON.stringify({
    touser: toUser,
    msgtype: "text",
    agentid: agentId,
    text: { content },
    ...duplicateCheck(duplicateCheckSeconds),
  });
}

/** As `appTextBody`, with a picture that was uploaded before (wecom-protocol 3.5). */
export function appImageBody(message: {
  toUser: string;
  agentId: number;
  mediaId: string;
  duplicateCheckSeconds?: number | undefined;
}): string {
  const { toUser, agentId, mediaId, duplicateCheckSeconds } = message;
  return JSON.stringify({
    touser: toUser,
    msgtype: "image",
    agentid: agentId,
    image: { media_id: mediaId },
    ...duplicateCheck(duplicateCheckSeconds),
  });
}

/** As `appTextBody`, with a card that can be pressed (wecom-protocol 7.3). */
export function appCardBody(message: {
  toUser: string;
  agentId: number;
  card: ButtonCard;
  duplicateCheckSeconds?: number | undefined;
}): string {
  const { toUser, agentId, card, duplicateCheckSeconds } = message;
  return JSON.stringify({
    touser: toUser,
    msgtype: "template_card",
    agentid: agentId,
    template_card: templateCard(card),
    ...duplicateCheck(duplicateCheckSeconds),
  });
}

/** As `appCardBody`, with a card as `card-schema.ts` let it through. */
export function appGivenCardBody(message: {
  toUser: string;
  agentId: number;
  card: GivenCard;
  taskId: string;
  duplicateCheckSeconds: number;
}): string {
  const { toUser, agentId, card, taskId, duplicateCheckSeconds } = message;
  return JSON.stringify({
    touser: toUser,
    msgtype: "template_card",
    agentid: agentId,
    template_card: { ...card, task_id: taskId },
    ...duplicateCheck(duplicateCheckSeconds),
  });
}

/** The body for `message/update_template_card`: another face for everybody who has the card (wecom-protocol 3.4). */
export function cardUpdateBody(update: { agentId: number; responseCode: string; card: ButtonCard }): string {
  const { agentId, responseCode, card } = update;
  return JSON.stringify({
    atall: 1,
    agentid: agentId,
    response_code: responseCode,
    template_card: templateCard(card),
  });
}

/** The plaintext reply to a click on an AI bot's card: another face for everybody who sees it (wecom-protocol 7.5). */
export function botCardUpdate(card: ButtonCard): string {
  // `replace_text` is the app's alone (7.2): there the buttons themselves have to say what was done.
  const { replaceText, ...rest } = card;
  const [first] = card.buttons;
  const decided =
    replaceText === undefined || first === undefined ? {} : { buttons: [{ ...first, text: replaceText }] };
  return JSON.stringify({
    response_type: "update_template_card",
    template_card: templateCard({ ...rest, ...decided }),
  });
}

/** 4 hours (wecom-protocol 3.2). */
const DUPLICATE_CHECK_SECONDS_MAX = 14_400;

function duplicateCheck(seconds: number | undefined): Record<string, number> {
  if (seconds === undefined) return {};
  return {
    enable_duplicate_check: 1,
    duplicate_check_interval: Math.min(Math.floor(seconds), DUPLICATE_CHECK_SECONDS_MAX),
  };
}

/**
 * The encrypted packet that answers an AI bot's callback, all four fields (wecom-protocol 1.7). `nonce` must be the
 * callback's own, `timestamp` is in seconds; a callback's query may be handed over as it is. The body goes out with
 * `BOT_CONTENT_TYPE`.
 */
export function botReplyPacket(
  crypto: CallbackCrypto,
  json: string,
  query: { timestamp: string | number; nonce: string },
): string {
  const timestamp = Number(query.timestamp);
  const { encrypt, signature } = crypto.seal(json, { timestamp, nonce: query.nonce });
  return JSON.stringify({ encrypt, msgsignature: signature, timestamp, nonce: query.nonce });
}

/**
 * WeCom folds `<think>…</think>` away (wecom-protocol 4.7), so an answer that only speaks of the tag would lose its end.
 * Square brackets keep it readable and the text's length in bytes as it was.
 */
const THINK_TAG = /<(\/?think\b[^<>]{0,64})>/gi;

function botText(what: string, content: string): string {
  checkBytes(what, content, STREAM_BYTES_MAX);
  return cleanText(content).replace(THINK_TAG, "[$1]");
}

function checkedFeedback(id: string): { id: string } {
  checkBytes("the feedback id", id, FEEDBACK_ID_BYTES_MAX);
  return { id };
}

function checkBytes(what: string, text: string, bytesMax: number): void {
  const bytes = Buffer.byteLength(text);
  if (bytes > bytesMax) {
    throw new YingdaError("internal", `${what} has ${bytes} bytes, ${bytesMax} are possible; split it before`, {
      details: { bytes, bytesMax },
    });
  }
}
