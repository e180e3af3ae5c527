import { readFileSync } from "node:fs";
import { loadClassifier } from "../src/moderation/classifier/classifier.ts";
import { createModerator } from "../src/moderation/moderator.ts";
import { PersonalScan } from "../src/moderation/personal-data/personal-scan.ts";
import { TextScan } from "../src/moderation/phrases/text-scan.ts";
import { loadPolicy, type Policy } from "../src/moderation/policy/policy.ts";
import { run as runMatcher } from "./matcher.ts";

/**
 * All layers that judge in this process, on a text of 600 characters: with the policy that ships and with 50,000 words more;
 * then each layer alone, and the matcher beside the best of npm. Texts are office prose with numbers in it, each another one,
 * so that nothing is remembered from the last.
 */
export const name = "moderation";

const TEXT_UNITS = 600;
const WORDS = 50_000;
const TEXTS = 400;
const WARM = 100;

export async function run(): Promise<void> {
  const texts = Array.from({ length: TEXTS }, (_, n) => officeText(n));
  await checkAll("with the policy that ships", loadPolicy(undefined), texts);
  const beganMs = performance.now();
  const policy = loadPolicy(policyWith(WORDS));
  const { bytes, phrases } = policy.ruleset.index;
  print(`${phrases} phrases: loaded in ${(performance.now() - beganMs).toFixed(0)} ms, ${(bytes / 1e6).toFixed(1)} MB`);
  await checkAll(`with ${WORDS} words more`, policy, texts);
  await layers(policy, texts);
  await runMatcher();
}

async function checkAll(label: string, policy: Policy, texts: readonly string[]): Promise<void> {
  const moderator = createModerator({ policy, classifier: loadClassifier() });
  const { signal } = new AbortController();
  const context = { direction: "question", audience: "internal", traceId: "bench", signal } as const;
  const us: number[] = [];
  for (const text of texts) {
    const beganMs = performance.now();
    await moderator.check(text, context);
    us.push((performance.now() - beganMs) * 1000);
  }
  print(`${label}: ${figures(us)} for ${TEXT_UNITS} characters, all layers`);
}

async function layers(policy: Policy, texts: readonly string[]): Promise<void> {
  const classifier = loadClassifier();
  const each: Record<string, (text: string) => void> = {
    "words and rules": (text) => {
      const scan = new TextScan(policy.ruleset, "question", text.length);
      scan.push(text);
      scan.end();
    },
    "words, rules and sounds": (text) => {
      const scan = new TextScan(policy.ruleset, "question", text.length);
      scan.push(text);
      scan.end();
      scan.listen();
    },
    "personal data": (text) => {
      const scan = new PersonalScan();
      scan.push(text);
      scan.end();
      scan.findings();
    },
    style: (text) => {
      classifier.score(text);
    },
  };
  for (const [label, judge] of Object.entries(each)) {
    const us = texts.map((text) => {
      const beganMs = performance.now();
      judge(text);
      return (performance.now() - beganMs) * 1000;
    });
    print(`  ${label}: ${figures(us)}`);
  }
}

function figures(us: readonly number[]): string {
  const sorted = us.slice(WARM).sort((one, other) => one - other);
  const at = (share: number) => (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(0);
  return `p50 ${at(0.5)} µs, p99 ${at(0.99)} µs`;
}

const PHRASES =
  "请把本周的进展整理成周报 供应商的报价比上次高了一些 会议改到周四下午三点 项目经理让我们核对预算 请抄送财务部的同事 客户希望月底之前看到方案 服务器的监控又报警了 新员工的入职手续还没办完".split(
    " ",
  );

function officeText(seed: number): string {
  let text = "";
  for (let n = seed; text.length < TEXT_UNITS; n += 1) {
    text += `${PHRASES[(n * 7 + seed) % PHRASES.length]}，编号${(n * 7919) % 100_000}，`;
    if (n % 3 === 0) text += "the report is due on Friday。";
  }
  return text.slice(0, TEXT_UNITS);
}

/** The policy that ships with made-up words of two to five characters. */
function policyWith(words: number): string {
  let state = 7;
  const random = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
  const terms = new Set<string>();
  while (terms.size < words) {
    terms.add(Array.from({ length: 2 + random(4) }, () => String.fromCharCode(0x5200 + random(2_500))).join(""));
  }
  const shipped = readFileSync(new URL("../src/moderation/policy/default-policy.yaml", import.meta.url), "utf8");
  const list = { id: "bench", category: "illegal", tier: "T2", terms: [...terms].join(",") };
  return `${shipped}\nlexicon: ${JSON.stringify([list])}\n`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
