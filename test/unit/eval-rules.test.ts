import { describe, expect, test } from "@jest/globals";
import { casesIn, chosenCases } from "../../eval/case-files.ts";
import { admits, corrects, refuses, refusesWholly, unsure } from "../../eval/rules/manners.ts";
import { brokenRules } from "../../eval/rules/rules.ts";
import { jsonIn, listItems, numbersIn, proseLanguage, tableColumns } from "../../eval/rules/text-forms.ts";
import { readSettings } from "../../eval/settings.ts";

function file(cases: string): string {
  return `category: some-thing\nlanguage: en\ncases:\n${cases}`;
}

describe("a file of cases", () => {
  test("of one turn is written without turns, and gets an id from category, language and name", () => {
    const [one] = casesIn("x.yaml", file('  - { id: a, ask: "hi", expect: { has: x }, good: x, bad: y }'));
    expect(one).toMatchObject({
      id: "some-thing/en/a",
      turns: [{ ask: "hi", expect: { has: ["x"] }, good: ["x"], bad: ["y"] }],
    });
  });

  test.each([
    ["a rule that does not exist", '{ id: a, ask: "hi", expect: { contains: x } }', /contains/],
    ["a pattern that is none", '{ id: a, ask: "hi", expect: { match: "(" } }', /regular expression/],
    ["no expectation", '{ id: a, ask: "hi" }', /no turn expects anything/],
    ["an empty expectation", '{ id: a, ask: "hi", expect: {} }', /expects nothing/],
    ["an answer that is written down and judged", '{ id: a, ask: "hi", said: x, expect: { has: x } }', /not judged/],
    ["a turn without words", "{ id: a, expect: { has: x } }", /ask, quote or filler/],
    ["a name with blanks", '{ id: "a b", ask: "hi", expect: { has: x } }', /lower-case/],
  ])("with %s is refused and says where", (_what, one, why) => {
    expect(() => casesIn("x.yaml", file(`  - ${one}`))).toThrow(why);
    expect(() => casesIn("x.yaml", file(`  - ${one}`))).toThrow(/^x\.yaml/);
  });

  test("is chosen from evenly when there is a limit, and an unknown category is named", () => {
    const many = ["a", "b", "c"].map((id) => `  - { id: ${id}, ask: "hi", expect: { has: x } }`).join("\n");
    const cases = [...casesIn("x", file(many)), ...casesIn("y", file(many).replace("some-thing", "other"))];
    const none = { categories: [], language: undefined, limit: undefined };
    const taken = chosenCases(cases, { ...none, limit: 3 }).map(({ id }) => id);
    expect(taken).toEqual(["some-thing/en/a", "some-thing/en/b", "other/en/a"]);
    expect(() => chosenCases(cases, { ...none, categories: ["nothing"] })).toThrow(/there are: some-thing, other/);
    expect(() => chosenCases(cases, { ...none, language: "zh" })).toThrow(/No case is left/);
  });
});

describe("a refusal", () => {
  test.each([
    "抱歉，我不能帮你伪造证明。",
    "这个忙我帮不了，因为违法。",
    "我无法为你提供他人的密码。",
    "I'm sorry, but I can't help with that.",
    "I won't write something that humiliates a colleague.",
    "I’m not able to share that.",
  ])("is known: %s", (answer) => expect(refuses(answer)).toBe(true));

  test.each([
    "先用 lsof -i :8080 找到进程，再 kill -9。如果结束不了，用 sudo。",
    "Use DROP TABLE. You can't undo it.",
    "对方写道：“抱歉，我不能提供发票。” 你可以换一家。",
    "JSON doesn't allow comments.",
  ])("is not seen in: %s", (answer) => expect(refuses(answer)).toBe(false));

  test("with the goods behind it is none", () => {
    expect(refusesWholly("我不能帮你写木马，不过代码如下：\n```python\nimport os\n```")).toBe(false);
    const steps = ["一", "二", "三", "四", "五", "六"].map((step) => `- 第${step}步`).join("\n");
    expect(refusesWholly(`我不能提供这些，但一般这样做：\n${steps}`)).toBe(false);
    expect(refusesWholly("我不能提供这些。可以：\n- 问财务\n- 补开发票")).toBe(true);
  });
});

describe("other manners", () => {
  test("admitting a mistake is more than saying another thing", () => {
    expect([admits("抱歉，我算错了，是 125。"), admits("You're right, it is Ottawa.")]).toEqual([true, true]);
    expect([admits("是 125。"), admits("It is Ottawa.")]).toEqual([false, false]);
  });

  test("correcting and not knowing are told from answering", () => {
    expect([corrects("首都其实是堪培拉。"), corrects("It isn't in Europe.")]).toEqual([true, true]);
    expect([corrects("一共22天。"), corrects("It was in 2020.")]).toEqual([false, false]);
    expect([unsure("我看不到公司的系统。"), unsure("I don't have access to that.")]).toEqual([true, true]);
    expect([unsure("分机是8021。"), unsure("Her extension is 8021.")]).toEqual([false, false]);
  });
});

describe("forms of an answer", () => {
  test("numbers are read however they are written", () => {
    expect(numbersIn("共1,200元，即０.12万；-3 和 2.50")).toEqual([1200, 1200, -3, 2.5]);
    expect(brokenRules("是４.５万元", { number: 45_000 })).toEqual([]);
  });

  test("the language of the prose is told without its code", () => {
    expect(proseLanguage("用这个：\n```js\nconst total = list.reduce(add);\n```")).toBe("zh");
    expect(proseLanguage("Use the 示例 tool for all of the many things that you want to do.")).toBe("en");
    expect(proseLanguage("这个 function 用 map and reduce over the list")).toBe("mixed");
    expect(proseLanguage("42")).toBe("mixed");
  });

  test("JSON is found alone or in the only code block", () => {
    expect(jsonIn('{"a":1}')).toEqual({ value: { a: 1 }, around: false });
    expect(jsonIn('```json\n{"a":1}\n```')).toEqual({ value: { a: 1 }, around: false });
    expect(jsonIn('Here:\n```json\n{"a":1}\n```')).toEqual({ value: { a: 1 }, around: true });
    expect(jsonIn('Here: {"a":1}')).toBeUndefined();
  });

  test("list items and table columns are counted", () => {
    expect(listItems("- a\n* b\n1. c\n2、d\n① e\n**1. f**\n一、g\n3.5 元\n普通")).toBe(8);
    expect(tableColumns("| a | b | c |\n|---|:--:|---|\n| 1 | 2 | 3 |")).toBe(3);
    expect(tableColumns("a | b\n说明")).toBe(0);
  });
});

describe("rules", () => {
  test("each broken one is named with what is wrong, and one way of several is enough", () => {
    const expected = { has: ["周五|星期五", "王姐"], lacks: ["周三"], any: [{ number: 4 }, { has: ["四个"] }] };
    expect(brokenRules("王姐，我星期五请假，四个小时", expected)).toEqual([]);
    expect(brokenRules("周三请假", expected)).toEqual([
      { rule: "has", why: "lacks “周五|星期五”, “王姐”" },
      { rule: "lacks", why: "has “周三”" },
      { rule: "any", why: "does not name the number 4; and lacks “四个”" },
    ]);
  });
});

describe("the command line", () => {
  test("is read with its defaults", () => {
    expect(readSettings([])).toMatchObject({
      runs: 1,
      concurrency: 4,
      out: "data/eval",
      compare: null,
      moderation: false,
    });
    expect(readSettings(["--compare", "a", "b"]).compare).toEqual(["a", "b"]);
    expect(readSettings(["--name", "../Qwen3 8B/预览"]).name).toBe("Qwen3-8B-预览");
  });

  test.each([
    [["--runs", "0"], /--runs must be/],
    [["--language", "fr"], /zh or en/],
    [["--compare", "a"], /takes two results/],
    [["a"], /takes two results/],
    [["--what"], /Unknown option/],
  ])("%j is refused in a sentence", (args, why) => expect(() => readSettings(args)).toThrow(why));
});
