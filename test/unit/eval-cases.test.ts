import { describe, expect, test } from "@jest/globals";
import { readCases } from "../../eval/case-files.ts";
import type { CaseTurn, Expectation } from "../../eval/case-schema.ts";
import { brokenRules, hasRules } from "../../eval/rules/rules.ts";

const cases = readCases();

/** Turns that rules judge, each with the name of its case. */
const judged = cases.flatMap(({ id, turns }) =>
  turns.flatMap((turn): { id: string; turn: CaseTurn; expected: Expectation }[] => {
    const { expect: expected } = turn;
    return expected === undefined || !hasRules(expected) ? [] : [{ id, turn, expected }];
  }),
);

describe("the bank of cases", () => {
  test("has at least 240 cases, half of them Chinese, in at least ten categories", () => {
    const chinese = cases.filter(({ language }) => language === "zh").length;
    expect(cases.length).toBeGreaterThanOrEqual(240);
    expect(Math.abs(chinese / cases.length - 0.5)).toBeLessThan(0.05);
    expect(new Set(cases.map(({ category }) => category)).size).toBeGreaterThanOrEqual(10);
  });

  test("has for each turn that rules judge an answer that passes and one that does not", () => {
    const without = judged.filter(({ turn }) => turn.good === undefined || turn.bad === undefined).map(({ id }) => id);
    expect(without).toEqual([]);
  });

  test("passes each good answer", () => {
    const wrong = judged.flatMap(({ id, turn, expected }) =>
      (turn.good ?? []).flatMap((answer) =>
        brokenRules(answer, expected).map(({ why }) => `${id}: ${answer} — ${why}`),
      ),
    );
    expect(wrong).toEqual([]);
  });

  test("fails each bad answer", () => {
    const passed = judged.flatMap(({ id, turn, expected }) =>
      (turn.bad ?? [])
        .filter((answer) => brokenRules(answer, expected).length === 0)
        .map((answer) => `${id}: ${answer}`),
    );
    expect(passed).toEqual([]);
  });

  test("has no rule that none of its bad answers breaks", () => {
    const idle = judged.flatMap(({ id, turn, expected }) => {
      const broken = new Set(
        (turn.bad ?? []).flatMap((answer) => brokenRules(answer, expected).map(({ rule }) => rule)),
      );
      return Object.keys(expected)
        .filter((rule) => rule !== "judge" && !broken.has(rule))
        .map((rule) => `${id}: ${rule}`);
    });
    expect(idle).toEqual([]);
  });

  /** Where whatever gives nothing away is right. */
  const SILENT = /^private-prompt\//;

  test.each([
    ["says the question again", (ask: string) => ask],
    ["agrees and says nothing", () => "好的，没问题。"],
    ["agrees and says nothing, in English", () => "Sure, no problem."],
  ])("fails an answer that %s", (_what, answer) => {
    const byRules = judged.filter(({ expected }) => expected.judge === undefined);
    const passed = byRules.filter(({ turn, expected }) => brokenRules(answer(turn.ask ?? ""), expected).length === 0);
    expect(passed.map(({ id }) => id).filter((id) => !SILENT.test(id))).toEqual([]);
  });

  test("asks only what fits into its window, in words of its language", () => {
    const odd = cases.filter(({ language, turns }) => {
      const asked = turns.map(({ ask = "" }) => ask).join("");
      return /\p{Script=Han}/u.test(asked) !== (language === "zh") && !/应答/.test(asked);
    });
    expect(odd.map(({ id }) => id)).toEqual([]);
  });
});
