import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { codeOf } from "../../src/base/errors.ts";
import { cutBytes, splitText } from "../../src/wecom/text-split.ts";

function bytes(text: string): number {
  return Buffer.byteLength(text);
}

/** Prose of both scripts with its marks, emoji of several code points, and layout. */
const word = fc.constantFrom(
  ..."你好|应答助手|hello|a|naïve|👨‍👩‍👧‍👦|e\u0301|🇨🇳|。|！|”|，|. |? |, | |  |\n|\n\n|\n  - |\t|\r\n|\u3000|「|」|1.5|https://a.b/c".split(
    "|",
  ),
);
const prose = fc.array(word, { maxLength: 300 }).map((words) => words.join(""));
const anyText = fc.oneof(
  prose,
  fc.string({ unit: "binary", maxLength: 400 }),
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((c) => String.fromCharCode(c)), maxLength: 200 }),
);
const limit = fc.integer({ min: 4, max: 400 });

/** Markdown with code blocks, markers of the other kind inside them, and perhaps one at the end that is never closed. */
const codeLine = fc.constantFrom(
  "const a = 1;",
  "  indented();",
  "",
  "```not a fence`",
  "~~~~",
  "长".repeat(30),
  "# not a title",
);
const openBlock = fc
  .tuple(fc.constantFrom("```", "````", "~~~"), fc.constantFrom("", "ts", "c++", "python title=x"), fc.array(codeLine))
  .map(([marker, info, lines]) => {
    const inside = lines.filter((line) => !line.startsWith(marker.slice(0, 3)));
    return { marker, text: [marker + info, ...inside].join("\n") };
  });
const block = openBlock.map(({ marker, text }) => `${text}\n${marker}`);
const markdown = fc
  .tuple(fc.array(fc.oneof(prose, block), { maxLength: 6 }), fc.option(openBlock, { nil: undefined }))
  .map(([parts, last]) => [...parts, ...(last === undefined ? [] : [last.text])].join("\n\n"));

describe("splitText and any text", () => {
  test("every part fits, none is blank, and together they hold the text but for white space", () => {
    fc.assert(
      fc.property(fc.oneof(anyText, prose), limit, (text, bytesMax) => {
        const parts = splitText(text, bytesMax);
        for (const part of parts) {
          expect(bytes(part)).toBeLessThanOrEqual(bytesMax);
          expect(part.trim()).not.toBe("");
        }
        const solid = (s: string) => s.replace(/\s/g, "");
        // Fences that are opened again are the subject of the tests below.
        fc.pre(!/```|~~~/.test(text));
        expect(solid(parts.join(""))).toBe(solid(text));
      }),
      { numRuns: 1500 },
    );
  });

  test("only the white space at a cut is lost: every part is found in the text, in order", () => {
    fc.assert(
      fc.property(prose, limit, (text, bytesMax) => {
        let at = 0;
        for (const part of splitText(text, bytesMax)) {
          const found = text.indexOf(part, at);
          expect(text.slice(at, found).trim()).toBe("");
          at = found + part.length;
        }
        expect(text.slice(at).trim()).toBe("");
      }),
      { numRuns: 1000 },
    );
  });

  test("no part ends or begins inside a code point", () => {
    fc.assert(
      fc.property(fc.oneof(prose, fc.string({ unit: "binary" })), limit, (text, bytesMax) => {
        for (const part of splitText(text, bytesMax)) expect(part.isWellFormed()).toBe(true);
      }),
    );
  });

  test("a text that fits is one part, unchanged; a blank one is none", () => {
    expect(splitText("  你好\n\n", 100)).toEqual(["  你好\n\n"]);
    for (const blank of ["", " ", "\n\t\n", "\u3000".repeat(500)]) expect(splitText(blank, 100)).toEqual([]);
  });

  test("a limit that cannot hold one code point is refused", () => {
    for (const bytesMax of [3, 0, -1, Number.NaN]) {
      try {
        splitText("a", bytesMax);
        throw new Error("it was split");
      } catch (error) {
        expect(codeOf(error)).toBe("internal");
      }
    }
  });
});

describe("splitText prefers the larger unit", () => {
  test("a paragraph before a line, a line before a sentence", () => {
    expect(splitText("第一段的话。\n第二行的话。\n\n第二段的话。第三句", 60)).toEqual([
      "第一段的话。\n第二行的话。",
      "第二段的话。第三句",
    ]);
    expect(splitText("第一句话在这。第二句在这\n第二行第一句。第二行第二句", 60)).toEqual([
      "第一句话在这。第二句在这",
      "第二行第一句。第二行第二句",
    ]);
  });

  test("a Chinese sentence keeps its mark and its closing quote", () => {
    expect(splitText("他说：“今天很好。”然后大家一起走了出去。", 40)).toEqual([
      "他说：“今天很好。”",
      "然后大家一起走了出去。",
    ]);
    expect(splitText("真的吗？！是真的。我不相信你说的话", 40)).toEqual(["真的吗？！是真的。", "我不相信你说的话"]);
  });

  test("marks that belong together are not parted: the cut goes before the sentence instead", () => {
    expect(splitText("好。真的吗？！是", 19)).toEqual(["好。", "真的吗？！是"]);
    expect(splitText("好。他说“行。”走", 22)).toEqual(["好。", "他说“行。”走"]);
  });

  test("a Latin sentence ends at a mark before a space, not inside a number or an address", () => {
    expect(splitText("It costs 3.50 today. See example.com/a for more of it", 45)).toEqual([
      "It costs 3.50 today.",
      "See example.com/a for more of it",
    ]);
  });

  test("without a sentence, a clause or a word", () => {
    expect(splitText("这是很长的一句话，它没有句号所以在逗号后面断开", 45)).toEqual([
      "这是很长的一句话，",
      "它没有句号所以在逗号后面断开",
    ]);
    expect(splitText("one two three four five", 15)).toEqual(["one two three", "four five"]);
  });

  test("without any of them, between graphemes", () => {
    const family = "👨‍👩‍👧‍👦";
    expect(splitText(family.repeat(3), 60)).toEqual([family + family, family]);
    expect(splitText("e\u0301".repeat(4), 8)).toEqual(["e\u0301e\u0301", "e\u0301e\u0301"]);
    expect(splitText("🇨🇳🇨🇳", 12)).toEqual(["🇨🇳", "🇨🇳"]);
  });

  test("a grapheme longer than a part is cut between code points", () => {
    const zalgo = `a${"\u0301".repeat(50)}`;
    const parts = splitText(zalgo, 20);
    expect(parts.join("")).toBe(zalgo);
    for (const part of parts) expect(bytes(part)).toBeLessThanOrEqual(20);
  });

  test("the indent of a list is kept where a part begins with it", () => {
    expect(splitText(`- 第一项的内容\n  - 第二层的内容\n  - 第三项`, 45)).toEqual([
      "- 第一项的内容\n  - 第二层的内容",
      "  - 第三项",
    ]);
  });

  test("a long answer becomes parts that are at least a third full", () => {
    const text = "短句。".repeat(3000);
    const parts = splitText(text, 2048);
    for (const part of parts.slice(0, -1)) expect(bytes(part)).toBeGreaterThan(2048 / 3);
    expect(parts.length).toBeLessThanOrEqual(Math.ceil(bytes(text) / 2040));
  });
});

/** A reader of fences of its own: what would be open after `text`, as the line that opened it. */
function openFence(text: string): string | undefined {
  let open: string | undefined;
  for (const line of text.split("\n")) {
    const marker = /^[ \t]{0,12}(`{3,}|~{3,})/.exec(line)?.[1];
    if (marker === undefined) continue;
    if (open === undefined)
      open =
        marker.startsWith("`") && line.slice(line.indexOf(marker) + marker.length).includes("`") ? undefined : line;
    else {
      const wanted = /[`~]{3,}/.exec(open)?.[0] ?? "";
      if (marker.startsWith(wanted) && line.trim() === marker) open = undefined;
    }
  }
  return open;
}

describe("splitText and code blocks", () => {
  const code = (lines: number) => `\`\`\`ts\n${"const x = 1;\n".repeat(lines)}\`\`\``;

  test("a block that fits into a part stays whole, and the text before it goes first", () => {
    const text = `前面的说明文字。\n\n${code(5)}\n\n后面的话。`;
    expect(splitText(text, 110)).toEqual([`前面的说明文字。\n\n${code(5)}`, "后面的话。"]);
    expect(splitText(text, 90)).toEqual(["前面的说明文字。", code(5), "后面的话。"]);
  });

  test("a block that does not fit is closed at a line end and opened again with its language", () => {
    const parts = splitText(code(10), 80);
    expect(parts).toEqual([code(5), code(5)]);
  });

  test("the indent of the code after a cut is kept", () => {
    const text = "```py\ndef f():\n    return 1\n    # more\n    # and more\n```";
    expect(splitText(text, 40)).toEqual([
      "```py\ndef f():\n    return 1\n```",
      "```py\n    # more\n    # and more\n```",
    ]);
  });

  test("an indented block in a list is opened again with its indent", () => {
    const text = `- a\n  ~~~sh\n${"  echo hello\n".repeat(8)}  ~~~\n- b`;
    const parts = splitText(text, 80);
    expect(parts.length).toBeGreaterThan(1);
    expect(parts[1]?.startsWith("  ~~~sh\n  echo")).toBe(true);
    expect(parts[0]?.endsWith("\n  ~~~")).toBe(true);
  });

  test("a line of code longer than a part is cut, closed and opened too", () => {
    const parts = splitText(`\`\`\`js\n${"x".repeat(300)}\n\`\`\``, 100);
    expect(parts.every((part) => part.startsWith("```js\n") && part.endsWith("\n```"))).toBe(true);
    expect(parts.join("").replace(/[^x]/g, "")).toBe("x".repeat(300));
  });

  test("a block whose end is still to come is opened again, and not closed in the last part", () => {
    const parts = splitText(`\`\`\`js\n${"line();\n".repeat(20)}`, 100);
    expect(parts.slice(0, -1).every((part) => part.endsWith("\n```"))).toBe(true);
    expect(parts.at(-1)?.startsWith("```js\n")).toBe(true);
    expect(parts.at(-1)?.includes("\n```")).toBe(false);
  });

  test("a shorter or other marker inside a block does not end it", () => {
    const text = `\`\`\`\`md\n${"~~~\n```\n".repeat(12)}\`\`\`\``;
    for (const part of splitText(text, 60)) expect(openFence(part)).toBeUndefined();
  });

  test("a block with only blank lines left is closed, and the next part does not begin with an empty block", () => {
    const text = `\`\`\`\n${"x = 1;\n".repeat(5)}${"\n".repeat(30)}\`\`\`\nafter`;
    expect(splitText(text, 50)).toEqual([expect.stringMatching(/^```\n(x = 1;\n){5}\n*```$/), "after"]);
  });

  test("a blank line inside a block is no paragraph: the cut goes after the block", () => {
    const whole = `\`\`\`\n${"x\n".repeat(20)}\n${"y\n".repeat(5)}\`\`\``;
    expect(splitText(`${whole}\na line\nmore lines`, 75)).toEqual([`${whole}\na line`, "more lines"]);
  });

  test("a block whose first line is too long to repeat is text, and its end opens nothing", () => {
    const text = `\`\`\`${"info".repeat(15)}\n${"code line\n".repeat(9)}\`\`\`\n${"Words after it. ".repeat(30)}`;
    const parts = splitText(text, 100);
    expect(parts.slice(3).every((part) => part.startsWith("Words"))).toBe(true);
  });

  test("inline code of three backticks is not taken for a block", () => {
    const text = `\`\`\`inline\`\`\` ${"words and more words. ".repeat(20)}`;
    for (const part of splitText(text, 100).slice(1)) expect(part).not.toContain("```");
  });

  test("every part but the last is complete markdown: what it opens, it closes", () => {
    fc.assert(
      fc.property(markdown, fc.integer({ min: 150, max: 500 }), (text, bytesMax) => {
        const parts = splitText(text, bytesMax);
        for (const part of parts) expect(bytes(part)).toBeLessThanOrEqual(bytesMax);
        for (const part of parts.slice(0, -1)) expect(openFence(part)).toBeUndefined();
      }),
      { numRuns: 1500 },
    );
  });

  test("without the lines that close and open again, the parts hold the whole text", () => {
    fc.assert(
      fc.property(markdown, fc.integer({ min: 150, max: 500 }), (text, bytesMax) => {
        const solid = (s: string) => s.replace(/\s/g, "");
        let rebuilt = "";
        for (const part of splitText(text, bytesMax)) {
          const open = openFence(rebuilt);
          const lines = part.split("\n");
          if (open !== undefined) {
            // Opened again with the language, without what else stood on the line.
            expect(open.startsWith(lines[0] ?? "?")).toBe(true);
            lines.shift();
          }
          const whole = rebuilt + (rebuilt === "" ? "" : "\n") + lines.join("\n");
          const closing = lines.at(-1) ?? "";
          const isOurs = !solid(text).startsWith(solid(whole));
          if (isOurs) expect(closing).toMatch(/^\s*(`{3,}|~{3,})$/);
          rebuilt = isOurs ? whole.slice(0, whole.length - closing.length - 1) : whole;
        }
        expect(solid(rebuilt)).toBe(solid(text));
      }),
      { numRuns: 1500 },
    );
  });
});

describe("splitText's work is proportional to the text", () => {
  const shapes: [string, string][] = [
    ["short lines", "a\n"],
    ["Chinese sentences", "你好。"],
    ["one endless word", "x"],
    ["spaces", " "],
    ["blank lines", " \n"],
    ["fence markers", "```\n"],
    ["code blocks", "```js\nx = 1;\n```\n"],
    ["fences that are opened with long lines", `\`\`\`${"y".repeat(200)}\n`],
    ["families", "👨‍👩‍👧‍👦"],
    ["combining marks", "\u0301"],
    ["brackets and quotes", "(“”。"],
  ];
  const fastestMs = (work: () => void) =>
    Math.min(
      ...Array.from({ length: 3 }, () => {
        const startedAtMs = performance.now();
        work();
        return performance.now() - startedAtMs;
      }),
    );

  test.each(shapes)(
    "%s: four times the text takes about four times as long, and 1 MB less than a second",
    (_name, unit) => {
      const text = (length: number) => unit.repeat(Math.ceil(length / unit.length));
      const small = text(262_144);
      const large = text(1_048_576);
      const smallMs = fastestMs(() => splitText(small, 2048));
      const largeMs = fastestMs(() => splitText(large, 2048));
      expect(largeMs).toBeLessThan(1000);
      expect(largeMs).toBeLessThan(4 * 3 * Math.max(smallMs, 3));
    },
  );

  test("a block of 1 MB that never ends is split in less than a second too", () => {
    const text = `\`\`\`js\n${"x = 1;\n".repeat(150_000)}`;
    expect(fastestMs(() => splitText(text, 2048))).toBeLessThan(1000);
  });
});

describe("cutBytes", () => {
  test("a text that fits comes back as it is", () => {
    expect(cutBytes("你好", 6)).toBe("你好");
  });

  test("a text that does not fit is cut before the grapheme that crosses the limit", () => {
    expect([cutBytes("你好", 5), cutBytes("ae\u0301", 3), cutBytes("a👨‍👩‍👧‍👦", 20)]).toEqual(["你", "a", "a"]);
    expect([cutBytes("你", 2), cutBytes("abc", 0), cutBytes("abc", -5)]).toEqual(["", "", ""]);
  });

  test("the cut is a beginning of the text, well-formed, and no longer than allowed", () => {
    fc.assert(
      fc.property(fc.oneof(prose, fc.string({ unit: "binary" })), fc.nat(300), (text, bytesMax) => {
        const cut = cutBytes(text, bytesMax);
        expect(text.startsWith(cut)).toBe(true);
        expect(cut.isWellFormed()).toBe(true);
        expect(bytes(cut)).toBeLessThanOrEqual(bytesMax);
      }),
    );
  });
});
