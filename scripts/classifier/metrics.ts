/** Figures about scores. Rows of one kind are given as plain lists of probabilities. */

export interface Share {
  hits: number;
  of: number;
  share: number;
  /** Wilson's interval, 95 %. */
  low: number;
  high: number;
}

export function shareOf(hits: number, of: number): Share {
  if (of === 0) return { hits, of, share: Number.NaN, low: 0, high: 1 };
  const z = 1.959964;
  const share = hits / of;
  const middle = (share + (z * z) / (2 * of)) / (1 + (z * z) / of);
  const half = (z / (1 + (z * z) / of)) * Math.sqrt((share * (1 - share)) / of + (z * z) / (4 * of * of));
  return { hits, of, share, low: Math.max(0, middle - half), high: Math.min(1, middle + half) };
}

export function shareAtLeast(scores: readonly number[], threshold: number): Share {
  return shareOf(scores.filter((score) => score >= threshold).length, scores.length);
}

/** Probability that a harmful row scores above a harmless one, ties counted half. NaN when a list is empty. */
export function auc(harmful: readonly number[], harmless: readonly number[]): number {
  const all = [
    ...harmful.map((score) => ({ score, harmful: true })),
    ...harmless.map((score) => ({ score, harmful: false })),
  ].sort((one, other) => one.score - other.score);
  let rankSum = 0;
  for (let from = 0; from < all.length; ) {
    let end = from;
    while (end < all.length && all[end]?.score === all[from]?.score) end += 1;
    for (let at = from; at < end; at += 1) if (all[at]?.harmful === true) rankSum += (from + 1 + end) / 2;
    from = end;
  }
  const count = harmful.length;
  return (rankSum - (count * (count + 1)) / 2) / (count * harmless.length);
}

/** F1 of the harmful kind at the threshold. */
export function f1(harmful: readonly number[], harmless: readonly number[], threshold: number): number {
  const found = shareAtLeast(harmful, threshold).hits;
  const wrong = shareAtLeast(harmless, threshold).hits;
  return found === 0 ? 0 : (2 * found) / (2 * found + wrong + (harmful.length - found));
}

/** The lowest threshold that at most the given share of the harmless rows reaches. */
export function thresholdAt(harmless: readonly number[], falseShareMax: number): number {
  const sorted = [...harmless].sort((one, other) => other - one);
  const allowed = Math.floor(falseShareMax * sorted.length);
  const first = sorted[allowed];
  return first === undefined ? 0 : first + Number.EPSILON;
}

export interface ReliabilityBin {
  from: number;
  rows: number;
  /** Mean of what was predicted, and share that was harmful. NaN without rows. */
  predicted: number;
  observed: number;
}

interface Judged {
  score: number;
  harmful: boolean;
  weight: number;
}

/** Ten bins of equal width, each row by its weight; and the expected calibration error: how far predicted and observed lie apart. */
export function reliability(judged: readonly Judged[]): { error: number; bins: ReliabilityBin[] } {
  const total = weightOf(judged);
  let error = 0;
  const bins = Array.from({ length: 10 }, (_, bin) => {
    const inside = judged.filter(({ score }) => Math.min(9, Math.floor(score * 10)) === bin);
    const weight = weightOf(inside);
    const predicted = inside.reduce((sum, row) => sum + row.weight * row.score, 0) / weight;
    const observed = weightOf(inside.filter(({ harmful }) => harmful)) / weight;
    if (weight > 0) error += (weight / total) * Math.abs(predicted - observed);
    return { from: bin / 10, rows: inside.length, predicted, observed };
  });
  return { error, bins };
}

function weightOf(rows: readonly { weight: number }[]): number {
  return rows.reduce((sum, { weight }) => sum + weight, 0);
}
