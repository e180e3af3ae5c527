import { describe, expect, test } from "@jest/globals";
import { YingdaError } from "../../src/base/errors.ts";
import { detectFileType } from "../../src/media/file-type.ts";
import { DocumentReader } from "../../src/media/read-document.ts";
import {
  chinesePdfFile,
  docxFile,
  officeFile,
  paragraph,
  pdfFile,
  pptxFile,
  shape,
  xlsxFile,
} from "../support/documents.ts";

const reader = new DocumentReader();
const signal = AbortSignal.timeout(120_000);

function read(bytes: Buffer, { charactersMax = 100_000, name = null as string | null } = {}) {
  return reader.read(bytes, detectFileType(bytes, name), { charactersMax, signal });
}

async function outcome(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "read";
  } catch (error) {
    if (!(error instanceof YingdaError)) throw error;
    return `${error.code} ${error.details.reason ?? ""}`.trim();
  }
}

describe("a text", () => {
  test("comes as it is, without its mark, with plain line ends", async () => {
    const text = await read(Buffer.from("\ufeff# 标题\r\n\r\n| a | b |\r\n"), { name: "a.md" });
    expect(text).toEqual({ text: "# 标题\n\n| a | b |\n", counted: null, cut: false });
  });

  test("a long one is cut, and says so; not within a character", async () => {
    expect(await read(Buffer.from("好".repeat(500)), { charactersMax: 100 })).toMatchObject({
      text: "好".repeat(100),
      cut: true,
    });
    expect(await read(Buffer.from("a😀"), { charactersMax: 2 })).toMatchObject({ text: "a", cut: true });
    expect(await read(Buffer.from("a".repeat(100)), { charactersMax: 100 })).toMatchObject({ cut: false });
    expect((await read(Buffer.alloc(5_000_000, "a"), { charactersMax: 100 })).text).toHaveLength(100);
  });

  test("without a letter it is told apart", async () => {
    expect(await outcome(read(Buffer.from(" \n\t ")))).toBe("document_without_text");
  });
});

describe("a PDF", () => {
  const TEN = pdfFile(Array.from({ length: 10 }, (_, index) => [`Page ${index + 1} (of 10)`, "second line"]));

  test("of ten pages comes page by page, with marks", async () => {
    const { text, counted, cut } = await read(TEN);
    expect([counted, cut]).toEqual([{ unit: "page", count: 10 }, false]);
    const pages = text.split(/^--- 第 \d+ 页 ---\n/m).slice(1);
    expect(pages.map((page) => page.trim())).toEqual(
      Array.from({ length: 10 }, (_, index) => `Page ${index + 1} (of 10)\nsecond line`),
    );
  });

  test("that is longer than wanted is cut, and its pages are counted all the same", async () => {
    const { text, counted, cut } = await read(TEN, { charactersMax: 60 });
    expect([text.length, counted?.count, cut]).toEqual([60, 10, true]);
  });

  test.each([
    ["UniGB-UCS2-H", Buffer.from("中文发票：¥１２ abc", "utf16le").swap16().toString("hex")],
    ["GBK-EUC-H", "d6d0cec4b7a2c6b1a3baa3a4a3b1a3b220616263"],
  ])("in a Chinese font that it does not carry (%s) is read all the same", async (encoding, hex) => {
    const { text } = await read(chinesePdfFile(encoding, hex));
    expect(text.replace("￥", "¥")).toBe("--- 第 1 页 ---\n中文发票：¥１２ abc");
  });

  test("whose characters have no way to Unicode has no text, rather than a wrong one", async () => {
    expect(await outcome(read(chinesePdfFile("Identity-H", "0001032a03ab")))).toBe("document_without_text");
  });

  test("that was scanned has no text", async () => {
    expect(await outcome(read(pdfFile([[], []])))).toBe("document_without_text");
  });

  test("with a password, or of an encryption that nobody knows, is told apart from a damaged one", async () => {
    const encrypt =
      "/Encrypt << /Filter /Standard /V 1 /R 2 /Length 40 /P -4 /O <28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a> /U <0000000000000000000000000000000000000000000000000000000000000000> >> /ID [<00><00>]";
    expect(await outcome(read(pdfFile([["a"]], { trailer: encrypt })))).toBe("document_unreadable encrypted");
  });
});

describe("a Word document", () => {
  test("paragraphs, headings by level, by style and by Chinese style id, breaks and references", async () => {
    const styles =
      '<w:styles><w:style w:styleId="2"><w:name w:val="heading 2"/></w:style><w:style w:styleId="own"><w:name w:val="x"/><w:pPr><w:outlineLvl w:val="2"/></w:pPr></w:style><w:style w:styleId="T"><w:name w:val="Title"/></w:style></w:styles>';
    const body = [
      paragraph("总标题", '<w:pStyle w:val="T"/>'),
      paragraph("一级", '<w:outlineLvl w:val="0"/>'),
      paragraph("二级", '<w:pStyle w:val="2"/>'),
      paragraph("三级", '<w:pStyle w:val="own"/>'),
      paragraph("正文", '<w:pStyle w:val="none"/><w:outlineLvl w:val="9"/>'),
      paragraph("   "),
      '<w:p><w:r><w:t>甲&lt;b&gt; &amp; &#20320;&#x597d; &quot;q&quot;</w:t><w:br/><w:t xml:space="preserve"> a </w:t><w:tab/><w:t>b</w:t></w:r></w:p>',
    ].join("");
    const { text } = await read(docxFile(body, { "word/styles.xml": styles }));
    expect(text).toBe('# 总标题\n# 一级\n## 二级\n### 三级\n正文\n甲<b> & 你好 "q"\n a \tb');
  });

  test("lists, numbered and not, with levels that begin again", async () => {
    const numbering =
      '<w:numbering><w:abstractNum w:abstractNumId="7"><w:lvl w:ilvl="0"><w:numFmt w:val="decimal"/></w:lvl><w:lvl w:ilvl="1"><w:numFmt w:val="lowerLetter"/></w:lvl></w:abstractNum><w:abstractNum w:abstractNumId="8"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/></w:lvl></w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="7"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="8"/></w:num></w:numbering>';
    const item = (text: string, list: number, level = 0) =>
      paragraph(text, `<w:numPr><w:ilvl w:val="${level}"/><w:numId w:val="${list}"/></w:numPr>`);
    const body = [
      item("a", 1),
      item("b", 1, 1),
      item("c", 1, 1),
      item("d", 1),
      item("e", 1, 1),
      item("f", 2),
      item("g", 0),
    ];
    const { text } = await read(docxFile(body.join(""), { "word/numbering.xml": numbering }));
    expect(text).toBe("1. a\n  1. b\n  2. c\n2. d\n  1. e\n- f\ng");
  });

  test("tables as Markdown, with merged cells, bars and cells of several paragraphs", async () => {
    const cell = (text: string, properties = "") => `<w:tc><w:tcPr>${properties}</w:tcPr>${text}</w:tc>`;
    const table = `<w:tbl><w:tr>${cell(paragraph("姓名"))}${cell(paragraph("a|b"), '<w:gridSpan w:val="2"/>')}</w:tr><w:tr>${cell(paragraph("张三"), '<w:vMerge w:val="restart"/>')}${cell(paragraph("x") + paragraph("y"))}${cell(paragraph("1"))}</w:tr><w:tr>${cell(paragraph("-"), "<w:vMerge/>")}${cell("<w:p/>")}${cell(paragraph("2"))}</w:tr></w:tbl>`;
    const { text } = await read(docxFile(`<w:sdt><w:sdtContent>${table}</w:sdtContent></w:sdt>${paragraph("后")}`));
    expect(text).toBe("| 姓名 | a\\|b |  |\n| --- | --- | --- |\n| 张三 | x y | 1 |\n|  |  | 2 |\n后");
  });

  test("what the page does not show is left out: hidden and deleted text, field codes, second copies", async () => {
    const body = [
      '<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r><w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t>shown</w:t></w:r></w:p>',
      "<w:p><w:del><w:r><w:delText>deleted</w:delText></w:r></w:del><w:ins><w:r><w:t>inserted</w:t></w:r></w:ins></w:p>",
      "<w:p><w:r><w:instrText>HYPERLINK</w:instrText></w:r><w:hyperlink><w:r><w:t>link</w:t></w:r></w:hyperlink></w:p>",
      `<w:p><w:r><mc:AlternateContent><mc:Choice><w:drawing><wps:txbx><w:txbxContent>${paragraph("box")}</w:txbxContent></wps:txbx></w:drawing></mc:Choice><mc:Fallback><w:pict><w:txbxContent>${paragraph("box")}</w:txbxContent></w:pict></mc:Fallback></mc:AlternateContent></w:r></w:p>`,
    ];
    expect((await read(docxFile(body.join("")))).text).toBe("shown\ninserted\nlink\nbox");
  });

  test("without a word in it", async () => {
    expect(await outcome(read(docxFile("<w:p/>")))).toBe("document_without_text");
  });
});

describe("a presentation", () => {
  test("slides in the order in which they are shown, titles, levels, notes, tables; no furniture", async () => {
    const table =
      '<p:graphicFrame><p:nvGraphicFramePr><p:cNvPr/></p:nvGraphicFramePr><a:graphic><a:graphicData><a:tbl><a:tr><a:tc gridSpan="2"><a:txBody><a:p><a:r><a:t>头</a:t></a:r></a:p></a:txBody></a:tc><a:tc hMerge="1"><a:txBody><a:p/></a:txBody></a:tc></a:tr><a:tr><a:tc><a:txBody><a:p><a:r><a:t>x</a:t></a:r></a:p></a:txBody></a:tc><a:tc><a:txBody><a:p><a:r><a:t>y</a:t></a:r></a:p></a:txBody></a:tc></a:tr></a:tbl></a:graphicData></a:graphic></p:graphicFrame>';
    const bullets =
      '<p:sp><p:nvSpPr><p:nvPr/></p:nvSpPr><p:txBody><a:p><a:pPr lvl="1"/><a:r><a:t>深</a:t></a:r><a:br/><a:r><a:t>行</a:t></a:r></a:p></p:txBody></p:sp>';
    const { text, counted } = await read(
      pptxFile([
        { shapes: shape(["标题"], "ctrTitle") + shape(["一", "二"]) + shape(["3"], "sldNum"), notes: "说给自己" },
        { shapes: `<p:grpSp>${bullets}</p:grpSp>${table}`, show: "0" },
        { shapes: "" },
      ]),
    );
    expect(counted).toEqual({ unit: "slide", count: 3 });
    expect(text).toBe(
      "--- 第 1 张幻灯片 ---\n# 标题\n一\n二\n备注：说给自己\n--- 第 2 张幻灯片（隐藏） ---\n  - 深\n行\n| 头 |  |\n| --- | --- |\n| x | y |",
    );
  });
});

describe("a workbook", () => {
  const styles = `<styleSheet><numFmts><numFmt numFmtId="164" formatCode="yyyy&quot;年&quot;m&quot;月&quot;d&quot;日&quot;"/><numFmt numFmtId="165" formatCode="[Red]0.00&quot;days&quot;"/></numFmts><cellXfs>${[0, 14, 22, 10, 164, 165, 46, 20].map((id) => `<xf numFmtId="${id}"/>`).join("")}</cellXfs></styleSheet>`;
  const strings =
    '<sst><si><t>姓名</t></si><si><r><t>合</t></r><r><t>计_x000D_</t></r><rPh sb="0" eb="1"><t>ふり</t></rPh></si></sst>';
  const parts = { "xl/styles.xml": styles, "xl/sharedStrings.xml": strings };
  const cell = (reference: string, value: string, attributes = "") =>
    `<c r="${reference}" ${attributes}><v>${value}</v></c>`;

  test("cells as people see them: texts, truth, numbers, dates, shares, formulas by their value", async () => {
    const rows = [
      `<row r="1">${cell("A1", "0", 't="s"')}${cell("B1", "1", 't="s"')}<c r="D1" t="inlineStr"><is><t>a|b</t></is></c></row>`,
      `<row r="2">${cell("A2", "0.30000000000000004")}${cell("B2", "45356", 's="1"')}${cell("C2", "45356.604166666664", 's="2"')}${cell("D2", "0.256", 's="3"')}</row>`,
      `<row r="3">${cell("A3", "1", 't="b"')}${cell("B3", "#N/A", 't="e"')}<c r="C3" t="str"><f>A1&amp;"x"</f><v>姓名x</v></c><c r="D3"><f>1+1</f><v>2</v></c></row>`,
      `<row r="4">${cell("A4", "45356", 's="4"')}${cell("B4", "12.5", 's="5"')}${cell("C4", "1.25", 's="6"')}${cell("D4", "0.5", 's="7"')}</row>`,
      '<row r="5"><c r="A5" s="1"/></row>',
    ].join("");
    const { text, counted } = await read(xlsxFile({ 销售: rows, 空: "" }, { parts }));
    expect(counted).toEqual({ unit: "sheet", count: 2 });
    expect(text).toBe(
      [
        "--- 工作表 1：销售 ---",
        "| 姓名 | 合计 |  | a\\|b |",
        "| --- | --- | --- | --- |",
        "| 0.3 | 2024-03-05 | 2024-03-05 14:30:00 | 25.60% |",
        "| TRUE | #N/A | 姓名x | 2 |",
        "| 2024-03-05 | 12.5 | 30:00:00 | 12:00:00 |",
      ].join("\n"),
    );
  });

  test("days count from 1904 where the workbook says so, and from 1900 with the day that never was", async () => {
    const row = (days: string) => `<row>${cell("A1", days, 's="1"')}</row>`;
    const at = async (days: string, workbookPr = "") => {
      const { text } = await read(xlsxFile({ a: row(days) }, { parts, workbookPr }));
      return /\| ([\d-]+) \|/.exec(text)?.[1];
    };
    expect(await at("43894", '<workbookPr date1904="1"/>')).toBe("2024-03-05");
    expect([await at("1"), await at("59"), await at("60"), await at("61")]).toEqual([
      "1900-01-01",
      "1900-02-28",
      "1900-02-29",
      "1900-03-01",
    ]);
  });

  test("several sheets in their order, hidden ones marked", async () => {
    const one = (text: string) => `<row><c t="inlineStr"><is><t>${text}</t></is></c></row>`;
    const { text } = await read(xlsxFile({ 乙: one("1"), 甲: one("2") }, { states: { 甲: "veryHidden" } }));
    expect(text).toBe("--- 工作表 1：乙 ---\n| 1 |\n| --- |\n--- 工作表 2：甲（隐藏） ---\n| 2 |\n| --- |");
  });

  test("of a sheet that is larger than is read the beginning comes, and it says so", async () => {
    const rows = Array.from(
      { length: 200_000 },
      (_, index) => `<row r="${index + 1}">${cell(`A${index + 1}`, String(index))}</row>`,
    );
    const { text, cut } = await read(xlsxFile({ a: rows.join("") }), { charactersMax: 1_000_000 });
    expect([
      cut,
      text.startsWith("--- 工作表 1：a ---\n| 0 |\n| --- |\n| 1 |\n| 2 |"),
      text.split("\n").length > 4_000,
    ]).toEqual([true, true, true]);
  });

  test("columns beyond the bound are left out, and it says so", async () => {
    const row = `<row r="1">${cell("A1", "1")}${cell("XFD1", "2")}</row>`;
    expect(await read(xlsxFile({ a: row }))).toMatchObject({ text: "--- 工作表 1：a ---\n| 1 |\n| --- |", cut: true });
  });
});

describe("a document that is none", () => {
  test.each<[string, Buffer, string]>([
    ["an old one", Buffer.from("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "latin1"), "document_unreadable old_format"],
    ["a program", Buffer.from("MZ\0\0"), "document_unreadable unknown_type"],
    ["an image", Buffer.from("GIF89a"), "document_unreadable unknown_type"],
    ["a document without a body", officeFile({ "word/document.xml": "<a/>" }), "document_unreadable damaged"],
    ["a document that is not XML", officeFile({ "word/document.xml": "<a><b></a>" }), "document_unreadable damaged"],
    [
      "a document with an empty part",
      officeFile({ "word/document.xml": new Uint8Array(0) }),
      "document_unreadable damaged",
    ],
  ])("%s", async (_name, bytes, expected) => {
    expect(await outcome(read(bytes))).toBe(expected);
  });

  test("who gave up is told their own reason", async () => {
    const stop = new AbortController();
    const reading = reader.read(pdfFile([["a"]]), "pdf", { charactersMax: 10, signal: stop.signal });
    stop.abort(new YingdaError("turn_stopped", "stopped"));
    expect(await outcome(reading)).toBe("turn_stopped");
  });
});
