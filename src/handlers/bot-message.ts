import { randomUUID } from "node:crypto";
import { botGroupConversation, botSingleConversation } from "../session/conversation-id.ts";
import { streamIdOf } from "../session/keys.ts";
import type { Attachment, Channel, Message, Quote, ReplyAddress } from "../session/message.ts";
import type { BotMedia } from "../wecom/bot-content.ts";
import { type BotMessage, stripMention, textOfContent, textOfQuote } from "../wecom/callback-json.ts";

export interface ReadingParts {
  /** The display name in WeCom, for the mention at the start of a group message. */
  botName: string | undefined;
  groupSession: "group" | "member";
  nowMs: number;
}

/** What a member wrote to the AI bot, normalised; the same for both of the bot's channels. */
export function botMessage<R extends ReplyAddress>(
  callback: BotMessage,
  channel: Channel,
  { botName, groupSession, nowMs }: ReadingParts,
  replyTo: (streamId: string) => R,
): Message & { reply: R } {
  const { botId, userId, chat } = callback;
  const conversationId =
    chat.kind === "single"
      ? botSingleConversation(botId, userId)
      : botGroupConversation(botId, chat.chatId, userId, groupSession);
  const id = `bot:${botId}:${callback.msgId}`;
  const text = textOfContent(callback.content);
  return {
    id,
    kind: "message",
    channel,
    conversationId,
    sender: { userId },
    ...(chat.kind === "group" ? { groupId: chat.chatId } : {}),
    text: chat.kind === "group" ? stripMention(text, botName) : text,
    ...(callback.quote === undefined ? {} : { quote: readQuote(callback.quote) }),
    attachments: readAttachments(callback.content),
    receivedAtMs: nowMs,
    reply: replyTo(streamIdOf(conversationId, id)),
    traceId: randomUUID(),
  };
}

function readQuote(quote: NonNullable<BotMessage["quote"]>): Quote {
  const attachments = readAttachments(quote);
  return { kind: quote.type, text: textOfQuote(quote), ...(attachments.length === 0 ? {} : { attachments }) };
}

function readAttachments(content: BotMessage["content"]): Attachment[] {
  switch (content.type) {
    case "text":
    case "voice":
      return [];
    case "image":
    case "video":
    case "file":
      return [{ kind: content.type, ...fetchable(content) }];
    case "mixed":
      return content.items.flatMap((item): Attachment[] =>
        item.type === "image" ? [{ kind: "image", ...fetchable(item) }] : [],
      );
  }
}

function fetchable({ url, aesKey }: BotMedia): { url: string; aesKey?: string } {
  return { url, ...(aesKey === undefined ? {} : { aesKey }) };
}
