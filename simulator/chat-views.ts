import { BoundedLog } from "./bounded-log.ts";
import { chatCard, wordsAndCard } from "./chat-cards.ts";
import type { ChatMember, ChatMessage } from "./chat-types.ts";
import type {
  AppMessage,
  BotChannelName,
  BotMessage,
  Bubble,
  MemberMessage,
  PlatformEvent,
  ShownMedia,
} from "./platform-types.ts";
import { stringOr } from "./values.ts";

export interface ChatViewsOptions {
  members: ChatMember[];
  appName: string;
  botName: string;
  socketName: string;
  /** What stands behind a media_id that the app sent. */
  media(id: string): ShownMedia | undefined;
  /** Called for every message that is new or changed. */
  onChange(message: ChatMessage): void;
}

export const APP_CHAT = "app";
export const BOT_CHAT = "bot";
export const SOCKET_CHAT = "socket";
/** Chats that each member has alone; their ids are the names of their channels. */
const PRIVATE = [APP_CHAT, BOT_CHAT, SOCKET_CHAT];
/** Messages kept for one view: more than anybody scrolls back on a demo. */
const MESSAGES_MAX = 300;
const BUBBLE_STATE: Record<Bubble["state"], ChatMessage["state"]> = {
  waiting: "streaming",
  streaming: "streaming",
  finished: "finished",
  empty: "finished",
  failed: "failed",
  expired: "expired",
};
const MEDIA_TYPES: ReadonlySet<string> = new Set(["image", "voice", "video", "file"]);
const RECALLED = "消息已撤回 · Message recalled";

/** What the members' clients show, made from the platform's events: one list of messages for each view. */
export class ChatViews {
  readonly #options: ChatViewsOptions;
  readonly #names: Map<string, string>;
  readonly #views = new Map<string, BoundedLog<ChatMessage>>();

  constructor(options: ChatViewsOptions) {
    this.#options = options;
    this.#names = new Map(options.members.map((member) => [member.userId.toLowerCase(), member.name]));
  }

  /** All views, oldest message first. */
  all(): Record<string, ChatMessage[]> {
    return Object.fromEntries([...this.#views].map(([viewKey, messages]) => [viewKey, messages.list()]));
  }

  find(viewKey: string, id: string): ChatMessage | undefined {
    return this.#views.get(viewKey)?.findLast((message) => message.id === id);
  }

  take(event: PlatformEvent): void {
    switch (event.type) {
      case "member_message":
        this.#put(this.#ofMember(event.message));
        return;
      case "bubble":
        // Nothing is shown before the first reply, and nothing at all for an empty one.
        if (event.bubble.streamId !== undefined || event.bubble.card !== undefined)
          this.#put(this.#ofBubble(event.bubble));
        return;
      case "app_message":
        this.#put(this.#ofApp(event.message));
        return;
      case "bot_message":
        this.#put(this.#ofBot(event.message));
        return;
      case "connection":
      case "exchange":
      case "violation":
        return;
    }
  }

  #put(message: ChatMessage): void {
    const view = this.#views.get(message.viewKey) ?? new BoundedLog<ChatMessage>(MESSAGES_MAX);
    this.#views.set(message.viewKey, view);
    const shown = view.findLast((other) => other.id === message.id);
    if (shown === undefined) view.push(message);
    else Object.assign(shown, message);
    this.#options.onChange(message);
  }

  #ofMember(message: MemberMessage): ChatMessage {
    return {
      id: message.id,
      viewKey: viewKeyOf(message.chatId ?? message.channel, message.userId),
      from: { kind: "member", userId: message.userId, name: this.#nameOf(message.userId) },
      text: message.text,
      format: "text",
      atMs: message.atMs,
      state: message.state === "not_called" ? "delivered" : message.state,
      ...(message.state === "not_called" ? { called: false as const } : {}),
      ...(message.media === undefined ? {} : { media: message.media }),
      ...(message.quote === undefined ? {} : { quote: message.quote }),
    };
  }

  #ofBubble(bubble: Bubble): ChatMessage {
    return {
      id: bubbleMessageId(bubble.messageId),
      viewKey: viewKeyOf(bubble.chatId ?? bubble.channel, bubble.userId),
      from: { kind: "bot", name: this.#botName(bubble.channel) },
      ...wordsAndCard(bubble.content, bubble.card),
      format: "markdown",
      ...(bubble.media === undefined ? {} : { media: bubble.media }),
      atMs: bubble.atMs,
      state: BUBBLE_STATE[bubble.state],
      feedback: feedbackOf(bubble.finished ? bubble.feedbackId : undefined, bubble.feedback),
      // A further stream on a message has its number behind it.
      replyTo: bubble.messageId.replace(/#\d+$/, ""),
    };
  }

  #ofApp(message: AppMessage): ChatMessage {
    const common = { id: message.id, viewKey: viewKeyOf(APP_CHAT, message.userId), atMs: message.atMs };
    const state = "delivered" as const;
    if (message.recalled) {
      return { ...common, from: { kind: "platform", name: "" }, text: RECALLED, format: "text", state };
    }
    const media = MEDIA_TYPES.has(message.msgtype)
      ? this.#options.media(stringOr(message.content.media_id))
      : undefined;
    return {
      ...common,
      from: { kind: "app", name: this.#options.appName },
      ...(media === undefined ? { text: message.text } : { text: "", media: [media] }),
      format: message.msgtype === "markdown" ? "markdown" : "text",
      state,
      ...(message.msgtype === "template_card" ? { card: chatCard(message.content, { alone: true }) } : {}),
    };
  }

  #ofBot(message: BotMessage): ChatMessage {
    const viewKey = viewKeyOf(message.chatId ?? message.channel, message.userId);
    const { messageId } = message;
    // In a group the reply quotes the message that it answers (wecom-protocol 4.9).
    const asked = message.chatId === undefined ? undefined : this.find(viewKey, messageId ?? "");
    return {
      id: message.id,
      viewKey,
      from: { kind: "bot", name: this.#botName(message.channel) },
      text: message.text,
      ...(message.media === undefined ? {} : { media: message.media }),
      ...(message.card === undefined ? {} : { card: chatCard(message.card, { alone: true }) }),
      format: message.format === "markdown" ? "markdown" : "text",
      atMs: message.atMs,
      state: "finished",
      feedback: feedbackOf(message.feedbackId, message.feedback),
      ...(messageId === undefined ? {} : { replyTo: messageId }),
      ...(asked === undefined ? {} : { quote: { name: asked.from.name, text: asked.text } }),
    };
  }

  #botName(channel: BotChannelName): string {
    return channel === "bot" ? this.#options.botName : this.#options.socketName;
  }

  #nameOf(userId: string): string {
    return this.#names.get(userId.toLowerCase()) ?? userId;
  }
}

export function viewKeyOf(chatId: string, userId: string): string {
  return PRIVATE.includes(chatId) ? `${chatId}:${userId}` : chatId;
}

const ANSWER = "answer:";

/** The page's id of the answer to a message; the message itself has the platform's id. */
function bubbleMessageId(messageId: string): string {
  return `${ANSWER}${messageId}`;
}

/** The platform's id for an id of the page. */
export function platformMessageId(id: string): string {
  return id.startsWith(ANSWER) ? id.slice(ANSWER.length) : id;
}

function feedbackOf(
  feedbackId: string | undefined,
  given: 1 | 2 | 3 | undefined,
): NonNullable<ChatMessage["feedback"]> {
  return { possible: feedbackId !== undefined, ...(given === undefined ? {} : { given }) };
}
