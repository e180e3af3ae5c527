import { KIND, SPACE_UNIT } from "./fold.ts";
import type { DerivedView } from "./view.ts";

const LETTER_A = 0x61;
const LETTER_I = 0x69;
/** A word spelt out with more than this many separators between two letters is no longer read as one word. */
const SPELLING_GAP_MAX = 3;

/**
 * Writes the `words` view: Latin words in the letters they are read as, each between single spaces. Letters that stand
 * alone (k e y, k-e-y) join into one word; that takes one letter of foresight, which is kept back meanwhile.
 */
export class WordSpelling {
  readonly #view: DerivedView;
  /** Letters of the word being read. */
  #wordUnits = 0;
  /** The last word was one letter, no space is written after it yet, so another letter may join it. */
  #mayJoin = false;
  #gap = 0;
  /** A first letter after a lone one, kept until it is known whether it stands alone as well: folded index, and its letter. */
  #keptAt = -1;
  #keptUnit = 0;

  constructor(view: DerivedView) {
    this.#view = view;
  }

  take(unit: number, kind: number, index: number): void {
    const letter = letterOf(unit, kind);
    if (letter !== 0) this.#letter(letter, index);
    else if (!isApostrophe(unit)) this.#separator(kind, index);
    if (kind >= KIND.han) this.#view.breakAt(index);
    else if (letter === 0) this.#view.leaveOut(index);
  }

  end(index: number): void {
    this.#separator(KIND.space, index);
    if (this.#mayJoin) this.#close(index);
  }

  /** Folded index of the letter kept back, or -1. */
  keptFrom(): number {
    return this.#keptAt;
  }

  #letter(letter: number, index: number): void {
    if (this.#wordUnits === 0) {
      this.#wordUnits = 1;
      if (this.#mayJoin) {
        this.#keptAt = index;
        this.#keptUnit = letter;
        return;
      }
      if (this.#view.broken) this.#view.push(SPACE_UNIT, index, index);
      this.#view.push(letter, index, index);
      return;
    }
    if (this.#keptAt >= 0) {
      // Two letters in a row: what was kept begins a word of its own.
      const kept = this.#keptAt;
      this.#keptAt = -1;
      this.#close(kept);
      this.#view.push(this.#keptUnit, kept, kept);
    }
    this.#wordUnits += 1;
    this.#view.pushOrExtend(letter, index, index);
  }

  #separator(kind: number, index: number): void {
    if (this.#wordUnits === 0) {
      if (!this.#mayJoin) return;
      this.#gap += 1;
      if (kind >= KIND.han || this.#gap > SPELLING_GAP_MAX) this.#close(index);
      return;
    }
    if (this.#keptAt >= 0) {
      this.#view.pushOrExtend(this.#keptUnit, this.#keptAt, this.#keptAt);
      this.#keptAt = -1;
    }
    const alone = this.#wordUnits === 1 && kind < KIND.latin && !this.#isArticle();
    this.#wordUnits = 0;
    this.#mayJoin = alone;
    this.#gap = 1;
    if (!alone) this.#close(index);
  }

  /** "a" and "I" before a word that is spelt out are words of their own: a k e y. */
  #isArticle(): boolean {
    const { units, length } = this.#view;
    return units[length - 2] === SPACE_UNIT && (units[length - 1] === LETTER_A || units[length - 1] === LETTER_I);
  }

  #close(index: number): void {
    this.#mayJoin = false;
    this.#view.push(SPACE_UNIT, index, index);
  }
}

/** don't and dont are one word. */
export function isApostrophe(unit: number): boolean {
  return unit === 0x27 || unit === 0x2019;
}

/** Digits and signs read as letters; l and i are one letter here, since 1 stands for both. */
const LETTER_FOR: ReadonlyMap<number, number> = new Map(
  Object.entries({
    "0": "o",
    "1": "i",
    "3": "e",
    "4": "a",
    "5": "s",
    "7": "t",
    "8": "b",
    "9": "g",
    "@": "a",
    $: "s",
    l: "i",
  }).map(([from, to]) => [from.charCodeAt(0), to.charCodeAt(0)]),
);

/** The letter that a folded unit is read as in the `words` view; 0 when it separates words. */
export function letterOf(unit: number, kind: number): number {
  if (kind === KIND.latin || kind === KIND.digit || unit === 0x40 || unit === 0x24) return LETTER_FOR.get(unit) ?? unit;
  return 0;
}
