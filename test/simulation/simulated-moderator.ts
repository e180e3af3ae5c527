import { loadPolicy } from "../../src/moderation/policy/policy.ts";
import type { Moderator, StreamChecker, Verdict } from "../../src/moderation/verdict.ts";
import { REFUSED_WORD } from "./scenario.ts";
import { WITHHELD_WORD } from "./simulated-model.ts";

const POLICY = "simulated";
const ALLOW: Verdict = {
  action: "allow",
  flagged: false,
  categories: [],
  severity: null,
  signals: [],
  reasons: [],
  redactedCategories: [],
  redactions: [],
  faults: [],
  policyVersion: POLICY,
};
const REFUSE: Verdict = {
  ...ALLOW,
  action: "refuse",
  flagged: true,
  categories: ["illegal"],
  severity: "P2",
  signals: [{ checker: "rules", category: "illegal", confidence: 1, rule: "simulated", spans: [] }],
};

export function simulatedRefusal(caseNumber: string): string {
  return `抱歉，这个问题不能回答（编号 ${caseNumber}）。`;
}

/** Refuses one word in questions and one in answers, and holds back as much as that word may still need. */
export const simulatedModerator: Moderator = {
  policyVersion: POLICY,
  settings: loadPolicy(undefined),
  guardQuestion: () => null,
  pausedText: () => "paused",
  restrictedText: () => "restricted",
  notesFor: () => [],
  check: async (text) => (text.includes(REFUSED_WORD) ? REFUSE : ALLOW),
  openStream: () => new WordChecker(),
  refusalText: (_verdict, caseNumber) => simulatedRefusal(caseNumber),
};

class WordChecker implements StreamChecker {
  readonly guarded = false;
  #text = "";

  holdBackUnits(): number {
    return this.#text.endsWith(WITHHELD_WORD[0] ?? "") ? 1 : 0;
  }

  push(delta: string): Verdict {
    this.#text += delta;
    return this.#text.includes(WITHHELD_WORD) ? REFUSE : ALLOW;
  }

  verdict(): Verdict {
    return this.#text.includes(WITHHELD_WORD) ? REFUSE : ALLOW;
  }

  async judge(): Promise<Verdict> {
    return this.finish();
  }

  async finish(): Promise<Verdict> {
    return this.#text.includes(WITHHELD_WORD) ? REFUSE : ALLOW;
  }
}
