import { textEncodingOf } from "./text-encoding.ts";
import { readZipDirectory } from "./zip-directory.ts";

export type ImageType = "jpeg" | "png" | "gif" | "webp" | "bmp";
export type AudioType = "amr" | "mp3" | "wav" | "m4a";
export type DocumentType = "pdf" | "docx" | "xlsx" | "pptx" | "text" | "markdown" | "csv";
export type FileType =
  | ImageType
  | AudioType
  | DocumentType
  /** Office's format before 2007, and the shell around a document with a password: known, so that one can say what to do. */
  | "old-office"
  | "encrypted-office"
  /** Everything else: programs, archives, video. */
  | "unknown";

const IMAGES: ReadonlySet<string> = new Set<ImageType>(["jpeg", "png", "gif", "webp", "bmp"]);
const AUDIO: ReadonlySet<string> = new Set<AudioType>(["amr", "mp3", "wav", "m4a"]);
const DOCUMENTS: ReadonlySet<string> = new Set<DocumentType>([
  "pdf",
  "docx",
  "xlsx",
  "pptx",
  "text",
  "markdown",
  "csv",
]);

export function isImage(type: FileType): type is ImageType {
  return IMAGES.has(type);
}

export function isAudio(type: FileType): type is AudioType {
  return AUDIO.has(type);
}

export function isDocument(type: FileType): type is DocumentType {
  return DOCUMENTS.has(type);
}

/** Bytes that a type begins with: at an offset, as Latin-1. */
const BEGINNINGS: readonly [FileType, number, string][] = [
  ["jpeg", 0, "\xff\xd8\xff"],
  ["png", 0, "\x89PNG\r\n\x1a\n"],
  ["gif", 0, "GIF87a"],
  ["gif", 0, "GIF89a"],
  ["pdf", 0, "%PDF-"],
  ["amr", 0, "#!AMR\n"],
  ["amr", 0, "#!AMR-WB\n"],
  ["mp3", 0, "ID3"],
  ["m4a", 4, "ftypM4A "],
  ["m4a", 4, "ftypM4B "],
];
const OLE = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
/** The stream in which Office keeps a document with a password; names are UTF-16 there. */
const ENCRYPTED_PACKAGE = Buffer.from("EncryptedPackage", "utf16le");
const BMP_HEADER_SIZES: ReadonlySet<number> = new Set([12, 40, 52, 56, 64, 108, 124]);
const HEAD_BYTES = 64;

/**
 * What a file is, by its bytes alone: a name is anybody's claim. Only plain text, Markdown and CSV, which look alike, are told
 * apart by the name's ending; `fileName` may be null. A program that is also a text (a script) is a text: it is read, not run.
 */
export function detectFileType(bytes: Uint8Array, fileName: string | null): FileType {
  const head = Buffer.from(bytes.subarray(0, HEAD_BYTES)).toString("latin1");
  const known = BEGINNINGS.find(([, offset, beginning]) => head.startsWith(beginning, offset));
  if (known !== undefined) return known[0];
  if (head.startsWith("RIFF")) return riffType(head);
  if (isBmp(bytes, head)) return "bmp";
  if (head.startsWith("PK\x03\x04")) return officeType(bytes);
  if (head.startsWith(OLE)) return bufferOver(bytes).includes(ENCRYPTED_PACKAGE) ? "encrypted-office" : "old-office";
  if (textEncodingOf(bytes) !== null) return textType(fileName);
  return isMp3Frame(bytes) ? "mp3" : "unknown";
}

function riffType(head: string): FileType {
  if (head.startsWith("WEBP", 8)) return "webp";
  return head.startsWith("WAVE", 8) ? "wav" : "unknown";
}

/** "BM" alone is the beginning of many a text. */
function isBmp(bytes: Uint8Array, head: string): boolean {
  if (!head.startsWith("BM") || bytes.length < 26) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return view.getUint32(6, true) === 0 && BMP_HEADER_SIZES.has(view.getUint32(14, true));
}

/** An archive is a document if it has the parts of one. */
function officeType(bytes: Uint8Array): FileType {
  try {
    const entries = readZipDirectory(bytes);
    if (!entries.has("[Content_Types].xml")) return "unknown";
    if (entries.has("word/document.xml")) return "docx";
    if (entries.has("xl/workbook.xml")) return "xlsx";
    return entries.has("ppt/presentation.xml") ? "pptx" : "unknown";
  } catch {
    return "unknown";
  }
}

/** A frame of MPEG audio, layer III, with a bit rate and a sampling rate that exist. */
function isMp3Frame(bytes: Uint8Array): boolean {
  const [first = 0, second = 0, third = 0] = bytes;
  const isLayer3 = first === 0xff && (second & 0xe6) === 0xe2 && (second & 0x18) !== 0x08;
  const bitRate = third >> 4;
  return isLayer3 && bitRate > 0 && bitRate < 15 && (third & 0x0c) !== 0x0c;
}

function textType(fileName: string | null): FileType {
  const ending = /\.([a-z]{2,8})$/i.exec(fileName ?? "")?.[1]?.toLowerCase();
  if (ending === "md" || ending === "markdown") return "markdown";
  return ending === "csv" || ending === "tsv" ? "csv" : "text";
}

function bufferOver(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
