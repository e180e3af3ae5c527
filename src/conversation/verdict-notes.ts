import type { Events } from "../base/events.ts";
import type { Audience, Verdict } from "../moderation/verdict.ts";
import type { FlagRecord } from "../review/records.ts";
import type { Message } from "../session/message.ts";
import { caseNumberOf } from "./case-number.ts";
import { recordText } from "./masking.ts";

/** What a verdict is about. `hidden`: values that its masked text must not show. */
export interface JudgedText {
  direction: "question" | "answer";
  audience: Audience;
  text: string;
  hidden: readonly string[];
  message: Message;
}

/** Counts and logs a verdict. */
export function noteVerdict(verdict: Verdict, { direction, message }: JudgedText, events: Events): void {
  events.verdictGiven({
    traceId: message.traceId,
    direction,
    action: verdict.action,
    categories: verdict.categories,
    rules: verdict.signals.map((signal) => signal.rule),
    ...(verdict.flagged ? { caseNumber: caseNumberOf(message.id, direction) } : {}),
  });
}

/** What people look at because of a verdict; nothing when nobody needs to look. */
export function flagsOf(verdict: Verdict, judged: JudgedText): FlagRecord[] {
  if (!verdict.flagged) return [];
  const { direction, audience, text, hidden, message } = judged;
  const signals = verdict.signals.map(({ checker, category, confidence, rule, spans }) => {
    return { checker, category: category ?? "none", confidence, rule, spans };
  });
  return [
    {
      caseNumber: caseNumberOf(message.id, direction),
      direction,
      severity: verdict.severity ?? "P3",
      action: verdict.action,
      categories: verdict.categories,
      signals,
      policyVersion: verdict.policyVersion,
      confidence: Math.max(0, ...verdict.signals.map((signal) => signal.confidence)),
      audience,
      text,
      textMasked: recordText(text, hidden),
    },
  ];
}
