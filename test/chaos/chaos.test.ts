import { describe, expect, test } from "@jest/globals";
import { type ChaosOptions, runChaos } from "./bench.ts";
import { STEPS } from "./steps.ts";

/** The short form of `npm run chaos`; the seed is new each day, so that the days add up. */
const seed = Math.floor(Date.now() / 86_400_000);

async function expectAllAnsweredOnce(options: Omit<ChaosOptions, "seed">) {
  const result = await runChaos({ ...options, seed });
  const wrong = result.judged.filter(({ outcome }) => outcome !== "once");
  expect({ seed, wrong }).toEqual({ seed, wrong: [] });
  return result;
}

describe("chaos", () => {
  test("processes killed at every named step: each message is answered once, whole and in order", async () => {
    const { strikes } = await expectAllAnsweredOnce({ scenario: "crash", messages: 180, strikes: STEPS.length });
    // Processes were really killed in the middle of steps. How many a busy machine gets to is chance; the long form strikes all.
    expect(strikes.filter(({ struck }) => struck > 0).length).toBeGreaterThan(0);
  }, 240_000);

  test("Redis killed and restarted under load loses nothing and doubles nothing", async () => {
    await expectAllAnsweredOnce({ scenario: "redis-restart", messages: 120, strikes: 2 });
  }, 240_000);

  test("a rolling restart under load loses nothing and doubles nothing", async () => {
    await expectAllAnsweredOnce({ scenario: "rolling", messages: 120, strikes: 1 });
  }, 240_000);
});
