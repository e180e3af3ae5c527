import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ConcurrencyLimit } from "../../src/llm/concurrency-limit.ts";
import { MODEL_LIMITS } from "../../src/llm/model-limits.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const BOUNDS = {
  startMax: MODEL_LIMITS.runningStart,
  floor: MODEL_LIMITS.runningMin,
  ceiling: MODEL_LIMITS.runningMax,
  queuedFirstTokenMs: MODEL_LIMITS.queuedFirstTokenMs,
};
const PREFILL_MS = 300;
const ANSWER_MS = 8_000;

/** A server that works on so many requests at once and keeps the rest in a queue without end, as vLLM does. */
class SlotServer {
  slots: number;
  readonly #clock: VirtualClock;
  readonly #queue: (() => void)[] = [];
  #running = 0;

  constructor(slots: number, clock: VirtualClock) {
    this.slots = slots;
    this.#clock = clock;
  }

  /** Resolves at the first token; `end` resolves with the last. */
  async begin(): Promise<{ end: Promise<void> }> {
    if (this.#running >= this.slots) await new Promise<void>((resolve) => void this.#queue.push(resolve));
    this.#running += 1;
    await this.#clock.sleep(PREFILL_MS);
    const end = this.#clock.sleep(ANSWER_MS).then(() => {
      this.#running -= 1;
      if (this.#running < this.slots) this.#queue.shift()?.();
    });
    return { end };
  }
}

/** Processes that always have more to ask than they may, for so long; the limits as they were each second. */
async function underLoad(options: { slots: number; processes?: number; forMs: number; slotsLater?: number }) {
  const clock = new VirtualClock();
  const server = new SlotServer(options.slots, clock);
  const limits = Array.from({ length: options.processes ?? 1 }, () => new ConcurrencyLimit(BOUNDS));
  const seen: number[][] = [];
  const keepAsking = async (limit: ConcurrencyLimit): Promise<void> => {
    let running = 0;
    const one = async (): Promise<void> => {
      const startedMs = clock.nowMs();
      const { end } = await server.begin();
      limit.firstToken({ startedMs, nowMs: clock.nowMs(), running });
      await end;
      running -= 1;
    };
    while (clock.nowMs() < options.forMs) {
      while (running < limit.value) {
        running += 1;
        void one();
      }
      await clock.sleep(100);
    }
  };
  const watch = async (): Promise<void> => {
    while (clock.nowMs() < options.forMs) {
      await clock.sleep(1_000);
      seen.push(limits.map(({ value }) => value));
      if (options.slotsLater !== undefined && clock.nowMs() > options.forMs / 2) server.slots = options.slotsLater;
    }
  };
  await clock.run(Promise.all([watch(), ...limits.map(keepAsking)]));
  return seen;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

describe("the limit of an endpoint", () => {
  test.each([4, 24, 100])("finds the %i requests that a server can work on, and stays there", async (slots) => {
    const seen = await underLoad({ slots, forMs: 600_000 });
    const late = seen.slice(300).map(([value = 0]) => value);
    expect(mean(late)).toBeGreaterThan(slots * 0.75);
    expect(mean(late)).toBeLessThan(slots * 1.5);
  });

  test("follows a server that loses half of its room", async () => {
    const seen = await underLoad({ slots: 40, slotsLater: 20, forMs: 1_200_000 });
    const late = seen.slice(900).map(([value = 0]) => value);
    expect(mean(late)).toBeLessThan(20 * 1.5);
    expect(mean(late)).toBeGreaterThan(20 * 0.75);
  });

  test("two processes that do not know of each other share a server, and neither is pushed out", async () => {
    const seen = await underLoad({ slots: 40, processes: 2, forMs: 1_200_000 });
    const [one, other] = [0, 1].map((process) => mean(seen.slice(600).map((values) => values[process] ?? 0)));
    for (const share of [one, other]) expect(share).toBeGreaterThan(40 / 5);
    expect((one ?? 0) + (other ?? 0)).toBeLessThan(40 * 1.6);
  });

  test("does not grow on answers that did not need it, and one long prompt does not shrink it", () => {
    const limit = new ConcurrencyLimit(BOUNDS);
    for (let i = 0; i < 50; i += 1) limit.firstToken({ startedMs: 0, nowMs: 300, running: 2 });
    expect(limit.value).toBe(BOUNDS.startMax);
    limit.firstToken({ startedMs: 0, nowMs: 6_000, running: 16 });
    expect(limit.value).toBeGreaterThanOrEqual(BOUNDS.startMax);
  });

  test("is cut once for all that were refused together, and again for what is refused after that", () => {
    const limit = new ConcurrencyLimit(BOUNDS);
    for (let i = 0; i < 10; i += 1) limit.refused({ startedMs: i, nowMs: 100 + i, running: 16 });
    expect(limit.value).toBe(11);
    limit.refused({ startedMs: 200, nowMs: 300, running: 11 });
    expect(limit.value).toBe(7);
  });

  test("stays within its bounds, whatever happens", () => {
    const event = fc.record({
      refused: fc.boolean(),
      tookMs: fc.integer({ min: 0, max: 120_000 }),
      running: fc.integer({ min: 0, max: 400 }),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 400 }), (events) => {
        const limit = new ConcurrencyLimit({ ...BOUNDS, floor: 2, ceiling: 64 });
        let startedMs = 0;
        for (const { refused, tookMs, running } of events) {
          startedMs += 1_000;
          const sample = { startedMs, nowMs: startedMs + tookMs, running };
          if (refused) limit.refused(sample);
          else limit.firstToken(sample);
          expect(limit.value).toBeGreaterThanOrEqual(2);
          expect(limit.value).toBeLessThanOrEqual(64);
          expect(Number.isInteger(limit.value)).toBe(true);
        }
      }),
    );
  });
});
