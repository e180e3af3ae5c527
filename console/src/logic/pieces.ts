import type { Signal } from "./api-types.ts";

/** Cuts a flagged text where evidence begins and ends, so that it can be shown as text with marks, never as HTML. */

export interface Mark {
  signal: Signal;
  /** 0 is next to the text; spans that overlap lie in different lanes, so that all of them can be seen. */
  lane: number;
  /** Its label stands behind this piece. */
  ends: boolean;
}

export interface Piece {
  start: number;
  text: string;
  /** From the lane next to the text outwards. */
  marks: Mark[];
}

interface Stretch {
  start: number;
  end: number;
  lane: number;
  signal: Signal;
}

/** More evidence than this in one text helps nobody, and cutting is quadratic in it. */
export const SPANS_MAX = 200;
/** Deeper overlaps share the last lane: lines of text must not run into each other. */
const LANES_MAX = 4;

/** The text in order, whole: joining the pieces' texts gives it back. */
export function piecesOf(text: string, signals: readonly Signal[]): Piece[] {
  const stretches = inLanes(stretchesOf(text, signals));
  const cuts = new Set([0, text.length]);
  for (const { start, end } of stretches) cuts.add(start).add(end);
  const places = [...cuts].sort((one, other) => one - other);
  const pieces: Piece[] = [];
  for (const [index, start] of places.entries()) {
    const end = places[index + 1];
    if (end === undefined) break;
    const marks = stretches
      .filter((stretch) => stretch.start <= start && stretch.end >= end)
      .map((stretch) => ({ signal: stretch.signal, lane: stretch.lane, ends: stretch.end === end }))
      .sort((one, other) => one.lane - other.lane);
    pieces.push({ start, text: text.slice(start, end), marks });
  }
  return pieces;
}

/** Spans as they fit the text: clipped, never empty, never through the middle of a character. */
function stretchesOf(text: string, signals: readonly Signal[]): Omit<Stretch, "lane">[] {
  const found = new Map<string, Omit<Stretch, "lane">>();
  for (const signal of signals) {
    for (const span of signal.spans) {
      const start = outOfPair(text, Math.max(0, span.start), -1);
      const end = outOfPair(text, Math.min(text.length, span.end), 1);
      if (!(start < end) || found.size >= SPANS_MAX) continue;
      found.set(`${start} ${end} ${signal.checker} ${signal.category} ${signal.rule}`, { start, end, signal });
    }
  }
  return [...found.values()];
}

/** The nearest place in that direction that is not between the halves of a surrogate pair. */
function outOfPair(text: string, place: number, step: -1 | 1): number {
  const before = text.charCodeAt(place - 1);
  const after = text.charCodeAt(place);
  const inside = before >= 0xd800 && before < 0xdc00 && after >= 0xdc00 && after < 0xe000;
  return inside ? place + step : place;
}

/** The shorter lies nearer to the text, so that the longer goes around it. */
function inLanes(stretches: readonly Omit<Stretch, "lane">[]): Stretch[] {
  const placed: Stretch[] = [];
  const byLength = [...stretches].sort((one, other) => one.end - one.start - (other.end - other.start));
  for (const stretch of byLength) {
    const taken = placed.filter((one) => one.start < stretch.end && stretch.start < one.end).map(({ lane }) => lane);
    let lane = 0;
    while (lane < LANES_MAX - 1 && taken.includes(lane)) lane += 1;
    placed.push({ ...stretch, lane });
  }
  return placed;
}
