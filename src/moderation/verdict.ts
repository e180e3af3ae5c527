/** What moderation says of a text. */

export const CATEGORIES = [
  "political",
  "terror_violence",
  "hate",
  "sexual",
  "minors",
  "illegal",
  "cyber",
  "self_harm",
  "insult",
  "pii",
  "secret",
  "ip_secret",
  "misinfo",
  "advice",
  "injection",
] as const;
export type Category = (typeof CATEGORIES)[number];

/**
 * `shadow`: what is found is noted in the verdict, nothing else happens. `warn`: people get to see flags, nothing is
 * refused or redacted. `enforce`: the policy acts.
 */
export const STAGES = ["shadow", "warn", "enforce"] as const;
export type Stage = (typeof STAGES)[number];

/** From mild to strict; combining verdicts takes the strictest. */
export const ACTIONS = ["allow", "flag", "redact", "refuse", "pause"] as const;
export type Action = (typeof ACTIONS)[number];

export function stricter(one: Action, other: Action): Action {
  return ACTIONS.indexOf(one) > ACTIONS.indexOf(other) ? one : other;
}

export function milder(one: Action, other: Action): Action {
  return ACTIONS.indexOf(one) < ACTIONS.indexOf(other) ? one : other;
}

/** P0 is looked at within 1 h, P1 4 h, P2 24 h, P3 72 h. */
export type Severity = "P0" | "P1" | "P2" | "P3";

/** `internal`: members of the company; `external`: everybody else. */
export type Audience = "internal" | "external";

/**
 * `lexicon`: words. `rules`: an act and its object. `personal`: personal data and secrets. `classifier`: the style of
 * harmful text. `guard`: a guard model. `risk`: how the conversation went so far.
 */
export type Checker = "lexicon" | "rules" | "personal" | "classifier" | "guard" | "risk";

/** One checker's finding. */
export interface Signal {
  checker: Checker;
  /** Null: the checker cannot name one; it speaks beside the signals of any category. */
  category: Category | null;
  /** 0 to 1. */
  confidence: number;
  /** Lexicon tier: T0 alone may refuse, T1 and T2 only with a second signal. */
  tier?: "T0" | "T1" | "T2";
  /** Of the rule or list that found it; without one the category's stage counts alone. */
  stage?: Stage;
  /** Offsets into the original text, UTF-16 code units, end exclusive. */
  spans: Span[];
  /** A term id or rule id, for the reviewer; never the text itself. */
  rule: string;
}

/** Offsets into the original text, UTF-16 code units, end exclusive. */
export interface Span {
  start: number;
  end: number;
}

/** A checker that gave no judgement on the text. */
export type Fault = "local" | "guard";

/** Which row and cell of the policy acted, and on which signals' rules. */
export interface Reason {
  category: Category | null;
  /** `question.internal` and the like; `faults.internal` when a checker was away. */
  cell: string;
  action: Action;
  /** Rules of the signals it rests on; `guard-away`, `not-read` for faults. */
  because: string[];
}

/** What the policy says of the signals. */
export interface Decision {
  action: Action;
  /** People are to look at it. Masking alone is no reason. */
  flagged: boolean;
  /** The strictest first. Empty when allowed. */
  categories: Category[];
  severity: Severity | null;
  signals: Signal[];
  /** Why, the strictest first. Empty when allowed. */
  reasons: Reason[];
  /** Categories whose cell says `redact`: what belongs to them is masked. */
  redactedCategories: Category[];
  /** Checkers that gave no judgement. */
  faults: Fault[];
  policyVersion: string;
}

/** A decision on one text, with the places to mask: they belong to `redactedCategories`. */
export interface Verdict extends Decision {
  redactions: Redaction[];
}

export interface Redaction extends Span {
  category: Category;
  /** The kind of personal data, `id_card` and the like; empty for words of a list. */
  kind: string;
}

export interface ModerationContext {
  direction: "question" | "answer";
  audience: Audience;
  traceId: string;
  signal: AbortSignal;
  /** How much was found in this conversation lately; see `risk` of the policy. */
  risk?: number;
}

/** Checks one answer while it streams; state is kept across deltas, so a term cut by a chunk edge is found. */
export interface StreamChecker {
  /** Whether a guard model has to see the text before it is shown. */
  readonly guarded: boolean;
  /** How many UTF-16 units at the end of what was pushed may still become part of a hit, and must be held back. */
  holdBackUnits(): number;
  /** Scans the next delta. Returns the verdict on everything pushed so far. */
  push(delta: string): Verdict;
  /** On everything pushed and judged so far. */
  verdict(): Verdict;
  /**
   * Asks the guard about a part of what was pushed, with what stands before it. Returns the verdict on everything so far; a
   * guard that fails is a fault in it. Throws the signal's reason.
   */
  judge(from: number, to: number, signal: AbortSignal): Promise<Verdict>;
  /** The final check of the whole answer, the guard's included. */
  finish(signal: AbortSignal): Promise<Verdict>;
}

/** What a turn needs to know of the policy. */
export interface ModerationSettings {
  readonly audience: Audience;
  /** Days that records keep the raw and the masked text. */
  readonly retention: { rawDays: number; maskedDays: number };
  readonly categories: Readonly<Record<Category, { strikes: number }>>;
  readonly strikes: { inARow: number; perDay: number; pauseHours: number; expireDays: number };
  readonly risk: { halfLifeMinutes: number; high: number };
  /** Categories whose cases two different reviewers have to resolve alike. */
  readonly fourEyes: readonly Category[];
}

export interface Moderator {
  /**
   * Judges what a person asked, in this process. Throws on no text, only the signal's reason; a broken checker becomes a flag
   * or a refusal by policy.
   */
  check(text: string, context: ModerationContext): Promise<Verdict>;
  /** Asks the guard model about the same text: the verdict with its word. Null: nobody is to be asked. Throws the signal's reason. */
  guardQuestion(text: string, verdict: Verdict, context: ModerationContext): Promise<Verdict> | null;
  openStream(question: string, context: ModerationContext): StreamChecker;
  /** The polite refusal for a verdict: category in plain words, an offer, the case number and how to appeal. */
  refusalText(verdict: Verdict, caseNumber: string, language: "zh" | "en"): string;
  /** For a person whose questions are not answered until then, since too many were refused. */
  pausedText(untilMs: number, language: "zh" | "en"): string;
  /** For a person whom a colleague keeps from asking; null: until it is lifted. */
  restrictedText(untilMs: number | null, language: "zh" | "en"): string;
  /** Lines below an answer: that something was masked, that AI wrote it. `isFirst`: the conversation's first answer. */
  notesFor(question: Verdict, isFirst: boolean, language: "zh" | "en"): string[];
  readonly policyVersion: string;
  readonly settings: ModerationSettings;
}

/** Whether the text must not go on: not to the model, not to the person. */
export function forbids(verdict: Verdict): boolean {
  return verdict.action === "refuse" || verdict.action === "pause";
}

/** The text with what the policy redacts replaced, unit for unit, so that offsets stay true. */
export function redacted(text: string, redactions: readonly Span[]): string {
  let masked = "";
  let from = 0;
  for (const { start, end } of [...redactions].sort((one, other) => one.start - other.start)) {
    if (end <= from) continue;
    const begin = Math.max(start, from);
    masked += text.slice(from, begin) + "＊".repeat(end - begin);
    from = end;
  }
  return masked + text.slice(from);
}
