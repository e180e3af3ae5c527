/** Pieces in which the demo model speaks and counts: a word, or up to two Chinese characters, about what real ones take. */
const PIECE = /\p{Script=Han}{1,2}|[\p{L}\p{N}]+(?:'\p{L}+)?\s?|\s+|./gsu;

export function piecesOf(text: string): string[] {
  return text.match(PIECE) ?? [];
}

export function countPieces(text: string): number {
  return piecesOf(text).length;
}
