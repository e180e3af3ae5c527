import { abortAfter, type Clock } from "../base/clock.ts";
import { codeOf, YingdaError } from "../base/errors.ts";
import type { Events } from "../base/events.ts";
import { retry } from "../base/retry.ts";
import type { TurnRecord } from "../review/records.ts";
import type { ConversationDesk } from "../session/conversations.ts";
import { bubbleOf, type Message } from "../session/message.ts";
import type { NotedReply, OpenedTurn, TurnEnd } from "../session/turn-desk.ts";
import { composeReply, gaveUp } from "./compose.ts";
import { mergeFollowUps } from "./follow-ups.ts";
import { type Draft, leftUnanswered, plainDraft, type Reply, toReply } from "./reply.ts";
import type { ReplySink } from "./reply-sink.ts";
import { TEXTS } from "./texts.ts";
import { mustLeave } from "./turn-errors.ts";
import type { Composer } from "./turn-in-hand.ts";
import { untilAborted } from "./until-aborted.ts";

/** A message that kills its worker is tried so often; then the person is told and it is put aside. */
export const ATTEMPTS_MAX = 3;
/**
 * Delivery may go on for so long after the answer is complete: long enough for WeCom's one-minute block after a rate limit
 * (wecom-protocol 3.3), short enough that a conversation is not held by a dead platform for an afternoon.
 */
const DELIVERY_MS_MAX = 5 * 60_000;
const DELIVERY_TRIES_MAX = 8;
const DELIVERY_FIRST_WAIT_MS = 500;
const DELIVERY_WAIT_MAX_MS = 30_000;

export interface TurnParts extends Composer {
  sinkFor(message: Message, desk: ConversationDesk<Reply>): ReplySink;
  /** Tells whoever sends bubbles on by itself that this one was written without its sink. */
  bubbleChanged?(message: Message): Promise<void>;
  /** Looks after what is remembered, beside the turns; null: nothing is summed up. */
  memory: { turnEnded(message: Message): void } | null;
  /** Messages that follow each other so closely are answered as one; 0: each by itself. */
  mergeWindowMs: number;
  turnTimeoutMs: number;
  events: Events;
  clock: Clock;
}

export interface TurnSignals {
  /** Aborted when this worker must let go: lease lost, shutdown. The turn goes on elsewhere. */
  leave: AbortSignal;
  /** Aborted with `turn_stopped` when the person wants no more of it. */
  stop: AbortSignal;
}

/**
 * The story of one turn: make the reply, or find it made; deliver it part by part; remember and finish in one step.
 * Returns when the message is done with. Throws (`lease_lost`, `draining`, `store_unavailable`) when another worker, or
 * this one later, must go on: what was noted in the journal is not done twice.
 */
export async function runTurn(
  taken: OpenedTurn<Reply>,
  desk: ConversationDesk<Reply>,
  signals: TurnSignals,
  parts: TurnParts,
): Promise<void> {
  const { attempts } = taken;
  const { traceId, channel } = taken.message;
  const startedAtMs = parts.clock.nowMs();
  parts.events.turnStarted({ traceId, channel, attempt: attempts, waitedMs: startedAtMs - taken.message.receivedAtMs });
  let sink: ReplySink | null = null;
  try {
    const { opened, merged, pointer } = await mergeFollowUps(taken, desk, signals, parts);
    const { message } = opened;
    sink = parts.sinkFor(message, desk);
    const noted = opened.noted ?? (await makeReply(opened, pointer, desk, signals, sink, startedAtMs, parts));
    const undelivered = await deliver(noted, message, desk, signals.leave, sink, parts);
    const record = {
      ...noted.reply.record,
      finishedAtMs: parts.clock.nowMs(),
      ...(undelivered === null ? {} : { outcome: "failed" as const, errorCode: codeOf(undelivered) }),
    };
    // Before the end, so that a crash in between settles again, which changes nothing.
    if (noted.reply.usedTokens !== undefined) await parts.usage?.settle(message.id, noted.reply.usedTokens);
    const setAside = undelivered !== null || noted.reply.setAside;
    await desk.finish(message, {
      session: undelivered === null ? noted.reply.session : { kind: "keep" },
      sessionTtlMs: parts.sessionTtlMs,
      record,
      ...(setAside ? { deadLetter: { message, reason: record.errorCode, atMs: record.finishedAtMs } } : {}),
      ...(noted.reply.caseNumber === undefined ? {} : { caseNumber: noted.reply.caseNumber }),
      // An answer that could not be delivered is none: its question can be asked again by a word.
      ...(undelivered === null ? answeredBy(noted.reply) : leftUnanswered(message)),
      ...earlierWordsAfter(noted.reply, merged),
      ...(noted.reply.stop === undefined ? {} : { stop: noted.reply.stop }),
      ...(noted.reply.feedback === undefined ? {} : { feedback: noted.reply.feedback }),
      ...rateableBy(record),
    });
    if (undelivered === null && noted.reply.session.kind === "add") parts.memory?.turnEnded(message);
    parts.events.turnFinished({
      traceId,
      channel,
      outcome: record.outcome,
      ...(record.errorCode === null ? {} : { code: record.errorCode }),
      tookMs: record.finishedAtMs - message.receivedAtMs,
    });
  } catch (error) {
    parts.events.turnLeft({ traceId, error });
    throw error;
  } finally {
    sink?.close();
  }
}

/**
 * Puts a message aside unanswered: its turn failed in a way that nothing in it could mend (a channel that is not
 * configured any more, a fault of ours). It can be sent again by hand. Throws as `runTurn` does.
 */
export async function setAside(
  opened: OpenedTurn<Reply>,
  desk: ConversationDesk<Reply>,
  error: unknown,
  parts: TurnParts,
): Promise<void> {
  const { message, attempts } = opened;
  const nowMs = parts.clock.nowMs();
  const draft = { ...plainDraft("", message, "failed"), errorCode: codeOf(error) };
  const { policyVersion } = parts.moderator;
  const facts = { message, attempts, startedAtMs: nowMs, nowMs, policyVersion, hidden: [] };
  parts.events.alert("message_set_aside", "A message could not be answered and was set aside; see the dead letters.", {
    traceId: message.traceId,
    code: draft.errorCode,
  });
  // A bubble can be finished from here; a push needs the channel that may be what is missing.
  const bubble = bubbleOf(message.reply);
  if (bubble !== null) {
    const content = TEXTS[draft.language].failed(draft.errorCode);
    await desk.show(bubble, { content, finish: true, expiresAtMs: nowMs });
    await parts.bubbleChanged?.(message);
  }
  await desk.finish(message, {
    session: { kind: "keep" },
    sessionTtlMs: parts.sessionTtlMs,
    record: toReply(draft, [], facts).record,
    deadLetter: { message, reason: draft.errorCode, atMs: nowMs },
    ...leftUnanswered(message),
  });
  parts.events.turnSetAside({ traceId: message.traceId, channel: message.channel, code: draft.errorCode });
}

/** What a thumb that comes next speaks of: the bot's last word on a question. Its apologies and its own notices are none. */
const RATEABLE: ReadonlySet<TurnRecord["outcome"]> = new Set(["answered", "refused", "withheld", "stopped"]);

function rateableBy({ outcome, feedbackId, errorCode }: TurnRecord): { rateable?: string } {
  if (feedbackId === null || errorCode !== null || !RATEABLE.has(outcome)) return {};
  return { rateable: feedbackId };
}

function answeredBy({ unanswered }: Reply): Pick<Reply, "unanswered"> {
  return unanswered === undefined ? {} : { unanswered };
}

/** Handed on whatever became of the pointer; done with once the message that they belong to is. */
function earlierWordsAfter({ earlierWords }: Reply, merged: boolean): Pick<TurnEnd, "earlierWords"> {
  if (earlierWords !== undefined) return { earlierWords };
  return merged ? { earlierWords: "clear" } : {};
}

async function makeReply(
  opened: OpenedTurn<Reply>,
  pointer: Draft | null,
  desk: ConversationDesk<Reply>,
  signals: TurnSignals,
  sink: ReplySink,
  startedAtMs: number,
  parts: TurnParts,
): Promise<NotedReply<Reply>> {
  const hidden: string[] = [];
  const draft = pointer ?? (await makeDraft(opened, desk, signals, sink, hidden, parts));
  // A pointer without a word has nothing to end.
  const plan = pointer?.text === "" ? [] : sink.plan(draft.text, draft.language, draft.pictures);
  const reply = toReply(draft, plan, {
    message: opened.message,
    attempts: opened.attempts,
    startedAtMs,
    nowMs: parts.clock.nowMs(),
    policyVersion: parts.moderator.policyVersion,
    hidden,
  });
  const marks = await desk.noteReply(reply, sink.checksDuplicates ? reply.parts.map((part) => part.text) : []);
  return { reply, marks, partsSent: 0, resumed: false };
}

async function makeDraft(
  opened: OpenedTurn<Reply>,
  desk: ConversationDesk<Reply>,
  signals: TurnSignals,
  sink: ReplySink,
  hidden: string[],
  parts: TurnParts,
): Promise<Draft> {
  if (opened.attempts > ATTEMPTS_MAX) return gaveUp(opened.message, parts);
  const timeout = abortAfter(
    parts.turnTimeoutMs,
    parts.clock,
    () => new YingdaError("turn_timeout", "The turn took longer than TURN_TIMEOUT_SECONDS and was ended."),
  );
  try {
    const signal = AbortSignal.any([signals.leave, signals.stop, timeout.signal]);
    const shown = { text: "", firstAtMs: null };
    const turn = {
      message: opened.message,
      desk,
      sink,
      signal,
      leave: signals.leave,
      flags: [],
      hidden,
      spent: null,
      shown,
    };
    return await composeReply(turn, parts);
  } finally {
    timeout.cancel();
  }
}

/** Sends the parts that are not known to have arrived. Resolves with the error of a part that cannot be delivered, else null. */
async function deliver(
  noted: NotedReply<Reply>,
  message: Message,
  desk: ConversationDesk<Reply>,
  leave: AbortSignal,
  sink: ReplySink,
  parts: TurnParts,
): Promise<YingdaError | null> {
  const beganAtMs = parts.clock.nowMs();
  const limit = abortAfter(DELIVERY_MS_MAX, parts.clock, deliveryTimeout);
  const signal = AbortSignal.any([leave, limit.signal]);
  try {
    for (const [index, part] of noted.reply.parts.entries()) {
      if (index < noted.partsSent) continue;
      let again = noted.resumed && index === noted.partsSent;
      const options = { index, mark: noted.marks[index] ?? 0, traceId: message.traceId, signal };
      const send = async (): Promise<void> => {
        try {
          await untilAborted(sink.deliver(part, { ...options, again }), signal);
        } catch (error) {
          // Only a try that certainly never left this machine leaves no doubt behind.
          if (!(error instanceof YingdaError && error.details.sent === "no")) again = true;
          throw error;
        }
      };
      try {
        await retry(send, {
          triesMax: DELIVERY_TRIES_MAX,
          firstWaitMs: DELIVERY_FIRST_WAIT_MS,
          waitMaxMs: DELIVERY_WAIT_MAX_MS,
          clock: parts.clock,
          signal,
        });
      } catch (error) {
        // The words are out, and name the picture: an answer is not lost for one.
        if (part.text !== "" || part.pictures === undefined) throw error;
        if (leave.aborted || !(error instanceof YingdaError) || mustLeave(error)) throw error;
        parts.log.warn({ err: error, traceId: message.traceId }, "a picture of an answer could not be delivered");
      }
      await desk.notePartsSent(index + 1);
    }
  } catch (error) {
    leave.throwIfAborted();
    if (!(error instanceof YingdaError) || mustLeave(error)) throw error;
    return error;
  } finally {
    limit.cancel();
  }
  const tookMs = parts.clock.nowMs() - beganAtMs;
  parts.events.turnStage({ traceId: message.traceId, stage: "deliver", tookMs });
  return null;
}

function deliveryTimeout(): YingdaError {
  return new YingdaError("wecom_unreachable", "WeCom did not take the answer in time; it is kept as a dead letter.");
}
