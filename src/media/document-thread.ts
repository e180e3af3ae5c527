import { parentPort, workerData } from "node:worker_threads";
import { YingdaError } from "../base/errors.ts";
import { documentUnreadable } from "./document-errors.ts";
import { gather } from "./document-text.ts";
import { OfficeParts } from "./office-parts.ts";
import type { DocumentAnswer, DocumentRequest } from "./read-document.ts";
import { readDocx } from "./read-docx.ts";
import { readPdf } from "./read-pdf.ts";
import { readPptx } from "./read-pptx.ts";
import { readXlsx } from "./read-xlsx.ts";

/** The thread of read-document.ts: reads one document, answers once. */

async function read({ bytes, type, charactersMax }: DocumentRequest): Promise<DocumentAnswer> {
  try {
    return { read: await gather(await piecesOf(bytes, type), charactersMax) };
  } catch (error) {
    // A library that stumbles over a document says so in words that may quote it.
    const known = error instanceof YingdaError ? error : documentUnreadable("damaged");
    return { failed: { code: known.code, message: known.message, details: known.details } };
  }
}

function piecesOf(bytes: Uint8Array, type: DocumentRequest["type"]) {
  switch (type) {
    case "pdf":
      return readPdf(bytes);
    case "docx":
      return readDocx(new OfficeParts(bytes));
    case "xlsx":
      return readXlsx(new OfficeParts(bytes));
    case "pptx":
      return readPptx(new OfficeParts(bytes));
  }
}

parentPort?.postMessage(await read(workerData as DocumentRequest));
