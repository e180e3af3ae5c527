import { FOLD_OF_UNIT, foldCodePoint, KIND, KIND_OF_UNIT, kindOf, NOTHING, SEVERAL, SPACE_UNIT } from "./fold.ts";
import { WHOLE_OF_PARTS } from "./fold-tables.ts";
import { DerivedView, FoldedView } from "./view.ts";
import { WordSpelling } from "./word-spelling.ts";

/** Folded to a space, they still end a clause. */
const LINE_ENDS = new Set([0x0a, 0x0b, 0x0c, 0x0d, 0x85, 0x2028, 0x2029]);

/**
 * Reads a text in pieces of any size and writes four views of it:
 *
 * - `folded`: every code point folded on its own (fold.ts), white space as single spaces;
 * - `squeezed`: without spaces, punctuation and symbols; split characters joined; repeats collapsed;
 * - `han`: Chinese characters only, repeats collapsed;
 * - `words`: Latin words between single spaces, digits and signs read as letters (leet), spelt-out words (k e y) joined,
 *   repeats collapsed. Only words that carry a term's whole form are compared in it, so `5G` and `3D` do no harm.
 *
 * The views depend on the text alone, not on the pieces: whatever one more unit could change is kept back, and
 * `settledAt` says from where. Views that lose the way back to the original (pinyin, reversal) do not belong here.
 *
 * Never throws; a view has at most four units (`GROWTH_MAX`) for each one of the original, and two spaces around the words;
 * offsets never go back.
 */
export class Normaliser {
  readonly folded: FoldedView;
  readonly squeezed: DerivedView;
  readonly han: DerivedView;
  readonly words: DerivedView;

  /** Original units read, a kept surrogate excluded. */
  #read = 0;
  #highSurrogate = 0;
  /** Index in `folded` of a character that may be the first part of a split one; -1: none. */
  #firstPart = -1;
  #spelling: WordSpelling;

  /** `unitsExpected` is the length of the text where it is known; it only saves copying. */
  constructor(unitsExpected = 0) {
    this.folded = new FoldedView(unitsExpected);
    this.squeezed = new DerivedView(unitsExpected);
    this.han = new DerivedView(unitsExpected);
    this.words = new DerivedView(Math.ceil(unitsExpected / 4));
    this.#spelling = new WordSpelling(this.words);
  }

  /** Forgets the text, and keeps the room: for whoever reads thousands of short ones. */
  clear(): void {
    for (const view of [this.folded, this.squeezed, this.han, this.words]) view.length = 0;
    this.#read = 0;
    this.#highSurrogate = 0;
    this.#firstPart = -1;
    this.#spelling = new WordSpelling(this.words);
  }

  push(text: string): void {
    for (let at = 0; at < text.length; at += 1) {
      const unit = text.charCodeAt(at);
      if (this.#highSurrogate !== 0) {
        const high = this.#highSurrogate;
        this.#highSurrogate = 0;
        if (unit >= 0xdc00 && unit <= 0xdfff) {
          this.#take(foldCodePoint((high - 0xd800) * 0x400 + (unit - 0xdc00) + 0x10000), 2);
          continue;
        }
        this.#take(foldCodePoint(high), 1);
      }
      if (unit >= 0xd800 && unit <= 0xdbff) this.#highSurrogate = unit;
      else this.#takeUnit(unit);
    }
  }

  /** No more text follows: lets out what was kept back. */
  end(): void {
    if (this.#highSurrogate !== 0) this.#take(foldCodePoint(this.#highSurrogate), 1);
    this.#highSurrogate = 0;
    this.#letOutFirstPart();
    this.#spelling.end(this.folded.length - 1);
  }

  /** Original offset before which no view will get another unit. */
  settledAt(): number {
    const spelling = this.#spelling.keptFrom();
    let settled = this.#read;
    if (this.#firstPart >= 0) settled = Math.min(settled, this.folded.starts[this.#firstPart] ?? 0);
    if (spelling >= 0) settled = Math.min(settled, this.folded.starts[spelling] ?? 0);
    return settled;
  }

  #takeUnit(unit: number): void {
    const folded = FOLD_OF_UNIT[unit] ?? NOTHING;
    if (folded === SEVERAL) this.#take(foldCodePoint(unit), 1);
    else {
      const kind = LINE_ENDS.has(unit) ? KIND.pause : (KIND_OF_UNIT[folded] ?? KIND.mark);
      if (folded !== NOTHING) this.#add(folded, kind, this.#read, this.#read + 1);
      this.#read += 1;
    }
  }

  /** Adds the fold of one code point that was `size` units long. */
  #take(folded: string, size: number): void {
    const end = this.#read + size;
    for (const character of folded) {
      const kind = character.length === 1 ? (KIND_OF_UNIT[character.charCodeAt(0)] ?? KIND.mark) : kindOf(character);
      for (let at = 0; at < character.length; at += 1) this.#add(character.charCodeAt(at), kind, this.#read, end);
    }
    this.#read = end;
  }

  #add(unit: number, kind: number, start: number, end: number): void {
    const folded = this.folded;
    const index = folded.length;
    if (unit === SPACE_UNIT && index > 0 && folded.units[index - 1] === SPACE_UNIT) {
      if (kind === KIND.pause) folded.kinds[index - 1] = kind;
      return;
    }
    folded.push(unit, kind, start, end);
    this.#spelling.take(unit, kind, index);
    if (kind === KIND.han) this.han.pushOrExtend(unit, index, index);
    else this.han.leaveOut(index);
    if (kind >= KIND.latin) this.#squeeze(unit, index);
    else this.#leaveOut(index);
  }

  #squeeze(unit: number, index: number): void {
    if (this.#firstPart >= 0) {
      const part = this.#firstPart;
      const whole = WHOLE_OF_PARTS.get(this.folded.units[part] ?? 0)?.get(unit);
      if (whole !== undefined) {
        this.#firstPart = -1;
        this.squeezed.pushOrExtend(whole, part, index);
        return;
      }
      this.#letOutFirstPart();
    }
    if (WHOLE_OF_PARTS.has(unit)) this.#firstPart = index;
    else this.squeezed.pushOrExtend(unit, index, index);
  }

  #leaveOut(index: number): void {
    // The second part of a character stands next to the first, or one sign away.
    if (this.#firstPart >= 0 && index > this.#firstPart + 1) this.#letOutFirstPart();
    this.squeezed.leaveOut(index);
  }

  #letOutFirstPart(): void {
    const part = this.#firstPart;
    this.#firstPart = -1;
    if (part >= 0) this.squeezed.pushOrExtend(this.folded.units[part] ?? 0, part, part);
  }
}
