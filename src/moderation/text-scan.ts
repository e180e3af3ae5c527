import { KIND } from "./fold.ts";
import { type IntentRule, type RuleHit, type RuleWord, RuleWatch } from "./intent-rules.ts";
import type { Term } from "./lexicon.ts";
import { MATCHER_START } from "./matcher.ts";
import { Normaliser } from "./normaliser.ts";
import { judge, UNSURE, VIEW } from "./phrase.ts";
import type { FormIndex, OwnedForm, PhraseIndex } from "./phrase-index.ts";
import type { Signal } from "./verdict.ts";
import type { DerivedView, FoldedView } from "./view.ts";

/** What a phrase of the policy stands for. */
export type Owner = Term | RuleWord | { kind: "allow" };

/** A policy's phrases and rules, ready to be looked for. */
export interface Ruleset {
  index: PhraseIndex<Owner>;
  rules: readonly IntentRule[];
}

/** Spans kept for one term or rule. A text that repeats a term a million times must not fill a record with spans. */
const SPANS_MAX = 20;
/** Signals in a verdict, the gravest first. More tell a reviewer nothing new. */
const SIGNALS_MAX = 50;

/** A place where a form of a phrase occurs, until what stands around it is known. */
interface Candidate {
  form: OwnedForm<Owner>;
  view: number;
  /** Units of the view. */
  from: number;
  to: number;
  /** Original offset. */
  start: number;
}

interface Finding {
  confidence: number;
  /** The first SPANS_MAX, sorted, each once. */
  spans: { start: number; end: number }[];
}

/**
 * Looks for a policy's terms and rules in one text that comes in pieces. The signals depend on the text alone, not on the
 * pieces: an occurrence is judged only when everything that could speak for or against it has been read, an allow-phrase
 * around it included.
 */
export class TextScan {
  readonly #direction: "question" | "answer";
  readonly #views = new Normaliser();
  readonly #lanes: Lane[];
  readonly #watch: RuleWatch;
  readonly #findings = new Map<Term | IntentRule, Finding>();
  #candidates: Candidate[] = [];
  /** Furthest end of an allow-phrase that begins at or before the candidates judged so far. */
  #allowedTo = 0;
  readonly #sentences: SentenceCounter;
  #revision = 0;

  constructor(ruleset: Ruleset, direction: "question" | "answer") {
    this.#direction = direction;
    const { folded, squeezed, han, words } = this.#views;
    const startOf = (view: DerivedView) => (at: number) => folded.starts[view.first[at] ?? 0] ?? 0;
    this.#lanes = [
      new Lane(VIEW.folded, folded, ruleset.index.letters, (at) => folded.starts[at] ?? 0),
      new Lane(VIEW.squeezed, squeezed, ruleset.index.letters, startOf(squeezed)),
      new Lane(VIEW.han, han, ruleset.index.letters, startOf(han)),
      new Lane(VIEW.words, words, ruleset.index.words, startOf(words)),
    ];
    this.#sentences = new SentenceCounter(folded);
    this.#watch = new RuleWatch(ruleset.rules, (hit) => this.#noteRule(hit));
  }

  push(text: string): void {
    this.#views.push(text);
    this.#read();
    this.#judge(this.settledAt());
    this.#watch.advance(this.#letterAt(this.settledAt()), this.#sentences.at(0));
  }

  /** No more text follows: everything is decided. */
  end(): void {
    this.#views.end();
    this.#read();
    this.#judge(Number.POSITIVE_INFINITY);
    this.#watch.advance(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
  }

  /** Original offset up to which no term can begin any more that is not known. */
  settledAt(): number {
    let settled = this.#views.settledAt();
    for (const lane of this.#lanes) settled = Math.min(settled, lane.openFrom());
    return settled;
  }

  /** Changes whenever the signals do. */
  get revision(): number {
    return this.#revision;
  }

  /** What was found and decided so far, in an order that depends on the text alone. */
  signals(): Signal[] {
    const signals: Signal[] = [];
    for (const [source, { confidence, spans }] of this.#findings) {
      const { category } = source;
      const common = { category, confidence, spans: merged(spans) };
      if ("tier" in source) signals.push({ checker: "lexicon", ...common, tier: source.tier, rule: source.rule });
      else signals.push({ checker: "rules", ...common, rule: source.id });
    }
    return signals.sort(graver).slice(0, SIGNALS_MAX);
  }

  #read(): void {
    for (const lane of this.#lanes) {
      lane.read((form, from, to, start) => {
        const { owner } = form;
        if (owner.kind !== "allow" && owner.direction !== "both" && owner.direction !== this.#direction) return;
        this.#candidates.push({ form, view: lane.view, from, to, start });
      });
    }
  }

  /** Judges the candidates that begin before the offset, in order of their start. */
  #judge(settled: number): void {
    if (this.#candidates.length === 0) return;
    const ready = this.#candidates.filter((candidate) => candidate.start < settled);
    if (ready.length === 0) return;
    this.#candidates = this.#candidates.filter((candidate) => candidate.start >= settled);
    ready.sort(byPlace);
    for (const candidate of ready) {
      const { form, view, from, to, start } = candidate;
      const confidence = judge(form, this.#views, view, from, to);
      if (confidence === 0) continue;
      const { first, last } = this.#foldedSpan(candidate);
      const end = this.#views.folded.ends[last] ?? start;
      const { owner } = form;
      if (owner.kind === "allow") {
        if (confidence > UNSURE) this.#allowedTo = Math.max(this.#allowedTo, end);
      } else if (end > this.#allowedTo) {
        if (owner.kind === "term") this.#note(owner, confidence, [{ start, end }]);
        else this.#takeWord(owner, first, last, confidence);
      }
    }
  }

  #takeWord(word: RuleWord, first: number, last: number, confidence: number): void {
    const { starts, ends } = this.#views.folded;
    this.#watch.take({
      word,
      start: starts[first] ?? 0,
      end: ends[last] ?? 0,
      letterFrom: this.#letterAtFolded(first),
      letterTo: this.#letterAtFolded(last) + 1,
      sentence: this.#sentences.at(first),
      confidence,
    });
  }

  #noteRule({ rule, confidence, spans }: RuleHit): void {
    this.#note(rule, confidence, spans);
  }
}
