import type { Outcome } from "./simulation.ts";
import { simulate } from "./simulation.ts";

/** Lines shown of the end of a trace; the seed gives the whole of it again. */
const TRACE_LINES_SHOWN = 400;

/** Everything that many worlds came to together. */
export class Tally {
  readonly failed: number[] = [];
  readonly counts = new Map<string, number>();
  worlds = 0;
  happenings = 0;
  virtualMs = 0;
  settledInMsMax = 0;

  add(outcome: Outcome): void {
    this.worlds += 1;
    this.happenings += outcome.happenings;
    this.virtualMs += outcome.virtualMs;
    this.settledInMsMax = Math.max(this.settledInMsMax, outcome.settledInMs);
    for (const [what, count] of outcome.counts) this.counts.set(what, (this.counts.get(what) ?? 0) + count);
    if (outcome.violations.length > 0) this.failed.push(outcome.seed);
  }

  /** One line a count, in the order of their names. */
  lines(): string[] {
    return [...this.counts]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([what, count]) => `${String(count).padStart(9)}  ${what}`);
  }
}

/** What went wrong with a seed, and how it came about: the world is run once more, and tells. */
export async function explain(seed: number): Promise<string> {
  const { violations, trace, scenario } = await simulate(seed, { trace: true });
  const { arrivals, incidents, ...rest } = scenario;
  const shown = trace.slice(-TRACE_LINES_SHOWN);
  return [
    `seed ${seed}: ${violations.length} violations`,
    ...violations.map((violation) => `  - ${violation}`),
    `the world: ${JSON.stringify(rest)}`,
    `messages: ${JSON.stringify(arrivals)}`,
    `incidents: ${JSON.stringify(incidents)}`,
    `the trace${shown.length < trace.length ? `, its last ${shown.length} lines` : ""} (seconds since the beginning):`,
    ...shown,
    `again: node scripts/simulate.ts --seed ${seed} --seeds 1`,
  ].join("\n");
}
