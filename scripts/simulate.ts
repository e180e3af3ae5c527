/**
 * Runs simulated worlds by their seeds and tells what came of them (test/simulation/simulation.ts):
 *
 *   node scripts/simulate.ts --seeds 100000            many worlds, from seed 1
 *   node scripts/simulate.ts --seed 4711 --seeds 1     one world again; a failed one is printed with its trace
 *
 * Ends with 1 when a world went wrong, and stops after the first few of these.
 */
import { parseArgs } from "node:util";
import { explain, Tally } from "../test/simulation/report.ts";
import { simulate } from "../test/simulation/simulation.ts";

/** Worlds that may go wrong before it is enough: they mostly say the same. */
const FAILURES_MAX = 5;
const TELL_EVERY_MS = 30_000;

const { values } = parseArgs({ options: { seeds: { type: "string" }, seed: { type: "string" } } });
const first = whole("seed", values.seed ?? "1");
const count = whole("seeds", values.seeds ?? "1000");

const tally = new Tally();
const fromMs = performance.now();
let toldAtMs = fromMs;
for (let seed = first; seed < first + count && tally.failed.length < FAILURES_MAX; seed += 1) {
  const outcome = await simulate(seed);
  tally.add(outcome);
  if (outcome.violations.length > 0) console.log(`${await explain(seed)}\n`);
  if (performance.now() - toldAtMs > TELL_EVERY_MS) {
    toldAtMs = performance.now();
    console.log(`${tally.worlds} of ${count} worlds, ${tally.failed.length} went wrong`);
  }
}

const tookMs = performance.now() - fromMs;
console.log(tally.lines().join("\n"));
console.log(
  [
    `${tally.worlds} worlds from seed ${first}, ${(tally.virtualMs / 3_600_000).toFixed(1)} hours in them,`,
    `${tally.happenings} happenings, ${(tookMs / tally.worlds).toFixed(1)} ms a world;`,
    `the slowest was done ${Math.round(tally.settledInMsMax / 1000)} s after its last fault`,
  ].join(" "),
);
if (tally.failed.length > 0) {
  console.log(`went wrong: seeds ${tally.failed.join(", ")}`);
  process.exitCode = 1;
} else {
  console.log("all is well");
}

function whole(name: string, given: string): number {
  const number = Number(given);
  if (Number.isSafeInteger(number) && number >= 1) return number;
  console.error(`--${name} takes a whole number from 1 on, not "${given}"`);
  process.exit(64);
}
