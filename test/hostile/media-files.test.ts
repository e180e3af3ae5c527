import { once } from "node:events";
import { createDeflate } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { strToU8, zipSync } from "fflate";
import { YingdaError } from "../../src/base/errors.ts";
import { detectFileType, type FileType } from "../../src/media/file-type.ts";
import { OfficeParts } from "../../src/media/office-parts.ts";
import { type DocumentLimits, DocumentReader } from "../../src/media/read-document.ts";
import {
  docxFile,
  officeFile,
  paragraph,
  pdfFile,
  pdfOfContents,
  pptxFile,
  shape,
  xlsxFile,
} from "../support/documents.ts";

/** Files that are made to fill the memory, to hold a thread, or to end the process of whoever opens them. */

const MB = 1024 * 1024;

interface Outcome {
  /** The error's code and reason, or "read". */
  result: string;
  /** By how much the process's memory grew meanwhile, at its highest. */
  grownMb: number;
}

async function read(bytes: Uint8Array, limits: Partial<DocumentLimits> = {}, type?: FileType): Promise<Outcome> {
  const reader = new DocumentReader(limits);
  const before = process.memoryUsage.rss();
  let highest = before;
  const look = setInterval(() => {
    highest = Math.max(highest, process.memoryUsage.rss());
  }, 10);
  const signal = AbortSignal.timeout(60_000);
  const grownMb = () => (Math.max(highest, process.memoryUsage.rss()) - before) / MB;
  try {
    await reader.read(bytes, type ?? detectFileType(bytes, null), { charactersMax: 1_000, signal });
    return { result: "read", grownMb: grownMb() };
  } catch (error) {
    if (!(error instanceof YingdaError)) throw error;
    return { result: `${error.code} ${error.details.reason ?? ""}`.trim(), grownMb: grownMb() };
  } finally {
    clearInterval(look);
  }
}

/** Deflated as zlib does, from as many copies of `piece`; never whole in memory. */
async function deflated(piece: Buffer, copies: number): Promise<Buffer> {
  const stream = createDeflate({ level: 9 });
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  for (let copy = 0; copy < copies; copy += 1) {
    if (!stream.write(piece)) await once(stream, "drain");
  }
  stream.end();
  await once(stream, "end");
  return Buffer.concat(chunks);
}

/** Calls `change` with the place of each header in the archive's directory, and its entry's name. */
function changedDirectory(archive: Buffer, change: (archive: Buffer, at: number, name: string) => void): Buffer {
  const changed = Buffer.from(archive);
  const end = changed.lastIndexOf(Buffer.from("PK\x05\x06", "latin1"));
  let at = changed.readUInt32LE(end + 16);
  for (let index = 0; index < changed.readUInt16LE(end + 10); index += 1) {
    const nameBytes = changed.readUInt16LE(at + 28);
    change(changed, at, changed.toString("utf8", at + 46, at + 46 + nameBytes));
    at += 46 + nameBytes + changed.readUInt16LE(at + 30) + changed.readUInt16LE(at + 32);
  }
  return changed;
}

/** A Word document whose text is so many megabytes of one letter: a thousandth of that as a file. */
const bomb = (megabytes: number) => docxFile(`<w:p><w:r><w:t>${"a".repeat(megabytes * MB)}</w:t></w:r></w:p>`);

describe("archives that unpack to more than they seem to", () => {
  test("one that says so is not unpacked", async () => {
    const { result, grownMb } = await read(bomb(40));
    expect(result).toBe("document_too_large size");
    expect(grownMb).toBeLessThan(100);
  });

  test("one that is packed more densely than any document is not unpacked, though it would fit", async () => {
    expect((await read(bomb(20))).result).toBe("document_too_large ratio");
  });

  test("one that says it is small is cut off when it has become too much", async () => {
    const lying = changedDirectory(bomb(60), (archive, at, name) => {
      if (name === "word/document.xml") archive.writeUInt32LE(100, at + 24);
    });
    const { result, grownMb } = await read(lying);
    expect(result).toBe("document_too_large ratio");
    expect(grownMb).toBeLessThan(120);
  });

  test("one whose honest parts are too many together is left when that is clear", () => {
    const part = Buffer.concat([Buffer.from("<a><!--"), Buffer.alloc(30 * MB, "a"), Buffer.from("--></a>")]);
    const names = ["1.xml", "2.xml", "3.xml", "4.xml"];
    const parts = new OfficeParts(zipSync(Object.fromEntries(names.map((name) => [name, [part, { level: 0 }]]))));
    expect(names.slice(0, 3).map((name) => parts.xml(name)?.name)).toEqual(["a", "a", "a"]);
    expect(() => parts.xml("4.xml")).toThrow(expect.objectContaining({ code: "document_too_large" }));
  });

  test("entries that share their bytes, entries of one name, and more entries than a document has, are no document", () => {
    const honest = docxFile(paragraph("a"), { "word/a.xml": "<a/>", "word/b.xml": "<a/>" });
    expect(detectFileType(honest, null)).toBe("docx");
    let first: number | undefined;
    const shared = changedDirectory(honest, (archive, at, name) => {
      if (!name.startsWith("word/")) return;
      first ??= archive.readUInt32LE(at + 42);
      archive.writeUInt32LE(first, at + 42);
    });
    const twice = changedDirectory(honest, (archive, at, name) => {
      if (name === "word/b.xml") archive.write("word/a.xml", at + 46);
    });
    const many = officeFile({
      ...Object.fromEntries(Array.from({ length: 6_000 }, (_, index) => [`a${index}`, "a"])),
      "word/document.xml": "a",
    });
    expect([shared, twice, many].map((archive) => detectFileType(archive, null))).toEqual(new Array(3).fill("unknown"));
  });

  test("encrypted entries, unknown methods and places outside the archive are not followed", async () => {
    const honest = docxFile(paragraph("a"));
    const changes: [number, number, string][] = [
      [8, 1, "document_unreadable encrypted"],
      [10, 14, "document_unreadable damaged"],
      [42, 0xffff_ffff, "document_unreadable damaged"],
      [20, 0xffff_ffff, "document_unreadable damaged"],
    ];
    for (const [offset, value, expected] of changes) {
      const changed = changedDirectory(honest, (archive, at) => {
        if (offset < 20) archive.writeUInt16LE(value, at + offset);
        else archive.writeUInt32LE(value, at + offset);
      });
      expect((await read(changed, {}, "docx")).result).toBe(expected);
    }
  });

  test("archives in archives, and so a quine, are not opened", async () => {
    let nested: Uint8Array = zipSync({ "a.txt": strToU8("a") });
    for (let depth = 0; depth < 20; depth += 1) nested = zipSync({ "inner.zip": nested });
    expect(detectFileType(nested, null)).toBe("unknown");
    expect((await read(docxFile(paragraph("outside"), { "word/embeddings/inner.zip": nested }))).result).toBe("read");
  });

  test("relations that lead outside lead nowhere", async () => {
    const target = (path: string, mode = "") =>
      `<Relationships><Relationship Id="rId1" Type="a/worksheet" Target="${path}"${mode}/></Relationships>`;
    for (const relations of [
      target("../../../../etc/passwd"),
      target("file:///etc/passwd"),
      target("http://127.0.0.1/", ' TargetMode="External"'),
      target(""),
    ]) {
      const changed = xlsxFile(
        { a: "<row><c><v>1</v></c></row>" },
        { parts: { "xl/_rels/workbook.xml.rels": relations } },
      );
      expect((await read(changed)).result).toBe("document_without_text");
    }
  });
});

describe("XML that is made to harm", () => {
  test.each([
    ["entities that multiply", '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><a>&b;</a>'],
    ["an entity from outside", '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]><a>&a;</a>'],
    ["tags within tags", `${"<a>".repeat(100_000)}${"</a>".repeat(100_000)}`],
    ["tags that are never closed", "<".repeat(100_000)],
    ["names that objects have", "<a><__proto__><b/></__proto__></a>"],
    ["nothing", ""],
  ])("%s", async (_name, xml) => {
    const { result, grownMb } = await read(officeFile({ "word/document.xml": xml }));
    expect(result).toBe("document_unreadable damaged");
    expect(grownMb).toBeLessThan(100);
  });

  test("references to characters that do not exist are left out, and those to unknown entities stay as they are", async () => {
    const reader = new DocumentReader();
    const body = `${paragraph("a&#0;&#xffffff;&b;&#x110000;")}${paragraph("z")}`;
    const read = await reader.read(docxFile(body), "docx", { charactersMax: 100, signal: AbortSignal.timeout(20_000) });
    expect(read.text).toBe("a&b;\nz");
  });

  test("a tree that fills its thread's memory ends the thread, and nothing else", async () => {
    const tags = Array.from({ length: 1_000_000 }, (_, index) => `<a${(index * 7919) % 9973}/>`).join("");
    const { result } = await read(docxFile(tags), { heapMb: 64 });
    expect(result).toBe("document_too_large memory");
    expect((await read(docxFile(paragraph("still here")))).result).toBe("read");
  });
});

describe("PDFs that are made to harm", () => {
  const honest = pdfFile(Array.from({ length: 10 }, (_, index) => [`Page ${index + 1}`]));

  test("a gigabyte of blanks in a megabyte do not get into memory", async () => {
    const content = await deflated(Buffer.alloc(MB, " "), 1_024);
    expect(content.length).toBeLessThan(2 * MB);
    const { result, grownMb } = await read(pdfOfContents([content]), { buffersMb: 64 });
    expect(result).toBe("document_too_large memory");
    expect(grownMb).toBeLessThan(500);
  });

  test("one that is cut gives what is left of it or an error of ours", async () => {
    for (let kept = 0; kept < honest.length; kept += 293) {
      expect((await read(honest.subarray(0, kept), {}, "pdf")).result).toMatch(/^(read|document_\w+( \w+)?)$/);
    }
  }, 60_000);

  test("pages that refer to themselves do not go round for ever", async () => {
    const changed = Buffer.from(honest.toString("latin1").replace("/Kids [4 0 R", "/Kids [2 0 R"), "latin1");
    expect((await read(changed, { readMs: 10_000 })).result).toMatch(/^(read|document_\w+( \w+)?)$/);
  });
});

describe("a reader of documents", () => {
  test("gives up on one that takes too long, and reads the next", async () => {
    const tags = Array.from({ length: 400_000 }, (_, index) => `<a${(index * 7919) % 9973}/>`).join("");
    const reader = new DocumentReader({ readMs: 30 });
    const options = { charactersMax: 100, signal: AbortSignal.timeout(20_000) };
    await expect(reader.read(docxFile(tags), "docx", options)).rejects.toMatchObject({ details: { reason: "late" } });
    expect((await read(docxFile(paragraph("a")))).result).toBe("read");
  });

  test("sends away who finds too many waiting, and leaves the caller's bytes alone", async () => {
    const reader = new DocumentReader({ atOnceMax: 1, waitingMax: 1 });
    const bytes = docxFile(paragraph("a"));
    const options = { charactersMax: 100, signal: AbortSignal.timeout(20_000) };
    const [first, second, third] = await Promise.allSettled([1, 2, 3].map(() => reader.read(bytes, "docx", options)));
    expect([first?.status, second?.status]).toEqual(["fulfilled", "fulfilled"]);
    expect(third).toMatchObject({ status: "rejected", reason: { code: "media_busy", retryable: true } });
    expect(detectFileType(bytes, null)).toBe("docx");
  });

  test("answers every changed document with a text or an error of ours", async () => {
    const originals: [FileType, Buffer][] = [
      ["docx", docxFile(paragraph("hello") + paragraph("world"))],
      ["xlsx", xlsxFile({ a: "<row><c><v>1</v></c></row>" })],
      ["pptx", pptxFile([{ shapes: shape(["hello"]) }])],
      ["pdf", pdfFile([["hello"]])],
    ];
    const flips = fc.array(fc.tuple(fc.nat(10_000), fc.nat(255)), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...originals), flips, async ([type, original], changes) => {
        const changed = Buffer.from(original);
        for (const [at, value] of changes) changed[at % changed.length] = value;
        expect((await read(changed, {}, type)).result).toMatch(/^(read|document_\w+( \w+)?)$/);
      }),
      { numRuns: 30 },
    );
  }, 60_000);
});
