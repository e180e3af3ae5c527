import { YingdaError } from "../../base/errors.ts";
import { finished, type Steps } from "../steps.ts";

/** Where a scan stands: a node of the automaton. Kept between chunks; a number, so keeping it costs nothing. */
export type MatcherState = number;

/** State before any text. */
export const MATCHER_START: MatcherState = 0;

/** Longest pattern in units. Bounds what a stream holds back, and lets a depth fit one byte. */
export const PATTERN_UNITS_MAX = 255;

/** Finds all occurrences of many patterns in one pass, overlapping ones included. Immutable. */
export interface Matcher {
  /**
   * Reads `units[from..to)` on from `state` and returns the state after it. Calls `onHit` for every pattern that ends at a
   * unit, longest first, with the pattern's index and the index after its last unit.
   */
  scan(
    units: Uint16Array,
    from: number,
    to: number,
    state: MatcherState,
    onHit: (pattern: number, end: number) => void,
  ): MatcherState;
  /** How many of the last units read may still become part of an occurrence; 0 when none. */
  openUnits(state: MatcherState): number;
  /** Memory of the automaton. */
  readonly bytes: number;
}

/**
 * Builds an Aho–Corasick automaton over UTF-16 code units. Linear in the patterns' total length, after one sort.
 *
 * Edges live in one open hash keyed by node and unit, the root's in a table of their own: ordinary text spends its time
 * there. Some 35 bytes a node and no object, so 100,000 Chinese words take about 7 MB.
 *
 * Patterns must be distinct, not empty, and at most PATTERN_UNITS_MAX long; throws `internal` otherwise.
 */
export function buildMatcher(patterns: readonly string[]): Matcher {
  return finished(matcherSteps(patterns));
}

/** The same in steps of about a millisecond, for who has something else to do between them. */
export function* matcherSteps(patterns: readonly string[]): Steps<Matcher> {
  const trie = yield* trieSteps(patterns);
  const automaton = new Automaton(trie);
  yield* automaton.steps(trie);
  return automaton;
}

/** Nodes made in one step. */
const STEP_NODES = 4_096;

/** Nodes are numbered level by level; node 0 is the root. */
interface Trie {
  nodes: number;
  parents: Int32Array;
  /** Unit on the edge that leads to the node. */
  labels: Uint16Array;
  depths: Uint8Array;
  /** Pattern that ends at the node, or -1. */
  patterns: Int32Array;
}

function* trieSteps(patterns: readonly string[]): Steps<Trie> {
  const order = yield* sortedSteps(patterns);
  const sorted = order.map((index) => patterns[index] ?? "");
  const nodesMax = sorted.reduce((sum, pattern) => sum + pattern.length, 1);
  const parents = new Int32Array(nodesMax);
  const labels = new Uint16Array(nodesMax);
  const depths = new Uint8Array(nodesMax);
  const endsHere = new Int32Array(nodesMax).fill(-1);
  // The sorted patterns that pass through a node: from the first of these to the second.
  const from = new Int32Array(nodesMax);
  const to = new Int32Array(nodesMax);
  to[0] = sorted.length;

  let nodes = 1;
  for (let node = 0; node < nodes; node += 1) {
    if (node % STEP_NODES === 0) yield;
    const depth = depths[node] as number;
    const last = to[node] as number;
    let next = from[node] as number;
    if (depth > 0 && sorted[next]?.length === depth) {
      endsHere[node] = order[next] ?? -1;
      next += 1;
    }
    while (next < last) {
      const pattern = sorted[next] ?? "";
      checkPattern(pattern, depth);
      const label = pattern.charCodeAt(depth);
      parents[nodes] = node;
      labels[nodes] = label;
      depths[nodes] = depth + 1;
      from[nodes] = next;
      while (next < last && sorted[next]?.charCodeAt(depth) === label) next += 1;
      to[nodes] = next;
      nodes += 1;
    }
  }
  return {
    nodes,
    parents: parents.subarray(0, nodes),
    labels: labels.subarray(0, nodes),
    depths: depths.slice(0, nodes),
    patterns: endsHere.slice(0, nodes),
  };
}

/** Indices of the patterns in their order. Sorted by their first units, and apart below them, since one sort of all takes long. */
function* sortedSteps(patterns: readonly string[]): Steps<number[]> {
  const byFirst = new Map<number, number[]>();
  for (const [index, pattern] of patterns.entries()) {
    const first = pattern.charCodeAt(0);
    const group = byFirst.get(first);
    if (group === undefined) byFirst.set(first, [index]);
    else group.push(index);
  }
  yield;
  const order: number[] = [];
  let sinceYield = 0;
  for (const [, group] of [...byFirst].sort(([one], [other]) => one - other)) {
    order.push(...group.sort((a, b) => ((patterns[a] ?? "") < (patterns[b] ?? "") ? -1 : 1)));
    sinceYield += group.length;
    if (sinceYield < STEP_NODES) continue;
    sinceYield = 0;
    yield;
  }
  return order;
}

function checkPattern(pattern: string, depth: number): void {
  if (pattern.length > depth && pattern.length <= PATTERN_UNITS_MAX) return;
  throw new YingdaError(
    "internal",
    `patterns must be distinct and 1 to ${PATTERN_UNITS_MAX} units long, got one of ${pattern.length}`,
  );
}

/** One node, four numbers beside each other, since a step looks at all of them. */
const RECORD_UNITS = 4;
const PARENT = 0;
const LABEL = 1;
/** Node of the longest proper suffix that is in the trie. */
const FALLBACK = 2;
/** The node itself when a pattern ends there, else the nearest one along the fallbacks, else 0. */
const REPORT = 3;

/** Elements are read `as number`: they are known to exist, and the hot loop cannot afford a check that never fails. */
class Automaton implements Matcher {
  readonly #records: Int32Array;
  readonly #depths: Uint8Array;
  readonly #patterns: Int32Array;
  readonly #rootEdges = new Int32Array(0x10000);
  /** All other edges: a child's number, 0 where empty. At most half full, so a miss ends soon. */
  readonly #slots: Int32Array;
  readonly bytes: number;

  constructor(trie: Trie) {
    let slots = 64;
    while (slots < trie.nodes * 2) slots *= 2;
    this.#slots = new Int32Array(slots);
    this.#records = new Int32Array(trie.nodes * RECORD_UNITS);
    this.#depths = trie.depths;
    this.#patterns = trie.patterns;
    const arrays = [this.#records, this.#depths, this.#patterns, this.#rootEdges, this.#slots];
    this.bytes = arrays.reduce((sum, array) => sum + array.byteLength, 0);
  }

  /** Enters the edges and links them; of no use before it has ended. */
  *steps(trie: Trie): Steps<void> {
    for (let node = 1; node < trie.nodes; node += 1) {
      if (node % STEP_NODES === 0) yield;
      this.#enterEdge(trie.parents[node] as number, trie.labels[node] as number, node);
    }
    // Parents come before children, so what a fallback leads to is complete.
    for (let node = 1; node < trie.nodes; node += 1) {
      if (node % STEP_NODES === 0) yield;
      this.#link(node);
    }
  }

  scan(
    units: Uint16Array,
    from: number,
    to: number,
    state: MatcherState,
    onHit: (pattern: number, end: number) => void,
  ): MatcherState {
    const records = this.#records;
    let node = state;
    for (let index = from; index < to; index += 1) {
      node = this.#step(node, units[index] as number);
      let hit = records[node * RECORD_UNITS + REPORT] as number;
      while (hit !== 0) {
        onHit(this.#patterns[hit] as number, index + 1);
        const fallback = records[hit * RECORD_UNITS + FALLBACK] as number;
        hit = records[fallback * RECORD_UNITS + REPORT] as number;
      }
    }
    return node;
  }

  openUnits(state: MatcherState): number {
    return this.#depths[state] ?? 0;
  }

  /** The node after one more unit: the child, or that of the nearest fallback which has one. */
  #step(from: number, unit: number): number {
    const records = this.#records;
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let node = from; node !== 0; node = records[node * RECORD_UNITS + FALLBACK] as number) {
      let slot = hashOf(node, unit) & mask;
      for (let child = slots[slot] as number; child !== 0; child = slots[slot] as number) {
        const record = child * RECORD_UNITS;
        if (records[record + PARENT] === node && records[record + LABEL] === unit) return child;
        slot = (slot + 1) & mask;
      }
    }
    return this.#rootEdges[unit] as number;
  }

  #enterEdge(parent: number, label: number, child: number): void {
    this.#records[child * RECORD_UNITS + PARENT] = parent;
    this.#records[child * RECORD_UNITS + LABEL] = label;
    if (parent === 0) {
      this.#rootEdges[label] = child;
      return;
    }
    const mask = this.#slots.length - 1;
    let slot = hashOf(parent, label) & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = child;
  }

  #link(node: number): void {
    const record = node * RECORD_UNITS;
    const parent = this.#records[record + PARENT] as number;
    const label = this.#records[record + LABEL] as number;
    const fallback = parent === 0 ? 0 : this.#step(this.#records[parent * RECORD_UNITS + FALLBACK] as number, label);
    const endsHere = (this.#patterns[node] as number) >= 0;
    this.#records[record + FALLBACK] = fallback;
    this.#records[record + REPORT] = endsHere ? node : (this.#records[fallback * RECORD_UNITS + REPORT] as number);
  }
}

function hashOf(node: number, unit: number): number {
  const mixed = Math.imul(node, 0x9e3779b1) ^ Math.imul(unit, 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}
