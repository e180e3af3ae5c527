import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { YingdaError } from "../src/base/errors.ts";

/** What one run of the bank left: everything that the report and a comparison need, and no key. */

const failure = z.object({ rule: z.string(), why: z.string() });

const turnRun = z.object({
  ask: z.string().optional(),
  quote: z.string().optional(),
  speaker: z.string().optional(),
  filler: z.number().optional(),
  /** Written down in the case. */
  said: z.string().optional(),
  /** The model's. */
  answer: z.string().optional(),
  tookMs: z.number().optional(),
  firstTokenMs: z.number().optional(),
  answerTokens: z.number().optional(),
  /** Empty: it was looked at and is right. */
  failures: z.array(failure).optional(),
  /** What only a judge could have told. */
  unjudged: z.string().optional(),
});

const caseRun = z.object({
  outcome: z.enum(["passed", "failed", "unjudged", "error"]),
  errorCode: z.string().optional(),
  turns: z.array(turnRun),
});

const caseResult = z.object({
  id: z.string(),
  category: z.string(),
  language: z.enum(["zh", "en"]),
  about: z.string().optional(),
  runs: z.array(caseRun).min(1),
});

const results = z.object({
  format: z.literal(1),
  name: z.string(),
  startedAt: z.string(),
  tookMs: z.number(),
  model: z.string(),
  endpoint: z.string(),
  /** True: the demo's model, which answers by rules. */
  demo: z.boolean(),
  /** Of the system prompt: where it came from, and the beginning of its SHA-256. */
  systemPrompt: z.object({ from: z.string(), sha256: z.string() }),
  contextTokens: z.number(),
  moderation: z.boolean(),
  judge: z.string().nullable(),
  cases: z.array(caseResult).min(1),
});

export type TurnRun = z.output<typeof turnRun>;
export type CaseRun = z.output<typeof caseRun>;
export type CaseResult = z.output<typeof caseResult>;
export type Results = z.output<typeof results>;

export function writeResults(path: string, kept: Results): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(kept, undefined, 1)}\n`);
}

/** Throws `bad_config` when the file is not there or holds something else. */
export function readResults(path: string): Results {
  try {
    return results.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (error) {
    throw new YingdaError("bad_config", `There are no results that can be read in ${path}.`, { cause: error });
  }
}

/** Runs that passed, of those that were decided; null: none was. */
export function shareOf({ runs }: CaseResult): number | null {
  const decided = runs.filter(({ outcome }) => outcome === "passed" || outcome === "failed");
  if (decided.length === 0) return null;
  return decided.filter(({ outcome }) => outcome === "passed").length / decided.length;
}
