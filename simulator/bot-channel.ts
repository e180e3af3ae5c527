import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { YingdaError } from "../src/base/errors.ts";
import type { Faults } from "./api-faults.ts";
import {
  type BotContent,
  type BotPlace,
  type BotQuote,
  commonBody,
  contentBody,
  isCalled,
  type KeepFile,
  quoteBody,
  shownFiles,
  shownQuote,
} from "./bot-bodies.ts";
import type { BotAnswer } from "./bot-replies.ts";
import type { BotCallback, BotExchange, BotWire } from "./bot-wire.ts";
import { BoundedMap } from "./bounded-log.ts";
import type { Bubbles } from "./bubbles.ts";
import type { InteractionSlots } from "./interaction-slots.ts";
import type { Journal } from "./journal.ts";
import type { Bubble, DeliveryOutcome, MemberMessage, PlatformTiming, Sent, ShownMedia } from "./platform-types.ts";
import type { ResponseUrls } from "./response-urls.ts";
import type { PlainMedia } from "./shown-media.ts";
import type { JsonObject } from "./values.ts";

export interface BotChannelParts {
  botId: string;
  botName: string;
  wire: BotWire;
  bubbles: Bubbles;
  slots: InteractionSlots;
  responseUrls: ResponseUrls;
  timing: PlatformTiming;
  faults: Faults;
  journal: Journal;
  keepFile: KeepFile;
  /** Keeps a file as the member's own chat shows it. */
  show(file: PlainMedia): ShownMedia;
  /** `http://127.0.0.1:<port>` of the platform, for links in callbacks. */
  baseUrl: () => string;
  nowMs: () => number;
  signal: AbortSignal;
}

/** Callbacks that a test can have delivered again. */
const REPEATABLE_MAX = 5_000;

interface Delivered {
  callback: BotCallback;
  place: BotPlace;
  bubble: Bubble;
  message: MemberMessage;
}

/** Messages to the AI bot and the polling of its streams (wecom-protocol 4.2 to 4.8). */
export class BotChannel {
  readonly #parts: BotChannelParts;
  readonly #delivered = new BoundedMap<string, Delivered>(REPEATABLE_MAX);

  constructor(parts: BotChannelParts) {
    this.#parts = parts;
  }

  sendMessage(place: BotPlace, content: BotContent, quote: BotQuote | undefined): Sent {
    const { msgtype, own, shown } = contentBody(content, this.#parts.keepFile);
    const media = shownFiles(content).map((file) => this.#parts.show(file));
    const messageId = newMsgId();
    const chatId = place.group?.chatId;
    const called = isCalled(content, place, this.#parts.botName);
    const slot = called ? this.#parts.slots.take(place.userId) : undefined;
    const message: MemberMessage = {
      id: messageId,
      channel: "bot",
      userId: place.userId,
      ...(chatId === undefined ? {} : { chatId }),
      text: shown,
      ...(quote === undefined ? {} : { quote: shownQuote(quote) }),
      ...(media.length === 0 ? {} : { media }),
      atMs: this.#parts.nowMs(),
      state: called ? "sending" : "not_called",
    };
    this.#parts.journal.emit({ type: "member_message", message });
    if (slot === undefined) return { messageId, outcome: Promise.resolve({ result: "not_called", attempts: [] }) };
    const responseCode = this.#parts.responseUrls.issue(messageId, place.userId, chatId);
    const body: JsonObject = {
      ...commonBody(messageId, this.#parts.botId, place),
      response_url: `${this.#parts.baseUrl()}/cgi-bin/aibot/response?response_code=${responseCode}`,
      msgtype,
      ...own,
      ...(quote === undefined ? {} : { quote: quoteBody(quote, this.#parts.keepFile) }),
    };
    const callback: BotCallback = {
      kind: `callback ${msgtype}`,
      question: "message",
      body,
      messageId,
      userId: place.userId,
      ...(chatId === undefined ? {} : { chatId }),
    };
    const bubble = this.#parts.bubbles.open(messageId, place.userId, chatId);
    const delivered = { callback, place, bubble, message };
    this.#delivered.set(messageId, delivered);
    return { messageId, outcome: this.#converse(slot, delivered) };
  }

  /**
   * Delivers a message's callback once more, as a late repeat of the network does. The reply must name the same stream; after
   * a delivery that failed it is the first one, and the answer begins.
   */
  async redeliver(messageId: string): Promise<DeliveryOutcome> {
    const delivered = this.#known(messageId);
    const { callback, place, bubble } = delivered;
    if (bubble.state === "failed") {
      this.#parts.bubbles.reopen(bubble);
      return this.#converse(this.#parts.slots.take(place.userId), delivered);
    }
    const exchange = await this.#parts.wire.exchange(callback);
    this.#compareStream(bubble, exchange);
    return outcomeOf([exchange]);
  }

  /** Polls a message's stream once, outside the loop: what an overlapping or late poll of the platform does. */
  pollAgain(messageId: string): Promise<BotAnswer | undefined> {
    const { place, bubble } = this.#known(messageId);
    if (bubble.streamId === undefined) throw new YingdaError("bad_request", "This message has no stream yet.");
    return this.#poll(place, bubble, bubble.streamId);
  }

  /** Polls a stream id that nobody knows any more, as after the loss of the service's store. */
  async pollUnknown(place: BotPlace, streamId: string): Promise<BotAnswer | undefined> {
    const exchange = await this.#parts.wire.exchange(this.#pollCallback(place, streamId, newMsgId()));
    return exchange.opened?.answer;
  }

  #known(messageId: string): Delivered {
    const known = this.#delivered.get(messageId);
    if (known === undefined) throw new YingdaError("bad_request", "The bot was never sent this message.");
    return known;
  }

  /** From the member's message to the end of the answer. Resolves with the delivery; the polls go on in the background. */
  async #converse(slot: Promise<void>, { callback, place, bubble, message }: Delivered): Promise<DeliveryOutcome> {
    const { bubbles, journal, signal } = this.#parts;
    await slot;
    if (signal.aborted) return { result: "failed", attempts: [] };
    const exchanges = await this.#deliver(callback);
    const usable = exchanges.find((exchange) => exchange.opened?.answer !== undefined);
    message.state = usable === undefined ? "failed" : "delivered";
    journal.emit({ type: "member_message", message });
    const breaches = bubbles.begin(bubble, usable?.opened?.answer, usable?.sentAtMs ?? 0);
    for (const { rule, detail } of breaches) journal.violate("bot", rule, detail, bubble.messageId);
    for (const exchange of exchanges) if (exchange !== usable) this.#compareStream(bubble, exchange);
    this.#pollToEnd(place, bubble).catch(() => bubbles.end(bubble, "failed"));
    return outcomeOf(exchanges);
  }

  /** All copies at the same time, each with its retries (none by default). */
  async #deliver(callback: BotCallback): Promise<BotExchange[]> {
    const { faults, timing, wire } = this.#parts;
    const copies = Array.from({ length: faults.standing.copies }, async (_, index) => {
      const exchanges: BotExchange[] = [];
      for (let attempt = 1; attempt <= 1 + timing.botRetries; attempt += 1) {
        const exchange = await wire.exchange({ ...callback, attempt, copy: index + 1 });
        exchanges.push(exchange);
        if (exchange.attempt.status === 200 || this.#parts.signal.aborted) break;
      }
      return exchanges;
    });
    return (await Promise.all(copies)).flat();
  }

  /** The streaming loop: poll, wait, poll, until finish or the end of the stream's life (4.8). */
  async #pollToEnd(place: BotPlace, bubble: Bubble): Promise<void> {
    const { bubbles, timing, faults, signal } = this.#parts;
    const endsAtMs = performance.now() + timing.streamLifeMs;
    while (bubble.state === "streaming" && bubble.streamId !== undefined) {
      const leftMs = endsAtMs - performance.now();
      if (leftMs <= 0) {
        bubbles.end(bubble, "expired");
        return;
      }
      await delay(Math.min(timing.pollIntervalMs, leftMs), undefined, { signal });
      const streamId = bubble.streamId;
      const polls = Array.from({ length: faults.standing.overlappingPolls }, () => this.#poll(place, bubble, streamId));
      await Promise.all(polls);
    }
  }

  async #poll(place: BotPlace, bubble: Bubble, streamId: string): Promise<BotAnswer | undefined> {
    const { wire, bubbles, journal } = this.#parts;
    const exchange = await wire.exchange(this.#pollCallback(place, streamId, bubble.messageId));
    // A poll without an answer changes nothing: the next one comes in a moment.
    if (exchange.opened === undefined) return undefined;
    const breaches = bubbles.step(bubble, exchange.opened.answer, exchange.sentAtMs);
    for (const { rule, detail } of breaches) journal.violate("bot", rule, detail, bubble.messageId);
    return exchange.opened.answer;
  }

  #pollCallback(place: BotPlace, streamId: string, messageId: string): BotCallback {
    return {
      kind: "stream poll",
      question: "poll",
      body: { ...commonBody(newMsgId(), this.#parts.botId, place), msgtype: "stream", stream: { id: streamId } },
      messageId,
      userId: place.userId,
      ...(place.group === undefined ? {} : { chatId: place.group.chatId }),
    };
  }

  #compareStream(bubble: Bubble, exchange: BotExchange): void {
    const answer = exchange.opened?.answer;
    if (answer === undefined || bubble.state === "waiting") return;
    const streamId = answer.kind === "stream" ? answer.stream.id : undefined;
    if (streamId !== bubble.streamId) {
      const detail = "a repeat of the same message is not answered with the same stream id";
      this.#parts.journal.violate("bot", "different_stream_for_repeat", detail, bubble.messageId);
    }
  }
}

/** A msgid as WeCom makes them: unique, and with characters that are special in URLs and patterns. */
export function newMsgId(): string {
  return `CAIQ${randomBytes(18).toString("base64")}=`;
}

function outcomeOf(exchanges: BotExchange[]): DeliveryOutcome {
  const accepted = exchanges.some((exchange) => exchange.opened?.answer !== undefined);
  return { result: accepted ? "accepted" : "failed", attempts: exchanges.map((exchange) => exchange.attempt) };
}
