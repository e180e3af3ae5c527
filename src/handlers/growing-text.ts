import type { Clock } from "../base/clock.ts";

export interface GrowingTextOptions {
  /** Shows the text so far. What it throws is dropped: a snapshot that is lost is followed by another. */
  write(text: string): Promise<void>;
  everyMs: number;
  clock: Clock;
}

/** A text that is shown while it grows: snapshots coalesce, one write at a time, and the newest one always gets there. */
export class GrowingText {
  readonly #options: GrowingTextOptions;
  readonly #end = new AbortController();
  #latest = "";
  #wanted = false;
  #writing: Promise<void> | null = null;

  constructor(options: GrowingTextOptions) {
    this.#options = options;
  }

  get latest(): string {
    return this.#latest;
  }

  get ended(): boolean {
    return this.#end.signal.aborted;
  }

  show(text: string): void {
    if (this.ended) return;
    this.#latest = text;
    this.#wanted = true;
    this.#writing ??= this.#writeUntilQuiet();
  }

  /** Nothing is written any more; resolves when the write under way has ended. */
  async end(): Promise<void> {
    this.#end.abort();
    await this.#writing;
  }

  async #writeUntilQuiet(): Promise<void> {
    const { write, everyMs, clock } = this.#options;
    try {
      while (this.#wanted && !this.ended) {
        this.#wanted = false;
        await write(this.#latest);
        await clock.sleep(everyMs, this.#end.signal);
      }
    } catch {
      // Ended, or lost.
    } finally {
      this.#writing = null;
    }
  }
}
