import type { ConversationDesk } from "../session/conversations.ts";
import type { Message } from "../session/message.ts";
import type { EarlierWords, OpenedTurn } from "../session/turn-desk.ts";
import { commandOf } from "./commands.ts";
import { type Draft, plainDraft, type Reply } from "./reply.ts";
import { languageOf, TEXTS } from "./texts.ts";
import { parseThumb } from "./thumb.ts";
import type { TurnParts, TurnSignals } from "./turn.ts";

/** Messages that one turn answers: each waits for the next, so this also bounds how long the first one waits. */
const MERGED_MAX = 5;

/** A turn with what was written right before its message, and the message that it is to be answered with, if there is one. */
export interface MergedTurn {
  opened: OpenedTurn<Reply>;
  /** The message holds the words of earlier ones: they end with it. */
  merged: boolean;
  /** Says nothing itself: the next message carries the answer. */
  pointer: Draft | null;
}

/**
 * Messages that somebody sends one right after another in a direct chat are one question: the last of them carries the
 * answer, each earlier one ends with a word that says so and hands on what it said, in the script that ends it. Waits until
 * `mergeWindowMs` after the message has passed. Throws as `runTurn` does; a request to stop ends the wait.
 */
export async function mergeFollowUps(
  opened: OpenedTurn<Reply>,
  desk: ConversationDesk<Reply>,
  signals: TurnSignals,
  parts: Pick<TurnParts, "mergeWindowMs" | "clock">,
): Promise<MergedTurn> {
  if (parts.mergeWindowMs === 0) return { opened, merged: false, pointer: null };
  const earlier = await desk.earlierWords();
  // Words meant for another message are left over from a message that was put aside.
  const before = earlier?.nextId === opened.message.id ? earlier : null;
  const message = before === null ? opened.message : joined(before, opened.message);
  const turn = { opened: { ...opened, message }, merged: before !== null };
  const messages = (before?.messages ?? 0) + 1;
  // A reply that is in the journal knows already whether it is an answer.
  if (opened.noted !== null || messages >= MERGED_MAX) return { ...turn, pointer: null };
  const next = await followUpOf(message, desk, signals, parts);
  return { ...turn, pointer: next === null ? null : pointerTo(next, message, messages) };
}

async function followUpOf(
  message: Message,
  desk: ConversationDesk<Reply>,
  signals: TurnSignals,
  { mergeWindowMs, clock }: Pick<TurnParts, "mergeWindowMs" | "clock">,
): Promise<Message | null> {
  if (!isPlain(message)) return null;
  const untilMs = message.receivedAtMs + mergeWindowMs;
  let next = await desk.next();
  if (next === null && clock.nowMs() < untilMs) {
    const signal = AbortSignal.any([signals.leave, signals.stop]);
    await clock.sleep(untilMs - clock.nowMs(), signal).catch(() => undefined);
    signals.leave.throwIfAborted();
    // A stop is meant for the answer, which the next message carries if there is one.
    next = await desk.next();
  }
  if (next === null || !isPlain(next) || next.receivedAtMs > untilMs) return null;
  // Two quotes would be taken for one.
  const quotesClash = message.quote !== undefined && next.quote !== undefined;
  const sameSender = next.sender.userId.toLowerCase() === message.sender.userId.toLowerCase();
  return sameSender && !quotesClash ? next : null;
}

/** Something to answer in a direct chat; commands stand for themselves. */
function isPlain(message: Message): boolean {
  return (
    message.kind === "message" &&
    message.groupId === undefined &&
    commandOf(message) === null &&
    parseThumb(message) === null
  );
}

function joined(before: EarlierWords, message: Message): Message {
  const quote = before.quote ?? message.quote;
  return {
    ...message,
    text: [before.text, message.text].filter((text) => text !== "").join("\n"),
    ...(quote === undefined ? {} : { quote }),
    attachments: [...before.attachments, ...message.attachments],
  };
}

function pointerTo(next: Message, message: Message, messages: number): Draft {
  const { text, quote, attachments } = message;
  // A bubble has to be ended with a word; in the app's chat there is nothing to end.
  const said = message.reply.kind === "app" ? "" : TEXTS[languageOf(text)].answeredBelow;
  return {
    ...plainDraft(said, message, "command"),
    earlierWords: { nextId: next.id, text, ...(quote === undefined ? {} : { quote }), attachments, messages },
  };
}
