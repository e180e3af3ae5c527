import { codeOf, YingdaError } from "../base/errors.ts";
import type { Person } from "../llm/prompt.ts";
import type { Message } from "../session/message.ts";
import type { SessionTurn } from "../session/session-turn.ts";
import type { UnansweredQuestion } from "../session/turn-desk.ts";
import { answerQuestion } from "./answer-question.ts";
import { answerCommand, languageOfCommand } from "./command-replies.ts";
import { commandOf } from "./commands.ts";
import { takeFeedback } from "./feedback.ts";
import { unmaskedQuestion } from "./masking.ts";
import { type Material, readMaterial, type SeenImage } from "./material.ts";
import type { Question } from "./question.ts";
import { type Draft, leftUnanswered, plainDraft } from "./reply.ts";
import { kindNames, languageOf, TEXTS } from "./texts.ts";
import { usedNothing, usedTokens } from "./token-allowance.ts";
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
  const command = message.kind === "greeting" ? "greeting" : commandOf(message);
  if (command === "retry") return retryLast(turn, composer);
  if (command !== null) return answerCommand(command, turn, composer);
  const feedback = await takeFeedback(turn);
  if (feedback !== null) return feedback;
  return answerMessage(message, turn, composer);
}

/** Answers what was written together with what came with it. */
async function answerMessage(message: Message, turn: TurnInHand, composer: Composer, blind = false): Promise<Draft> {
  const question = await questionOf(message, turn, composer, blind);
  if (question.text.trim() === "" && question.quote === undefined && question.images.length === 0) {
    const texts = TEXTS[languageOf(message.text)];
    const text = question.unread.length === 0 ? texts.emptyMessage : question.unread.join("\n");
    return withRecord(plainDraft(text, message, "command"), question, message);
  }
  try {
    return withRecord(await answerQuestion(question, turn, composer), question, message);
  } catch (error) {
    if (codeOf(error) !== "model_cannot_see" || blind) throw error;
    composer.log.warn({ err: error }, "the model took no pictures; it is asked again without them");
    composer.media?.vision.refused();
    return answerMessage(message, turn, composer, true);
  }
}

async function questionOf(
  message: Message,
  { signal }: TurnInHand,
  composer: Composer,
  blind = false,
): Promise<Question> {
  const group = message.groupId !== undefined;
  const wantsName = composer.asksFor.includes("name");
  const { userId } = message.sender;
  const name = group || wantsName ? await composer.nameOf(userId, signal) : "";
  const department = composer.asksFor.includes("department") ? await composer.departmentOf(userId, signal) : null;
  // A userid that stands in for an unknown name is no name to call somebody by.
  const person = personOf(wantsName && name !== userId ? name : null, department);
  const { quoted, images, spoken, unread } = await materialOf(message, composer, signal, blind);
  const text = [message.text, ...spoken].filter((words) => words.trim() !== "").join("\n");
  const texts = TEXTS[languageOf(text)];
  const kinds = kindNames(
    unread.map(({ kind }) => kind),
    "zh",
  );
  const onlyMaterial = text === "" && (images.length > 0 || quoted.length > 0);
  return {
    text,
    ...(quoted.length === 0 ? {} : { quote: quoted.join("\n\n") }),
    speaker: group ? name : "",
    group,
    ...(person === null ? {} : { person }),
    notes: [
      ...(kinds.length === 0 ? [] : [`来信附有你看不到的${kinds.join("、")} / attached, not readable`]),
      ...(onlyMaterial ? [texts.onlyMaterial] : []),
    ],
    unread: [...new Set(unread.map(({ kind, why }) => texts.unread(kind, why)))],
    images,
    ...(blind ? { blind } : {}),
    change: "add",
  };
}

function personOf(name: string | null, departmentId: string | null): Person | null {
  if (name === null && departmentId === null) return null;
  // WeCom's user/get tells the department's number only (wecom-protocol 3.7).
  return { name: name ?? "", ...(departmentId === null ? {} : { department: `编号 / id ${departmentId}` }) };
}

async function materialOf(
  message: Message,
  { media }: Composer,
  signal: AbortSignal,
  blind: boolean,
): Promise<Material> {
  if (media !== undefined) return readMaterial(message, media, signal, media.vision.sees && !blind);
  const quoted = message.quote === undefined || message.quote.text === "" ? [] : [message.quote.text];
  return { quoted, images: [], spoken: [], unread: message.attachments.map(({ kind }) => ({ kind, why: "failed" })) };
}

/** What reviewers read as the question: the words, those that were spoken, and what else came, by its kind. */
function withRecord(draft: Draft, question: Question, { attachments }: Message): Draft {
  if (attachments.length === 0) return draft;
  const marks = attachments.map(({ kind }) => `[${kindNames([kind], "zh").join("")}]`);
  return { ...draft, asked: [question.text, ...marks].filter((words) => words !== "").join(" ") };
}

/** Asks the question again that got no answer, else the last one that did. */
async function retryLast(turn: TurnInHand, composer: Composer): Promise<Draft> {
  const { message, desk } = turn;
  const { unanswered } = await desk.notes();
  if (unanswered !== null) return answerMessage(asAskedNow(message, unanswered), turn, composer);
  const last = (await desk.recall()).at(-1);
  if (last === undefined) {
    return plainDraft(TEXTS[await languageOfCommand(turn)].nothingToRetry, message, "command");
  }
  const { text, quote } = unmaskedQuestion(last, message.sender.userId);
  const { speaker } = last;
  const asNow = await questionOf({ ...message, text, attachments: [] }, turn, composer);
  const images = await picturesAgain(last, message, composer);
  const again: Question = {
    ...asNow,
    text,
    ...(quote === undefined ? {} : { quote }),
    images,
    speaker,
    change: "replace",
  };
  return answerQuestion(again, turn, composer);
}

/** The message that was not answered, as if it had come now. */
function asAskedNow(message: Message, { text, quote, attachments = [] }: UnansweredQuestion): Message {
  const { quote: _none, ...rest } = message;
  return { ...rest, text, attachments, ...(quote === undefined ? {} : { quote: { kind: "text", text: quote } }) };
}

async function picturesAgain(
  { images = [] }: SessionTurn,
  message: Message,
  { media }: Composer,
): Promise<SeenImage[]> {
  if (media === undefined || !media.vision.sees) return [];
  const kept = await media.readImages(
    message.conversationId,
    images.map(({ id }) => id),
  );
  return images.flatMap(({ id, tokens }) => {
    const picture = kept.get(id);
    return picture === undefined ? [] : [{ ...picture, tokens }];
  });
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
    const used = usedTokens(turn, shown.text);
    return { ...plainDraft(text, message, "stopped"), flags, ...first, ...used, ...leftUnanswered(message), stop };
  }
  if (code === "internal")
    composer.log.error({ err: error, traceId: message.traceId }, "a turn failed in our own code");
  return {
    ...plainDraft(texts.failed(code), message, "failed"),
    flags,
    ...first,
    // A model that never said a word has used nothing.
    ...(shown.text === "" ? usedNothing(turn) : usedTokens(turn, shown.text)),
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
