import { YingdaError } from "../base/errors.ts";
import { appConversation } from "../session/conversation-id.ts";
import { SENT_TTL_MS } from "../session/keys.ts";
import type { PushProgress } from "../session/push-requests.ts";
import { PUSHES_AT_ONCE_MAX, type SendBudget } from "../session/send-budget.ts";
import type { SentTexts } from "../session/sent-texts.ts";
import { USER_ID_SHAPE, type WeComApi } from "../wecom/api-client.ts";
import type { GivenCard } from "../wecom/card-schema.ts";
import { APP_TEXT_BYTES_MAX } from "../wecom/payloads.ts";
import { plainMarkdown } from "../wecom/plain-markdown.ts";
import { splitText } from "../wecom/text-split.ts";
import { invisible } from "./reply-sinks.ts";

/** Whom a message is for: a member, or a conversation by the id that records and the console show. */
export type ActiveAddress = { user: string } | { conversation: string };

export type ActiveContent = { type: "text" | "markdown"; text: string } | { type: "card"; card: GivenCard };

/** One message on its way. */
export interface Sending {
  /** Unique, at most 64 of `[0-9a-zA-Z-]`; the same for all tries of one message. */
  id: string;
  /** What an earlier try left behind; null for the first. */
  progress: PushProgress | null;
  /** To be called once nothing but WeCom itself can refuse the message, before it gets any. What it throws ends the message. */
  start(): Promise<void>;
  /** Keeps how far it got. */
  note(progress: PushProgress): Promise<void>;
  signal: AbortSignal;
}

/** A way to speak first. A channel without one (the AI bot over HTTP, wecom-protocol 7.3) is none. */
export interface ActiveChannel {
  /**
   * Resolves with the number of messages once WeCom has taken them all. Goes on where `sending.progress` says. Throws
   * `bad_request` for an address or content that this channel has no place for, `rate_limited` with a time to wait, and
   * what WeCom's API throws.
   */
  send(to: ActiveAddress, content: ActiveContent, sending: Sending): Promise<{ parts: number }>;
}

/** As answers keep it: for invisible marks. */
const MARK_BYTES = 160;

export interface AppActiveParts {
  agentId: string;
  api: Pick<WeComApi, "sendText" | "sendGivenCard">;
  budget: Pick<SendBudget, "reserve">;
  sentTexts: Pick<SentTexts, "note">;
}

/**
 * Through the self-built app, to one member. Markdown goes as the plain text that answers are: the app's own `markdown` has
 * no lists, tables or code and is not shown in the WeChat plugin (wecom-protocol 3.2). Pushes and answers share the member's
 * rate, and never pass for repeats of one another.
 */
export function appActiveChannel({ agentId, api, budget, sentTexts }: AppActiveParts): ActiveChannel {
  const duplicateCheckSeconds = SENT_TTL_MS / 1000;

  async function reserve(toUser: string, count: number): Promise<void> {
    const waitMs = await budget.reserve(toUser, { count });
    if (waitMs === 0) return;
    const why = "The member has had as many messages as WeCom lets through; try again later.";
    throw new YingdaError("rate_limited", why, { retryable: true, retryAfterMs: waitMs });
  }

  return {
    async send(to, content, { id, progress, start, note, signal }) {
      const toUser = receiverOf(to, agentId);
      if (content.type === "card") {
        await reserve(toUser, 1);
        await start();
        await api.sendGivenCard({ toUser, card: content.card, taskId: id, duplicateCheckSeconds, signal, traceId: id });
        return { parts: 1 };
      }
      const parts = partsOf(content.type === "markdown" ? plainMarkdown(content.text) : content.text);
      const sentBefore = progress?.partsSent ?? 0;
      if (sentBefore < parts.length) await reserve(toUser, parts.length - sentBefore);
      await start();
      const marks = progress?.marks ?? (await sentTexts.note(appConversation(agentId, toUser), parts));
      await note({ marks, partsSent: sentBefore });
      for (const [index, part] of parts.entries()) {
        if (index < sentBefore) continue;
        const marked = part + invisible(marks[index] ?? 0);
        await api.sendText({ toUser, content: marked, duplicateCheckSeconds, signal, traceId: id });
        await note({ marks, partsSent: index + 1 });
      }
      return { parts: parts.length };
    },
  };
}

function partsOf(text: string): string[] {
  const parts = splitText(text, APP_TEXT_BYTES_MAX - MARK_BYTES);
  if (parts.length === 0) throw new YingdaError("bad_request", "The text is blank.");
  if (parts.length > PUSHES_AT_ONCE_MAX) {
    throw new YingdaError("bad_request", `The text makes ${parts.length} messages, at most ${PUSHES_AT_ONCE_MAX} go.`);
  }
  return parts;
}

function receiverOf(to: ActiveAddress, agentId: string): string {
  const own = appConversation(agentId, "");
  const userId = "user" in to ? to.user : to.conversation.startsWith(own) ? to.conversation.slice(own.length) : "";
  if (USER_ID_SHAPE.test(userId)) return userId;
  throw new YingdaError("bad_request", `The app reaches a member's userid, or a conversation ${own}userid of its own.`);
}
