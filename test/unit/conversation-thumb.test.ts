import { describe, expect, test } from "@jest/globals";
import { parseThumb } from "../../src/conversation/thumb.ts";

const thumb = (text: string) => parseThumb({ text, attachments: [] });

describe("parseThumb", () => {
  test.each([
    ["👍", "accurate", ""],
    [" 👎\n", "inaccurate", ""],
    ["👍🏽", "accurate", ""],
    ["👎️👎🏻👎", "inaccurate", ""],
    ["👎 数据不对", "inaccurate", "数据不对"],
    ["👎：数据不对。", "inaccurate", "数据不对。"],
    ["👍thanks", "accurate", "thanks"],
    ["👎 第一行\n第二行", "inaccurate", "第一行\n第二行"],
  ])("%j is %s with the reason %j", (text, verdict, comment) => {
    expect(thumb(text)).toEqual({ verdict, comment });
  });

  test.each(["", "好👍", "赞", "👍👎", "👍 那年假呢？", "👎 why?", "✊", `👎${"长".repeat(501)}`])(
    "%j is none",
    (text) => {
      expect(thumb(text)).toBeNull();
    },
  );

  test("one with a quote or a picture speaks of something else", () => {
    expect(parseThumb({ text: "👍", attachments: [], quote: { kind: "text", text: "旧回答" } })).toBeNull();
    expect(parseThumb({ text: "👍", attachments: [{ kind: "image" }] })).toBeNull();
  });
});
