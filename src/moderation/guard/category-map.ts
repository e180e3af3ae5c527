import { CATEGORIES, type Category } from "../verdict.ts";

/**
 * What guards call harm, and which of our categories that is (moderation research 2.2, category map; categories of each
 * model card). A name may stand for several of ours: the policy's strictest row then decides.
 */
export type CategoryMap = ReadonlyMap<string, readonly Category[]>;

/**
 * For a harm that has no name here, or none at all: unlawful content, the row that every policy refuses. A guard that learns
 * a new category keeps its force; people see the text and can see what it was.
 */
export const UNNAMED_HARM: Category = "illegal";

/** Qwen3Guard-Gen. The model says `PII`, its policy text the long form. */
export const QWEN3GUARD_CATEGORIES: CategoryMap = tableOf({
  Violent: ["terror_violence"],
  "Non-violent Illegal Acts": ["illegal"],
  "Sexual Content or Sexual Acts": ["sexual"],
  PII: ["pii"],
  "Personally Identifiable Information": ["pii"],
  "Suicide & Self-Harm": ["self_harm"],
  // Bias, hate, insult, defamation and false claims in one: the strictest of them.
  "Unethical Acts": ["hate"],
  "Politically Sensitive Topics": ["political"],
  "Copyright Violation": ["ip_secret"],
  Jailbreak: ["injection"],
});

/** Llama Guard 3 and 4, and PolyGuard, which has the same codes. */
export const LLAMA_GUARD_CATEGORIES: CategoryMap = tableOf({
  S1: ["terror_violence"],
  S2: ["illegal"],
  S3: ["sexual"],
  S4: ["minors"],
  S5: ["misinfo"],
  S6: ["advice"],
  S7: ["pii"],
  S8: ["ip_secret"],
  S9: ["terror_violence"],
  S10: ["hate"],
  S11: ["self_harm"],
  S12: ["sexual"],
  S13: ["political"],
  S14: ["cyber"],
});

/** What NemoGuard calls text that may be harmful or not (the Aegis taxonomy's category for doubt). */
export const NEMOGUARD_DOUBT = "needs caution";

/** NemoGuard and Nemotron Safety Guard, by name; they answer in names, sometimes with the code before it. */
export const NEMOGUARD_CATEGORIES: CategoryMap = tableOf({
  Violence: ["terror_violence"],
  Sexual: ["sexual"],
  "Criminal Planning/Confessions": ["illegal"],
  "Guns and Illegal Weapons": ["terror_violence"],
  "Controlled/Regulated Substances": ["illegal"],
  "Suicide and Self Harm": ["self_harm"],
  "Sexual (minor)": ["minors"],
  "Hate/Identity Hate": ["hate"],
  "PII/Privacy": ["pii"],
  Harassment: ["insult"],
  Threat: ["terror_violence"],
  Profanity: ["insult"],
  "Needs Caution": [UNNAMED_HARM],
  Other: [UNNAMED_HARM],
  Manipulation: ["misinfo"],
  "Fraud/Deception": ["illegal"],
  Malware: ["cyber"],
  "High Risk Gov Decision Making": ["advice"],
  "Political/Misinformation/Conspiracy": ["political", "misinfo"],
  "Copyright/Trademark/Plagiarism": ["ip_secret"],
  "Unauthorized Advice": ["advice"],
  "Illegal Activity": ["illegal"],
  "Immoral/Unethical": ["hate"],
});

/** NemoGuard's names in the order of their codes, S1 first; the prompt lists them so. */
export const NEMOGUARD_NAMES = [
  "Violence",
  "Sexual",
  "Criminal Planning/Confessions",
  "Guns and Illegal Weapons",
  "Controlled/Regulated Substances",
  "Suicide and Self Harm",
  "Sexual (minor)",
  "Hate/Identity Hate",
  "PII/Privacy",
  "Harassment",
  "Threat",
  "Profanity",
  "Needs Caution",
  "Other",
  "Manipulation",
  "Fraud/Deception",
  "Malware",
  "High Risk Gov Decision Making",
  "Political/Misinformation/Conspiracy",
  "Copyright/Trademark/Plagiarism",
  "Unauthorized Advice",
  "Illegal Activity",
  "Immoral/Unethical",
] as const;

/** OpenAI's omni-moderation. */
export const OPENAI_CATEGORIES: CategoryMap = tableOf({
  harassment: ["insult"],
  "harassment/threatening": ["terror_violence", "insult"],
  hate: ["hate"],
  "hate/threatening": ["hate"],
  illicit: ["illegal"],
  "illicit/violent": ["terror_violence"],
  "self-harm": ["self_harm"],
  "self-harm/intent": ["self_harm"],
  "self-harm/instructions": ["self_harm"],
  sexual: ["sexual"],
  "sexual/minors": ["minors"],
  violence: ["terror_violence"],
  "violence/graphic": ["terror_violence"],
});

/** A judge is told our names. */
export const OWN_CATEGORIES: CategoryMap = new Map(CATEGORIES.map((category) => [category, [category]]));

/**
 * Our categories for a guard's names, each once, in the order of CATEGORIES. An unknown name, and no name at all, give
 * `UNNAMED_HARM`: call it for text that is not safe.
 */
export function categoriesOf(names: readonly string[], map: CategoryMap): Category[] {
  const ours = new Set(names.flatMap((name) => map.get(keyOf(name)) ?? [UNNAMED_HARM]));
  if (ours.size === 0) ours.add(UNNAMED_HARM);
  return CATEGORIES.filter((category) => ours.has(category));
}

/** The names of a comma-separated list; `None` and `N/A` are none. */
export function namesIn(list: string): string[] {
  const names = list.split(",").map((name) => name.trim());
  return names.filter((name) => name !== "" && !/^(?:none|n\/a)$/i.test(name));
}

export function keyOf(name: string): string {
  return name.trim().replace(/\s+/g, " ").replace(/\.$/, "").toLowerCase();
}

function tableOf(table: Record<string, readonly Category[]>): CategoryMap {
  return new Map(Object.entries(table).map(([name, ours]) => [keyOf(name), ours]));
}
