import { YingdaError } from "../base/errors.ts";

/** Where a scan stands: a node of the automaton. Kept between chunks, a number, so keeping it costs nothing. */
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
 * The nodes are numbered level by level and brother by brother, so a node's children are one run of numbers: an edge costs
 * a label of two bytes and no pointer, and is found by halving the run. The root, where ordinary text spends its time, has
 * a table instead.
 *
 * Patterns must be distinct, not empty, and at most PATTERN_UNITS_MAX long; throws `internal` otherwise.
 */
export function buildMatcher(patterns: readonly string[]): Matcher {
  return new Automaton(buildTrie(patterns));
}

interface Trie {
  /** Unit on the edge that leads to the node. */
  labels: Uint16Array;
  depths: Uint8Array;
  /** Children of node n: firstChild[n] up to firstChild[n + 1]. */
  firstChild: Int32Array;
  /** Pattern that ends at the node, or -1. */
  patterns: Int32Array;
  nodes: number;
}

function buildTrie(patterns: readonly string[]): Trie {
  const order = Array.from(patterns.keys()).sort((a, b) => ((patterns[a] ?? "") < (patterns[b] ?? "") ? -1 : 1));
  const sorted = order.map((index) => patterns[index] ?? "");
  const nodesMax = sorted.reduce((sum, pattern) => sum + pattern.length, 1);
  const labels = new Uint16Array(nodesMax);
  const depths = new Uint8Array(nodesMax);
  const firstChild = new Int32Array(nodesMax + 1);
  const endsAt = new Int32Array(nodesMax).fill(-1);
  /** The sorted patterns that pass through a node: from here … to there. */
  const from = new Int32Array(nodesMax);
  const to = new Int32Array(nodesMax);
  to[0] = sorted.length;

  let nodes = 1;
  for (let node = 0; node < nodes; node += 1) {
    const depth = at(depths, node);
    const last = at(to, node);
    let next = at(from, node);
    if (next < last && sorted[next]?.length === depth) {
      endsAt[node] = order[next] ?? -1;
      next += 1;
    }
    firstChild[node] = nodes;
    while (next < last) {
      const pattern = sorted[next] ?? "";
      checkPattern(pattern, depth);
      const label = pattern.charCodeAt(depth);
      labels[nodes] = label;
      depths[nodes] = depth + 1;
      from[nodes] = next;
      while (next < last && sorted[next]?.charCodeAt(depth) === label) next += 1;
      to[nodes] = next;
      nodes += 1;
    }
  }
  firstChild[nodes] = nodes;
  return {
    labels: labels.slice(0, nodes),
    depths: depths.slice(0, nodes),
    firstChild: firstChild.slice(0, nodes + 1),
    patterns: endsAt.slice(0, nodes),
    nodes,
  };
}

function checkPattern(pattern: string, depth: number): void {
  if (pattern.length > depth && pattern.length <= PATTERN_UNITS_MAX) return;
  throw new YingdaError(
    "internal",
    `patterns must be distinct and 1 to ${PATTERN_UNITS_MAX} units long, got one of ${pattern.length}`,
  );
}

class Automaton implements Matcher {
  readonly #labels: Uint16Array;
  readonly #depths: Uint8Array;
  readonly #firstChild: Int32Array;
  readonly #patterns: Int32Array;
  /** Node of the longest proper suffix that is in the trie. */
  readonly #fallback: Int32Array;
  /** The node itself when a pattern ends there, else the nearest one along the fallbacks, else 0. */
  readonly #report: Int32Array;
  readonly #rootEdges = new Int32Array(0x10000);
  readonly bytes: number;

  constructor(trie: Trie) {
    this.#labels = trie.labels;
    this.#depths = trie.depths;
    this.#firstChild = trie.firstChild;
    this.#patterns = trie.patterns;
    this.#fallback = new Int32Array(trie.nodes);
    this.#report = new Int32Array(trie.nodes);
    for (let child = at(trie.firstChild, 0); child < at(trie.firstChild, 1); child += 1) {
      this.#rootEdges[at(trie.labels, child)] = child;
    }
    this.#link(trie.nodes);
    this.bytes = [
      this.#labels,
      this.#depths,
      this.#firstChild,
      this.#patterns,
      this.#fallback,
      this.#report,
      this.#rootEdges,
    ].reduce((sum, array) => sum + array.byteLength, 0);
  }

  scan(
    units: Uint16Array,
    from: number,
    to: number,
    state: MatcherState,
    onHit: (pattern: number, end: number) => void,
  ): MatcherState {
    let node = state;
    for (let index = from; index < to; index += 1) {
      node = this.#step(node, at(units, index));
      for (let hit = at(this.#report, node); hit !== 0; hit = at(this.#report, at(this.#fallback, hit))) {
        onHit(at(this.#patterns, hit), index + 1);
      }
    }
    return node;
  }

  openUnits(state: MatcherState): number {
    return this.#depths[state] ?? 0;
  }

  #step(from: number, unit: number): number {
    let node = from;
    while (node !== 0) {
      const child = this.#child(node, unit);
      if (child !== 0) return child;
      node = at(this.#fallback, node);
    }
    return at(this.#rootEdges, unit);
  }

  /** Child of a node other than the root, or 0. */
  #child(node: number, unit: number): number {
    let low = at(this.#firstChild, node);
    let high = at(this.#firstChild, node + 1) - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const label = at(this.#labels, middle);
      if (label === unit) return middle;
      if (label < unit) low = middle + 1;
      else high = middle - 1;
    }
    return 0;
  }

  /** Fallbacks and reports, parents before children: the nodes are in that order. */
  #link(nodes: number): void {
    for (let node = 0; node < nodes; node += 1) {
      this.#report[node] = at(this.#patterns, node) >= 0 ? node : at(this.#report, at(this.#fallback, node));
      for (let child = at(this.#firstChild, node); child < at(this.#firstChild, node + 1); child += 1) {
        this.#fallback[child] = node === 0 ? 0 : this.#step(at(this.#fallback, node), at(this.#labels, child));
      }
    }
  }
}

/** An element that is known to exist: the hot loops cannot afford a check that never fails. */
function at(array: Uint16Array | Uint8Array | Int32Array, index: number): number {
  return array[index] as number;
}
