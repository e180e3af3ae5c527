import type { Signal } from "../verdict.ts";
import type { IntentRule } from "./intent-rules.ts";
import type { Term } from "./lexicon.ts";

/** Original offsets, end exclusive. */
export interface Span {
  start: number;
  end: number;
}

/** Spans kept for one term or rule. A text that repeats a term a million times must not fill a record with spans. */
export const SPANS_MAX = 20;
/** Signals in a verdict, the gravest first. More tell a reviewer nothing new. */
const SIGNALS_MAX = 50;

interface Finding {
  confidence: number;
  /** The first SPANS_MAX by place, each once. */
  spans: Span[];
}

/** What was found in one text, gathered by term and rule. The result does not depend on the order of finding. */
export class Findings {
  readonly #bySource = new Map<Term | IntentRule, Finding>();
  #revision = 0;

  /** Changes whenever the signals do. */
  get revision(): number {
    return this.#revision;
  }

  add(source: Term | IntentRule, confidence: number, spans: readonly Span[]): void {
    const finding = this.#bySource.get(source) ?? { confidence: 0, spans: [] };
    this.#bySource.set(source, finding);
    if (confidence > finding.confidence) {
      finding.confidence = confidence;
      this.#revision += 1;
    }
    for (const span of spans) if (keepFirst(finding.spans, span)) this.#revision += 1;
  }

  /** The highest so far; 0 when nothing of it was found. */
  confidenceIn(source: Term | IntentRule): number {
    return this.#bySource.get(source)?.confidence ?? 0;
  }

  signals(): Signal[] {
    const signals: Signal[] = [];
    for (const [source, { confidence, spans }] of this.#bySource) {
      const stage = source.stage === undefined ? {} : { stage: source.stage };
      const found = { category: source.category, confidence, ...stage, spans: merged(spans) };
      if ("tier" in source) signals.push({ checker: "lexicon", ...found, tier: source.tier, rule: source.rule });
      else signals.push({ checker: "rules", ...found, rule: source.id });
    }
    return signals.sort(graver).slice(0, SIGNALS_MAX);
  }
}

/** Adds the span to the sorted list unless it is there or lies behind the last of a full list. */
function keepFirst(spans: Span[], span: Span): boolean {
  let at = spans.length;
  for (let before = spans[at - 1]; before !== undefined && byPlace(before, span) > 0; before = spans[at - 1]) at -= 1;
  const before = spans[at - 1];
  if (at >= SPANS_MAX || (before !== undefined && byPlace(before, span) === 0)) return false;
  spans.splice(at, 0, { start: span.start, end: span.end });
  if (spans.length > SPANS_MAX) spans.pop();
  return true;
}

function byPlace(one: Span, other: Span): number {
  return one.start - other.start || one.end - other.end;
}

/** One view ends a repeated character earlier than another: overlapping spans become one. */
function merged(spans: readonly Span[]): Span[] {
  const result: Span[] = [];
  for (const { start, end } of spans) {
    const last = result.at(-1);
    if (last !== undefined && start < last.end) last.end = Math.max(last.end, end);
    else result.push({ start, end });
  }
  return result;
}

const GRAVITY = ["T0", "rules", "T1", "T2"];

function graver(one: Signal, other: Signal): number {
  const gravity = (signal: Signal) => GRAVITY.indexOf(signal.tier ?? signal.checker);
  return gravity(one) - gravity(other) || (one.rule < other.rule ? -1 : one.rule > other.rule ? 1 : 0);
}
