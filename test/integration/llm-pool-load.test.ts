import { expect, test } from "@jest/globals";
import { FAST_LIMITS, type PoolRun, runLoad } from "../../bench/pool-load.ts";

/** The benchmark `pool` in short: what holds on a machine of any speed. */
const LOAD = { conversations: 12, turns: 240, thinkMs: 60 };

function requestsAt(run: PoolRun, health: string): number {
  return run.servers.filter((server) => server.health === health).reduce((sum, { requests }) => sum + requests, 0);
}

test("with one endpoint dead and one slow every turn is answered, and neither is asked more than needed", async () => {
  const run = await runLoad(["well", "slow", "dead"], LOAD);
  expect(run.turns.filter(({ endpoint }) => endpoint === null)).toEqual([]);
  expect(run.turns).toHaveLength(LOAD.turns);
  // All conversations may meet the dead one at once before it is known; then it gets a probe now and then.
  const probesMax = run.tookMs / (FAST_LIMITS.openMs ?? 1) + 1;
  expect(requestsAt(run, "dead")).toBeGreaterThan(0);
  expect(requestsAt(run, "dead")).toBeLessThanOrEqual(LOAD.conversations * 2 + probesMax);
  expect(requestsAt(run, "slow")).toBeLessThan(LOAD.turns / 4);
}, 60_000);

test("conversations stay where their prefix cache is, and well endpoints share the rest", async () => {
  const run = await runLoad(["well", "well", "well"], LOAD);
  // Chance alone would be a third; how far above depends on how even the machine is.
  expect(run.sticky).toBeGreaterThan(0.6);
  for (const { requests } of run.servers) expect(requests).toBeGreaterThan(0);
}, 60_000);
