import { DROPPED, foldPair, foldUnit } from "./unit-fold.ts";

/** No unit there: before the text or after it. */
export const NONE = -1;
/** How far behind the place of judgement a detector may look; what lies further back is forgotten. */
export const LOOK_BEHIND_UNITS = 128;
const FORGET_EVERY_UNITS = 4096;

/**
 * The folded text as far as it has come, with the way back to the original. Who looks past its end before `end()` is told
 * `NONE`, and `starved` is set: the answer drawn from it does not count and is asked for again once more text has come. So
 * what detectors say depends on the text alone, never on where it was cut.
 */
export class Reading {
  starved = false;
  #units = new Uint16Array(1024);
  #starts = new Uint32Array(1024);
  #ends = new Uint32Array(1024);
  /** Index of the first unit still kept. */
  #base = 0;
  #kept = 0;
  #originalUnits = 0;
  /** A high surrogate that waits for its other half; 0: none. */
  #half = 0;
  #ended = false;

  push(text: string): void {
    this.#reserve(text.length + 1);
    for (let index = 0; index < text.length; index += 1) this.#take(text.charCodeAt(index));
  }

  end(): void {
    this.#reserve(1);
    if (this.#half !== 0) this.#add(foldUnit(this.#half), 1);
    this.#half = 0;
    this.#ended = true;
  }

  /** Units so far, forgotten ones included: index of the first that has not come. */
  get length(): number {
    return this.#base + this.#kept;
  }

  /** The folded unit, or NONE. */
  at(index: number): number {
    const place = index - this.#base;
    if (place >= this.#kept) {
      if (!this.#ended) this.starved = true;
      return NONE;
    }
    return place < 0 ? NONE : (this.#units[place] ?? NONE);
  }

  /** Folded text between two indexes that have come. */
  slice(from: number, to: number): string {
    return String.fromCharCode(...this.#units.subarray(Math.max(0, from - this.#base), to - this.#base));
  }

  /** Original offset where the unit begins; for one that has not come, where it will begin at the earliest. */
  startOf(index: number): number {
    const place = index - this.#base;
    if (place < this.#kept) return this.#starts[place] ?? 0;
    return this.#originalUnits;
  }

  /** Original offset behind the unit. */
  endOf(index: number): number {
    return this.#ends[index - this.#base] ?? this.#originalUnits;
  }

  /** Nobody will look behind `index` further than `LOOK_BEHIND_UNITS`. */
  forget(index: number): void {
    const places = index - LOOK_BEHIND_UNITS - this.#base;
    if (places < FORGET_EVERY_UNITS) return;
    for (const column of [this.#units, this.#starts, this.#ends]) column.copyWithin(0, places, this.#kept);
    this.#base += places;
    this.#kept -= places;
  }

  #take(unit: number): void {
    const half = this.#half;
    if (half !== 0) {
      this.#half = 0;
      if (unit >= 0xdc00 && unit <= 0xdfff) {
        this.#add(foldPair(0x10000 + ((half - 0xd800) << 10) + (unit - 0xdc00)), 2);
        return;
      }
      this.#add(foldUnit(half), 1);
    }
    if (unit >= 0xd800 && unit <= 0xdbff) this.#half = unit;
    else this.#add(foldUnit(unit), 1);
  }

  #add(folded: number, width: number): void {
    const start = this.#originalUnits;
    this.#originalUnits += width;
    if (folded === DROPPED) return;
    this.#units[this.#kept] = folded;
    this.#starts[this.#kept] = start;
    this.#ends[this.#kept] = start + width;
    this.#kept += 1;
  }

  #reserve(more: number): void {
    const needed = this.#kept + more;
    if (needed <= this.#units.length) return;
    const size = Math.max(needed, this.#units.length * 2);
    const grown = (column: Uint32Array) => {
      const wider = new Uint32Array(size);
      wider.set(column);
      return wider;
    };
    const units = new Uint16Array(size);
    units.set(this.#units);
    this.#units = units;
    this.#starts = grown(this.#starts);
    this.#ends = grown(this.#ends);
  }
}

export function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39;
}

export function isLetter(unit: number): boolean {
  return (unit >= 0x41 && unit <= 0x5a) || (unit >= 0x61 && unit <= 0x7a);
}

export function isUpper(unit: number): boolean {
  return unit >= 0x41 && unit <= 0x5a;
}

export function isAlnum(unit: number): boolean {
  return isDigit(unit) || isLetter(unit);
}

/** A Chinese character of the common block. */
export function isHan(unit: number): boolean {
  return (unit >= 0x4e00 && unit <= 0x9fff) || unit === 0x3007;
}

/** A member test for units, all of them given as one string. */
export function unitsOf(characters: string): ReadonlySet<number> {
  return new Set(Array.from({ length: characters.length }, (_, index) => characters.charCodeAt(index)));
}
