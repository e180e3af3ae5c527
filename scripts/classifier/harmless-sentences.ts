import * as chinese from "./harmless-chinese.ts";
import * as english from "./harmless-english.ts";
import { randomFrom } from "./random.ts";

/**
 * Made-up questions of an office, many with a word that sounds alarming and is not. Without them the model learns that such
 * words, or English, or a question after a recipe, mean harm, since the collections have few harmless rows of that kind.
 */

/** Slots stand in braces; a template without one is a sentence of its own. */
export type Slots = Readonly<Record<string, readonly string[]>>;

/** `count` different sentences of each language, always the same for one seed. */
export function harmlessSentences(count: number, seed: number): { text: string; lang: "zh" | "en" }[] {
  const random = randomFrom(seed);
  return [
    ...sentences(chinese.TEMPLATES, chinese.SLOTS, count, random).map((text) => ({ text, lang: "zh" as const })),
    ...sentences(english.TEMPLATES, english.SLOTS, count, random).map((text) => ({ text, lang: "en" as const })),
  ];
}

function sentences(templates: readonly string[], slots: Slots, count: number, random: () => number): string[] {
  const found = new Set<string>();
  const pick = (from: readonly string[]) => from[Math.floor(random() * from.length)] ?? "";
  // Short templates repeat themselves; the limit ends the search when most sentences are known.
  for (let attempt = 0; found.size < count && attempt < 20 * count; attempt += 1) {
    found.add(pick(templates).replaceAll(/\{(\w+)\}/g, (_, slot: string) => pick(slots[slot] ?? [])));
  }
  return [...found];
}
