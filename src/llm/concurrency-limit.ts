export interface ConcurrencyLimitOptions {
  startMax: number;
  floor: number;
  ceiling: number;
  /** First tokens faster than this never count as a queue on the server. */
  queuedFirstTokenMs: number;
}

/** What a request tells about its server. `startedMs` says when it was sent, by the caller's clock. */
export interface LimitSample {
  startedMs: number;
  nowMs: number;
  /** Requests of ours at the server, this one included. */
  running: number;
}

/** The fastest first token is forgotten this slowly, so that a server that became slower is believed in the end. */
const BASELINE_GROWTH = 1.002;
/** Weight of the newest first token: about the last five count. Their geometric mean, so that one long prompt is no congestion. */
const RECENT_WEIGHT = 0.3;
/** A first token this many times the fastest one means that requests queue on the server. */
const QUEUED_OVER_BASELINE = 3;
/** The later the first tokens, the deeper the cut, within these. */
const CUT_WHEN_QUEUED_MIN = 0.5;
const CUT_WHEN_QUEUED_MAX = 0.85;
const CUT_WHEN_REFUSED = 0.7;
/** A limit that is not used does not grow: nothing shows that the server could bear more. */
const USED_SHARE = 0.8;

/**
 * How many requests of ours one endpoint may have at once. Model servers queue without limit and without fairness, so what
 * they cannot begin at once waits here instead, where it can be told, ordered and taken back.
 *
 * Additive increase, multiplicative decrease, as TCP does: doubled in each round of answers until the first sign of
 * congestion, then one more each round; cut by 15 to 50 % when first tokens take three times as long as on an idle server, by
 * 30 % when the server refuses (429, 503, 529) or gives no first token, at most once for all requests that were on their way.
 * Several processes in front of one server share it this way without knowing of each other; roughly, not evenly.
 */
export class ConcurrencyLimit {
  readonly #options: ConcurrencyLimitOptions;
  #limit: number;
  #doubling = true;
  #baselineMs: number | null = null;
  #recentMs: number | null = null;
  /** What was sent before speaks of the limit before. */
  #cutAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: ConcurrencyLimitOptions) {
    this.#options = options;
    this.#limit = options.startMax;
  }

  /** A whole number, within the bounds. */
  get value(): number {
    return Math.floor(this.#limit);
  }

  firstToken({ startedMs, nowMs, running }: LimitSample): void {
    const tookMs = nowMs - startedMs;
    this.#baselineMs = Math.max(1, Math.min(tookMs, (this.#baselineMs ?? tookMs) * BASELINE_GROWTH));
    if (startedMs < this.#cutAtMs) return;
    const recentMs = this.#recentMs ?? tookMs;
    this.#recentMs = Math.max(1, recentMs) * (Math.max(1, tookMs) / Math.max(1, recentMs)) ** RECENT_WEIGHT;
    const queuedMs = Math.max(this.#options.queuedFirstTokenMs, this.#baselineMs * QUEUED_OVER_BASELINE);
    if (this.#recentMs > queuedMs) {
      const share = queuedMs / this.#recentMs;
      this.#cut(Math.min(CUT_WHEN_QUEUED_MAX, Math.max(CUT_WHEN_QUEUED_MIN, share)), nowMs, running);
    } else if (running >= this.value * USED_SHARE) this.#grow();
  }

  /** The server took no more, or kept a request without a first token for too long. */
  refused({ startedMs, nowMs, running }: LimitSample): void {
    if (startedMs >= this.#cutAtMs) this.#cut(CUT_WHEN_REFUSED, nowMs, running);
  }

  #grow(): void {
    const step = this.#doubling ? 1 : 1 / this.#limit;
    this.#limit = Math.min(this.#options.ceiling, this.#limit + step);
  }

  #cut(factor: number, nowMs: number, running: number): void {
    // Down from what was really there: a limit far above it would take many cuts to be felt.
    const from = Math.min(this.#limit, Math.max(running, 1));
    this.#limit = Math.max(this.#options.floor, from * factor);
    this.#doubling = false;
    this.#recentMs = null;
    this.#cutAtMs = nowMs;
  }
}
