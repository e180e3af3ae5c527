/** The words that handlers, mailbox and turn share about what a person wrote. */

/** `app`: self-built app, XML callbacks. `bot`: AI bot over HTTP. `socket`: AI bot over the long connection. */
export type Channel = "app" | "bot" | "socket";

export interface Sender {
  /** WeCom userid as received. WeCom treats userids without regard to case: compare with `sameUser`. */
  userId: string;
}

/** Where the bytes are to be had, for a short while: the app's `media_id`, or the bot's encrypted file. Secrets: do not log. */
export interface MediaSource {
  mediaId?: string;
  url?: string;
  /** The file's own key, over the long connection; without one it is the callback's (wecom-protocol 4.5, 5.6). */
  aesKey?: string;
}

export type Attachment =
  | ({ kind: "image" | "voice" | "video" } & MediaSource)
  | ({ kind: "file"; name?: string } & MediaSource)
  | { kind: "location"; label: string; latitude: number; longitude: number }
  | { kind: "link"; title: string; url: string; description: string };

export interface Quote {
  /** WeCom gives no author and no id of what was quoted. */
  kind: "text" | "image" | "mixed" | "voice" | "file" | "video";
  text: string;
  attachments?: Attachment[];
}

/** How the answer finds its way back. Kept with the message, so any process can answer. */
export type ReplyAddress =
  | { kind: "app"; agentId: string; toUser: string }
  | { kind: "bot"; streamId: string; responseUrl?: string }
  | { kind: "socket"; botId: string; streamId: string; reqId: string; chat: SocketChat; responseUrl?: string };

/** Whom a push over the long connection goes to: a userid (`single`) or a group's chat id, case-sensitive (wecom-protocol 5.5). */
export interface SocketChat {
  kind: "single" | "group";
  id: string;
}

/** The bubble that a reply grows in, by its id; null where the channel has none. */
export function bubbleOf(reply: ReplyAddress): string | null {
  return reply.kind === "app" ? null : reply.streamId;
}

export type MessageKind =
  /** something to answer */
  | "message"
  /** the member opened the chat: a welcome, no model */
  | "greeting"
  /** a thumb pressed in the app's menu, as text; never for the model */
  | "rating";

/** What one person wrote, normalised. Immutable once kept. */
export interface Message {
  /** Unique over all channels: `app:<MsgId>`, `bot:<aibotid>:<msgid>`. Always a string: MsgId exceeds 2^53. */
  id: string;
  kind: MessageKind;
  channel: Channel;
  /** `app:agent:user`, `bot:id:single:user`, `bot:id:group:chat[:user]`; see conversation-id.ts. */
  conversationId: string;
  sender: Sender;
  /** Present in group chats only. Case-sensitive. */
  groupId?: string;
  /** What the person wrote, without the leading @mention; a voice message's transcript. May be empty when there are attachments. */
  text: string;
  quote?: Quote;
  attachments: Attachment[];
  /** A word that ends an answer ("算了"), and there was one to end when it was kept. */
  stops?: true;
  receivedAtMs: number;
  reply: ReplyAddress;
  /** One id for log lines, records and the model request of this turn. */
  traceId: string;
}
