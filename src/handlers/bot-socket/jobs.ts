import type { SocketChat } from "../../session/message.ts";
import type { AnswerPicture } from "../../session/snapshots.ts";

/** Which bubble, and by which callback it is written to. */
export interface BubbleAddress {
  streamId: string;
  /** The req_id of the callback that it answers (wecom-protocol 5.4). */
  reqId: string;
  chat: SocketChat;
}

/** What any process asks of the one that holds the long connection. */
export type SocketJob =
  /** A hint: the bubble's snapshot has changed. */
  | ({ kind: "show" } & BubbleAddress)
  /** The bubble's last text. */
  | ({ kind: "finish"; content: string; expiresAtMs: number } & BubbleAddress)
  /** A picture of the bubble's answer, as a message of its own. */
  | ({ kind: "picture"; picture: AnswerPicture; expiresAtMs: number } & BubbleAddress)
  /** A message of its own: `msgtype` and the object of that name (5.5). */
  | {
      kind: "push";
      chat: SocketChat;
      message: Record<string, unknown>;
      expiresAtMs: number;
      /** Of another system: it leaves the last places of a minute to answers. */
      active?: true;
    };

/** Counted for each conversation, replies and pushes together (wecom-protocol 5.4). Chat ids have their case. */
export function chatKey({ kind, id }: SocketChat): string {
  return kind === "single" ? `single:${id.toLowerCase()}` : `group:${id}`;
}

export function bodyOf(json: string): Record<string, unknown> {
  return JSON.parse(json) as Record<string, unknown>;
}
