import { askOnce, type PoolRun, poolOver, runLoad, type Turn } from "./pool-load.ts";
import { startPoolServer } from "./pool-server.ts";

/**
 * What a dead and a slow endpoint cost the turns of a pool, against the same pool with two endpoints that are well: times as
 * ratios to theirs, with how often the dead one was asked, how many conversations stayed where their prefix cache is, and how evenly the
 * rest was spread. Real HTTP, servers ten times as fast as a GPU. Then: how long somebody waits behind a member with 200
 * messages.
 */
export const name = "pool";

const LOAD = { conversations: 45, turns: 2_000, thinkMs: 900 };
const QUEUED = 200;

export async function run(): Promise<void> {
  print(`${LOAD.conversations} conversations, ${LOAD.turns} turns a row; times in ms`);
  const before = await runLoad(["well", "well"], LOAD);
  const dead = await runLoad(["well", "well", "dead"], LOAD);
  const slow = await runLoad(["well", "well", "slow"], LOAD);
  const both = await runLoad(["well", "slow", "dead"], LOAD);
  const after = await runLoad(["well", "well"], LOAD);
  // The better of the two: a machine that was busy for a while must not make the others look good.
  const floor = [before, after].toSorted((one, other) => p99(one.turns) - p99(other.turns))[0]?.turns ?? [];
  report("two well, alone (first)", before, floor);
  report("two well, one dead", dead, floor);
  report("two well, one slow", slow, floor);
  report("one well, one slow, one dead", both, floor);
  report("two well, alone (last)", after, floor);
  await fairness();
}

function report(label: string, run: PoolRun, floor: readonly Turn[]): void {
  const answered = run.turns.filter(({ endpoint }) => endpoint !== null).length;
  const row = (what: string, of: (turn: Turn) => number): string => {
    const [p50, p99] = [quantile(run.turns, 0.5, of), quantile(run.turns, 0.99, of)];
    const ratio = p99 / quantile(floor, 0.99, of);
    return `  ${what}: p50 ${p50.toFixed(0)}, p99 ${p99.toFixed(0)}, ${ratio.toFixed(2)} times that of two well ones alone`;
  };
  const asked = run.servers.map(({ health, requests }) => `${health} ${requests}`).join(", ");
  const cached = run.servers.reduce((sum, server) => sum + server.cached, 0);
  print(`${label}: ${answered} of ${run.turns.length} answered in ${(run.tookMs / 1000).toFixed(0)} s`);
  print(row("first word", ({ firstMs }) => firstMs));
  print(row("whole turn", ({ tookMs }) => tookMs));
  print(
    `  requests: ${asked}; sticky ${percent(run.sticky)}, prompts in the cache ${percent(cached / answered)}, ` +
      `busiest well one over their mean ${run.imbalance.toFixed(2)}`,
  );
}

function p99(turns: readonly Turn[]): number {
  return quantile(turns, 0.99, ({ tookMs }) => tookMs);
}

function quantile(turns: readonly Turn[], share: number, of: (turn: Turn) => number): number {
  const sorted = turns.map(of).toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length * share)] ?? 0;
}

/** A member with many messages, one place at the model, and somebody who comes later. */
async function fairness(): Promise<void> {
  const server = await startPoolServer("well");
  const model = poolOver([server], { runningStart: 1, runningMax: 1 });
  const alone = await askOnce(model, 0, "light");
  const heavy = Array.from({ length: QUEUED }, (_, i) => askOnce(model, i + 1, "heavy"));
  const turns: number[] = [];
  for (let i = 0; i < 10; i += 1) {
    const { firstMs } = await askOnce(model, 0, "light");
    turns.push((firstMs - alone.firstMs) / alone.tookMs);
  }
  print(
    `a member with ${QUEUED} messages waiting and one place delays another's first word by ` +
      `${Math.max(...turns).toFixed(2)} turns at most, over ${turns.length} tries`,
  );
  await server.stop();
  await Promise.all(heavy);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
