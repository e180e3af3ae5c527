/**
 * Derives src/moderation/text/traditional-simplified.ts from opencc-js (a development dependency): the characters whose
 * simplified form is one other character. Phrases are left out on purpose, the fold only has to agree with itself.
 *
 * Run after an update of opencc-js: `node scripts/make-fold-tables.ts`
 */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Converter } from "opencc-js/t2cn";

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

const text = `/**
 * Made by scripts/make-fold-tables.ts, do not edit. ${pairs.size} characters and their simplified forms, place by place.
 *
 * Derived from the dictionaries of OpenCC (Apache License 2.0) as packaged in opencc-js 1.x (MIT and Apache License 2.0).
 */
export const TRADITIONAL = ${literal([...pairs.keys()])};

export const SIMPLIFIED = ${literal([...pairs.values()])};
`;

const path = fileURLToPath(new URL("../src/moderation/text/traditional-simplified.ts", import.meta.url));
writeFileSync(path, text);
console.log(`${pairs.size} pairs written to ${path}`);
