import { Normaliser } from "../text/normaliser.ts";
import { SentenceCounter } from "../text/sentences.ts";
import type { Signal } from "../verdict.ts";
import { Findings, type Span } from "./findings.ts";
import { type IntentRule, RuleWatch, type RuleWord } from "./intent-rules.ts";
import { Lane, type Sight } from "./lane.ts";
import type { Term } from "./lexicon.ts";
import { HEARD, judge, UNSURE, VIEW } from "./phrase.ts";
import type { PhraseIndex } from "./phrase-index.ts";
import { listenTo } from "./sound-index.ts";

/** Terms heard in one text. People are to look at it after the first; the limit bounds the work on a text full of them. */
const HEARD_TERMS_MAX = 20;

/** What a phrase of the policy stands for. `allow`: a phrase that takes away the hits inside it. */
export type Owner = Term | RuleWord | { kind: "allow" };

/** A policy's phrases and rules, ready to be looked for. */
export interface Ruleset {
  index: PhraseIndex<Owner>;
  rules: readonly IntentRule[];
}

/** A sight, and where it begins: folded unit and original offset. */
interface Candidate extends Sight<Owner> {
  first: number;
  start: number;
}

/**
 * Looks for a policy's terms and rules in one text that comes in pieces. The signals depend on the text alone, not on the
 * pieces: an occurrence is judged only when all that could speak for or against it has been read, an allow-phrase around it
 * included. Never throws on any text; time and memory are linear in it.
 */
export class TextScan {
  readonly #ruleset: Ruleset;
  readonly #direction: "question" | "answer";
  readonly #views: Normaliser;
  readonly #lanes: Lane<Owner>[];
  readonly #sentences: SentenceCounter;
  readonly #findings = new Findings();
  readonly #watch: RuleWatch;
  #candidates: Candidate[] = [];
  /** What allow-phrases cover, in the original, that begin at or before what was judged so far: ascending, apart from each other. */
  readonly #allowed: Span[] = [];

  /** `unitsExpected` is the length of the text where it is known; it only saves copying. */
  constructor(ruleset: Ruleset, direction: "question" | "answer", unitsExpected = 0) {
    this.#views = new Normaliser(unitsExpected);
    this.#sentences = new SentenceCounter(this.#views.folded);
    const { folded, squeezed, han, words } = this.#views;
    const { letters, words: latin } = ruleset.index;
    this.#ruleset = ruleset;
    this.#direction = direction;
    this.#lanes = [
      new Lane(VIEW.folded, folded, letters),
      new Lane(VIEW.squeezed, squeezed, letters),
      new Lane(VIEW.han, han, letters),
      new Lane(VIEW.words, words, latin),
    ];
    this.#watch = new RuleWatch(ruleset.rules, ({ rule, confidence, spans }) =>
      this.#findings.add(rule, confidence, spans),
    );
  }

  push(text: string): void {
    this.#views.push(text);
    this.#read();
    const settled = this.settledAt();
    this.#judge(settled);
    const index = lowerBound(this.#views.folded.starts, this.#views.folded.length, settled);
    this.#watch.advance(this.#lettersBefore(index), this.#sentences.at(index));
  }

  /** No more text follows: everything is decided. */
  end(): void {
    this.#views.end();
    this.#read();
    this.#judge(Number.POSITIVE_INFINITY);
    this.#watch.advance(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
  }

  /**
   * Listens for terms that sound right and are written otherwise (毒拼, 毒pin), and adds them with the confidence HEARD, each
   * with the first place where it is heard. A term that was read is not listened for. Call it after `end`, when what was read
   * decides nothing: it costs about as much as the reading did. Never throws on any text.
   */
  listen(): void {
    const { starts, ends } = this.#views.folded;
    let heard = 0;
    const wanted = (owner: Owner) =>
      heard < HEARD_TERMS_MAX &&
      owner.kind === "term" &&
      this.#isWanted(owner) &&
      this.#findings.confidenceIn(owner) < HEARD;
    listenTo(this.#views, this.#ruleset.index.sounds, wanted, ({ owner, first, last }) => {
      const span = { start: starts[first] ?? 0, end: ends[last] ?? 0 };
      if (owner.kind !== "term" || this.#isAllowed(span)) return;
      this.#findings.add(owner, HEARD, [span]);
      heard += 1;
    });
  }

  /** Original offset before which no term can begin that is not in the signals. Never goes back. */
  settledAt(): number {
    let settled = this.#views.settledAt();
    for (const lane of this.#lanes) {
      const open = lane.openFrom();
      if (open !== undefined) settled = Math.min(settled, this.#views.folded.starts[open] ?? 0);
    }
    return settled;
  }

  /** Changes whenever the signals do. */
  get revision(): number {
    return this.#findings.revision;
  }

  /** What was found and decided so far. */
  signals(): Signal[] {
    return this.#findings.signals();
  }

  #read(): void {
    const keep = (sight: Sight<Owner>) => {
      if (!this.#isWanted(sight.form.owner)) return;
      const first = sight.lane.firstFolded(sight.from);
      this.#candidates.push({ ...sight, first, start: this.#views.folded.starts[first] ?? 0 });
    };
    for (const lane of this.#lanes) lane.read(keep);
  }

  /** Judges the candidates that begin before the original offset, in the order of the text, allow-phrases first. */
  #judge(settled: number): void {
    if (this.#candidates.length === 0) return;
    const ready = this.#candidates.filter((candidate) => candidate.start < settled);
    if (ready.length === 0) return;
    this.#candidates = this.#candidates.filter((candidate) => candidate.start >= settled);
    for (const candidate of ready.sort(byPlace)) {
      const { form, lane, from, to } = candidate;
      const confidence = judge(form, this.#views, lane.bit, from, to);
      if (confidence > 0) this.#take(candidate, confidence);
    }
  }

  #take({ form, lane, to, first, start }: Candidate, confidence: number): void {
    const { owner } = form;
    const last = lane.lastFolded(to - 1);
    const end = this.#views.folded.ends[last] ?? start;
    if (owner.kind === "allow") {
      if (confidence > UNSURE) this.#allow({ start, end });
      return;
    }
    if (end <= (this.#allowed.at(-1)?.end ?? 0)) return;
    if (owner.kind === "term") {
      this.#findings.add(owner, confidence, [{ start, end }]);
      return;
    }
    const letterFrom = this.#lettersBefore(first);
    const letterTo = this.#lettersBefore(last + 1);
    const sentence = this.#sentences.at(first);
    this.#watch.take(owner, { start, end, letterFrom, letterTo, sentence, confidence });
  }

  #isWanted(owner: Owner): boolean {
    return owner.kind === "allow" || owner.direction === "both" || owner.direction === this.#direction;
  }

  #allow({ start, end }: Span): void {
    const last = this.#allowed.at(-1);
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else this.#allowed.push({ start, end });
  }

  #isAllowed({ start, end }: Span): boolean {
    let low = 0;
    let high = this.#allowed.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#allowed[middle]?.end ?? 0) < end) low = middle + 1;
      else high = middle;
    }
    return (this.#allowed[low]?.start ?? Number.POSITIVE_INFINITY) <= start;
  }

  /** Letters of the text, repeats and signs apart, that begin before the folded unit. */
  #lettersBefore(index: number): number {
    const { squeezed } = this.#views;
    return lowerBound(squeezed.first, squeezed.length, index);
  }
}

const ORDER = { allow: 0, word: 1, term: 1 };

function byPlace(one: Candidate, other: Candidate): number {
  return (
    one.first - other.first ||
    ORDER[one.form.owner.kind] - ORDER[other.form.owner.kind] ||
    one.lane.bit - other.lane.bit
  );
}

/** How many of the first `length` numbers, which ascend, are below `value`. */
function lowerBound(numbers: Int32Array, length: number, value: number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((numbers[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
