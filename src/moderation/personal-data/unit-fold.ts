import { FOLD_OF_UNIT, foldCodePoint, NOTHING, SEVERAL } from "../text/fold.ts";

/**
 * The fold of the personal-data scan: one original character gives one unit or none, and the case stays, because keys and
 * passwords live on it. Full-width and circled digits become plain ones, traditional characters simplified ones (密碼), every
 * dash `-`, every space but the line end a space; zero-width characters and marks vanish.
 */

/** In the table: nothing is left of the unit. */
export const DROPPED = 0;
/** Stands for a character outside the Basic Multilingual Plane that is no digit or letter in disguise. */
const OTHER = 0xfffd;
const SPACE = 0x20;
const LINE_END = 0x0a;

const DASHES = "‐‑‒–—―−﹣";
const LINE_ENDS = "\n\v\f\r\u0085\u2028\u2029";
/** Sentence signs stay full-width: they end a value that is plain ASCII (密码是 Abc123！). */
const FULL_WIDTH_SIGNS = "：＝＠．－＿／＋＃";

const TABLE = new Uint16Array(0x10000);
for (let unit = 0; unit < 0x10000; unit += 1) TABLE[unit] = computeFold(unit);

/** The fold of one UTF-16 unit that is no half of a surrogate pair; DROPPED when nothing is left. */
export function foldUnit(unit: number): number {
  return TABLE[unit] ?? OTHER;
}

/** The fold of a code point above U+FFFF: mathematical and segmented digits and letters are read, pictures are not. */
export function foldPair(codePoint: number): number {
  const styled = (codePoint >= 0x1d400 && codePoint <= 0x1d7ff) || (codePoint >= 0x1fbf0 && codePoint <= 0x1fbf9);
  if (styled) return String.fromCodePoint(codePoint).normalize("NFKD").charCodeAt(0);
  return foldCodePoint(codePoint) === "" ? DROPPED : OTHER;
}

function computeFold(unit: number): number {
  const character = String.fromCharCode(unit);
  if (LINE_ENDS.includes(character)) return LINE_END;
  if (unit > 0x20 && unit < 0x7f) return unit;
  if (unit >= 0xd800 && unit <= 0xdfff) return OTHER;
  if (unit >= 0xff01 && unit <= 0xff5e) {
    const plain = unit - 0xfee0;
    return isLetterOrDigit(plain) || FULL_WIDTH_SIGNS.includes(character) ? plain : unit;
  }
  if (DASHES.includes(character)) return 0x2d;
  const folded = FOLD_OF_UNIT[unit] ?? NOTHING;
  if (folded === NOTHING) return DROPPED;
  if (folded === SPACE) return SPACE;
  // Other signs keep their looks; what folds to several units is no part of any number or key.
  return folded === SEVERAL || (folded < 0x80 && !isLetterOrDigit(folded)) ? unit : folded;
}

function isLetterOrDigit(unit: number): boolean {
  return (unit >= 0x30 && unit <= 0x39) || (unit >= 0x41 && unit <= 0x5a) || (unit >= 0x61 && unit <= 0x7a);
}
