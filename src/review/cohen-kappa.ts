/** How far two reviewers agree who did not know of each other. */

export interface Agreement {
  /** Pairs of judgements. */
  pairs: number;
  /** Share of pairs that are alike, 0 to 1. */
  observed: number;
  /** Share that chance alone would make alike. */
  expected: number;
  /**
   * Cohen's κ: 1 is full agreement, 0 no more than chance, below it less. Null without a pair, and when both always gave
   * the same one answer: then there is nothing to tell apart.
   */
  kappa: number | null;
}

/** Cohen, A coefficient of agreement for nominal scales, 1960. Pure; works in one pass. */
export function cohenKappa(pairs: Iterable<readonly [string, string]>): Agreement {
  const first = new Map<string, number>();
  const second = new Map<string, number>();
  let count = 0;
  let alike = 0;
  for (const [one, other] of pairs) {
    count += 1;
    if (one === other) alike += 1;
    first.set(one, (first.get(one) ?? 0) + 1);
    second.set(other, (second.get(other) ?? 0) + 1);
  }
  if (count === 0) return { pairs: 0, observed: 0, expected: 0, kappa: null };
  let chance = 0;
  for (const [answer, times] of first) chance += times * (second.get(answer) ?? 0);
  const observed = alike / count;
  const expected = chance / (count * count);
  return { pairs: count, observed, expected, kappa: expected === 1 ? null : (observed - expected) / (1 - expected) };
}
