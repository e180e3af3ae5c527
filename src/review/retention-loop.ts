import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { SqlRecordStore } from "./record-store.ts";
import type { RetentionDays } from "./retention.ts";

/** Days are the unit of retention; an hour's delay does not matter, and a missed hour is made up by the next. */
const SWEEP_EVERY_MS = 3600_000;
/** The start is for answering people, not for sweeping. */
const FIRST_SWEEP_AFTER_MS = 60_000;

/** Masks and deletes records past their days, hourly. Safe in several processes at once. */
export class RetentionLoop {
  readonly #store: SqlRecordStore;
  readonly #days: RetentionDays;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #stopping = new AbortController();
  #loop: Promise<void> = Promise.resolve();

  constructor(parts: { store: SqlRecordStore; days: RetentionDays; log: Logger; clock: Clock }) {
    this.#store = parts.store;
    this.#days = parts.days;
    this.#log = parts.log;
    this.#clock = parts.clock;
  }

  start(): void {
    this.#loop = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    let waitMs = FIRST_SWEEP_AFTER_MS;
    while (await this.#waited(waitMs)) {
      waitMs = SWEEP_EVERY_MS;
      try {
        this.#log.info(await this.#store.sweepRetention(this.#days), "records past their days were masked and deleted");
      } catch (error) {
        this.#log.warn({ err: error }, "retention could not run; it is tried again in an hour");
      }
    }
  }

  /** False when the loop is to stop. */
  async #waited(ms: number): Promise<boolean> {
    try {
      await this.#clock.sleep(ms, this.#stopping.signal);
      return true;
    } catch {
      return false;
    }
  }
}
