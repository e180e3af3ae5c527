import type { Clock } from "./clock.ts";

export interface RoundsOptions {
  firstAfterMs: number;
  everyMs: number;
  clock: Clock;
  /** One round. Must not reject: what goes wrong is told by who knows what to do. */
  round(): Promise<void>;
}

/** Does something again and again, one round at a time with a pause between, until it is stopped. */
export class Rounds {
  readonly #options: RoundsOptions;
  readonly #stopping = new AbortController();
  #loop: Promise<void> = Promise.resolve();

  constructor(options: RoundsOptions) {
    this.#options = options;
  }

  /** Aborts when it is to stop: for what a round need not begin any more. */
  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  start(): void {
    this.#loop = this.#run();
  }

  /** Ends a pause at once, and resolves when a round under way has ended. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { firstAfterMs, everyMs, clock, round } = this.#options;
    const { signal } = this.#stopping;
    for (let waitMs = firstAfterMs; ; waitMs = everyMs) {
      await clock.sleep(waitMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      await round();
    }
  }
}
