import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type ChaosResult, runChaos, type Scenario } from "../test/chaos/bench.ts";
import type { Judged, Outcome } from "../test/chaos/conversations.ts";

/**
 * `npm run chaos`: proves that a message which WeCom handed over is answered exactly once and in order, whatever dies:
 *   npm run chaos [-- --scenario crash|redis-restart|sentinel|rolling|all] [--messages N] [--strikes N] [--seed N] [--json FILE]
 * Ends with 1 when a message was lost, doubled, cut or answered out of order.
 */
const { values } = parseArgs({
  options: {
    scenario: { type: "string", default: "all" },
    messages: { type: "string" },
    strikes: { type: "string" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    json: { type: "string" },
    quiet: { type: "boolean", default: false },
  },
});

const OUTCOMES: readonly Outcome[] = ["once", "lost", "doubled", "out of order", "incomplete"];
const UNTOUCHED = "no strike while under way";

const FULL: Record<Scenario, { messages: number; strikes: number }> = {
  crash: { messages: 1_200, strikes: 120 },
  "redis-restart": { messages: 400, strikes: 8 },
  sentinel: { messages: 300, strikes: 1 },
  rolling: { messages: 400, strikes: 4 },
};

const seed = Number(values.seed);
const scenarios = Object.keys(FULL).filter((name) => values.scenario === "all" || values.scenario === name);
if (scenarios.length === 0) {
  process.stderr.write(`no scenario ${values.scenario}; there are: ${Object.keys(FULL).join(", ")}, all\n`);
  process.exit(2);
}
const results: Record<string, ChaosResult> = {};
let good = true;
for (const name of scenarios as Scenario[]) {
  const messages = Number(values.messages ?? FULL[name].messages);
  const strikes = Number(values.strikes ?? FULL[name].strikes);
  process.stdout.write(`\n${name}: ${messages} messages, ${strikes} strikes, seed ${seed}\n`);
  const say = values.quiet ? undefined : (line: string) => process.stdout.write(`  ${line}\n`);
  const result = await runChaos({ scenario: name, messages, strikes, seed, ...(say === undefined ? {} : { say }) });
  results[name] = result;
  print(result);
  if (result.judged.some(({ outcome }) => outcome !== "once")) good = false;
}
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ seed, results }, null, 2)}\n`);
process.stdout.write(good ? "\nnothing lost, nothing doubled, all in order\n" : "\nTHE PROMISE DOES NOT HOLD\n");
process.exit(good ? 0 : 1);

/** Step × channel: the messages that were under way when a process died there, and what became of them. */
function print(result: ChaosResult): void {
  row("step at which a process died", "struck", "channel", "sent", ...OUTCOMES);
  const struck = new Map(result.strikes.map(({ name, struck }) => [name, struck]));
  for (const step of [...struck.keys(), UNTOUCHED]) {
    for (const channel of ["app", "bot", "group"] as const) {
      const judged = result.judged.filter(
        (one) => one.channel === channel && (one.asked.struckAt ?? UNTOUCHED) === step,
      );
      row(step, struck.get(step) ?? "", channel, judged.length, ...OUTCOMES.map((outcome) => count(judged, outcome)));
    }
  }
  const total = OUTCOMES.map((outcome) => count(result.judged, outcome));
  row("all", "", "", result.judged.length, ...total);
  const unseen = "sends repeated after an answer that was never seen, recognised by WeCom's duplicate check";
  const tookS = Math.round(result.tookMs / 1000);
  process.stdout.write(`\n${unseen}: ${result.resentAndRecognised}\n`);
  for (const { asked, outcome } of result.judged.filter((one) => one.outcome !== "once").slice(0, 20)) {
    process.stdout.write(`${outcome}: ${asked.id} (${asked.kind}), ${asked.struckAt ?? UNTOUCHED}\n`);
  }
  process.stdout.write(`model requests: ${result.modelRequests}, took ${tookS} s\n`);
}

function count(judged: Judged[], outcome: Outcome): number {
  return judged.filter((one) => one.outcome === outcome).length;
}

function row(name: string, ...cells: (string | number)[]): void {
  process.stdout.write(`${name.padEnd(38)}${cells.map((cell) => String(cell).padStart(13)).join("")}\n`);
}
