/** The words of the pretend WeCom: what it is given, what it remembers, what it tells a test or the chat page. */

export interface Member {
  /** 1 to 64 bytes of letters, digits and `_-@.`; unique without regard to case (wecom-protocol 3.7). */
  userId: string;
  name: string;
  /** Department ids, default `[1]`. */
  departments?: number[];
  /** 1 active (default), 2 disabled, 4 not activated, 5 left. Only active members receive anything. */
  status?: 1 | 2 | 4 | 5;
  /** Whether the app's visible range contains the member; default true. */
  visible?: boolean;
}

export interface Group {
  /** Case-sensitive (wecom-protocol 4.3). */
  chatId: string;
  name: string;
  memberIds: string[];
}

/** The self-built app as the admin console shows it. */
export interface AppCredentials {
  agentId: number;
  name: string;
  secret: string;
  token: string;
  aesKey: string;
}

/** The AI bot in "URL callback" mode as the admin console shows it. */
export interface BotCredentials {
  botId: string;
  name: string;
  token: string;
  aesKey: string;
}

/** The AI bot in "long connection" mode as the admin console shows it: another bot, since one bot has one mode. */
export interface SocketBotCredentials {
  botId: string;
  name: string;
  secret: string;
}

/** Defaults are WeCom's figures with their place in wecom-protocol; tests shorten them. */
export interface PlatformTiming {
  /** A callback is cut after this long (2.1, 4.8). Default 5000. */
  callbackTimeoutMs: number;
  /** The same for URL verification (1.6). Default 1000. */
  verifyTimeoutMs: number;
  /** Further deliveries of an app callback that failed (2.1). Default 3. */
  appRetries: number;
  /** From the start of one delivery of an app callback to the start of the next. Default 5000. */
  appRetryIntervalMs: number;
  /** Further deliveries of a bot message that failed. The documents promise none for the bot; default 0. */
  botRetries: number;
  /** From a poll's answer to the next poll (4.8: about a second). Default 1000. */
  pollIntervalMs: number;
  /** A bot's answer is polled this long after the message went out, then the client shows an error (4.8). Default 360000. */
  streamLifeMs: number;
  /** Life of an access token (3.1). Default 7200. */
  tokenLifeSeconds: number;
  /** Life of a response_url (4.9). Default 3600000. */
  responseUrlLifeMs: number;
  /** Life of a media link in a bot callback (4.5). Default 300000. */
  mediaUrlLifeMs: number;
  /** A long connection without a ping for this long is closed (5.1: after an unstated time). Default 90000. */
  heartbeatTimeoutMs: number;
  /** From `disconnected_event` to the end of the connection that was pushed out (5.3: 2.2 s and 313 s were measured). Default 2200. */
  kickCloseDelayMs: number;
  /** Life of a stream over the long connection, from its first frame (5.4: 10 minutes, formerly 6). Default 600000. */
  socketStreamLifeMs: number;
  /** How long a message can be replied to over the long connection (5.4). Default 86400000. */
  replyWindowMs: number;
  /** Life of an upload that was begun over the long connection (5.7). Default 1800000. */
  uploadLifeMs: number;
}

export interface PlatformLimits {
  /** Messages of the app to one member; the excess is dropped and errcode stays 0 (3.3). Default 30. */
  memberPerMinute: number;
  /** The same for an hour. Default 1000. */
  memberPerHour: number;
  /** Replies and pushes together over the long connection, for each conversation; more are refused with 846607 (5.4). Default 30. */
  socketPerMinute: number;
  /** The same for an hour. Default 1000. */
  socketPerHour: number;
  /** Whether every frame of a stream counts among them or its first alone: reports disagree (5.4), so the default is the strict `true`. */
  streamFramesCount: boolean;
  /** Interactions a user may have in progress with the bot; more wait (4.2). Default 3. */
  interactionsMax: number;
  /** Calls of the active API in progress; more get 45033 (3.1). Default 400. */
  concurrentCallsMax: number;
  /** Members, and calls, violations and messages kept for each member or list: a run of days keeps its memory flat. Default 5000. */
  historyMax: number;
}

/** Which of the platform's two callbacks. */
export type CallbackChannel = "app" | "bot";

/** Which AI bot: the one with callbacks, or the one with a long connection. */
export type BotChannelName = "bot" | "socket";

/** All ways between members and the service. */
export type Channel = CallbackChannel | "socket";

export type MemberMessageState = "sending" | "delivered" | "failed" | "not_called" | "lost";

/** A picture, voice, video or file in a chat, as a client shows it; the bytes are `WeComPlatform.media(id)`. */
export interface ShownMedia {
  id: string;
  type: "image" | "voice" | "video" | "file";
  name: string;
  contentType: string;
  bytes: number;
}

/** What a member wrote (or did), as the member's own client shows it. */
export interface MemberMessage {
  /** MsgId of the app (64-bit number as text) or msgid of the bot. */
  id: string;
  channel: Channel;
  userId: string;
  chatId?: string;
  text: string;
  quote?: { name?: string; text: string };
  media?: ShownMedia[];
  atMs: number;
  /**
   * `not_called`: shown in the chat, but nothing that WeCom calls the service for (4.2). `lost`: written while no long
   * connection was there (5.3).
   */
  state: MemberMessageState;
}

export interface Snapshot {
  atMs: number;
  content: string;
  finish: boolean;
}

/** The AI bot's answer to one message, as the member's client shows it. */
export interface Bubble {
  channel: BotChannelName;
  /** msgid of the member's message; further streams on the same message have `#2`, `#3`, … after it (5.4). */
  messageId: string;
  userId: string;
  chatId?: string;
  atMs: number;
  streamId?: string;
  content: string;
  /**
   * `waiting` for a place among the three interactions or for the first reply, `streaming`, `finished`;
   * `empty`: the service answered with an empty packet; `failed`: no usable reply; `expired`: the life ended without finish.
   */
  state: "waiting" | "streaming" | "finished" | "empty" | "failed" | "expired";
  finished: boolean;
  feedbackId?: string;
  feedback?: 1 | 2 | 3;
  images: number;
  /** The pictures that came with the end of the stream. */
  media?: ShownMedia[];
  card?: Record<string, unknown>;
  /** Every change of what is shown, in order: the newest few hundred, and only the last once 200 later answers are over. */
  snapshots: readonly Snapshot[];
  /** Polls that were answered; over the long connection, frames after the first. */
  polls: number;
}

/**
 * A message of the AI bot that is not a stream: a welcome, what came through a response_url, or over the long connection a
 * reply of another kind or a push.
 */
export interface BotMessage {
  id: string;
  channel: BotChannelName;
  kind: "welcome" | "response_url" | "reply" | "push";
  userId: string;
  chatId?: string;
  /** The message it answers; absent for a welcome and a push. */
  messageId?: string;
  format: "text" | "markdown" | "card" | "media";
  text: string;
  media?: ShownMedia[];
  card?: Record<string, unknown>;
  feedbackId?: string;
  feedback?: 1 | 2 | 3;
  atMs: number;
}

/** A message of the self-built app in a member's chat. */
export interface AppMessage {
  /** msgid of the send; a passive reply has one of the simulator's own. */
  id: string;
  userId: string;
  msgtype: string;
  /** What a person reads: the content, or a card's or article's titles. */
  text: string;
  /** The object under its msgtype, as sent. */
  content: Record<string, unknown>;
  /** Set when WeCom cut the text: bytes as sent and as shown. */
  cut?: { sentBytes: number; shownBytes: number };
  via: "send" | "passive";
  recalled: boolean;
  atMs: number;
}

/** What became of one accepted `message/send` (errcode 0). */
export interface SendRecord {
  msgid: string;
  atMs: number;
  msgtype: string;
  /** User ids that have it in their chat now. */
  delivered: string[];
  /** Silently dropped for these members although errcode was 0. */
  dropped: { userId: string; why: "minute_limit" | "hour_limit" | "on_demand" }[];
  /** The duplicate check found the same request; nothing was delivered. */
  duplicate: boolean;
}

/** One HTTP request and its answer, or one frame of the long connection and its ack, either way. Tokens, secrets, keys of files and response codes are masked. */
export interface Exchange {
  id: number;
  atMs: number;
  direction: "to_service" | "to_platform";
  /** Whose traffic it is: the self-built app's or one of the AI bots'. */
  channel: Channel;
  /** `callback text`, `stream poll`, `event enter_chat`, `url check`, `gettoken`, `message/send`, `aibot/response`, … */
  kind: string;
  method: string;
  url: string;
  /** HTTP status; 0 when no answer was seen. A frame has 200 when it went over. */
  status: number;
  outcome: "answered" | "timed_out" | "unreachable" | "cut";
  tookMs: number;
  /** 1 for the first delivery of a callback, 2 for its first retry, … */
  attempt?: number;
  errcode?: number;
  /** Which of the issued access tokens was used, 1 for the first; absent when it was none of ours. */
  tokenSerial?: number;
  /** The request's body as on the wire; the request line where there is no body. */
  raw: string;
  /** The same, decrypted. */
  plain: string;
  replyRaw?: string;
  replyPlain?: string;
  userId?: string;
  chatId?: string;
  messageId?: string;
}

export interface Violation {
  atMs: number;
  rule: ViolationRule;
  /** What was seen, in one sentence; never message text. */
  detail: string;
  channel: Channel;
  messageId?: string;
}

/** What the service did that the protocol forbids, or that the platform answers with silent damage. */
export type ViolationRule =
  | "reply_too_slow"
  | "packet_content_type"
  | "packet_not_json"
  | "packet_not_xml"
  | "packet_fields_missing"
  | "packet_signature"
  | "packet_nonce"
  | "packet_undecryptable"
  | "packet_receiver"
  | "reply_malformed"
  | "reply_not_allowed"
  | "stream_id_missing"
  | "stream_id_changed"
  | "stream_id_reused"
  | "stream_field_wrong"
  | "stream_too_long"
  | "blank_after_text"
  | "changed_after_finish"
  | "different_stream_for_repeat"
  | "feedback_id_too_long"
  | "feedback_id_late"
  | "feedback_id_changed"
  | "images_wrong"
  | "card_wrong"
  | "card_sent_twice"
  | "text_cut"
  | "response_url_content"
  | "frame_malformed"
  | "frame_unknown"
  | "subscribe_repeated"
  | "upload_wrong";

/** One delivery of one callback. */
export interface Attempt {
  attempt: number;
  /** 1 unless duplicates were asked for. */
  copy: number;
  url: string;
  outcome: "answered" | "timed_out" | "unreachable";
  status: number;
  tookMs: number;
}

export interface DeliveryOutcome {
  /** `accepted`: an answer that the platform takes as success; `failed`: none after all retries; `not_called`: no callback exists for it; `lost`: no long connection was there. */
  result: "accepted" | "failed" | "not_called" | "lost";
  attempts: Attempt[];
}

/** A callback under way. `outcome` never rejects; it may be left alone. */
export interface Sent {
  messageId: string;
  outcome: Promise<DeliveryOutcome>;
}

export type PlatformEvent =
  | { type: "exchange"; exchange: Exchange }
  | { type: "member_message"; message: MemberMessage }
  | { type: "bubble"; bubble: Bubble }
  | { type: "app_message"; message: AppMessage }
  | { type: "bot_message"; message: BotMessage }
  | { type: "violation"; violation: Violation }
  /** The long connection came or went. */
  | { type: "connection"; connected: boolean };
