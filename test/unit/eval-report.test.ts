import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { comparisonPage } from "../../eval/report/comparison-page.ts";
import { escaped, html } from "../../eval/report/html.ts";
import { reportPage } from "../../eval/report/run-page.ts";
import { comparisonTable, runTable } from "../../eval/report/tables.ts";
import type { CaseResult, Results } from "../../eval/results.ts";
import { differenceOf, quantile, scoreOf } from "../../eval/statistics.ts";

type Outcome = CaseResult["runs"][number]["outcome"];

function caseOf(id: string, ...outcomes: Outcome[]): CaseResult {
  const runs = outcomes.map((outcome) => ({ outcome, turns: [{ ask: "q", answer: "a", tookMs: 10 }] }));
  return { id, category: "follow-up", language: "zh", runs };
}

function resultsOf(cases: CaseResult[], name = "one"): Results {
  return {
    format: 1,
    name,
    startedAt: "2026-11-24T02:00:00.000Z",
    tookMs: 1,
    model: "m",
    endpoint: "e",
    demo: false,
    systemPrompt: { from: "built in", sha256: "0" },
    contextTokens: 8192,
    moderation: false,
    judge: null,
    cases,
  };
}

describe("figures", () => {
  test("a score leaves out what was not decided, and says how much that is", () => {
    const score = scoreOf([
      caseOf("a", "passed"),
      caseOf("b", "failed"),
      caseOf("c", "unjudged"),
      caseOf("d", "error"),
    ]);
    expect(score).toMatchObject({ share: 0.5, cases: 2, unjudged: 1, errors: 1 });
    expect(score.low).toBeCloseTo(0.0945, 3);
    expect(score.high).toBeCloseTo(0.9055, 3);
  });

  test("repeated runs of one case count as one case", () => {
    const repeated = Array.from({ length: 10 }, (_, i) =>
      caseOf(`${i}`, ...Array<Outcome>(9).fill(i < 5 ? "passed" : "failed")),
    );
    const once = Array.from({ length: 90 }, (_, i) => caseOf(`${i}`, i < 45 ? "passed" : "failed"));
    const width = (cases: CaseResult[]) => scoreOf(cases).high - scoreOf(cases).low;
    expect(scoreOf(repeated)).toMatchObject({ share: 0.5, cases: 10 });
    expect(width(repeated)).toBeGreaterThan(2 * width(once));
  });

  // Newcombe 1998, table III: 36, 12, 2, 0 of 50 pairs give 0.2 [0.0569, 0.3404] by method 10.
  test("the interval of a difference is the published one", () => {
    const groups: [Outcome, Outcome, number][] = [
      ["passed", "passed", 36],
      ["failed", "passed", 12],
      ["passed", "failed", 2],
    ];
    const pairs = groups.flatMap(([a, b, count]) => Array.from({ length: count }, () => [a, b] as const));
    const first = pairs.map(([a], i) => caseOf(`${i}`, a));
    const second = pairs.map(([, b], i) => caseOf(`${i}`, b));
    const difference = differenceOf(first, second);
    expect(difference).toMatchObject({ pairs: 50, onlyFirst: 2, onlySecond: 12 });
    expect(difference.difference).toBeCloseTo(0.2);
    expect(difference.low).toBeCloseTo(0.0569, 3);
    expect(difference.high).toBeCloseTo(0.3404, 3);
  });

  test("a difference lies within its interval and turns around with its sides", () => {
    const outcome = fc.constantFrom<Outcome>("passed", "failed", "unjudged");
    fc.assert(
      fc.property(fc.array(fc.tuple(outcome, outcome), { minLength: 1, maxLength: 30 }), (pairs) => {
        const first = pairs.map(([a], i) => caseOf(`${i}`, a));
        const second = pairs.map(([, b], i) => caseOf(`${i}`, b));
        const [there, back] = [differenceOf(first, second), differenceOf(second, first)];
        expect(there.low).toBeLessThanOrEqual(there.difference + 1e-9);
        expect(there.high).toBeGreaterThanOrEqual(there.difference - 1e-9);
        expect(back.low).toBeCloseTo(-there.high);
        expect(back.high).toBeCloseTo(-there.low);
      }),
    );
  });

  test("quantiles fall between two values", () => {
    expect([quantile([1, 2, 3, 4], 0.5), quantile([5], 0.95), quantile([], 0.5)]).toEqual([2.5, 5, Number.NaN]);
  });
});

describe("the page", () => {
  const NASTY = `</title><script>alert(1)</script><img src=x onerror="alert(2)">'&`;

  test("shows what models and cases say as text, wherever it stands", () => {
    const turn = { ask: NASTY, quote: NASTY, speaker: NASTY, answer: NASTY, failures: [{ rule: "has", why: NASTY }] };
    const bad: CaseResult = {
      id: NASTY,
      category: NASTY,
      language: "en",
      about: NASTY,
      runs: [{ outcome: "failed", turns: [turn, { ask: "x", said: NASTY, unjudged: NASTY }] }],
    };
    const nasty = { ...resultsOf([bad], NASTY), model: NASTY, endpoint: NASTY, judge: NASTY };
    nasty.systemPrompt.from = NASTY;
    const good = { ...nasty, cases: [{ ...bad, runs: [{ outcome: "passed" as const, turns: [turn] }] }] };
    for (const page of [reportPage(nasty), comparisonPage({ first: good, second: nasty, preferences: null })]) {
      expect(page).not.toMatch(/<script|<img|<\/title><s/);
      expect(page).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
      expect(page.match(/<title>/g)).toHaveLength(1);
    }
  });

  test("loads nothing from elsewhere", () => {
    const page = reportPage(resultsOf([caseOf("a", "passed"), caseOf("b", "failed")]));
    expect(page).toContain("default-src 'none'");
    expect(page).not.toMatch(/\b(?:src|href)=|url\(|@import|https?:/);
  });

  test("of a run without a decided case or an answer still stands", () => {
    const bare = resultsOf([
      { ...caseOf("a", "error"), runs: [{ outcome: "error", errorCode: "model_timeout", turns: [] }] },
    ]);
    expect(reportPage(bare)).toContain("model_timeout");
    expect(reportPage(bare)).not.toMatch(/NaN|undefined|Infinity/);
    expect(runTable(bare)).toContain("–");
  });

  test("escapes any text so that it reads back as it was", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const made = html`<p title="${text}">${text}</p>`.text;
        expect(made.match(/</g)).toHaveLength(2);
        expect(escaped(text)).not.toMatch(/[<>"']/);
      }),
    );
  });
});

test("two runs are told side by side, by pair", () => {
  const first = resultsOf([caseOf("a", "passed"), caseOf("b", "failed"), caseOf("c", "failed")], "old");
  const second = resultsOf([caseOf("a", "passed"), caseOf("b", "passed"), caseOf("other", "passed")], "new");
  const preferences = { judge: "j", first: 1, second: 2, ties: 3, open: 0 };
  const table = comparisonTable({ first, second, preferences });
  expect(table).toMatch(/\| all +\| 2 +\| 33 % \| 100 % \| \+50 \[/);
  expect(table).toContain("j prefers A 1 times, B 2 times, neither 3 times");
  expect(comparisonPage({ first, second, preferences })).toContain("1 : 2");
});
