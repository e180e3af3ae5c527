/**
 * Chinese and Japanese PDFs of older programs, many invoices among them, carry no fonts and no way from their characters'
 * codes to Unicode: they name a character map of Adobe's instead, which the reader is to have. The PDF library comes without
 * these maps (a megabyte), and for text, not for drawing, they can be made from the encodings that they stand for. The
 * library goes in two steps, from a code to a character's number in Adobe's collection, and from there to Unicode; only the
 * two together have to be right, so the numbers in between are our own, beyond all of Adobe's.
 */

/** Blocks of Unicode that get a number: Latin to Cyrillic, signs, Kana, Han, compatibility and full-width forms. */
const BLOCKS = [
  [0x0000, 0x04ff],
  [0x2000, 0x27bf],
  [0x3000, 0x33ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xf900, 0xfaff],
  [0xfe30, 0xffef],
] as const;
/** Adobe's largest collection, GB1, ends at 30,571. */
const OUR_FIRST_NUMBER = 0x7800;
/** The encoding behind a map's name; what is not here is not read. */
const ENCODINGS: readonly [RegExp, string][] = [
  [/^Uni(?:GB|CNS|JIS)\d*-(?:UCS2|UTF16)-(?:HW-)?[HV]$/, "utf-16be"],
  [/^GB(?:K|Kp|K2K|pc)?(?:-EUC)?-[HV]$/, "gb18030"],
  [/^(?:B5pc|ETen-B5|ETenms-B5)-[HV]$/, "big5"],
  [/^(?:78ms|83pv|90ms|90msp|90pv)-RKSJ-[HV]$/, "shift_jis"],
];

/** A map in the language of PDF's maps, by its name; null for one that is not known. */
export function characterMap(name: string): string | null {
  if (/^Adobe-(?:GB1|CNS1|Japan1)-UCS2$/.test(name)) return toUnicodeMap();
  const encoding = ENCODINGS.find(([shape]) => shape.test(name))?.[1];
  if (encoding === undefined) return null;
  return encoding === "utf-16be" ? fromUnicodeMap() : fromEncodingMap(encoding);
}

/** Each block with the number of its first character. */
function numberedBlocks(): { first: number; last: number; number: number }[] {
  let number = OUR_FIRST_NUMBER;
  return BLOCKS.map(([first, last]) => {
    const block = { first, last, number };
    number += last - first + 1;
    return block;
  });
}

function toUnicodeMap(): string {
  // A font that uses Adobe's own numbers cannot be read: signs that say so are better than wrong words.
  const theirs = Array.from({ length: OUR_FIRST_NUMBER }, (_, number) => `<${hex(number)}> <${hex(number)}> <FFFD>`);
  const ours = numberedBlocks().map(({ first, last, number }) => {
    return `<${hex(number)}> <${hex(number + last - first)}> <${hex(first)}>`;
  });
  return mapOf(["<0000> <FFFF>"], "bfrange", [...theirs, ...ours]);
}

function fromUnicodeMap(): string {
  const ranges = numberedBlocks().map(({ first, last, number }) => `<${hex(first)}> <${hex(last)}> ${number}`);
  return mapOf(["<0000> <FFFF>"], "cidrange", ranges);
}

function fromEncodingMap(encoding: string): string {
  const isJapanese = encoding === "shift_jis";
  // Half-width Kana have one byte, between the two ranges of bytes that begin a pair.
  const single = isJapanese ? ["<00> <80>", "<A0> <DF>"] : ["<00> <80>"];
  const double = isJapanese ? ["<8140> <9FFC>", "<E040> <FCFC>"] : ["<8140> <FEFE>"];
  const codes: number[][] = [];
  for (let byte = 0x20; byte <= 0xfe; byte += 1) {
    const isSingle = byte < 0x80 || (isJapanese && byte >= 0xa0 && byte <= 0xdf);
    if (isSingle) codes.push([byte]);
    else for (let trail = 0x40; trail <= 0xfe; trail += 1) codes.push([byte, trail]);
  }
  const decoder = new TextDecoder(encoding);
  const blocks = numberedBlocks();
  const lines = codes.flatMap((bytes) => {
    const text = decoder.decode(Uint8Array.from(bytes));
    const unit = text.charCodeAt(0);
    const block = text.length === 1 ? blocks.find(({ first, last }) => unit >= first && unit <= last) : undefined;
    const code = bytes.map((byte) => hex(byte, 2)).join("");
    return block === undefined ? [] : [`<${code}> ${block.number + unit - block.first}`];
  });
  return mapOf([...single, ...double], "cidchar", lines);
}

function mapOf(
  codespaces: readonly string[],
  kind: "bfrange" | "cidrange" | "cidchar",
  lines: readonly string[],
): string {
  return [
    "begincmap",
    `${codespaces.length} begincodespacerange`,
    ...codespaces,
    "endcodespacerange",
    `${lines.length} begin${kind}`,
    ...lines,
    `end${kind}`,
    "endcmap",
  ].join("\n");
}

function hex(value: number, digits = 4): string {
  return value.toString(16).toUpperCase().padStart(digits, "0");
}
