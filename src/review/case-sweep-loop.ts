import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { CaseStore } from "./case-store.ts";

/** The shortest time that anything is due after is an hour; a minute late is not late. */
const SWEEP_EVERY_MS = 60_000;
/** The start is for answering people, not for sweeping. */
const FIRST_SWEEP_AFTER_MS = 10_000;

/** Escalates, wakes and closes what is due, once a minute. Safe in several processes at once. */
export class CaseSweepLoop {
  readonly #cases: Pick<CaseStore, "sweep">;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #stopping = new AbortController();
  #loop: Promise<void> = Promise.resolve();

  constructor(parts: { cases: Pick<CaseStore, "sweep">; log: Logger; clock: Clock }) {
    this.#cases = parts.cases;
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
        const result = await this.#cases.sweep();
        if (Object.values(result).some((cases) => cases > 0)) this.#log.info(result, "cases that were due were moved");
      } catch (error) {
        this.#log.warn({ err: error }, "cases that are due could not be moved; it is tried again in a minute");
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
