import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ReasoningFilter } from "../../src/llm/reasoning-filter.ts";

function filtered(pieces: readonly string[], { startsInside = false, whole = true } = {}): string {
  const filter = new ReasoningFilter({ startsInside });
  return pieces.map((piece) => filter.push(piece)).join("") + filter.finish({ whole });
}

const CASES: [name: string, content: string, answer: string][] = [
  ["an answer without reasoning", "你好，有什么可以帮你？", "你好，有什么可以帮你？"],
  ["a block of reasoning before the answer", "<think>先想想</think>\n\n答案是 42。", "答案是 42。"],
  ["an empty block", "<think>\n\n</think>\n\n好的", "好的"],
  ["two blocks, one after the other", "<think>一</think>\n<think>二</think>答", "答"],
  ["white space before the block", "\n  <think>想</think>答", "答"],
  ["the other tags", "<thinking>想</thinking>答", "答"],
  ["Magistral's tags", "[THINK]想[/THINK]答", "答"],
  ["a block never closed", "<think>想着想着就没有了", ""],
  ["nearly an end tag inside", "<think>a </thin b </think >c</think>答", "答"],
  ["a beginning that only looks like a tag", "<thin ice", "<thin ice"],
  ["a beginning of a tag as the whole answer", "<thi", "<thi"],
  [
    "a tag in the middle of a sentence",
    "模型用 <think> 和 </think> 包住思考。",
    "模型用 <think> 和 </think> 包住思考。",
  ],
  ["tags in a code fence", "```\n<think>\nx\n</think>\n```\n就这样", "```\n<think>\nx\n</think>\n```\n就这样"],
  ["tags again after the answer began", "<think>a</think>答<think>b</think>", "答<think>b</think>"],
  ["an end tag inside an answer", "答\n</think>\n后", "答\n</think>\n后"],
  ["nothing but white space", " \n\t ", ""],
  ["an emoji", "好👍🏽的", "好👍🏽的"],
];

describe("reasoning filter", () => {
  test.each(CASES)("%s comes out right in one piece", (_name, content, answer) => {
    expect(filtered([content])).toBe(answer);
  });

  test.each(CASES)("%s comes out the same however it is cut", (_name, content, answer) => {
    for (let cut = 0; cut <= content.length; cut += 1) {
      expect(filtered([content.slice(0, cut), content.slice(cut)])).toBe(answer);
    }
    expect(filtered([...content].map((character) => character))).toBe(answer);
    expect(filtered(content.split(""))).toBe(answer);
  });

  test("any content, cut anywhere, gives the same text as in one piece, in both modes", () => {
    const fragment = fc.constantFrom(
      "<think>",
      "</think>",
      "[THINK]",
      "[/THINK]",
      "\n",
      "```",
      "<",
      "答",
      "a b",
      "👍",
      " ",
    );
    const content = fc.array(fragment, { maxLength: 12 }).map((parts) => parts.join(""));
    const cuts = fc.array(fc.nat(60), { maxLength: 8 });
    fc.assert(
      fc.property(content, cuts, fc.boolean(), fc.boolean(), (text, at, startsInside, whole) => {
        const edges = [0, ...at.filter((edge) => edge < text.length).sort((a, b) => a - b), text.length];
        const pieces = edges.slice(1).map((edge, i) => text.slice(edges[i], edge));
        expect(filtered(pieces, { startsInside, whole })).toBe(filtered([text], { startsInside, whole }));
      }),
      { numRuns: 2_000 },
    );
  });

  test("content without any tag is never changed but for leading white space", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.boolean(), (text, startsInside) => {
        fc.pre(!/<think|\[THINK|<\/think/.test(text));
        expect(filtered([text], { startsInside })).toBe(text.trimStart());
      }),
      { numRuns: 1_000 },
    );
  });

  test("answer text is let out at once, not held until the end", () => {
    const filter = new ReasoningFilter({ startsInside: false });
    expect(filter.push("<think>想</think>")).toBe("");
    expect(filter.push("一")).toBe("一");
    expect(filter.push("二")).toBe("二");
  });

  test("half of a surrogate pair waits for the other half", () => {
    const filter = new ReasoningFilter({ startsInside: false });
    const [high, low] = "👍".split("");
    expect(filter.push(`好${high}`)).toBe("好");
    expect(filter.push(low ?? "")).toBe("👍");
  });
});

describe("reasoning filter, where the prompt opened the block", () => {
  const content = "用户问好。\n我该问候。\n</think>\n\n你好！";

  test("the first answer passes unchanged and tells that the block was closed", () => {
    const filter = new ReasoningFilter({ startsInside: false });
    expect(filter.push(content) + filter.finish({ whole: true })).toBe(content);
    expect(filter.sawLoneClose).toBe(true);
  });

  test("a filter that knows drops all up to the end tag, at every cut", () => {
    for (let cut = 0; cut <= content.length; cut += 1) {
      expect(filtered([content.slice(0, cut), content.slice(cut)], { startsInside: true })).toBe("你好！");
    }
  });

  test("an answer without any tag comes out whole at the end", () => {
    const filter = new ReasoningFilter({ startsInside: true });
    expect(filter.push("没有思考，直接回答。")).toBe("");
    expect(filter.finish({ whole: true })).toBe("没有思考，直接回答。");
    expect(filter.sawLoneClose).toBe(false);
  });

  test("reasoning that ran into the token limit is not taken for an answer", () => {
    expect(filtered(["想啊想啊想"], { startsInside: true, whole: false })).toBe("");
  });

  test("a block opened in the content after all is taken out as usual", () => {
    expect(filtered(["<think>想</think>", "答"], { startsInside: true })).toBe("答");
  });

  test.each([
    ["in a code fence", "看：\n```\n</think>\n```\n完"],
    ["in the middle of a line", "它以 </think> 结束"],
    ["after an opening tag", "标签 <think> 到\n</think>\n为止"],
  ])("an end tag %s proves nothing", (_where, text) => {
    const filter = new ReasoningFilter({ startsInside: false });
    filter.push(text);
    expect(filter.sawLoneClose).toBe(false);
    expect(filtered([text], { startsInside: true })).toBe(text);
  });
});

test("an end tag in an answer whose block was opened and closed proves nothing", () => {
  const filter = new ReasoningFilter({ startsInside: false });
  expect(filter.push("<think>想</think>答\n</think>\n完")).toBe("答\n</think>\n完");
  expect(filter.sawLoneClose).toBe(false);
});

test("reasoning and answers of any length take linear time", () => {
  const timeMs = (length: number) => {
    const pieces = Array.from({ length }, (_, i) => (i % 7 === 0 ? "\n<" : "想法</th"));
    const from = performance.now();
    filtered(["<think>", ...pieces, "</think>", ...pieces]);
    filtered(pieces, { startsInside: true });
    return performance.now() - from;
  };
  timeMs(5_000);
  const short = timeMs(10_000);
  expect(timeMs(40_000)).toBeLessThan(Math.max(200, short * 16));
});
