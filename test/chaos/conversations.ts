import type { WeComPlatform } from "../../simulator/wecom-platform.ts";

/**
 * The members of a chaos run: what each conversation asks, what must come back, and the account from the outside. Answers
 * are made of lines that name their message, so that a line that is missing, doubled, in the wrong place or in the wrong
 * conversation shows.
 */

export type Kind = "short" | "long" | "equal";
export type ChannelName = "app" | "bot" | "group";

export interface Asked {
  id: string;
  kind: Kind;
  /** At the platform. */
  messageId: string;
  /** The last step at which a process died while this message was under way; any of them may have held it. */
  struckAt?: string;
}

export interface Conversation {
  channel: ChannelName;
  name: string;
  userId: string;
  chatId?: string;
  asked: Asked[];
}

export type Outcome = "once" | "lost" | "doubled" | "out of order" | "incomplete";

/** What the account says of one message. */
export interface Judged {
  asked: Asked;
  channel: ChannelName;
  outcome: Outcome;
}

const LINE = "这一行的内容只是用来占地方的文字，";
/** About 6 KB: four messages of the app. */
const LONG_APP_LINES = 60;
/** About 26 KB: a bubble and one message by response_url. */
const LONG_BOT_LINES = 260;
const EQUAL = "好的，已收到。";

/** What the model answers to a question that names its message as `[id kind]`. */
export function answerTo(id: string, kind: Kind): string {
  if (kind === "equal") return EQUAL;
  if (kind === "short") return `${id} 答`;
  const lines = id.startsWith("app") ? LONG_APP_LINES : LONG_BOT_LINES;
  return Array.from({ length: lines }, (_, i) => `${id} 行${i + 1} ${LINE}${LINE}`).join("\n");
}

export function questionOf(id: string, kind: Kind): string {
  return `请回答 [${id} ${kind}]`;
}

/** The message that a prompt asks about: the last one named in it. */
export function askedIn(prompt: string): { id: string; kind: Kind } | null {
  const [, id, kind] = [...prompt.matchAll(/\[((?:app|bot|group)[\d-]+) (short|long|equal)\]/g)].at(-1) ?? [];
  return id === undefined || kind === undefined ? null : { id, kind: kind as Kind };
}

export function makeConversations(count: number): Conversation[] {
  return Array.from({ length: count }, (_, i) => {
    const channel = (["app", "bot", "app", "bot", "group"] as const)[i % 5] ?? "app";
    const name = `${channel}${i}`;
    return { channel, name, userId: `user${i}`, ...(channel === "group" ? { chatId: `wrChaos${i}` } : {}), asked: [] };
  });
}

/**
 * Judges every message of a conversation by what its members can see; `order`: the messages as the model was asked about
 * them.
 */
export function judge(conversation: Conversation, platform: WeComPlatform, order: readonly string[]): Judged[] {
  const { asked, channel } = conversation;
  const outcomes = channel === "app" ? judgeApp(conversation, platform) : asked.map((one) => judgeBot(one, platform));
  const firsts = [...new Set(order)];
  const expected = asked.map(({ id }) => id).filter((id) => firsts.includes(id));
  return asked.map((one, i) => {
    const outcome = outcomes[i] ?? "lost";
    const place = expected.indexOf(one.id);
    const late = outcome === "once" && place >= 0 && firsts[place] !== one.id;
    return { asked: one, channel, outcome: late ? "out of order" : outcome };
  });
}

/** Whether nothing of this message is to be expected any more. Cheap: asked at every strike. */
export function isAnswered(conversation: Conversation, asked: Asked, platform: WeComPlatform): boolean {
  if (conversation.channel !== "app") return platform.bubble(asked.messageId)?.finished === true;
  const last = answerTo(asked.id, asked.kind).split("\n").at(-1) ?? "";
  return asked.kind !== "equal" && platform.inbox(conversation.userId).some(({ text }) => text.includes(last));
}

function judgeApp({ asked, userId }: Conversation, platform: WeComPlatform): Outcome[] {
  const seen = platform.inbox(userId).flatMap(({ text }) => text.replace(/[\u200b\u200c]/g, "").split("\n"));
  const counts = new Map<string, number>();
  for (const line of seen) counts.set(line, (counts.get(line) ?? 0) + 1);
  const equals = asked.filter(({ kind }) => kind === "equal").length;
  const equalsSeen = counts.get(EQUAL) ?? 0;
  let equalsLeft = equalsSeen;
  const outcomes = asked.map(({ id, kind }): Outcome => {
    if (kind === "equal") {
      equalsLeft -= 1;
      if (equalsLeft < 0) return "lost";
      return equalsSeen > equals ? "doubled" : "once";
    }
    const times = answerTo(id, kind)
      .split("\n")
      .map((line) => counts.get(line) ?? 0);
    if (times.every((n) => n === 0)) return "lost";
    if (times.some((n) => n > 1)) return "doubled";
    return times.some((n) => n === 0) ? "incomplete" : "once";
  });
  const expected = asked.flatMap(({ id, kind }) => answerTo(id, kind).split("\n"));
  const isWhole = outcomes.every((outcome) => outcome === "once");
  const isExact = seen.length === expected.length && seen.every((line, i) => line === expected[i]);
  if (!isWhole || isExact) return outcomes;
  // Every line is there once: then something stands in the wrong place, or there is something that nobody asked for.
  return outcomes.map(() => (seen.length === expected.length ? "out of order" : "incomplete"));
}

function judgeBot({ id, kind, messageId }: Asked, platform: WeComPlatform): Outcome {
  const bubble = platform.bubble(messageId);
  const extras = platform.responseUrlMessages.filter((message) => message.messageId === messageId);
  if (extras.length > 1) return "doubled";
  if (bubble === undefined || !bubble.finished) return "lost";
  const shown = bubble.content.replace(/\n\n（未完，见下一条消息）$/, "");
  const whole = [shown, ...extras.map(({ text }) => text)].join("\n");
  return whole === answerTo(id, kind) ? "once" : "incomplete";
}
