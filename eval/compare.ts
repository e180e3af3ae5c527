import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readCases } from "./case-files.ts";
import type { EvalCase } from "./case-schema.ts";
import { judgeFrom, silentEvents } from "./endpoints.ts";
import type { Judge } from "./judge.ts";
import { comparisonPage } from "./report/comparison-page.ts";
import { comparisonTable } from "./report/tables.ts";
import { type CaseRun, type Results, readResults } from "./results.ts";
import { fileName, type Settings } from "./settings.ts";

/** How a judge model liked two runs' answers better; both orders asked. */
export interface Preferences {
  judge: string;
  first: number;
  second: number;
  ties: number;
  /** The judge did not answer. */
  open: number;
}

export interface Comparison {
  first: Results;
  second: Results;
  preferences: Preferences | null;
}

/** Sets two results side by side, writes the page and says the table. Throws `bad_config`. */
export async function compare(
  names: readonly [string, string],
  settings: Pick<Settings, "out" | "cases">,
  env: Record<string, string | undefined>,
  say: (line: string) => void,
): Promise<{ comparison: Comparison; htmlPath: string }> {
  const [first, second] = [found(names[0], settings.out), found(names[1], settings.out)];
  const judge = judgeFrom(env, silentEvents());
  const preferences = judge === null ? null : await preferencesOf(judge, readCases(settings.cases), first, second);
  const comparison = { first, second, preferences };
  mkdirSync(settings.out, { recursive: true });
  const htmlPath = join(settings.out, `${fileName(`${first.name}-and-${second.name}`)}.html`);
  writeFileSync(htmlPath, comparisonPage(comparison));
  say(comparisonTable(comparison));
  return { comparison, htmlPath };
}

function found(name: string, folder: string): Results {
  return readResults(existsSync(name) ? name : join(folder, `${name}.json`));
}

/** Asks about the cases that only a judge can decide; the others were decided by rules. One case at a time. */
async function preferencesOf(
  judge: Judge,
  cases: readonly EvalCase[],
  first: Results,
  second: Results,
): Promise<Preferences> {
  const preferences: Preferences = { judge: judge.model, first: 0, second: 0, ties: 0, open: 0 };
  for (const { id, turns } of cases) {
    const criterion = turns.findLast(({ expect }) => expect?.judge !== undefined)?.expect?.judge;
    const [one, other] = [first, second].map((run) => lastAnswer(run.cases.find((kept) => kept.id === id)?.runs[0]));
    if (criterion === undefined || one === undefined || other === undefined) continue;
    const better = await judge.prefer({
      criterion,
      before: one.before,
      question: one.turn,
      answers: [one.turn.answer ?? "", other.turn.answer ?? ""],
    });
    if (better === null) preferences.open += 1;
    else preferences[better === "tie" ? "ties" : better] += 1;
  }
  return preferences;
}

function lastAnswer(run: CaseRun | undefined) {
  const turn = run?.turns.at(-1);
  return turn?.answer === undefined || run === undefined ? undefined : { turn, before: run.turns.slice(0, -1) };
}
