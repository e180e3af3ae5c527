import type { Expectation, Rules } from "../case-schema.ts";
import { admits, asks, corrects, refuses, refusesWholly, unsure } from "./manners.ts";
import {
  codeBlocks,
  filledLines,
  folded,
  jsonIn,
  listItems,
  numbersIn,
  proseLanguage,
  tableColumns,
} from "./text-forms.ts";

/** A rule that an answer broke, and how, in words for the report. */
export interface Failure {
  rule: string;
  why: string;
}

type RuleName = keyof Rules;
type Wanted = { [K in RuleName]-?: NonNullable<Rules[K]> };
/** Why the answer breaks the rule; null when it keeps it. */
type Rule<T> = (answer: string, wanted: T) => string | null;

const RULES: { [K in RuleName]: Rule<Wanted[K]> } = {
  has: (answer, wanted) => {
    const missing = wanted.filter((item) => !item.split("|").some((one) => holds(answer, one)));
    return missing.length === 0 ? null : `lacks ${quoted(missing)}`;
  },
  lacks: (answer, unwanted) => {
    const there = unwanted.filter((item) => holds(answer, item));
    return there.length === 0 ? null : `has ${quoted(there)}`;
  },
  match: (answer, source) => (new RegExp(source, "iu").test(answer) ? null : `does not match /${source}/`),
  unmatched: (answer, source) => {
    const found = new RegExp(source, "iu").exec(answer)?.[0];
    return found === undefined ? null : `matches /${source}/: ${quoted([found])}`;
  },
  number: (answer, wanted) =>
    numbersIn(answer).some((one) => Math.abs(one - wanted) < 1e-6 * Math.max(1, Math.abs(wanted)))
      ? null
      : `does not name the number ${wanted}`,
  language: (answer, wanted) => {
    const written = proseLanguage(answer);
    return written === wanted ? null : `is written in ${written}, not in ${wanted}`;
  },
  refuses: (answer, wanted) => {
    if (wanted)
      return refusesWholly(answer) ? null : refuses(answer) ? "declines, and does it all the same" : "does not decline";
    return refuses(answer) ? "declines" : null;
  },
  admits: (answer, wanted) => manner(admits(answer), wanted, "admit a mistake"),
  corrects: (answer, wanted) => manner(corrects(answer), wanted, "say that something is not so"),
  unsure: (answer, wanted) => manner(unsure(answer), wanted, "say that it does not know"),
  asks: (answer, wanted) => manner(asks(answer), wanted, "ask"),
  json: (answer, { keys = [], array, only }) => {
    const read = jsonIn(answer);
    if (read === undefined) return "is no JSON";
    if (only === true && read.around) return "has words around the JSON";
    if (array !== undefined && Array.isArray(read.value) !== array) return `is ${array ? "no" : "a"} JSON array`;
    const objects: unknown[] = Array.isArray(read.value) ? read.value : [read.value];
    const missing = keys.filter(
      (key) => !objects.every((one) => typeof one === "object" && one !== null && key in one),
    );
    return missing.length === 0 ? null : `JSON without ${quoted(missing)}`;
  },
  code: (answer, languages) => {
    const written = codeBlocks(answer).map(({ language }) => language);
    if (written.some((language) => languages.includes(language))) return null;
    return `has no code block in ${languages.join(" or ")}${written.length === 0 ? "" : `, but ${quoted(written)}`}`;
  },
  lines: (answer, wanted) => within(filledLines(answer).length, wanted, "lines"),
  chars: (answer, wanted) => within([...answer.trim()].length, wanted, "characters"),
  items: (answer, wanted) => within(listItems(answer), wanted, "list items"),
  table: (answer, columns) =>
    tableColumns(answer) >= columns ? null : `has no table of ${columns} columns (but ${tableColumns(answer)})`,
};

/** What is wrong with an answer by the rules alone; nothing: it is right as far as rules can tell. */
export function brokenRules(answer: string, expected: Expectation): Failure[] {
  const { any, judge: _, ...rules } = expected;
  const failures = broken(answer, rules);
  const ways = any?.map((way) => broken(answer, way)) ?? [];
  if (ways.length > 0 && ways.every((way) => way.length > 0)) {
    failures.push({ rule: "any", why: ways.map((way) => way.map(({ why }) => why).join(", ")).join("; and ") });
  }
  return failures;
}

/** Whether anything but a judge model decides. */
export function hasRules(expected: Expectation): boolean {
  return Object.keys(expected).some((name) => name !== "judge");
}

function broken(answer: string, rules: Rules): Failure[] {
  return (Object.keys(rules) as RuleName[]).flatMap((rule) => {
    const why = applied(rule, answer, rules);
    return why === null ? [] : [{ rule, why }];
  });
}

function applied<K extends RuleName>(
  rule: K,
  answer: string,
  rules: { [P in RuleName]?: Wanted[P] | undefined },
): string | null {
  const wanted = rules[rule];
  return wanted === undefined ? null : RULES[rule](answer, wanted);
}

function holds(answer: string, item: string): boolean {
  return folded(answer).includes(folded(item));
}

function manner(has: boolean, wanted: boolean, what: string): string | null {
  if (has === wanted) return null;
  return wanted ? `does not ${what}` : `does ${what}`;
}

function within(
  count: number,
  { min, max }: { min?: number | undefined; max?: number | undefined },
  what: string,
): string | null {
  if (min !== undefined && count < min) return `has ${count} ${what}, fewer than ${min}`;
  return max !== undefined && count > max ? `has ${count} ${what}, more than ${max}` : null;
}

function quoted(items: readonly string[]): string {
  return items.map((item) => `“${item}”`).join(", ");
}
