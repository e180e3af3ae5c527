import { YingdaError } from "../src/base/errors.ts";
import { BoundedLog } from "./bounded-log.ts";
import type { Channel, Exchange, PlatformEvent, Violation, ViolationRule } from "./platform-types.ts";

/** A body past this is recorded by its beginning only: a log of media uploads must not fill the memory. */
const RECORDED_CHARACTERS_MAX = 64 * 1024;
/** All recorded bodies together, in characters: polls of long answers would otherwise take gigabytes. */
const RECORDED_TOTAL_CHARACTERS_MAX = 48 * 1024 * 1024;
/** A wait longer than this in a test is a hang by another name. */
const WAIT_MAX_MS = 600_000;

interface Waiter {
  check(): void;
}

/** What the platform saw: its log of calls, the violations, and everybody who wants to hear of news. */
export class Journal {
  readonly calls: BoundedLog<Exchange>;
  readonly violations: BoundedLog<Violation>;
  readonly #nowMs: () => number;
  readonly #callCounts = new Map<string, number>();
  readonly #listeners = new Set<(event: PlatformEvent) => void>();
  readonly #waiters = new Map<string, Set<Waiter>>();
  #exchangeId = 0;

  constructor(nowMs: () => number, historyMax: number) {
    this.#nowMs = nowMs;
    this.calls = new BoundedLog(historyMax, charactersOf, RECORDED_TOTAL_CHARACTERS_MAX);
    this.violations = new BoundedLog(historyMax);
  }

  record(exchange: Omit<Exchange, "id">): void {
    const kept: Exchange = { ...exchange, id: ++this.#exchangeId };
    kept.url = mask(kept.url);
    kept.raw = mask(kept.raw);
    kept.plain = mask(kept.plain);
    if (kept.replyRaw !== undefined) kept.replyRaw = mask(kept.replyRaw);
    if (kept.replyPlain !== undefined) kept.replyPlain = mask(kept.replyPlain);
    this.calls.push(kept);
    this.#callCounts.set(kept.kind, this.callCount(kept.kind) + 1);
    this.emit({ type: "exchange", exchange: kept });
    this.changed("calls");
  }

  /** How many exchanges of a kind there were, those that the bounded log dropped included. */
  callCount(kind: string): number {
    return this.#callCounts.get(kind) ?? 0;
  }

  violate(channel: Channel, rule: ViolationRule, detail: string, messageId?: string): void {
    const violation: Violation = {
      atMs: this.#nowMs(),
      rule,
      detail,
      channel,
      ...(messageId === undefined ? {} : { messageId }),
    };
    this.violations.push(violation);
    this.emit({ type: "violation", violation });
    this.changed("violations");
  }

  /** Calls `listener` for everything that happens from now on; the function given back ends that. */
  subscribe(listener: (event: PlatformEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  emit(event: PlatformEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** Says that something about `topic` changed, so that its waiters look again. */
  changed(topic: string): void {
    for (const waiter of [...(this.#waiters.get(topic) ?? [])]) waiter.check();
  }

  /**
   * Resolves with the first defined value of `read`, which is asked now and after every change of `topic`. Rejects with
   * what `read` throws (it can no longer come true), or after `timeoutMs` with `what` and the violations so far, since
   * those usually tell why.
   */
  waitFor<T>(topic: string, read: () => T | undefined, timeoutMs: number, what: () => string): Promise<T> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        check() {
          try {
            const value = read();
            if (value === undefined) return;
            leave();
            resolve(value);
          } catch (error) {
            leave();
            reject(error);
          }
        },
      };
      const leave = () => {
        clearTimeout(timer);
        this.#waiters.get(topic)?.delete(waiter);
        if (this.#waiters.get(topic)?.size === 0) this.#waiters.delete(topic);
      };
      const timer = setTimeout(
        () => {
          leave();
          const seen = this.violations
            .list()
            .slice(-5)
            .map((violation) => `${violation.rule} (${violation.detail})`);
          const why = seen.length === 0 ? "" : ` Violations: ${seen.join("; ")}.`;
          reject(new YingdaError("internal", `Waited ${timeoutMs} ms for ${what()}.${why}`));
        },
        Math.min(timeoutMs, WAIT_MAX_MS),
      );
      const waiters = this.#waiters.get(topic) ?? new Set();
      this.#waiters.set(topic, waiters.add(waiter));
      waiter.check();
    });
  }
}

function charactersOf(exchange: Exchange): number {
  const { raw, plain, replyRaw = "", replyPlain = "" } = exchange;
  return raw.length + plain.length + replyRaw.length + replyPlain.length;
}

/** Hides what opens doors: tokens and secrets in URLs, response codes, tokens in JSON answers. */
export function mask(text: string): string {
  const shown = text.length > RECORDED_CHARACTERS_MAX ? `${text.slice(0, RECORDED_CHARACTERS_MAX)}…` : text;
  return shown
    .replace(/\b(access_token|corpsecret|response_code)=[^&\s"'\\<\]]+/g, "$1=***")
    .replace(/"(access_token|response_code|secret|aeskey)"(\s*):(\s*)"[^"]*"/g, '"$1"$2:$3"***"')
    .replace(/<ResponseCode><!\[CDATA\[[^\]]*\]\]>/g, "<ResponseCode><![CDATA[***]]>");
}
