import { markdownTable } from "../../scripts/eval/table.ts";
import type { Comparison } from "../compare.ts";
import type { CaseResult, Results } from "../results.ts";
import { type Difference, differenceOf, quantile, type Score, scoreOf } from "../statistics.ts";

/** One line of a report: a category, or all of them. */
export interface Row {
  category: string;
  cases: CaseResult[];
}

/** What stands for all categories together. */
export const ALL = "all";

export function rowsOf(cases: readonly CaseResult[]): Row[] {
  const rows = [...Map.groupBy(cases, ({ category }) => category)].map(([category, some]) => ({
    category,
    cases: some,
  }));
  return [...rows, { category: ALL, cases: [...cases] }];
}

/** The run as a table for the terminal. */
export function runTable(results: Results): string {
  const rows = rowsOf(results.cases).map(({ category, cases }) => {
    const score = scoreOf(cases);
    const [zh, en] = (["zh", "en"] as const).map((language) =>
      scoreOf(cases.filter((one) => one.language === language)),
    );
    return [
      category,
      String(cases.length),
      percentOf(score),
      shareText(zh),
      shareText(en),
      String(score.unjudged),
      String(score.errors),
    ];
  });
  const head = ["category", "cases", "right [95 %]", "zh", "en", "not judged", "errors"];
  const { median, slow } = latencies(results);
  const demo = results.demo ? "\nThe demo's model follows rules: its score says nothing about a language model." : "";
  const judge = results.judge === null ? "\nNo judge model (EVAL_JUDGE_*): what only it can decide is not judged." : "";
  return `${markdownTable(head, rows)}\nAnswers take ${msText(median)} (median), ${msText(slow)} (95 %).${judge}${demo}`;
}

/** Two runs as a table for the terminal, by pair. */
export function comparisonTable({ first, second, preferences }: Comparison): string {
  const seconds = new Map(rowsOf(second.cases).map(({ category, cases }) => [category, cases]));
  const rows = rowsOf(first.cases).map(({ category, cases }) => {
    const others = seconds.get(category) ?? [];
    const difference = differenceOf(cases, others);
    const { pairs, onlyFirst, onlySecond } = difference;
    const shares = [cases, others].map((some) => shareText(scoreOf(some)));
    return [category, String(pairs), ...shares, differenceText(difference), String(onlyFirst), String(onlySecond)];
  });
  const head = ["category", "pairs", "A", "B", "B − A [95 %]", "only A", "only B"];
  const liked =
    preferences === null
      ? ""
      : `\n${preferences.judge} prefers A ${preferences.first} times, B ${preferences.second} times, neither ${preferences.ties} times (${preferences.open} open).`;
  return `A: ${first.name}\nB: ${second.name}\n\n${markdownTable(head, rows)}${liked}`;
}

export function latencies(results: Results): { all: number[]; median: number; slow: number } {
  const turns = results.cases.flatMap(({ runs }) => runs.flatMap((run) => run.turns));
  const all = turns.flatMap(({ tookMs }) => tookMs ?? []).sort((one, other) => one - other);
  return { all, median: quantile(all, 0.5), slow: quantile(all, 0.95) };
}

/** `83 % [71–91]`, or a dash where nothing was decided. */
export function percentOf(score: Score): string {
  return score.cases === 0 ? "–" : `${hundred(score.share)} % [${hundred(score.low)}–${hundred(score.high)}]`;
}

function shareText(score: Score | undefined): string {
  return score === undefined || score.cases === 0 ? "–" : `${hundred(score.share)} %`;
}

export function differenceText({ difference, low, high, pairs }: Difference): string {
  return pairs === 0 ? "–" : `${signed(difference)} [${signed(low)}, ${signed(high)}]`;
}

export function msText(ms: number): string {
  if (Number.isNaN(ms)) return "–";
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}

function hundred(share: number): string {
  return String(Math.round(share * 100));
}

function signed(share: number): string {
  const points = Math.round(share * 100);
  return points > 0 ? `+${points}` : String(points).replace("-", "−");
}
