/**
 * Derives two tables of src/moderation/text from development dependencies:
 *
 * - traditional-simplified.ts from opencc-js: the characters whose simplified form is one other character. Phrases are left
 *   out on purpose, the fold only has to agree with itself.
 * - syllables.ts from pinyin-pro: how the characters that are left after folding are read, without tones.
 *
 * Run after an update of either, or a change of the fold: `node scripts/make-fold-tables.ts`
 */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Converter } from "opencc-js/t2cn";
import { pinyin } from "pinyin-pro";

const FIRST_HAN = 0x2e80;
const LAST_HAN = 0xfaff;
const CHARACTERS_PER_LINE = 100;

const converters = [Converter({ from: "t", to: "cn" }), Converter({ from: "hk", to: "cn" })];

const pairs = new Map<string, string>();
for (let code = FIRST_HAN; code <= LAST_HAN; code += 1) {
  const character = String.fromCharCode(code);
  if (!/\p{Script=Han}/u.test(character) || character.normalize("NFKD") !== character) continue;
  const simplified = converters.map((convert) => convert(character)).find((converted) => converted !== character);
  if (simplified?.length === 1) pairs.set(character, simplified);
}

// A fold applied twice must give the same: follow chains to their end.
for (const [traditional, simplified] of pairs) {
  let last = simplified;
  for (let step = 0; step < 8 && pairs.has(last) && pairs.get(last) !== traditional; step += 1) {
    last = pairs.get(last) ?? last;
  }
  if (pairs.has(last)) pairs.delete(traditional);
  else pairs.set(traditional, last);
}

function literal(characters: string[]): string {
  const lines: string[] = [];
  for (let from = 0; from < characters.length; from += CHARACTERS_PER_LINE) {
    lines.push(`  "${characters.slice(from, from + CHARACTERS_PER_LINE).join("")}",`);
  }
  return `[\n${lines.join("\n")}\n].join("")`;
}

function write(file: string, text: string): void {
  writeFileSync(fileURLToPath(new URL(`../src/moderation/text/${file}`, import.meta.url)), text);
}

write(
  "traditional-simplified.ts",
  `/**
 * Made by scripts/make-fold-tables.ts, do not edit. ${pairs.size} characters and their simplified forms, place by place.
 *
 * Derived from the dictionaries of OpenCC (Apache License 2.0) as packaged in opencc-js 1.x (MIT and Apache License 2.0).
 */
export const TRADITIONAL = ${literal([...pairs.keys()])};

export const SIMPLIFIED = ${literal([...pairs.values()])};
`,
);
console.log(`${pairs.size} traditional characters`);

// The fold reads the table that was just written.
const { foldCodePoint } = await import("../src/moderation/text/fold.ts");

const FIRST_READ = 0x4e00;
const LAST_READ = 0x9fa5;
/** Second and third readings count for common characters only: everybody knows two for 行, nobody the five of 拽. */
const READINGS_MAX = 3;
const common = commonCharacters();
const mainReading = new Map<string, string>();
const otherReadings = new Map<string, string>();
let readCharacters = 0;
for (let code = FIRST_READ; code <= LAST_READ; code += 1) {
  const character = String.fromCharCode(code);
  if (foldCodePoint(code) !== character) continue;
  const options = { toneType: "none", v: true, type: "array" } as const;
  const [main = "", ...others] = [
    ...pinyin(character, options),
    ...(common.has(character) ? pinyin(character, { ...options, multiple: true }) : []),
  ].filter(
    (reading, at, all) => /^(?:[aeo]|[a-z]{2,6})$/u.test(reading) && reading !== "ng" && all.indexOf(reading) === at,
  );
  if (main === "") continue;
  readCharacters += 1;
  mainReading.set(main, (mainReading.get(main) ?? "") + character);
  for (const other of others.slice(0, READINGS_MAX - 1)) {
    otherReadings.set(other, (otherReadings.get(other) ?? "") + character);
  }
}

/** GB 2312, level 1. */
function commonCharacters(): Set<string> {
  const decoder = new TextDecoder("gb18030");
  const characters = new Set<string>();
  for (let row = 0xb0; row <= 0xd7; row += 1) {
    for (let cell = 0xa1; cell <= 0xfe; cell += 1) characters.add(decoder.decode(Uint8Array.of(row, cell)));
  }
  return characters;
}

function lines(readings: Map<string, string>): string {
  const sorted = [...readings].sort(([one], [other]) => (one < other ? -1 : 1));
  return sorted.map(([reading, characters]) => `${reading} ${characters}`).join("\n");
}

write(
  "syllables.ts",
  `/**
 * Made by scripts/make-fold-tables.ts, do not edit. How ${readCharacters} folded characters are read: a syllable without its tone
 * (ü is v), then the characters.
 *
 * Derived from the dictionary of pinyin-pro 3.x (MIT).
 */

/** By their most usual reading, each character once. */
export const MAIN_READINGS = \`
${lines(mainReading)}
\`;

/** By other readings, common characters only. */
export const OTHER_READINGS = \`
${lines(otherReadings)}
\`;
`,
);
console.log(`${readCharacters} characters in ${mainReading.size} syllables`);
