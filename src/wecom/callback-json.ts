import { z } from "zod";
import { YingdaError } from "../base/errors.ts";
import { type BotContent, botContentSchema, isBotContentType } from "./bot-content.ts";

export { type BotContent, textOfContent, textOfQuote } from "./bot-content.ts";
export { stripMention } from "./bot-mention.ts";

/** `chatId` is case-sensitive, and a userid is not (wecom-protocol 4.3, 3.7). */
export type BotChat = { kind: "single" } | { kind: "group"; chatId: string };

export interface BotMessage {
  kind: "message";
  /** Unique per message; the key for deduplication. */
  msgId: string;
  botId: string;
  userId: string;
  chat: BotChat;
  /** Answers once, within an hour (4.9). A secret: do not log. */
  responseUrl?: string;
  content: BotContent;
  /** What the member quoted. WeCom says neither who wrote it nor when. */
  quote?: BotContent;
}

/** WeCom asks for the answer so far (wecom-protocol 4.8). At-least-once, may overlap. */
export interface BotPoll {
  kind: "poll";
  streamId: string;
  msgId?: string;
  userId?: string;
}

/** 1 accurate, 2 inaccurate, 3 taken back. */
export interface BotFeedback {
  /** The `feedback.id` that the answer carried. */
  id: string;
  type: 1 | 2 | 3;
  content: string;
  /** 1 off topic, 2 incomplete, 3 wrong, 4 data-analysis error; with type 2 only. */
  reasons: number[];
}

/** A click on a template card. Everything in it is untrusted but the sender (wecom-protocol 7.8). */
export interface BotCardClick {
  cardType: string;
  eventKey: string;
  taskId: string;
  selectedItems: { questionKey: string; optionIds: string[] }[];
}

export interface BotEvent {
  kind: "event";
  /** `enter_chat`, `template_card_event`, `feedback_event`, … (4.6), or a name that WeCom came up with later. */
  eventType: string;
  msgId: string;
  botId: string;
  /** Empty for events that no member caused. */
  userId: string;
  createTimeS?: number;
  chat: BotChat;
  responseUrl?: string;
  /** With `feedback_event`; absent when its details cannot be read, since the event must be answered all the same. */
  feedback?: BotFeedback;
  /** With `template_card_event`; absent as above. */
  card?: BotCardClick;
}

export type BotCallback = BotMessage | BotPoll | BotEvent | { kind: "unknown"; msgType: string; msgId?: string };

const envelopeSchema = z.union([z.object({ encrypt: z.string().min(1) }), z.object({ Encrypt: z.string().min(1) })]);

/**
 * Returns the ciphertext in an AI bot's callback body: `{"encrypt":"…"}`, also with a capital `Encrypt` (4.1).
 * @throws YingdaError `malformed_body` when the body is not JSON or holds none.
 */
export function readBotEnvelope(body: string): string {
  const envelope = envelopeSchema.safeParse(parseJson(body));
  if (!envelope.success) throw malformed("it has no encrypt");
  return "encrypt" in envelope.data ? envelope.data.encrypt : envelope.data.Encrypt;
}

const id = z.string().min(1);
const commonFields = {
  msgid: id,
  aibotid: id,
  chattype: z.string().optional(),
  chatid: z.string().optional(),
  response_url: id.optional().catch(undefined),
};
const headSchema = z.object({ msgtype: id, msgid: id.optional().catch(undefined) });
const messageSchema = z.object({
  ...commonFields,
  from: z.object({ userid: id }),
  // A quote of a kind that is not documented yet is left out, not held against the message.
  quote: botContentSchema.optional().catch(undefined),
});
const pollSchema = z.object({
  stream: z.object({ id }),
  msgid: id.optional().catch(undefined),
  from: z.object({ userid: id.optional() }).optional().catch(undefined),
});

/** Event details are read with the underscores of their names removed: page 101027 prints both forms (4.6). */
const feedbackSchema = z.object({
  id,
  type: z.literal([1, 2, 3]),
  content: z.string().default(""),
  inaccuratereasonlist: z.array(z.number()).default([]),
});
const oneOrMany = <T extends z.ZodType>(item: T) =>
  z.union([z.array(item), item.transform((value) => [value])]).default([]);
const cardSchema = z.object({
  cardtype: z.string().default(""),
  eventkey: z.string().default(""),
  taskid: id,
  selecteditems: z
    .object({
      selecteditem: oneOrMany(
        z.object({
          questionkey: z.string(),
          optionids: z.object({ optionid: oneOrMany(z.string()) }).default({ optionid: [] }),
        }),
      ),
    })
    .default({ selecteditem: [] }),
});
const eventSchema = z.object({
  ...commonFields,
  from: z.object({ userid: z.string().default("") }).default({ userid: "" }),
  create_time: z.number().int().optional().catch(undefined),
  event: z
    .record(z.string(), z.unknown())
    .transform(withoutUnderscores)
    .pipe(
      z.object({ eventtype: id, feedbackevent: z.unknown().optional(), templatecardevent: z.unknown().optional() }),
    ),
});

/**
 * Reads the decrypted, so authenticated, JSON of an AI bot's callback.
 * A msgtype that is not in wecom-protocol 4.4 gives `unknown`, an event that is not in 4.6 an ordinary `event`.
 * @throws YingdaError `malformed_body` when it is not JSON or lacks what its type promises.
 */
export function parseBotCallback(json: string): BotCallback {
  return readBotCallback(parseJson(json));
}

/** The same of what the long connection brought, which was JSON before (wecom-protocol 5.1). */
export function readBotCallback(body: unknown): BotCallback {
  const head = read(headSchema, body);
  if (head.msgtype === "stream") return readPoll(body);
  if (head.msgtype === "event") return readEvent(body);
  if (isBotContentType(head.msgtype)) return readMessage(body);
  return { kind: "unknown", msgType: head.msgtype, ...(head.msgid === undefined ? {} : { msgId: head.msgid }) };
}

function readPoll(body: unknown): BotPoll {
  const poll = read(pollSchema, body);
  const userId = poll.from?.userid;
  return {
    kind: "poll",
    streamId: poll.stream.id,
    ...(poll.msgid === undefined ? {} : { msgId: poll.msgid }),
    ...(userId === undefined ? {} : { userId }),
  };
}

function readMessage(body: unknown): BotMessage {
  const message = read(messageSchema, body);
  return {
    kind: "message",
    msgId: message.msgid,
    botId: message.aibotid,
    userId: message.from.userid,
    chat: readChat(message),
    ...(message.response_url === undefined ? {} : { responseUrl: message.response_url }),
    content: read(botContentSchema, body),
    ...(message.quote === undefined ? {} : { quote: message.quote }),
  };
}

function readEvent(body: unknown): BotEvent {
  const event = read(eventSchema, body);
  const { eventtype } = event.event;
  const feedback = eventtype === "feedback_event" ? readFeedback(event.event.feedbackevent) : undefined;
  const card = eventtype === "template_card_event" ? readCard(event.event.templatecardevent) : undefined;
  return {
    kind: "event",
    eventType: eventtype,
    msgId: event.msgid,
    botId: event.aibotid,
    userId: event.from.userid,
    ...(event.create_time === undefined ? {} : { createTimeS: event.create_time }),
    chat: readChat(event),
    ...(event.response_url === undefined ? {} : { responseUrl: event.response_url }),
    ...(feedback === undefined ? {} : { feedback }),
    ...(card === undefined ? {} : { card }),
  };
}

/** No chattype means single (4.3: the enter_chat example has none). */
function readChat(body: { chattype?: string | undefined; chatid?: string | undefined }): BotChat {
  if (body.chattype !== "group") return { kind: "single" };
  if (body.chatid === undefined || body.chatid === "") throw malformed("a group callback has no chatid");
  return { kind: "group", chatId: body.chatid };
}

function readFeedback(details: unknown): BotFeedback | undefined {
  const feedback = feedbackSchema.safeParse(details);
  if (!feedback.success) return undefined;
  const { id: feedbackId, type, content, inaccuratereasonlist } = feedback.data;
  return { id: feedbackId, type, content, reasons: inaccuratereasonlist };
}

function readCard(details: unknown): BotCardClick | undefined {
  const card = cardSchema.safeParse(details);
  if (!card.success) return undefined;
  return {
    cardType: card.data.cardtype,
    eventKey: card.data.eventkey,
    taskId: card.data.taskid,
    selectedItems: card.data.selecteditems.selecteditem.map((item) => ({
      questionKey: item.questionkey,
      optionIds: item.optionids.optionid,
    })),
  };
}

/** Deeper than any event. Keeps a body of brackets from running out of stack. */
const EVENT_DEPTH_MAX = 8;

function withoutUnderscores(event: Record<string, unknown>): Record<string, unknown> {
  const rename = (value: unknown, depth: number): unknown => {
    if (typeof value !== "object" || value === null || depth > EVENT_DEPTH_MAX) return value;
    if (Array.isArray(value)) return value.map((item) => rename(item, depth + 1));
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [name.replaceAll("_", ""), rename(inner, depth + 1)]),
    );
  };
  return rename(event, 0) as Record<string, unknown>;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformed("it is not JSON");
  }
}

function read<T extends z.ZodType>(schema: T, body: unknown): z.output<T> {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  // Paths name the fields at fault, never their values.
  const where = result.error.issues.map((issue) => issue.path.join(".")).slice(0, 3);
  throw malformed(`missing or of the wrong type: ${where.join(", ")}`);
}

function malformed(why: string): YingdaError {
  return new YingdaError("malformed_body", `the body is not an AI-bot callback in JSON: ${why}`);
}
