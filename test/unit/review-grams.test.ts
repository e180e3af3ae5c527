import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type GramPhrase, gramsOf, phrasesOf } from "../../src/review/grams.ts";

/** What both databases do with the pieces: find them next to each other. */
function contains(grams: string[], { grams: wanted, lastIsPrefix }: GramPhrase): boolean {
  return grams.some((_gram, start) =>
    wanted.every((gram, index) => {
      const there = grams[start + index];
      return lastIsPrefix && index === wanted.length - 1 ? there?.startsWith(gram) === true : there === gram;
    }),
  );
}

function finds(text: string, query: string): boolean {
  const phrases = phrasesOf(query);
  return phrases.length > 0 && phrases.every((phrase) => contains(gramsOf(text), phrase));
}

const chinese = fc.string({ unit: fc.constantFrom("越", "狱", "咒", "语", "々", "𠮷"), maxLength: 12 });
const mixed = fc.string({
  unit: fc.constantFrom("越", "狱", "咒", "a", "b", "1", " ", "，", "😀", "é"),
  maxLength: 16,
});

describe("pieces for searching", () => {
  test("of Chinese are overlapping pairs, with the last character alone at the end", () => {
    expect(gramsOf("越狱咒语")).toEqual(["越狱", "狱咒", "咒语", "语"]);
    expect(gramsOf("用GPT-4写")).toEqual(["用", "gpt", "4", "写"]);
    expect(gramsOf("ｶﾅ Ｆｕｌｌ 𠮷野")).toEqual(["カナ", "ナ", "full", "𠮷野", "野"]);
    expect(gramsOf("，。 😀 \u200b\uD800")).toEqual([]);
    expect(gramsOf("甲⺀乙")).toEqual(["甲", "乙"]);
  });

  test("find in Chinese exactly what reading every text would find", () => {
    fc.assert(
      fc.property(chinese, chinese, (text, query) => {
        expect(finds(text, query)).toBe(query !== "" && text.includes(query));
      }),
      { numRuns: 2000 },
    );
  });

  test("find every beginning of a word, alone and behind Chinese, in mixed text", () => {
    fc.assert(
      fc.property(mixed, fc.nat(), fc.nat(), (text, from, length) => {
        const words = text.match(/[越狱咒]+[a-z0-9é]+|[a-z0-9é]+/gu) ?? [];
        const word = words[from % Math.max(1, words.length)];
        if (word === undefined) return;
        expect(finds(text, word.slice(0, 1 + (length % word.length)))).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  test("are letters and digits only, each short, whatever the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
        for (const gram of [...gramsOf(text), ...phrasesOf(text).flatMap(({ grams }) => grams)]) {
          expect(gram).toMatch(/^[\p{L}\p{N}ー]{1,64}$/u);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("of a long text, word or query are bounded", () => {
    expect(gramsOf("字".repeat(100_000))).toHaveLength(10_000);
    expect(gramsOf("x".repeat(1000)).every((gram) => gram.length <= 64)).toBe(true);
    expect(phrasesOf("a b c d e f g h i j k")).toHaveLength(8);
    expect(phrasesOf("字".repeat(1000))[0]?.grams).toHaveLength(199);
  });

  test("of a text made of nothing but letters take a time that grows with its length only", () => {
    const startedMs = performance.now();
    gramsOf("a".repeat(1_000_000));
    gramsOf("字a".repeat(500_000));
    expect(performance.now() - startedMs).toBeLessThan(1000);
  });
});
