import { YingdaError } from "../base/errors.ts";
import { type CodeFence, fenceClosedAt, fenceOpenedAt } from "./code-fence.ts";
import { byteEnd, graphemeEdge, plainBreak, skipBreak } from "./text-edges.ts";

/** One code point of UTF-8 has up to 4 bytes: below that, a part could not hold one. */
const BYTES_MAX_MIN = 4;
/** A break is looked for in the last two thirds of what fits, so a long text never becomes many short messages. */
const FILL_MIN = 1 / 3;

/**
 * Cuts an answer into parts of at most `bytesMax` UTF-8 bytes (at least 4): after a paragraph, else a line, a sentence
 * (Chinese or Latin), a clause or word, else between graphemes, at worst between code points. Never cut silently:
 * the parts hold all of the text but the white space where it was cut.
 *
 * A fenced code block stays whole if it fits into a part; else it is closed at the end of a line and opened again, with
 * its language, in the next part. (A fence whose own lines would take a third of a part is treated as text.)
 * Blank text gives no part: WeCom refuses an empty message (44004). Takes time proportional to the text.
 */
export function splitText(text: string, bytesMax: number): string[] {
  if (!(bytesMax >= BYTES_MAX_MIN)) {
    throw new YingdaError("internal", `a text cannot be split into parts of ${bytesMax} bytes`);
  }
  const parts: string[] = [];
  let at = 0;
  let open: CodeFence | undefined;
  while (at < text.length) {
    const piece = nextPiece(text, at, open, bytesMax);
    if (piece.text.trim() !== "") parts.push(piece.text);
    at = piece.next;
    open = piece.open;
  }
  return parts;
}

/**
 * The longest beginning of `text` within `bytesMax` UTF-8 bytes that ends between graphemes, or between code points
 * where one grapheme alone is too long.
 */
export function cutBytes(text: string, bytesMax: number): string {
  const end = byteEnd(text, 0, bytesMax);
  return end === text.length ? text : text.slice(0, graphemeEdge(text, 0, end));
}

interface Piece {
  text: string;
  /** Where the rest of the text begins. Always ahead of where this piece began. */
  next: number;
  /** The code fence that the rest begins in. */
  open: CodeFence | undefined;
}

function nextPiece(text: string, at: number, open: CodeFence | undefined, bytesMax: number): Piece {
  const prefix = open === undefined ? "" : `${open.opening}\n`;
  const budget = bytesMax - Buffer.byteLength(prefix);
  const end = byteEnd(text, at, budget);
  if (end === text.length) return { text: prefix + text.slice(at), next: text.length, open: undefined };

  const least = at + Math.max(1, Math.floor((end - at) * FILL_MIN));
  const { openAtEnd, closedEnd } = scanFences(text, at, end, open, bytesMax);
  if (openAtEnd !== undefined) {
    const inside = { prefix, at, end, least, budget };
    return beforeFence(text, openAtEnd, inside, bytesMax) ?? insideFence(text, openAtEnd, inside);
  }
  const lowest = Math.max(least, closedEnd);
  const edge = plainBreak(text, lowest, end) ?? (closedEnd > at ? closedEnd : graphemeEdge(text, at, end));
  return { text: prefix + text.slice(at, edge).trimEnd(), next: skipBreak(text, edge), open: undefined };
}

/** Follows the fences from `at` to `end`: which one is open there, and where the last closed one ended. */
function scanFences(
  text: string,
  at: number,
  end: number,
  open: CodeFence | undefined,
  bytesMax: number,
): { openAtEnd: CodeFence | undefined; closedEnd: number } {
  const window = text.slice(at, end);
  let current = open;
  let closedEnd = at;
  for (let lineStart = isLineStart(text, at) ? 0 : nextLine(window, 0); lineStart < window.length; ) {
    if (current === undefined) {
      const fence = fenceOpenedAt(text, at + lineStart);
      if (fence !== undefined && isWorthKeeping(fence, bytesMax)) current = fence;
    } else {
      const closed = fenceClosedAt(text, at + lineStart, current);
      if (closed !== undefined && closed <= end) {
        closedEnd = closed;
        current = undefined;
      }
    }
    lineStart = nextLine(window, lineStart);
  }
  return { openAtEnd: current, closedEnd };
}

function isWorthKeeping(fence: CodeFence, bytesMax: number): boolean {
  // The longest opening line there can be has 120 characters of at most 3 bytes; ASCII in practice.
  const ownBytes = (fence.headerEnd - fence.start) * 3 + Buffer.byteLength(fence.closing) + 2;
  return ownBytes * 3 <= bytesMax;
}

interface Window {
  prefix: string;
  at: number;
  end: number;
  least: number;
  /** Bytes that the prefix leaves for text. */
  budget: number;
}

/** Ends the piece before the fence, if that keeps the fence whole, or if only a small beginning of it would fit here. */
function beforeFence(text: string, fence: CodeFence, window: Window, bytesMax: number): Piece | undefined {
  const { prefix, at, end, least } = window;
  if (fence.start <= at) return undefined;
  const onlyBeginning = fence.start >= least && end - fence.start < (end - at) * FILL_MIN;
  if (!onlyBeginning && !fitsWhole(text, fence, bytesMax)) return undefined;
  return { text: prefix + text.slice(at, fence.start).trimEnd(), next: fence.start, open: undefined };
}

function fitsWhole(text: string, fence: CodeFence, bytesMax: number): boolean {
  const end = byteEnd(text, fence.start, bytesMax);
  if (end === text.length) return true;
  const window = text.slice(fence.start, end);
  for (let lineStart = nextLine(window, 0); lineStart < window.length; lineStart = nextLine(window, lineStart)) {
    const closed = fenceClosedAt(text, fence.start + lineStart, fence);
    if (closed !== undefined) return closed <= end;
  }
  return false;
}

/** Cuts inside the fence after its last line that fits, and closes it. */
function insideFence(text: string, fence: CodeFence, window: Window): Piece {
  const { prefix, at, budget } = window;
  const closing = `\n${fence.closing}`;
  const end = byteEnd(text, at, budget - Buffer.byteLength(closing));
  const codeStart = Math.max(at, fence.start < at ? at : fence.headerEnd + 1);
  const lineEnd = text.lastIndexOf("\n", end);
  // A line longer than a part is cut where it must be.
  const edge = lineEnd > codeStart ? lineEnd : graphemeEdge(text, codeStart, end);
  const next = text[edge] === "\n" ? edge + 1 : edge;
  const closed = fenceClosedAt(text, next, fence);
  const piece = prefix + text.slice(at, edge) + closing;
  // When only the closing line is left, ours stands for it: the next part does not begin with an empty block.
  if (closed !== undefined && next > edge) return { text: piece, next: skipBreak(text, closed), open: undefined };
  return { text: piece, next, open: fence };
}

function isLineStart(text: string, at: number): boolean {
  return at === 0 || text[at - 1] === "\n";
}

/** The index after the next line break in `window`, or its length. */
function nextLine(window: string, from: number): number {
  const lineBreak = window.indexOf("\n", from);
  return lineBreak < 0 ? window.length : lineBreak + 1;
}
