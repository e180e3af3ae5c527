import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Normaliser } from "../../src/moderation/text/normaliser.ts";
import { textOf } from "../../src/moderation/text/view.ts";
import { harmlessSentences } from "./harmless-sentences.ts";
import { percentileOf } from "./random.ts";
import type { Example, Part } from "./train.ts";

/** Where rows come from, which of them train, and how they are kept apart. */

export interface Row extends Example {
  /** The collection, with its language where it has two. */
  set: string;
}

interface Collection {
  /** Its file is `NAME.jsonl`. */
  name: string;
  /** Collections of one source are left out together. Without it: the name. */
  source?: string;
  licence: string;
  /** Weight of a row in training; 0: the whole collection is only for tests, so that they see a source never trained on. */
  weight: number;
  /** Rows with one key stay in one part. Without it: every row for itself. */
  key?: (record: DataRecord) => string;
  /** The part that the collection itself says. */
  part?: (record: DataRecord) => Part;
  /** Which rows count, where not all do. */
  takes?: (record: DataRecord) => boolean;
}

interface DataRecord {
  id: string;
  text: string;
  label: "safe" | "unsafe";
  category: string;
  lang: string;
  split: string;
}

const COLD_PARTS: Readonly<Record<string, Part>> = { train: "learn", dev: "calibrate" };
const byCategory = ({ category }: DataRecord) => category;
/** XSTest has harmless kinds, each with harmful contrasts: whole kinds are kept for the test. */
const XSTEST_TEST_KINDS = ["figurative_language", "safe_contexts", "historical_events", "privacy"];
const xstestPart = ({ id, category }: DataRecord): Part =>
  XSTEST_TEST_KINDS.some((kind) => category.includes(kind)) ? "test" : percentileOf(id) < 15 ? "calibrate" : "learn";

/**
 * Only collections whose licence lets weights be passed on. Harmful requests count double, since a bot is asked and not only
 * scolded. The labels of COLD's train part were made with a machine's help, so they count less. JailBench wraps each seed in
 * many jailbreaks: its parts are cut by category, so that no seed is in two.
 */
export const COLLECTIONS: readonly Collection[] = [
  { name: "cold", licence: "Apache-2.0", weight: 0.25, part: ({ split }) => COLD_PARTS[split] ?? "test" },
  { name: "jade_zh", licence: "MIT", weight: 2 },
  { name: "jailbench_seed_zh", source: "jailbench", licence: "MIT", weight: 4, key: byCategory },
  { name: "jailbench_attack_zh", source: "jailbench", licence: "MIT", weight: 0.3, key: byCategory },
  { name: "catqa", licence: "Apache-2.0", weight: 2, key: byCategory },
  { name: "advbench", licence: "MIT", weight: 1 },
  { name: "harmbench", licence: "MIT", weight: 0, takes: ({ category }) => !category.startsWith("copyright") },
  { name: "jailbreak_templates_en", licence: "MIT", weight: 0 },
  { name: "openai_mod", licence: "MIT", weight: 1 },
  { name: "xstest", licence: "CC BY 4.0", weight: 2, part: xstestPart },
  { name: "chinesesafetyqa_safe", licence: "MIT", weight: 1.5 },
  { name: "cvalues_prompts_safe", licence: "Apache-2.0", weight: 1.5 },
  { name: "benign_belle_zh", licence: "ODC-By 1.0", weight: 1 },
  { name: "benign_alpaca_zh", licence: "MIT", weight: 1 },
  { name: "benign_roleplay_zh", licence: "MIT", weight: 2 },
  { name: "benign_smalltalk_zh", licence: "BSD-3-Clause", weight: 2 },
  { name: "office_benign", licence: "CC0-1.0", weight: 0 },
  { name: "pii_zh_synth", licence: "CC0-1.0", weight: 0, takes: ({ label }) => label === "safe" },
  { name: "injection_zh_en", licence: "CC0-1.0", weight: 0 },
  { name: "evasion_zh", licence: "CC0-1.0", weight: 0 },
];

/** Rows of the made-up office sentences, for each language. */
const MADE_UP = { count: 2500, weight: 1, seed: 7 };

/** The set and the source of reviewers' decisions. */
export const DECISIONS = "decisions";
/** A reviewer knows what the company's people write: such a row counts as much as this many others. */
const DECISION_WEIGHT = 8;

/** All rows of the collections in the folder. Throws Error, which names the file and quotes nothing of it. */
export function readCollections(folder: string): Row[] {
  return COLLECTIONS.flatMap((collection) => rowsOf(collection, folder));
}

/** Harmless sentences of our own. */
export function madeUpRows(): Row[] {
  return harmlessSentences(MADE_UP.count, MADE_UP.seed).map(({ text, lang }) => ({
    text,
    harmful: false,
    weight: MADE_UP.weight,
    set: `made_up/${lang}`,
    source: "made_up",
    part: cut(text),
  }));
}

/**
 * Reviewers' decisions: a JSON object a line, `text` and `label` (`unsafe` or `safe`); anything else in it is ignored. Throws
 * Error with the number of a line that is not one.
 */
export function readDecisions(file: string): Row[] {
  return readLines(file).map(({ value, line }) => {
    const { text, label } = recordOf(value);
    if (typeof text !== "string" || (label !== "unsafe" && label !== "safe")) {
      throw new Error(`${file}, line ${line}: needs "text", and "label" that is "unsafe" or "safe"`);
    }
    return {
      text,
      harmful: label === "unsafe",
      weight: DECISION_WEIGHT,
      set: DECISIONS,
      source: DECISIONS,
      part: cut(text),
    };
  });
}

/**
 * Decisions weighed so that harmful and harmless ones count alike: reviewers mostly see what was flagged, and which kind of
 * mistake is frequent there must not teach the model that everything is harmful. Throws Error when one kind is too rare.
 */
export function balanced(decisions: readonly Row[]): Row[] {
  const learned = decisions.filter(({ part }) => part === "learn");
  const countOf = (harmful: boolean) => learned.filter((row) => row.harmful === harmful).length;
  const [harmful, harmless] = [countOf(true), countOf(false)];
  if (Math.min(harmful, harmless) < DECISIONS_MIN) {
    throw new Error(
      `${harmful} unsafe and ${harmless} safe decisions to learn from: at least ${DECISIONS_MIN} of each kind are needed (70 % of all are learned from)`,
    );
  }
  return decisions.map((row) => ({ ...row, weight: learned.length / (2 * (row.harmful ? harmful : harmless)) }));
}

/** With fewer of a kind the model learns these texts by heart and nothing else. */
const DECISIONS_MIN = 50;

/**
 * Keeps one of the rows that read alike: a reviewer's before any other, since he knows the company; then a test's before one
 * to learn from, so that no test row was trained on.
 */
export function withoutRepeats(rows: readonly Row[]): Row[] {
  const order: Readonly<Record<Part, number>> = { test: 0, calibrate: 1, learn: 2 };
  const rank = ({ set, part }: Row) => order[part] + (set === DECISIONS ? 0 : 3);
  const seen = new Set<string>();
  return [...rows]
    .sort((one, other) => rank(one) - rank(other))
    .filter(({ text }) => {
      const key = squeezed(text);
      if (key === "" || seen.has(key)) return false;
      seen.add(key);
      return true;
    });
}

function rowsOf(collection: Collection, folder: string): Row[] {
  const { name, source = name, weight, key = ({ id }: DataRecord) => id, takes = () => true } = collection;
  const file = join(folder, `${name}.jsonl`);
  if (!existsSync(file))
    throw new Error(`${file} is missing: --data names the folder with the collections of docs/models/classifier.md`);
  const records = readLines(file).map(({ value, line }) => checked(value, `${file}, line ${line}`));
  const part = weight === 0 ? () => "test" as const : (collection.part ?? ((record) => cut(key(record))));
  const languages = new Set(records.map(({ lang }) => lang));
  return records.filter(takes).map((record) => ({
    text: record.text,
    harmful: record.label === "unsafe",
    weight,
    source,
    set: languages.size > 1 ? `${name}/${record.lang}` : name,
    part: part(record),
  }));
}

/** 70 % learn, 10 % calibrate, 20 % test. */
function cut(key: string): Part {
  const percentile = percentileOf(key);
  return percentile < 70 ? "learn" : percentile < 80 ? "calibrate" : "test";
}

function checked(value: unknown, where: string): DataRecord {
  const { id, text, label, category, lang, split } = recordOf(value);
  if (typeof id !== "string" || typeof text !== "string" || (label !== "safe" && label !== "unsafe")) {
    throw new Error(`${where}: needs "id", "text", and "label" that is "unsafe" or "safe"`);
  }
  return { id, text, label, category: String(category), lang: String(lang), split: String(split) };
}

function recordOf(value: unknown): Partial<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function readLines(file: string): { value: unknown; line: number }[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .flatMap((text, index) => {
      if (text.trim() === "") return [];
      try {
        return [{ value: JSON.parse(text), line: index + 1 }];
      } catch {
        // The parser's message would quote the line.
        throw new Error(`${file}, line ${index + 1}: not JSON`);
      }
    });
}

function squeezed(text: string): string {
  const views = new Normaliser(text.length);
  views.push(text);
  views.end();
  return textOf(views.squeezed);
}
