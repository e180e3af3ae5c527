/** What the simulator tells the chat page, and what the page keeps of it. Times are milliseconds since 1970. */

export interface Member {
  userId: string;
  name: string;
}

export interface Chat {
  id: string;
  /** `app`: self-built app. `bot_single`, `bot_group`: AI bot, alone or in a group. */
  kind: "app" | "bot_single" | "bot_group";
  title: string;
  /** The bot has the long connection. */
  socket?: true;
  /** Of a group. */
  members?: string[];
}

export type MessageState = "sending" | "delivered" | "streaming" | "finished" | "failed" | "expired" | "lost";

/** A file in a chat; its bytes are `/api/media/<id>`. */
export interface Media {
  id: string;
  type: "image" | "voice" | "video" | "file";
  name: string;
  contentType: string;
  bytes: number;
}

/** 1 accurate, 2 inaccurate, 3 taken back (wecom-protocol 4.6). */
export type FeedbackType = 1 | 2 | 3;

export interface ChatMessage {
  id: string;
  /** `chatId` of a group, `chatId:userId` of a chat that is private to a member. */
  viewKey: string;
  from: { kind: "member" | "bot" | "app" | "platform"; userId?: string; name: string };
  text: string;
  format: "text" | "markdown";
  atMs: number;
  state: MessageState;
  quote?: { name?: string; text: string };
  media?: Media[];
  /** False for what the platform calls nobody for. */
  called?: false;
  feedback?: { possible: boolean; given?: FeedbackType };
  /** The id of the message that this one answers. */
  replyTo?: string;
  card?: Card;
}

/** A template card (wecom-protocol 7). */
export interface Card {
  /** Nothing is said beside it; `text` of its message are then its own words. */
  alone: boolean;
  source: { text: string; colour: "grey" | "black" | "red" | "green" };
  title: string;
  subtitle: string;
  text: string;
  facts: { name: string; value: string }[];
  links: { title: string; url: string }[];
  /** Asked in the member's name by a tap. */
  questions: { title: string; question: string }[];
  /** One with an empty key cannot be pressed. */
  buttons: { text: string; key: string; style: number }[];
}

/** One HTTP exchange between platform and service. */
export interface Packet {
  id: string;
  atMs: number;
  direction: "to_service" | "to_platform";
  /** For people: "callback text", "stream poll", "message/send". */
  kind: string;
  status: number;
  tookMs: number;
  attempt?: number;
  raw: string;
  plain: string;
  replyRaw?: string;
  replyPlain?: string;
  chatId?: string;
  messageId?: string;
}

export interface Faults {
  duplicateDelivery: boolean;
  slowPlatformMs: number;
  dropSends: boolean;
  errcode: number | null;
  /** How often the access token was revoked. */
  tokensRevoked: number;
  /** Where there is a chat over the long connection. */
  socket?: SocketFaults & { connected: boolean };
}

export interface SocketFaults {
  silence: "none" | "acks" | "all";
  ackDelayMs: number;
  badCredentials: boolean;
  streamLifeMs: number | null;
  refuse: { errcode: number; times: number } | null;
}

export interface FaultChange {
  duplicateDelivery?: boolean;
  slowPlatformMs?: number;
  revokeToken?: true;
  dropSends?: boolean;
  errcode?: number | null;
  socket?: Partial<SocketFaults> & { act?: "kick" | "drop" };
}

/** A flagged turn, as the service's reviewers would see it. */
export interface Flag {
  caseNumber: string;
  atMs: number;
  userId: string;
  direction: string;
  action: string;
  severity: string;
  categories: string[];
  text: string;
}

export interface ServerState {
  members: Member[];
  chats: Chat[];
  botName: string;
  appName: string;
  faults: Faults;
  messages: Record<string, ChatMessage[]>;
}

/** A message of one's own that the simulator has not confirmed yet, or has refused. */
export interface PendingMessage extends ChatMessage {
  /** What to post again when the member asks for it. */
  outgoing: Outgoing;
  /** Why it failed, in the simulator's words. */
  reason?: string;
}

export interface Outgoing {
  chatId: string;
  as: string;
  text: string;
  /** Ids of files that the simulator has. */
  media?: string[];
  location?: { latitude: number; longitude: number; label: string };
  link?: { title: string; description: string; url: string };
  quoteMessageId?: string;
  /** Of something that stands in no chat here. */
  quote?: { name: string; text: string };
}

export type Connection = "connecting" | "live" | "lost";
export type PanelTab = "packets" | "faults" | "flags";

/** Which parts of the state changed; views listen to the ones they show. */
export type Topic =
  | "phase"
  | "connection"
  | "selection"
  | "messages"
  | "contacts"
  | "packets"
  | "packetChoice"
  | "faults"
  | "flags"
  | "panel"
  | "language";

/** Something to try: the button's words, and what it sends. */
export interface Suggestion {
  label: string;
  text: string;
  location?: { latitude: number; longitude: number; label: string };
  link?: { title: string; description: string; url: string };
  quote?: { name: string; text: string };
}
