import { parseArgs } from "node:util";
import { YingdaError } from "../src/base/errors.ts";

export const USAGE = `npm run eval -- [options]
  --category NAME       only this category; may be given several times
  --language zh|en      only this language
  --limit N             at most N cases, evenly from all categories
  --runs N              play each case N times (default 1)
  --concurrency N       cases at a time (default 4)
  --system-prompt FILE  in place of the built-in instructions
  --moderation          with the service's own moderation around the model
  --name NAME           what the results are called (default: model and time)
  --out FOLDER          where results lie (default data/eval)
  --cases FOLDER        another bank
npm run eval -- --compare A B   two results, by name or by file`;

const CONCURRENCY_MAX = 256;
const RUNS_MAX = 50;

export interface Settings {
  help: boolean;
  compare: readonly [string, string] | null;
  categories: string[];
  language: string | undefined;
  limit: number | undefined;
  runs: number;
  concurrency: number;
  systemPromptFile: string | null;
  moderation: boolean;
  name: string | undefined;
  out: string;
  cases: string | undefined;
}

/** Reads the command line. Throws `bad_config` in one sentence. */
export function readSettings(args: readonly string[]): Settings {
  const { values, positionals } = parsed(args);
  if (values.language !== undefined && !["zh", "en"].includes(values.language)) {
    throw new YingdaError("bad_config", "--language is zh or en.");
  }
  const [first, second, ...more] = positionals;
  const two = first !== undefined && second !== undefined && more.length === 0;
  if (values.compare ? !two : first !== undefined) {
    throw new YingdaError("bad_config", `--compare takes two results, by name or file.\n${USAGE}`);
  }
  return {
    help: values.help,
    compare: values.compare && two ? [first, second] : null,
    categories: values.category,
    language: values.language,
    limit: values.limit === undefined ? undefined : wholeNumber("--limit", values.limit, Number.MAX_SAFE_INTEGER),
    runs: wholeNumber("--runs", values.runs, RUNS_MAX),
    concurrency: wholeNumber("--concurrency", values.concurrency, CONCURRENCY_MAX),
    systemPromptFile: values["system-prompt"] ?? null,
    moderation: values.moderation,
    name: values.name === undefined ? undefined : fileName(values.name),
    out: values.out,
    cases: values.cases,
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        help: { type: "boolean", default: false },
        compare: { type: "boolean", default: false },
        category: { type: "string", multiple: true, default: [] },
        language: { type: "string" },
        limit: { type: "string" },
        runs: { type: "string", default: "1" },
        concurrency: { type: "string", default: "4" },
        "system-prompt": { type: "string" },
        moderation: { type: "boolean", default: false },
        name: { type: "string" },
        out: { type: "string", default: "data/eval" },
        cases: { type: "string" },
      },
    });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new YingdaError("bad_config", `${why}\n${USAGE}`);
  }
}

function wholeNumber(option: string, given: string, max: number): number {
  const number = Number(given);
  if (Number.isInteger(number) && number >= 1 && number <= max) return number;
  throw new YingdaError("bad_config", `${option} must be a whole number from 1 to ${max}.`);
}

/** A name that is one file's on every system. */
export function fileName(name: string): string {
  return (
    name
      .replaceAll(/[^\p{L}\p{N}._-]+/gu, "-")
      .replaceAll(/^[.-]+|-+$/g, "")
      .slice(0, 100) || "run"
  );
}
