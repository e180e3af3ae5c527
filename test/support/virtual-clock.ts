import { setImmediate as nextTick } from "node:timers/promises";
import type { Clock } from "../../src/base/clock.ts";

interface Sleeper {
  atMs: number;
  order: number;
  wake: () => void;
}

/** A clock that jumps to the next sleeper as soon as nothing else can happen: hours pass in milliseconds, always the same way. */
export class VirtualClock implements Clock {
  #nowMs = 0;
  #order = 0;
  readonly #sleepers = new Set<Sleeper>();

  nowMs(): number {
    return this.#nowMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason);
      const sleeper = { atMs: this.#nowMs + ms, order: this.#order++, wake: () => {} };
      const leave = () => {
        this.#sleepers.delete(sleeper);
        reject(signal?.reason);
      };
      sleeper.wake = () => {
        signal?.removeEventListener("abort", leave);
        resolve();
      };
      signal?.addEventListener("abort", leave, { once: true });
      this.#sleepers.add(sleeper);
    });
  }

  /** Lets time pass until the work is done. Throws when everybody waits for something that no time brings. */
  async run<T>(work: Promise<T>): Promise<T> {
    let done = false;
    const settle = () => {
      done = true;
    };
    work.then(settle, settle);
    for (;;) {
      await nextTick();
      if (done) return work;
      const next = [...this.#sleepers].sort((one, other) => one.atMs - other.atMs || one.order - other.order)[0];
      if (next === undefined) throw new Error("everybody waits, and nobody sleeps");
      this.#sleepers.delete(next);
      this.#nowMs = next.atMs;
      next.wake();
    }
  }
}
