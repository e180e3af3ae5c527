import type { Clock } from "./clock.ts";
import { YingdaError } from "./errors.ts";

export interface RetryOptions {
  /** Tries in all, the first one included. The limit keeps a dead peer from holding a turn for ever. */
  triesMax: number;
  /** Wait before the second try; doubled each time, with up to as much again of jitter so that replicas do not march in step. */
  firstWaitMs: number;
  waitMaxMs: number;
  clock: Clock;
  signal?: AbortSignal;
}

/** Runs `work` again while it fails with a retryable YingdaError; any other failure, or the last one, is thrown. */
export async function retry<T>(work: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work(attempt);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!(error instanceof YingdaError && error.retryable) || attempt >= options.triesMax) throw error;
      await options.clock.sleep(waitMs(attempt, error.retryAfterMs, options), options.signal);
    }
  }
}

function waitMs(attempt: number, retryAfterMs: number | undefined, options: RetryOptions): number {
  const backoffMs = Math.min(options.waitMaxMs, options.firstWaitMs * 2 ** (attempt - 1));
  return Math.max(retryAfterMs ?? 0, backoffMs * (1 + Math.random()));
}
