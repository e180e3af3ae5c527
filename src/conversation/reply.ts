import type { ErrorCode } from "../base/errors.ts";
import type { ChatResult } from "../llm/chat-model.ts";
import type { FeedbackRecord, FlagRecord, TurnOutcome, TurnRecord } from "../review/records.ts";
import { bubbleOf, type Message } from "../session/message.ts";
import type { AnswerPicture } from "../session/snapshots.ts";
import type { EarlierWords, SessionChange, UnansweredQuestion } from "../session/turn-desk.ts";
import { commandOf } from "./commands.ts";
import { recordText } from "./masking.ts";
import type { PlannedPart } from "./reply-sink.ts";
import { type Language, languageOf } from "./texts.ts";
import { parseThumb } from "./thumb.ts";

/** What a turn came to, before it is cut for its channel. */
export interface Draft {
  text: string;
  /** Go out with the text; they are in no session and no record. */
  pictures?: readonly AnswerPicture[];
  language: Language;
  outcome: TurnOutcome;
  session: SessionChange;
  flags: FlagRecord[];
  errorCode?: ErrorCode;
  result?: ChatResult;
  firstShownAtMs?: number;
  caseNumber?: string;
  unanswered?: "clear" | UnansweredQuestion;
  stop?: { obeyed: string } | { answered: true };
  /** What was asked, for the record, where it is more than the message's text. */
  asked?: string;
  /** Set where the next message carries the answer. */
  earlierWords?: EarlierWords;
  /** What the turn used of its token budgets, where it reserved any. */
  usedTokens?: number;
  /** Put aside for a person to look at, since trying again did not help. */
  setAside?: boolean;
  /** What the person thinks of an earlier answer. */
  feedback?: FeedbackRecord;
}

/** A draft that says one text and leaves the session as it is. */
export function plainDraft(text: string, message: Message, outcome: TurnOutcome): Draft {
  return { text, language: languageOf(message.text), outcome, session: { kind: "keep" }, flags: [] };
}

/** What `/retry` asks again when this message got no answer. A command, a thumb or an opened chat has none: what is kept stays. */
export function leftUnanswered(message: Message): Pick<Draft, "unanswered"> {
  if (message.kind !== "message" || commandOf(message) !== null) return {};
  if (parseThumb(message) !== null) return {};
  const { text, quote, attachments } = message;
  const came = [...attachments, ...(quote?.attachments ?? [])];
  return {
    unanswered: {
      text,
      ...(quote === undefined ? {} : { quote: quote.text }),
      ...(came.length === 0 ? {} : { attachments: came }),
    },
  };
}

/** A complete reply as the journal keeps it: everything that is needed to deliver, remember and record it after a crash. */
export interface Reply {
  parts: PlannedPart[];
  session: SessionChange;
  record: TurnRecord;
  caseNumber?: string;
  unanswered?: "clear" | UnansweredQuestion;
  stop?: { obeyed: string } | { answered: true };
  earlierWords?: EarlierWords;
  usedTokens?: number;
  setAside: boolean;
  feedback?: FeedbackRecord;
}

export function toReply(
  draft: Draft,
  parts: PlannedPart[],
  facts: {
    message: Message;
    attempts: number;
    startedAtMs: number;
    nowMs: number;
    policyVersion: string;
    /** Values that the record's masked texts must not show. */
    hidden: readonly string[];
  },
): Reply {
  const { message, hidden } = facts;
  const asked = draft.asked ?? message.text;
  return {
    parts,
    session: draft.session,
    setAside: draft.setAside ?? false,
    ...(draft.caseNumber === undefined ? {} : { caseNumber: draft.caseNumber }),
    ...(draft.unanswered === undefined ? {} : { unanswered: draft.unanswered }),
    ...(draft.stop === undefined ? {} : { stop: draft.stop }),
    ...(draft.feedback === undefined ? {} : { feedback: draft.feedback }),
    ...(draft.earlierWords === undefined ? {} : { earlierWords: draft.earlierWords }),
    ...(draft.usedTokens === undefined ? {} : { usedTokens: draft.usedTokens }),
    record: {
      kind: "turn",
      turnId: message.id,
      traceId: message.traceId,
      conversationId: message.conversationId,
      channel: message.channel,
      groupId: message.groupId ?? null,
      userId: message.sender.userId,
      outcome: draft.outcome,
      question: asked,
      questionMasked: recordText(asked, hidden),
      answer: draft.text,
      answerMasked: recordText(draft.text, hidden),
      errorCode: draft.errorCode ?? null,
      model: draft.result?.model ?? null,
      endpoint: draft.result?.endpoint ?? null,
      promptTokens: draft.result?.usage?.promptTokens ?? null,
      answerTokens: draft.result?.usage?.answerTokens ?? null,
      attempts: facts.attempts,
      receivedAtMs: message.receivedAtMs,
      startedAtMs: facts.startedAtMs,
      firstTokenAtMs: draft.firstShownAtMs ?? null,
      finishedAtMs: facts.nowMs,
      policyVersion: facts.policyVersion,
      flags: draft.flags,
      feedbackId: bubbleOf(message.reply) ?? message.id,
    },
  };
}
