import { cardFault, cardText } from "./cards.ts";
import { Refusal } from "./errcodes.ts";
import { cutUtf8, type JsonObject, listOr, objectOr, stringOr, utf8Bytes } from "./values.ts";

/** Longer app text is cut without a word, longer app markdown is refused (wecom-protocol 3.2). */
export const APP_TEXT_BYTES_MAX = 2_048;
const TITLE_BYTES_MAX = 128;
const DESCRIPTION_BYTES_MAX = 512;
const ARTICLES_MAX = 8;

/** What one app message shows. */
export interface AppPayload {
  msgtype: string;
  text: string;
  content: JsonObject;
  cut?: { sentBytes: number; shownBytes: number };
}

/**
 * Reads the object under the request's msgtype (wecom-protocol 3.2). Refuses with WeCom's code: 40008 unknown msgtype,
 * 44004 nothing in it, 45002 too long, 40007 unknown media, 45008 number of articles, 40035 a part missing.
 */
export function readAppPayload(request: JsonObject, knowsMedia: (mediaId: string) => boolean): AppPayload {
  const msgtype = stringOr(request.msgtype);
  const content = objectOr(request[msgtype]);
  switch (msgtype) {
    case "text": {
      const sent = filled(content.content);
      const text = cutUtf8(sent, APP_TEXT_BYTES_MAX);
      if (text === sent) return { msgtype, text, content };
      return { msgtype, text, content, cut: { sentBytes: utf8Bytes(sent), shownBytes: utf8Bytes(text) } };
    }
    case "markdown": {
      const text = filled(content.content);
      if (utf8Bytes(text) > APP_TEXT_BYTES_MAX) throw new Refusal(45002);
      return { msgtype, text, content };
    }
    case "image":
    case "voice":
    case "video":
    case "file":
      if (!knowsMedia(stringOr(content.media_id))) throw new Refusal(40007);
      return { msgtype, text: cutUtf8(stringOr(content.title, `[${msgtype}]`), TITLE_BYTES_MAX), content };
    case "textcard": {
      for (const name of ["title", "description", "url"]) required(content[name]);
      const title = cutUtf8(stringOr(content.title), TITLE_BYTES_MAX);
      return {
        msgtype,
        text: `${title}\n${cutUtf8(stringOr(content.description), DESCRIPTION_BYTES_MAX)}`,
        content,
      };
    }
    case "news":
    case "mpnews": {
      const articles = listOr(content.articles).map(objectOr);
      if (articles.length < 1 || articles.length > ARTICLES_MAX) throw new Refusal(45008);
      const titles = articles.map((article) => cutUtf8(required(article.title), TITLE_BYTES_MAX));
      return { msgtype, text: titles.join("\n"), content };
    }
    case "miniprogram_notice":
      return { msgtype, text: required(content.title), content };
    case "template_card":
      if (cardFault(content) !== undefined) throw new Refusal(40035);
      return { msgtype, text: cardText(content), content };
    default:
      throw new Refusal(40008);
  }
}

function filled(value: unknown): string {
  const text = stringOr(value);
  if (text.trim() === "") throw new Refusal(44004);
  return text;
}

function required(value: unknown): string {
  const text = stringOr(value);
  if (text === "") throw new Refusal(40035);
  return text;
}
