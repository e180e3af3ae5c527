import { Inflate } from "fflate";
import { documentTooLarge, documentUnreadable } from "./document-errors.ts";
import { parseOfficeXml, type XmlNode } from "./office-xml.ts";
import { readZipDirectory, type ZipEntry } from "./zip-directory.ts";

/** Of one part. Larger ones are the work of a program gone wild, and their tree would fill the thread's memory. */
const PART_BYTES_MAX = 32 * 1024 * 1024;
/** Of all parts that are read. */
const PARTS_BYTES_MAX = 96 * 1024 * 1024;
/** Office's XML is packed ten to a hundred times; what is packed a thousand times is a bomb. */
const RATIO_MAX = 300;
/** Below this no ratio is suspicious. */
const RATIO_FROM_BYTES = 1024 * 1024;
/** What is handed to the inflater at once: at the format's densest, 1032 to 1, it can grow to 16 MB before it is counted. */
const SLICE_BYTES = 16 * 1024;

/** The parts of an Office document. What they unpack to is bounded by what the directory says and, as that may lie, by count. */
export class OfficeParts {
  readonly #entries: Map<string, ZipEntry>;
  #bytesRead = 0;

  /** @throws YingdaError as `readZipDirectory`. */
  constructor(bytes: Uint8Array) {
    this.#entries = readZipDirectory(bytes);
  }

  /**
   * The root element of a part; null when there is no such part.
   * @throws YingdaError `document_too_large` before anything is unpacked, or as soon as it has become too much;
   *   `document_unreadable` when it is no XML.
   */
  xml(name: string): XmlNode | null {
    const entry = this.#entries.get(name);
    if (entry === undefined) return null;
    if (entry.sizeSaid > PART_BYTES_MAX) throw documentTooLarge("size");
    const { bytes, cut } = this.#unpack(entry, PART_BYTES_MAX);
    if (cut) throw documentTooLarge("size");
    return parseOfficeXml(decode(bytes));
  }

  /**
   * The root of a part that is a long list: of one that has more than `bytesMax` bytes only the beginning, up to the last whole
   * `<element>` in it.
   */
  xmlList(name: string, element: string, bytesMax: number): { root: XmlNode; cut: boolean } | null {
    const entry = this.#entries.get(name);
    if (entry === undefined) return null;
    const { bytes, cut } = this.#unpack(entry, bytesMax);
    const text = decode(bytes);
    return { root: parseOfficeXml(cut ? closedAfterLast(text, element) : text), cut };
  }

  #unpack(entry: ZipEntry, bytesMax: number): { bytes: Uint8Array; cut: boolean } {
    const { method, compressed, sizeSaid } = entry;
    if (sizeSaid > RATIO_FROM_BYTES && sizeSaid > compressed.length * RATIO_MAX) throw documentTooLarge("ratio");
    const unpacked = method === 0 ? cutTo(compressed, bytesMax) : inflated(compressed, bytesMax);
    this.#bytesRead += unpacked.bytes.length;
    if (this.#bytesRead > PARTS_BYTES_MAX) throw documentTooLarge("size");
    return unpacked;
  }
}

function cutTo(bytes: Uint8Array, bytesMax: number): { bytes: Uint8Array; cut: boolean } {
  return { bytes: bytes.subarray(0, bytesMax), cut: bytes.length > bytesMax };
}

/** At most `bytesMax` bytes of what comes out; the rest is not unpacked. */
function inflated(compressed: Uint8Array, bytesMax: number): { bytes: Uint8Array; cut: boolean } {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  const inflate = new Inflate((piece) => {
    pieces.push(piece);
    bytes += piece.length;
  });
  for (let at = 0; at < compressed.length && bytes <= bytesMax; at += SLICE_BYTES) {
    const slice = compressed.subarray(at, at + SLICE_BYTES);
    if (bytes + slice.length > RATIO_FROM_BYTES && bytes > (at + slice.length) * RATIO_MAX)
      throw documentTooLarge("ratio");
    try {
      inflate.push(slice, at + SLICE_BYTES >= compressed.length);
    } catch {
      throw documentUnreadable("damaged");
    }
  }
  return cutTo(Buffer.concat(pieces), bytesMax);
}

/** Office writes UTF-8; the standard allows UTF-16, which a byte order mark tells. */
function decode(bytes: Uint8Array): string {
  const [first, second] = bytes;
  const encoding =
    first === 0xff && second === 0xfe ? "utf-16le" : first === 0xfe && second === 0xff ? "utf-16be" : "utf-8";
  return new TextDecoder(encoding).decode(bytes);
}

/** The text up to the last closing tag of `element`, with the elements around it closed. */
function closedAfterLast(text: string, element: string): string {
  const closings = [...text.matchAll(new RegExp(`</(?:\\w+:)?${element}>`, "g"))];
  const last = closings.at(-1);
  if (last === undefined) throw documentTooLarge("size");
  const kept = text.slice(0, last.index + last[0].length);
  const open: string[] = [];
  for (const [, slash, name = "", closed] of kept.matchAll(/<(\/?)([A-Za-z_][\w:.-]*)[^<>]*?(\/?)>/g)) {
    if (slash === "/") open.pop();
    else if (closed !== "/") open.push(name);
  }
  return `${kept}${open
    .toReversed()
    .map((name) => `</${name}>`)
    .join("")}`;
}
