import { deflateRawSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { strToU8, zipSync } from "fflate";
import { detectFileType, isAudio, isDocument, isImage } from "../../src/media/file-type.ts";
import { decodeText, textEncodingOf } from "../../src/media/text-encoding.ts";
import { docxFile, officeFile, paragraph, pdfFile, pptxFile, xlsxFile } from "../support/documents.ts";
import { bmpOf } from "../support/images.ts";

const bytes = (text: string) => Buffer.from(text, "latin1");
/** "你好，世界。今天天气很好。" as Chinese Windows writes it. */
const GBK = Buffer.from("c4e3bac3a3accac0bde7a1a3bdf1ccecccecc6f8badcbac3a1a3", "hex");

describe("the type of a file, by its bytes", () => {
  test.each<[string, Buffer]>([
    ["jpeg", bytes("\xff\xd8\xff\xe0\x00\x10JFIF")],
    ["png", bytes("\x89PNG\r\n\x1a\n\x00")],
    ["gif", bytes("GIF89a\x01\x00")],
    ["webp", bytes("RIFF\x10\x00\x00\x00WEBPVP8 ")],
    ["bmp", bmpOf(1, 1, [[1, 2, 3]])],
    ["pdf", pdfFile([["a"]])],
    ["docx", docxFile(paragraph("a"))],
    ["xlsx", xlsxFile({ a: "" })],
    ["pptx", pptxFile([])],
    ["amr", bytes("#!AMR\n\x3c")],
    ["amr", bytes("#!AMR-WB\n\x3c")],
    ["mp3", bytes("ID3\x04\x00")],
    ["mp3", bytes("\xff\xfb\x90\x64\x00\x00")],
    ["wav", bytes("RIFF\x24\x00\x00\x00WAVEfmt ")],
    ["m4a", bytes("\x00\x00\x00\x20ftypM4A \x00")],
    ["text", Buffer.from("BMW 是一辆车")],
    ["text", Buffer.from("#!/bin/sh\nrm -rf /\n")],
    ["text", GBK],
    ["text", Buffer.from("\ufeffa", "utf16le")],
    ["text", Buffer.from("\ufeffab", "utf16le").swap16()],
    ["text", Buffer.from("")],
    ["old-office", bytes("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1WordDocument")],
    [
      "encrypted-office",
      Buffer.concat([bytes("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), Buffer.from("EncryptedPackage", "utf16le")]),
    ],
  ])("%s", (type, content) => {
    expect(detectFileType(content, null)).toBe(type);
    // A name is anybody's claim.
    for (const name of ["a.exe", "a.png", "a.docx", "a"]) expect(detectFileType(content, name)).toBe(type);
  });

  test.each<[string, Uint8Array]>([
    ["a Windows program", bytes("MZ\x90\x00\x03\x00\x00\x00")],
    ["a Linux program", bytes("\x7fELF\x02\x01\x01\x00")],
    ["a Mac program", bytes("\xcf\xfa\xed\xfe\x07\x00\x00\x01")],
    ["an archive", zipSync({ "a.txt": strToU8("a") })],
    ["an archive that only names a document's part", zipSync({ "word/document.xml": strToU8("a") })],
    ["a Java program", officeFile({ "META-INF/MANIFEST.MF": "a" })],
    ["RAR", bytes("Rar!\x1a\x07\x01\x00")],
    ["7z", bytes("7z\xbc\xaf\x27\x1c\x00")],
    ["gzip", bytes("\x1f\x8b\x08\x00\x00\x00\x00\x00")],
    ["TIFF", bytes("II*\x00\x08\x00\x00\x00")],
    ["a film", bytes("\x00\x00\x00\x20ftypisom\x00")],
    ["RIFF of another kind", bytes("RIFF\x24\x00\x00\x00AVI LIST")],
    ["text with a NUL far inside", Buffer.concat([Buffer.alloc(100_000, "a"), Buffer.from([0])])],
    ["control characters", bytes("a\x01b\x02")],
    ["Latin-1", Buffer.from("l'\xe9t\xe9 \xe0 la m\xeame \xe9cole", "latin1")],
    ["noise", bytes("\x81\x8d\xfe\xfe\x90\x9d\xfa\xfb")],
  ])("%s is unknown, whatever it is called", (_name, content) => {
    for (const name of [null, "a.txt", "a.docx", "a.png"]) expect(detectFileType(content, name)).toBe("unknown");
  });

  test.each([
    ["a.md", "markdown"],
    ["A.MARKDOWN", "markdown"],
    ["a.csv", "csv"],
    ["a.tsv", "csv"],
    ["a.txt", "text"],
    ["md", "text"],
    [null, "text"],
  ])("a text called %j is %s", (name, type) => {
    expect(detectFileType(Buffer.from("a,b\n1,2\n"), name)).toBe(type);
  });

  test("a type is an image, a recording, a document, or nothing that is read", () => {
    const kinds = (["png", "amr", "csv", "pptx", "old-office", "unknown"] as const).map((type) => [
      isImage(type),
      isAudio(type),
      isDocument(type),
    ]);
    const [image, audio, document, none] = [0, 1, 2, 3].map((kind) => [kind === 0, kind === 1, kind === 2]);
    expect(kinds).toEqual([image, audio, document, document, none, none]);
  });

  test("nothing makes it throw", () => {
    const beginning = fc.constantFrom(
      "PK\x03\x04",
      "RIFF",
      "BM",
      "%PDF-",
      "\xff\xd8",
      "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
      "",
    );
    const end = fc.constantFrom(Buffer.from("504b0506000000000100010030000000000000000000", "hex"), Buffer.alloc(0));
    fc.assert(
      fc.property(beginning, fc.uint8Array({ maxLength: 300 }), end, (head, middle, tail) => {
        expect(typeof detectFileType(Buffer.concat([bytes(head), middle, tail]), null)).toBe("string");
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("the encoding of a text", () => {
  const samples = fc.string({
    unit: fc.constantFrom(..."今天天气很好，我们去公园玩吧。abc 123\n"),
    minLength: 1,
    maxLength: 200,
  });

  test("UTF-8, with and without its mark, and UTF-16 come out as they went in", () => {
    fc.assert(
      fc.property(samples, (text) => {
        const expected = text.replace(/\r\n?/g, "\n");
        const coded: Buffer[] = [
          Buffer.from(text),
          Buffer.from(`\ufeff${text}`),
          Buffer.from(`\ufeff${text}`, "utf16le"),
          Buffer.from(`\ufeff${text}`, "utf16le").swap16(),
        ];
        for (const content of coded) {
          const encoding = textEncodingOf(content);
          expect(encoding === null ? null : decodeText(content, encoding, 10_000)).toBe(expected);
        }
      }),
    );
  });

  test("what Chinese Windows writes is read, in the middle of ASCII too", () => {
    expect(textEncodingOf(GBK)).toBe("gb18030");
    expect(decodeText(GBK, "gb18030", 1_000)).toBe("你好，世界。今天天气很好。");
    expect(textEncodingOf(Buffer.concat([Buffer.from("name,city\r\n1,"), GBK.subarray(0, 4)]))).toBe("gb18030");
  });

  test("a character that the sample or the limit cuts in two neither misleads nor shows", () => {
    const text = `a${"好".repeat(40_000)}`;
    expect(textEncodingOf(Buffer.from(text))).toBe("utf-8");
    expect(decodeText(Buffer.from("好好"), "utf-8", 4)).toBe("好");
  });

  test("compressed bytes are no text", () => {
    const noise = deflateRawSync(Buffer.from(Array.from({ length: 5_000 }, (_, index) => (index * index) % 251)));
    expect(textEncodingOf(noise)).toBeNull();
  });
});
