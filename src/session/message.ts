/** The words that handlers, mailbox and turn share about what a person wrote. */

/** `app`: self-built app, XML callbacks. `bot`: AI bot over HTTP. `socket`: AI bot over the long connection. */
export type Channel = "app" | "bot" | "socket";

export interface Sender {
  /** WeCom userid as received. WeCom treats userids without regard to case: compare with `sameUser`. */
  userId: string;
}

export type Attachment =
  | { kind: "image" | "voice" | "video"; mediaId?: string; url?: string }
  | { kind: "file"; url?: string; name?: string }
  | { kind: "location"; label: string; latitude: number; longitude: number }
  | { kind: "link"; title: string; url: string; description: string };

export interface Quote {
  /** WeCom gives no author and no id of what was quoted. */
  kind: "text" | "image" | "mixed" | "voice" | "file" | "video";
  text: string;
}

/** How the answer finds its way back. Kept with the message, so any process can answer. */
export type ReplyAddress =
  | { kind: "app"; agentId: string; toUser: string }
  | { kind: "bot"; streamId: string; responseUrl?: string };

export type MessageKind =
  /** something to answer */
  | "message"
  /** the member opened the chat: a welcome, no model */
  | "greeting";

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
  receivedAtMs: number;
  reply: ReplyAddress;
  /** One id for log lines, records and the model request of this turn. */
  traceId: string;
}
