import { YingdaError } from "../src/base/errors.ts";
import { bubbleTopic } from "./bubbles.ts";
import { inboxTopic } from "./inboxes.ts";
import type { PlatformParts } from "./platform-parts.ts";
import type { AppMessage, BotMessage, Bubble } from "./platform-types.ts";

/** What `waitForBubble` waits for; all that is given must hold. */
export interface BubbleWish {
  finished?: boolean;
  state?: Bubble["state"];
  /** A part of the content. */
  contains?: string;
}

export function waitForAppMessages(
  { inboxes, journal }: PlatformParts,
  userId: string,
  count: number,
  timeoutMs: number,
): Promise<AppMessage[]> {
  const read = () => (inboxes.count(userId) >= count ? inboxes.list(userId) : undefined);
  const what = () => `${count} app messages, saw ${inboxes.count(userId)}`;
  return journal.waitFor(inboxTopic(userId), read, timeoutMs, what);
}

export function waitForBubble(
  { bubbles, journal }: PlatformParts,
  messageId: string,
  wish: BubbleWish,
  timeoutMs: number,
): Promise<Readonly<Bubble>> {
  const read = () => {
    const bubble = bubbles.get(messageId);
    if (bubble === undefined || fulfils(bubble, wish)) return bubble;
    if (bubble.state !== "waiting" && bubble.state !== "streaming") {
      throw new YingdaError("internal", `The answer ended as ${bubble.state}, and what was waited for never came.`);
    }
    return undefined;
  };
  const what = () => `an answer, which is now ${bubbles.get(messageId)?.state ?? "not there"}`;
  return journal.waitFor(bubbleTopic(messageId), read, timeoutMs, what);
}

export function waitForBotMessages(
  { responseUrls, journal }: PlatformParts,
  count: number,
  timeoutMs: number,
): Promise<BotMessage[]> {
  const { messages } = responseUrls;
  const read = () => (messages.total >= count ? messages.list() : undefined);
  return journal.waitFor("bot messages", read, timeoutMs, () => `${count} bot messages, saw ${messages.total}`);
}

export function waitForCalls(
  { journal }: PlatformParts,
  kind: string,
  count: number,
  timeoutMs: number,
): Promise<number> {
  const read = () => (journal.callCount(kind) >= count ? journal.callCount(kind) : undefined);
  const what = () => `${count} requests of kind ${kind}, saw ${journal.callCount(kind)}`;
  return journal.waitFor("calls", read, timeoutMs, what);
}

function fulfils(bubble: Bubble, wish: BubbleWish): boolean {
  if (wish.finished !== undefined && bubble.finished !== wish.finished) return false;
  if (wish.state !== undefined && bubble.state !== wish.state) return false;
  return wish.contains === undefined || bubble.content.includes(wish.contains);
}
