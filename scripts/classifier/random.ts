/** Seeded pseudo-random numbers, so that the same data give the same weights, bit for bit. */

/** Numbers from 0 to below 1 (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x100000000;
  };
}

/** Puts the numbers into another order, in place (Fisher–Yates). */
export function shuffle(numbers: Uint32Array, random: () => number): void {
  for (let last = numbers.length - 1; last > 0; last -= 1) {
    const chosen = Math.floor(random() * (last + 1));
    const moved = numbers[last] ?? 0;
    numbers[last] = numbers[chosen] ?? 0;
    numbers[chosen] = moved;
  }
}

/** A number from 0 to 99 that depends on the key alone (FNV-1a): rows of one key always fall into the same part. */
export function percentileOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at += 1) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return ((hash ^ (hash >>> 13)) >>> 0) % 100;
}
