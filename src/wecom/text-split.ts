import { YingdaError } from "../base/errors.ts";
import { type CodeFence, fenceClosedAt, fenceEndsAt, fenceOpenedAt } from "./code-fence.ts";
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
 * its language, in the next part. (A fence whose own lines would take half a part is treated as text.)
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
  const prefix = open?.kept ? `${open.opening}\n` : "";
  const budget = bytesMax - Buffer.byteLength(prefix);
  const end = byteEnd(text, at, budget);
  if (end === text.length) return { text: prefix + text.slice(at), next: text.length, open: undefined };

  const least = at + Math.max(1, Math.floor((end - at) * FILL_MIN));
  const window = { at, end, least, prefix, budget, bytesMax };
  const { openAtEnd, closedEnd } = scanFences(text, window, open);
  if (openAtEnd?.kept) return beforeFence(text, openAtEnd, window) ?? insideFence(text, openAtEnd, window);

  const edge = plainBreak(text, Math.max(least, closedEnd), end) ?? graphemeEdge(text, at, end);
  return {
    text: prefix + text.slice(at, edge).trimEnd(),
    next: skipBreak(text, edge),
    open: openAtEnd !== undefined && openAtEnd.start < edge ? openAtEnd : undefined,
  };
}

/** The stretch of text that fits into the next part. */
interface Window {
  at: number;
  end: number;
  /** The first place for a break that leaves no needlessly short part. */
  least: number;
  /** The line that opens again the fence that the text at `at` is in. */
  prefix: string;
  /** Bytes that the prefix leaves. */
  budget: number;
  bytesMax: number;
}

/** Follows the fences through the window: which one is open at its end, and where the last closed one ended. */
function scanFences(
  text: string,
  { at, end, bytesMax }: Window,
  open: CodeFence | undefined,
): { openAtEnd: CodeFence | undefined; closedEnd: number } {
  const stretch = text.slice(at, end);
  const isLineStart = at === 0 || text[at - 1] === "\n";
  let current = open;
  let closedEnd = at;
  for (let line = isLineStart ? 0 : nextLine(stretch, 0); line < stretch.length; line = nextLine(stretch, line)) {
    if (current === undefined) {
      current = fenceOpenedAt(text, at + line, bytesMax);
    } else {
      const closed = fenceClosedAt(text, at + line, current);
      if (closed !== undefined && closed <= end) {
        closedEnd = closed;
        current = undefined;
      }
    }
  }
  return { openAtEnd: current, closedEnd };
}

/** Ends the part before the fence, if that keeps it whole, or if hardly any of it would fit here. */
function beforeFence(text: string, fence: CodeFence, window: Window): Piece | undefined {
  const { at, end, least, prefix, bytesMax } = window;
  if (fence.start <= at) return undefined;
  const codeLength = codeEnd(text, fence, window) - (fence.headerEnd + 1);
  const hardlyAny = codeLength <= 0 || (fence.start >= least && codeLength < (end - at) * FILL_MIN);
  if (!hardlyAny && !fitsWhole(text, fence, bytesMax)) return undefined;
  return { text: prefix + text.slice(at, fence.start).trimEnd(), next: fence.start, open: undefined };
}

function fitsWhole(text: string, fence: CodeFence, bytesMax: number): boolean {
  const end = byteEnd(text, fence.start, bytesMax);
  if (end === text.length) return true;
  const stretch = text.slice(fence.start, end);
  for (let line = nextLine(stretch, 0); line < stretch.length; line = nextLine(stretch, line)) {
    const closed = fenceClosedAt(text, fence.start + line, fence);
    if (closed !== undefined) return closed <= end;
  }
  return false;
}

/** Cuts the fence after its last line that fits, else inside a line, and closes it. */
function insideFence(text: string, fence: CodeFence, window: Window): Piece {
  const codeStart = fence.start < window.at ? window.at : fence.headerEnd + 1;
  const end = codeEnd(text, fence, window);
  const lineEnd = text.lastIndexOf("\n", end);
  const edge = lineEnd > codeStart ? lineEnd : graphemeEdge(text, codeStart, end);
  const next = text[edge] === "\n" ? edge + 1 : edge;
  const part = `${window.prefix}${text.slice(window.at, edge)}\n${fence.closing}`;
  // When only its closing line is left, ours stands for it: the next part does not begin with an empty block.
  const closed = next > edge ? fenceEndsAt(text, next, fence) : undefined;
  if (closed !== undefined) return { text: part, next: skipBreak(text, closed), open: undefined };
  return { text: part, next, open: fence };
}

/** How far the code reaches in this window when it is closed at its end. */
function codeEnd(text: string, fence: CodeFence, { at, budget }: Window): number {
  return byteEnd(text, at, budget - Buffer.byteLength(fence.closing) - 1);
}

/** The index after the next line break, or the length. */
function nextLine(stretch: string, from: number): number {
  const lineBreak = stretch.indexOf("\n", from);
  return lineBreak < 0 ? stretch.length : lineBreak + 1;
}
