import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { parseDocument } from "yaml";
import { z } from "zod";
import { YingdaError } from "../../base/errors.ts";
import { type Messages, messagesSchema } from "../messages.ts";
import { intentRuleSchema, phraseListsSchema, wordsOf } from "../phrases/intent-rules.ts";
import { phrasesOf, termListSchema } from "../phrases/lexicon.ts";
import { buildPhraseIndex, type Phrase } from "../phrases/phrase-index.ts";
import { type Owner, type Ruleset, TextScan } from "../phrases/text-scan.ts";
import { ACTIONS, type Action, type Audience, CATEGORIES, type Category, type Severity } from "../verdict.ts";

/**
 * `shadow`: what is found is noted in the verdict, nothing else happens. `warn`: people get to see flags, nothing is
 * refused or redacted. `enforce`: the policy acts.
 */
const STAGES = ["shadow", "warn", "enforce"] as const;
export type Stage = (typeof STAGES)[number];

export interface CategoryPolicy {
  severity: Severity;
  stage: Stage;
  question: Record<Audience, Action>;
  answer: Record<Audience, Action>;
}

/** From which confidence a judging checker (rules, guard) may act, and from which it flags. */
export interface Thresholds {
  act: number;
  flag: number;
}

/** What `decide` reads: plain data. */
export interface DecisionTable {
  version: string;
  categories: Record<Category, CategoryPolicy>;
  thresholds: Record<Audience, Thresholds>;
}

export interface Policy extends DecisionTable {
  /** What happens to a text that a checker could not judge. */
  faults: Record<Audience, Action>;
  ruleset: Ruleset;
  retention: { rawDays: number; maskedDays: number };
  messages: Messages;
}

/** A policy is written by hand; its long part is the lexicon. The limit keeps a wrong file (a dump, a log) from being parsed for minutes. */
const POLICY_UNITS_MAX = 16 * 1024 * 1024;
/** Uses of one shared word list. YAML aliases inside aliases could otherwise blow a small file up. */
const ALIASES_MAX = 1000;
/** Faults printed. The rest of a broken import says the same again. */
const FAULTS_SHOWN_MAX = 50;

const actionSchema = z.enum(ACTIONS);
/** One action for everybody, or one for each audience. */
const byAudienceSchema = z
  .union([actionSchema, z.strictObject({ internal: actionSchema, external: actionSchema })], {
    error: `must be one of ${ACTIONS.join(", ")}, or { internal: …, external: … } with one for each`,
  })
  .transform((actions) => (typeof actions === "string" ? { internal: actions, external: actions } : actions));

const thresholdsSchema = z
  .strictObject({ act: z.number().min(0).max(1), flag: z.number().min(0).max(1) })
  .refine(({ act, flag }) => flag <= act, "flag must not be above act");

const policySchema = z.strictObject({
  version: z.string().trim().min(1).max(40),
  stage: z.enum(STAGES).default("enforce"),
  retention: z
    .strictObject({ rawDays: z.int().min(1).max(3650), maskedDays: z.int().min(1).max(3650) })
    .refine(({ rawDays, maskedDays }) => rawDays <= maskedDays, "rawDays must not be above maskedDays"),
  faults: byAudienceSchema,
  thresholds: z.strictObject({ internal: thresholdsSchema, external: thresholdsSchema }),
  categories: z.record(
    z.enum(CATEGORIES),
    z.strictObject({
      severity: z.enum(["P0", "P1", "P2", "P3"]),
      /** Milder than the policy's stage while a category is being tried out. */
      stage: z.enum(STAGES).optional(),
      question: byAudienceSchema,
      answer: byAudienceSchema,
    }),
  ),
  messages: messagesSchema,
  allow: phraseListsSchema.default([]),
  lexicon: z.array(termListSchema).default([]),
  /** Word lists that rules share by YAML anchors; nothing else reads them. */
  words: z.record(z.string(), z.string()).default({}),
  rules: z.array(intentRuleSchema).default([]),
});

/**
 * Reads a policy from YAML text; `undefined` gives the one that ships with the service. The version carries a digest of the
 * text, so that a decision names exactly the policy that made it. Every rule is tried on its own examples.
 * Throws `bad_config` with one line for each fault.
 */
export function loadPolicy(text: string | undefined): Policy {
  const source = text ?? readFileSync(new URL("./default-policy.yaml", import.meta.url), "utf8");
  const written = parse(source);
  const faults: string[] = [];
  const ruleset = compile(written, faults);
  if (faults.length === 0) tryExamples(ruleset, faults);
  if (faults.length > 0) throw badPolicy(faults);

  const { stage, retention, thresholds, messages } = written;
  const categories = Object.fromEntries(
    CATEGORIES.map((category) => [
      category,
      { ...written.categories[category], stage: written.categories[category].stage ?? stage },
    ]),
  ) as Record<Category, CategoryPolicy>;
  const version = `${written.version}+${createHash("sha256").update(source).digest("hex").slice(0, 8)}`;
  return { version, categories, thresholds, faults: written.faults, ruleset, retention, messages };
}

function parse(source: string): z.infer<typeof policySchema> {
  if (source.length > POLICY_UNITS_MAX) throw badPolicy([`the file is larger than ${POLICY_UNITS_MAX} characters`]);
  const document = parseDocument(source, { prettyErrors: true });
  if (document.errors.length > 0) {
    throw badPolicy(document.errors.map((error) => error.message.split("\n", 1)[0] ?? "not YAML"));
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: ALIASES_MAX });
  } catch (error) {
    throw badPolicy([error instanceof Error ? error.message : "not YAML"]);
  }
  const checked = policySchema.safeParse(value);
  if (!checked.success) {
    throw badPolicy(checked.error.issues.map((issue) => `${issue.path.join(".") || "the file"}: ${issue.message}`));
  }
  return checked.data;
}

function compile(written: z.infer<typeof policySchema>, faults: string[]): Ruleset {
  const phrases: (Phrase<Owner> & { where: string })[] = [];
  for (const text of written.allow) phrases.push({ text, match: undefined, owner: { kind: "allow" }, where: "allow" });
  for (const list of written.lexicon) {
    for (const phrase of phrasesOf(list)) phrases.push({ ...phrase, where: `lexicon.${list.id}` });
  }
  for (const { text, word } of wordsOf(written.rules)) {
    const id = written.rules[word.roles[0]?.rule ?? 0]?.id ?? "";
    phrases.push({ text, match: undefined, owner: word, where: `rules.${id}` });
  }
  findTwins("lexicon", written.lexicon, faults);
  findTwins("rules", written.rules, faults);
  const index = buildPhraseIndex(phrases, ({ where, text }, fault) => {
    faults.push(`${where}: "${text.slice(0, 20)}" ${fault}`);
  });
  return { index, rules: written.rules };
}

function findTwins(where: string, things: { id: string }[], faults: string[]): void {
  const seen = new Set<string>();
  for (const { id } of things) {
    if (seen.has(id)) faults.push(`${where}: the id ${id} is given twice`);
    seen.add(id);
  }
}

/** A rule that misses what it was written for, or hits what it must not, is a mistake in the policy. */
function tryExamples(ruleset: Ruleset, faults: string[]): void {
  for (const rule of ruleset.rules) {
    const direction = rule.direction === "answer" ? "answer" : "question";
    const fires = (text: string) => {
      const scan = new TextScan(ruleset, direction);
      scan.push(text);
      scan.end();
      return scan.signals().some((signal) => signal.checker === "rules" && signal.rule === rule.id);
    };
    rule.hits.forEach((text, index) => {
      if (!fires(text)) faults.push(`rules.${rule.id}.hits.${index}: the rule does not hit this example`);
    });
    rule.passes.forEach((text, index) => {
      if (fires(text)) faults.push(`rules.${rule.id}.passes.${index}: the rule hits this example, which must pass`);
    });
  }
}

function badPolicy(faults: string[]): YingdaError {
  const more = faults.length > FAULTS_SHOWN_MAX ? [`… and ${faults.length - FAULTS_SHOWN_MAX} more`] : [];
  const lines = [...faults.slice(0, FAULTS_SHOWN_MAX), ...more].map((fault) => `  ${fault}`);
  return new YingdaError("bad_config", `The moderation policy cannot be used:\n${lines.join("\n")}`);
}
