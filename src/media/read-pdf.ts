import { getDocumentProxy } from "unpdf";
import { documentUnreadable } from "./document-errors.ts";
import type { DocumentPieces } from "./document-text.ts";
import { characterMap } from "./pdf-cmaps.ts";

/** Of a longer document the beginning is read: nobody asks about page five hundred without more than that fitting in anyway. */
const PAGES_MAX = 500;

/** The text of a PDF, page by page. Scripts, attachments and pictures in it are not looked at. */
export async function readPdf(bytes: Uint8Array): Promise<DocumentPieces> {
  const pdf = await open(bytes);
  let failed = false;
  let found = false;
  async function* pieces(): AsyncGenerator<string> {
    for (let number = 1; number <= Math.min(pdf.numPages, PAGES_MAX); number += 1) {
      const text = await pageText(pdf, number).catch(() => null);
      failed ||= text === null;
      if (text === null || text === "") continue;
      found = true;
      yield `--- 第 ${number} 页 ---\n${text}`;
    }
    if (failed && !found) throw documentUnreadable("damaged");
  }
  return {
    counted: { unit: "page", count: pdf.numPages },
    pieces: pieces(),
    leftOut: () => failed || pdf.numPages > PAGES_MAX,
  };
}

type Pdf = Awaited<ReturnType<typeof getDocumentProxy>>;

async function open(bytes: Uint8Array): Promise<Pdf> {
  try {
    return await getDocumentProxy(bytes, {
      // Its warnings quote the document.
      verbosity: 0,
      useSystemFonts: false,
      // Nothing is fetched or read from the disk for a document: what the library asks for comes from here or not at all.
      BinaryDataFactory: LibraryData,
      useWorkerFetch: false,
      useWasm: false,
      cMapUrl: "built-in/",
      cMapPacked: false,
      disableFontFace: true,
      enableXfa: false,
      stopAtErrors: false,
    });
  } catch (error) {
    throw documentUnreadable(error instanceof Error && error.name === "PasswordException" ? "encrypted" : "damaged");
  }
}

/** Answers the library's wishes for data of its own. */
class LibraryData {
  async fetch({ kind, filename }: { kind: string; filename: string }): Promise<Uint8Array> {
    const map = kind === "cMapUrl" ? characterMap(filename) : null;
    if (map === null) throw new Error("not at hand");
    return Buffer.from(map);
  }
}

/** Some programs write radicals and ligatures for the characters that they look like. */
const LOOKALIKES = /[\u2f00-\u2fd5\ufb00-\ufb06]/g;

/** A page of which so much has no way to Unicode is as good as a picture. */
const UNKNOWN_SHARE_MAX = 0.5;

async function pageText(pdf: Pdf, number: number): Promise<string> {
  const page = await pdf.getPage(number);
  const { items } = await page.getTextContent();
  const text = items.map((item) => ("str" in item ? `${item.str}${item.hasEOL ? "\n" : ""}` : "")).join("");
  page.cleanup();
  const unknown = text.split("\ufffd").length - 1;
  if (unknown > text.length * UNKNOWN_SHARE_MAX) return "";
  return text
    .replace(LOOKALIKES, (character) => character.normalize("NFKC"))
    .replace(/[ \t]+\n/g, "\n")
    .replace(/\n{3,}/g, "\n\n")
    .trim();
}
