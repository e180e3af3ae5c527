import type { ChatMessage, Usage } from "../llm/chat-model.ts";
import { estimatePrompt, estimateTokens } from "../session/token-budget.ts";
import type { UsageGrant } from "../session/usage-budget.ts";
import type { Draft } from "./reply.ts";
import type { Composer, TurnInHand } from "./turn-in-hand.ts";

/**
 * Reserves what the answer to this prompt may use of the day's tokens. Without budgets all is granted and nothing asked.
 * Throws `store_unavailable`.
 */
export async function reserveTokens(
  turn: TurnInHand,
  prompt: readonly ChatMessage[],
  /** Of pictures, which the prompt's text does not count. */
  pictureTokens: number,
  answerTokensMax: number,
  { usage, departmentOf, events, tokenScale }: Pick<Composer, "usage" | "departmentOf" | "events" | "tokenScale">,
): Promise<UsageGrant> {
  if (usage === null) return { granted: true, soft: false };
  const { id: turnId, traceId, sender } = turn.message;
  const promptTokens = Math.ceil((estimatePrompt(prompt) + pictureTokens) * Math.max(1, tokenScale?.factor ?? 1));
  const tokens = promptTokens + answerTokensMax;
  const departmentId = await departmentOf(sender.userId, turn.signal);
  // Before the call: a turn that ends while it is under way settles what may have been reserved.
  turn.spent = { promptTokens };
  const grant = await usage.reserve({ turnId, userId: sender.userId, departmentId, tokens });
  if (!grant.granted) turn.spent = null;
  events.budgetAsked({ traceId, result: grant.granted ? (grant.soft ? "soft" : "ok") : grant.spentBy, tokens });
  return grant;
}

/** What a turn used in the end: what the server counted, or an estimate of what it read and wrote. */
export function usedTokens({ spent }: TurnInHand, answer: string, usage?: Usage): Pick<Draft, "usedTokens"> {
  if (spent === null) return {};
  const counted = usage === undefined ? undefined : usage.promptTokens + usage.answerTokens;
  return { usedTokens: counted ?? spent.promptTokens + estimateTokens(answer) };
}

/** All that was reserved is given back. */
export function usedNothing({ spent }: TurnInHand): Pick<Draft, "usedTokens"> {
  return spent === null ? {} : { usedTokens: 0 };
}

/** A day's beginning in a member's words: "11月25日 00:00". */
export function resetText(resetAtMs: number, language: "zh" | "en"): string {
  return new Intl.DateTimeFormat(language === "zh" ? "zh-CN" : "en-GB", {
    month: "long",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
    timeZone: "Asia/Shanghai",
  }).format(resetAtMs);
}
