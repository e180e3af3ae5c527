import { DISGUISED, HEARD } from "./phrases/phrase.ts";
import type { CategoryPolicy, DecisionTable, Thresholds } from "./policy/policy.ts";
import {
  ACTIONS,
  type Action,
  type Audience,
  CATEGORIES,
  type Checker,
  type Decision,
  type Fault,
  milder,
  type Reason,
  type Severity,
  type Signal,
  STAGES,
  type Stage,
  stricter,
} from "./verdict.ts";

/** What is judged, and which checkers gave no judgement on it. */
export interface Judged {
  direction: "question" | "answer";
  audience: Audience;
  faults?: readonly Fault[];
}

/** Checkers that weigh a whole text. One of them may act alone; the lexicon knows words, a classifier only style. */
const JUDGES: ReadonlySet<Checker> = new Set(["rules", "guard", "personal"]);

/** How much a signal proves: `certain` acts, `likely` flags, `hint` only stands beside another's doubt. */
const WEIGHTS = ["none", "hint", "likely", "certain"] as const;
type Weight = (typeof WEIGHTS)[number];

interface Weighed {
  signal: Signal;
  weight: Weight;
}

/** The strictest action that a stage lets through. */
const STAGE_LIMIT: Record<Stage, Action> = { shadow: "allow", warn: "flag", enforce: "pause" };

/** The severity of a flag that no category gives one: a checker was away, or only the style is odd. */
const SEVERITY_OF_NONE: Severity = "P3";

/**
 * Makes the verdict from what the checkers found. Pure; more signals or faults never make it milder.
 *
 * A category acts on one certain signal (a T0 term, a rule or guard above its threshold), or on a judge in doubt whom
 * another checker bears out. A T1 term alone flags, a T2 term alone does nothing, two hints of different checkers flag. A
 * signal counts no further than its own stage and its category's. The strictest category decides.
 */
export function decide(signals: readonly Signal[], table: DecisionTable, judged: Judged): Decision {
  const { direction, audience, faults = [] } = judged;
  const weighed = signals.map((signal) => ({ signal, weight: weigh(signal, table.thresholds[audience]) }));
  const acting = [
    ...CATEGORIES.flatMap((category): (Reason & { severity: Severity })[] => {
      const row = table.categories[category];
      const { action, because } = weigher(weighed, category, row)(row[direction][audience]);
      const cell = `${direction}.${audience}`;
      return action === "allow" ? [] : [{ category, cell, action, because, severity: row.severity }];
    }),
    ...reasonsOfFaults(faults, weighed, table, audience),
  ].sort(byStrictness);
  const redacting = acting.filter(({ action }) => action === "redact");
  return {
    action: acting[0]?.action ?? "allow",
    flagged: acting.some(({ action }) => action !== "redact"),
    categories: acting.flatMap(({ category }) => category ?? []),
    severity: acting.map(({ severity }) => severity).sort()[0] ?? null,
    signals: [...signals],
    reasons: acting.map(({ severity: _, ...reason }) => reason),
    redactedCategories: redacting.flatMap(({ category }) => category ?? []),
    faults: [...faults],
    policyVersion: table.version,
  };
}

/** What a category does about the signals, given what its cell wants. Each stage acts on the signals that reach it. */
function weigher(weighed: readonly Weighed[], category: Signal["category"], row: CategoryPolicy) {
  const own = weighed.filter(({ signal }) => signal.category === category);
  const beside = own.length === 0 ? [] : weighed.filter(({ signal }) => signal.category === null);
  return (wanted: Action): { action: Action; because: string[] } => {
    let best: { action: Action; because: string[] } = { action: "allow", because: [] };
    for (const stage of STAGES) {
      const reaching = [...own, ...beside].filter(({ signal }) => reaches(signal.stage, row.stage, stage));
      const { limit, because } = proofIn(reaching);
      const action = milder(within(limit, wanted), STAGE_LIMIT[stage]);
      if (stricter(action, best.action) !== best.action) best = { action, because };
    }
    return best;
  };
}

/** What is wanted, as far as the proof goes. Masking takes no more proof than a flag: a doubtful number is masked as well. */
function within(limit: Action, wanted: Action): Action {
  return wanted === "redact" && limit !== "allow" ? wanted : milder(wanted, limit);
}

function reaches(own: Stage | undefined, category: Stage, stage: Stage): boolean {
  const far = (one: Stage) => STAGES.indexOf(one);
  return Math.min(far(own ?? "enforce"), far(category)) >= far(stage);
}

/** How far the signals allow to go, and which of them say so. */
function proofIn(weighed: readonly Weighed[]): { limit: Action; because: string[] } {
  const atLeast = (weight: Weight) => weighed.filter((one) => WEIGHTS.indexOf(one.weight) >= WEIGHTS.indexOf(weight));
  const certain = atLeast("certain");
  if (certain.length > 0) return { limit: "pause", because: rulesOf(certain) };
  const likely = atLeast("likely");
  const hints = atLeast("hint");
  const doubting = likely.filter(({ signal }) => JUDGES.has(signal.checker));
  const bearing = doubting.flatMap((one) => hints.filter((other) => other.signal.checker !== one.signal.checker));
  if (bearing.length > 0) return { limit: "pause", because: rulesOf([...doubting, ...bearing]) };
  if (likely.length > 0) return { limit: "flag", because: rulesOf(likely) };
  const several = new Set(hints.map(({ signal }) => signal.checker)).size > 1;
  return several ? { limit: "flag", because: rulesOf(hints) } : { limit: "allow", because: [] };
}

function rulesOf(weighed: readonly Weighed[]): string[] {
  return [...new Set(weighed.map(({ signal }) => signal.rule))].sort();
}

/**
 * A checker that is away: the policy's `faults`, no further than the policy's stage and the guard's own. Without the guard,
 * harmful style alone makes people look.
 */
function reasonsOfFaults(
  faults: readonly Fault[],
  weighed: readonly Weighed[],
  table: DecisionTable,
  audience: Audience,
): (Reason & { severity: Severity })[] {
  const about = { category: null, cell: `faults.${audience}`, severity: SEVERITY_OF_NONE } as const;
  const { stage, guard } = table;
  const limitOf = (fault: Fault): Action =>
    milder(STAGE_LIMIT[stage], STAGE_LIMIT[fault === "guard" ? guard.stage : stage]);
  const reasons: (Reason & { severity: Severity })[] = faults.map((fault) => {
    return { ...about, action: milder(table.faults[audience], limitOf(fault)), because: [`${fault}-away`] };
  });
  const style = weighed.filter(({ signal, weight }) => signal.checker === "classifier" && weight !== "none");
  if (faults.includes("guard") && style.length > 0) {
    reasons.push({ ...about, action: milder("flag", limitOf("guard")), because: [...rulesOf(style), "guard-away"] });
  }
  return reasons.filter(({ action }) => action !== "allow");
}

function weigh(signal: Signal, thresholds: Thresholds): Weight {
  const { checker, tier, confidence } = signal;
  if (tier !== undefined) return weighTerm(tier, confidence);
  if (!JUDGES.has(checker)) return confidence >= thresholds.style ? "hint" : "none";
  if (confidence >= thresholds.act) return "certain";
  return confidence >= thresholds.flag ? "likely" : "none";
}

/** What was only heard makes people look; letters that may have come together by chance count one tier lower. */
function weighTerm(tier: "T0" | "T1" | "T2", confidence: number): Weight {
  if (confidence >= DISGUISED) return tier === "T0" ? "certain" : tier === "T1" ? "likely" : "hint";
  if (tier === "T2") return "none";
  return tier === "T0" || confidence >= HEARD ? "likely" : "hint";
}

/** By action, then severity, then the order of CATEGORIES. */
function byStrictness(one: { action: Action; severity: Severity }, other: { action: Action; severity: Severity }) {
  return ACTIONS.indexOf(other.action) - ACTIONS.indexOf(one.action) || one.severity.localeCompare(other.severity);
}
