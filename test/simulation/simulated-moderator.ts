import type { Moderator, StreamChecker, Verdict } from "../../src/moderation/verdict.ts";
import { REFUSED_WORD } from "./scenario.ts";
import { WITHHELD_WORD } from "./simulated-model.ts";

const POLICY = "simulated";
const ALLOW: Verdict = {
  action: "allow",
  categories: [],
  severity: null,
  signals: [],
  redactions: [],
  policyVersion: POLICY,
};
const REFUSE: Verdict = {
  action: "refuse",
  categories: ["illegal"],
  severity: "P2",
  signals: [{ checker: "simulated", category: "illegal", confidence: 1, rule: "simulated", spans: [] }],
  redactions: [],
  policyVersion: POLICY,
};

export function simulatedRefusal(caseNumber: string): string {
  return `抱歉，这个问题不能回答（编号 ${caseNumber}）。`;
}

/** Refuses one word in questions and one in answers, and holds back as much as that word may still need. */
export const simulatedModerator: Moderator = {
  policyVersion: POLICY,
  retention: { rawDays: 30, maskedDays: 190 },
  check: async (text) => (text.includes(REFUSED_WORD) ? REFUSE : ALLOW),
  openStream: () => new WordChecker(),
  refusalText: (_verdict, caseNumber) => simulatedRefusal(caseNumber),
};

class WordChecker implements StreamChecker {
  #text = "";

  holdBackUnits(): number {
    return this.#text.endsWith(WITHHELD_WORD[0] ?? "") ? 1 : 0;
  }

  push(delta: string): Verdict {
    this.#text += delta;
    return this.#text.includes(WITHHELD_WORD) ? REFUSE : ALLOW;
  }

  async finish(): Promise<Verdict> {
    return this.#text.includes(WITHHELD_WORD) ? REFUSE : ALLOW;
  }
}
