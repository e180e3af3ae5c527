import { getDocumentProxy } from "unpdf";
import { documentUnreadable } from "./document-errors.ts";
import type { DocumentPieces } from "./document-text.ts";

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
      disableFontFace: true,
      enableXfa: false,
      stopAtErrors: false,
    });
  } catch (error) {
    throw documentUnreadable(error instanceof Error && error.name === "PasswordException" ? "encrypted" : "damaged");
  }
}

async function pageText(pdf: Pdf, number: number): Promise<string> {
  const page = await pdf.getPage(number);
  const { items } = await page.getTextContent();
  const text = items.map((item) => ("str" in item ? `${item.str}${item.hasEOL ? "\n" : ""}` : "")).join("");
  page.cleanup();
  return text
    .replace(/[ \t]+\n/g, "\n")
    .replace(/\n{3,}/g, "\n\n")
    .trim();
}
