import type { Clock } from "../base/clock.ts";

/** Fewer first tokens are no judgement. */
const SAMPLES_MIN = 3;
const SLOW_OVER_OTHERS = 3;
const NEWEST_WEIGHT = 0.3;
const AVOIDED_MS_MAX = 600_000;

/**
 * Whether an endpoint is much slower than the others to its first token. Such a one is avoided for a while: used only when
 * the others have no room. Then it is on probation: one request at a time, and the first that is slow is enough to avoid it for
 * twice as long, up to ten minutes. So finding out costs few turns.
 */
export class FirstTokenPace {
  readonly #options: { slowFirstTokenMs: number; avoidedMs: number; clock: Clock };
  #averageMs = 0;
  #samples = 0;
  #avoidedUntilMs = Number.NEGATIVE_INFINITY;
  #nextAvoidedMs: number;
  #samplesNeeded = SAMPLES_MIN;

  constructor(options: { slowFirstTokenMs: number; avoidedMs: number; clock: Clock }) {
    this.#options = options;
    this.#nextAvoidedMs = options.avoidedMs;
  }

  /** Null before there are enough to say. */
  get averageMs(): number | null {
    return this.#samples < SAMPLES_MIN ? null : this.#averageMs;
  }

  /** Whether it was found slow and has not shown yet that it is well again. */
  get isOnProbation(): boolean {
    return this.#samplesNeeded === 1 && this.#samples === 0;
  }

  get isAvoided(): boolean {
    return this.#options.clock.nowMs() < this.#avoidedUntilMs;
  }

  /** A first token came, or was waited for in vain, `tookMs` after a request that was sent at `startedMs`. */
  note(startedMs: number, tookMs: number, others: readonly FirstTokenPace[]): void {
    // What was under way when the endpoint was judged, or ran over to it since, must not judge it once more.
    if (startedMs < this.#avoidedUntilMs) return;
    const newestMs = Math.max(1, tookMs);
    // Geometric, so that one long prompt is not a slow server.
    this.#averageMs = this.#samples === 0 ? newestMs : this.#averageMs * (newestMs / this.#averageMs) ** NEWEST_WEIGHT;
    this.#samples += 1;
    const known = others.map(({ averageMs }) => averageMs).filter((ms) => ms !== null);
    if (this.#samples < this.#samplesNeeded || known.length === 0) return;
    const slowMs = Math.max(this.#options.slowFirstTokenMs, Math.min(...known) * SLOW_OVER_OTHERS);
    if (this.#averageMs > slowMs) this.#avoid();
    else if (this.#samples > 2 * SAMPLES_MIN) {
      this.#nextAvoidedMs = this.#options.avoidedMs;
      this.#samplesNeeded = SAMPLES_MIN;
    }
  }

  #avoid(): void {
    this.#avoidedUntilMs = this.#options.clock.nowMs() + this.#nextAvoidedMs;
    this.#nextAvoidedMs = Math.min(AVOIDED_MS_MAX, this.#nextAvoidedMs * 2);
    this.#samples = 0;
    this.#samplesNeeded = 1;
  }
}
