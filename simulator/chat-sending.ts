import { YingdaError } from "../src/base/errors.ts";
import type { AppContent } from "./app-events.ts";
import type { BotContent, BotQuote } from "./bot-bodies.ts";
import type { ChatMessage } from "./chat-types.ts";
import type { Channel, Sent } from "./platform-types.ts";
import { isObject, type JsonObject, listOr, objectOr, stringOr, utf8Bytes } from "./values.ts";
import type { WeComPlatform } from "./wecom-platform.ts";

/** What the person at the page wants to send, and where. */
export interface Saying {
  channel: Channel;
  userId: string;
  /** A group's. */
  chatId?: string;
  body: JsonObject;
  /** The message of the same chat that is quoted, if any. */
  quoted: ChatMessage | undefined;
}

export const TEXT_BYTES_MAX = 16 * 1024;
/** As many as a member can choose at a time in a client. */
const MEDIA_MAX = 9;

/** Sends what the page wrote. Throws `bad_request` for what the channel does not allow. */
export function sayFromPage(platform: WeComPlatform, { channel, userId, chatId, body, quoted }: Saying): Sent {
  const text = stringOr(body.text);
  if (utf8Bytes(text) > TEXT_BYTES_MAX) throw refused(`A message has at most ${TEXT_BYTES_MAX} bytes of text.`);
  const content = contentOf(platform, text, body);
  const quote = quoted === undefined ? quoteIn(body.quote) : { quote: quoteOf(platform, quoted) };
  const where = { userId, ...(chatId === undefined ? {} : { chatId }), ...quote };
  if (channel === "app") return platform.sendAppMessage({ userId, content: appContent(content), ...quote });
  if (content.type === "location" || content.type === "link") throw refused("A bot is sent no locations and links.");
  return channel === "bot"
    ? platform.sendBotMessage({ ...where, content })
    : platform.socket.sendMessage({ ...where, content });
}

type Content = BotContent | (AppContent & { type: "location" | "link" });

function contentOf(platform: WeComPlatform, text: string, body: JsonObject): Content {
  const ids = listOr(body.media);
  if (isObject(body.location)) return locationOf(body.location);
  if (isObject(body.link)) return linkOf(body.link);
  if (ids.length > MEDIA_MAX) throw refused(`A message has at most ${MEDIA_MAX} files.`);
  if (ids.length === 0) {
    if (text.trim() === "") throw refused(`A message has 1 to ${TEXT_BYTES_MAX} bytes of text.`);
    return { type: "text", text };
  }
  const files = ids.map((id) => {
    const file = platform.media(stringOr(id));
    if (file === undefined) throw refused("A file of this message is not here, or no longer.");
    return file;
  });
  const [first] = files;
  if (first === undefined) throw refused("A message has something in it.");
  const { type, bytes, name } = first;
  if (type === "voice" && files.length === 1) return { type, bytes, name, transcript: text };
  if (text.trim() === "" && files.length === 1) return { type, bytes, name } as BotContent;
  if (files.some((file) => file.type !== "image")) throw refused("Only pictures go together with text.");
  const pictures = files.map((file) => ({ type: "image" as const, bytes: file.bytes, name: file.name }));
  return { type: "mixed", items: [...(text.trim() === "" ? [] : [{ type: "text" as const, text }]), ...pictures] };
}

function appContent(content: Content): AppContent {
  if (content.type === "mixed" || content.type === "other") {
    throw refused("The app's chat has no messages of text and pictures.");
  }
  if (content.type !== "voice") return content;
  const { bytes, name } = content;
  if (bytes === undefined) throw refused("A voice message to the app is a recording.");
  return { type: "voice", bytes, ...(name === undefined ? {} : { name }) };
}

function locationOf({ latitude, longitude, label }: JsonObject): Content {
  if (typeof latitude !== "number" || typeof longitude !== "number" || typeof label !== "string") {
    throw refused("location is { latitude, longitude, label }.");
  }
  return { type: "location", latitude, longitude, label };
}

function linkOf(link: JsonObject): Content {
  const [title, description, url] = [stringOr(link.title), stringOr(link.description), stringOr(link.url)];
  if (title === "" || url === "") throw refused("link is { title, description, url }.");
  return { type: "link", title, description, url };
}

/** The quote of a message in the chat: its file too, as the bot is told of it (wecom-protocol 4.4). */
function quoteOf(platform: WeComPlatform, quoted: ChatMessage): BotQuote {
  const author = quoted.from.name;
  const media = quoted.media ?? [];
  const names = media.map(({ name }) => name).join(" ");
  const text = quoted.text === "" ? names : quoted.text;
  const files = media.flatMap(({ id }) => platform.media(id) ?? []);
  const [first] = files;
  if (first === undefined) return { author, text };
  if (first.type === "voice") return { author, text, content: { type: "voice", transcript: quoted.text } };
  if (quoted.text === "" && files.length === 1) {
    return { author, text, content: { type: first.type, bytes: first.bytes, name: first.name } };
  }
  const pictures = files.map((file) => ({ type: "image" as const, bytes: file.bytes, name: file.name }));
  const words = quoted.text === "" ? [] : [{ type: "text" as const, text: quoted.text }];
  return { author, text, content: { type: "mixed", items: [...words, ...pictures] } };
}

/** A quote of something that stands in no chat here: a mail that was forwarded, say. */
function quoteIn(value: unknown): { quote?: BotQuote } {
  if (value === undefined) return {};
  const { name, text } = objectOr(value);
  if (typeof name !== "string" || typeof text !== "string") throw refused("quote is { name, text }.");
  if (utf8Bytes(name) + utf8Bytes(text) > TEXT_BYTES_MAX) {
    throw refused(`A quote has at most ${TEXT_BYTES_MAX} bytes.`);
  }
  return { quote: { author: name, text } };
}

function refused(why: string): YingdaError {
  return new YingdaError("bad_request", why);
}
