/** Where a text may be cut: by bytes, graphemes, and the marks of Chinese and Latin writing. */

/** The end of the longest run from `from` that has at most `bytes` UTF-8 bytes; never inside a code point. */
export function byteEnd(text: string, from: number, bytes: number): number {
  let left = bytes;
  let at = from;
  while (at < text.length) {
    const unit = text.charCodeAt(at);
    const isPair = unit >= 0xd800 && unit < 0xdc00 && isLowSurrogate(text.charCodeAt(at + 1));
    // A lone surrogate is written as U+FFFD, 3 bytes.
    left -= isPair ? 4 : unit < 0x80 ? 1 : unit < 0x800 ? 2 : 3;
    if (left < 0) break;
    at += isPair ? 2 : 1;
  }
  return at;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000;
}

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });
/** UTF-16 units looked at on either side; the longest emoji sequences have about 35. Bounds the cost of one cut. */
const GRAPHEME_REACH = 64;

/** The last edge between graphemes in (`from`, `end`]; `end` itself when a single grapheme is longer than that. */
export function graphemeEdge(text: string, from: number, end: number): number {
  const start = Math.max(from, end - GRAPHEME_REACH);
  const around = text.slice(start, end + GRAPHEME_REACH);
  const index = graphemes.segment(around).containing(end - start)?.index ?? 0;
  return index === 0 ? end : start + index;
}

/**
 * The best place to end a part in [`lowest`, `highest`], looking backwards: a paragraph, a line, a sentence, a
 * clause or word. Nothing when the text has none of these there.
 */
export function plainBreak(text: string, lowest: number, highest: number): number | undefined {
  return (
    lastWhere(lowest, highest, (at) => text[at] === "\n" && isBlankLine(text, at + 1, highest)) ??
    lastWhere(lowest, highest, (at) => text[at] === "\n") ??
    lastWhere(lowest, highest, (at) => isSentenceEnd(text, at)) ??
    lastWhere(lowest, highest, (at) => isClauseEnd(text, at))
  );
}

function lastWhere(lowest: number, highest: number, isEdge: (at: number) => boolean): number | undefined {
  for (let at = highest; at >= lowest; at -= 1) if (isEdge(at)) return at;
  return undefined;
}

/** Looks no further than one line past `highest`, and at every line once. */
function isBlankLine(text: string, from: number, highest: number): boolean {
  for (let at = from; at <= highest + 1; at += 1) {
    if (text[at] === "\n") return true;
    if (!isSpace(text.charCodeAt(at))) return false;
  }
  return false;
}

const WIDE_SENTENCE_ENDS = "。！？…；";
const LATIN_SENTENCE_ENDS = ".!?";
const CLOSERS = "”’」』）】》)]\"'";
const CLOSERS_MAX = 4;
const WIDE_CLAUSE_ENDS = "，、：；）】》”";

/** Whether a sentence, with its closing quotes and brackets, ends right before `at`. */
function isSentenceEnd(text: string, at: number): boolean {
  const after = text[at] ?? "\n";
  if (WIDE_SENTENCE_ENDS.includes(after) || CLOSERS.includes(after)) return false;
  let last = at - 1;
  for (let closers = 0; closers < CLOSERS_MAX && CLOSERS.includes(text[last] ?? " "); closers += 1) last -= 1;
  const mark = text[last] ?? " ";
  if (WIDE_SENTENCE_ENDS.includes(mark)) return true;
  return LATIN_SENTENCE_ENDS.includes(mark) && isSpace(after.charCodeAt(0));
}

function isClauseEnd(text: string, at: number): boolean {
  const after = text[at] ?? "\n";
  if (isSpace(after.charCodeAt(0))) return true;
  return WIDE_CLAUSE_ENDS.includes(text[at - 1] ?? " ") && !CLOSERS.includes(after);
}

/**
 * Where the text goes on after a cut at `at`: past the white space there, except the indent of the next line, which
 * may be that of a list.
 */
export function skipBreak(text: string, at: number): number {
  let lineStart: number | undefined;
  let next = at;
  for (; next < text.length && isSpace(text.charCodeAt(next)); next += 1) {
    if (text[next] === "\n") lineStart = next + 1;
  }
  return next === text.length ? next : (lineStart ?? next);
}

/** Space, tab, line ends and the wide space of Chinese text. */
function isSpace(unit: number): boolean {
  return unit === 0x20 || (unit >= 0x09 && unit <= 0x0d) || unit === 0x3000;
}
