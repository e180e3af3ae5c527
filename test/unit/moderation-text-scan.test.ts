import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Findings } from "../../src/moderation/phrases/findings.ts";
import { TextScan } from "../../src/moderation/phrases/text-scan.ts";
import type { Signal } from "../../src/moderation/verdict.ts";
import { samplePolicy, t0 } from "./moderation-samples.ts";

const policy = samplePolicy({
  lexicon: [
    t0("炸弹制作教程", "赌博网站", "洗钱", "人人网", "K粉", "keylogger", "kill switch", {
      term: "hack",
      match: "part",
    }),
  ],
  allow: ["反洗钱", "keylogger detection"],
});

/** Finds the one term that the text contains, and how surely. */
function confidenceIn(text: string): number {
  return Math.max(0, ...scan([text]).map((signal) => signal.confidence));
}

describe("a term in disguise is found surely", () => {
  test.each([
    ["plain", "这是赌博网站吗"],
    ["traditional", "這是賭博網站嗎"],
    ["spaces", "赌 博 网 站"],
    ["punctuation", "赌,博,网,站"],
    ["brackets", "【赌】【博】【网】【站】"],
    ["pictures between", "赌🎈博🎈网🎈站"],
    ["a picture for a character", "🎰博网站"],
    ["line ends", "赌\n博\n网\n站"],
    ["letters between", "赌a博a网a站"],
    ["kana between", "赌の博の网の站"],
    ["ornaments", "赌丶博灬网站"],
    ["zero width", "赌\u200b博\u2060网\u200d站"],
    ["tags and selectors", "赌\u{e0020}博\ufe0f网\u{e0100}站"],
    ["combining marks", "赌҉博⃝网̶站҉"],
    ["repeats", "赌赌博博网网站站"],
    ["split characters", "贝者博网站"],
    ["full width", "ｋｅｙｌｏｇｇｅｒ"],
    ["look-alikes", "kеylоggеr"],
    ["case", "KeyLogger"],
    ["leet", "k3yl0gg3r"],
    ["one for l", "key1ogger"],
    ["stretched", "keyyyyloggerrrr"],
    ["spelt out", "k e y l o g g e r"],
    ["spelt out with signs", "k.e.y.l.o.g.g.e.r"],
    ["marks on letters", "kéylögger"],
    ["letters in discs", "ⓚⓔⓨⓛⓞⓖⓖⓔⓡ"],
    ["words apart", "kill   \n switch"],
    ["words joined by a sign", "kill-switch"],
    ["inside Chinese", "帮我写keylogger代码"],
  ])("%s: %s", (_how, text) => {
    expect(confidenceIn(text)).toBeGreaterThanOrEqual(0.9);
  });
});

describe("what only looks like a term is not found, or not surely", () => {
  test.each([
    ["another word that contains a Latin term", "keyloggers and skillful switches"],
    ["a word without the doubled letter", "keyloger"],
    ["l and i of different words", "kiii switch"],
    ["a number that could be read as letters", "1337 455"],
    ["a Latin letter that belongs to a word", "OK粉丝"],
    ["a character that the term has twice and the text once", "人网"],
    ["letters of two sentences", "手洗。钱包"],
    ["characters far apart", `赌${"-".repeat(20)}博${"-".repeat(20)}网站`],
    ["Latin words with Chinese between", "kill那个switch"],
  ])("%s: %s", (_what, text) => {
    expect(confidenceIn(text)).toBeLessThan(0.9);
  });

  test("a term matched as a part is found inside a word, but not across words", () => {
    expect(confidenceIn("unhackable")).toBe(1);
    expect(confidenceIn("wash ackee")).toBe(0);
  });
});

describe("allow-phrases", () => {
  test("an allow-phrase takes away the hit inside it and no other", () => {
    expect(scan(["反洗钱培训"])).toEqual([]);
    expect(scan(["反洗钱培训和洗钱"])[0]?.spans).toEqual([{ start: 6, end: 8 }]);
    expect(scan(["keylogger detection"])).toEqual([]);
    expect(scan(["keylogger, detection of a keylogger"])[0]?.spans).toEqual([{ start: 26, end: 35 }]);
  });

  test("an allow-phrase whose letters came together by chance takes nothing away", () => {
    expect(scan(["我反对。洗钱"])).toHaveLength(1);
    expect(scan(["一正一反。洗钱"])).toHaveLength(1);
  });
});

describe("signals", () => {
  test("spans lie in the original text, disguise included", () => {
    const text = "看：𝐤-𝐞-𝐲-l-o-g-g-e-r!";
    expect(scan([text])[0]?.spans).toEqual([{ start: 2, end: text.length - 1 }]);
  });

  test("a term repeated without end keeps twenty spans, the first ones", () => {
    const spans = scan(["洗钱，".repeat(1000)])[0]?.spans ?? [];
    expect(spans).toHaveLength(20);
    expect(spans.at(-1)).toEqual({ start: 57, end: 59 });
  });

  test("spans found in any order: the first twenty by place are kept, each once", () => {
    const findings = new Findings();
    const term = { kind: "term", rule: "a", category: "cyber", tier: "T1", direction: "both" } as const;
    for (let start = 60; start >= 0; start -= 2)
      findings.add(term, 1, [
        { start, end: start + 1 },
        { start, end: start + 1 },
      ]);
    const starts = findings.signals()[0]?.spans.map(({ start }) => start);
    expect(starts).toEqual(Array.from({ length: 20 }, (_, at) => at * 2));
  });

  test("an alias counts as the term", () => {
    const aliased = samplePolicy({ lexicon: [t0({ term: "赌博网站", aliases: ["dbwz"] })] });
    const scanned = new TextScan(aliased.ruleset, "question");
    scanned.push("请看 dbwz");
    scanned.end();
    expect(scanned.signals()).toHaveLength(1);
  });

  test("a term for answers is not looked for in questions", () => {
    const { ruleset } = samplePolicy({ lexicon: [{ ...t0("洗钱"), direction: "answer" }] });
    const found = (["question", "answer"] as const).map((direction) => {
      const scanned = new TextScan(ruleset, direction);
      scanned.push("洗钱");
      scanned.end();
      return scanned.signals().length;
    });
    expect(found).toEqual([0, 1]);
  });
});

const streamed = samplePolicy({
  lexicon: [
    t0("炸弹制作教程", "洗钱", "人人网", "K粉", "keylogger", "kill switch"),
    { id: "t1", category: "cyber", tier: "T1", terms: ["杀死进程", "key"] },
  ],
  allow: ["反洗钱", "杀死进程池", "keylogger test"],
  rules: [
    {
      id: "make",
      category: "cyber",
      direction: "both",
      all: ["怎么做, how to make", "炸弹, bomb"],
      unless: "防范, bath",
      hits: ["怎么做炸弹"],
      passes: ["怎么做炸弹防范"],
    },
  ],
});
const hardText = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ...[
          "炸弹",
          "制作",
          "教程",
          "炸 弹",
          "洗",
          "钱",
          "反洗钱",
          "人人",
          "网",
          "K粉",
          "key",
          "logger",
          "k e y ",
          "l o g g e r",
        ],
        ...[
          "kill",
          " switch",
          "杀死进程",
          "池",
          "怎么做",
          "how to make ",
          "bomb",
          "b0mb",
          "bath ",
          "防范",
          " test",
          "弓单",
          "火乍",
        ],
        ..."。，\n .!-'a我\u0301\u200b\ud83d\udca3Ｋ",
        "-".repeat(17),
      ),
      fc.string({ unit: "binary", maxLength: 2 }),
    ),
    { maxLength: 25 },
  )
  .map((pieces) => pieces.join(""));

describe("a text in pieces", () => {
  test("any text, cut anywhere, gives the same signals", () => {
    fc.assert(
      fc.property(hardText, fc.array(fc.nat(80), { maxLength: 6 }), (text, cuts) => {
        const places = [...new Set(cuts)].sort((a, b) => a - b);
        const pieces = [0, ...places].map((from, index) => text.slice(from, places[index]));
        expect(scan(pieces, streamed)).toEqual(scan([text], streamed));
      }),
      { numRuns: 1500 },
    );
  });

  test("every text of the suite, at every cut and unit by unit, gives the same signals", () => {
    const texts = [
      "请看炸 弹\n制作教程。",
      "反洗钱与洗 钱",
      "a 𝐤e y l o g g e r!",
      "how to m4ke a b0mb",
      "怎么做炸弹？用于防范",
      "弓单💣制作教程",
    ];
    for (const text of texts) {
      const whole = scan([text], streamed);
      for (let cut = 0; cut <= text.length; cut += 1) {
        expect(scan([text.slice(0, cut), text.slice(cut)], streamed)).toEqual(whole);
      }
      expect(scan(text.split(""), streamed)).toEqual(whole);
    }
  });

  test("a space after a word leaves nothing open", () => {
    const growing = new TextScan(policy.ruleset, "question");
    growing.push("hello ");
    expect(growing.settledAt()).toBe(6);
    growing.push("key");
    expect(growing.settledAt()).toBe(6);
    growing.push("board ");
    expect(growing.settledAt()).toBe(15);
  });

  test("a word that has begun is not waited for across a wide gap or another script", () => {
    const growing = new TextScan(policy.ruleset, "question");
    growing.push(`kill${" -".repeat(20)}`);
    expect(growing.settledAt()).toBe(44);
    growing.push("赌博and then a long English text without any of it");
    expect(growing.settledAt()).toBeGreaterThan(60);
  });

  test("any text: a term that is not yet reported lies wholly behind the settled offset", () => {
    fc.assert(
      fc.property(hardText, (text) => {
        const final = spansOf(scan([text], streamed));
        const growing = new TextScan(streamed.ruleset, "question");
        let settled = 0;
        for (const unit of text.split("")) {
          growing.push(unit);
          expect(growing.settledAt()).toBeGreaterThanOrEqual(settled);
          settled = growing.settledAt();
          const known = spansOf(growing.signals());
          for (const span of final) {
            if (span.start < settled)
              expect(known.some(({ start, end }) => start <= span.start && span.start < end)).toBe(true);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});

/** Spans of terms; rules are decided later, on purpose. */
function spansOf(signals: Signal[]): { start: number; end: number }[] {
  return signals.filter(({ checker }) => checker === "lexicon").flatMap(({ spans }) => spans);
}

function scan(pieces: string[], by = policy): Signal[] {
  const scanned = new TextScan(by.ruleset, "question");
  for (const piece of pieces) scanned.push(piece);
  scanned.end();
  return scanned.signals();
}
