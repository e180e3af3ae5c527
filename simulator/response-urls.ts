import { randomBytes } from "node:crypto";
import { readRequest } from "./api-request.ts";
import { STREAM_BYTES_MAX } from "./bot-replies.ts";
import { BoundedLog, BoundedMap } from "./bounded-log.ts";
import { cardFault, cardText } from "./cards.ts";
import { Refusal } from "./errcodes.ts";
import type { Journal } from "./journal.ts";
import type { BotChannelName, BotMessage } from "./platform-types.ts";
import { type JsonObject, objectOr, stringOr, utf8Bytes } from "./values.ts";

interface ResponseUrl {
  channel: BotChannelName;
  messageId: string;
  userId: string;
  chatId?: string;
  expiresAtMs: number;
  used: boolean;
}

const CODES_MAX = 20_000;

/** The bot's messages outside its streams, and the once-only addresses that bring them (wecom-protocol 4.9). */
export class ResponseUrls {
  readonly messages: BoundedLog<BotMessage>;
  readonly #journal: Journal;
  readonly #nowMs: () => number;
  readonly #lifeMs: number;
  readonly #codes = new BoundedMap<string, ResponseUrl>(CODES_MAX);

  constructor(journal: Journal, nowMs: () => number, lifeMs: number, historyMax: number) {
    this.#journal = journal;
    this.#nowMs = nowMs;
    this.#lifeMs = lifeMs;
    this.messages = new BoundedLog(historyMax);
  }

  /** A fresh response_code for one callback. */
  issue(messageId: string, userId: string, chatId: string | undefined, channel: BotChannelName = "bot"): string {
    const code = randomBytes(32).toString("base64url");
    this.#codes.set(code, {
      channel,
      messageId,
      userId,
      ...(chatId === undefined ? {} : { chatId }),
      expiresAtMs: this.#nowMs() + this.#lifeMs,
      used: false,
    });
    return code;
  }

  /**
   * POST `aibot/response`. The errcodes of a code that is used up or unknown are not documented: those of the long
   * connection for the same cases stand in.
   */
  respond(responseCode: string | null, body: Buffer): Omit<ResponseUrl, "expiresAtMs" | "used"> {
    const url = this.#codes.get(responseCode ?? "");
    if (url === undefined || url.expiresAtMs <= this.#nowMs()) throw new Refusal(846605);
    if (url.used) throw new Refusal(846606);
    const { used: _used, expiresAtMs: _expiresAtMs, ...address } = url;
    const message = this.#read(readRequest(body), url);
    url.used = true;
    this.show({ ...message, ...address, kind: "response_url" });
    return address;
  }

  show(message: Omit<BotMessage, "id" | "atMs">): BotMessage {
    const shown: BotMessage = { ...message, id: `bot-${randomBytes(8).toString("hex")}`, atMs: this.#nowMs() };
    this.messages.push(shown);
    this.#journal.emit({ type: "bot_message", message: shown });
    this.#journal.changed("bot messages");
    return shown;
  }

  giveFeedback(message: BotMessage, type: 1 | 2 | 3): void {
    message.feedback = type;
    this.#journal.emit({ type: "bot_message", message });
  }

  changeCard(message: BotMessage, card: JsonObject): void {
    message.card = card;
    message.text = cardText(card);
    this.#journal.emit({ type: "bot_message", message });
  }

  #read(request: JsonObject, url: ResponseUrl): Pick<BotMessage, "format" | "text" | "card" | "feedbackId"> {
    if (request.msgtype === "markdown") {
      const markdown = objectOr(request.markdown);
      const text = stringOr(markdown.content);
      if (text.trim() === "") throw this.#breach(44004, "markdown.content is empty", url);
      const bytes = utf8Bytes(text);
      if (bytes > STREAM_BYTES_MAX) throw this.#breach(40058, `markdown.content has ${bytes} bytes`, url);
      const feedbackId = stringOr(objectOr(markdown.feedback).id);
      return { format: "markdown", text, ...(feedbackId === "" ? {} : { feedbackId }) };
    }
    if (request.msgtype === "template_card") {
      if (url.chatId !== undefined) throw this.#breach(40008, "a card goes to single chats only", url);
      const card = objectOr(request.template_card);
      const fault = cardFault(card);
      if (fault !== undefined) throw this.#breach(40035, fault, url);
      return { format: "card", text: cardText(card), card };
    }
    throw this.#breach(40008, "the msgtype is neither markdown nor template_card", url);
  }

  #breach(errcode: number, detail: string, url: ResponseUrl): Refusal {
    this.#journal.violate(url.channel, "response_url_content", detail, url.messageId);
    return new Refusal(errcode);
  }
}
