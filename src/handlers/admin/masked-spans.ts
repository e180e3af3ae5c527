/**
 * Evidence in a masked text. Spans are offsets into what was written; in the masked text each piece of personal data is
 * replaced by a label of another length. Here the labels are found again, so that evidence can be marked without showing
 * what they stand for.
 */

export interface Span {
  start: number;
  end: number;
}

/** A label as masking writes it: `[手机号]`. */
const LABEL = /\[[^[\]\n]{1,40}\]/g;

/** A stretch of the masked text, and what it stands for. */
interface Piece {
  kind: "same" | "label";
  raw: Span;
  masked: Span;
}

/** The spans in the masked text; one that touches masked data covers the whole label. Empty when the two do not fit together. */
export function spansInMasked(raw: string, masked: string, spans: readonly Span[]): Span[] {
  const pieces = raw === masked ? null : piecesOf(raw, masked);
  if (pieces === null) return raw === masked ? spans.filter(({ end }) => end <= raw.length) : [];
  return spans.flatMap((span) => {
    const touched = pieces.filter((piece) => piece.raw.start < span.end && span.start < piece.raw.end);
    const first = touched[0];
    const last = touched.at(-1);
    if (first === undefined || last === undefined) return [];
    const start = first.kind === "label" ? first.masked.start : span.start - first.raw.start + first.masked.start;
    const end = last.kind === "label" ? last.masked.end : span.end - last.raw.start + last.masked.start;
    return [{ start: Math.max(start, first.masked.start), end: Math.min(end, last.masked.end) }];
  });
}

/** Lays the masked text over the raw one, from left to right. Null when it is not a masked form of it. */
function piecesOf(raw: string, masked: string): Piece[] | null {
  const pieces: Piece[] = [];
  let rawAt = 0;
  let maskedAt = 0;
  const same = (length: number): void => {
    if (length === 0) return;
    const piece = { raw: span(rawAt, length), masked: span(maskedAt, length) };
    pieces.push({ kind: "same", ...piece });
    rawAt += length;
    maskedAt += length;
  };
  const labels = [...masked.matchAll(LABEL)];
  for (const [index, label] of labels.entries()) {
    const text = masked.slice(maskedAt, label.index);
    if (!raw.startsWith(text, rawAt)) return null;
    same(text.length);
    const after = label.index + label[0].length;
    const next = masked.slice(after, labels[index + 1]?.index ?? masked.length);
    const isLast = index === labels.length - 1;
    // What somebody wrote may look like a label: then it stands there in the raw text too, and what follows it.
    if (raw.startsWith(label[0] + next, rawAt)) {
      same(label[0].length);
      continue;
    }
    const rawEnd = isLast ? raw.length - next.length : next === "" ? rawAt + 1 : raw.indexOf(next, rawAt + 1);
    if (rawEnd < rawAt + 1) return null;
    pieces.push({ kind: "label", raw: { start: rawAt, end: rawEnd }, masked: { start: label.index, end: after } });
    rawAt = rawEnd;
    maskedAt = after;
  }
  if (raw.slice(rawAt) !== masked.slice(maskedAt)) return null;
  same(masked.length - maskedAt);
  return pieces;
}

function span(start: number, length: number): Span {
  return { start, end: start + length };
}
