import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Messages } from "../messages.ts";
import type { Ruleset } from "../phrases/text-scan.ts";
import { finished, finishedGently, type Steps } from "../steps.ts";
import { type Action, type Audience, CATEGORIES, type Category, type Severity, type Stage } from "../verdict.ts";
import { packNames, readCommonWords, readPack } from "./packs.ts";
import { policySchema, type WrittenPolicy } from "./policy-schema.ts";
import { badPolicy, parseYaml } from "./policy-yaml.ts";
import { exampleSteps, rulesetSteps } from "./ruleset.ts";

export interface CategoryPolicy {
  severity: Severity;
  stage: Stage;
  question: Record<Audience, Action>;
  answer: Record<Audience, Action>;
  /** Strikes that a refused question of this category counts. */
  strikes: number;
}

/**
 * From which confidence a judging checker (rules, guard, personal data) may act, and from which it flags; and from which the
 * classifier's word counts as a hint.
 */
export interface Thresholds {
  act: number;
  flag: number;
  style: number;
}

/** What `decide` reads: plain data. */
export interface DecisionTable {
  version: string;
  /** The policy's own; that of a category may be milder. */
  stage: Stage;
  guard: Pick<WrittenPolicy["guard"], "stage">;
  categories: Record<Category, CategoryPolicy>;
  thresholds: Record<Audience, Thresholds>;
  /** What happens to a text that a checker could not judge. */
  faults: Record<Audience, Action>;
}

export interface Policy
  extends DecisionTable,
    Pick<WrittenPolicy, "audience" | "label" | "strikes" | "risk" | "fourEyes"> {
  guard: WrittenPolicy["guard"];
  ruleset: Ruleset;
  retention: { rawDays: number; maskedDays: number };
  messages: Messages;
}

/**
 * Reads a policy from YAML text; `undefined` gives the one that ships with the service. The version carries a digest of the
 * text and of the packs it names, so that a decision names exactly the policy that made it. Every rule is tried on its own
 * examples. Throws `bad_config` with one line for each fault.
 */
export function loadPolicy(text: string | undefined): Policy {
  const source = text ?? readFileSync(new URL("./default-policy.yaml", import.meta.url), "utf8");
  return finished(policySteps(source, parseYaml(source, policySchema)));
}

/**
 * Makes a policy of what was read elsewhere (policy-reader.ts), letting others work meanwhile: a list of 50,000 words takes
 * a second or two, and answers go on streaming. Rejects as `loadPolicy` throws.
 */
export async function compilePolicy(source: string, written: WrittenPolicy): Promise<Policy> {
  return finishedGently(policySteps(source, written));
}

function* policySteps(source: string, written: WrittenPolicy): Steps<Policy> {
  const faults: string[] = [];
  const digest = createHash("sha256").update(source);
  const common = readCommonWords();
  const packs = written.packs.flatMap((name) => {
    const found = readPack(name);
    if (found === null) faults.push(`packs: there is no pack ${name}; there are ${packNames().join(", ")}`);
    digest.update(found?.source ?? "");
    return found === null ? [] : [{ name, ...found.pack }];
  });
  if (packs.length > 0) digest.update(common.source);
  const ruleset = yield* rulesetSteps([...packs, { name: "policy", ...written }], written.stages, common.words, faults);
  if (faults.length === 0) yield* exampleSteps(ruleset, faults);
  if (faults.length > 0) throw badPolicy(faults);

  const { stage, retention, thresholds, messages, audience, label, guard, strikes, risk, fourEyes } = written;
  const categories = Object.fromEntries(
    CATEGORIES.map((category) => [
      category,
      { ...written.categories[category], stage: written.categories[category].stage ?? stage },
    ]),
  ) as Record<Category, CategoryPolicy>;
  const version = `${written.version}+${digest.digest("hex").slice(0, 8)}`;
  const settings = { retention, messages, audience, label, guard, strikes, risk, fourEyes };
  return { version, stage, categories, thresholds, faults: written.faults, ruleset, ...settings };
}
