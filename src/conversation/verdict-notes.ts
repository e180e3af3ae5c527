import type { Events } from "../base/events.ts";
import type { Audience, Verdict } from "../moderation/verdict.ts";
import type { FlagRecord } from "../review/records.ts";
import type { Message } from "../session/message.ts";
import { caseNumberOf } from "./case-number.ts";
import { recordText } from "./masking.ts";

/** Counts and logs a verdict, and makes the flag that people look at; none when nobody needs to look. */
export function noteVerdict(
  verdict: Verdict,
  judged: { direction: "question" | "answer"; audience: Audience; text: string; message: Message },
  events: Events,
): FlagRecord[] {
  const { direction, audience, text, message } = judged;
  const caseNumber = caseNumberOf(message.id, direction);
  events.verdictGiven({
    traceId: message.traceId,
    direction,
    action: verdict.action,
    categories: verdict.categories,
    rules: verdict.signals.map((signal) => signal.rule),
    ...(verdict.flagged ? { caseNumber } : {}),
  });
  if (!verdict.flagged) return [];
  const signals = verdict.signals.map(({ checker, category, confidence, rule, spans }) => {
    return { checker, category: category ?? "none", confidence, rule, spans };
  });
  return [
    {
      caseNumber,
      direction,
      severity: verdict.severity ?? "P3",
      action: verdict.action,
      categories: verdict.categories,
      signals,
      policyVersion: verdict.policyVersion,
      confidence: Math.max(0, ...verdict.signals.map((signal) => signal.confidence)),
      audience,
      text,
      textMasked: recordText(text),
    },
  ];
}
