import type { Clock } from "../base/clock.ts";
import { codeOf, YingdaError } from "../base/errors.ts";
import type { Events } from "../base/events.ts";
import type { Logger } from "../base/logger.ts";
import type { ChatMessage, ChatModel, ChatResult } from "../llm/chat-model.ts";
import { buildPrompt } from "../llm/prompt.ts";
import { forbids, type Moderator, type Verdict } from "../moderation/verdict.ts";
import type { FlagRecord } from "../review/records.ts";
import type { Message } from "../session/message.ts";
import { SESSION_TEXT_MAX, type SessionTurn } from "../session/session-turn.ts";
import { estimateTokens, fitTurns } from "../session/token-budget.ts";
import type { SessionChange, TurnDesk } from "../session/turn-desk.ts";
import { caseNumberOf } from "./case-number.ts";
import { answerCommand } from "./command-replies.ts";
import { parseCommand } from "./commands.ts";
import { gate } from "./output-gate.ts";
import type { Draft, Reply } from "./reply.ts";
import type { ReplySink } from "./reply-sink.ts";
import { kindNames, languageOf, TEXTS } from "./texts.ts";
import { mustLeave } from "./turn-errors.ts";
import { untilAborted } from "./until-aborted.ts";

/** What composing needs; made once by the gateway. */
export interface Composer {
  moderator: Moderator;
  model: ChatModel;
  systemPrompt: string;
  contextTokens: number;
  botName: string;
  /** The name of a member for group sessions; falls back to the userid, never throws. */
  nameOf(userId: string, signal: AbortSignal): Promise<string>;
  events: Events;
  log: Logger;
  clock: Clock;
}

/** One turn in hand. */
export interface TurnInHand {
  message: Message;
  desk: TurnDesk<Reply>;
  sink: ReplySink;
  /** Ends the work: leave, stop or timeout; the reason says which. */
  signal: AbortSignal;
  leave: AbortSignal;
}

/** A question as it is put to the model. */
export interface Question {
  text: string;
  quote?: string;
  /** What the session does with the answer: a new turn, or the last one again. */
  change: "add" | "replace";
}

/** Tokens that the prompt's fixed parts and message frames may take beside system prompt, history and question. */
const PROMPT_MARGIN_TOKENS = 200;
const ANSWER_TOKENS_MAX = 8_192;

/**
 * Makes the reply to one message: a command's, a refusal, the model's answer, or one clear apology. Throws only what
 * makes the worker leave the turn (`lease_lost`, `draining`, `store_unavailable`).
 */
export async function composeReply(turn: TurnInHand, composer: Composer): Promise<Draft> {
  const shown: Shown = { text: "", firstAtMs: null };
  try {
    return await untilAborted(compose(turn, composer, shown), turn.signal);
  } catch (error) {
    turn.leave.throwIfAborted();
    if (mustLeave(error)) throw error;
    return afterFailure(error, turn, composer, shown);
  }
}

/** What was let out so far; outlives the generator that an abort ends. */
interface Shown {
  text: string;
  firstAtMs: number | null;
}

async function compose(turn: TurnInHand, composer: Composer, shown: Shown): Promise<Draft> {
  const { message } = turn;
  const command = message.kind === "greeting" ? "greeting" : parseCommand(message.text);
  if (command === "retry") return await retryLast(turn, composer, shown);
  if (command !== null) return await answerCommand(command, turn, composer);
  const unreadable = sayUnreadable(message);
  if (unreadable !== null) return unreadable;
  const quote = message.quote?.text;
  return await answer(
    { text: message.text, ...(quote === undefined ? {} : { quote }), change: "add" },
    turn,
    composer,
    shown,
  );
}

/** The question that got no answer, else the last one that did. */
async function retryLast(turn: TurnInHand, composer: Composer, shown: Shown): Promise<Draft> {
  const { unanswered } = await turn.desk.notes();
  if (unanswered !== null) return await answer({ text: unanswered.text, change: "add" }, turn, composer, shown);
  const last = (await turn.desk.recall()).at(-1);
  if (last !== undefined) return await answer({ text: last.question, change: "replace" }, turn, composer, shown);
  return plain(TEXTS[languageOf(turn.message.text)].nothingToRetry, turn.message, "command");
}

async function answer(question: Question, turn: TurnInHand, composer: Composer, shown: Shown): Promise<Draft> {
  const { message, signal } = turn;
  const { traceId } = message;
  const language = languageOf(question.text);
  const judged = question.quote === undefined ? question.text : `${question.text}\n${question.quote}`;

  const moderateFromMs = composer.clock.nowMs();
  const context = { audience: "internal", traceId, signal } as const;
  const asked = await composer.moderator.check(judged, { ...context, direction: "question" });
  noteVerdict(asked, "question", message, composer);
  composer.events.turnStage({ traceId, stage: "moderate", tookMs: composer.clock.nowMs() - moderateFromMs });
  const flags = flagsOf(asked, "question", judged, message);
  if (forbids(asked)) return refusal(asked, "refused", flags, language, message, composer);

  const speaker = message.groupId === undefined ? "" : await composer.nameOf(message.sender.userId, signal);
  const answerTokensMax = Math.min(ANSWER_TOKENS_MAX, Math.floor(composer.contextTokens / 4));
  const prompt = await promptFor(question, speaker, answerTokensMax, turn, composer);
  if (prompt === null)
    return { ...plain(TEXTS[language].tooLong, message, "failed"), errorCode: "model_refused_request" };

  const checker = composer.moderator.openStream(judged, { ...context, direction: "answer" });
  const generateFromMs = composer.clock.nowMs();
  const stream = composer.model.stream({
    messages: prompt,
    answerTokensMax,
    conversationId: message.conversationId,
    traceId,
    signal,
  });
  for await (const event of gate(stream, checker)) {
    // An abort that came while text was on its way: nothing more may be shown, the caller has moved on.
    signal.throwIfAborted();
    if (event.type === "show") {
      if (shown.firstAtMs === null) {
        shown.firstAtMs = composer.clock.nowMs();
        composer.events.turnStage({ traceId, stage: "first_token", tookMs: shown.firstAtMs - generateFromMs });
      }
      shown.text = event.text;
      turn.sink.show(event.text);
    } else if (event.type === "withhold") {
      noteVerdict(event.verdict, "answer", message, composer);
      flags.push(...flagsOf(event.verdict, "answer", event.withheldText, message));
      return withFirst(refusal(event.verdict, "withheld", flags, language, message, composer), shown);
    } else {
      noteVerdict(event.verdict, "answer", message, composer);
      flags.push(...flagsOf(event.verdict, "answer", event.text, message));
      composer.events.turnStage({ traceId, stage: "generate", tookMs: composer.clock.nowMs() - generateFromMs });
      return withFirst(answered(event.text, event.result, question, speaker, flags, language, composer), shown);
    }
  }
  throw new YingdaError("model_cut_short", "The model's stream ended without an end event.", { retryable: true });
}

function answered(
  text: string,
  result: ChatResult,
  question: Question,
  speaker: string,
  flags: FlagRecord[],
  language: "zh" | "en",
  composer: Composer,
): Draft {
  if (result.finishReason === "content_filter") {
    throw new YingdaError("model_refused_request", "The model server's own filter ended the answer.");
  }
  const whole = result.finishReason === "length" ? `${text}\n\n${TEXTS[language].answerEndedEarly}` : text;
  const asked = rendered(question).slice(0, SESSION_TEXT_MAX);
  const kept = text.slice(0, SESSION_TEXT_MAX);
  const turn: SessionTurn = {
    speaker,
    question: asked.toWellFormed(),
    answer: kept.toWellFormed(),
    tokens: estimateTokens(asked) + estimateTokens(kept),
    atMs: composer.clock.nowMs(),
  };
  const session: SessionChange = { kind: question.change, turn };
  return { text: whole, language, outcome: "answered", session, flags, result, unanswered: "clear" };
}

/** The prompt within the model's window, or null when the question alone does not fit. */
async function promptFor(
  question: Question,
  speaker: string,
  answerTokensMax: number,
  turn: TurnInHand,
  composer: Composer,
): Promise<ChatMessage[] | null> {
  const fixed = estimateTokens(composer.systemPrompt) + estimateTokens(rendered(question)) + PROMPT_MARGIN_TOKENS;
  const historyTokens = composer.contextTokens - answerTokensMax - fixed;
  if (historyTokens < 0) return null;
  const recalled = await turn.desk.recall();
  const turns = fitTurns(question.change === "replace" ? recalled.slice(0, -1) : recalled, historyTokens);
  return buildPrompt({
    systemPrompt: composer.systemPrompt,
    turns: turns.flatMap((past): ChatMessage[] => [
      { role: "user", content: past.speaker === "" ? past.question : `${past.speaker}: ${past.question}` },
      { role: "assistant", content: past.answer },
    ]),
    question: question.text,
    ...(question.quote === undefined ? {} : { quote: question.quote }),
    ...(speaker === "" ? {} : { speaker }),
    group: turn.message.groupId !== undefined,
    volatile: { dateText: dateText(composer.clock.nowMs()) },
  });
}

function rendered(question: Question): string {
  return question.quote === undefined
    ? question.text
    : `${question.text}\n> ${question.quote.replaceAll("\n", "\n> ")}`;
}

function dateText(nowMs: number): string {
  return new Intl.DateTimeFormat("zh-CN", { dateStyle: "full", timeZone: "Asia/Shanghai" }).format(nowMs);
}

/** A message without a word that we could answer. */
function sayUnreadable(message: Message): Draft | null {
  if (message.text.trim() !== "" || message.quote !== undefined) return null;
  const kinds = message.attachments.map((attachment) => attachment.kind);
  return plain(
    kinds.length === 0 ? TEXTS.zh.emptyMessage : TEXTS.zh.cannotRead(kindNames(kinds, "zh")),
    message,
    "command",
  );
}

export function plain(text: string, message: Message, outcome: Draft["outcome"]): Draft {
  return { text, language: languageOf(message.text), outcome, session: { kind: "keep" }, flags: [] };
}

function refusal(
  verdict: Verdict,
  outcome: "refused" | "withheld",
  flags: FlagRecord[],
  language: "zh" | "en",
  message: Message,
  composer: Composer,
): Draft {
  const caseNumber = caseNumberOf(message.id, outcome === "refused" ? "question" : "answer");
  const text = composer.moderator.refusalText(verdict, caseNumber, language);
  return { text, language, outcome, session: { kind: "keep" }, flags, caseNumber };
}

/** Stopped by the person: what was shown stays, marked. Anything else: exactly one clear apology instead of half an answer. */
function afterFailure(error: unknown, turn: TurnInHand, composer: Composer, shown: Shown): Draft {
  const { message } = turn;
  const language = languageOf(message.text);
  const code = codeOf(error);
  if (code === "turn_stopped") {
    const text = shown.text === "" ? TEXTS[language].stoppedMark : `${shown.text}\n\n${TEXTS[language].stoppedMark}`;
    const stop = error instanceof YingdaError ? { obeyed: String(error.details.stopId) } : { answered: true as const };
    return withFirst({ ...plain(text, message, "stopped"), unanswered: { text: message.text }, stop }, shown);
  }
  if (code === "internal")
    composer.log.error({ err: error, traceId: message.traceId }, "a turn failed in our own code");
  return {
    ...plain(TEXTS[language].failed(code), message, "failed"),
    errorCode: code,
    unanswered: { text: message.text },
  };
}

/** A message that ended its worker so often that nobody tries again. */
export function gaveUp(message: Message, composer: Composer): Draft {
  composer.events.alert("message_set_aside", "A message ended its worker several times and was set aside.", {
    traceId: message.traceId,
  });
  const language = languageOf(message.text);
  return { ...plain(TEXTS[language].failed("internal"), message, "failed"), errorCode: "internal", setAside: true };
}

function withFirst(draft: Draft, shown: Shown): Draft {
  return shown.firstAtMs === null ? draft : { ...draft, firstShownAtMs: shown.firstAtMs };
}

function noteVerdict(verdict: Verdict, direction: "question" | "answer", message: Message, composer: Composer): void {
  composer.events.verdictGiven({
    traceId: message.traceId,
    direction,
    action: verdict.action,
    categories: verdict.categories,
    rules: verdict.signals.map((signal) => signal.rule),
    ...(verdict.action === "allow" ? {} : { caseNumber: caseNumberOf(message.id, direction) }),
  });
}

function flagsOf(verdict: Verdict, direction: "question" | "answer", text: string, message: Message): FlagRecord[] {
  if (verdict.action === "allow") return [];
  return [
    {
      caseNumber: caseNumberOf(message.id, direction),
      direction,
      severity: verdict.severity ?? "P3",
      action: verdict.action,
      categories: verdict.categories,
      signals: verdict.signals.map(({ checker, category, confidence, rule, spans }) => ({
        checker,
        category,
        confidence,
        rule,
        spans,
      })),
      policyVersion: verdict.policyVersion,
      text,
    },
  ];
}
