import { YingdaError } from "../base/errors.ts";
import type { Classifier } from "./classifier/classifier.ts";
import { decide } from "./decide.ts";
import { type PersonalFinding, PersonalScan } from "./personal-data/personal-scan.ts";
import { SPANS_MAX as FOUND_SPANS_MAX } from "./phrases/findings.ts";
import { TextScan } from "./phrases/text-scan.ts";
import type { Policy } from "./policy/policy.ts";
import {
  type Decision,
  type Fault,
  forbids,
  type ModerationContext,
  type Redaction,
  type Signal,
  type Verdict,
} from "./verdict.ts";

/**
 * Longest text judged, in UTF-16 units. A callback's body has at most 1 MiB and an answer a few thousand tokens, so nothing
 * honest comes near; the limit keeps one check below about 50 MB. What is longer is refused, since its rest was not read.
 */
export const TEXT_UNITS_MAX = 1024 * 1024;
/** Held back at least while anything is looked for, so that a stream does not end its visible part inside a word. */
const HOLD_BACK_UNITS_MIN = 24;
/** A longer text is not listened to: it would hold up others, and nobody hides one word's sound in a book. */
const LISTEN_UNITS_MAX = 64 * 1024;
/** Places of one kind in a verdict. All of them are masked; a reviewer needs no more to see what it was about. */
const SPANS_MAX = FOUND_SPANS_MAX;

export interface LocalParts {
  policy: Policy;
  classifier: Classifier | null;
  /** Hears of a checker that broke. The error quotes no text. */
  onFault: (error: unknown) => void;
  /** Personal data of the asker himself, which an answer may repeat. */
  own?: ReadonlySet<string>;
}

/**
 * The layers that judge in this process: words, rules, personal data; once the text has ended, its sounds and its style. A
 * text given whole and one given in pieces go the same way, so that they cannot come to different verdicts.
 */
export class LocalCheck {
  readonly #parts: LocalParts;
  readonly #context: ModerationContext;
  readonly #scan: TextScan;
  readonly #personal = new PersonalScan();
  #text = "";
  #tooLong = false;
  #ended = false;
  #faults: Fault[] = [];
  /** What other checkers than these found. */
  #foreign: Signal[] = [];
  #style: Signal[] = [];
  #verdict: Verdict | null = null;
  #verdictOf = "";

  constructor(parts: LocalParts, context: ModerationContext, unitsExpected = 0) {
    this.#parts = parts;
    this.#context = context;
    this.#scan = new TextScan(parts.policy.ruleset, context.direction, unitsExpected);
  }

  /** Everything read so far. */
  get text(): string {
    return this.#text;
  }

  get ended(): boolean {
    return this.#ended;
  }

  holdBackUnits(): number {
    if (this.#ended) return 0;
    const settled = Math.min(this.#scan.settledAt(), this.#personal.settledAt());
    return Math.max(HOLD_BACK_UNITS_MIN, this.#text.length - settled);
  }

  push(delta: string): void {
    if (this.#ended) throw new YingdaError("internal", "push was called after the end; open a check for each text");
    const room = TEXT_UNITS_MAX - this.#text.length;
    if (delta.length > room) this.#tooLong = true;
    const read = delta.slice(0, Math.max(0, room));
    this.#text += read;
    this.#attempt(() => {
      this.#scan.push(read);
      this.#personal.push(read);
    });
  }

  /** No more text follows. What is undecided then is also listened to, and a question's style is weighed. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#attempt(() => {
      this.#scan.end();
      this.#personal.end();
      if (forbids(this.verdict())) return;
      if (this.#text.length <= LISTEN_UNITS_MAX) this.#scan.listen();
      const { classifier } = this.#parts;
      if (classifier === null || this.#context.direction !== "question") return;
      const confidence = classifier.score(this.#text);
      this.#style = [{ checker: "classifier", category: null, confidence, spans: [], rule: classifier.version }];
    });
  }

  /** Adds what another checker found, or that it was away. */
  add(signals: readonly Signal[], faults: readonly Fault[]): void {
    this.#foreign.push(...signals);
    this.#faults = [...new Set([...this.#faults, ...faults])];
    this.#verdict = null;
  }

  /** On everything read so far. */
  verdict(): Verdict {
    const revision = `${this.#scan.revision} ${this.#personal.revision} ${this.#style.length} ${this.#faults.length} ${this.#tooLong}`;
    if (this.#verdict === null || revision !== this.#verdictOf) {
      this.#verdictOf = revision;
      this.#verdict = this.#decide();
    }
    return this.#verdict;
  }

  #decide(): Verdict {
    const { policy } = this.#parts;
    const personal = this.#strangers();
    const signals = [...this.#scan.signals(), ...signalsOf(personal), ...this.#style, ...this.#foreign];
    const decision = decide(signals, policy, { ...this.#context, faults: this.#faults });
    const redactions = redactionsOf(decision, personal, this.#text.length);
    return this.#tooLong ? refused(decision, redactions) : { ...decision, redactions };
  }

  /** Personal data that is not the asker's own. */
  #strangers(): PersonalFinding[] {
    const { own } = this.#parts;
    const findings = this.#personal.findings();
    if (own === undefined || own.size === 0) return findings;
    return findings.filter(({ start, end }) => !own.has(bareValue(this.#text.slice(start, end))));
  }

  #attempt(step: () => void): void {
    if (this.#faults.includes("local")) return;
    try {
      step();
    } catch (error) {
      this.#faults.push("local");
      this.#parts.onFault(error);
    }
  }
}

/** A value without the signs that it is written with: 138-0013-8000 and 13800138000 are one. */
export function bareValue(value: string): string {
  return value
    .normalize("NFKC")
    .replace(/[\s\p{P}\p{S}]/gu, "")
    .toLowerCase();
}

function signalsOf(findings: readonly PersonalFinding[]): Signal[] {
  const byKind = new Map<string, Signal>();
  for (const { kind, category, confidence, start, end } of findings) {
    const signal = byKind.get(kind) ?? {
      checker: "personal",
      category,
      confidence,
      spans: [],
      rule: `personal.${kind}`,
    };
    byKind.set(kind, signal);
    signal.confidence = Math.max(signal.confidence, confidence);
    if (signal.spans.length < SPANS_MAX) signal.spans.push({ start, end });
  }
  return [...byKind.values()];
}

/**
 * All places of personal data, and those of words that a list or rule found, in the categories that are masked. Of one word no
 * more than the first places are known; where there are so many, everything behind them is masked.
 */
function redactionsOf(decision: Decision, personal: readonly PersonalFinding[], textUnits: number): Redaction[] {
  const masked = new Set(decision.redactedCategories);
  if (masked.size === 0) return [];
  const words = decision.signals.flatMap(({ checker, category, spans }): Redaction[] => {
    if (checker === "personal" || category === null || !masked.has(category)) return [];
    const rest = spans.length < SPANS_MAX ? [] : [{ start: spans.at(-1)?.end ?? 0, end: textUnits }];
    return [...spans, ...rest].map((span) => ({ ...span, category, kind: "" }));
  });
  const data = personal
    .filter(({ category }) => masked.has(category))
    .map(({ category, kind, start, end }) => ({ category, kind, start, end }));
  return [...data, ...words].sort((one, other) => one.start - other.start);
}

/** The rest of the text was not read, so nobody can say that it is harmless. */
function refused(decision: Decision, redactions: Redaction[]): Verdict {
  const reason = { category: null, cell: "too-long", action: "refuse", because: ["not-read"] } as const;
  return {
    ...decision,
    action: "refuse",
    flagged: true,
    severity: decision.severity ?? "P2",
    reasons: [{ ...reason, because: [...reason.because] }, ...decision.reasons],
    redactions,
  };
}
