import { readFileSync } from "node:fs";
import type { Classifier } from "../../src/moderation/classifier/classifier.ts";
import type { Guard } from "../../src/moderation/guard/guard.ts";
import { createModerator } from "../../src/moderation/moderator.ts";
import { loadPolicy, type Policy } from "../../src/moderation/policy/policy.ts";
import type { Checker, ModerationContext, Moderator, Verdict } from "../../src/moderation/verdict.ts";
import { forbids } from "../../src/moderation/verdict.ts";
import type { Proportion } from "./proportion.ts";
import type { Row } from "./sets.ts";

/** What was counted of one group of texts. */
export interface Counts {
  texts: number;
  refused: number;
  /** Refused, or looked at by people. */
  flagged: number;
  masked: number;
  /** Refused, looked at, or a word of a list found that would count beside another sign. */
  found: number;
  /** Texts in which a checker found anything that counts. */
  by: Record<Checker, number>;
  usMedian: number;
}

const CHECKERS: readonly Checker[] = ["lexicon", "rules", "personal", "classifier", "guard", "risk"];

export interface Judges {
  policy: Policy;
  classifier: Classifier | null;
  guard: Guard | null;
}

/** Judges every text as a member's question, or as an answer to one. */
export async function measure(rows: readonly Row[], judges: Judges): Promise<Counts> {
  const moderator = createModerator(judges);
  const counts: Counts = {
    texts: rows.length,
    refused: 0,
    flagged: 0,
    masked: 0,
    found: 0,
    by: Object.fromEntries(CHECKERS.map((checker) => [checker, 0])) as Record<Checker, number>,
    usMedian: 0,
  };
  const tookUs: number[] = [];
  for (const { text, direction } of rows) {
    const beganMs = performance.now();
    const verdict = await judged(moderator, text, direction);
    tookUs.push((performance.now() - beganMs) * 1000);
    if (forbids(verdict)) counts.refused += 1;
    if (verdict.flagged) counts.flagged += 1;
    if (verdict.redactions.length > 0) counts.masked += 1;
    if (verdict.flagged || speaks(verdict, "lexicon", judges.policy)) counts.found += 1;
    for (const checker of CHECKERS) if (speaks(verdict, checker, judges.policy)) counts.by[checker] += 1;
  }
  counts.usMedian = tookUs.sort((one, other) => one - other)[tookUs.length >> 1] ?? 0;
  return counts;
}

async function judged(moderator: Moderator, text: string, direction: Row["direction"]): Promise<Verdict> {
  const { signal } = new AbortController();
  const context: ModerationContext = { direction, audience: "internal", traceId: "eval", signal };
  if (direction === "answer") {
    const stream = moderator.openStream("", context);
    stream.push(text);
    return stream.finish(signal);
  }
  const local = await moderator.check(text, context);
  return (await moderator.guardQuestion(text, local, context)) ?? local;
}

function speaks(verdict: Verdict, checker: Checker, policy: Policy): boolean {
  const least = checker === "classifier" ? policy.thresholds.internal.style : 0;
  return verdict.signals.some((signal) => signal.checker === checker && signal.confidence >= least);
}

const SHARES = ["refused", "flagged", "masked", "found"] as const;
type Share = (typeof SHARES)[number];

function isShare(what: Share | Checker): what is Share {
  return (SHARES as readonly string[]).includes(what);
}

/** The share of one count. */
export function shareOf(counts: Counts, what: Share | Checker): Proportion {
  return { hits: isShare(what) ? counts[what] : counts.by[what], of: counts.texts };
}

/** The policy that ships, with these words as a list of the first tier: people look at a text with one of them. */
export function policyWithTerms(terms: readonly string[]): Policy {
  const path = new URL("../../src/moderation/policy/default-policy.yaml", import.meta.url);
  const list = { id: "measured", category: "illegal", tier: "T1", terms };
  return loadPolicy(`${readFileSync(path, "utf8")}\nlexicon: ${JSON.stringify([list])}\n`);
}
