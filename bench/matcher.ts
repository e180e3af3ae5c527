import { readFileSync } from "node:fs";
import { AhoCorasick as FastAhoCorasick } from "@monyone/aho-corasick/fast";
import AhoCorasick from "modern-ahocorasick";
import { createModerator } from "../src/moderation/moderator.ts";
import { buildMatcher, MATCHER_START } from "../src/moderation/phrases/matcher.ts";
import { TextScan } from "../src/moderation/phrases/text-scan.ts";
import { loadPolicy } from "../src/moderation/policy/policy.ts";

/**
 * The matcher of the moderation against the two best ones of npm and against what one would write without it, a trie of
 * maps and one long regular expression; then the parts of a check of a 600-character text, with the policy that ships and
 * with 50,000 words more. Words and text are made up from the same 1,500 common characters, so that hits are about as frequent as
 * with real words. All run beside each other in turns, and the best turn counts.
 */
export const name = "matcher";

const TEXT_UNITS = 200_000;
const TURNS = 5;
const CHECK_UNITS = 600;
const CHECKS = 300;

export async function run(): Promise<void> {
  const text = chinese(TEXT_UNITS, 7);
  for (const count of [1_000, 10_000, 100_000]) compare(wordsFrom(text, count), text);
  const shipped = loadPolicy(undefined);
  const large = loadPolicy(policyWith(wordsFrom(chinese(400_000, 11), 50_000)));
  for (const [label, policy] of [
    ["starting policy", shipped],
    ["with 50,000 words", large],
  ] as const) {
    print(`${label}: ${policy.ruleset.index.phrases} phrases in ${(policy.ruleset.index.bytes / 1e6).toFixed(1)} MB`);
    await check(policy, text);
    listen(policy, text);
  }
}

function compare(words: string[], text: string): void {
  const startedMs = performance.now();
  const matcher = buildMatcher(words);
  const buildMs = performance.now() - startedMs;
  const units = Uint16Array.from({ length: text.length }, (_, at) => text.charCodeAt(at));
  const trie = trieOf(words);
  const fast = new FastAhoCorasick(words);
  const modern = new AhoCorasick(words);
  // Beyond this the regular expression takes minutes.
  const pattern = words.length <= 1_000 ? new RegExp(words.join("|"), "gu") : undefined;

  let hits = 0;
  const contestants: Record<string, () => void> = {
    ours: () => matcher.scan(units, 0, units.length, MATCHER_START, () => (hits += 1)),
    "@monyone/aho-corasick/fast": () => fast.matchInText(text),
    "modern-ahocorasick": () => modern.search(text),
    "a trie of maps": () => scanTrie(trie, text, () => (hits += 1)),
    ...(pattern === undefined ? {} : { RegExp: () => text.match(pattern) }),
  };
  const best = Object.fromEntries(Object.keys(contestants).map((contestant) => [contestant, Number.POSITIVE_INFINITY]));
  for (let turn = 0; turn < TURNS; turn += 1) {
    for (const [contestant, scan] of Object.entries(contestants)) {
      best[contestant] = Math.min(best[contestant] ?? 0, cpuMsOf(scan));
    }
  }
  const ours = best.ours ?? 0;
  const others = Object.entries(best).filter(([contestant]) => contestant !== "ours");
  const ratios = others.map(([contestant, ms]) => `${(ms / ours).toFixed(1)} × ${contestant}`).join(", ");
  const megabytesPerSecond = Buffer.byteLength(text) / 1e3 / ours;
  print(
    `${words.length} words: ${ratios}; ${megabytesPerSecond.toFixed(0)} MB/s, built in ${buildMs.toFixed(0)} ms, ` +
      `${(matcher.bytes / 1e6).toFixed(1)} MB`,
  );
}

async function check(policy: ReturnType<typeof loadPolicy>, text: string): Promise<void> {
  const moderator = createModerator({ policy });
  const { signal } = new AbortController();
  const context = { direction: "question", audience: "internal", traceId: "bench", signal } as const;
  const tookUs: number[] = [];
  for (let turn = 0; turn < CHECKS; turn += 1) {
    const from = (turn * CHECK_UNITS) % (text.length - CHECK_UNITS);
    const startedMs = performance.now();
    await moderator.check(text.slice(from, from + CHECK_UNITS), context);
    tookUs.push((performance.now() - startedMs) * 1000);
  }
  print(`  check of ${CHECK_UNITS} characters: ${percentilesOf(tookUs)}`);
}

/** What listening adds to the reading of a text that holds no term as written. */
function listen({ ruleset }: ReturnType<typeof loadPolicy>, text: string): void {
  const readUs: number[] = [];
  const listenUs: number[] = [];
  for (let turn = 0; turn < CHECKS; turn += 1) {
    const from = (turn * CHECK_UNITS) % (text.length - CHECK_UNITS);
    const scan = new TextScan(ruleset, "question", CHECK_UNITS);
    const startedMs = performance.now();
    scan.push(text.slice(from, from + CHECK_UNITS));
    scan.end();
    const readMs = performance.now();
    scan.listen();
    listenUs.push((performance.now() - readMs) * 1000);
    readUs.push((readMs - startedMs) * 1000);
  }
  print(`  reading ${CHECK_UNITS} characters: ${percentilesOf(readUs)}; listening to them: ${percentilesOf(listenUs)}`);
}

function percentilesOf(tookUs: number[]): string {
  tookUs.sort((a, b) => a - b);
  const percentile = (share: number) => (tookUs[Math.floor(share * (tookUs.length - 1))] ?? 0).toFixed(0);
  return `p50 ${percentile(0.5)} µs, p99 ${percentile(0.99)} µs`;
}

function policyWith(words: string[]): string {
  const shipped = readFileSync(new URL("../src/moderation/policy/default-policy.yaml", import.meta.url), "utf8");
  const list = `  - id: bench\n    category: misinfo\n    tier: T1\n    terms: |\n${words.map((word) => `      ${word}`).join("\n")}\n`;
  return `${shipped}\nlexicon:\n${list}`;
}

function cpuMsOf(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

interface TrieNode {
  next: Map<string, TrieNode>;
  ends: boolean;
}

function trieOf(words: string[]): TrieNode {
  const root: TrieNode = { next: new Map(), ends: false };
  for (const word of words) {
    let node = root;
    for (const character of word) {
      const next = node.next.get(character) ?? { next: new Map(), ends: false };
      node.next.set(character, next);
      node = next;
    }
    node.ends = true;
  }
  return root;
}

function scanTrie(root: TrieNode, text: string, onHit: () => void): void {
  for (let from = 0; from < text.length; from += 1) {
    let node: TrieNode | undefined = root;
    for (let at = from; node !== undefined; at += 1) {
      if (node.ends) onHit();
      node = node.next.get(text.charAt(at));
    }
  }
}

/** 1,500 of the common characters (GB 2312, level 1), in no order, so that sounds are as frequent as in a real text. */
const COMMON = commonCharacters(1_500);

function commonCharacters(count: number): string[] {
  const decoder = new TextDecoder("gb18030");
  const random = randomOf(3);
  const characters = new Set<string>();
  while (characters.size < count) {
    characters.add(decoder.decode(Uint8Array.of(0xb0 + Math.floor(39 * random()), 0xa1 + Math.floor(94 * random()))));
  }
  return [...characters];
}

/** Made-up Chinese with the uneven frequencies of a real text: the same for the same seed. */
function chinese(units: number, seed: number): string {
  const random = randomOf(seed);
  let text = "";
  while (text.length < units) text += random() < 0.1 ? "，" : COMMON[Math.floor(COMMON.length * random() ** 2)];
  return text;
}

/** Distinct words of two to five characters; every third stands in the text. */
function wordsFrom(text: string, count: number): string[] {
  const random = randomOf(count);
  const words = new Set<string>();
  while (words.size < count) {
    const from = Math.floor(random() * (text.length - 5));
    const length = 2 + Math.floor(random() * 4);
    const word = words.size % 3 === 0 ? text.slice(from, from + length) : chinese(length, words.size + from);
    if (!word.includes("，")) words.add(word);
  }
  return [...words];
}

/** A small generator of numbers between 0 and 1 (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
