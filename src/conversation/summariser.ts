import { abortAfter, type Clock } from "../base/clock.ts";
import { YingdaError } from "../base/errors.ts";
import type { Events } from "../base/events.ts";
import type { ChatMessage, ChatModel } from "../llm/chat-model.ts";
import { buildSummaryPrompt } from "../llm/summary-prompt.ts";
import { forbids, type Moderator, redacted } from "../moderation/verdict.ts";
import type { Message } from "../session/message.ts";
import { SESSION_TURNS_MAX, type SessionSummary, type SessionTurn } from "../session/session-turn.ts";
import type { FoldingSessions, SessionToFold } from "../session/summaries.ts";
import { cutMiddle, estimateTokens, MESSAGE_OVERHEAD_TOKENS, turnsToFold } from "../session/token-budget.ts";
import { maskedSummary } from "./masking.ts";
import { answerTokensFor, historyTokensFor, type PromptModel, summaryTokensFor } from "./question.ts";

/** Summaries that one process has made at a time: members who wait for an answer come first. */
const RUNNING_MAX = 2;
/** All summaries queue for the model as one member would, so that they never stand before people. No userid has spaces. */
const BACKGROUND_MEMBER = "(summaries)";
/** A summary that takes longer is given up; the next turn begins another. */
const SUMMARY_MS_MAX = 60_000;
/** After a failure a conversation is left alone for so long, so that a model that cannot do it is not asked after each turn. */
const PAUSE_MS = 10 * 60_000;
/** Conversations whose failure is remembered, oldest forgotten first. */
const PAUSED_MAX = 1_000;
/** Of the window for the instruction and the messages' frames. */
const INSTRUCTION_TOKENS = 800;
/** A character of a summary costs about one and a half estimated tokens at most, in Chinese and English. */
const TOKENS_A_CHARACTER = 1.5;

export interface SummariserParts extends PromptModel {
  sessions: FoldingSessions;
  model: ChatModel;
  moderator: Moderator;
  events: Events;
  clock: Clock;
}

/**
 * Folds the oldest turns of long conversations into a summary, after a turn has ended and beside everything else. No turn
 * waits for it and none fails by it: until a summary is there, turns that do not fit are simply not in the prompt.
 */
export class Summariser {
  readonly #parts: SummariserParts;
  readonly #running = new Map<string, Promise<void>>();
  readonly #pausedUntilMs = new Map<string, number>();
  readonly #stopping = new AbortController();

  constructor(parts: SummariserParts) {
    this.#parts = parts;
  }

  /** Never throws and never waits. */
  turnEnded({ conversationId, traceId, groupId }: Message): void {
    const { contextTokens, clock } = this.#parts;
    if (this.#stopping.signal.aborted || summaryTokensFor(contextTokens) === 0) return;
    if (this.#running.size >= RUNNING_MAX || this.#running.has(conversationId)) return;
    if ((this.#pausedUntilMs.get(conversationId) ?? 0) > clock.nowMs()) return;
    const running = this.#foldIfDue({ conversationId, traceId, group: groupId !== undefined });
    this.#running.set(conversationId, running);
    void running.finally(() => this.#running.delete(conversationId));
  }

  /** Gives up what is under way: the turns are still there, and another process goes on. */
  async stop(): Promise<void> {
    this.#stopping.abort(new YingdaError("draining", "This process is shutting down."));
    await this.settled();
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    await Promise.all(this.#running.values());
  }

  async #foldIfDue(chat: Chat): Promise<void> {
    const { sessions, clock, events } = this.#parts;
    const beganMs = clock.nowMs();
    let turns = 0;
    const told = (result: "kept" | "outdated" | "refused" | "failed", error?: unknown): void => {
      if (result === "refused" || result === "failed") this.#pause(chat.conversationId);
      const tookMs = clock.nowMs() - beganMs;
      events.summaryMade({ traceId: chat.traceId, result, turns, tookMs, ...(error === undefined ? {} : { error }) });
    };
    try {
      const read = await sessions.read(chat.conversationId);
      turns = turnsToFold(read.turns, historyTokensFor(this.#parts), SESSION_TURNS_MAX);
      if (turns === 0) return;
      const summary = await this.#summaryOf(read, turns, chat);
      if (summary === null) told("refused");
      else told((await sessions.fold(chat.conversationId, read, turns, summary)) ? "kept" : "outdated");
    } catch (error) {
      if (!this.#stopping.signal.aborted) told("failed", error);
    }
  }

  /** Null when moderation does not let it pass. */
  async #summaryOf(
    { turns, summary: before }: SessionToFold,
    count: number,
    chat: Chat,
  ): Promise<SessionSummary | null> {
    const { moderator, contextTokens, clock } = this.#parts;
    const folded = turns.slice(0, count);
    const limit = abortAfter(
      SUMMARY_MS_MAX,
      clock,
      () => new YingdaError("turn_timeout", "The summary took too long."),
    );
    const signal = AbortSignal.any([this.#stopping.signal, limit.signal]);
    try {
      const written = await this.#write(this.#promptFor(folded, before, chat), chat, signal);
      const known = [...(before?.masks ?? []), ...folded.flatMap(({ masks = [] }) => masks)];
      const masked = maskedSummary(wholeLines(written, summaryTokensFor(contextTokens)), known);
      const { audience } = moderator.settings;
      const verdict = await moderator.check(masked.text, {
        direction: "answer",
        audience,
        traceId: chat.traceId,
        signal,
      });
      if (forbids(verdict)) return null;
      // Placeholders and redactions may have made it longer again.
      const text = wholeLines(redacted(masked.text, verdict.redactions), summaryTokensFor(contextTokens));
      return {
        text,
        masks: masked.masks,
        tokens: estimateTokens(text),
        upToMs: folded.at(-1)?.atMs ?? before?.upToMs ?? 0,
        turns: (before?.turns ?? 0) + count,
      };
    } finally {
      limit.cancel();
    }
  }

  /** What fits into the model's window: long texts lose their middle, and where there are too many turns the oldest are out. */
  #promptFor(folded: readonly SessionTurn[], before: SessionSummary | null, { group }: Chat): ChatMessage[] {
    const { contextTokens } = this.#parts;
    const summaryTokens = summaryTokensFor(contextTokens);
    const each = Math.floor(contextTokens / 16);
    let room = contextTokens - summaryTokens - answerTokensFor(contextTokens) - INSTRUCTION_TOKENS;
    const turns: { question: string; quote?: string; speaker: string; group: boolean; answer: string }[] = [];
    for (const { question, quote, answer, speaker } of [...folded].reverse()) {
      const turn = {
        question: cutMiddle(question, each),
        ...(quote === undefined ? {} : { quote: cutMiddle(quote, each) }),
        speaker,
        group,
        answer: cutMiddle(answer, each),
      };
      const texts = [turn.question, turn.quote ?? "", turn.answer, speaker];
      room -= texts.reduce((sum, text) => sum + estimateTokens(text) + MESSAGE_OVERHEAD_TOKENS, 0);
      if (room < 0) break;
      turns.unshift(turn);
    }
    const charactersMax = Math.floor(summaryTokens / TOKENS_A_CHARACTER);
    return buildSummaryPrompt({ before: before?.text ?? null, turns, charactersMax });
  }

  async #write(messages: ChatMessage[], { conversationId, traceId }: Chat, signal: AbortSignal): Promise<string> {
    // More than a summary has: a model that thinks does so first. What is written beyond is cut off.
    const answerTokensMax = answerTokensFor(this.#parts.contextTokens);
    const request = { messages, answerTokensMax, conversationId, userId: BACKGROUND_MEMBER, traceId, signal };
    let text = "";
    for await (const event of this.#parts.model.stream(request)) if (event.type === "text") text += event.text;
    signal.throwIfAborted();
    if (text.trim() === "") throw new YingdaError("model_empty", "The model wrote no summary.");
    return text.trim();
  }

  #pause(conversationId: string): void {
    this.#pausedUntilMs.delete(conversationId);
    this.#pausedUntilMs.set(conversationId, this.#parts.clock.nowMs() + PAUSE_MS);
    const oldest = this.#pausedUntilMs.keys().next().value;
    if (this.#pausedUntilMs.size > PAUSED_MAX && oldest !== undefined) this.#pausedUntilMs.delete(oldest);
  }
}

interface Chat {
  conversationId: string;
  traceId: string;
  group: boolean;
}

/** The lines that fit, from the first on; of one endless line its beginning and end. */
function wholeLines(text: string, tokensMax: number): string {
  const lines = text.toWellFormed().split("\n");
  while (lines.length > 1 && estimateTokens(lines.join("\n")) > tokensMax) lines.pop();
  return cutMiddle(lines.join("\n"), tokensMax);
}
