import { systemClock } from "../src/base/clock.ts";
import { YingdaError } from "../src/base/errors.ts";
import { judgedText, maskQuestion, masksIn, ShownText } from "../src/conversation/masking.ts";
import { gate } from "../src/conversation/output-gate.ts";
import { answerTokensFor, promptFor, type Question } from "../src/conversation/question.ts";
import { languageOf } from "../src/conversation/texts.ts";
import type { ChatModel } from "../src/llm/chat-model.ts";
import type { ModerationContext, Moderator } from "../src/moderation/verdict.ts";
import { forbids } from "../src/moderation/verdict.ts";
import type { SessionMask, SessionTurn } from "../src/session/session-turn.ts";

/** What a member would get, and what it took. */
export interface Asked {
  answer: string;
  /** Refused or withheld by moderation: stays out of the session, as in the service. */
  stopped: boolean;
  /** The question as the model read it, and what its placeholders stand for. */
  question: Question;
  masks: SessionMask[];
  tookMs: number;
  /** Missing where the model was not asked. */
  firstTokenMs?: number;
  answerTokens?: number;
}

export interface Asking {
  model: ChatModel;
  systemPrompt: string;
  /** Null: the model alone is measured. */
  moderator: Moderator | null;
}

/**
 * The date that every case is asked on, a Tuesday: what a model says must not change with the day on which it is measured.
 */
export const ASKED_AT_MS = Date.parse("2026-11-24T10:00:00+08:00");
/** One answer. Without it a model that never ends would hold the run. */
const ANSWER_TIMEOUT_MS = 300_000;
const MEMBER = "member";

/**
 * Asks one question as the service asks it: the same prompt builder, the same share of the window for the answer. Throws
 * what the model throws, and `model_refused_request` when the question does not fit.
 */
export async function askModel(
  asking: Asking,
  question: Question,
  recalled: SessionTurn[],
  place: { contextTokens: number; conversationId: string; traceId: string },
): Promise<Asked> {
  const beganMs = performance.now();
  const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
  const { moderator } = asking;
  const stream = (asked: Question, abort: AbortSignal) => {
    const messages = promptFor(
      asked,
      recalled,
      { ...asking, contextTokens: place.contextTokens, tokenScale: null },
      ASKED_AT_MS,
    );
    if (messages === null) throw new YingdaError("model_refused_request", "The question does not fit into the window.");
    const { conversationId, traceId } = place;
    const answerTokensMax = answerTokensFor(place.contextTokens);
    return asking.model.stream({ messages, answerTokensMax, conversationId, userId: MEMBER, traceId, signal: abort });
  };
  const tookMs = () => performance.now() - beganMs;
  if (moderator !== null) {
    const asked = await moderated(moderator, question, recalled, place.traceId, signal, stream);
    return { ...asked, tookMs: tookMs() };
  }
  let answer = "";
  for await (const event of stream(question, signal)) {
    if (event.type === "text") answer += event.text;
    if (event.type === "end") {
      const { firstTokenMs, usage } = event.result;
      const tokens = usage === undefined ? {} : { answerTokens: usage.answerTokens };
      return { answer, stopped: false, question, masks: [], tookMs: tookMs(), firstTokenMs, ...tokens };
    }
  }
  throw new YingdaError("model_cut_short", "The model's stream ended without an end event.");
}

/** The way of a question through moderation, without what counts over days: strikes, pauses, a guard model. */
async function moderated(
  moderator: Moderator,
  question: Question,
  recalled: SessionTurn[],
  traceId: string,
  signal: AbortSignal,
  stream: (question: Question, signal: AbortSignal) => ReturnType<ChatModel["stream"]>,
): Promise<Omit<Asked, "tookMs">> {
  const context = (direction: "question" | "answer"): ModerationContext => {
    return { direction, audience: moderator.settings.audience, traceId, signal, risk: 0 };
  };
  const language = languageOf(question.text);
  const judged = judgedText(question);
  const verdict = await moderator.check(judged, context("question"));
  const stopped = (why: typeof verdict) => {
    return { answer: moderator.refusalText(why, "EVAL-00000", language), stopped: true, question, masks: [] };
  };
  if (forbids(verdict)) return stopped(verdict);
  const masked = maskQuestion(question, verdict, recalled, MEMBER);
  const events = gate({
    ask: (abort) => stream(masked.question, abort),
    checker: moderator.openStream(judgedText(masked.question), context("answer")),
    question: null,
    clock: systemClock,
    signal,
  });
  for await (const event of events) {
    if (event.type === "show" || event.type === "waiting") continue;
    if (event.type !== "end") return stopped(event.verdict);
    const { firstTokenMs, usage } = event.result;
    return {
      answer: new ShownText(masked.masks).end(event.text),
      stopped: false,
      question: masked.question,
      masks: masksIn([masked.question.text, masked.question.quote ?? "", event.text], masked.masks, MEMBER),
      firstTokenMs,
      ...(usage === undefined ? {} : { answerTokens: usage.answerTokens }),
    };
  }
  throw new YingdaError("model_cut_short", "The gate ended without an end event.");
}
