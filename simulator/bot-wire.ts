import { type BotQuestion, type OpenedReply, openBotReply } from "./bot-replies.ts";
import type { CallbackPost } from "./callback-post.ts";
import type { Journal } from "./journal.ts";
import { type CallbackKeys, seal } from "./platform-crypto.ts";
import type { Attempt } from "./platform-types.ts";
import type { JsonObject } from "./values.ts";

export interface BotWireParts {
  keys: CallbackKeys;
  post: CallbackPost;
  journal: Journal;
  callbackTimeoutMs: number;
  nowMs: () => number;
}

export interface BotCallback {
  /** For the record: `callback text`, `stream poll`, `event enter_chat`, … */
  kind: string;
  question: BotQuestion;
  body: JsonObject;
  messageId: string;
  userId: string;
  chatId?: string;
  attempt?: number;
  copy?: number;
}

/** One request to the service and what its reply means. */
export interface BotExchange {
  attempt: Attempt;
  /** When it was sent, on the monotonic clock. */
  sentAtMs: number;
  /** Missing unless the service answered 200. */
  opened?: OpenedReply;
}

/** Seals one AI-bot callback, sends it, opens and judges the reply, and records all of it. */
export class BotWire {
  readonly #parts: BotWireParts;

  constructor(parts: BotWireParts) {
    this.#parts = parts;
  }

  async exchange(callback: BotCallback): Promise<BotExchange> {
    const { keys, post, journal, callbackTimeoutMs } = this.#parts;
    const atMs = this.#parts.nowMs();
    const sentAtMs = performance.now();
    const plain = JSON.stringify(callback.body);
    const sealed = seal(keys, plain, atMs);
    const raw = JSON.stringify({ encrypt: sealed.ciphertext });
    const result = await post.send({
      method: "POST",
      query: sealed.query,
      contentType: "application/json",
      body: raw,
      timeoutMs: callbackTimeoutMs,
    });
    const reply = result.outcome === "answered" ? result.reply : undefined;
    const opened = reply?.status === 200 ? openBotReply(reply, keys, sealed.nonce, callback.question) : undefined;
    journal.record({
      atMs,
      direction: "to_service",
      channel: "bot",
      kind: callback.kind,
      method: "POST",
      url: `${new URL(result.url || "http://unset").pathname}?${sealed.query}`,
      status: reply?.status ?? 0,
      outcome: result.outcome,
      tookMs: result.tookMs,
      attempt: callback.attempt ?? 1,
      raw,
      plain,
      userId: callback.userId,
      messageId: callback.messageId,
      ...(callback.chatId === undefined ? {} : { chatId: callback.chatId }),
      ...(reply === undefined ? {} : { replyRaw: reply.body.toString(), replyPlain: opened?.plain ?? "" }),
    });
    if (result.outcome === "timed_out") {
      journal.violate("bot", "reply_too_slow", `no reply within ${callbackTimeoutMs} ms`, callback.messageId);
    }
    for (const { rule, detail } of opened?.breaches ?? []) journal.violate("bot", rule, detail, callback.messageId);
    return {
      sentAtMs,
      attempt: {
        attempt: callback.attempt ?? 1,
        copy: callback.copy ?? 1,
        url: result.url,
        outcome: result.outcome,
        status: reply?.status ?? 0,
        tookMs: result.tookMs,
      },
      ...(opened === undefined ? {} : { opened }),
    };
  }
}
