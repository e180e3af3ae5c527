import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { YingdaError } from "../src/base/errors.ts";
import { caseFileSchema, type EvalCase } from "./case-schema.ts";

export const CASES_FOLDER = join(import.meta.dirname, "cases");

export interface CaseFilter {
  categories: readonly string[];
  language: string | undefined;
  /** At most so many, taken evenly from all categories; undefined: all. */
  limit: number | undefined;
}

/** All cases of a folder, by category. Throws `bad_config` with one line per fault. */
export function readCases(folder = CASES_FOLDER): EvalCase[] {
  const files = readdirSync(folder).filter((name) => name.endsWith(".yaml"));
  const cases = files.sort().flatMap((name) => casesIn(name, readFileSync(join(folder, name), "utf8")));
  const twice = cases.map(({ id }) => id).filter((id, index, ids) => ids.indexOf(id) !== index);
  if (twice.length > 0) throw new YingdaError("bad_config", `Cases with the same name: ${twice.join(", ")}`);
  return cases;
}

/** The cases of one file's text. Throws `bad_config`. */
export function casesIn(file: string, yaml: string): EvalCase[] {
  let given: unknown;
  try {
    given = parse(yaml);
  } catch (error) {
    throw new YingdaError("bad_config", `${file} is no YAML: ${String(error)}`);
  }
  const read = caseFileSchema.safeParse(given);
  if (!read.success) throw new YingdaError("bad_config", `${file}:\n${z.prettifyError(read.error)}`);
  const { category, language, cases } = read.data;
  return cases.map((one) => ({ ...one, id: `${category}/${language}/${one.id}`, category, language }));
}

/** The chosen cases. Throws `bad_config` for a category that does not exist, and when nothing is left. */
export function chosenCases(cases: readonly EvalCase[], filter: CaseFilter): EvalCase[] {
  const known = new Set(cases.map(({ category }) => category));
  const unknown = filter.categories.filter((name) => !known.has(name));
  if (unknown.length > 0) {
    const there = [...known].join(", ");
    throw new YingdaError("bad_config", `No category ${unknown.join(", ")}; there are: ${there}`);
  }
  const left = cases
    .filter(({ category }) => filter.categories.length === 0 || filter.categories.includes(category))
    .filter(({ language }) => filter.language === undefined || language === filter.language);
  if (left.length === 0) throw new YingdaError("bad_config", "No case is left of what was chosen.");
  return filter.limit === undefined ? left : evenly(left, filter.limit);
}

/** The first of each category and language, then the second of each, and so on: a short run touches everything. */
function evenly(cases: readonly EvalCase[], limit: number): EvalCase[] {
  const groups = [...Map.groupBy(cases, ({ category, language }) => `${category}/${language}`).values()];
  const longest = Math.max(...groups.map((group) => group.length));
  const inTurn = Array.from({ length: longest }, (_, index) => groups.flatMap((group) => group[index] ?? [])).flat();
  const taken = new Set(inTurn.slice(0, limit));
  return cases.filter((one) => taken.has(one));
}
