import { DISGUISED } from "./phrases/phrase.ts";
import type { CategoryPolicy, DecisionTable, Stage, Thresholds } from "./policy/policy.ts";
import {
  ACTIONS,
  type Action,
  type Audience,
  CATEGORIES,
  type Severity,
  type Signal,
  type Verdict,
} from "./verdict.ts";

/** Checkers that weigh a whole text. One of them may act alone; the lexicon knows words, and a classifier only style. */
const JUDGES: ReadonlySet<string> = new Set(["rules", "guard"]);

/** How much a signal proves: `certain` acts, `likely` flags, `hint` only stands beside a judge's doubt. */
const WEIGHTS = ["none", "hint", "likely", "certain"] as const;
type Weight = (typeof WEIGHTS)[number];

/** The strictest action that a stage lets through. */
const STAGE_LIMIT: Record<Stage, Action> = { shadow: "allow", warn: "flag", enforce: "pause" };

/**
 * Makes the verdict from what the checkers found. Pure; more signals never make it milder.
 *
 * A category acts on one certain signal (a T0 term, a rule or guard above its threshold), or on a judge in doubt whom
 * another checker bears out. A T1 term alone flags, a T2 term alone does nothing. The strictest category decides.
 */
export function decide(
  signals: readonly Signal[],
  policy: DecisionTable,
  { direction, audience }: { direction: "question" | "answer"; audience: Audience },
): Verdict {
  const acting = CATEGORIES.map((category) => {
    const rules = policy.categories[category];
    const found = signals.filter((signal) => signal.category === category);
    const action = actionOf(found, rules, rules[direction][audience], policy.thresholds[audience]);
    return { category, action, severity: rules.severity };
  })
    .filter(({ action }) => action !== "allow")
    .sort(stricter);
  return {
    action: acting[0]?.action ?? "allow",
    categories: acting.map(({ category }) => category),
    severity: acting.map(({ severity }) => severity).sort()[0] ?? null,
    signals: [...signals],
    redactions: acting
      .filter(({ action }) => action === "redact")
      .flatMap(({ category }) => signals.filter((signal) => signal.category === category))
      .flatMap(({ spans }) => spans),
    policyVersion: policy.version,
  };
}

function actionOf(signals: readonly Signal[], rules: CategoryPolicy, wanted: Action, thresholds: Thresholds): Action {
  const weighed = signals.map((signal) => ({ judge: JUDGES.has(signal.checker), weight: weigh(signal, thresholds) }));
  const atLeast = (weight: Weight) => weighed.filter((one) => WEIGHTS.indexOf(one.weight) >= WEIGHTS.indexOf(weight));
  const borneOut = atLeast("likely").some(({ judge }) => judge) && atLeast("hint").some(({ judge }) => !judge);
  const limit = STAGE_LIMIT[rules.stage];
  if (atLeast("certain").length > 0 || borneOut) return milder(wanted, limit);
  if (atLeast("likely").length > 0) return milder(milder(wanted, "flag"), limit);
  return "allow";
}

function weigh(signal: Signal, thresholds: Thresholds): Weight {
  if (signal.tier !== undefined) return weighTerm(signal.tier, signal.confidence);
  if (!JUDGES.has(signal.checker)) return signal.confidence >= thresholds.act ? "likely" : "none";
  if (signal.confidence >= thresholds.act) return "certain";
  return signal.confidence >= thresholds.flag ? "likely" : "none";
}

/** Letters that may have come together by chance count one tier lower. */
function weighTerm(tier: "T0" | "T1" | "T2", confidence: number): Weight {
  const sure = confidence >= DISGUISED;
  if (tier === "T0") return sure ? "certain" : "likely";
  if (tier === "T1") return sure ? "likely" : "hint";
  return sure ? "hint" : "none";
}

function milder(one: Action, other: Action): Action {
  return ACTIONS.indexOf(one) < ACTIONS.indexOf(other) ? one : other;
}

/** By action, then severity, then the order of CATEGORIES. */
function stricter(one: { action: Action; severity: Severity }, other: { action: Action; severity: Severity }): number {
  return ACTIONS.indexOf(other.action) - ACTIONS.indexOf(one.action) || one.severity.localeCompare(other.severity);
}
