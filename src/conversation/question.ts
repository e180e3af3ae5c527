import type { ChatImage, ChatMessage } from "../llm/chat-model.ts";
import { buildPrompt, type Person, renderUserTurn, type UserTurn, withImages } from "../llm/prompt.ts";
import { SESSION_TEXT_MAX, type SessionMask, type SessionSummary, type SessionTurn } from "../session/session-turn.ts";
import { cutMiddle, estimateTokens, fitTurns, MESSAGE_OVERHEAD_TOKENS } from "../session/token-budget.ts";
import type { SeenImage } from "./material.ts";

/** A question as it is put to the model. */
export interface Question {
  text: string;
  quote?: string;
  /** The asker's name in a group, empty elsewhere. */
  speaker: string;
  group: boolean;
  /** Who asks, where the system prompt wants to know. */
  person?: Person;
  /** For the model: what is true of this message, in words. */
  notes: string[];
  /** For the member, below the answer: what came with the message and was not read. */
  unread: string[];
  /** Pictures to look at. */
  images: readonly SeenImage[];
  /** The model that was asked took no pictures: those of earlier turns stay out too. */
  blind?: boolean;
  /** What the session does with the answer: a new turn, or the last one again. */
  change: "add" | "replace";
}

/** Tokens that the prompt's fixed parts and message frames may take beside system prompt, history and question. */
const PROMPT_MARGIN_TOKENS = 600;
/** Longest answer: what WeCom can deliver of one (two messages of 20 KiB) is below it. */
const ANSWER_TOKENS_MAX = 8_192;

/** The answer's share of the model's window: a quarter, so that question and history keep the larger part. */
export function answerTokensFor(contextTokens: number): number {
  return Math.min(ANSWER_TOKENS_MAX, Math.floor(contextTokens / 4));
}

/** A summary's share of the window. A window so small that it could hold no more than a sentence has none. */
export function summaryTokensFor(contextTokens: number): number {
  return contextTokens < SUMMARY_CONTEXT_TOKENS_MIN ? 0 : Math.min(SUMMARY_TOKENS_MAX, Math.floor(contextTokens / 16));
}

const SUMMARY_CONTEXT_TOKENS_MIN = 4_096;
const SUMMARY_TOKENS_MAX = 2_048;

/** What is quoted has a share of its own, so that a long quote does not keep its question from being read. */
function quoteTokensFor(contextTokens: number): number {
  return Math.floor(contextTokens / 4);
}

/** Of a quote in the history, where the answer to it says what mattered. */
const QUOTE_KEPT_TOKENS = 800;

export interface PromptModel {
  systemPrompt: string;
  contextTokens: number;
  /** How many of the model's tokens an estimated one is at most; null where nobody can say: the estimate is taken as it is. */
  tokenScale: { readonly factor: number } | null;
}

/** What the history may take when the question has its usual share. */
export function historyTokensFor(model: PromptModel): number {
  return Math.max(0, roomTokensFor(model) - questionShare(model) - summaryTokensFor(model.contextTokens));
}

/** A fixed share: otherwise the question's length would move the history's start each turn. */
function questionShare({ contextTokens }: PromptModel): number {
  return Math.floor(contextTokens / 8);
}

function roomTokensFor({ systemPrompt, contextTokens, tokenScale }: PromptModel): number {
  const promptTokens = Math.floor((contextTokens - answerTokensFor(contextTokens)) / (tokenScale?.factor ?? 1));
  return promptTokens - estimateTokens(systemPrompt) - PROMPT_MARGIN_TOKENS;
}

/** The prompt within the model's window, or null when the question alone does not fit. */
export function promptFor(
  question: Question,
  recalled: SessionTurn[],
  model: PromptModel,
  nowMs: number,
  summary: SessionSummary | null = null,
  /** Those of the recalled turns, where the model sees. */
  pictures: ReadonlyMap<string, ChatImage> = new Map(),
): ChatMessage[] | null {
  const asked = asUserTurn(question, quoteTokensFor(model.contextTokens));
  const roomTokens = roomTokensFor(model);
  const questionTokens = estimateTokens(renderUserTurn(asked)) + tokensOf(question.images);
  if (questionTokens > roomTokens) return null;
  // A fixed share for the question: otherwise its length would move the history's start each turn, and with it the
  // beginning that the server's prefix cache knows.
  const summaryTokens = summaryTokensFor(model.contextTokens);
  const historyTokens = roomTokens - summaryTokens - Math.max(questionTokens, questionShare(model));
  const earlier = question.change === "replace" ? recalled.slice(0, -1) : recalled;
  const turns = fitTurns(earlier, Math.max(0, historyTokens)).flatMap((past): ChatMessage[] => [
    {
      role: "user",
      content: renderUserTurn({ ...userTurnOf(past), group: question.group }),
      ...picturesOf(past, pictures),
    },
    { role: "assistant", content: past.answer },
  ]);
  return buildPrompt({
    systemPrompt: model.systemPrompt,
    turns,
    // One from a larger window is left out, as the turns are that do not fit.
    ...(summary === null || summary.tokens > Math.min(summaryTokens, roomTokens - questionTokens)
      ? {}
      : { summary: summary.text }),
    ...asked,
    volatile: {
      dateText: dateText(nowMs),
      ...(question.person === undefined ? {} : { person: question.person }),
      notes: question.notes,
    },
  });
}

function asUserTurn({ text, quote, speaker, group, images }: Question, quoteTokensMax: number): UserTurn {
  const cut = quote === undefined ? {} : { quote: cutMiddle(quote, quoteTokensMax) };
  return { question: text, ...cut, speaker, group, images };
}

function userTurnOf({ question, quote, speaker }: SessionTurn): Omit<UserTurn, "group"> {
  return { question, ...(quote === undefined ? {} : { quote }), speaker };
}

function picturesOf({ images = [] }: SessionTurn, pictures: ReadonlyMap<string, ChatImage>) {
  return withImages(
    images.flatMap(({ id }) => {
      const picture = pictures.get(id);
      return picture === undefined ? [] : [{ mimeType: picture.mimeType, base64: picture.base64 }];
    }),
  );
}

function tokensOf(images: readonly { tokens: number }[]): number {
  return images.reduce((sum, { tokens }) => sum + tokens, 0);
}

/** What the session keeps of an answered question, as the model knew it. */
export function toSessionTurn(question: Question, answer: string, masks: SessionMask[], nowMs: number): SessionTurn {
  const kept = (text: string): string => text.slice(0, SESSION_TEXT_MAX).toWellFormed();
  const turn = {
    speaker: question.speaker,
    question: kept(question.text),
    ...(question.quote === undefined ? {} : { quote: kept(cutMiddle(question.quote, QUOTE_KEPT_TOKENS)) }),
    answer: kept(answer),
    ...(masks.length === 0 ? {} : { masks }),
    ...(question.images.length === 0 ? {} : { images: question.images.map(({ id, tokens }) => ({ id, tokens })) }),
    atMs: nowMs,
  };
  const tokens =
    estimateTokens(renderUserTurn({ ...userTurnOf({ ...turn, tokens: 0 }), group: question.group })) +
    tokensOf(question.images) +
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
