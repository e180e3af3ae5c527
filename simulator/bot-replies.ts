import { createHash, timingSafeEqual } from "node:crypto";
import type { CallbackReply } from "./callback-post.ts";
import { cardBreaches } from "./card-rules.ts";
import { cardFault } from "./cards.ts";
import { type CallbackKeys, decrypt, sign } from "./platform-crypto.ts";
import type { ViolationRule } from "./platform-types.ts";
import { isObject, type JsonObject, listOr, objectOr, stringOr, utf8Bytes } from "./values.ts";

export interface Breach {
  rule: ViolationRule;
  detail: string;
}

/** What was asked, which decides what may be answered (wecom-protocol 4.6, 4.7). */
export type BotQuestion = "message" | "poll" | "enter_chat" | "template_card_event" | "feedback_event" | "other_event";

export interface StreamStep {
  id: string;
  finish: boolean;
  content: string;
  images: number;
  /** The pictures themselves. */
  pictures?: Buffer[];
  feedbackId?: string;
}

/** A reply that the platform can act on. */
export type BotAnswer =
  | { kind: "empty" }
  | { kind: "text"; text: string }
  | { kind: "stream"; stream: StreamStep; card?: JsonObject }
  | { kind: "card"; card: JsonObject }
  | { kind: "card_update"; card: JsonObject; userIds: string[] };

/** `answer` is missing when the reply is unusable. */
export interface OpenedReply {
  plain: string;
  breaches: Breach[];
  answer?: BotAnswer;
}

export const STREAM_BYTES_MAX = 20_480;
const FEEDBACK_ID_BYTES_MAX = 256;
const IMAGES_MAX = 10;
const IMAGE_BYTES_MAX = 10 * 1024 * 1024;

const ALLOWED: Record<BotQuestion, readonly BotAnswer["kind"][]> = {
  message: ["empty", "stream", "card"],
  poll: ["empty", "stream"],
  enter_chat: ["empty", "text", "card"],
  template_card_event: ["empty", "card_update"],
  feedback_event: ["empty"],
  other_event: ["empty"],
};

/** Opens the packet of a 200 and judges it by wecom-protocol 1.7 and 4.7. */
export function openBotReply(
  reply: CallbackReply,
  keys: CallbackKeys,
  nonce: string,
  question: BotQuestion,
): OpenedReply {
  const breaches: Breach[] = [];
  if (!/^(text\/plain|application\/json)\b/.test(reply.contentType)) {
    breaches.push({ rule: "packet_content_type", detail: "the reply is neither text/plain nor application/json" });
  }
  const opened = openPacket(reply.body.toString(), keys, nonce);
  breaches.push(...opened.breaches);
  if (opened.plain === undefined) return { plain: "", breaches };
  const read = readPlain(opened.plain);
  breaches.push(...read.breaches);
  if (read.answer === undefined) return { plain: opened.plain, breaches };
  if (!ALLOWED[question].includes(read.answer.kind)) {
    breaches.push({ rule: "reply_not_allowed", detail: `${read.answer.kind} does not answer ${question}` });
    return { plain: opened.plain, breaches };
  }
  return { plain: opened.plain, breaches, answer: read.answer };
}

function openPacket(body: string, keys: CallbackKeys, nonce: string): { plain?: string; breaches: Breach[] } {
  let packet: unknown;
  try {
    packet = JSON.parse(body);
  } catch {
    return broken("packet_not_json", "the body is not JSON; even an empty reply is an encrypted packet");
  }
  const fields = objectOr(packet);
  const ciphertext = stringOr(fields.encrypt);
  const signature = stringOr(fields.msgsignature);
  const timestamp = String(fields.timestamp ?? "");
  if (ciphertext === "" || signature === "" || !/^\d+$/.test(timestamp) || typeof fields.nonce !== "string") {
    return broken("packet_fields_missing", "encrypt, msgsignature, timestamp and nonce are all expected");
  }
  if (fields.nonce !== nonce) return broken("packet_nonce", "the nonce is not the callback's");
  if (!sameText(sign(keys.token, timestamp, nonce, ciphertext), signature)) {
    return broken("packet_signature", "msgsignature does not fit");
  }
  try {
    const { message, receiveId } = decrypt(keys.aesKey, ciphertext);
    if (receiveId === keys.receiveId) return { plain: message, breaches: [] };
  } catch {
    return broken("packet_undecryptable", "encrypt cannot be opened");
  }
  return broken("packet_receiver", "the receiveid of a reply to the AI bot is empty");
}

function readPlain(plain: string): { answer?: BotAnswer; breaches: Breach[] } {
  let reply: unknown;
  try {
    reply = JSON.parse(plain);
  } catch {
    return broken("reply_malformed", "the decrypted reply is not JSON");
  }
  return isObject(reply) ? readAnswer(reply) : broken("reply_malformed", "the decrypted reply is no object");
}

/** What a reply means, and what is wrong with it; without `answer` it is unusable. */
export function readAnswer(reply: JsonObject): { answer?: BotAnswer; breaches: Breach[] } {
  if (Object.keys(reply).length === 0) return { answer: { kind: "empty" }, breaches: [] };
  if (reply.response_type === "update_template_card") {
    const fault = cardFault(reply.template_card);
    if (fault !== undefined) return broken("card_wrong", fault);
    const userIds = listOr(reply.userids).map((userId) => stringOr(userId));
    const card = objectOr(reply.template_card);
    const details = cardBreaches(card, { update: true });
    if ("replace_text" in card) details.push("replace_text is for the app's cards only");
    const breaches = details.map((detail) => ({ rule: "card_wrong" as const, detail }));
    return { answer: { kind: "card_update", card, userIds }, breaches };
  }
  switch (reply.msgtype) {
    case "text": {
      const text = stringOr(objectOr(reply.text).content);
      if (text === "") return broken("reply_malformed", "text.content is missing or empty");
      return { answer: { kind: "text", text }, breaches: [] };
    }
    case "template_card": {
      const fault = cardFault(reply.template_card);
      if (fault !== undefined) return broken("card_wrong", fault);
      const card = objectOr(reply.template_card);
      const breaches = cardBreaches(card, { update: false }).map((detail) => ({ rule: "card_wrong" as const, detail }));
      return { answer: { kind: "card", card }, breaches };
    }
    case "stream":
      return readStream(objectOr(reply.stream), undefined);
    case "stream_with_template_card":
      return readStream(objectOr(reply.stream), reply.template_card);
    default:
      return broken("reply_not_allowed", "the msgtype is not one that the bot may answer with");
  }
}

function readStream(stream: JsonObject, card: unknown): { answer?: BotAnswer; breaches: Breach[] } {
  const id = stringOr(stream.id);
  if (id === "") return broken("stream_id_missing", "stream.id is missing");
  const finish = stream.finish;
  const content = stream.content ?? "";
  if (typeof finish !== "boolean" || typeof content !== "string") {
    return broken("stream_field_wrong", "stream.finish is a boolean and stream.content a string");
  }
  if (!content.isWellFormed()) return broken("stream_field_wrong", "stream.content holds half a character");
  const bytes = utf8Bytes(content);
  if (bytes > STREAM_BYTES_MAX) return broken("stream_too_long", `stream.content has ${bytes} bytes`);
  const imagesFault = findImagesFault(stream.msg_item, finish);
  if (imagesFault !== undefined) return broken("images_wrong", imagesFault);
  const breaches: Breach[] = [];
  const feedbackId = stringOr(objectOr(stream.feedback).id);
  if (utf8Bytes(feedbackId) > FEEDBACK_ID_BYTES_MAX) {
    breaches.push({ rule: "feedback_id_too_long", detail: `feedback.id has ${utf8Bytes(feedbackId)} bytes` });
  }
  const pictures = listOr(stream.msg_item).map((item) => pictureOf(objectOr(item)));
  const fault = card === undefined ? undefined : cardFault(card);
  if (fault !== undefined) breaches.push({ rule: "card_wrong", detail: fault });
  return {
    breaches,
    answer: {
      kind: "stream",
      stream: {
        id,
        finish,
        content,
        images: pictures.length,
        ...(pictures.length === 0 ? {} : { pictures }),
        ...(feedbackId === "" ? {} : { feedbackId }),
      },
      ...(isObject(card) && fault === undefined ? { card } : {}),
    },
  };
}

function pictureOf(item: JsonObject): Buffer {
  return Buffer.from(stringOr(objectOr(item.image).base64), "base64");
}

function findImagesFault(items: unknown, finish: boolean): string | undefined {
  if (items === undefined) return undefined;
  const list = listOr(items).map(objectOr);
  if (list.length > 0 && !finish) return "msg_item comes only with finish";
  if (list.length > IMAGES_MAX) return `msg_item has ${list.length} pictures`;
  for (const item of list) {
    const image = objectOr(item.image);
    const bytes = pictureOf(item);
    if (item.msgtype !== "image" || bytes.length === 0) return "an entry of msg_item is no picture";
    if (bytes.length > IMAGE_BYTES_MAX) return `a picture has ${bytes.length} bytes`;
    if (createHash("md5").update(bytes).digest("hex") !== image.md5) return "a picture's md5 is not that of its bytes";
  }
  return undefined;
}

function broken(rule: ViolationRule, detail: string): { breaches: Breach[] } {
  return { breaches: [{ rule, detail }] };
}

function sameText(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
