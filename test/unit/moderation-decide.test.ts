import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { decide } from "../../src/moderation/decide.ts";
import { loadPolicy, type Stage } from "../../src/moderation/policy/policy.ts";
import {
  ACTIONS,
  type Action,
  type Audience,
  CATEGORIES,
  type Category,
  type Signal,
  type Verdict,
} from "../../src/moderation/verdict.ts";
import { samplePolicy, samplePolicyText } from "./moderation-samples.ts";

const policy = samplePolicy();
const where = { direction: "question", audience: "internal" } as const;

function signal(parts: Partial<Signal>): Signal {
  return { checker: "guard", category: "cyber", confidence: 1, spans: [], rule: "r", ...parts };
}
function term(tier: "T0" | "T1" | "T2", parts: Partial<Signal> = {}): Signal {
  return signal({ checker: "lexicon", tier, ...parts });
}

describe("what one category needs to act", () => {
  test.each<[string, Signal[], Action]>([
    ["nothing found", [], "allow"],
    ["a T0 term", [term("T0")], "refuse"],
    ["a T0 term in disguise", [term("T0", { confidence: 0.9 })], "refuse"],
    ["letters of a T0 term that came together by chance", [term("T0", { confidence: 0.5 })], "flag"],
    ["a T1 term", [term("T1")], "flag"],
    ["many T1 terms", [term("T1"), term("T1", { rule: "s" }), term("T1", { rule: "t" })], "flag"],
    ["a T1 term by chance", [term("T1", { confidence: 0.5 })], "allow"],
    ["a T2 term", [term("T2")], "allow"],
    ["T1 and T2 terms", [term("T1"), term("T2")], "flag"],
    ["a sure guard", [signal({ confidence: 0.8 })], "refuse"],
    ["a guard in doubt", [signal({ confidence: 0.5 })], "flag"],
    ["a guard that sees nothing", [signal({ confidence: 0.3 })], "allow"],
    ["a guard in doubt, borne out by a T1 term", [signal({ confidence: 0.5 }), term("T1")], "refuse"],
    ["a guard in doubt, borne out by a T2 term", [signal({ confidence: 0.5 }), term("T2")], "refuse"],
    [
      "a guard in doubt beside a T2 term by chance",
      [signal({ confidence: 0.5 }), term("T2", { confidence: 0.5 })],
      "flag",
    ],
    [
      "a guard in doubt beside a term of another category",
      [signal({ confidence: 0.5 }), term("T1", { category: "hate" })],
      "flag",
    ],
    ["a sure rule", [signal({ checker: "rules" })], "refuse"],
    ["a classifier, however sure", [signal({ checker: "classifier" })], "flag"],
    ["a classifier beside a T1 term", [signal({ checker: "classifier" }), term("T1")], "flag"],
  ])("%s: %#", (_what, signals, action) => {
    expect(decide(signals, policy, where).action).toBe(action);
  });

  test("outsiders are judged by their own thresholds", () => {
    const doubt = [signal({ confidence: 0.6 })];
    expect(decide(doubt, policy, where).action).toBe("flag");
    expect(decide(doubt, policy, { ...where, audience: "external" }).action).toBe("refuse");
  });
});

describe("what follows from the policy", () => {
  test("each direction and audience has its own action, in every category", () => {
    const cell = (direction: string, audience: string, at: number) =>
      ACTIONS[(at + direction.length + audience.length) % 5];
    const categories = Object.fromEntries(
      CATEGORIES.map((category, at) => {
        const row = (direction: string) => ({
          internal: cell(direction, "internal", at),
          external: cell(direction, "external!", at),
        });
        return [category, { severity: "P1", question: row("question"), answer: row("answer") }];
      }),
    );
    const table = samplePolicy({ categories });
    for (const category of CATEGORIES) {
      for (const direction of ["question", "answer"] as const) {
        for (const audience of ["internal", "external"] as const) {
          const verdict = decide([term("T0", { category })], table, { direction, audience });
          expect(verdict.action).toBe(categories[category]?.[direction][audience]);
          expect(verdict.categories).toEqual(verdict.action === "allow" ? [] : [category]);
        }
      }
    }
  });

  test("the strictest category comes first, then the graver; severity is the gravest", () => {
    const { categories } = JSON.parse(samplePolicyText());
    const table = samplePolicy({
      categories: {
        ...categories,
        hate: { severity: "P0", question: "flag", answer: "flag" },
        sexual: { severity: "P1", question: "refuse", answer: "refuse" },
      },
    });
    const found = (["hate", "cyber", "sexual"] as const).map((category) => term("T0", { category }));
    expect(decide(found, table, where)).toMatchObject({
      action: "refuse",
      categories: ["sexual", "cyber", "hate"],
      severity: "P0",
      policyVersion: table.version,
    });
  });

  test.each<[Stage, Action, Category[]]>([
    ["shadow", "allow", []],
    ["warn", "flag", ["cyber"]],
    ["enforce", "refuse", ["cyber"]],
  ])("in stage %s a T0 term leads to %s", (stage, action, categories) => {
    const verdict = decide([term("T0")], samplePolicy({ stage }), where);
    expect(verdict).toMatchObject({ action, categories });
    expect(verdict.signals).toHaveLength(1);
  });
});

const anySignal = fc
  .record({
    checker: fc.constantFrom("lexicon", "rules", "guard", "classifier", "unheard-of"),
    category: fc.constantFrom(...CATEGORIES),
    confidence: fc.double({ min: 0, max: 1, noNaN: true }),
    tier: fc.constantFrom("T0", "T1", "T2"),
  })
  .map(({ tier, ...parts }) => signal(parts.checker === "lexicon" ? { ...parts, tier } : parts));

test("any signals: more of them never make a verdict milder", () => {
  const strictness = (verdict: Verdict) => ACTIONS.indexOf(verdict.action);
  fc.assert(
    fc.property(
      fc.array(anySignal, { maxLength: 8 }),
      anySignal,
      fc.constantFrom<Stage>("shadow", "warn", "enforce"),
      fc.constantFrom<Audience>("internal", "external"),
      (signals, another, stage, audience) => {
        const table = TABLES[stage];
        const before = decide(signals, table, { ...where, audience });
        const after = decide([...signals, another], table, { ...where, audience });
        expect(strictness(after)).toBeGreaterThanOrEqual(strictness(before));
        expect(after.categories).toEqual(expect.arrayContaining(before.categories));
        if (before.severity !== null) expect((after.severity ?? "P9") <= before.severity).toBe(true);
      },
    ),
    { numRuns: 500 },
  );
});

test("any signals: their order changes nothing but the list itself", () => {
  fc.assert(
    fc.property(fc.array(anySignal, { maxLength: 8 }), (signals) => {
      const { signals: _one, ...forwards } = decide(signals, policy, where);
      const { signals: _other, ...backwards } = decide(signals.toReversed(), policy, where);
      expect(backwards).toEqual(forwards);
    }),
  );
});

const TABLES = { shadow: samplePolicy({ stage: "shadow" }), warn: samplePolicy({ stage: "warn" }), enforce: policy };

describe("what is masked", () => {
  test("only spans of the categories that redact, not those of a flag beside them", () => {
    const spans = (start: number) => [{ start, end: start + 3 }];
    const verdict = decide(
      [signal({ category: "pii", spans: spans(0) }), signal({ category: "misinfo", spans: spans(10) })],
      loadPolicy(undefined), // the built-in policy masks personal data in answers and flags doubtful facts
      { direction: "answer", audience: "internal" },
    );
    expect(verdict.action).toBe("redact");
    expect(verdict.redactions).toEqual(spans(0));
  });
});
