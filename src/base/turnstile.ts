import type { YingdaError } from "./errors.ts";

export interface TurnstileOptions {
  /** Pieces of work under way at once. */
  insideMax: number;
  /** Pieces that wait for their turn; one more is sent away, since its result would come too late to help anybody. */
  waitingMax: number;
  /** What whoever is sent away is told. */
  full: () => YingdaError;
}

/** Lets a few pieces of heavy work run at once, the rest in the order of their coming. */
export class Turnstile {
  readonly #options: TurnstileOptions;
  readonly #waiting: (() => void)[] = [];
  #inside = 0;

  constructor(options: TurnstileOptions) {
    this.#options = options;
  }

  /** Runs `work` when there is room. @throws `full()` when too many wait, the signal's reason when it is aborted before. */
  async pass<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    if (this.#inside < this.#options.insideMax) this.#inside += 1;
    else await this.#wait(signal);
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  #wait(signal: AbortSignal): Promise<void> {
    if (this.#waiting.length >= this.#options.waitingMax) throw this.#options.full();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const enter = () => {
      signal.removeEventListener("abort", giveUp);
      resolve();
    };
    const giveUp = () => {
      this.#waiting.splice(this.#waiting.indexOf(enter), 1);
      reject(signal.reason);
    };
    signal.addEventListener("abort", giveUp, { once: true });
    this.#waiting.push(enter);
    return promise;
  }

  /** The place goes to whoever waits longest, so nobody who has just come can take it. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#inside -= 1;
    else next();
  }
}
