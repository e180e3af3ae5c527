import type { Clock } from "../base/clock.ts";
import { YingdaError } from "../base/errors.ts";

/**
 * Spreads calls over time: a bucket of `burst` tokens that gains one every `everyMs`. In no 60 seconds are there more than
 * burst + 60,000 / everyMs calls. Callers wait in the order in which they came.
 */
export class Pace {
  readonly #burst: number;
  readonly #everyMs: number;
  readonly #waitingMax: number;
  readonly #clock: Clock;
  /** When the bucket is, or was, full. */
  #fullAtMs = 0;

  /** `waitingMax`: calls that may wait; behind a hundred others nobody's alert is news. */
  constructor(options: { burst: number; everyMs: number; waitingMax: number; clock: Clock }) {
    this.#burst = options.burst;
    this.#everyMs = options.everyMs;
    this.#waitingMax = options.waitingMax;
    this.#clock = options.clock;
  }

  /**
   * Resolves when it is the caller's turn.
   * @throws YingdaError `wecom_rate_limited` (retryable) at once when too many wait; the signal's reason when it is aborted,
   *   and the place is then lost, which errs on the slow side.
   */
  async take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const nowMs = this.#clock.nowMs();
    const fullAtMs = Math.max(nowMs, this.#fullAtMs) + this.#everyMs;
    const waitMs = fullAtMs - this.#burst * this.#everyMs - nowMs;
    if (waitMs > this.#waitingMax * this.#everyMs) {
      throw new YingdaError("wecom_rate_limited", `${this.#waitingMax} calls wait for their turn already`, {
        retryable: true,
        retryAfterMs: waitMs,
        details: { sent: "no" },
      });
    }
    this.#fullAtMs = fullAtMs;
    if (waitMs > 0) await this.#clock.sleep(waitMs, signal);
  }
}
