import { Normaliser } from "../text/normaliser.ts";

/**
 * What the classifier sees of a text: which short runs of characters and words it has, and how often. Both are taken from the
 * normaliser's views, so full width, zero-width and inserted signs, traditional characters and leetspeak are gone by then.
 *
 * - Chinese and other scripts without spaces: runs of 1 to 3 units of the squeezed view that have at least one such unit;
 * - Latin words: each word, each pair of neighbours, and runs of 4 and 5 letters inside a word, its edges included.
 *
 * A run is known by its hash alone. Two runs may share a bucket; with 2^18 of them that costs little, and no text can be read
 * back out of the weights.
 */

/** Raised whenever the same text no longer gives the same features: weights trained before are refused then. */
export const FEATURES_VERSION = 1;

export const BUCKET_BITS_MIN = 8;
export const BUCKET_BITS_MAX = 18;

/**
 * UTF-16 units read of a text; of a longer one the first and the last half of it. It bounds the time to a few milliseconds
 * whatever arrives, and a wrapped request stands at one of the ends.
 */
export const UNITS_READ_MAX = 4096;

const RUN_UNITS_MAX = 3;
const LETTER_RUN_MIN = 4;
const LETTER_RUN_MAX = 5;

/** Units from here on belong to scripts without spaces between words, Han and kana among them. */
const FIRST_UNSPACED = 0x2e80;
const SPACE = 0x20;
/** Where a view ends one passage (`view.ts`). */
const BREAK = 0;

/** Seeds keep a run of letters and a whole word of the same letters apart. */
const SEED = { run: 0x2545f491, letters: 0x5bd1e995, word: 0x1b873593, pair: 0x38b34ae5 };

/** Reads texts into one table that is kept, so that scoring a message allocates almost nothing. */
export class FeatureReader {
  /** Buckets that the last text filled, in the order of their first run; `length` of them count. */
  readonly buckets: Uint32Array;
  length = 0;
  /** Runs in each bucket. Only those named in `buckets` are not 0. */
  readonly counts: Uint16Array;
  readonly #shift: number;

  constructor(bucketBits: number) {
    this.#shift = 32 - bucketBits;
    this.counts = new Uint16Array(2 ** bucketBits);
    this.buckets = new Uint32Array(2 ** bucketBits);
  }

  /** Never throws, whatever the text; one without letters has no features. Reads `UNITS_READ_MAX` units of it. */
  read(text: string): void {
    for (let at = 0; at < this.length; at += 1) this.counts[this.buckets[at] ?? 0] = 0;
    this.length = 0;
    const half = UNITS_READ_MAX / 2;
    if (text.length <= UNITS_READ_MAX) this.#readPart(text);
    else {
      this.#readPart(text.slice(0, half));
      this.#readPart(text.slice(-half));
    }
  }

  /** 1 / length of the vector of counts: what makes a long text weigh as much as a short one. 0 without features. */
  get norm(): number {
    let squares = 0;
    for (let at = 0; at < this.length; at += 1) {
      const count = this.counts[this.buckets[at] ?? 0] ?? 0;
      squares += count * count;
    }
    return squares === 0 ? 0 : 1 / Math.sqrt(squares);
  }

  #readPart(part: string): void {
    const views = new Normaliser(part.length);
    views.push(part);
    views.end();
    this.#runs(views.squeezed.units, views.squeezed.length);
    this.#words(views.words.units, views.words.length);
  }

  #runs(units: Uint16Array, length: number): void {
    for (let from = 0; from < length; from += 1) {
      let hash = SEED.run;
      let unspaced = false;
      const end = Math.min(length, from + RUN_UNITS_MAX);
      for (let at = from; at < end; at += 1) {
        const unit = units[at] ?? BREAK;
        if (unit === BREAK) break;
        hash = mixed(hash, unit);
        unspaced ||= unit >= FIRST_UNSPACED;
        if (unspaced) this.#count(hash);
      }
    }
  }

  #words(units: Uint16Array, length: number): void {
    let before = 0;
    let from = 0;
    while (from < length) {
      const unit = units[from] ?? BREAK;
      if (unit === SPACE || unit === BREAK) {
        if (unit === BREAK) before = 0;
        from += 1;
        continue;
      }
      let end = from;
      let hash = SEED.word;
      for (let letter = unit; letter !== SPACE && letter !== BREAK; letter = units[end] ?? BREAK) {
        hash = mixed(hash, letter);
        end += 1;
      }
      this.#count(hash);
      if (before !== 0) this.#count(mixed(mixed(SEED.pair, before), hash));
      before = hash;
      this.#letters(units, from - 1, end + 1);
      from = end;
    }
  }

  /** Runs of letters from `from` to `end`, the spaces on both sides included. */
  #letters(units: Uint16Array, from: number, end: number): void {
    for (let start = Math.max(0, from); start < end; start += 1) {
      let hash = SEED.letters;
      for (let at = start; at < Math.min(end, start + LETTER_RUN_MAX); at += 1) {
        hash = mixed(hash, units[at] ?? SPACE);
        if (at - start + 1 >= LETTER_RUN_MIN) this.#count(hash);
      }
    }
  }

  #count(hash: number): void {
    const bucket = Math.imul(hash ^ (hash >>> 15), 0x9e3779b1) >>> this.#shift;
    const count = this.counts[bucket] ?? 0;
    if (count === 0) {
      this.buckets[this.length] = bucket;
      this.length += 1;
    }
    if (count < 0xffff) this.counts[bucket] = count + 1;
  }
}

/** One step of the hash (as in MurmurHash3). */
function mixed(hash: number, unit: number): number {
  const turned = Math.imul(unit, 0xcc9e2d51);
  const stirred = hash ^ Math.imul((turned << 15) | (turned >>> 17), 0x1b873593);
  return (Math.imul((stirred << 13) | (stirred >>> 19), 5) + 0xe6546b64) | 0;
}
