/** The chat page's side of the words: what its HTTP API hands out. Times are milliseconds since 1970. */

import type { ShownMedia } from "./platform-types.ts";
import type { SocketFaults } from "./socket-faults.ts";

export interface ChatMember {
  userId: string;
  name: string;
}

export interface ChatInfo {
  id: string;
  /** `app` and `bot_single` are private to each member, a group is shared. */
  kind: "app" | "bot_single" | "bot_group";
  title: string;
  /** The bot of this chat has the long connection. */
  socket?: true;
  members?: string[];
}

export interface ChatMessage {
  id: string;
  /** `chatId` of a group, `chatId:userId` of a private chat. */
  viewKey: string;
  from: { kind: "member" | "bot" | "app" | "platform"; userId?: string; name: string };
  text: string;
  format: "text" | "markdown";
  atMs: number;
  /** `lost`: written to a bot that had no long connection. */
  state: "sending" | "delivered" | "lost" | "streaming" | "finished" | "failed" | "expired";
  quote?: { name?: string; text: string };
  /** Pictures, voices and files beside `text`, or alone; the bytes are `/api/media/<id>`. */
  media?: ShownMedia[];
  /** Set to false for what the platform calls nobody for. */
  called?: false;
  feedback?: { possible: boolean; given?: 1 | 2 | 3 };
  replyTo?: string;
  card?: ChatCard;
}

/** A template card as a client draws it (wecom-protocol 7). */
export interface ChatCard {
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
  /** A button with an empty key was pressed, or taken away: it cannot be pressed. */
  buttons: { text: string; key: string; style: number }[];
}

/** One exchange between platform and service, for the page's inspector. */
export interface Packet {
  id: string;
  atMs: number;
  direction: "to_service" | "to_platform";
  kind: string;
  status: number;
  tookMs: number;
  attempt?: number;
  raw: string;
  plain: string;
  replyRaw?: string;
  replyPlain?: string;
  chatId: string;
  messageId?: string;
}

export interface FaultsView {
  duplicateDelivery: boolean;
  slowPlatformMs: number;
  dropSends: boolean;
  errcode: number | null;
  tokensRevoked: number;
  socket?: SocketFaults & { connected: boolean };
}

/** A flagged turn, as the service's reviewers would see it; whoever starts the page knows how to ask for them. */
export interface FlagView {
  caseNumber: string;
  atMs: number;
  userId: string;
  direction: string;
  action: string;
  severity: string;
  categories: string[];
  text: string;
}
