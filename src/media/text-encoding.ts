/** Encodings that text files of this part of the world come in. */
export type TextEncoding = "utf-8" | "gb18030" | "utf-16le" | "utf-16be";

/** Enough to tell; a file that changes its mind later is shown with U+FFFD. */
const SAMPLE_BYTES = 64 * 1024;
/** Control characters that a text has none of: what a terminal log carries (tab, line ends, form feed, escape) is let through. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROLS = /[\u0000-\u0008\u000b\u000e-\u001a\u001c-\u001f\u007f]/;
/**
 * Of the characters that are not ASCII, so many must be ones that a Chinese text is made of: nearly all byte pairs mean
 * something in GB18030, also those of a text in another encoding.
 */
const COMMON_SHARE_MIN = 0.7;

/**
 * How the bytes of a text file are to be read; null when they are not text. A byte order mark decides; else UTF-8 if the bytes
 * are, else GB18030 (what Chinese Windows writes) if they look Chinese then.
 */
export function textEncodingOf(bytes: Uint8Array): TextEncoding | null {
  const sample = bytes.subarray(0, SAMPLE_BYTES);
  if (sample[0] === 0xff && sample[1] === 0xfe) return decodes(sample, "utf-16le") === null ? null : "utf-16le";
  if (sample[0] === 0xfe && sample[1] === 0xff) return decodes(sample, "utf-16be") === null ? null : "utf-16be";
  // In the whole file: a program may begin with a page of text.
  if (bytes.includes(0)) return null;
  if (decodes(sample, "utf-8") !== null) return "utf-8";
  const chinese = decodes(sample, "gb18030");
  return chinese !== null && commonShareOf(sample) >= COMMON_SHARE_MIN ? "gb18030" : null;
}

/** The text, at most `bytesMax` bytes of it, without its byte order mark; line ends as `\n`. */
export function decodeText(bytes: Uint8Array, encoding: TextEncoding, bytesMax: number): string {
  const decoder = new TextDecoder(encoding);
  // A character that is cut at the end is left out, not shown as U+FFFD.
  const text = decoder.decode(bytes.subarray(0, bytesMax), { stream: true });
  return text.replace(/\r\n?/g, "\n");
}

/** The sample as text if it is one; a character that is cut at the sample's end does not matter. */
function decodes(sample: Uint8Array, encoding: TextEncoding): string | null {
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(sample, { stream: true });
    return CONTROLS.test(text) ? null : text;
  } catch {
    return null;
  }
}

/** The share of punctuation and of the 3755 commonest characters among the byte pairs, by the rows of GB 2312. */
function commonShareOf(sample: Uint8Array): number {
  let pairs = 0;
  let common = 0;
  for (let at = 0; at + 1 < sample.length; at += 1) {
    const lead = sample[at] ?? 0;
    if (lead < 0x80) continue;
    const trail = sample[at + 1] ?? 0;
    const isCommonRow = (lead >= 0xa1 && lead <= 0xa3) || (lead >= 0xb0 && lead <= 0xd7);
    pairs += 1;
    if (isCommonRow && trail >= 0xa1) common += 1;
    at += 1;
  }
  return pairs === 0 ? 0 : common / pairs;
}
