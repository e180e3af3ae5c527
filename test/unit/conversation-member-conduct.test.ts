import { describe, expect, test } from "@jest/globals";
import { riskOf, strikesOf } from "../../src/conversation/member-conduct.ts";
import { decide } from "../../src/moderation/decide.ts";
import { loadPolicy } from "../../src/moderation/policy/policy.ts";
import type { Audience, Category, Fault, Signal } from "../../src/moderation/verdict.ts";

const policy = loadPolicy(undefined);

function strikes(...signals: Partial<Signal>[]): number {
  const found = signals.map((parts): Signal => {
    return { checker: "guard", category: "cyber", confidence: 1, spans: [], rule: "r", ...parts };
  });
  const decision = decide(found, policy, { direction: "question", audience: "internal" });
  return strikesOf({ ...decision, redactions: [] }, policy);
}

describe("risk of a question", () => {
  const riskWith = (signals: Signal[], faults: Fault[] = [], audience: Audience = "internal") =>
    riskOf({ ...decide(signals, policy, { direction: "question", audience, faults }), redactions: [] });
  const found: Signal = { checker: "guard", category: "cyber", confidence: 1, spans: [], rule: "r" };

  test("what was found counts, refused more than flagged", () => {
    expect(riskWith([found])).toBeGreaterThan(riskWith([{ ...found, confidence: 0.5 }]));
    expect(riskWith([{ ...found, confidence: 0.5 }])).toBeGreaterThan(0);
  });

  test("a checker that is away says nothing about the member", () => {
    expect(riskWith([], ["guard"])).toBe(0);
    expect(riskWith([], ["guard"], "external")).toBe(0);
  });
});

describe("strikes of a question", () => {
  test("none when it was answered, flagged or masked", () => {
    expect(strikes()).toBe(0);
    expect(strikes({ confidence: 0.5 })).toBe(0);
    expect(strikes({ category: "pii" })).toBe(0);
  });

  test.each<[Category, number]>([
    ["cyber", 1],
    ["minors", 3],
    ["self_harm", 0],
  ])("refused as %s: %i", (category, count) => {
    expect(strikes({ category })).toBe(count);
  });

  test("three for a term that has no harmless meaning, none of them for somebody who needs help", () => {
    expect(strikes({ checker: "lexicon", tier: "T0" })).toBe(3);
    expect(strikes({ checker: "lexicon", tier: "T0", category: "self_harm" })).toBe(0);
  });

  test("the gravest counts, not the sum", () => {
    expect(strikes({ category: "cyber" }, { category: "hate" }, { category: "self_harm" })).toBe(1);
  });
});
