import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { decide } from "../../src/moderation/decide.ts";
import { loadPolicy } from "../../src/moderation/policy/policy.ts";
import {
  ACTIONS,
  type Action,
  type Audience,
  CATEGORIES,
  type Category,
  type Decision,
  type Signal,
  type Stage,
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

function style(confidence: number): Signal {
  return signal({ checker: "classifier", category: null, confidence, rule: "style" });
}
const RISK = signal({ checker: "risk", category: null, rule: "risk.high" });

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
    ["a T1 term that was only heard", [term("T1", { confidence: 0.6 })], "flag"],
    ["a T0 term that was only heard", [term("T0", { confidence: 0.6 })], "flag"],
    ["a T2 term that was only heard", [term("T2", { confidence: 0.6 })], "allow"],
    ["personal data without a doubt", [signal({ checker: "personal" })], "refuse"],
    ["two judges in doubt", [signal({ confidence: 0.5 }), signal({ checker: "rules", confidence: 0.5 })], "refuse"],
    ["a judge in doubt twice", [signal({ confidence: 0.5 }), signal({ confidence: 0.6, rule: "s" })], "flag"],
    ["a classifier, however sure", [style(1)], "allow"],
    ["a classifier beside a T1 term", [style(1), term("T1")], "flag"],
    ["a classifier beside a T2 term", [style(0.9), term("T2")], "flag"],
    ["a classifier below its threshold beside a T2 term", [style(0.89), term("T2")], "allow"],
    ["a classifier beside a guard in doubt", [style(0.9), signal({ confidence: 0.5 })], "refuse"],
    ["a classifier and a risky conversation, and nothing else", [style(1), RISK], "allow"],
    ["a risky conversation beside a T2 term", [RISK, term("T2")], "flag"],
    ["a risky conversation beside a guard in doubt", [RISK, signal({ confidence: 0.5 })], "refuse"],
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

describe("a rule or list with a stage of its own", () => {
  test.each<[Stage, Stage, Action]>([
    ["shadow", "enforce", "allow"],
    ["warn", "enforce", "flag"],
    ["enforce", "warn", "flag"],
    ["enforce", "shadow", "allow"],
    ["warn", "shadow", "allow"],
  ])("in stage %s, of a category in stage %s, leads to %s", (own, ofPolicy, action) => {
    expect(decide([term("T0", { stage: own })], samplePolicy({ stage: ofPolicy }), where).action).toBe(action);
  });

  test("bears out only as far as both go: a doubt that is enforced beside a term that is tried out", () => {
    const doubt = signal({ confidence: 0.5 });
    expect(decide([doubt, term("T2", { stage: "warn" })], policy, where).action).toBe("flag");
    expect(decide([doubt, term("T2", { stage: "shadow" })], policy, where).action).toBe("flag");
    expect(decide([doubt, term("T2")], policy, where).action).toBe("refuse");
  });

  test("takes nothing from what others found", () => {
    const found = [term("T0", { stage: "shadow", rule: "new" }), term("T0", { rule: "old" })];
    expect(decide(found, policy, where)).toMatchObject({ action: "refuse", reasons: [{ because: ["old"] }] });
  });
});

describe("a checker that is away", () => {
  test.each<[Audience, "local" | "guard", Action]>([
    ["internal", "guard", "flag"],
    ["internal", "local", "flag"],
    ["external", "guard", "refuse"],
    ["external", "local", "refuse"],
  ])("%s, %s: %s", (audience, fault, action) => {
    const verdict = decide([], policy, { ...where, audience, faults: [fault] });
    expect(verdict).toMatchObject({ action, flagged: true, categories: [], severity: "P3", faults: [fault] });
    expect(verdict.reasons).toEqual([
      { category: null, cell: `faults.${audience}`, action, because: [`${fault}-away`] },
    ]);
  });

  test.each<[Record<string, unknown>, "local" | "guard", Action]>([
    [{ stage: "shadow" }, "local", "allow"],
    [{ stage: "warn" }, "guard", "flag"],
    [{ guard: { stage: "shadow" } }, "guard", "allow"],
    [{ guard: { stage: "warn" } }, "guard", "flag"],
    [{ guard: { stage: "shadow" } }, "local", "refuse"],
  ])("goes no further than the stages %j: %s: %s", (parts, fault, action) => {
    const verdict = decide([], samplePolicy(parts), { ...where, audience: "external", faults: [fault] });
    expect(verdict).toMatchObject({ action, flagged: action !== "allow" });
  });

  test("changes nothing about what the others found", () => {
    const verdict = decide([term("T0")], policy, { ...where, faults: ["guard"] });
    expect(verdict).toMatchObject({ action: "refuse", categories: ["cyber"], severity: "P2" });
  });

  test("that is the guard leaves the style of a text to make people look, where faults alone would not", () => {
    const table = samplePolicy({ faults: "allow" });
    const away = { ...where, faults: ["guard"] } as const;
    expect(decide([style(0.95)], table, away)).toMatchObject({ action: "flag", categories: [], severity: "P3" });
    expect(decide([style(0.8)], table, away).action).toBe("allow");
    expect(decide([style(0.95)], table, { ...where, faults: ["local"] }).action).toBe("allow");
    expect(decide([RISK], table, away).action).toBe("allow");
    expect(decide([], table, away).flagged).toBe(false);
  });
});

describe("why", () => {
  test("names the category, the cell and the signals it rests on, the strictest first", () => {
    const found = [
      signal({ category: "injection", rule: "guard.unsafe" }),
      term("T2", { category: "cyber", rule: "hints/1" }),
      signal({ category: "cyber", confidence: 0.5, rule: "guard.controversial" }),
      term("T1", { category: "hate", rule: "words/2" }),
    ];
    const { reasons, flagged } = decide(found, loadPolicy(undefined), where);
    expect(flagged).toBe(true);
    expect(reasons).toEqual([
      {
        category: "cyber",
        cell: "question.internal",
        action: "refuse",
        because: ["guard.controversial", "hints/1"],
      },
      { category: "hate", cell: "question.internal", action: "flag", because: ["words/2"] },
      { category: "injection", cell: "question.internal", action: "flag", because: ["guard.unsafe"] },
    ]);
  });
});

describe("every cell of the policy that ships with the service", () => {
  const shipped = loadPolicy(undefined);
  // Category, severity, question of internal and external, answer to internal and external, strikes.
  const TABLE: [Category, string, Action, Action, Action, Action, number][] = [
    ["political", "P1", "refuse", "refuse", "refuse", "refuse", 1],
    ["terror_violence", "P1", "refuse", "refuse", "refuse", "refuse", 1],
    ["hate", "P2", "refuse", "refuse", "refuse", "refuse", 1],
    ["sexual", "P2", "refuse", "refuse", "refuse", "refuse", 1],
    ["minors", "P0", "refuse", "refuse", "refuse", "refuse", 3],
    ["illegal", "P1", "refuse", "refuse", "refuse", "refuse", 1],
    ["cyber", "P2", "refuse", "refuse", "refuse", "refuse", 1],
    ["self_harm", "P0", "refuse", "refuse", "flag", "flag", 0],
    ["insult", "P3", "allow", "flag", "flag", "flag", 0],
    ["pii", "P2", "redact", "redact", "redact", "redact", 0],
    ["secret", "P2", "redact", "redact", "redact", "redact", 0],
    ["ip_secret", "P2", "flag", "refuse", "flag", "flag", 1],
    ["misinfo", "P3", "allow", "allow", "flag", "flag", 0],
    ["advice", "P3", "allow", "allow", "allow", "allow", 0],
    ["injection", "P2", "flag", "refuse", "flag", "flag", 1],
  ];

  test("is in this table", () => {
    expect(TABLE.map(([category]) => category)).toEqual([...CATEGORIES]);
  });

  test.each(TABLE)("%s (%s)", (category, severity, ...cells) => {
    const [insideQuestion, outsideQuestion, insideAnswer, outsideAnswer, strikes] = cells;
    const sure = [signal({ category })];
    const act = (direction: "question" | "answer", audience: Audience) =>
      decide(sure, shipped, { direction, audience });
    expect(act("question", "internal").action).toBe(insideQuestion);
    expect(act("question", "external").action).toBe(outsideQuestion);
    expect(act("answer", "internal").action).toBe(insideAnswer);
    expect(act("answer", "external").action).toBe(outsideAnswer);
    expect(shipped.categories[category]).toMatchObject({ severity, strikes, stage: "enforce" });
    const doubt = decide([signal({ category, confidence: 0.5 })], shipped, where).action;
    expect(doubt).toBe(insideQuestion === "refuse" ? "flag" : insideQuestion);
  });

  test("a guard's doubt flags a member and stops an outsider", () => {
    const doubt = [signal({ category: "sexual", confidence: shipped.guard.controversial })];
    expect(decide(doubt, shipped, where).action).toBe("flag");
    expect(decide(doubt, shipped, { ...where, audience: "external" }).action).toBe("refuse");
  });
});

const anySignal = fc
  .record({
    checker: fc.constantFrom("lexicon", "rules", "guard", "classifier", "personal", "risk"),
    category: fc.constantFrom(null, ...CATEGORIES),
    confidence: fc.double({ min: 0, max: 1, noNaN: true }),
    tier: fc.constantFrom("T0", "T1", "T2"),
    stage: fc.constantFrom<Stage | undefined>("shadow", "warn", "enforce", undefined),
  })
  .map(({ tier, stage, ...parts }) =>
    signal({ ...parts, ...(stage === undefined ? {} : { stage }), ...(parts.checker === "lexicon" ? { tier } : {}) }),
  );

test("any signals: more of them never make a verdict milder", () => {
  const strictness = (verdict: Decision) => ACTIONS.indexOf(verdict.action);
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
  test("only categories that redact, not those of a flag beside them; people look at the flag", () => {
    const found = [signal({ category: "pii" }), signal({ category: "misinfo" })];
    const judged = { direction: "answer", audience: "internal" } as const;
    const verdict = decide(found, loadPolicy(undefined), judged);
    expect(verdict).toMatchObject({ action: "redact", redactedCategories: ["pii"], flagged: true });
    expect(decide(found.slice(0, 1), loadPolicy(undefined), judged)).toMatchObject({ flagged: false });
  });
});
