import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Signal } from "../../console/src/logic/api-types.ts";
import { piecesOf, SPANS_MAX } from "../../console/src/logic/pieces.ts";

function signal(checker: string, ...spans: [number, number][]): Signal {
  const found = spans.map(([start, end]) => ({ start, end }));
  return { checker, category: "illegal", confidence: 0.9, rule: `${checker}.1`, spans: found };
}

function shown(text: string, signals: Signal[]): string[] {
  return piecesOf(text, signals).map(({ text: piece, marks }) =>
    marks.reduce((inner, mark) => `<${mark.signal.checker}${mark.lane}:${inner}>${mark.ends ? "!" : ""}`, piece),
  );
}

describe("pieces of a flagged text", () => {
  test("a text without evidence is one piece", () => {
    expect(shown("你好", [])).toEqual(["你好"]);
    expect(shown("", [signal("rules", [0, 3])])).toEqual([]);
  });

  test("evidence in the middle makes three pieces, labelled where it ends", () => {
    expect(shown("请代开发票吧", [signal("lexicon", [1, 5])])).toEqual(["请", "<lexicon0:代开发票>!", "吧"]);
  });

  test("overlapping spans lie in different lanes, the shorter one inside", () => {
    expect(shown("abcdef", [signal("guard", [0, 6]), signal("rules", [2, 4])])).toEqual([
      "<guard1:ab>",
      "<guard1:<rules0:cd>!>",
      "<guard1:ef>!",
    ]);
  });

  test("spans side by side share a lane", () => {
    expect(shown("abcd", [signal("rules", [0, 2], [2, 4])])).toEqual(["<rules0:ab>!", "<rules0:cd>!"]);
  });

  test("a span out of the text is clipped, an empty or backward one is left out", () => {
    expect(shown("abc", [signal("rules", [-5, 1], [2, 99], [1, 1], [3, 1])])).toEqual([
      "<rules0:a>!",
      "b",
      "<rules0:c>!",
    ]);
  });

  test("a span that would cut a character in two takes all of it", () => {
    expect(shown("a😀b", [signal("rules", [2, 3])])).toEqual(["a", "<rules0:😀>!", "b"]);
  });

  test("the same finding twice is marked once", () => {
    expect(piecesOf("abc", [signal("rules", [0, 2]), signal("rules", [0, 2])])[0]?.marks).toHaveLength(1);
  });

  test("whatever the spans, the pieces joined are the text, and no character is cut", () => {
    const span = fc.tuple(fc.integer({ min: -3, max: 30 }), fc.integer({ min: -3, max: 30 }));
    const signals = fc.array(fc.tuple(fc.constantFrom("rules", "guard", "lexicon"), fc.array(span, { maxLength: 5 })));
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 20 }), signals, (text, found) => {
        const pieces = piecesOf(
          text,
          found.map(([checker, spans]) => signal(checker, ...spans)),
        );
        expect(pieces.map((piece) => piece.text).join("")).toBe(text);
        for (const piece of pieces) {
          expect(piece.text.isWellFormed()).toBe(text.isWellFormed());
          expect(piece.marks.every(({ lane }) => lane >= 0 && lane < 4)).toBe(true);
        }
      }),
    );
  });

  test("thousands of spans are bounded", () => {
    const spans = Array.from({ length: 5000 }, (_, index): [number, number] => [index, index + 1]);
    const marked = piecesOf("x".repeat(6000), [signal("rules", ...spans)]).filter(({ marks }) => marks.length > 0);
    expect(marked).toHaveLength(SPANS_MAX);
  });
});
