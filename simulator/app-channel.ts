import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { YingdaError } from "../src/base/errors.ts";
import type { Faults } from "./api-faults.ts";
import { type AppContent, type AppEvent, contentElements, eventElements } from "./app-events.ts";
import { readAppReply } from "./app-replies.ts";
import { BoundedMap } from "./bounded-log.ts";
import type { CallbackPost, CallbackResult } from "./callback-post.ts";
import type { Inboxes } from "./inboxes.ts";
import type { Journal } from "./journal.ts";
import type { MediaStore } from "./media-store.ts";
import type { MessageApi } from "./message-api.ts";
import { type CallbackKeys, seal } from "./platform-crypto.ts";
import type {
  AppMessage,
  Attempt,
  DeliveryOutcome,
  MemberMessage,
  PlatformTiming,
  Sent,
  ShownMedia,
} from "./platform-types.ts";
import { type PlainMedia, showMedia } from "./shown-media.ts";
import { renderXml, type XmlElement } from "./xml.ts";

export interface AppChannelParts {
  corpId: string;
  agentId: number;
  keys: CallbackKeys;
  post: CallbackPost;
  timing: PlatformTiming;
  faults: Faults;
  journal: Journal;
  inboxes: Inboxes;
  messageApi: MessageApi;
  media: MediaStore;
  /** `http://127.0.0.1:<port>` of the platform, for links in callbacks. */
  baseUrl: () => string;
  nowMs: () => number;
  signal: AbortSignal;
}

/** Callbacks that a test can have delivered again. */
const REPEATABLE_MAX = 5_000;

/** One callback, the same for all its deliveries; each delivery is sealed anew. */
interface AppCallback {
  kind: string;
  userId: string;
  /** MsgId, or an id of the simulator's own for an event, which has none. */
  messageId: string;
  plain: string;
  /** The card that was clicked, which a passive reply may change. */
  clicked?: AppMessage;
}

/** Callbacks of the self-built app (wecom-protocol 2): XML, 5 s, three retries, passive replies. */
export class AppChannel {
  readonly #parts: AppChannelParts;
  /** MsgIds are 64-bit numbers far above 2^53 (1.8): a service that reads them as doubles mixes them up. */
  #msgId = 7_000_000_000_000_000_000n + BigInt(`0x${randomBytes(6).toString("hex")}`);

  readonly #delivered = new BoundedMap<string, AppCallback>(REPEATABLE_MAX);

  constructor(parts: AppChannelParts) {
    this.#parts = parts;
  }

  /** `quote` is seen in the chat only: the app's callbacks have no place for it (2.2). */
  sendMessage(userId: string, content: AppContent, quote?: MemberMessage["quote"]): Sent {
    const { msgtype, elements, shown, media } = contentElements(content, (file) => this.#keepMedia(file));
    const called = content.type !== "file";
    this.#msgId += 1n;
    const messageId = String(this.#msgId);
    const message: MemberMessage = {
      id: messageId,
      channel: "app",
      userId,
      text: shown,
      ...(quote === undefined ? {} : { quote }),
      ...(media === undefined ? {} : { media: [media] }),
      atMs: this.#parts.nowMs(),
      state: called ? "sending" : "not_called",
    };
    this.#parts.journal.emit({ type: "member_message", message });
    if (!called) return { messageId, outcome: Promise.resolve({ result: "not_called", attempts: [] }) };
    const plain = this.#body(userId, msgtype, [...elements, ["MsgId", messageId]]);
    const outcome = this.#deliverCopies({ kind: `callback ${msgtype}`, userId, messageId, plain }).then((result) => {
      message.state = result.result === "accepted" ? "delivered" : "failed";
      this.#parts.journal.emit({ type: "member_message", message });
      return result;
    });
    return { messageId, outcome };
  }

  sendEvent(userId: string, event: AppEvent): Sent {
    const elements = eventElements(event);
    const name = event.type === "other" ? event.event : event.type;
    return this.#sendEvent(userId, name, elements);
  }

  /** A click on a button of a card in the member's chat (7.6). Every click gives a response_code of its own. */
  clickCard(message: AppMessage, key: string, selected: Record<string, string[]>): Sent {
    const choices: XmlElement[] = Object.entries(selected).map(([questionKey, optionIds]) => [
      "SelectedItem",
      [
        ["QuestionKey", questionKey],
        ["OptionIds", optionIds.map((optionId) => ["OptionId", optionId] as const)],
      ],
    ]);
    const elements: XmlElement[] = [
      ["Event", "template_card_event"],
      ["EventKey", key],
      ["TaskId", String(message.content.task_id ?? "")],
      ["CardType", String(message.content.card_type ?? "")],
      ["ResponseCode", this.#parts.messageApi.issueResponseCode(message.id)],
      ["SelectedItems", choices],
    ];
    return this.#sendEvent(message.userId, "template_card_event", elements, message);
  }

  /** Delivers a message or event once more, as a late repeat of the network does: the same content, sealed anew. */
  redeliver(messageId: string): Promise<DeliveryOutcome> {
    const callback = this.#delivered.get(messageId);
    if (callback === undefined) throw new YingdaError("bad_request", "The app never delivered this message.");
    return this.#deliverCopies(callback);
  }

  #sendEvent(userId: string, name: string, elements: XmlElement[], clicked?: AppMessage): Sent {
    const messageId = `event-${randomBytes(8).toString("hex")}`;
    const plain = this.#body(userId, "event", elements);
    const callback = { kind: `event ${name}`, userId, messageId, plain, ...(clicked === undefined ? {} : { clicked }) };
    return { messageId, outcome: this.#deliverCopies(callback) };
  }

  #body(userId: string, msgtype: string, elements: XmlElement[]): string {
    return renderXml([
      ["ToUserName", this.#parts.corpId],
      ["FromUserName", userId],
      ["CreateTime", Math.floor(this.#parts.nowMs() / 1000)],
      ["MsgType", msgtype],
      ...elements,
      ["AgentID", this.#parts.agentId],
    ]);
  }

  async #deliverCopies(callback: AppCallback): Promise<DeliveryOutcome> {
    this.#delivered.set(callback.messageId, callback);
    const copies = Array.from({ length: this.#parts.faults.standing.copies }, (_, index) =>
      this.#deliver(callback, index + 1),
    );
    const outcomes = await Promise.all(copies);
    return {
      result: outcomes.some((outcome) => outcome.result === "accepted") ? "accepted" : "failed",
      attempts: outcomes.flatMap((outcome) => outcome.attempts),
    };
  }

  /** The delivery and its retries: any status but 200, no answer, or none in time is a failure (2.1). */
  async #deliver(callback: AppCallback, copy: number): Promise<DeliveryOutcome> {
    const { timing, signal } = this.#parts;
    const attempts: Attempt[] = [];
    for (let attempt = 1; attempt <= 1 + timing.appRetries; attempt += 1) {
      const startedMs = performance.now();
      const result = await this.#attempt(callback, attempt);
      const status = result.outcome === "answered" ? result.reply.status : 0;
      attempts.push({ attempt, copy, url: result.url, outcome: result.outcome, status, tookMs: result.tookMs });
      if (status === 200) return { result: "accepted", attempts };
      // An app without a callback URL is not called again and again.
      if (attempt === 1 + timing.appRetries || result.url === "" || signal.aborted) break;
      const waitMs = timing.appRetryIntervalMs - (performance.now() - startedMs);
      await delay(Math.max(0, waitMs), undefined, { signal }).catch(() => undefined);
    }
    return { result: "failed", attempts };
  }

  async #attempt(callback: AppCallback, attempt: number): Promise<CallbackResult> {
    const { post, keys, timing, journal } = this.#parts;
    const atMs = this.#parts.nowMs();
    const sealed = seal(keys, callback.plain, atMs);
    const raw = renderXml([
      ["ToUserName", this.#parts.corpId],
      ["AgentID", String(this.#parts.agentId)],
      ["Encrypt", sealed.ciphertext],
    ]);
    const result = await post.send({
      method: "POST",
      query: sealed.query,
      contentType: "text/xml",
      body: raw,
      timeoutMs: timing.callbackTimeoutMs,
    });
    if (result.outcome === "timed_out") {
      journal.violate("app", "reply_too_slow", `no answer within ${timing.callbackTimeoutMs} ms`, callback.messageId);
    }
    const reply = result.outcome === "answered" ? result.reply : undefined;
    const opened = reply?.status === 200 ? readAppReply(reply.body.toString(), keys) : undefined;
    journal.record({
      atMs,
      direction: "to_service",
      channel: "app",
      kind: callback.kind,
      method: "POST",
      url: `${new URL(result.url || "http://unset").pathname}?${sealed.query}`,
      status: reply?.status ?? 0,
      outcome: result.outcome,
      tookMs: result.tookMs,
      attempt,
      raw,
      plain: callback.plain,
      userId: callback.userId,
      messageId: callback.messageId,
      ...(reply === undefined ? {} : { replyRaw: reply.body.toString(), replyPlain: opened?.plain ?? "" }),
    });
    if (opened !== undefined) {
      for (const { rule, detail } of opened.breaches) journal.violate("app", rule, detail, callback.messageId);
      if (opened.card !== undefined && callback.clicked !== undefined) {
        this.#parts.messageApi.showCard(callback.clicked, opened.card(callback.clicked.content));
      }
      if (opened.shown !== undefined) this.#showPassive(callback.userId, opened.shown);
    }
    return result;
  }

  #showPassive(userId: string, shown: { msgtype: string; text: string; cut?: AppMessage["cut"] }): void {
    this.#parts.inboxes.deliver({
      id: `passive-${randomBytes(8).toString("hex")}`,
      userId,
      msgtype: shown.msgtype,
      text: shown.text,
      content: {},
      ...(shown.cut === undefined ? {} : { cut: shown.cut }),
      via: "passive",
      recalled: false,
      atMs: this.#parts.nowMs(),
    });
  }

  #keepMedia(file: PlainMedia): { media: ShownMedia; url: string } {
    const media = showMedia(this.#parts.media, file);
    return { media, url: `${this.#parts.baseUrl()}/pic/${media.id}` };
  }
}
