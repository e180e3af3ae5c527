import { z } from "zod";

/** A file behind an encrypted URL that works for 5 minutes (wecom-protocol 4.5). A secret: do not log. */
export interface BotMedia {
  url: string;
  /** The file's own key, over the long connection only (5.6); over HTTP it is the callback's AESKey. */
  aesKey?: string;
}

export type BotMixedItem = { type: "text"; text: string } | ({ type: "image" } & BotMedia);

/** What a member sent to the AI bot, or quoted (wecom-protocol 4.4). In groups a text begins with the mention. */
export type BotContent =
  | BotMixedItem
  | { type: "mixed"; items: BotMixedItem[] }
  /** The platform's transcript; there is no audio. */
  | { type: "voice"; text: string }
  /** There is no file name either. */
  | ({ type: "file" } & BotMedia)
  | ({ type: "video" } & BotMedia);

/** The words in a message: a text, a transcript, or the texts of a mixed message one below the other. */
export function textOfContent(content: BotContent): string {
  switch (content.type) {
    case "text":
    case "voice":
      return content.text;
    case "mixed":
      return content.items.flatMap((item) => (item.type === "text" ? [item.text] : [])).join("\n");
    case "image":
    case "file":
    case "video":
      return "";
  }
}

/** The words in what was quoted; empty when nothing, or nothing with words, was quoted. */
export function textOfQuote(quote: BotContent | undefined): string {
  return quote === undefined ? "" : textOfContent(quote);
}

const text = z.object({ content: z.string() }).transform((o) => o.content);
const media = z
  .object({ url: z.string().min(1), aeskey: z.string().min(1).optional() })
  .transform((o): BotMedia => (o.aeskey === undefined ? { url: o.url } : { url: o.url, aesKey: o.aeskey }));

const textItem = z
  .object({ msgtype: z.literal("text"), text })
  .transform((o) => ({ type: "text" as const, text: o.text }));
const imageItem = z
  .object({ msgtype: z.literal("image"), image: media })
  .transform((o) => ({ type: "image" as const, ...o.image }));

/** A body of 1 MiB could hold tens of thousands of items, each of which would become an attachment to fetch. */
const MIXED_ITEMS_MAX = 200;
const mixedItems = z
  .array(z.looseObject({ msgtype: z.string() }))
  .max(MIXED_ITEMS_MAX)
  // Kinds of item that are not documented yet are left out; the rest of the message can still be answered.
  .transform((items) => items.filter((item) => item.msgtype === "text" || item.msgtype === "image"))
  .pipe(z.array(z.discriminatedUnion("msgtype", [textItem, imageItem])));

/** The part of a message callback, or its `quote`, that says what was sent: `msgtype` and the object of that name. */
export const botContentSchema = z.discriminatedUnion("msgtype", [
  textItem,
  imageItem,
  z
    .object({ msgtype: z.literal("mixed"), mixed: z.object({ msg_item: mixedItems }) })
    .transform((o) => ({ type: "mixed" as const, items: o.mixed.msg_item })),
  z.object({ msgtype: z.literal("voice"), voice: text }).transform((o) => ({ type: "voice" as const, text: o.voice })),
  z.object({ msgtype: z.literal("file"), file: media }).transform((o) => ({ type: "file" as const, ...o.file })),
  z.object({ msgtype: z.literal("video"), video: media }).transform((o) => ({ type: "video" as const, ...o.video })),
]);

const CONTENT_TYPES: ReadonlySet<string> = new Set(["text", "image", "mixed", "voice", "file", "video"]);

export function isBotContentType(msgType: string): boolean {
  return CONTENT_TYPES.has(msgType);
}
