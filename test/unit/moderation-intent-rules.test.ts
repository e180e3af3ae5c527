import { describe, expect, test } from "@jest/globals";
import { TextScan } from "../../src/moderation/phrases/text-scan.ts";
import { samplePolicy } from "./moderation-samples.ts";

const rule = {
  id: "weapons",
  category: "terror_violence",
  within: 12,
  all: ["怎么做, 制作, make", "炸弹, bomb"],
  unless: "防范, bath",
  hits: ["怎么做炸弹"],
  passes: ["怎么做好炸弹防范"],
};
const policy = samplePolicy({ rules: [rule], allow: ["炸弹鸡尾酒"] });

describe("a rule hits", () => {
  test.each([
    ["the words in order", "怎么做炸弹"],
    ["the words the other way round", "炸弹怎么做"],
    ["with words between", "怎么做一个很大的炸弹"],
    ["in disguise", "怎 么 做 一个 b0mb"],
    ["across a line end", "怎么做\n炸弹"],
    ["though an excuse stands in another sentence", "我懂防范。怎么做炸弹"],
    ["though an excuse stands too far away", `怎么做炸弹${"，很多别的话".repeat(13)}，防范`],
    ["though the words also stand far apart before", `炸弹${"，很多别的话".repeat(5)}，怎么做炸弹`],
    ["on the later of two objects", `怎么做防水，${"很多别的话，".repeat(12)}制作炸弹`],
  ])("%s: %s", (_how, text) => {
    expect(rulesIn(text)).toEqual(["weapons"]);
  });

  test("and reports where its words stand", () => {
    expect(scan("我想知道怎么做炸弹")[0]?.spans).toEqual([
      { start: 4, end: 7 },
      { start: 7, end: 9 },
    ]);
  });
});

describe("a rule lets pass", () => {
  test.each([
    ["one word alone", "炸弹"],
    ["words in two sentences", "怎么做？炸弹"],
    ["words in two English sentences", "What does it make. A bomb"],
    ["words too far apart", "怎么做一个会自己扫地还会唱歌的炸弹"],
    ["an excuse before", "防范：怎么做炸弹"],
    ["an excuse after", "怎么做炸弹，用于防范"],
    ["an excuse between", "make a bath bomb"],
    ["an object inside an allow-phrase", "怎么做炸弹鸡尾酒"],
    ["a Latin word inside another", "makers of bombast"],
  ])("%s: %s", (_why, text) => {
    expect(rulesIn(text)).toEqual([]);
  });

  test("a full stop inside a number ends no sentence", () => {
    expect(rulesIn("make a v1.5 bomb")).toEqual(["weapons"]);
  });
});

test("a rule is as sure as its least sure word", () => {
  expect(scan("怎么做炸弹")[0]?.confidence).toBe(1);
  expect(scan("怎么做b0mb")[0]?.confidence).toBe(0.9);
  expect(scan("怎么做，炸，弹")[0]?.confidence).toBe(0.5);
});

test("a rule for questions is not looked for in answers", () => {
  const scanned = new TextScan(policy.ruleset, "answer");
  scanned.push("怎么做炸弹");
  scanned.end();
  expect(scanned.signals()).toEqual([]);
});

test("a streamed text: a rule is reported once no excuse can follow any more, not before", () => {
  const both = samplePolicy({ rules: [{ ...rule, direction: "both" }] });
  const scanned = new TextScan(both.ruleset, "answer");
  scanned.push("怎么做炸弹，很简单");
  expect(scanned.signals()).toEqual([]);
  scanned.push("。下一句");
  expect(scanned.signals()).toHaveLength(1);
});

function scan(text: string) {
  const scanned = new TextScan(policy.ruleset, "question");
  scanned.push(text);
  scanned.end();
  return scanned.signals();
}

function rulesIn(text: string): string[] {
  return scan(text).map(({ rule: id }) => id);
}
