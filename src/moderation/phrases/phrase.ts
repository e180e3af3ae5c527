import { KIND } from "../text/fold.ts";
import { Normaliser } from "../text/normaliser.ts";
import { type DerivedView, type FoldedView, textOf } from "../text/view.ts";
import { isApostrophe, letterOf } from "../text/word-spelling.ts";

/**
 * One phrase of a policy in the forms in which the views show it, and the judgement whether a place where a form occurs
 * is really the phrase: joined from what was never one word, it is unsure or nothing.
 */

/** Views as bits, so that a form says in one number where it counts. */
export const VIEW = { folded: 1, squeezed: 2, han: 4, words: 8 } as const;

/** `word`: Latin words, compared whole. `part`: anywhere, also inside a word. */
export type MatchMode = "word" | "part";

/** Confidence of an occurrence. */
export const PLAIN = 1;
export const DISGUISED = 0.9;
/** Not written, but heard when the text is read aloud (sound-index.ts): many words sound alike. */
export const HEARD = 0.6;
/** Letters that may have come together by chance, across a comma or around a Latin letter. */
export const UNSURE = 0.5;

/** Longest phrase, in letters. A phrase is a word or two; longer ones would hold back a stream for nothing. */
const PHRASE_LETTERS_MAX = 64;
/** A Latin phrase stretched and spaced beyond this is no longer compared. */
const PLAIN_UNITS_MAX = 1024;
/** Separators in all that a phrase may hold when not every letter is set apart. */
const LOOSE_GAP_UNITS_MAX = 3;

export interface Form {
  /** What to look for in the units of the view. */
  pattern: string;
  /** Bits of VIEW. */
  views: number;
  /** For `words`: the phrase as it is plainly written, words between single spaces. */
  plain: string;
  /** How often each unit of the pattern stands in a row in the phrase. */
  runs: Uint8Array;
  /** The phrase begins (ends) with a Latin letter or a digit but is matched as a part: it must not cut a word in two. */
  edges: { left: boolean; right: boolean };
}

/** What the judgement needs of the text. */
export interface TextViews {
  readonly folded: FoldedView;
  readonly squeezed: DerivedView;
  readonly han: DerivedView;
  readonly words: DerivedView;
}

/** Phrases are read one after the other; a policy has many thousands. */
const SCRATCH = new Normaliser(2 * PHRASE_LETTERS_MAX);

/** The forms of a phrase, or a sentence on why it cannot be matched. */
export function formsOf(text: string, mode: MatchMode | undefined): Form[] | string {
  const views = SCRATCH;
  views.clear();
  views.push(text);
  views.end();
  const { folded, squeezed, han, words } = views;
  const kinds = [...folded.kinds.subarray(0, folded.length)];
  const letters = kinds.filter((kind) => kind >= KIND.latin).length;
  if (letters > PHRASE_LETTERS_MAX || folded.length > 2 * PHRASE_LETTERS_MAX) {
    return `is longer than ${PHRASE_LETTERS_MAX} letters; use a shorter phrase or an intent rule`;
  }
  if (textOf(squeezed).includes("\0")) return "has letters too far apart for one phrase";
  const latinOnly = letters > 0 && kinds.every((kind) => kind <= KIND.digit);
  if (latinOnly && mode !== "part") {
    if (letters < 3) return "has fewer than three letters, which would hit by chance; use a longer phrase";
    return [wordForm(folded, words)];
  }
  if (mode === "word") return "asks for whole words, which only Latin script has; leave `match` out";
  if (letters < 2) return "has fewer than two letters, which would hit by chance; use a longer phrase";

  const edges = latinOnly
    ? { left: false, right: false }
    : { left: isLatin(kinds[0]), right: isLatin(kinds[kinds.length - 1]) };
  const written = textOf(folded).trim();
  const forms: Form[] = [{ pattern: written, views: VIEW.folded, plain: written, runs: new Uint8Array(0), edges }];
  // As written only: Latin letters squeezed together make other words (the rapist), and one letter (哈哈) stands everywhere.
  if (latinOnly || squeezed.length < 2) return forms;
  const add = (view: DerivedView, bit: number) => {
    const pattern = textOf(view);
    forms.push({ pattern, views: bit, plain: written, runs: runsOf(folded, view), edges });
  };
  add(squeezed, VIEW.squeezed);
  if (kinds.every((kind) => kind === KIND.han || kind < KIND.latin)) add(han, VIEW.han);
  return forms;
}

/**
 * How sure it is that the form stands at units `from` to `to` (end exclusive) of the view: a confidence, or 0 when it
 * does not. Call it once the view has gone on past `to`, or the text has ended: it looks at what follows.
 */
export function judge(form: Form, text: TextViews, view: number, from: number, to: number): number {
  if (view === VIEW.folded) return keepsEdges(form, text.folded, from, to - 1) ? PLAIN : 0;
  if (view === VIEW.words) return judgeWords(form, text.folded, text.words, from, to);
  const derived = view === VIEW.squeezed ? text.squeezed : text.han;
  const first = derived.first[from] ?? 0;
  const last = derived.last[to - 1] ?? 0;
  if (!keepsEdges(form, text.folded, first, last)) return 0;
  for (let at = from; at < to; at += 1) {
    const wanted = form.runs[at - from] ?? 1;
    if (wanted > 1 && runAt(text.folded, derived, at) < wanted) return 0;
  }
  return judgeGaps(text.folded, derived, from, to);
}

function judgeGaps(folded: FoldedView, view: DerivedView, from: number, to: number): number {
  const gaps = to - from - 1;
  let gapsUsed = 0;
  let unitsUsed = 0;
  let clauseEnds = false;
  let latinInside = false;
  for (let at = from; at < to - 1; at += 1) {
    const gapFrom = (view.last[at] ?? 0) + 1;
    const gapTo = view.first[at + 1] ?? 0;
    if (gapTo > gapFrom) gapsUsed += 1;
    for (let index = gapFrom; index < gapTo; index += 1) {
      if (!isLowSurrogate(folded.units[index] ?? 0)) unitsUsed += 1;
      const kind = folded.kinds[index] ?? KIND.mark;
      if (kind === KIND.stop || kind === KIND.pause) clauseEnds = true;
      else if (kind === KIND.latin || kind === KIND.digit) latinInside = true;
    }
  }
  const everyLetterApart = gapsUsed === gaps && gaps >= 2;
  if (gapsUsed === 0 || everyLetterApart) return DISGUISED;
  const loose = unitsUsed > LOOSE_GAP_UNITS_MAX || clauseEnds || (latinInside && gaps === 1);
  return loose ? UNSURE : DISGUISED;
}

function judgeWords(form: Form, folded: FoldedView, words: DerivedView, from: number, to: number): number {
  const plain = plainWords(folded, words.first[from] ?? 0, words.last[to - 1] ?? 0);
  if (plain === undefined) return 0;
  if (plain === form.plain) return PLAIN;
  let stretched = false;
  for (let at = from; at < to; at += 1) {
    const wanted = form.runs[at - from] ?? 1;
    const run = runAt(folded, words, at);
    if (run === wanted) continue;
    if (run < 3 || run < wanted || !isOneLetter(folded, words, at)) return 0;
    stretched = true;
  }
  const signs = count(plain, /[\d@$]/gu) - count(form.plain, /[\d@$]/gu);
  const speltOut = count(plain, / /gu) > count(form.plain, / /gu);
  if (!stretched && !speltOut && signs <= 0) return 0;
  return signs * 2 <= form.plain.length ? DISGUISED : 0;
}

/** The words at folded units `from` to `to` (inclusive) between single spaces; undefined when there are too many. */
function plainWords(folded: FoldedView, from: number, to: number): string | undefined {
  if (to - from > PLAIN_UNITS_MAX) return undefined;
  let text = "";
  let apart = false;
  for (let at = from; at <= to; at += 1) {
    const unit = folded.units[at] ?? 0;
    const kind = folded.kinds[at] ?? KIND.mark;
    if (letterOf(unit, kind) !== 0) {
      text += apart ? ` ${String.fromCharCode(unit)}` : String.fromCharCode(unit);
      apart = false;
    } else if (!isApostrophe(unit)) apart = true;
  }
  return text;
}

function wordForm(folded: FoldedView, words: DerivedView): Form {
  let last = folded.length - 1;
  while (last > 0 && letterOf(folded.units[last] ?? 0, folded.kinds[last] ?? KIND.mark) === 0) last -= 1;
  const first = words.first[0] ?? 0;
  const plain = plainWords(folded, first, last) ?? "";
  // The runs belong to the letters between the two outer spaces.
  const runs = runsOf(folded, words).slice(1, -1);
  return { pattern: textOf(words), views: VIEW.words, plain, runs, edges: { left: false, right: false } };
}

function runsOf(folded: FoldedView, view: DerivedView): Uint8Array {
  return Uint8Array.from({ length: view.length }, (_, at) => runAt(folded, view, at));
}

/** How many folded units a unit of a view stands for; at least one (a joined split character has none of its own). */
function runAt(folded: FoldedView, view: DerivedView, at: number): number {
  const unit = view.units[at] ?? 0;
  let run = 0;
  for (let index = view.first[at] ?? 0; index <= (view.last[at] ?? -1); index += 1) {
    const written = folded.units[index] ?? 0;
    if (written === unit || letterOf(written, folded.kinds[index] ?? KIND.mark) === unit) run += 1;
  }
  return Math.max(1, run);
}

/** Whether a run is one letter drawn out (booomb), not several that are read alike: the "ill" of illegal. */
function isOneLetter(folded: FoldedView, view: DerivedView, at: number): boolean {
  const first = view.first[at] ?? 0;
  const written = folded.units[first];
  for (let index = first; index <= (view.last[at] ?? -1); index += 1) {
    const letter = letterOf(folded.units[index] ?? 0, folded.kinds[index] ?? KIND.mark) !== 0;
    if (letter && folded.units[index] !== written) return false;
  }
  return true;
}

function keepsEdges(form: Form, folded: FoldedView, first: number, last: number): boolean {
  if (form.edges.left && first > 0 && isLatin(folded.kinds[first - 1])) return false;
  return !(form.edges.right && last + 1 < folded.length && isLatin(folded.kinds[last + 1]));
}

function isLatin(kind: number | undefined): boolean {
  return kind === KIND.latin || kind === KIND.digit;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

function count(text: string, what: RegExp): number {
  return text.match(what)?.length ?? 0;
}
