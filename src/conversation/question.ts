import type { ChatMessage } from "../llm/chat-model.ts";
import { buildPrompt, renderUserTurn, type UserTurn } from "../llm/prompt.ts";
import { SESSION_TEXT_MAX, type SessionMask, type SessionTurn } from "../session/session-turn.ts";
import { estimateTokens, fitTurns, MESSAGE_OVERHEAD_TOKENS } from "../session/token-budget.ts";

/** A question as it is put to the model. */
export interface Question {
  text: string;
  quote?: string;
  /** The asker's name in a group, empty elsewhere. */
  speaker: string;
  group: boolean;
  /** What came with the message and cannot be read, in words. */
  notes: string[];
  /** What the session does with the answer: a new turn, or the last one again. */
  change: "add" | "replace";
}

/** Tokens that the prompt's fixed parts and message frames may take beside system prompt, history and question. */
const PROMPT_MARGIN_TOKENS = 300;
/** Longest answer: what WeCom can deliver of one (two messages of 20 KiB) is below it. */
const ANSWER_TOKENS_MAX = 8_192;

/** The answer's share of the model's window: a quarter, so that question and history keep the larger part. */
export function answerTokensFor(contextTokens: number): number {
  return Math.min(ANSWER_TOKENS_MAX, Math.floor(contextTokens / 4));
}

/** The prompt within the model's window, or null when the question alone does not fit. */
export function promptFor(
  question: Question,
  recalled: SessionTurn[],
  model: { systemPrompt: string; contextTokens: number },
  nowMs: number,
): ChatMessage[] | null {
  const asked = asUserTurn(question);
  const roomTokens =
    model.contextTokens -
    answerTokensFor(model.contextTokens) -
    estimateTokens(model.systemPrompt) -
    PROMPT_MARGIN_TOKENS;
  const questionTokens = estimateTokens(renderUserTurn(asked));
  if (questionTokens > roomTokens) return null;
  // A fixed share for the question: otherwise its length would move the history's start each turn, and with it the
  // beginning that the server's prefix cache knows.
  const historyTokens = roomTokens - Math.max(questionTokens, Math.floor(model.contextTokens / 8));
  const earlier = question.change === "replace" ? recalled.slice(0, -1) : recalled;
  const turns = fitTurns(earlier, Math.max(0, historyTokens)).flatMap((past): ChatMessage[] => [
    { role: "user", content: renderUserTurn({ ...past, group: question.group }) },
    { role: "assistant", content: past.answer },
  ]);
  return buildPrompt({
    systemPrompt: model.systemPrompt,
    turns,
    ...asked,
    volatile: { dateText: dateText(nowMs), notes: question.notes },
  });
}

function asUserTurn({ text, quote, speaker, group }: Question): UserTurn {
  return { question: text, ...(quote === undefined ? {} : { quote }), speaker, group };
}

/** What the session keeps of an answered question, as the model knew it. */
export function toSessionTurn(question: Question, answer: string, masks: SessionMask[], nowMs: number): SessionTurn {
  const kept = (text: string): string => text.slice(0, SESSION_TEXT_MAX).toWellFormed();
  const turn = {
    speaker: question.speaker,
    question: kept(question.text),
    ...(question.quote === undefined ? {} : { quote: kept(question.quote) }),
    answer: kept(answer),
    ...(masks.length === 0 ? {} : { masks }),
    atMs: nowMs,
  };
  const tokens =
    estimateTokens(renderUserTurn({ ...turn, group: question.group })) +
    estimateTokens(turn.answer) +
    2 * MESSAGE_OVERHEAD_TOKENS;
  return { ...turn, tokens };
}

/** WeCom's members live in China's one time zone. */
function dateText(nowMs: number): string {
  return new Intl.DateTimeFormat("zh-CN", {
    dateStyle: "full",
    timeStyle: "short",
    timeZone: "Asia/Shanghai",
  }).format(nowMs);
}
