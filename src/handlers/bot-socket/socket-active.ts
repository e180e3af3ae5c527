import type { Clock } from "../../base/clock.ts";
import { YingdaError } from "../../base/errors.ts";
import { botSingleConversation } from "../../session/conversation-id.ts";
import type { SocketChat } from "../../session/message.ts";
import type { SocketChats } from "../../session/socket-chats.ts";
import type { SocketOutbox } from "../../session/socket-outbox.ts";
import { USER_ID_SHAPE } from "../../wecom/api-client.ts";
import { markdownBody, STREAM_BYTES_MAX } from "../../wecom/payloads.ts";
import type { ActiveAddress, ActiveChannel } from "../active-messages.ts";
import { bodyOf, type SocketJob } from "./jobs.ts";
import { throwFailed } from "./socket-sink.ts";

/** Nobody waits for it longer than the request that it belongs to. */
const JOB_LIFE_MS = 28_000;
const CHAT_ID_UNITS_MAX = 128;
/** Where WeCom did not say how long. */
const RATE_WAIT_MS = 60_000;

export interface SocketActiveParts {
  botId: string;
  outbox: Pick<SocketOutbox<SocketJob>, "send">;
  chats: Pick<SocketChats, "knows">;
  clock: Clock;
}

/**
 * Through the AI bot's long connection, to a member or a group that wrote to the bot before (wecom-protocol 5.5). A plain
 * text goes as markdown, since WeCom refuses text pushes (5.8: 40008); a card goes to a member alone.
 */
export function socketActiveChannel({ botId, outbox, chats, clock }: SocketActiveParts): ActiveChannel {
  return {
    async send(to, content, { id, start, signal }) {
      const chat = chatOf(to, botId);
      if (!(await chats.knows(chat))) {
        throw new YingdaError(
          "bad_request",
          "The bot may begin only where somebody wrote to it before; nobody did there.",
        );
      }
      if (content.type === "card" && chat.kind === "group") {
        throw new YingdaError("bad_request", "The AI bot sends cards to members only, not to groups.");
      }
      const message =
        content.type === "card"
          ? { msgtype: "template_card", template_card: { ...content.card, task_id: id } }
          : bodyOf(markdownBody(fitting(content.type === "text" ? escapedMarkdown(content.text) : content.text)));
      await start();
      const expiresAtMs = clock.nowMs() + JOB_LIFE_MS;
      // The same id again is the same job: what an earlier try sent is not sent twice.
      const job = { kind: "push" as const, chat, message, expiresAtMs, active: true as const };
      const result = await outbox.send(`push:${id}`, job, signal);
      if (!result.ok && result.code === "wecom_rate_limited") {
        const why = "The conversation has had as many messages as WeCom lets through; try again later.";
        throw new YingdaError("rate_limited", why, {
          retryable: true,
          retryAfterMs: result.retryAfterMs ?? RATE_WAIT_MS,
        });
      }
      throwFailed(result);
      return { parts: 1 };
    },
  };
}

function fitting(text: string): string {
  if (Buffer.byteLength(text) <= STREAM_BYTES_MAX) return text;
  throw new YingdaError("bad_request", `With its signs escaped the text has more than ${STREAM_BYTES_MAX} bytes.`);
}

/** A plain text means its signs: a star in it is a star. */
function escapedMarkdown(text: string): string {
  return text.replace(/[\\`*_#[\]|~<>]/g, "\\$&");
}

function chatOf(to: ActiveAddress, botId: string): SocketChat {
  if ("user" in to) {
    if (USER_ID_SHAPE.test(to.user)) return { kind: "single", id: to.user };
    throw unreachable(botId);
  }
  const single = botSingleConversation(botId, "");
  const group = `bot:${botId}:group:`;
  const { conversation } = to;
  if (conversation.startsWith(single)) {
    const id = conversation.slice(single.length);
    if (USER_ID_SHAPE.test(id)) return { kind: "single", id };
  } else if (conversation.startsWith(group)) {
    // Behind the chat there may be the member, where each of a group has a context of their own.
    const [id = ""] = conversation.slice(group.length).split(":");
    if (id !== "" && id.length <= CHAT_ID_UNITS_MAX) return { kind: "group", id };
  }
  throw unreachable(botId);
}

function unreachable(botId: string): YingdaError {
  const why = `The AI bot reaches a member's userid, or a conversation bot:${botId}:single:userid or bot:${botId}:group:chatid.`;
  return new YingdaError("bad_request", why);
}
