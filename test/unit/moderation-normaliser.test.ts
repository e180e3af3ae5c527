import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { foldCodePoint, GROWTH_MAX } from "../../src/moderation/text/fold.ts";
import { Normaliser } from "../../src/moderation/text/normaliser.ts";
import { textOf } from "../../src/moderation/text/view.ts";

type ViewName = "folded" | "squeezed" | "han" | "words";

/** Texts made of what normalising finds hard: surrogates, marks, ligatures, split characters, spelt-out words, gaps. */
const hardText = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ..."炸弹木仓亻弋火乍弓单氵先abkeyl01@$'’ \n。，!.-_丶灬ßŁéＫ①㏂㎉﷽ﷺガｶﾞ각가ㅏ\u0301\u20dd\u200b\ufe0f\u{e0041}\u3164\ud83d\udc00",
      ),
      fc.constantFrom("💣", "🇰", "𝐤", "👍🏽", "k e y ", "how to make ", "-".repeat(20), "人人"),
      fc.string({ unit: "binary", maxLength: 4 }),
    ),
    { maxLength: 40 },
  )
  .map((pieces) => pieces.join(""));

describe("fold", () => {
  test.each([
    ["full width", "ＫＥＹ１", "key1"],
    ["circled and enclosed", "①㊙🅺🇰", "1秘kk"],
    ["mathematical letters", "𝐤𝒾𝕝𝖑", "kill"],
    ["Cyrillic and Greek look-alikes", "Веѕт Κιll", "best kill"],
    ["traditional characters", "槍彈藥", "枪弹药"],
    ["combining and enclosing marks", "炸҉弹⃝ é", "炸弹 e"],
    ["zero width, tags, fillers and selectors", "炸\u200b\u2060\ufeff弹\ufe0f\u{e0061}\u3164\u00ad", "炸弹"],
    ["pictures that stand for a character", "💣🔫", "炸弹枪"],
    ["Martian script and Japanese forms", "莪伱囯薬弾", "我你国药弹"],
    ["line ends and runs of spaces", "a \t\r\n  b", "a b"],
  ])("%s: what is left is the plain text", (_what, text, expected) => {
    expect(viewOf(text, "folded")).toBe(expected);
  });

  test("a text in any Unicode normal form folds alike", () => {
    const composed = fc.stringMatching(/^[\u00c0-\u024f\u0400-\u04ff\u3040-\u30ff\uac00-\ud7a3\u4e00-\u4fff]*$/u);
    fc.assert(
      fc.property(composed, (text) => {
        for (const form of ["NFC", "NFD", "NFKC", "NFKD"]) {
          expect(viewOf(text.normalize(form), "folded")).toBe(viewOf(text, "folded"));
        }
      }),
    );
  });

  test("folding what is folded changes nothing, for every code point of the first two planes", () => {
    const changed: string[] = [];
    for (let codePoint = 0; codePoint < 0x20000; codePoint += 1) {
      const once = foldCodePoint(codePoint);
      const twice = Array.from(once, (character) => foldCodePoint(character.codePointAt(0) ?? 0)).join("");
      if (twice !== once) changed.push(codePoint.toString(16));
    }
    expect(changed).toEqual([]);
  });

  test("a ligature of eighteen letters is cut to four", () => {
    expect(foldCodePoint(0xfdfa)).toHaveLength(GROWTH_MAX);
  });
});

describe("views", () => {
  test.each<[string, ViewName, string, string]>([
    ["inserted signs", "squeezed", "炸 。弹\n制*作👍教【程】", "炸弹制作教程"],
    ["split characters", "squeezed", "木仓支弓单药", "枪支弹药"],
    ["a split character with a sign inside", "squeezed", "木-仓", "枪"],
    ["parts that are no split character", "squeezed", "木材，仓库", "木材仓库"],
    ["repeats", "squeezed", "炸炸炸弹弹", "炸弹"],
    ["ornaments", "squeezed", "炸丶弹", "炸弹"],
    ["letters and digits between characters", "han", "炸a弹3制の作", "炸弹制作"],
    ["words between Chinese", "words", "用Python写keylogger代码", " python \0 keyioger \0"],
    ["leet", "words", "b0mb m4k3", " bomb make "],
    ["a word spelt out", "words", "k e y l-o-g.g e r now", " keyioger now "],
    ["an article before a word spelt out", "words", "a k e y", " a key "],
    ["an apostrophe", "words", "I don't, don’t", " i dont dont "],
  ])("%s in the %s view", (_what, view, text, expected) => {
    expect(viewOf(text, view)).toBe(expected);
  });

  test("a gap that is too wide ends what was under way", () => {
    expect(viewOf(`炸${"-".repeat(16)}弹`, "squeezed")).toBe("炸弹");
    expect(viewOf(`炸${"-".repeat(17)}弹`, "squeezed")).toBe("炸\0弹");
  });

  test("any text, cut anywhere, gives the same views", () => {
    fc.assert(
      fc.property(hardText, fc.array(fc.nat(60), { maxLength: 5 }), (text, cuts) => {
        const whole = read([text]);
        const pieces = read(cutAt(text, cuts));
        for (const view of ["folded", "squeezed", "han", "words"] as const) {
          expect(textOf(pieces[view])).toBe(textOf(whole[view]));
        }
        expect(used(pieces.folded.starts, pieces)).toEqual(used(whole.folded.starts, whole));
        expect(used(pieces.folded.ends, pieces)).toEqual(used(whole.folded.ends, whole));
      }),
      { numRuns: 500 },
    );
  });

  test("any text: offsets stay inside it and never go back, a view grows to four times its length at most", () => {
    fc.assert(
      fc.property(fc.oneof(hardText, fc.string({ unit: "binary" })), (text) => {
        const views = read([text]);
        const { folded } = views;
        let before = 0;
        for (let at = 0; at < folded.length; at += 1) {
          const [start = -1, end = -1] = [folded.starts[at], folded.ends[at]];
          expect(start).toBeGreaterThanOrEqual(before);
          expect(end).toBeGreaterThan(start);
          expect(end).toBeLessThanOrEqual(text.length);
          before = start;
        }
        for (const view of [views.squeezed, views.han, views.words]) {
          // The words view puts a space on either side of the text.
          expect(view.length).toBeLessThanOrEqual(GROWTH_MAX * text.length + 2);
          for (let at = 0; at < view.length; at += 1) {
            expect(view.first[at]).toBeGreaterThanOrEqual(at === 0 ? 0 : (view.first[at - 1] ?? 0));
            expect(view.last[at]).toBeGreaterThanOrEqual(view.first[at] ?? 0);
            expect(view.last[at]).toBeLessThan(folded.length);
          }
        }
        expect(folded.length).toBeLessThanOrEqual(GROWTH_MAX * text.length);
      }),
      { numRuns: 500 },
    );
  });

  test("any text: what lies before the settled offset gets no further unit", () => {
    fc.assert(
      fc.property(hardText, hardText, (one, other) => {
        const views = new Normaliser();
        views.push(one);
        const settled = views.settledAt();
        const lengths = { squeezed: views.squeezed.length, han: views.han.length, words: views.words.length };
        views.push(other);
        views.end();
        for (const name of ["squeezed", "han", "words"] as const) {
          const view = views[name];
          for (let at = lengths[name]; at < view.length; at += 1) {
            const isLetter = (view.units[at] ?? 0) > 0x20;
            if (isLetter) expect(views.folded.starts[view.first[at] ?? 0]).toBeGreaterThanOrEqual(settled);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ["plain Chinese", "今天天气不错，"],
    ["lone surrogates", "\ud800"],
    ["a ligature of eighteen letters", "\ufdfa"],
    ["spelt-out letters", "k e y "],
    ["marks alone", "\u0301"],
    ["first parts of split characters", "木"],
  ])("a million units of %s are read", (_what, piece) => {
    const text = piece.repeat(Math.ceil(1_000_000 / piece.length));
    const views = read([text]);
    expect(views.settledAt()).toBe(text.length);
    expect(views.words.length).toBeLessThanOrEqual(GROWTH_MAX * text.length);
  });
});

function read(pieces: string[]): Normaliser {
  const views = new Normaliser();
  for (const piece of pieces) views.push(piece);
  views.end();
  return views;
}

function viewOf(text: string, view: ViewName): string {
  return textOf(read([text])[view]);
}

function used(offsets: Int32Array, views: Normaliser): number[] {
  return [...offsets.subarray(0, views.folded.length)];
}

function cutAt(text: string, cuts: number[]): string[] {
  const places = [...new Set(cuts)].sort((a, b) => a - b);
  return [0, ...places].map((from, index) => text.slice(from, places[index]));
}
