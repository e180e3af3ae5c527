import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import { Rounds } from "../base/rounds.ts";
import type { CaseStore } from "./case-store.ts";

/** The shortest time that anything is due after is an hour; a minute late is not late. */
const SWEEP_EVERY_MS = 60_000;
/** The start is for answering people, not for sweeping. */
const FIRST_SWEEP_AFTER_MS = 10_000;

/** Escalates, wakes and closes what is due, once a minute. Safe in several processes at once. */
export function caseSweepLoop(parts: { cases: Pick<CaseStore, "sweep">; log: Logger; clock: Clock }): Rounds {
  const { cases, log, clock } = parts;
  return new Rounds({
    firstAfterMs: FIRST_SWEEP_AFTER_MS,
    everyMs: SWEEP_EVERY_MS,
    clock,
    async round() {
      try {
        const moved = await cases.sweep();
        if (Object.values(moved).some((count) => count > 0)) log.info(moved, "cases that were due were moved");
      } catch (error) {
        log.warn({ err: error }, "cases that are due could not be moved; it is tried again in a minute");
      }
    },
  });
}
