/** Growing arrays of the normaliser: a text as one reader of it sees it, with the way back to the original. */

/**
 * More than this many folded units between two letters, and nobody reads them as one word any more. The limit also bounds
 * how much of a stream is held back for a word that has begun.
 */
const GAP_UNITS_MAX = 16;

/** In a derived view: here a gap was too wide. Folded text never contains it, so no phrase reaches across. */
const BREAK = 0;

/** The folded text. Every unit knows which original UTF-16 units (end exclusive) it came from. */
export class FoldedView {
  units: Uint16Array;
  kinds: Uint8Array;
  starts: Int32Array;
  ends: Int32Array;
  length = 0;

  /** `unitsExpected` only saves copying. */
  constructor(unitsExpected: number) {
    this.units = new Uint16Array(unitsExpected);
    this.kinds = new Uint8Array(unitsExpected);
    this.starts = new Int32Array(unitsExpected);
    this.ends = new Int32Array(unitsExpected);
  }

  push(unit: number, kind: number, start: number, end: number): void {
    const at = this.length;
    if (at === this.units.length) {
      const units = capacityAfter(at);
      this.units = moved(this.units, new Uint16Array(units));
      this.kinds = moved(this.kinds, new Uint8Array(units));
      this.starts = moved(this.starts, new Int32Array(units));
      this.ends = moved(this.ends, new Int32Array(units));
    }
    this.units[at] = unit;
    this.kinds[at] = kind;
    this.starts[at] = start;
    this.ends[at] = end;
    this.length = at + 1;
  }
}

/** A view made from the folded text by leaving out and joining. Each unit covers the folded units `first` to `last`. */
export class DerivedView {
  units: Uint16Array;
  first: Int32Array;
  last: Int32Array;
  length = 0;

  /** `unitsExpected` only saves copying. */
  constructor(unitsExpected: number) {
    this.units = new Uint16Array(unitsExpected);
    this.first = new Int32Array(unitsExpected);
    this.last = new Int32Array(unitsExpected);
  }

  push(unit: number, first: number, last: number): void {
    const at = this.length;
    if (at === this.units.length) {
      const units = capacityAfter(at);
      this.units = moved(this.units, new Uint16Array(units));
      this.first = moved(this.first, new Int32Array(units));
      this.last = moved(this.last, new Int32Array(units));
    }
    this.units[at] = unit;
    this.first[at] = first;
    this.last[at] = last;
    this.length = at + 1;
  }

  /** Adds the unit, or lets the last one run on when it is the same: repeats collapse into one unit that covers them all. */
  pushOrExtend(unit: number, first: number, last: number): void {
    const at = this.length - 1;
    if (at >= 0 && this.units[at] === unit) this.last[at] = last;
    else this.push(unit, first, last);
  }

  /** Ends every phrase that is under way when the folded unit, which the view leaves out, widens the gap beyond the limit. */
  leaveOut(index: number): void {
    if (!this.broken && index - (this.last[this.length - 1] ?? 0) > GAP_UNITS_MAX) this.breakAt(index);
  }

  /** Ends every phrase that is under way. */
  breakAt(index: number): void {
    if (!this.broken) this.push(BREAK, index, index);
  }

  /** Nothing is under way: the view is empty or ends in a break. */
  get broken(): boolean {
    return this.length === 0 || this.units[this.length - 1] === BREAK;
  }
}

function capacityAfter(units: number): number {
  return Math.max(64, units * 2);
}

function moved<T extends Uint16Array | Uint8Array | Int32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

/** The units of a view, or a part of them, as a string. */
export function textOf(view: { units: Uint16Array; length: number }, from = 0, to = view.length): string {
  let text = "";
  for (let at = from; at < to; at += 1) text += String.fromCharCode(view.units[at] ?? 0);
  return text;
}
