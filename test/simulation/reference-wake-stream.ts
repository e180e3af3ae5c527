import type { WakeUp } from "../../src/session/wake-ups.ts";

/** A wake-up unacknowledged and untouched for so long is given to whoever asks for abandoned ones. */
const ABANDONED_MS = 9_000;
const CLAIM_COUNT = 100;
const CONSUMER_FORGOTTEN_MS = 3600_000;

interface Pending {
  consumer: string;
  touchedAtMs: number;
}

/** One shard's stream of wake-ups with its consumer group, in plain TypeScript: what Redis does, without Redis. */
export class ReferenceWakeStream {
  /** Entry number → conversation, oldest first. */
  readonly #entries = new Map<number, string>();
  readonly #pending = new Map<number, Pending>();
  /** Name → when it last asked for something. */
  readonly #consumers = new Map<string, number>();
  #last = 0;
  #lastGiven = 0;

  get length(): number {
    return this.#entries.size;
  }

  add(conversationId: string): void {
    this.#last += 1;
    this.#entries.set(this.#last, conversationId);
  }

  /** Entries that nobody was given yet; from now on they are pending for `consumer`. */
  read(consumer: string, count: number, nowMs: number): WakeUp[] {
    this.#consumers.set(consumer, nowMs);
    const given: WakeUp[] = [];
    for (const [id, conversationId] of this.#entries) {
      if (id <= this.#lastGiven) continue;
      if (given.length >= count) break;
      this.#lastGiven = id;
      this.#pending.set(id, { consumer, touchedAtMs: nowMs });
      given.push({ id: String(id), conversationId });
    }
    return given;
  }

  hasNews(): boolean {
    return this.#entries.size > 0 && [...this.#entries.keys()].some((id) => id > this.#lastGiven);
  }

  /** Pending entries that were left untouched for too long, oldest first; they are `consumer`'s now. */
  claimAbandoned(consumer: string, nowMs: number): WakeUp[] {
    this.#consumers.set(consumer, nowMs);
    const claimed: WakeUp[] = [];
    for (const [id, pending] of [...this.#pending].sort(([a], [b]) => a - b)) {
      if (claimed.length >= CLAIM_COUNT) break;
      if (nowMs - pending.touchedAtMs < ABANDONED_MS) continue;
      const conversationId = this.#entries.get(id);
      if (conversationId === undefined) continue;
      this.#pending.set(id, { consumer, touchedAtMs: nowMs });
      claimed.push({ id: String(id), conversationId });
    }
    return claimed;
  }

  /** Keeps a pending entry fresh and makes it `consumer`'s. Nothing when it is not pending. */
  touch(id: string, consumer: string, nowMs: number): void {
    this.#consumers.set(consumer, nowMs);
    if (this.#pending.has(Number(id))) this.#pending.set(Number(id), { consumer, touchedAtMs: nowMs });
  }

  /** Acknowledges and deletes. */
  drop(id: string): void {
    this.#pending.delete(Number(id));
    this.#entries.delete(Number(id));
  }

  forgetDeadConsumers(self: string, nowMs: number): void {
    const owing = new Set([...this.#pending.values()].map((pending) => pending.consumer));
    for (const [name, seenAtMs] of this.#consumers) {
      if (name === self || owing.has(name) || nowMs - seenAtMs < CONSUMER_FORGOTTEN_MS) continue;
      this.#consumers.delete(name);
    }
  }

  /** Makes a pending entry look as if it had been left alone for `ms`. */
  age(id: string, ms: number): void {
    const pending = this.#pending.get(Number(id));
    if (pending !== undefined) pending.touchedAtMs -= ms;
  }

  /** For comparisons: what is in the stream, and who owes what. */
  state(): { entries: WakeUp[]; pending: { id: string; consumer: string }[] } {
    const pending = [...this.#pending].sort(([a], [b]) => a - b);
    return {
      entries: [...this.#entries].map(([id, conversationId]) => ({ id: String(id), conversationId })),
      pending: pending.map(([id, { consumer }]) => ({ id: String(id), consumer })),
    };
  }
}
