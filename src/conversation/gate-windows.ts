/** Sizes of the first windows of an answer in UTF-16 units, and of all that follow: an early first text, then fewer calls. */
const SIZES = [40, 60, 100];
const SIZE = 150;
/** How far a window may end before or behind its size to end with a sentence, as a share of the size. */
const PLAY = 0.2;
/** Windows that waited for the guard are judged together up to this, so that one call stays short. */
const MERGED_UNITS_MAX = 600;

const SENTENCE_END = /[。！？；…!?;\n]|\.(?=\s)/gu;

/** Cuts a growing answer into the windows that a guard judges, with sentence ends of both scripts as borders. */
export class GateWindows {
  #taken = 0;

  /**
   * The end of the window that begins at `from`, or null when more text should be waited for. `pressed`: nothing more comes
   * for now, take what there is.
   */
  next(text: string, from: number, pressed: boolean): number | null {
    const size = SIZES[this.#taken] ?? SIZE;
    const there = text.length - from;
    if (there <= 0) return null;
    const longest = Math.floor(size * (1 + PLAY));
    const end = this.#endWithin(text, from, size * (1 - PLAY), Math.max(longest, Math.min(there, MERGED_UNITS_MAX)));
    if (end !== null) return this.#take(end);
    if (there >= longest) return this.#take(wholeCharacters(text, from + Math.min(there, MERGED_UNITS_MAX)));
    const all = wholeCharacters(text, text.length);
    return pressed && all > from ? this.#take(all) : null;
  }

  #take(end: number): number {
    this.#taken += 1;
    return end;
  }

  /** The last sentence end between `least` and `most` units behind `from`. */
  #endWithin(text: string, from: number, least: number, most: number): number | null {
    const piece = text.slice(from, from + most);
    let found: number | null = null;
    for (const match of piece.matchAll(SENTENCE_END)) {
      const end = match.index + match[0].length;
      if (end >= least) found = from + end;
    }
    return found;
  }
}

/** The largest end at or below `end` that does not cut a surrogate pair. */
export function wholeCharacters(text: string, end: number): number {
  if (end <= 0) return 0;
  const last = text.charCodeAt(end - 1);
  return last >= 0xd800 && last <= 0xdbff ? end - 1 : end;
}
