import { describe, expect, test } from "@jest/globals";
import type { Clock } from "../../src/base/clock.ts";
import { FirstTokenPace } from "../../src/llm/first-token-pace.ts";

class HandClock implements Clock {
  now = 0;

  nowMs(): number {
    return this.now;
  }

  async sleep(): Promise<void> {
    await Promise.resolve();
  }
}

const AVOIDED_MS = 30_000;

function twoPaces() {
  const clock = new HandClock();
  const options = { slowFirstTokenMs: 1_000, avoidedMs: AVOIDED_MS, clock };
  const pace = new FirstTokenPace(options);
  const other = new FirstTokenPace(options);
  const note = (one: FirstTokenPace, tookMs: number, others: FirstTokenPace[]) => {
    const startedMs = clock.now;
    clock.now += tookMs;
    one.note(startedMs, tookMs, others);
  };
  return {
    clock,
    pace,
    other,
    notes: (tookMs: number, times = 1) => {
      for (let i = 0; i < times; i += 1) note(pace, tookMs, [other]);
    },
    othersTake: (tookMs: number) => {
      for (let i = 0; i < 5; i += 1) note(other, tookMs, [pace]);
    },
  };
}

describe("the pace of first tokens", () => {
  test("three times as slow as another is slow; without another there is no slow", () => {
    const { pace, notes, othersTake } = twoPaces();
    notes(9_000, 5);
    expect(pace.isAvoided).toBe(false);
    othersTake(1_000);
    notes(9_000);
    expect(pace.isAvoided).toBe(true);
  });

  test("twice as slow is not, nor what is fast for a person, nor one slow answer", () => {
    for (const [others, own] of [
      [1_000, 2_000],
      [50, 900],
    ] as const) {
      const { pace, notes, othersTake } = twoPaces();
      othersTake(others);
      notes(own, 20);
      expect(pace.isAvoided).toBe(false);
    }
    const { pace, notes, othersTake } = twoPaces();
    othersTake(500);
    notes(500, 5);
    notes(4_000);
    expect(pace.isAvoided).toBe(false);
  });

  test("found slow again it is avoided twice as long, by one answer; well again, it starts afresh", () => {
    const { clock, pace, notes, othersTake } = twoPaces();
    othersTake(400);
    notes(8_000, 5);
    for (const factor of [1, 2, 4, 8]) {
      expect(pace.isAvoided).toBe(true);
      clock.now += AVOIDED_MS * factor;
      expect(pace.isAvoided).toBe(false);
      expect(pace.isOnProbation).toBe(true);
      notes(8_000);
      expect(pace.isOnProbation).toBe(true);
    }
    clock.now += AVOIDED_MS * 16;
    notes(400, 8);
    expect(pace.isOnProbation).toBe(false);
    notes(8_000);
    expect(pace.isAvoided).toBe(false);
    notes(8_000, 3);
    expect(pace.isAvoided).toBe(true);
    clock.now += AVOIDED_MS;
    expect(pace.isAvoided).toBe(false);
  });

  test("what was under way when it was judged, or ran over to it since, does not judge it once more", () => {
    const { clock, pace, other, othersTake, notes } = twoPaces();
    othersTake(400);
    notes(8_000, 5);
    const underWayMs = clock.now;
    clock.now += AVOIDED_MS;
    pace.note(underWayMs, 60_000, [other]);
    expect(pace.isOnProbation).toBe(true);
    expect(pace.isAvoided).toBe(false);
  });
});
