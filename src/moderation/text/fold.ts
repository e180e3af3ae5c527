import { ORNAMENTS, STAND_INS } from "./fold-tables.ts";
import { SIMPLIFIED, TRADITIONAL } from "./traditional-simplified.ts";

/**
 * The fold: what is left of one code point once width, case, marks, script variant and disguise are taken off. It looks
 * at one code point alone, so a text folds the same however it is cut. That is why it decomposes (NFKD) and drops the
 * marks instead of composing (NFKC): composition depends on the neighbour, and é or が in any spelling give e and か.
 */

/** What a folded unit is; the views are built from these. */
export const KIND = {
  space: 0,
  /** Ends a sentence: 。！？；!?; */
  stop: 1,
  /** Ends a clause: ，、：,: */
  pause: 2,
  /** Other punctuation, symbols, pictures, ornaments. */
  mark: 3,
  latin: 4,
  digit: 5,
  han: 6,
  /** A letter of any other script. */
  letter: 7,
} as const;
export type Kind = (typeof KIND)[keyof typeof KIND];

/** White space of any kind folds to this. */
export const SPACE_UNIT = 0x20;

/** A code point folds to at most this many units for each of its own; four ligatures of Unicode would give more and are cut. */
export const GROWTH_MAX = 4;

const DROPPED = /[\p{M}\p{Cf}\p{Default_Ignorable_Code_Point}]/u;
const SPACE = /[\s\p{Z}\x85]/u;
const CONTROL = /\p{Cc}/u;
// As they are once folded: full-width ones have become these.
const STOPS = "。!?;";
const PAUSES = "、,:";
const REPLACEMENT = "\ufffd";

const simplifiedOf = new Map<string, string>();
for (let index = 0; index < TRADITIONAL.length; index += 1) {
  simplifiedOf.set(TRADITIONAL.charAt(index), SIMPLIFIED.charAt(index));
}

/** Folds of rare code points are remembered, since normalising costs microseconds and a text repeats its characters. */
const REMEMBERED_MAX = 4096;
const remembered = new Map<number, string>();

/** The fold of one code point; empty when nothing is left of it. A lone surrogate gives U+FFFD. */
export function foldCodePoint(codePoint: number): string {
  const known = remembered.get(codePoint);
  if (known !== undefined) return known;
  const folded = computeFold(codePoint);
  // Forgetting all at once keeps the limit with no bookkeeping.
  if (remembered.size >= REMEMBERED_MAX) remembered.clear();
  remembered.set(codePoint, folded);
  return folded;
}

function computeFold(codePoint: number): string {
  if (codePoint >= 0xd800 && codePoint <= 0xdfff) return REPLACEMENT;
  const character = String.fromCodePoint(codePoint);
  let folded = "";
  for (const part of (STAND_INS.get(character) ?? character).normalize("NFKD")) folded += foldPart(part);
  const unitsMax = GROWTH_MAX * character.length;
  return folded.length <= unitsMax ? folded : folded.slice(0, unitsMax);
}

function foldPart(part: string): string {
  // In this order: U+FEFF is both, and nobody sees it.
  if (DROPPED.test(part)) return "";
  if (SPACE.test(part)) return " ";
  if (CONTROL.test(part)) return "";
  const plain = STAND_INS.get(part) ?? part.toLowerCase();
  const simplified = simplifiedOf.get(plain) ?? plain;
  return STAND_INS.get(simplified) ?? simplified;
}

/** The kind of a folded character (one code point). */
export function kindOf(character: string): Kind {
  if (character === " ") return KIND.space;
  if (STOPS.includes(character)) return KIND.stop;
  if (PAUSES.includes(character)) return KIND.pause;
  if (ORNAMENTS.includes(character)) return KIND.mark;
  if (/\p{Script=Latin}/u.test(character)) return KIND.latin;
  if (/\p{N}/u.test(character) && !/\p{Script=Han}/u.test(character)) return KIND.digit;
  if (/\p{Script=Han}/u.test(character)) return KIND.han;
  return /\p{L}/u.test(character) ? KIND.letter : KIND.mark;
}

/** In FOLD_OF_UNIT: the code unit folds to several units, ask `foldCodePoint`. U+FFFF is no character, so it is free. */
export const SEVERAL = 0xffff;
/** In FOLD_OF_UNIT: nothing is left of the code unit. */
export const NOTHING = 0;

/** Fold of every code point below U+10000 (surrogates excepted), or SEVERAL, or NOTHING. */
export const FOLD_OF_UNIT = new Uint16Array(0x10000);
/** Kind of every folded unit below U+10000. */
export const KIND_OF_UNIT = new Uint8Array(0x10000);

for (let unit = 0; unit < 0x10000; unit += 1) {
  const folded = computeFold(unit);
  FOLD_OF_UNIT[unit] = folded.length === 0 ? NOTHING : folded.length === 1 ? folded.charCodeAt(0) : SEVERAL;
  KIND_OF_UNIT[unit] = kindOf(String.fromCharCode(unit));
}
