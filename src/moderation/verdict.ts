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
  "ip_secret",
  "misinfo",
  "injection",
] as const;
export type Category = (typeof CATEGORIES)[number];

/** From mild to strict; combining verdicts takes the strictest. */
export const ACTIONS = ["allow", "flag", "redact", "refuse", "pause"] as const;
export type Action = (typeof ACTIONS)[number];

/** P0 is looked at within 1 h, P1 4 h, P2 24 h, P3 72 h. */
export type Severity = "P0" | "P1" | "P2" | "P3";

/** `internal`: members of the company; `external`: everybody else. */
export type Audience = "internal" | "external";

/** One checker's finding. */
export interface Signal {
  /** `lexicon`, later `rules`, `classifier`, `guard`. */
  checker: string;
  category: Category;
  /** 0 to 1. */
  confidence: number;
  /** Lexicon tier: T0 alone may refuse, T1 and T2 only with a second signal. */
  tier?: "T0" | "T1" | "T2";
  /** Offsets into the original text, UTF-16 code units, end exclusive. */
  spans: { start: number; end: number }[];
  /** A term id or rule id, for the reviewer; never the text itself. */
  rule: string;
}

export interface Verdict {
  action: Action;
  /** The strictest first. Empty when allowed. */
  categories: Category[];
  severity: Severity | null;
  signals: Signal[];
  /** What is to be masked when the action is `redact`: the spans of the categories that the policy redacts, no others. */
  redactions: { start: number; end: number }[];
  policyVersion: string;
}

export interface ModerationContext {
  direction: "question" | "answer";
  audience: Audience;
  traceId: string;
  signal: AbortSignal;
}

/** Checks one answer while it streams; state is kept across deltas, so a term cut by a chunk edge is found. */
export interface StreamChecker {
  /** How many UTF-16 units at the end of what was pushed may still become part of a hit, and must be held back. */
  holdBackUnits(): number;
  /** Scans the next delta. Returns the verdict on everything pushed so far. */
  push(delta: string): Verdict;
  /** The final check of the whole answer. */
  finish(): Promise<Verdict>;
}

export interface Moderator {
  /** Judges what a person asked. Never throws on any text; a broken checker becomes a flag or a refusal by policy. */
  check(text: string, context: ModerationContext): Promise<Verdict>;
  openStream(question: string, context: ModerationContext): StreamChecker;
  /** The polite refusal for a verdict: category in plain words, an offer, the case number and how to appeal. */
  refusalText(verdict: Verdict, caseNumber: string, language: "zh" | "en"): string;
  readonly policyVersion: string;
  /** Days that records keep the raw and the masked text. */
  readonly retention: { rawDays: number; maskedDays: number };
}

/** Whether the text must not go on: not to the model, not to the person. */
export function forbids(verdict: Verdict): boolean {
  return verdict.action === "refuse" || verdict.action === "pause";
}

/** The text with what the policy redacts replaced, unit for unit, so that offsets stay true. */
export function redacted(text: string, verdict: Verdict): string {
  if (verdict.action !== "redact") return text;
  let masked = text;
  for (const { start, end } of verdict.redactions) {
    masked = masked.slice(0, start) + "＊".repeat(Math.max(0, end - start)) + masked.slice(end);
  }
  return masked;
}
