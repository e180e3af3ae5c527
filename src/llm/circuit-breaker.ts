import type { Clock } from "../base/clock.ts";

/**
 * Leaves a failing endpoint alone: after `failuresToOpen` failures in a row nothing is sent for `openMs`, then one
 * request may try (the probe), and its outcome decides. Kept in memory: every process finds out for itself, after a few
 * requests.
 */
export class CircuitBreaker {
  readonly #options: { failuresToOpen: number; openMs: number; clock: Clock };
  #failuresInARow = 0;
  /** When the next probe may go out; null while closed. */
  #probeAtMs: number | null = null;
  #probing = false;

  constructor(options: { failuresToOpen: number; openMs: number; clock: Clock }) {
    this.#options = options;
  }

  get isClosed(): boolean {
    return this.#probeAtMs === null;
  }

  /** Milliseconds until a probe may go out; 0 when a request may be sent now. */
  get waitMs(): number {
    return this.#probeAtMs === null ? 0 : Math.max(0, this.#probeAtMs - this.#options.clock.nowMs());
  }

  /** Whether `enter` would say yes. */
  get takesRequests(): boolean {
    return this.isClosed || (!this.#probing && this.waitMs === 0);
  }

  /** Whether a request may be sent now. Whoever got true reports back with exactly one of the three methods below. */
  enter(): boolean {
    if (!this.takesRequests) return false;
    if (!this.isClosed) this.#probing = true;
    return true;
  }

  succeeded(): void {
    this.#failuresInARow = 0;
    this.#probeAtMs = null;
    this.#probing = false;
  }

  failed(): void {
    this.#failuresInARow += 1;
    if (this.#failuresInARow >= this.#options.failuresToOpen) {
      this.#probeAtMs = this.#options.clock.nowMs() + this.#options.openMs;
    }
    this.#probing = false;
  }

  /** The request says nothing about the endpoint: it was aborted, refused as invalid, or told to come later. */
  abstained(): void {
    this.#probing = false;
  }
}
