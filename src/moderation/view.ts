/** Growing arrays of the normaliser: a text as one reader of it sees it, with the way back to the original. */

const UNITS_FIRST = 256;

/**
 * More than this many folded units between two letters, and nobody reads them as one word any more. The limit also bounds
 * how much of a stream is held back for a word that has begun.
 */
const GAP_UNITS_MAX = 16;

/** In a derived view: here a gap was too wide. Folded text never contains it, so no phrase reaches across. */
const BREAK = 0;

/** The folded text. Every unit knows which original UTF-16 units (end exclusive) it came from. */
export class FoldedView {
  units = new Uint16Array(UNITS_FIRST);
  kinds = new Uint8Array(UNITS_FIRST);
  starts = new Int32Array(UNITS_FIRST);
  ends = new Int32Array(UNITS_FIRST);
  length = 0;

  push(unit: number, kind: number, start: number, end: number): void {
    const at = this.length;
    if (at === this.units.length) {
      this.units = grown(this.units, new Uint16Array(at * 2));
      this.kinds = grown(this.kinds, new Uint8Array(at * 2));
      this.starts = grown(this.starts, new Int32Array(at * 2));
      this.ends = grown(this.ends, new Int32Array(at * 2));
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
  units = new Uint16Array(UNITS_FIRST);
  first = new Int32Array(UNITS_FIRST);
  last = new Int32Array(UNITS_FIRST);
  length = 0;

  push(unit: number, first: number, last: number): void {
    const at = this.length;
    if (at === this.units.length) {
      this.units = grown(this.units, new Uint16Array(at * 2));
      this.first = grown(this.first, new Int32Array(at * 2));
      this.last = grown(this.last, new Int32Array(at * 2));
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
    const at = this.length - 1;
    if (at >= 0 && this.units[at] !== BREAK && index - (this.last[at] ?? 0) > GAP_UNITS_MAX) this.breakAt(index);
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

function grown<T extends Uint16Array | Uint8Array | Int32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

/** The units of a view, or a part of them, as a string. */
export function textOf(view: { units: Uint16Array; length: number }, from = 0, to = view.length): string {
  let text = "";
  for (let at = from; at < to; at += 1) text += String.fromCharCode(view.units[at] ?? 0);
  return text;
}
