import { documentTooLarge, documentUnreadable } from "./document-errors.ts";

/**
 * The directory of a ZIP archive (APPNOTE 4.3), for Office documents alone. The library inflates; which bytes it is given, and
 * how many may come out, is decided by what is read here, so this reads strictly: no ZIP64, no encryption, no entries that
 * share bytes (by which a small file unpacks to petabytes), nothing but stored and deflated entries.
 */
export interface ZipEntry {
  name: string;
  /** 0 stored, 8 deflated. */
  method: 0 | 8;
  /** The entry's bytes in the archive, still compressed. */
  compressed: Uint8Array;
  /** As the directory says it; what comes out is counted all the same. */
  sizeSaid: number;
}

/** A document has some dozens, one full of pictures some hundreds; more would only cost time to go through. */
const ENTRIES_MAX = 5_000;

const END_BYTES = 22;
const END_SIGNATURE = 0x06054b50;
const COMMENT_BYTES_MAX = 0xffff;
const HEADER_BYTES = 46;
const HEADER_SIGNATURE = 0x02014b50;
const LOCAL_BYTES = 30;
const LOCAL_SIGNATURE = 0x04034b50;
const ENCRYPTED_FLAG = 1;

/**
 * The archive's entries by name.
 * @throws YingdaError `document_unreadable` (damaged, encrypted, or written as Office does not), `document_too_large` (more
 *   entries than a document has).
 */
export function readZipDirectory(bytes: Uint8Array): Map<string, ZipEntry> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = findEnd(view);
  const count = view.getUint16(end + 10, true);
  if (count > ENTRIES_MAX) throw documentTooLarge("entries");
  const entries = new Map<string, ZipEntry>();
  const taken: { from: number; to: number }[] = [];
  let at = view.getUint32(end + 16, true);
  for (let index = 0; index < count; index += 1) {
    const { entry, from, next } = readHeader(bytes, view, at, end);
    // Two of one name: two readers of the archive could then see different documents.
    if (entries.has(entry.name)) throw documentUnreadable("damaged");
    entries.set(entry.name, entry);
    taken.push({ from, to: from + entry.compressed.length });
    at = next;
  }
  taken.sort((a, b) => a.from - b.from || a.to - b.to);
  if (taken.some(({ from }, index) => from < (taken[index - 1]?.to ?? 0))) throw documentUnreadable("damaged");
  return entries;
}

/** Where the directory's end record begins: the last one, behind which at most a comment follows. */
function findEnd(view: DataView): number {
  const first = Math.max(0, view.byteLength - END_BYTES - COMMENT_BYTES_MAX);
  for (let at = view.byteLength - END_BYTES; at >= first; at -= 1) {
    if (view.getUint32(at, true) === END_SIGNATURE) return at;
  }
  throw documentUnreadable("damaged");
}

function readHeader(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  end: number,
): { entry: ZipEntry; from: number; next: number } {
  if (at + HEADER_BYTES > end || view.getUint32(at, true) !== HEADER_SIGNATURE) throw documentUnreadable("damaged");
  const method = view.getUint16(at + 10, true);
  const nameBytes = view.getUint16(at + 28, true);
  const size = view.getUint32(at + 20, true);
  const localAt = view.getUint32(at + 42, true);
  const next = at + HEADER_BYTES + nameBytes + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  if (next > end || localAt + LOCAL_BYTES > end || view.getUint32(localAt, true) !== LOCAL_SIGNATURE)
    throw documentUnreadable("damaged");
  if ((view.getUint16(at + 8, true) & ENCRYPTED_FLAG) !== 0) throw documentUnreadable("encrypted");
  if (method !== 0 && method !== 8) throw documentUnreadable("damaged");
  const from = localAt + LOCAL_BYTES + view.getUint16(localAt + 26, true) + view.getUint16(localAt + 28, true);
  if (from + size > end) throw documentUnreadable("damaged");
  const name = Buffer.from(bytes.subarray(at + HEADER_BYTES, at + HEADER_BYTES + nameBytes)).toString("utf8");
  const entry: ZipEntry = {
    name,
    method,
    compressed: bytes.subarray(from, from + size),
    sizeSaid: view.getUint32(at + 24, true),
  };
  return { entry, from, next };
}
