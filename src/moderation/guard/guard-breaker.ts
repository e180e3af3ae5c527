import type { Clock } from "../../base/clock.ts";

export interface BreakerOptions {
  failuresToOpen: number;
  /** The last outcomes that count; a limit on memory, and what makes rare failures of a busy guard harmless. */
  outcomesMax: number;
  /** Older outcomes do not count. */
  failuresWithinMs: number;
  /** From opening, or from a failed probe, to the next probe. */
  openMs: number;
  clock: Clock;
}

/** The right to send one judgement's requests. Its holder reports back by exactly one of the three methods. */
export interface Pass {
  /** The only request that is let through for now: it decides whether the guard is used again. */
  readonly isProbe: boolean;
  succeeded(): void;
  /** Returns true when this failure opened the breaker: the guard was used until now, and no longer is. */
  failed(): boolean;
  /** The request says nothing about the server: it was aborted, or its text was the trouble. */
  abstained(): void;
}

/**
 * Leaves a failing guard alone (moderation research 5.3.8): after `failuresToOpen` failures among the last `outcomesMax`
 * outcomes of `failuresWithinMs`, nothing is sent for `openMs`, then one probe, and its outcome decides. Kept in memory:
 * every process finds out for itself.
 */
export class GuardBreaker {
  readonly #options: BreakerOptions;
  #outcomes: { atMs: number; failed: boolean }[] = [];
  /** When the next probe may go out; null while closed. */
  #probeAtMs: number | null = null;
  #probing = false;
  /** Grows whenever it opens or closes: passes of before have no say any more. */
  #era = 0;

  constructor(options: BreakerOptions) {
    this.#options = options;
  }

  get isClosed(): boolean {
    return this.#probeAtMs === null;
  }

  /** Milliseconds until a probe may go out; 0 when a request may be sent now, or a probe is under way. */
  get waitMs(): number {
    return this.#probeAtMs === null ? 0 : Math.max(0, this.#probeAtMs - this.#options.clock.nowMs());
  }

  /** A pass, or null while the guard is left alone. */
  enter(): Pass | null {
    if (!this.isClosed) {
      if (this.#probing || this.waitMs > 0) return null;
      this.#probing = true;
    }
    const isProbe = !this.isClosed;
    const era = this.#era;
    const inTime = (report: () => void) => {
      if (era === this.#era) report();
    };
    return {
      isProbe,
      succeeded: () => inTime(() => (isProbe ? this.#close() : this.#note(false))),
      failed: () => {
        if (era !== this.#era) return false;
        if (isProbe) this.#leaveAlone();
        else if (this.#note(true)) this.#leaveAlone();
        return !isProbe && !this.isClosed;
      },
      abstained: () =>
        inTime(() => {
          this.#probing = false;
        }),
    };
  }

  /** Notes an outcome; true when the failures are enough to open. */
  #note(failed: boolean): boolean {
    const atMs = this.#options.clock.nowMs();
    this.#outcomes = [...this.#outcomes, { atMs, failed }]
      .slice(-this.#options.outcomesMax)
      .filter((one) => atMs - one.atMs <= this.#options.failuresWithinMs);
    return this.#outcomes.filter((one) => one.failed).length >= this.#options.failuresToOpen;
  }

  #leaveAlone(): void {
    this.#era += 1;
    this.#probing = false;
    this.#outcomes = [];
    this.#probeAtMs = this.#options.clock.nowMs() + this.#options.openMs;
  }

  #close(): void {
    this.#era += 1;
    this.#probing = false;
    this.#probeAtMs = null;
  }
}
