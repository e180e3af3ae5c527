/** Two-sided 95 %. */
const Z = 1.96;

/** A share of a sample, with the interval in which the true share lies. */
export interface Proportion {
  hits: number;
  of: number;
}

/** Wilson's score interval at 95 %: honest for shares near 0 and 1 and for small samples, where the usual one is not. */
export function wilson({ hits, of }: Proportion): { low: number; high: number } {
  if (of === 0) return { low: 0, high: 1 };
  const share = hits / of;
  const divisor = 1 + Z ** 2 / of;
  const middle = (share + Z ** 2 / (2 * of)) / divisor;
  const half = (Z / divisor) * Math.sqrt((share * (1 - share)) / of + Z ** 2 / (4 * of ** 2));
  return { low: Math.max(0, middle - half), high: Math.min(1, middle + half) };
}

/** `12.3 % [10.1–14.9]`, or a dash where nothing was counted. */
export function percent(proportion: Proportion): string {
  const { hits, of } = proportion;
  if (of === 0) return "–";
  const { low, high } = wilson(proportion);
  return `${tenths((hits / of) * 100)} % [${tenths(low * 100)}–${tenths(high * 100)}]`;
}

function tenths(value: number): string {
  return value.toFixed(1).replace(/\.0$/, "");
}
