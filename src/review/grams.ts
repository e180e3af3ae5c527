/**
 * Chinese has no spaces, and what databases bring along either finds no two-character word (SQLite's trigrams) or reads
 * every row for one (PostgreSQL's). So we cut texts ourselves, the same for both: pairs of characters that overlap, and
 * words of other scripts whole. 越狱咒语 becomes 越狱, 狱咒, 咒语, 语; finding a word is finding its pairs next to each other.
 */

/** Of one text: what is longer is searched in its beginning. Positions beyond 16,383 are lost in PostgreSQL. */
const TEXT_UNITS_MAX = 10_000;
/** Nobody searches for a longer word; a longer one is a key or a hash. Keeps below every engine's limit on terms. */
const WORD_UNITS_MAX = 64;
const QUERY_UNITS_MAX = 200;
/** More would be a sentence, and each costs a look into the index. */
const QUERY_TERMS_MAX = 8;

/**
 * A run of characters written without spaces (Hangul and Thai too are best cut in pairs), or one word of other letters.
 * Signs that belong to a script without being letters of it, such as the radical ⺀ or the sign ฿, stay out of both.
 */
const RUNS =
  /(?<pairs>[[[\p{L}\p{N}]&&[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}]]々ー]+)|[[\p{L}\p{N}]--[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}々ー]]+/gv;

/** What stands next to each other in the text. The last piece may be only the beginning of what is in the text. */
export interface GramPhrase {
  grams: string[];
  lastIsPrefix: boolean;
}

/** All pieces of a text in order; only letters and digits, so they need no quoting. */
export function gramsOf(text: string): string[] {
  return runsOf(text.slice(0, TEXT_UNITS_MAX)).flatMap(({ pairs, run }) => (pairs ? pairsOf(run) : wordsOf(run)));
}

/** What a text must contain to answer a search: all of these. Empty when there is nothing to search for. */
export function phrasesOf(query: string): GramPhrase[] {
  const terms = folded(query.slice(0, QUERY_UNITS_MAX)).match(/[\p{L}\p{N}々ー]+/gu) ?? [];
  return terms.slice(0, QUERY_TERMS_MAX).flatMap((term): GramPhrase[] => {
    const runs = runsOf(term);
    const last = runs.at(-1);
    if (last === undefined) return [];
    const before = runs.slice(0, -1).flatMap(({ pairs, run }) => (pairs ? pairsOf(run) : wordsOf(run)));
    if (!last.pairs) return [{ grams: [...before, ...wordsOf(last.run)], lastIsPrefix: true }];
    // The single character at the end of a text's run says that the run ends; here it may go on.
    const grams = pairsOf(last.run);
    return grams.length === 1
      ? [{ grams: [...before, ...grams], lastIsPrefix: true }]
      : [{ grams: [...before, ...grams.slice(0, -1)], lastIsPrefix: false }];
  });
}

function runsOf(text: string): { pairs: boolean; run: string }[] {
  return [...folded(text).matchAll(RUNS)].map(({ groups, 0: run }) => ({ pairs: groups?.pairs !== undefined, run }));
}

function folded(text: string): string {
  return text
    .toWellFormed()
    .normalize("NFKC")
    .toLowerCase()
    .replace(/\p{M}+/gu, "");
}

function pairsOf(run: string): string[] {
  const characters = [...run];
  return characters.map((character, index) => character + (characters[index + 1] ?? ""));
}

function wordsOf(run: string): string[] {
  const words: string[] = [];
  for (let start = 0; start < run.length; start += WORD_UNITS_MAX) words.push(run.slice(start, start + WORD_UNITS_MAX));
  return words;
}
