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
}

/** Longer opening lines are taken for text. With it, looking at a line costs a bounded time. */
const FENCE_LINE_LENGTH_MAX = 120;
const OPENING = /^([ \t]{0,12})(`{3,16}|~{3,16})[ \t]*([^\s`]{0,32})([^`\n]*)$/;
const CLOSING = /^[ \t]{0,12}(`{3,}|~{3,})[ \t]*$/;

/** The fence that the line at `lineStart` opens. */
export function fenceOpenedAt(text: string, lineStart: number): CodeFence | undefined {
  const line = lineAt(text, lineStart);
  const [, indent, marker, language, rest] = (line === undefined ? null : OPENING.exec(line)) ?? [];
  if (line === undefined || indent === undefined || marker === undefined) return undefined;
  // "``` not a language at all ```": a backtick in the info string makes it inline code, which the pattern refuses.
  const name = rest !== undefined && rest !== "" && !/^\s/.test(rest) ? "" : (language ?? "");
  return {
    start: lineStart,
    headerEnd: lineStart + line.length,
    opening: `${indent}${marker}${name}`,
    closing: `${indent}${marker}`,
  };
}

/** The index after the line at `lineStart`, if that line closes `fence`. */
export function fenceClosedAt(text: string, lineStart: number, fence: CodeFence): number | undefined {
  const line = lineAt(text, lineStart);
  const marker = line === undefined ? undefined : CLOSING.exec(line)?.[1];
  if (line === undefined || marker === undefined) return undefined;
  const opened = fence.closing.trimStart();
  return marker.startsWith(opened) ? lineStart + line.length : undefined;
}

/** The line without its line break; nothing when it is longer than a fence's line can be. */
function lineAt(text: string, lineStart: number): string | undefined {
  const window = text.slice(lineStart, lineStart + FENCE_LINE_LENGTH_MAX + 2);
  const end = window.indexOf("\n");
  const line = end < 0 ? window : window.slice(0, end);
  return line.length > FENCE_LINE_LENGTH_MAX ? undefined : line.replace(/\r$/, "");
}
