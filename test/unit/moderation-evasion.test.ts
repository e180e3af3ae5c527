import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { DISGUISED, HEARD, UNSURE } from "../../src/moderation/phrases/phrase.ts";
import { TextScan } from "../../src/moderation/phrases/text-scan.ts";
import { foldCodePoint } from "../../src/moderation/text/fold.ts";
import { WHOLE_OF_PARTS } from "../../src/moderation/text/fold-tables.ts";
import { MARTIAN_STAND_INS } from "../../src/moderation/text/martian-script.ts";
import { Normaliser } from "../../src/moderation/text/normaliser.ts";
import { soundsOf } from "../../src/moderation/text/sounds.ts";
import { SOUNDED, SOUNDED_LONG, WRITTEN, WRITTEN_LATIN } from "../support/evasions.ts";
import { samplePolicy } from "./moderation-samples.ts";

const CHINESE = [
  "赌博网站",
  "代开发票",
  "刷单返利",
  "办假证",
  "高利贷",
  "黑客攻击",
  "时时彩票",
  "冰毒",
  "迷药",
  "套现",
  "枪支",
];
const LATIN = ["keylogger", "phishing kit", "kill switch"];
const LONG = CHINESE.filter((term) => term.length > 2);

const { ruleset } = samplePolicy({
  lexicon: [{ id: "mild", category: "illegal", tier: "T1", terms: [...CHINESE, ...LATIN] }],
  allow: ["反套现"],
});

/** Texts around a term: none ends with a sound that runs on into it. */
const around = (term: string) => [`请问哪里可以做${term}，急`, `${term}怎么弄`];

describe("a term that is written otherwise is read", () => {
  test.each(Object.entries(WRITTEN))("%s: all of them, surely or across a gap", (way, disguise) => {
    const texts = CHINESE.flatMap(disguise).flatMap(around);
    expect(texts.length).toBeGreaterThan(0);
    const across = /inserted|line ends/.test(way);
    expect(texts.filter((text) => confidenceIn(text) < (across ? UNSURE : DISGUISED))).toEqual([]);
  });

  test.each(Object.entries(WRITTEN_LATIN))("%s: all of them, surely", (_way, disguise) => {
    const texts = LATIN.flatMap(disguise).flatMap(around);
    expect(texts.length).toBeGreaterThan(0);
    expect(texts.filter((text) => confidenceIn(text) < DISGUISED)).toEqual([]);
  });
});

describe("a term that sounds the same is heard, and not read", () => {
  test.each(Object.entries(SOUNDED))("%s", (_way, disguise) => {
    const texts = CHINESE.flatMap(disguise).flatMap(around);
    expect(texts.filter((text) => confidenceIn(text) !== 0)).toEqual([]);
    expect(texts.filter((text) => confidenceIn(text, true) !== HEARD)).toEqual([]);
  });

  test.each(Object.entries(SOUNDED_LONG))("%s, from three characters on", (_way, disguise) => {
    const texts = LONG.flatMap(disguise).flatMap(around);
    expect(texts.filter((text) => confidenceIn(text, true) !== HEARD)).toEqual([]);
  });
});

describe("what sounds like a term by chance is not heard", () => {
  test.each([
    ["another word", "我们已经强制下线"],
    ["the end of one word and the beginning of the next", "把外套先洗了"],
    ["another word of the office", "请更新密钥"],
    ["across a clause", "枪，至少两把"],
    ["a short term in pinyin", "qiang zhi"],
    ["a piece of a longer Latin word", "套xianzai"],
    ["Latin letters that are no pinyin", "套xyz"],
    ["a term backwards that is short", "药迷"],
    ["the sounds of a term backwards", "占网伯堵"],
  ])("%s: %s", (_what, text) => {
    expect(confidenceIn(text, true)).toBe(0);
  });

  test("an allow-phrase takes away what is heard inside it and nothing else", () => {
    const heard = samplePolicy({
      lexicon: [{ id: "mild", category: "illegal", tier: "T1", terms: ["枪支"] }],
      allow: ["玩具枪 zhi"],
    });
    expect(spansIn("玩具枪zhi", heard.ruleset)).toEqual([]);
    expect(spansIn("玩具枪zhi和枪zhi", heard.ruleset)).toEqual([{ start: 7, end: 11 }]);
  });

  test("a T2 term and a term of the other direction are not listened for", () => {
    const list = { id: "mild", category: "illegal", tier: "T1", terms: ["枪支"] };
    expect(spansIn("枪zhi", samplePolicy({ lexicon: [list] }).ruleset)).toHaveLength(1);
    expect(spansIn("枪zhi", samplePolicy({ lexicon: [{ ...list, tier: "T2" }] }).ruleset)).toEqual([]);
    expect(spansIn("枪zhi", samplePolicy({ lexicon: [{ ...list, direction: "answer" }] }).ruleset)).toEqual([]);
  });

  test("a text full of them is listened to until twenty terms are heard, each at its first place", () => {
    const terms = Array.from("赌博网站代开发票刷单返利黑客攻击高", (first) => `${first}枪支`);
    const many = Array.from("办假证彩冰", (first) => `${first}枪支`);
    const { ruleset: full } = samplePolicy({
      lexicon: [{ id: "mild", category: "illegal", tier: "T1", terms: [...terms, ...many] }],
    });
    const text = [...terms, ...many].map((term) => term.replace("支", "zhi。")).join("");
    const places = spansIn(text.repeat(2), full).map(({ start }) => start);
    expect(places.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, at) => at * 6));
  });

  test("a term that was read is not heard beside it", () => {
    expect(spansIn("枪支和枪zhi")).toEqual([{ start: 0, end: 2 }]);
  });
});

describe("stand-ins for characters", () => {
  test("none is a common character of GB 2312, and none stands for another stand-in", () => {
    const common = new Set<string>();
    const decoder = new TextDecoder("gb18030");
    for (let row = 0xb0; row <= 0xd7; row += 1)
      for (let cell = 0xa1; cell <= 0xfe; cell += 1) common.add(decoder.decode(Uint8Array.of(row, cell)));
    expect(common.has("我")).toBe(true);
    expect(MARTIAN_STAND_INS.size).toBeGreaterThan(300);
    const wrong = [...MARTIAN_STAND_INS].filter(
      ([written, meant]) => common.has(written) || MARTIAN_STAND_INS.has(meant),
    );
    expect(wrong).toEqual([]);
  });
});

const hardText = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ..."赌博毒网站冰枪支套现时彩票xianqiangzhidubo4 ，。\n-★",
        "dubo",
        "wang",
        "zhan",
        "qiang zhi",
        "枪zhi",
        "时时",
        "反套现",
      ),
      fc.string({ unit: "binary", maxLength: 2 }),
    ),
    { maxLength: 30 },
  )
  .map((pieces) => pieces.join(""));

describe("split characters", () => {
  test("no part and no whole is changed by the fold, which comes first", () => {
    const units = [...WHOLE_OF_PARTS].flatMap(([first, wholes]) => [first, ...[...wholes].flat()]);
    const changed = units.filter((unit) => foldCodePoint(unit) !== String.fromCharCode(unit));
    expect(String.fromCharCode(...changed)).toBe("");
  });
});

describe("listening to any text", () => {
  test("cut anywhere, the signals are the same; the spans lie inside the text", () => {
    fc.assert(
      fc.property(hardText, fc.array(fc.nat(60), { maxLength: 5 }), (text, cuts) => {
        const places = [...new Set(cuts)].sort((a, b) => a - b);
        const pieces = [0, ...places].map((from, index) => text.slice(from, places[index]));
        const signals = listened(pieces).signals();
        expect(signals).toEqual(listened([text]).signals());
        for (const { spans } of signals)
          for (const { start, end } of spans) expect(0 <= start && start < end && end <= text.length).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  test("the sounds cover folded units of their own, in order, and are no more than those", () => {
    fc.assert(
      fc.property(fc.oneof(hardText, fc.string({ unit: "binary" })), (text) => {
        const views = new Normaliser();
        views.push(text);
        views.end();
        const sounds = soundsOf(views);
        expect(sounds.length).toBeLessThanOrEqual(views.folded.length + views.squeezed.length);
        for (let at = 0; at < sounds.length; at += 1) {
          expect(sounds.last[at]).toBeGreaterThanOrEqual(sounds.first[at] ?? 0);
          expect(sounds.last[at]).toBeLessThan(views.folded.length);
          if (at > 0 && sounds.units[at] !== 0) expect(sounds.first[at]).toBeGreaterThan(sounds.first[at - 1] ?? 0);
        }
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ["pairs that must be judged one by one", "强制枪芝"],
    ["Latin letters that are all syllables", "qiangzhi"],
    ["spaced syllables", "qiang zhi "],
    ["one character", "枪"],
    ["lone surrogates", "\ud800"],
    ["a word and a half", "枪支枪"],
  ])(
    "eight times as much of %s takes far less than the 64 times of a scan that begins anew everywhere",
    (_what, piece) => {
      const cpuMs = (units: number) => cpuMsOf(piece.repeat(Math.ceil(units / piece.length)));
      expect(cpuMs(200_000)).toBeLessThan(32 * cpuMs(25_000) + 50);
    },
  );
});

/** The best of three, so that a collection or a busy machine in one of them proves nothing. */
function cpuMsOf(text: string): number {
  const tries = [1, 2, 3].map(() => {
    const before = process.cpuUsage();
    listened([text]);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
  return Math.min(...tries);
}

function listened(pieces: string[], by = ruleset): TextScan {
  const scan = new TextScan(by, "question");
  for (const piece of pieces) scan.push(piece);
  scan.end();
  scan.listen();
  return scan;
}

function spansIn(text: string, by = ruleset) {
  return listened([text], by)
    .signals()
    .flatMap(({ spans }) => spans);
}

/** How surely a term is found; `listening` as well. */
function confidenceIn(text: string, listening = false): number {
  const scan = new TextScan(ruleset, "question");
  scan.push(text);
  scan.end();
  if (listening) scan.listen();
  return Math.max(0, ...scan.signals().map((signal) => signal.confidence));
}
