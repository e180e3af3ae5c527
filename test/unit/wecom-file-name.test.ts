import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { cleanFileName, fileNameOf } from "../../src/wecom/file-name.ts";

const raw = (text: string) => Buffer.from(text, "utf8").toString("latin1");

describe("the name in a Content-Disposition", () => {
  test.each([
    ['attachment; filename="report.pdf"', "report.pdf"],
    ["attachment; filename=report.pdf", "report.pdf"],
    ["attachment;filename*=UTF-8''%E5%91%A8%E6%8A%A5.docx", "周报.docx"],
    ["attachment; filename=\"x.pdf\"; filename*=utf-8'zh'%E5%91%A8.pdf", "周.pdf"],
    ['attachment; filename="%E5%91%A8%E6%8A%A5.xlsx"', "周报.xlsx"],
    [`attachment; filename="${raw("周报.xlsx")}"`, "周报.xlsx"],
    ['attachment; filename="a\\"b;c.txt"', 'a"b;c.txt'],
    ['attachment; filename="100%.txt"', "100%.txt"],
    ["attachment; filename*=UTF-8''%E5%91.txt", "%E5%91.txt"],
    ['attachment; filename="../../etc/passwd"', "passwd"],
    ['attachment; filename="..%2F..%2Fetc%2Fpasswd"', "passwd"],
    ['attachment; filename="C:%5Ca%5Cb.txt"', "b.txt"],
    ['attachment; filename="a%00b%0d%0ac.txt"', "abc.txt"],
    ["attachment; filename*=UTF-8''gpj%E2%80%AE.exe", "gpj.exe"],
    ['attachment; filename=".."', null],
    ['attachment; filename=""', null],
    ["attachment", null],
    ["", null],
    [null, null],
    [undefined, null],
  ])("%j gives %j", (header, name) => {
    expect(fileNameOf(header)).toBe(name);
  });

  test("a long name keeps its beginning and its ending", () => {
    const name = fileNameOf(`attachment; filename="${"a".repeat(5000)}.docx"`) ?? "";
    expect([name.length, name.slice(-6)]).toEqual([120, "….docx"]);
  });

  test("no header throws, and no name has a folder, a control character or a lone surrogate", () => {
    const part = fc.constantFrom(
      "filename",
      "*",
      "=",
      '"',
      ";",
      "UTF-8''",
      "%",
      "%E5",
      "%2f",
      "/",
      "\\",
      "..",
      "\u202e",
      "\u0000",
      "周",
    );
    const header = fc.oneof(
      fc.string(),
      fc.array(part, { maxLength: 30 }).map((parts) => `attachment; ${parts.join("")}`),
    );
    fc.assert(
      fc.property(header, (text) => {
        const name = fileNameOf(text);
        if (name !== null) expect(name).toMatch(/^[^/\\\p{Cc}\p{Cf}\p{Cs}]{1,120}$/u);
      }),
      { numRuns: 2_000 },
    );
  });

  test("cleaning is idempotent", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
        const once = cleanFileName(text);
        if (once !== null) expect(cleanFileName(once)).toBe(once);
      }),
    );
  });
});
