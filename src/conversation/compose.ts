import { codeOf, YingdaError } from "../base/errors.ts";
import type { Message } from "../session/message.ts";
import { answerQuestion } from "./answer-question.ts";
import { answerCommand, languageOfCommand } from "./command-replies.ts";
import { parseCommand } from "./commands.ts";
import { unmaskedQuestion } from "./masking.ts";
import type { Question } from "./question.ts";
import { type Draft, leftUnanswered, plainDraft } from "./reply.ts";
import { kindNames, languageOf, TEXTS } from "./texts.ts";
import { mustLeave } from "./turn-errors.ts";
import type { Composer, TurnInHand } from "./turn-in-hand.ts";
import { untilAborted } from "./until-aborted.ts";

/**
 * Makes the reply to one message: a command's, a refusal, the model's answer, or one clear apology. Throws only what
 * makes the worker leave the turn (`lease_lost`, `draining`, `store_unavailable`).
 */
export async function composeReply(turn: TurnInHand, composer: Composer): Promise<Draft> {
  try {
    return await untilAborted(compose(turn, composer), turn.signal);
  } catch (error) {
    turn.leave.throwIfAborted();
    if (mustLeave(error)) throw error;
    return afterFailure(error, turn, composer);
  }
}

async function compose(turn: TurnInHand, composer: Composer): Promise<Draft> {
  const { message } = turn;
  const command = message.kind === "greeting" ? "greeting" : parseCommand(message.text);
  if (command === "retry") return retryLast(turn, composer);
  if (command !== null) return answerCommand(command, turn, composer);
  const unreadable = sayUnreadable(message);
  if (unreadable !== null) return unreadable;
  return answerQuestion(await questionOf(turn, composer), turn, composer);
}

async function questionOf({ message, signal }: TurnInHand, composer: Composer): Promise<Question> {
  const group = message.groupId !== undefined;
  const kinds = message.attachments.map((attachment) => attachment.kind);
  return {
    text: message.text,
    ...(message.quote === undefined ? {} : { quote: message.quote.text }),
    speaker: group ? await composer.nameOf(message.sender.userId, signal) : "",
    group,
    notes:
      kinds.length === 0 ? [] : [`来信附有你看不到的${kindNames(kinds, "zh").join("、")} / attached, not readable`],
    change: "add",
  };
}

/** Asks the question again that got no answer, else the last one that did. */
async function retryLast(turn: TurnInHand, composer: Composer): Promise<Draft> {
  const asNow = await questionOf(turn, composer);
  const { unanswered } = await turn.desk.notes();
  if (unanswered !== null) return answerQuestion({ ...asNow, ...unanswered }, turn, composer);
  const last = (await turn.desk.recall()).at(-1);
  if (last === undefined) {
    return plainDraft(TEXTS[await languageOfCommand(turn)].nothingToRetry, turn.message, "command");
  }
  const { text, quote } = unmaskedQuestion(last, turn.message.sender.userId);
  const { speaker } = last;
  const again: Question = { ...asNow, text, ...(quote === undefined ? {} : { quote }), speaker, change: "replace" };
  return answerQuestion(again, turn, composer);
}

/** A message without a word that we could answer. */
function sayUnreadable(message: Message): Draft | null {
  if (message.text.trim() !== "" || message.quote !== undefined) return null;
  const kinds = kindNames(
    message.attachments.map((attachment) => attachment.kind),
    "zh",
  );
  const text = kinds.length === 0 ? TEXTS.zh.emptyMessage : TEXTS.zh.cannotRead(kinds);
  return plainDraft(text, message, "command");
}

/** Stopped by the person: what was shown stays, marked. Anything else: exactly one clear apology instead of half an answer. */
function afterFailure(error: unknown, turn: TurnInHand, composer: Composer): Draft {
  const { message, shown, flags } = turn;
  const texts = TEXTS[languageOf(message.text)];
  const code = codeOf(error);
  const first = shown.firstAtMs === null ? {} : { firstShownAtMs: shown.firstAtMs };
  if (error instanceof YingdaError && code === "turn_stopped") {
    const text = shown.text === "" ? texts.stoppedMark : `${shown.text}\n\n${texts.stoppedMark}`;
    const stop = { obeyed: String(error.details.stopId) };
    return { ...plainDraft(text, message, "stopped"), flags, ...first, ...leftUnanswered(message), stop };
  }
  if (code === "internal")
    composer.log.error({ err: error, traceId: message.traceId }, "a turn failed in our own code");
  return {
    ...plainDraft(texts.failed(code), message, "failed"),
    flags,
    ...first,
    ...leftUnanswered(message),
    errorCode: code,
  };
}

/** The reply to a message that ended its worker so often that nobody tries again. */
export function gaveUp(message: Message, composer: Composer): Draft {
  const advice = "A message ended its worker several times and was set aside; see the dead letters.";
  composer.events.alert("message_set_aside", advice, { traceId: message.traceId });
  const text = TEXTS[languageOf(message.text)].failed("internal");
  return { ...plainDraft(text, message, "failed"), ...leftUnanswered(message), errorCode: "internal", setAside: true };
}
