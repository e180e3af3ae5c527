import type { EvalCase } from "./case-schema.ts";
import { playCase, type Stage } from "./play-case.ts";
import type { CaseResult, CaseRun } from "./results.ts";

/** Plays all cases, `concurrency` at a time, each `runs` times. In the order of the cases, whichever ends first. */
export async function runCases(
  stage: Stage,
  cases: readonly EvalCase[],
  { concurrency, runs, onDone }: { concurrency: number; runs: number; onDone?: (done: number, of: number) => void },
): Promise<CaseResult[]> {
  const tasks = cases.flatMap((evalCase) => Array.from({ length: runs }, (_, run) => ({ evalCase, run })));
  const played = new Map<EvalCase, CaseRun[]>(cases.map((evalCase) => [evalCase, []]));
  let next = 0;
  let done = 0;
  const work = async (): Promise<void> => {
    for (let task = tasks[next++]; task !== undefined; task = tasks[next++]) {
      const { evalCase, run } = task;
      const slots = played.get(evalCase) ?? [];
      slots[run] = await playCase(stage, evalCase, run);
      done += 1;
      onDone?.(done, tasks.length);
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, tasks.length) }, work));
  return cases.map((evalCase) => {
    const { id, category, language, about } = evalCase;
    return { id, category, language, ...(about === undefined ? {} : { about }), runs: played.get(evalCase) ?? [] };
  });
}
