import { loadPolicy, type Policy } from "../../src/moderation/policy/policy.ts";
import { CATEGORIES, type ModerationContext } from "../../src/moderation/verdict.ts";

/** A policy in which every category refuses in both directions, with the given parts instead of its own. */
export function samplePolicyText(parts: Record<string, unknown> = {}): string {
  const bilingual = (name: string) => ({ zh: `${name}不能协助`, en: `no help with ${name}` });
  return JSON.stringify({
    version: "test",
    retention: { rawDays: 30, maskedDays: 190 },
    faults: { internal: "flag", external: "refuse" },
    thresholds: { internal: { act: 0.8, flag: 0.4 }, external: { act: 0.6, flag: 0.3 } },
    categories: Object.fromEntries(
      CATEGORIES.map((category) => [category, { severity: "P2", question: "refuse", answer: "refuse" }]),
    ),
    messages: {
      appeal: { zh: "发送“申诉”（{case}）", en: "send /appeal ({case})" },
      masked: { pii: bilingual("pii"), secret: bilingual("secret") },
      advice: bilingual("advice"),
      paused: { zh: "暂停到 {until}", en: "paused until {until}" },
      restricted: bilingual("asking"),
      restrictedUntil: { zh: "停到 {until}", en: "kept until {until}" },
      label: { zh: "AI 生成", en: "AI-generated" },
      unchecked: { zh: "没法检查", en: "cannot check" },
      refusal: Object.fromEntries(CATEGORIES.map((category) => [category, bilingual(category)])),
    },
    ...parts,
  });
}

export function samplePolicy(parts: Record<string, unknown> = {}): Policy {
  return loadPolicy(samplePolicyText(parts));
}

/** A list of terms that refuse alone. */
export function t0(...terms: (string | { term: string; aliases?: string[]; match?: "word" | "part" })[]) {
  return { id: "t0", category: "illegal", tier: "T0", terms };
}

export function contextOf(parts: Partial<ModerationContext> = {}): ModerationContext {
  const signal = new AbortController().signal;
  return { direction: "question", audience: "internal", traceId: "trace", signal, ...parts };
}
