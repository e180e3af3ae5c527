import type { Events } from "../base/events.ts";
import type { Verdict } from "../moderation/verdict.ts";
import type { FlagRecord } from "../review/records.ts";
import type { Message } from "../session/message.ts";
import { caseNumberOf } from "./case-number.ts";

/** Counts and logs a verdict, and makes the flag that people look at; none when everything is allowed. */
export function noteVerdict(
  verdict: Verdict,
  judged: { direction: "question" | "answer"; text: string; message: Message },
  events: Events,
): FlagRecord[] {
  const { direction, text, message } = judged;
  const caseNumber = caseNumberOf(message.id, direction);
  events.verdictGiven({
    traceId: message.traceId,
    direction,
    action: verdict.action,
    categories: verdict.categories,
    rules: verdict.signals.map((signal) => signal.rule),
    ...(verdict.action === "allow" ? {} : { caseNumber }),
  });
  if (verdict.action === "allow") return [];
  const signals = verdict.signals.map(({ checker, category, confidence, rule, spans }) => {
    return { checker, category, confidence, rule, spans };
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
      text,
    },
  ];
}
