import { WHOLE_OF_PARTS } from "../../src/moderation/text/fold-tables.ts";
import { MARTIAN_STAND_INS } from "../../src/moderation/text/martian-script.ts";
import { MAIN_READINGS } from "../../src/moderation/text/syllables.ts";
import { SIMPLIFIED, TRADITIONAL } from "../../src/moderation/text/traditional-simplified.ts";

/**
 * The ways in which people write a term so that a filter does not know it and a reader does. Each makes the disguised terms
 * out of a plain one; none when the way does not apply to it (no character of it has a picture). Nothing is left to chance.
 */

type Ways = Record<string, (term: string) => string[]>;

/** A Chinese term written otherwise, to be read all the same. */
export const WRITTEN: Ways = {
  plain: (term) => [term],
  traditional: replacing(inverted([...SIMPLIFIED].map((simple, at) => [TRADITIONAL.charAt(at), simple]))),
  "spaces inserted": between([" ", "\u3000", "  "]),
  "punctuation inserted": between([".", "-", "，", "/", "、"]),
  "letters and digits inserted": between(["x", "3", "の"]),
  "zero width inserted": between(["\u200b", "\u2060\u200d", "\ufeff"]),
  "tags and selectors inserted": between(["\ufe0f", "\u{e0041}", "\u{e0100}"]),
  "pictures between": between(["🎈", "👍🏽", "★", "﹎"]),
  "combining marks": (term) => ["\u0489", "\u20dd", "\u0336"].map((mark) => [...term].map((c) => c + mark).join("")),
  "pictures for characters": replacing(
    new Map([
      ["赌", ["🎰", "🎲"]],
      ["药", ["💊"]],
      ["枪", ["🔫"]],
      ["钱", ["💰"]],
      ["冰", ["🧊"]],
    ]),
  ),
  "characters repeated": (term) => [2, 3].map((times) => [...term].map((c) => c.repeat(times)).join("")),
  "line ends between": between(["\n", "\r\n"]),
  "in brackets": (term) => [[...term].map((c) => `【${c}】`).join(""), [...term].map((c) => `(${c})`).join("")],
  "split characters": replacing(inverted(splits())),
  "Martian script": replacing(inverted(MARTIAN_STAND_INS)),
};

/** A term in Latin letters written otherwise. */
export const WRITTEN_LATIN: Ways = {
  "full width": (term) => applied(term, (c) => shifted(c, 0x21, 0x7e, 0xfee0)),
  leet: (term) =>
    [swapped(term, LEET), swapped(term, new Map([["e", "3"]])), swapped(term, new Map([["o", "0"]]))].filter(
      (t) => t !== term,
    ),
  homoglyphs: (term) =>
    [CYRILLIC, GREEK, SMALL_CAPITALS].map((letters) => swapped(term, letters)).filter((t) => t !== term),
  "mathematical letters": (term) =>
    [0x1d41a, 0x1d4ea, 0x1d5ba].flatMap((a) => applied(term, (c) => shifted(c, 0x61, 0x7a, a - 0x61))),
};

/** Written as something else that sounds the same. */
export const SOUNDED: Ways = {
  "one homophone": (term) => eachPlace(term, homophoneOf),
  "homophones only": (term) => whole(term, homophoneOf),
  "one character in pinyin": (term) => eachPlace(term, syllableOf),
  "one character in pinyin, apart": (term) => eachPlace(term, (c) => ` ${syllableOf(c)} `),
};

/** Only for terms of three characters and more: what is shorter is met by chance. */
export const SOUNDED_LONG: Ways = {
  pinyin: (term) => [[...term].map(syllableOf).join("")],
  "pinyin, apart": (term) => [[...term].map(syllableOf).join(" ")],
  "pinyin with tones": (term) => [[...term].map((c) => `${syllableOf(c)}4`).join(" ")],
  reversed: (term) => [[...term].reverse().join("")],
};

const LEET = new Map(Object.entries({ o: "0", e: "3", a: "4", s: "5", t: "7", i: "1" }));
const CYRILLIC = new Map(
  Object.entries({ a: "а", e: "е", o: "о", p: "р", c: "с", y: "у", x: "х", k: "к", i: "і", s: "ѕ" }),
);
const GREEK = new Map(Object.entries({ a: "α", i: "ι", k: "κ", o: "ο", p: "ρ", v: "ν", t: "τ" }));
const SMALL_CAPITALS = new Map(
  Object.entries({
    a: "ᴀ",
    b: "ʙ",
    d: "ᴅ",
    e: "ᴇ",
    g: "ɢ",
    h: "ʜ",
    i: "ɪ",
    k: "ᴋ",
    l: "ʟ",
    n: "ɴ",
    o: "ᴏ",
    r: "ʀ",
    s: "ꜱ",
    t: "ᴛ",
    y: "ʏ",
  }),
);

const syllables = new Map<string, string>();
const charactersOf = new Map<string, string[]>();
for (const line of MAIN_READINGS.trim().split("\n")) {
  const [syllable = "", characters = ""] = line.split(" ");
  charactersOf.set(syllable, [...characters]);
  for (const character of characters) syllables.set(character, syllable);
}

function syllableOf(character: string): string {
  return syllables.get(character) ?? character;
}

/** Another character of the same sound, a rare one: pairs of common ones are words, and those are not to be found. */
function homophoneOf(character: string): string {
  const alike = charactersOf.get(syllableOf(character)) ?? [];
  return alike.filter((other) => other !== character).at(-1) ?? character;
}

function between(signs: string[]): (term: string) => string[] {
  return (term) => signs.map((sign) => [...term].join(sign));
}

/** Every stand-in of every character in turn, and the first of each at once. */
function replacing(standIns: Map<string, string[]>): (term: string) => string[] {
  return (term) => {
    const single = [...term].flatMap((character, at) =>
      (standIns.get(character) ?? []).map((other) => [...term].with(at, other).join("")),
    );
    const all = [...term].map((character) => standIns.get(character)?.[0] ?? character).join("");
    return [...new Set(single.length === 0 ? [] : [...single, all])];
  };
}

function inverted(pairs: Iterable<readonly [string, string]>): Map<string, string[]> {
  const standIns = new Map<string, string[]>();
  for (const [written, meant] of pairs) standIns.set(meant, [...(standIns.get(meant) ?? []), written]);
  return standIns;
}

function splits(): [string, string][] {
  return [...WHOLE_OF_PARTS].flatMap(([first, wholes]) =>
    [...wholes].map(([second, joined]): [string, string] => [
      String.fromCharCode(first, second),
      String.fromCharCode(joined),
    ]),
  );
}

function eachPlace(term: string, change: (character: string) => string): string[] {
  return [...term].map((character, at) => [...term].with(at, change(character)).join(""));
}

function whole(term: string, change: (character: string) => string): string[] {
  return [[...term].map(change).join("")];
}

/** The term with every character changed; none when that changes nothing. */
function applied(term: string, change: (character: string) => string): string[] {
  return whole(term, change).filter((text) => text !== term);
}

function swapped(term: string, letters: ReadonlyMap<string, string>): string {
  return [...term].map((character) => letters.get(character) ?? character).join("");
}

function shifted(character: string, from: number, to: number, by: number): string {
  const codePoint = character.codePointAt(0) ?? 0;
  return codePoint >= from && codePoint <= to ? String.fromCodePoint(codePoint + by) : character;
}
