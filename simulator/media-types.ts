import path from "node:path";

/** What a client takes a file for: by its first bytes, else by its name. */

const SIGNATURES: readonly (readonly [contentType: string, at: number, bytes: string])[] = [
  ["image/png", 0, "\x89PNG\r\n\x1a\n"],
  ["image/jpeg", 0, "\xff\xd8\xff"],
  ["image/gif", 0, "GIF8"],
  ["image/webp", 8, "WEBP"],
  ["application/pdf", 0, "%PDF-"],
  ["audio/amr", 0, "#!AMR"],
  ["audio/mpeg", 0, "ID3"],
  ["audio/wav", 8, "WAVE"],
  ["audio/ogg", 0, "OggS"],
  ["video/mp4", 4, "ftyp"],
];
const BY_EXTENSION: Readonly<Record<string, string>> = {
  ".txt": "text/plain",
  ".md": "text/markdown",
  ".csv": "text/csv",
  ".json": "application/json",
  ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
  ".mp3": "audio/mpeg",
  ".m4a": "audio/mp4",
};
const SIGNATURE_BYTES = 16;

export function contentTypeOf(bytes: Buffer, name: string): string {
  const head = bytes.subarray(0, SIGNATURE_BYTES).toString("latin1");
  const found = SIGNATURES.find(([, at, signature]) => head.startsWith(signature, at));
  return found?.[0] ?? BY_EXTENSION[path.extname(name).toLowerCase()] ?? "application/octet-stream";
}
