import { Writable } from "node:stream";
import { describe, expect, test } from "@jest/globals";
import type { Clock } from "../../src/base/clock.ts";
import { YingdaError } from "../../src/base/errors.ts";
import { createLogger } from "../../src/base/logger.ts";
import type { CaseStore } from "../../src/review/case-store.ts";
import { caseSweepLoop } from "../../src/review/case-sweep-loop.ts";
import { until } from "../support/until.ts";

const NOTHING = { adopted: 0, released: 0, woken: 0, escalated: 0, autoClosed: 0 };

/** A loop whose time is moved by hand, over a store that answers as told. */
function openLoop(sweeps: (() => Promise<typeof NOTHING>)[]) {
  const sleeps: { ms: number; wake: () => void }[] = [];
  const clock: Clock = {
    nowMs: () => 0,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        sleeps.push({ ms, wake: resolve });
        signal?.addEventListener("abort", () => reject(new Error("stopped")));
      }),
  };
  const lines: { level: string; msg: string }[] = [];
  const log = createLogger(
    "info",
    new Writable({
      write(line, _encoding, done) {
        lines.push(JSON.parse(String(line)) as { level: string; msg: string });
        done();
      },
    }),
  );
  const cases: Pick<CaseStore, "sweep"> = { sweep: () => sweeps.shift()?.() ?? Promise.resolve(NOTHING) };
  const loop = caseSweepLoop({ cases, log, clock });
  /** Lets the time of the latest sleep pass. */
  async function pass(count: number): Promise<void> {
    await until(() => sleeps.length === count);
    sleeps[count - 1]?.wake();
  }
  return { loop, sleeps, lines, pass };
}

describe("the loop that sweeps cases", () => {
  test("begins soon, then sweeps each minute, and says only what it moved", async () => {
    const { loop, sleeps, lines, pass } = openLoop([async () => NOTHING, async () => ({ ...NOTHING, escalated: 2 })]);
    loop.start();
    await pass(1);
    await pass(2);
    await until(() => sleeps.length === 3);
    await loop.stop();
    expect(sleeps.map(({ ms }) => ms)).toEqual([10_000, 60_000, 60_000]);
    expect(lines).toMatchObject([{ escalated: 2, msg: "cases that were due were moved" }]);
  });

  test("goes on after a sweep that failed", async () => {
    const { loop, sleeps, lines, pass } = openLoop([
      () => Promise.reject(new YingdaError("record_store_unavailable", "away")),
      async () => ({ ...NOTHING, woken: 1 }),
    ]);
    loop.start();
    await pass(1);
    await pass(2);
    await until(() => sleeps.length === 3);
    await loop.stop();
    expect(lines.map(({ msg }) => msg)).toEqual([
      expect.stringContaining("tried again in a minute"),
      "cases that were due were moved",
    ]);
  });

  test("stops while it waits", async () => {
    const { loop, sleeps } = openLoop([]);
    loop.start();
    await loop.stop();
    expect(sleeps).toHaveLength(1);
  });
});
