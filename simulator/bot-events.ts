import { YingdaError } from "../src/base/errors.ts";
import type { Faults } from "./api-faults.ts";
import { newMsgId } from "./bot-channel.ts";
import type { BotAnswer, BotQuestion } from "./bot-replies.ts";
import type { BotCallback, BotExchange } from "./bot-wire.ts";
import { BoundedMap } from "./bounded-log.ts";
import type { Bubbles } from "./bubbles.ts";
import { cardText } from "./cards.ts";
import type { Journal } from "./journal.ts";
import type { BotChannelName, BotMessage, Bubble, DeliveryOutcome, Sent } from "./platform-types.ts";
import type { ResponseUrls } from "./response-urls.ts";
import { type JsonObject, stringOr } from "./values.ts";

export interface BotEventsParts {
  /** Whose events: the bot's with callbacks, or the other's with a long connection. */
  channel: BotChannelName;
  botId: string;
  /** Takes an event to the service and brings its answer. */
  wire: { exchange(callback: BotCallback): Promise<BotExchange> };
  bubbles: Bubbles;
  responseUrls: ResponseUrls;
  faults: Faults;
  journal: Journal;
  /** `http://127.0.0.1:<port>` of the platform, for links in callbacks. */
  baseUrl: () => string;
  nowMs: () => number;
}

export interface Feedback {
  /** msgid of the member's message (for its answer), or the id of a message that came through a response_url. */
  messageId: string;
  userId: string;
  /** 1 accurate, 2 inaccurate, 3 taken back. */
  type: 1 | 2 | 3;
  /** With type 2 only: 1 off topic, 2 incomplete, 3 wrong, 4 data-analysis error. */
  reasons?: number[];
  /** With type 2 only. */
  comment?: string;
}

export interface CardClick {
  messageId: string;
  userId: string;
  key: string;
  /** Option ids by question key. */
  selected?: Record<string, string[]>;
}

const MEMBERS_MAX = 100_000;
/** A "day" of enter_chat is a day in China. */
const CHINA_OFFSET_MS = 8 * 3_600_000;
const DAY_MS = 24 * 3_600_000;

/** Events of the AI bot (wecom-protocol 4.6): cut at the time limit, and never sent again after a failure. */
export class BotEvents {
  readonly #parts: BotEventsParts;
  readonly #enteredOnDay = new BoundedMap<string, number>(MEMBERS_MAX);

  constructor(parts: BotEventsParts) {
    this.#parts = parts;
  }

  /** The member opens the chat with the bot. Only the first time of a day causes an event; `undefined` otherwise. */
  enterChat(userId: string): Sent | undefined {
    const today = Math.floor((this.#parts.nowMs() + CHINA_OFFSET_MS) / DAY_MS);
    if (this.#enteredOnDay.get(userId.toLowerCase()) === today) return undefined;
    this.#enteredOnDay.set(userId.toLowerCase(), today);
    return this.#send("enter_chat", userId, "enter_chat", {}, {}, (answer) => this.#welcome(userId, answer));
  }

  /** Thumbs on an answer. Throws `bad_request` unless that answer carried a feedback.id. */
  giveFeedback(feedback: Feedback): Sent {
    const bubble = this.#parts.bubbles.get(feedback.messageId);
    const message = this.#parts.responseUrls.messages.findLast((shown) => shown.id === feedback.messageId);
    const feedbackId = bubble?.feedbackId ?? message?.feedbackId;
    if (feedbackId === undefined) throw new YingdaError("bad_request", "This answer asked for no feedback.");
    const shown = bubble ?? message;
    if (shown?.chatId === undefined && shown?.userId.toLowerCase() !== feedback.userId.toLowerCase()) {
      throw new YingdaError("bad_request", "Another member's chat with the bot cannot be seen.");
    }
    const inaccurate = feedback.type === 2;
    const own = {
      id: feedbackId,
      type: feedback.type,
      ...(inaccurate && feedback.comment !== undefined ? { content: feedback.comment } : {}),
      ...(inaccurate && feedback.reasons !== undefined ? { inaccurate_reason_list: feedback.reasons } : {}),
    };
    if (bubble !== undefined) this.#parts.bubbles.giveFeedback(bubble, feedback.type);
    else if (message !== undefined) this.#parts.responseUrls.giveFeedback(message, feedback.type);
    return this.#send("feedback_event", feedback.userId, "feedback_event", own, {}, () => undefined);
  }

  /** A click on a button of a card that the bot sent. */
  clickCard(click: CardClick): Sent {
    const bubble = this.#parts.bubbles.get(click.messageId);
    const message = this.#parts.responseUrls.messages.findLast((shown) => shown.id === click.messageId);
    const shown = bubble ?? message;
    if (shown?.card === undefined) throw new YingdaError("bad_request", "This message carries no card.");
    const { card, chatId } = shown;
    const items = Object.entries(click.selected ?? {}).map(([questionKey, optionIds]) => ({
      question_key: questionKey,
      option_ids: { option_id: optionIds },
    }));
    const own = {
      card_type: card.card_type,
      event_key: click.key,
      task_id: card.task_id,
      ...(items.length === 0 ? {} : { selected_items: { selected_item: items } }),
    };
    const responseCode = this.#parts.responseUrls.issue(click.messageId, click.userId, chatId, this.#parts.channel);
    const common = {
      ...(chatId === undefined ? {} : { chatid: chatId }),
      chattype: chatId === undefined ? "single" : "group",
      response_url: `${this.#parts.baseUrl()}/cgi-bin/aibot/response?response_code=${responseCode}`,
    };
    return this.#send("template_card_event", click.userId, "template_card_event", own, common, (answer) =>
      this.#updateCard(shown, answer),
    );
  }

  /** Any other event, known to the service or not. */
  other(userId: string, eventType: string, own: JsonObject): Sent {
    return this.#send(eventType, userId, "other_event", own, {}, () => undefined);
  }

  #send(
    eventType: string,
    userId: string,
    question: BotQuestion,
    own: JsonObject,
    common: JsonObject,
    act: (answer: BotAnswer) => void,
  ): Sent {
    const messageId = newMsgId();
    const body = {
      msgid: messageId,
      create_time: Math.floor(this.#parts.nowMs() / 1000),
      aibotid: this.#parts.botId,
      from: { userid: userId },
      ...common,
      msgtype: "event",
      event: { eventtype: eventType, ...(Object.keys(own).length === 0 ? {} : { [eventType]: own }) },
    };
    const callback = { kind: `event ${eventType}`, question, body, messageId, userId };
    return { messageId, outcome: this.#deliver(callback, act) };
  }

  /** Repeats of the network happen to every event but a click, which is sent at most once; one answer is acted on. */
  async #deliver(callback: BotCallback, act: (answer: BotAnswer) => void): Promise<DeliveryOutcome> {
    const copies = callback.question === "template_card_event" ? 1 : this.#parts.faults.standing.copies;
    const exchanges = await Promise.all(
      Array.from({ length: copies }, (_, index) => this.#parts.wire.exchange({ ...callback, copy: index + 1 })),
    );
    const answer = exchanges.find((exchange) => exchange.opened?.answer !== undefined)?.opened?.answer;
    if (answer !== undefined) act(answer);
    return {
      result: answer === undefined ? "failed" : "accepted",
      attempts: exchanges.map((exchange) => exchange.attempt),
    };
  }

  #welcome(userId: string, answer: BotAnswer): void {
    const welcome = { channel: this.#parts.channel, kind: "welcome" as const, userId };
    if (answer.kind === "text") this.#parts.responseUrls.show({ ...welcome, format: "text", text: answer.text });
    if (answer.kind === "card") {
      const { card } = answer;
      this.#parts.responseUrls.show({ ...welcome, format: "card", text: cardText(card), card });
    }
  }

  #updateCard(shown: Bubble | BotMessage, answer: BotAnswer): void {
    if (answer.kind !== "card_update") return;
    if (stringOr(answer.card.task_id) !== shown.card?.task_id) {
      const detail = "the new card has another task_id than the click";
      this.#parts.journal.violate(this.#parts.channel, "card_wrong", detail, shown.messageId);
      return;
    }
    if ("snapshots" in shown) this.#parts.bubbles.changeCard(shown, answer.card);
    else this.#parts.responseUrls.changeCard(shown, answer.card);
  }
}
