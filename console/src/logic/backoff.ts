/** Waiting before the next attempt to reconnect: twice as long each time, and never all pages at once. */

const FIRST_MS = 1000;
/** A reviewer should not wait longer than this once the service is back. */
const LONGEST_MS = 30_000;

/** `attempt` counts from 0; `random` is from 0 to 1. */
export function reconnectAfterMs(attempt: number, random: number): number {
  const longest = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 10));
  return Math.round(longest / 2 + (longest / 2) * random);
}
