import type { Clock } from "../base/clock.ts";
import { ACTIONS, type Action } from "../moderation/verdict.ts";
import type { ConsoleQueries, RecordedTexts } from "../review/console-queries.ts";
import type { BenchText, BenchVerdict, PolicyBench } from "./policy-bench.ts";

const DAY_MS = 86_400_000;
/** Turns looked at, the latest first: more take minutes, and say the same. */
const TURNS_MAX = 20_000;
/** Below the minute after which proxies give a request up; what was seen until then is told. */
const RUN_MS_MAX = 45_000;
/** Turns of one request to the bench: the run can be given up between two of them. */
const BATCH_TURNS = 200;
const SAMPLES_MAX = 20;
const SAMPLE_UNITS = 300;

export interface DryRunSample {
  turnId: string;
  atMs: number;
  /** The beginning, masked. */
  text: string;
  direction: "question" | "answer";
  before: Action;
  after: Action;
  /** On which rules the draft's verdict rests; without any, on which the other one did. */
  rules: string[];
}

export interface DryRun {
  turns: number;
  /** There was more than one run looks at. */
  cut: boolean;
  changes: { stricter: number; milder: number; same: number };
  /** At most 20 stricter and 20 milder ones. */
  samples: DryRunSample[];
}

/**
 * Compares two policies on what was said lately, by the layers in this process and on masked texts: personal data is not
 * in them any more, so what a policy does about that shows too little. Throws `bad_request` for a faulty draft, and the
 * signal's reason.
 */
export async function dryRun(
  request: { before: string; after: string; days: number; signal: AbortSignal },
  parts: { records: Pick<ConsoleQueries, "recordedTexts">; bench: PolicyBench; clock: Clock },
): Promise<DryRun> {
  const { before, after, days, signal } = request;
  const { records, bench, clock } = parts;
  const startMs = clock.nowMs();
  const fromMs = startMs - days * DAY_MS;
  const run: DryRun = { turns: 0, cut: false, changes: { stricter: 0, milder: 0, same: 0 }, samples: [] };
  let last: RecordedTexts | null = null;
  for (;;) {
    signal.throwIfAborted();
    const limit = Math.min(BATCH_TURNS, TURNS_MAX - run.turns);
    const page: RecordedTexts[] = await records.recordedTexts({ fromMs, before: last, limit: Math.max(1, limit) });
    if (page.length === 0) return run;
    if (limit <= 0 || clock.nowMs() - startMs > RUN_MS_MAX) return { ...run, cut: true };
    const texts = page.flatMap(textsOf);
    const then = await bench.judge(before, texts);
    signal.throwIfAborted();
    const now = await bench.judge(after, texts);
    compare(run, page, texts, then, now);
    last = page.at(-1) ?? null;
  }
}

/** Of each turn first the question, then the answer. */
function textsOf({ question, answer }: RecordedTexts): BenchText[] {
  return [
    { text: question, direction: "question" },
    { text: answer, direction: "answer" },
  ];
}

function compare(
  run: DryRun,
  page: readonly RecordedTexts[],
  texts: readonly BenchText[],
  then: readonly BenchVerdict[],
  now: readonly BenchVerdict[],
): void {
  for (const [index, turn] of page.entries()) {
    const changes = [2 * index, 2 * index + 1].flatMap((at) => {
      const [text, before, after] = [texts[at], then[at], now[at]];
      if (text === undefined || before === undefined || after === undefined) return [];
      const by = ACTIONS.indexOf(after.action) - ACTIONS.indexOf(before.action);
      return by === 0 ? [] : [{ text, before, after, kind: by > 0 ? ("stricter" as const) : ("milder" as const) }];
    });
    // One turn counts once: what becomes stricter anywhere in it weighs more than what becomes milder.
    const change = changes.find(({ kind }) => kind === "stricter") ?? changes[0];
    run.turns += 1;
    run.changes[change?.kind ?? "same"] += 1;
    if (change === undefined || run.changes[change.kind] > SAMPLES_MAX) continue;
    const { text, before, after } = change;
    const because = (after.reasons.length > 0 ? after : before).reasons.flatMap((reason) => reason.because);
    run.samples.push({
      turnId: turn.turnId,
      atMs: turn.atMs,
      text: text.text.slice(0, SAMPLE_UNITS).toWellFormed(),
      direction: text.direction,
      before: before.action,
      after: after.action,
      rules: [...new Set(because)],
    });
  }
}
