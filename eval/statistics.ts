import { type Proportion, wilson } from "../scripts/eval/proportion.ts";
import { type CaseResult, shareOf } from "./results.ts";

export interface Interval {
  low: number;
  high: number;
}

/** The share of right answers among what was decided, with a 95 % interval. */
export interface Score extends Interval {
  share: number;
  /** Cases that were decided at least once. */
  cases: number;
  unjudged: number;
  errors: number;
}

/** What happened to the cases of two runs, by pair. */
export interface Difference extends Interval {
  /** Share of the second less that of the first. */
  difference: number;
  /** Cases that both runs decided. */
  pairs: number;
  /** Cases that only the first, only the second got right: more often, where each was run several times. */
  onlyFirst: number;
  onlySecond: number;
}

const RESAMPLES = 2_000;
const SEED = 7;
const TAIL = 0.025;

/**
 * Wilson's interval where each case was run once. With repeated runs the answers to one case are no independent samples,
 * so whole cases are drawn again (bootstrap).
 */
export function scoreOf(cases: readonly CaseResult[]): Score {
  const shares = cases.map(shareOf).filter((share) => share !== null);
  const runs = cases.flatMap((one) => one.runs);
  const count = (outcome: string) => runs.filter((run) => run.outcome === outcome).length;
  const counts = { cases: shares.length, unjudged: count("unjudged"), errors: count("error") };
  if (shares.length === 0) return { share: 0, low: 0, high: 1, ...counts };
  const once = cases.every((one) => one.runs.length === 1);
  const between = once ? wilson({ hits: sumOf(shares), of: shares.length }) : drawnAgain(shares);
  return { share: meanOf(shares), ...between, ...counts };
}

/** Compares case by case: Newcombe's interval for pairs, or the bootstrap where cases were run several times. */
export function differenceOf(first: readonly CaseResult[], second: readonly CaseResult[]): Difference {
  const others = new Map(second.map((one) => [one.id, one]));
  const pairs = first.flatMap((one) => {
    const other = others.get(one.id);
    const [a, b] = [shareOf(one), other === undefined ? null : shareOf(other)];
    return a === null || b === null ? [] : [{ a, b }];
  });
  const counts = {
    pairs: pairs.length,
    onlyFirst: pairs.filter(({ a, b }) => a > b).length,
    onlySecond: pairs.filter(({ a, b }) => b > a).length,
  };
  if (pairs.length === 0) return { difference: 0, low: -1, high: 1, ...counts };
  const difference = meanOf(pairs.map(({ a, b }) => b - a));
  const once = pairs.every(({ a, b }) => Number.isInteger(a) && Number.isInteger(b));
  const between = once ? newcombe(pairs) : drawnAgain(pairs.map(({ a, b }) => b - a));
  return { difference, ...between, ...counts };
}

/** Newcombe 1998, method 10: from the two Wilson intervals, with the correlation of the pairs. Honest for few pairs. */
function newcombe(pairs: readonly { a: number; b: number }[]): Interval {
  const of = pairs.length;
  const count = (a: number, b: number) => pairs.filter((pair) => pair.a === a && pair.b === b).length;
  const [both, onlyA, onlyB, none] = [count(1, 1), count(1, 0), count(0, 1), count(0, 0)];
  const [a, b]: [Proportion, Proportion] = [
    { hits: both + onlyA, of },
    { hits: both + onlyB, of },
  ];
  const [ofA, ofB] = [wilson(a), wilson(b)];
  const [shareA, shareB] = [a.hits / of, b.hits / of];
  const margins = (both + onlyA) * (onlyB + none) * (both + onlyB) * (onlyA + none);
  const phi = margins === 0 ? 0 : continuous(both * none - onlyA * onlyB, of) / Math.sqrt(margins);
  const width = (one: number, other: number) => Math.sqrt(Math.max(0, one ** 2 - 2 * phi * one * other + other ** 2));
  const difference = shareB - shareA;
  return {
    low: Math.max(-1, difference - width(shareB - ofB.low, ofA.high - shareA)),
    high: Math.min(1, difference + width(ofB.high - shareB, shareA - ofA.low)),
  };
}

/** A positive association counts a little less in a small sample. */
function continuous(association: number, of: number): number {
  return association > 0 ? Math.max(0, association - of / 2) : association;
}

/** The 95 % of means of samples drawn with replacement; the same every time. */
function drawnAgain(values: readonly number[]): Interval {
  const next = randomFrom(SEED);
  const means = Array.from({ length: RESAMPLES }, () => {
    let sum = 0;
    for (let i = 0; i < values.length; i += 1) sum += values[Math.floor(next() * values.length)] ?? 0;
    return sum / values.length;
  }).sort((one, other) => one - other);
  return { low: quantile(means, TAIL), high: quantile(means, 1 - TAIL) };
}

/** Of sorted values, between two of them where it falls between; NaN of none. */
export function quantile(sorted: readonly number[], at: number): number {
  const place = (sorted.length - 1) * at;
  const below = sorted[Math.floor(place)] ?? Number.NaN;
  const above = sorted[Math.ceil(place)] ?? Number.NaN;
  return below + (above - below) * (place - Math.floor(place));
}

/** Mulberry32. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function meanOf(values: readonly number[]): number {
  return sumOf(values) / values.length;
}
