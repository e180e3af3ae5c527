/** A fenced code block of markdown, as far as splitting a text needs to know it. */
export interface CodeFence {
  /** Index of the first character of its opening line. */
  start: number;
  /** Index after its opening line, without the line break. */
  headerEnd: number;
  /** The line that opens it again: indent, marker and language. */
  opening: string;
  /** The line that closes it. */
  closing: string;
  /** False when its own lines are so long that parts are cut as if it were plain text. */
  kept: boolean;
}

/** A longer line is not closing, and what it opens is not kept: looking at a line takes a bounded time. */
const FENCE_LINE_LENGTH_MAX = 120;
/** Indent, marker, language, and the rest, which holds no backtick: with one it is inline code. */
const OPENING = /^([ \t]{0,12})(`{3,}|~{3,})[ \t]*([^\s`]*)([^`]*)$/;
const CLOSING = /^[ \t]{0,12}(`{3,}|~{3,})[ \t]*$/;
const LANGUAGE_LENGTH_MAX = 32;

/** The fence that the line at `lineStart` opens. It is kept when its own lines take at most half of `bytesMax`. */
export function fenceOpenedAt(text: string, lineStart: number, bytesMax: number): CodeFence | undefined {
  const { line, whole } = lineAt(text, lineStart);
  const [, indent, marker, language] = OPENING.exec(line) ?? [];
  if (indent === undefined || marker === undefined || language === undefined) return undefined;
  const opening = indent + marker + (language.length > LANGUAGE_LENGTH_MAX ? "" : language);
  const closing = indent + marker;
  const ownBytes = Buffer.byteLength(line) + Buffer.byteLength(opening) + Buffer.byteLength(closing) + 3;
  return {
    start: lineStart,
    headerEnd: lineStart + line.length,
    opening,
    closing,
    kept: whole && ownBytes * 2 <= bytesMax,
  };
}

/** The index after the line at `lineStart`, if that line closes `fence`. */
export function fenceClosedAt(text: string, lineStart: number, fence: CodeFence): number | undefined {
  const { line, whole } = lineAt(text, lineStart);
  const marker = whole ? CLOSING.exec(line)?.[1] : undefined;
  return marker?.startsWith(fence.closing.trimStart()) ? lineStart + line.length : undefined;
}

/** Blank lines looked over for a closing line, in characters; bounds the work where a block ends in thousands. */
const BLANK_LENGTH_MAX = 256;

/** The index after the line that closes `fence`, when only blank lines come before it from `lineStart` on. */
export function fenceEndsAt(text: string, lineStart: number, fence: CodeFence): number | undefined {
  const blank = /^(?:[ \t\r]*\n)*/.exec(text.slice(lineStart, lineStart + BLANK_LENGTH_MAX))?.[0].length ?? 0;
  return fenceClosedAt(text, lineStart + blank, fence);
}

/** The line without its line break, or its beginning when it is longer than a fence's line can be. */
function lineAt(text: string, lineStart: number): { line: string; whole: boolean } {
  const window = text.slice(lineStart, lineStart + FENCE_LINE_LENGTH_MAX);
  const end = window.indexOf("\n");
  if (end >= 0) return { line: window.slice(0, end).replace(/\r$/, ""), whole: true };
  return { line: window, whole: lineStart + window.length === text.length };
}
