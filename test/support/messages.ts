import { randomUUID } from "node:crypto";
import { Events } from "../../src/base/events.ts";
import { createLogger, type Logger } from "../../src/base/logger.ts";
import { streamIdOf } from "../../src/session/keys.ts";
import type { Message } from "../../src/session/message.ts";

/** A logger that says nothing, for parts under test. */
export const silentLog: Logger = createLogger("silent");

export function silentEvents(): Events {
  return new Events(silentLog);
}

/** A message of the self-built app's chat; every field can be replaced. */
export function appMessage(over: Partial<Message> = {}): Message {
  const userId = over.sender?.userId ?? "zhangsan";
  return {
    id: `app:1000002:${randomUUID()}`,
    kind: "message",
    channel: "app",
    conversationId: `app:1000002:${userId}`,
    sender: { userId },
    text: "你好",
    attachments: [],
    receivedAtMs: Date.now(),
    reply: { kind: "app", agentId: "1000002", toUser: userId },
    traceId: randomUUID(),
    ...over,
  };
}

/** A message to the AI bot in a single chat. */
export function botMessage(over: Partial<Message> = {}): Message {
  const id = over.id ?? `bot:B1:${randomUUID()}`;
  const conversationId = over.conversationId ?? "bot:B1:single:zhangsan";
  return appMessage({
    id,
    channel: "bot",
    conversationId,
    reply: { kind: "bot", streamId: streamIdOf(conversationId, id) },
    ...over,
  });
}
