import { describe, expect, test } from "@jest/globals";
import { parseMarkdown } from "../../simulator/chat/markdown.js";
import { parseInline } from "../../simulator/chat/markdown-inline.js";
import { readBareUrl, safeHref } from "../../simulator/chat/markdown-links.js";

const blocks = (text: string) => parseMarkdown(text).map(({ block }) => block);
const plain = (text: string) => [{ kind: "text", text }];

describe("markdown blocks", () => {
  test("headings of every level keep their text and lose their closing signs", () => {
    expect(blocks("# 一\n## C#\n###### six ##")).toEqual([
      { kind: "heading", level: 1, inline: plain("一") },
      { kind: "heading", level: 2, inline: plain("C#") },
      { kind: "heading", level: 6, inline: plain("six") },
    ]);
  });

  test("a hash without a space, or seven of them, is text", () => {
    expect(blocks("#标签")).toEqual([{ kind: "paragraph", inline: plain("#标签") }]);
    expect(blocks("####### x")[0]?.kind).toBe("paragraph");
  });

  test("line breaks inside a paragraph stay line breaks", () => {
    expect(blocks("一\n二")).toEqual([
      { kind: "paragraph", inline: [...plain("一"), { kind: "break" }, ...plain("二")] },
    ]);
  });

  test("a fenced block keeps its text exactly, and knows its language", () => {
    const [code] = blocks("```ts\nconst a = `*x*`;\n\n  <b>\n```");
    expect(code).toEqual({ kind: "code", language: "ts", text: "const a = `*x*`;\n\n  <b>", closed: true });
  });

  test("a fence that is not closed yet, as in a growing answer, is code to the end", () => {
    expect(blocks("说明：\n```py\nprint(1)")).toEqual([
      { kind: "paragraph", inline: plain("说明：") },
      { kind: "code", language: "py", text: "print(1)", closed: false },
    ]);
  });

  test("a longer fence contains shorter ones", () => {
    expect(blocks("````\n```\n````")).toEqual([{ kind: "code", language: "", text: "```", closed: true }]);
  });

  test("lists nest by two, three or four spaces", () => {
    for (const indent of ["  ", "   ", "    ", "\t"]) {
      expect(blocks(`1. 一\n${indent}- 甲\n${indent}- 乙\n2. 二`)).toEqual([
        {
          kind: "list",
          ordered: true,
          start: 1,
          items: [
            {
              done: null,
              blocks: [
                { kind: "paragraph", inline: plain("一") },
                {
                  kind: "list",
                  ordered: false,
                  start: 1,
                  items: [
                    { done: null, blocks: [{ kind: "paragraph", inline: plain("甲") }] },
                    { done: null, blocks: [{ kind: "paragraph", inline: plain("乙") }] },
                  ],
                },
              ],
            },
            { done: null, blocks: [{ kind: "paragraph", inline: plain("二") }] },
          ],
        },
      ]);
    }
  });

  test("blank lines between items leave one list, with its first number", () => {
    const [list, ...rest] = blocks("3. 三\n\n4. 四\n\n完");
    expect(list).toMatchObject({ kind: "list", ordered: true, start: 3, items: [{}, {}] });
    expect(rest).toEqual([{ kind: "paragraph", inline: plain("完") }]);
  });

  test("code inside a list item loses the item's indent only", () => {
    const [list] = blocks("- 看：\n  ```\n  a\n    b\n  ```");
    expect(list).toMatchObject({ items: [{ blocks: [{}, { kind: "code", text: "a\n  b" }] }] });
  });

  test("tasks know whether they are done", () => {
    expect(blocks("- [ ] 未\n- [x] 已")).toMatchObject([{ items: [{ done: false }, { done: true }] }]);
  });

  test("a year in the middle of a paragraph begins no list", () => {
    expect(blocks("那是\n1998. 夏天")).toHaveLength(1);
  });

  test("quotes nest three levels deep", () => {
    expect(blocks("> 一\n> > 二\n> > > 三")).toMatchObject([
      { kind: "quote", blocks: [{ kind: "paragraph" }, { kind: "quote", blocks: [{}, { kind: "quote" }] }] },
    ]);
  });

  test("a table has its alignment, and short rows have empty cells at the page", () => {
    expect(blocks("| 名 | 数 | 中 |\n|---|--:|:-:|\n| a\\|b | 1 |\n\n后")).toEqual([
      {
        kind: "table",
        align: ["", "right", "center"],
        header: [plain("名"), plain("数"), plain("中")],
        rows: [[plain("a|b"), plain("1")]],
      },
      { kind: "paragraph", inline: plain("后") },
    ]);
  });

  test("a bar in a sentence makes no table", () => {
    expect(blocks("a | b\nc | d")).toMatchObject([{ kind: "paragraph" }]);
  });

  test("rules are rules, also with spaces, and do not become lists", () => {
    expect(blocks("---\n* * *\n___").map(({ kind }) => kind)).toEqual(["rule", "rule", "rule"]);
  });

  test("what the model thinks is a part of its own; while it thinks, everything is", () => {
    expect(blocks("<think>想\n一想</think>答")).toEqual([
      {
        kind: "think",
        closed: true,
        blocks: [{ kind: "paragraph", inline: [...plain("想"), { kind: "break" }, ...plain("一想")] }],
      },
      { kind: "paragraph", inline: plain("答") },
    ]);
    expect(blocks("<think>想")).toMatchObject([{ kind: "think", closed: false }]);
    expect(blocks("说说 <think> 标签")[0]?.kind).toBe("paragraph");
  });

  test("a growing text changes the source of its last block only", () => {
    const before = parseMarkdown("# 一\n\n段落\n\n- a\n- b");
    const after = parseMarkdown("# 一\n\n段落\n\n- a\n- b\n- c");
    expect(after.slice(0, 2).map(({ source }) => source)).toEqual(before.slice(0, 2).map(({ source }) => source));
    expect(after[2]?.source).not.toBe(before[2]?.source);
  });
});

describe("markdown inside a line", () => {
  test("emphasis works beside Chinese punctuation", () => {
    expect(parseInline("**注意：**内容")).toEqual([{ kind: "strong", children: plain("注意：") }, ...plain("内容")]);
    expect(parseInline("这是**重点**。")).toMatchObject([{}, { kind: "strong" }, {}]);
  });

  test("emphasis nests and unfinished marks stay text", () => {
    expect(parseInline("***a***")).toEqual([{ kind: "strong", children: [{ kind: "em", children: plain("a") }] }]);
    expect(parseInline("~~旧~~ **没完")).toEqual([{ kind: "del", children: plain("旧") }, ...plain(" **没完")]);
    expect(parseInline("2 * 3 * 4 和 snake_case_name")).toEqual(plain("2 * 3 * 4 和 snake_case_name"));
  });

  test("code is taken literally and reaches to a run of the same length", () => {
    expect(parseInline("`` a`*b* ``")).toEqual([{ kind: "code", text: "a`*b*" }]);
    expect(parseInline("`没完")).toEqual(plain("`没完"));
  });

  test("a backslash takes a mark's meaning away", () => {
    expect(parseInline("\\*a\\* \\你")).toEqual(plain("*a* \\你"));
  });

  test("links, pictures and bare addresses become links", () => {
    expect(parseInline('[**文档**](https://a.example/x_(1) "标题")')).toEqual([
      { kind: "link", href: "https://a.example/x_(1)", children: [{ kind: "strong", children: plain("文档") }] },
    ]);
    expect(parseInline("![图](https://a.example/i.png)")).toEqual([
      { kind: "link", href: "https://a.example/i.png", children: plain("🖼 图") },
    ]);
    expect(parseInline("见 https://a.example/b。谢谢")).toEqual([
      ...plain("见 "),
      { kind: "link", href: "https://a.example/b", children: plain("https://a.example/b") },
      ...plain("。谢谢"),
    ]);
  });

  test("the brackets and full stops of the sentence are not the address's", () => {
    expect(readBareUrl("http://a.example/b_(c)).", 0)).toBe("http://a.example/b_(c)");
    expect(readBareUrl("http://a.example/?q=1,", 0)).toBe("http://a.example/?q=1");
  });

  test("there is no link inside a link", () => {
    expect(parseInline("[看 https://b.example](https://a.example)")).toEqual([
      { kind: "link", href: "https://a.example", children: plain("看 https://b.example") },
    ]);
  });

  test("a line break tag breaks the line, every other tag is text", () => {
    expect(parseInline("a<br/>b<b>c")).toEqual([...plain("a"), { kind: "break" }, ...plain("b<b>c")]);
  });
});

describe("addresses of links", () => {
  test.each([
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " java\nscript:alert(1)",
    "java\u0000script:alert(1)",
    "vbscript:x",
    "data:text/html,<script>alert(1)</script>",
    "file:///etc/passwd",
    "blob:abc",
    "//a.example",
    "/api/faults",
    "https:",
    "https:///a.example",
    "",
  ])("%j is refused", (href) => {
    expect(safeHref(href)).toBeNull();
    expect(JSON.stringify(parseInline(`[x](${href})`))).not.toContain('"kind":"link"');
  });

  test.each(["https://a.example", "http://a.example/?a=b#c", "mailto:a@b.example"])("%s is taken", (href) => {
    expect(safeHref(href)).toBe(href);
  });
});

describe("markdown that is made to hurt", () => {
  const UNITS = 60_000;
  const hostile: [string, string][] = [
    "*a ",
    "**",
    "_a_ ",
    "~~",
    "`",
    "`a``b",
    "[",
    "![",
    "[a](",
    "[a](b",
    "<",
    "<http://a",
    "http://",
    "http://a)",
    "\\",
    "> ",
    "- ",
    "1. ",
    "  - a\n",
    "- a\n\n",
    "|a",
    "|-",
    "|a|\n|-|\n",
    "#",
    "# ",
    "```\n",
    "```\n\n",
    "---\n",
    "\n",
    " ",
    "\t",
    "<think>",
    "<br>",
    "*[_`~~",
  ].map((piece) => [JSON.stringify(piece), piece.repeat(Math.ceil(UNITS / piece.length))]);

  test.each(hostile)("%s repeated over 60,000 characters is parsed in time", (_name, text) => {
    const startMs = performance.now();
    parseMarkdown(text);
    // linear work takes a few dozen milliseconds here; quadratic work would take minutes
    expect(performance.now() - startMs).toBeLessThan(1_500);
  });

  test("quotes and lists of any depth do not overflow the stack", () => {
    expect(() => parseMarkdown(`${">".repeat(20_000)} x`)).not.toThrow();
    expect(() =>
      parseMarkdown(Array.from({ length: 300 }, (_, depth) => `${"  ".repeat(depth)}- x`).join("\n")),
    ).not.toThrow();
  });
});
