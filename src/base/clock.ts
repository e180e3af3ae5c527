import { setTimeout as delay } from "node:timers/promises";

/** Time as the service sees it; tests replace it to move time by hand. */
export interface Clock {
  /** Milliseconds since 1970. */
  nowMs(): number;
  /** Resolves after `ms`; rejects at once with the signal's reason when it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  async sleep(ms, signal) {
    try {
      await delay(ms, undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      // Node rejects with an AbortError of its own; the reason says what really happened.
      signal?.throwIfAborted();
      throw error;
    }
  },
};

/** A signal that is aborted with `reason()` after `ms`, unless `cancel` comes first. Unlike AbortSignal.timeout it follows the clock. */
export function abortAfter(ms: number, clock: Clock, reason: () => Error): { signal: AbortSignal; cancel(): void } {
  const deadline = new AbortController();
  const cancelled = new AbortController();
  clock.sleep(ms, cancelled.signal).then(
    () => deadline.abort(reason()),
    () => undefined,
  );
  return { signal: deadline.signal, cancel: () => cancelled.abort() };
}
