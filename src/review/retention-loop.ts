import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import { Rounds } from "../base/rounds.ts";
import type { SqlRecordStore } from "./record-store.ts";
import type { RetentionDays } from "./retention.ts";

/** Days are the unit of retention; an hour's delay does not matter, and a missed hour is made up by the next. */
const SWEEP_EVERY_MS = 3600_000;
/** The start is for answering people, not for sweeping. */
const FIRST_SWEEP_AFTER_MS = 60_000;

/** Masks and deletes records past their days, hourly. Safe in several processes at once. */
export function retentionLoop(parts: {
  store: Pick<SqlRecordStore, "sweepRetention">;
  days: RetentionDays;
  log: Logger;
  clock: Clock;
}): Rounds {
  const { store, days, log, clock } = parts;
  return new Rounds({
    firstAfterMs: FIRST_SWEEP_AFTER_MS,
    everyMs: SWEEP_EVERY_MS,
    clock,
    async round() {
      try {
        log.info(await store.sweepRetention(days), "records past their days were masked and deleted");
      } catch (error) {
        log.warn({ err: error }, "retention could not run; it is tried again in an hour");
      }
    },
  });
}
