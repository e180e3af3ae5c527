import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { buildMatcher, MATCHER_START, type Matcher, PATTERN_UNITS_MAX } from "../../src/moderation/phrases/matcher.ts";

const smallAlphabet = fc.string({ unit: fc.constantFrom("a", "b", "炸", "弹", "\ud83d"), minLength: 1, maxLength: 5 });

describe("matcher", () => {
  test("overlapping and nested patterns are all found, the longest first", () => {
    const patterns = ["he", "she", "his", "hers", "e"];
    expect(hitsOf(buildMatcher(patterns), ["shers"]).map(({ pattern, end }) => [patterns[pattern], end])).toEqual([
      ["she", 3],
      ["he", 3],
      ["e", 3],
      ["hers", 5],
    ]);
  });

  test("any patterns in any text cut anywhere: the hits are those of a naive search", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "炸", "弹", "\ud83d"), maxLength: 60 });
    fc.assert(
      fc.property(fc.uniqueArray(smallAlphabet, { maxLength: 12 }), text, fc.nat(60), (patterns, haystack, cut) => {
        const matcher = buildMatcher(patterns);
        const found = hitsOf(matcher, [haystack.slice(0, cut), haystack.slice(cut)]);
        expect(sorted(found)).toEqual(sorted(naiveHits(patterns, haystack)));
      }),
      { numRuns: 500 },
    );
  });

  test("any text: the open units are the longest end of it that begins a pattern", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(smallAlphabet, { maxLength: 8 }),
        fc.string({ unit: fc.constantFrom("a", "b", "炸") }),
        (patterns, text) => {
          const matcher = buildMatcher(patterns);
          const state = matcher.scan(unitsOf(text), 0, text.length, MATCHER_START, () => {});
          let longest = 0;
          for (let units = 1; units <= text.length; units += 1) {
            const end = text.slice(-units);
            if (patterns.some((pattern) => pattern.startsWith(end))) longest = units;
          }
          expect(matcher.openUnits(state)).toBe(longest);
        },
      ),
    );
  });

  test("no patterns: nothing is found", () => {
    expect(hitsOf(buildMatcher([]), ["abc"])).toEqual([]);
  });

  test.each([
    ["an empty pattern", [""]],
    ["a pattern given twice", ["ab", "ab"]],
    ["a pattern beyond the limit", ["a".repeat(PATTERN_UNITS_MAX + 1)]],
  ])("%s is refused", (_what, patterns) => {
    expect(() => buildMatcher(patterns)).toThrow(expect.objectContaining({ code: "internal" }));
  });

  test("100,000 words take less than 20 MB", () => {
    const words = madeUpWords(100_000);
    const matcher = buildMatcher(words);
    expect(matcher.bytes).toBeLessThan(20_000_000);
    const last = words.length - 1;
    expect(hitsOf(matcher, [`前${words[last]}后`]).map(({ pattern }) => pattern)).toContain(last);
  });
});

interface Hit {
  pattern: number;
  end: number;
}

function hitsOf(matcher: Matcher, chunks: string[]): Hit[] {
  const hits: Hit[] = [];
  let state = MATCHER_START;
  let before = 0;
  for (const chunk of chunks) {
    state = matcher.scan(unitsOf(chunk), 0, chunk.length, state, (pattern, end) => {
      hits.push({ pattern, end: before + end });
    });
    before += chunk.length;
  }
  return hits;
}

function naiveHits(patterns: string[], text: string): Hit[] {
  const hits: Hit[] = [];
  for (const [pattern, word] of patterns.entries()) {
    for (let from = text.indexOf(word); from >= 0; from = text.indexOf(word, from + 1)) {
      hits.push({ pattern, end: from + word.length });
    }
  }
  return hits;
}

function sorted(hits: Hit[]): Hit[] {
  return hits.sort((one, other) => one.end - other.end || one.pattern - other.pattern);
}

function unitsOf(text: string): Uint16Array {
  return Uint16Array.from({ length: text.length }, (_, at) => text.charCodeAt(at));
}

/** Distinct words of two to five Chinese characters, always the same ones. */
function madeUpWords(count: number): string[] {
  const words = new Set<string>();
  for (let seed = 1; words.size < count; seed += 1) {
    let rest = Math.imul(seed, 0x9e3779b1) >>> 0;
    let word = "";
    for (let length = 2 + (seed % 4); word.length < length; rest = Math.imul(rest ^ (rest >>> 13), 0x85ebca6b) >>> 0) {
      word += String.fromCharCode(0x4e00 + (rest % 3500));
    }
    words.add(word);
  }
  return [...words];
}
