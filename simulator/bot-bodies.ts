import type { Group } from "./platform-types.ts";
import type { PlainMedia } from "./shown-media.ts";
import type { JsonObject } from "./values.ts";

/** What a member sends to the AI bot (wecom-protocol 4.4). */
export type BotContent =
  | { type: "text"; text: string }
  | { type: "image" | "video"; bytes: Buffer; name?: string }
  | { type: "file"; bytes: Buffer; name: string }
  | { type: "mixed"; items: ({ type: "text"; text: string } | { type: "image"; bytes: Buffer; name?: string })[] }
  /** Voice arrives as its transcript only; the recording is for the member's own chat. */
  | { type: "voice"; transcript: string; bytes?: Buffer; name?: string }
  /** A kind of message that WeCom may add one day. */
  | { type: "other"; msgtype: string; body: JsonObject };

export interface BotQuote {
  /** Default `text`. */
  msgtype?: "text" | "image" | "mixed" | "voice" | "file" | "video";
  text: string;
  /** What is quoted when it is no text: the callback carries it in the same form as a message (4.4). */
  content?: BotContent;
  /** Whose message it was: seen in the chat, but no callback tells it. */
  author?: string;
}

/** Where a bot message is written: alone with the bot, or in a group. */
export interface BotPlace {
  userId: string;
  group?: Group;
}

/** Keeps a file, encrypted, for five minutes; gives what a callback says of it: its `url`, over the long connection also its `aeskey` (4.5, 5.6). */
export type KeepFile = (bytes: Buffer, name: string) => { url: string; aeskey?: string };

/** `msgtype` and its object for a callback, and the words that the chat shows beside `shownFiles`. */
export function contentBody(content: BotContent, keep: KeepFile): { msgtype: string; own: JsonObject; shown: string } {
  switch (content.type) {
    case "text":
      return { msgtype: "text", own: { text: { content: content.text } }, shown: content.text };
    case "image":
    case "video":
      return {
        msgtype: content.type,
        own: { [content.type]: keep(content.bytes, content.name ?? content.type) },
        shown: "",
      };
    case "file":
      return { msgtype: "file", own: { file: keep(content.bytes, content.name) }, shown: "" };
    case "voice":
      return { msgtype: "voice", own: { voice: { content: content.transcript } }, shown: content.transcript };
    case "mixed": {
      const items = content.items.map((item) =>
        item.type === "text"
          ? { msgtype: "text", text: { content: item.text } }
          : { msgtype: "image", image: keep(item.bytes, item.name ?? "image") },
      );
      const shown = content.items.flatMap((item) => (item.type === "text" ? item.text : [])).join(" ");
      return { msgtype: "mixed", own: { mixed: { msg_item: items } }, shown };
    }
    case "other":
      return { msgtype: content.msgtype, own: { [content.msgtype]: content.body }, shown: `[${content.msgtype}]` };
  }
}

/** The files of a message as the member's own chat shows them. */
export function shownFiles(content: BotContent): PlainMedia[] {
  switch (content.type) {
    case "image":
    case "video":
    case "file":
      return [{ type: content.type, bytes: content.bytes, name: content.name ?? content.type }];
    case "voice":
      return content.bytes === undefined
        ? []
        : [{ type: "voice", bytes: content.bytes, name: content.name ?? content.type }];
    case "mixed":
      return content.items.flatMap((item) =>
        item.type === "image" ? { type: item.type, bytes: item.bytes, name: item.name ?? item.type } : [],
      );
    case "text":
    case "other":
      return [];
  }
}

export function quoteBody(quote: BotQuote, keep: KeepFile): JsonObject {
  if (quote.content !== undefined) {
    const { msgtype, own } = contentBody(quote.content, keep);
    return { msgtype, ...own };
  }
  const msgtype = quote.msgtype ?? "text";
  return { msgtype, [msgtype]: { content: quote.text } };
}

export function shownQuote(quote: BotQuote): { name?: string; text: string } {
  return { ...(quote.author === undefined ? {} : { name: quote.author }), text: quote.text };
}

/** The fields that every callback of the bot has (4.3). */
export function commonBody(msgid: string, botId: string, place: BotPlace): JsonObject {
  return {
    msgid,
    aibotid: botId,
    ...(place.group === undefined ? {} : { chatid: place.group.chatId }),
    chattype: place.group === undefined ? "single" : "group",
    from: { userid: place.userId },
  };
}

/** In groups WeCom calls the bot only for text, or text with pictures, that mentions it; a quote needs the mention too (4.2). */
export function isCalled(content: BotContent, place: BotPlace, botName: string): boolean {
  if (place.group === undefined) return true;
  if (content.type === "text") return content.text.includes(`@${botName}`);
  if (content.type !== "mixed") return false;
  return content.items.some((item) => item.type === "text" && item.text.includes(`@${botName}`));
}
