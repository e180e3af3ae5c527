import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { plainMarkdown } from "../../src/wecom/plain-markdown.ts";
import { splitText } from "../../src/wecom/text-split.ts";

/** Letters and digits of a text, in order. */
function words(text: string): string {
  return text.replace(/[^\p{L}\p{N}]/gu, "");
}

/** Marks of every kind between words of both scripts; nothing in it is a word but words. */
const mark = fc.constantFrom(
  ..."*|**|***|_|__|~~|`|``|[|](|)|![|](https://a.b/c_d)|<|>|> |>> |# |### |- |  - |1. |12) |---|***|\\|\\*|$|$$|\\(|\\)|\\[|\\]|```|~~~|\n|\n\n|\n    |\t| |：|。|（|!|:|\r\n|&".split(
    "|",
  ),
);
const word = fc.constantFrom("应答", "年假", "word", "x", "naïve", "2", "15", "𠮷野家", "é");
const markdown = fc
  .array(fc.oneof({ weight: 2, arbitrary: word }, { weight: 3, arbitrary: mark }), { maxLength: 120 })
  .map((parts) => parts.join(""));
const plainWord = fc.constantFrom(
  "应答",
  "hello",
  "3.5",
  "，",
  "。",
  " ",
  "\n",
  "\n\n",
  "：",
  "(a)",
  "😀",
  "%",
  "C:\\",
  "a_b",
  "50%~60%",
  "  ",
  ">=",
  "#1",
  "-5",
  "\r\n",
);
const cell = fc.constantFrom(
  "北京",
  "**晴**",
  "very long words for a narrow phone",
  "5999",
  "`a b`",
  "重量很轻的笔记本电脑",
  "",
);

describe("plainMarkdown", () => {
  test.each([
    ["a heading", "# 出差规定", "【出差规定】"],
    ["a heading with emphasis and closing marks", "## **出差** 规定 ##", "【出差 规定】"],
    ["a deep heading", "#### 细则", "细则"],
    ["a heading that has brackets", "# 【重要】通知", "【重要】通知"],
    ["no heading", "#标签 and # ", "#标签 and # "],
    ["bold and italic", "**注意** 和 *斜体*、_下划_、***都有***", "注意 和 斜体、下划、都有"],
    ["bold before full-width punctuation", "**注意：**请先登录", "注意：请先登录"],
    [
      "products, powers, patterns and names",
      "2*3*4，2**3**4，*.ts 与 *.js，__init__",
      "2*3*4，2**3**4，*.ts 与 *.js，__init__",
    ],
    ["what is struck out, and ranges", "~~100~~ 80 元，5~10~15", "~~100~~ 80 元，5~10~15"],
    ["a link", "见[手册](https://a.b/c_d_e)。", "见手册 (https://a.b/c_d_e)。"],
    ["a link with a title", '[手册](https://a.b "新版")', '手册 (https://a.b "新版")'],
    [
      "a link that is its own text",
      "[https://a.b](https://a.b) <https://c.d> [a@b.cn](mailto:a@b.cn)",
      "https://a.b https://c.d a@b.cn",
    ],
    ["a bare address", "https://a.b/_x_*y*", "https://a.b/_x_*y*"],
    ["a picture", "![流程图](https://a.b/c.png) ![](https://d.e)", "流程图 (https://a.b/c.png) https://d.e"],
    ["bullets of all kinds, nested", "- 一\n  * 二\n    + 三", "• 一\n  • 二\n    • 三"],
    ["numbers", "1. 一\n   说明\n2) **二**", "1. 一\n   说明\n2) 二"],
    ["a heading and a quote in items", "- ## 题\n- > 引", "• 【题】\n• ｜引"],
    ["tasks", "- [x] 做完\n- [ ] 没做", "• ☑ 做完\n• ☐ 没做"],
    ["a quote in a quote", "> 外 **粗**\n>> 内\n>", "｜外 粗\n｜｜内\n｜"],
    ["comparisons and faces", ">_< >=5", ">_< >=5"],
    ["a rule", "上\n\n---\n下", "上\n\n————————\n下"],
    ["a line to fill in", "签名：\n__________", "签名：\n__________"],
    ["inline code", "运行 `npm run **x**` 即可", "运行 `npm run **x**` 即可"],
    ["formulas", "$a_1*b*c_2$ 与 \\(x*y*z\\)，**共 $5**", "$a_1*b*c_2$ 与 \\(x*y*z\\)，共 $5"],
    ["a formula by itself", "$$\n- a * b * c\n# 3\n$$\n**完**", "$$\n- a * b * c\n# 3\n$$\n完"],
    ["escaped marks, and paths", "\\*不是\\* snake\\_case C:\\.ssh\\new", "*不是* snake_case C:\\.ssh\\new"],
    ["line breaks of HTML", "一<br>二<b>三</b>", "一\n二<b>三</b>"],
    ["indented code", "例如：\n\n    a = *p * *q\n\n**完**", "例如：\n\n    a = *p * *q\n\n完"],
    ["Windows' line ends", "# 一\r\n- 二\r\n", "【一】\r\n• 二\r\n"],
  ])("%s", (_what, source, plain) => {
    expect(plainMarkdown(source)).toBe(plain);
  });

  test("fenced code stays byte for byte, in lists and quotes as well, and nothing after it is taken for code", () => {
    const code = "```ts\nconst a = **b**; # not a title\n- x\n```";
    expect(plainMarkdown(`**前**\n${code}\n**后**`)).toBe(`前\n${code}\n后`);
    expect(plainMarkdown("1. 做\n   ```sh\n   echo **a**\n   ```\n2. **完**")).toBe(
      "1. 做\n   ```sh\n   echo **a**\n   ```\n2. 完",
    );
    expect(plainMarkdown("- ```sh\n  echo **a**\n  ```\n- **完**")).toBe("•\n  ```sh\n  echo **a**\n  ```\n• 完");
    expect(plainMarkdown("> ```\n> **a**\n> ```\n> **完**\n\n**外**")).toBe("｜```\n｜**a**\n｜```\n｜完\n\n外");
    expect(plainMarkdown("> ```\n> **a**\n**外**")).toBe("｜```\n｜**a**\n外");
  });

  test("a narrow table becomes lines, a wide one names each value", () => {
    expect(plainMarkdown("| 城市 | 天气 |\n|:--|--:|\n| 北京 | **晴** |\n| 上海 | 雨 |\n\n完")).toBe(
      "城市 | 天气\n北京 | 晴\n上海 | 雨\n\n完",
    );
    const wide =
      "| 名称 | Notes | 价格 |\n|---|---|---|\n| 笔记本电脑 | 适合办公和出差，重量很轻 | 5999 |\n| `a\\|b` | 见<br>下 | |";
    expect(plainMarkdown(wide)).toBe(
      "• 名称：笔记本电脑\n  Notes: 适合办公和出差，重量很轻\n  价格：5999\n• 名称：`a|b`\n  Notes: 见 下",
    );
  });

  test("width is counted as eyes do: the same number of letters is wide in Chinese and narrow in Latin", () => {
    const table = (letter: string): string =>
      `|${letter.repeat(9)}|${letter.repeat(9)}|\n|-|-|\n|${letter.repeat(9)}|${letter}|`;
    expect(plainMarkdown(table("a"))).toBe("aaaaaaaaa | aaaaaaaaa\naaaaaaaaa | a");
    expect(plainMarkdown(table("宽"))).toContain("• ");
  });

  test("every cell of a table is there, in order, whatever its shape", () => {
    fc.assert(
      fc.property(
        fc.array(cell, { minLength: 2, maxLength: 5 }),
        fc.array(fc.array(cell, { minLength: 1, maxLength: 7 }), { maxLength: 6 }),
        (head, rows) => {
          const line = (cells: string[]): string => `| ${cells.join(" | ")} |`;
          const source = [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
          const plain = words(plainMarkdown(source));
          let at = 0;
          for (const value of rows.flat().map(words)) {
            const found = plain.indexOf(value, at);
            expect(found).toBeGreaterThanOrEqual(at);
            at = found + value.length;
          }
          if (rows.length === 0) expect(plain).toBe(words(head.join("")));
        },
      ),
      { numRuns: 500 },
    );
  });

  test("every letter and digit of any markdown survives in order", () => {
    fc.assert(
      fc.property(markdown, (source) => {
        expect(words(plainMarkdown(source))).toBe(words(source));
      }),
      { numRuns: 3000 },
    );
  });

  test("a text without markdown is returned byte for byte", () => {
    fc.assert(
      fc.property(fc.array(plainWord, { maxLength: 100 }), (parts) => {
        const text = parts.join("");
        expect(plainMarkdown(text)).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });

  test("parts for WeCom hold a long block of code whole or opened again after marks are gone", () => {
    const code = `\`\`\`py\n${Array.from({ length: 200 }, (_, i) => `print("**${i}**")`).join("\n")}\n\`\`\``;
    const parts = splitText(plainMarkdown(`# 程序\n\n**说明**\n\n${code}\n\n**完**`), 1_000);
    expect(parts.length).toBeGreaterThan(2);
    for (const part of parts) expect((part.match(/^```/gm) ?? []).length % 2).toBe(0);
    expect(parts.join("\n")).toContain('print("**199**")');
    expect(parts.at(-1)).toMatch(/完$/);
  });

  test("hostile text takes a time that grows with its length, and no stack", () => {
    const long = 400_000;
    for (const piece of [
      "*a ",
      "**a _",
      "[",
      "![a](",
      "`",
      "> ",
      ">",
      "- ",
      "1. ",
      "|",
      "|-",
      "$",
      "\\(",
      "<a ",
      "~",
      "#",
      " ",
      "\\[\n",
      "$$\n",
      "```\n",
      "| a\n|-\n",
      "***a ",
      " a*",
    ]) {
      const source = piece.repeat(long / piece.length);
      expect(words(plainMarkdown(source))).toBe(words(source));
    }
    const nested = `${"*a ".repeat(20_000)}z${" a*".repeat(20_000)}`;
    expect(words(plainMarkdown(nested))).toBe(words(nested));
  });

  test("a table cannot make a book of a page", () => {
    const head = Array.from({ length: 60 }, (_, i) => `列名称${"长".repeat(30)}${i}`).join("|");
    const rows = Array.from({ length: 200 }, () => "1|".repeat(60)).join("\n");
    const source = `|${head}|\n|${"-|".repeat(60)}\n${rows}`;
    expect(plainMarkdown(source).length).toBeLessThan(4 * source.length);
  });
});
