import type { IncomingMessage, ServerResponse } from "node:http";
import path from "node:path";
import { YingdaError } from "../src/base/errors.ts";
import { pressCard } from "./chat-cards.ts";
import { changeFaults, faultsView } from "./chat-faults.ts";
import { checkOrigin, readJson } from "./chat-guard.ts";
import { sendMedia, takeMedia } from "./chat-media.ts";
import { sayFromPage } from "./chat-sending.ts";
import type { ChatInfo, ChatMember, ChatMessage, FaultsView, FlagView, Packet } from "./chat-types.ts";
import { APP_CHAT, BOT_CHAT, ChatViews, platformMessageId, SOCKET_CHAT, viewKeyOf } from "./chat-views.ts";
import { EventStream } from "./event-stream.ts";
import { listenOnLoopback, sendJson } from "./http-kit.ts";
import { packetOf } from "./packets.ts";
import type { BotChannelName, Channel } from "./platform-types.ts";
import { sendStaticFile } from "./static-files.ts";
import { type JsonObject, stringOr, utf8Bytes } from "./values.ts";
import type { WeComPlatform } from "./wecom-platform.ts";

export interface ChatServerOptions {
  platform: WeComPlatform;
  /** Who can be spoken as; all must be members of the platform. Default: all of its members. */
  members?: ChatMember[];
  /** Titles of the chats; default the platform's own. The name of the groups' bot is also what a mention says. */
  names?: { app?: string; bot?: string };
  /** Which private chats there are besides the groups; default the bot with callbacks and the app. */
  contacts?: Channel[];
  /** The folder of the page; default the one beside this file. */
  staticDir?: string;
  /** Lets the page show what the service flagged. */
  inspector?: { flags(): Promise<FlagView[]> };
  /** Default 0: a free port. */
  port?: number;
}

export interface ChatServer {
  /** `http://127.0.0.1:<port>` */
  url: string;
  stop(): Promise<void>;
}

const PAGE_FOLDER = path.join(import.meta.dirname, "chat");
const COMMENT_BYTES_MAX = 2 * 1024;
const PACKETS_DEFAULT = 200;
const PACKETS_MAX = 1_000;
/** How often the inspector is asked for news while a page is open. */
const FLAGS_EVERY_MS = 2_000;

/** The chat page and its API over a platform, on 127.0.0.1 only: whoever can open it can speak as any member. */
export async function startChatServer(options: ChatServerOptions): Promise<ChatServer> {
  const chat = new Chat(options);
  const server = await listenOnLoopback((req, res) => chat.handle(req, res), options.port ?? 0);
  return {
    url: server.url,
    async stop() {
      chat.close();
      await server.close();
    },
  };
}

class Chat {
  readonly #options: ChatServerOptions;
  readonly #platform: WeComPlatform;
  readonly #members: ChatMember[];
  readonly #names: { app: string; bot: string };
  readonly #contacts: Channel[];
  readonly #groupBot: BotChannelName;
  readonly #views: ChatViews;
  readonly #events = new EventStream();
  readonly #unsubscribe: () => void;
  readonly #flagsTimer: ReturnType<typeof setInterval>;
  #flagsCount = -1;

  constructor(options: ChatServerOptions) {
    this.#options = options;
    this.#platform = options.platform;
    this.#members = options.members ?? options.platform.members().map(({ userId, name }) => ({ userId, name }));
    this.#names = {
      app: options.names?.app ?? options.platform.app.name,
      bot: options.names?.bot ?? options.platform.bot.name,
    };
    this.#contacts = options.contacts ?? [BOT_CHAT, APP_CHAT];
    // A group has one bot: that with the long connection where there is no other.
    this.#groupBot =
      this.#contacts.includes(BOT_CHAT) || !this.#contacts.includes(SOCKET_CHAT) ? BOT_CHAT : SOCKET_CHAT;
    const { socket } = options.platform;
    this.#views = new ChatViews({
      socketName: socket.credentials.name,
      media: (id) => options.platform.shownMedia(id),
      members: this.#members,
      appName: this.#names.app,
      botName: this.#names.bot,
      onChange: (message) => this.#events.send("message", { viewKey: message.viewKey, message }),
    });
    this.#unsubscribe = options.platform.subscribe((event) => {
      this.#views.take(event);
      if (event.type === "connection") this.#events.send("faults", this.#faults());
      if (event.type === "exchange") this.#events.send("packet", packetOf(event.exchange));
    });
    this.#flagsTimer = setInterval(() => void this.#announceFlags(), FLAGS_EVERY_MS);
    this.#flagsTimer.unref();
  }

  close(): void {
    clearInterval(this.#flagsTimer);
    this.#unsubscribe();
    this.#events.close();
  }

  async handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    checkOrigin(req);
    const url = new URL(req.url ?? "/", "http://chat");
    if (!url.pathname.startsWith("/api/")) {
      if (req.method !== "GET" && req.method !== "HEAD") throw notAllowed();
      await sendStaticFile(this.#options.staticDir ?? PAGE_FOLDER, url.pathname, res);
      return;
    }
    res.setHeader("cache-control", "no-store");
    const mediaId = req.method === "GET" ? /^\/api\/media\/([\w-]+)$/.exec(url.pathname)?.[1] : undefined;
    if (mediaId !== undefined) {
      sendMedia(this.#platform, mediaId, res);
      return;
    }
    switch (`${req.method} ${url.pathname}`) {
      case "GET /api/state":
        sendJson(res, 200, this.#state());
        return;
      case "GET /api/events":
        this.#events.open(res);
        return;
      case "GET /api/packets":
        sendJson(res, 200, { packets: this.#packets(url.searchParams.get("limit")) });
        return;
      case "GET /api/flags":
        sendJson(res, 200, { flags: await this.#flags() });
        return;
      case "GET /api/faults":
        sendJson(res, 200, this.#faults());
        return;
      case "POST /api/messages":
        sendJson(res, 201, { message: this.#say(await readJson(req)) });
        return;
      case "POST /api/media":
        sendJson(res, 201, { media: await takeMedia(this.#platform, req, url) });
        return;
      case "POST /api/open":
        this.#open(await readJson(req));
        break;
      case "POST /api/feedback":
        this.#feedback(await readJson(req));
        break;
      case "POST /api/cards":
        this.#press(await readJson(req));
        break;
      case "POST /api/faults":
        changeFaults(this.#platform, await readJson(req));
        this.#events.send("faults", this.#faults());
        sendJson(res, 200, this.#faults());
        return;
      default:
        throw new YingdaError("not_found", "There is nothing here.");
    }
    res.writeHead(204).end();
  }

  #state(): JsonObject {
    return {
      members: this.#members,
      chats: this.#chats(),
      botName: this.#groupBot === BOT_CHAT ? this.#names.bot : this.#platform.socket.credentials.name,
      appName: this.#names.app,
      faults: this.#faults(),
      messages: this.#views.all(),
    };
  }

  #chats(): ChatInfo[] {
    return [
      ...this.#contacts.map((id) => this.#contact(id)),
      ...this.#platform.groups().map((group) => ({
        id: group.chatId,
        kind: "bot_group" as const,
        title: group.name,
        members: group.memberIds,
      })),
    ];
  }

  #contact(id: Channel): ChatInfo {
    if (id === APP_CHAT) return { id, kind: "app", title: this.#names.app };
    if (id === BOT_CHAT) return { id, kind: "bot_single", title: this.#names.bot };
    return { id, kind: "bot_single", title: this.#platform.socket.credentials.name, socket: true };
  }

  #say(body: JsonObject): ChatMessage {
    const { chatId, userId } = this.#place(body);
    const viewKey = viewKeyOf(chatId, userId);
    const quoted =
      body.quoteMessageId === undefined ? undefined : this.#views.find(viewKey, stringOr(body.quoteMessageId));
    if (body.quoteMessageId !== undefined && quoted === undefined) {
      throw new YingdaError("bad_request", "The quoted message is not in this chat.");
    }
    const place = isChannel(chatId) ? { channel: chatId } : { channel: this.#groupBot, chatId };
    const { messageId } = sayFromPage(this.#platform, { ...place, userId, body, quoted });
    const shown = this.#views.find(viewKey, messageId);
    if (shown === undefined) throw new YingdaError("internal", "The message went out but is not shown.");
    return shown;
  }

  #open(body: JsonObject): void {
    const { chatId, userId } = this.#place(body);
    if (chatId === APP_CHAT) this.#platform.enterApp(userId);
    else if (chatId === BOT_CHAT) this.#platform.enterBot(userId);
    else if (chatId === SOCKET_CHAT && this.#platform.socket.connected) this.#platform.socket.enter(userId);
  }

  #feedback(body: JsonObject): void {
    const { type, reasons, comment } = body;
    if (type !== 1 && type !== 2 && type !== 3) throw new YingdaError("bad_request", "type is 1, 2 or 3.");
    if (reasons !== undefined && !isReasons(reasons)) {
      throw new YingdaError("bad_request", "reasons is a list of the numbers 1 to 4.");
    }
    if (comment !== undefined && (typeof comment !== "string" || utf8Bytes(comment) > COMMENT_BYTES_MAX)) {
      throw new YingdaError("bad_request", `comment is a text of at most ${COMMENT_BYTES_MAX} bytes.`);
    }
    const messageId = platformMessageId(stringOr(body.messageId));
    this.#platform.giveFeedback({
      messageId,
      userId: this.#member(body),
      type,
      ...(isReasons(reasons) ? { reasons } : {}),
      ...(typeof comment === "string" ? { comment } : {}),
    });
  }

  #press(body: JsonObject): void {
    const { chatId, userId } = this.#place(body);
    const message = this.#views.find(viewKeyOf(chatId, userId), stringOr(body.messageId));
    const messageId = platformMessageId(stringOr(body.messageId));
    pressCard(this.#platform, message, { userId, messageId, key: stringOr(body.key) });
  }

  #faults(): FaultsView {
    return faultsView(this.#platform, this.#contacts.includes(SOCKET_CHAT));
  }

  #packets(limit: string | null): Packet[] {
    const count = limit === null ? PACKETS_DEFAULT : Number(limit);
    if (!Number.isInteger(count) || count < 1 || count > PACKETS_MAX) {
      throw new YingdaError("bad_request", `limit is a whole number from 1 to ${PACKETS_MAX}.`);
    }
    return this.#platform.calls.slice(-count).map(packetOf);
  }

  async #flags(): Promise<FlagView[]> {
    const { inspector } = this.#options;
    if (inspector === undefined) throw new YingdaError("not_found", "This simulator cannot look into the service.");
    const flags = await inspector.flags();
    this.#flagsCount = flags.length;
    return flags;
  }

  async #announceFlags(): Promise<void> {
    if (this.#options.inspector === undefined || this.#events.clients === 0) return;
    const before = this.#flagsCount;
    try {
      const { length } = await this.#flags();
      if (length !== before) this.#events.send("flags", { count: length });
    } catch {
      // The service may be restarting; the next look comes in a moment.
    }
  }

  #member(body: JsonObject): string {
    const userId = stringOr(body.as);
    if (!this.#members.some((member) => member.userId === userId)) {
      throw new YingdaError("bad_request", "`as` is the userid of one of the members.");
    }
    return userId;
  }

  #place(body: JsonObject): { chatId: string; userId: string } {
    const chatId = stringOr(body.chatId);
    if (!this.#chats().some((chat) => chat.id === chatId)) {
      throw new YingdaError("bad_request", "There is no such chat.");
    }
    return { chatId, userId: this.#member(body) };
  }
}

function isReasons(value: unknown): value is number[] {
  return Array.isArray(value) && value.length <= 4 && value.every((reason) => [1, 2, 3, 4].includes(reason));
}

function isChannel(chatId: string): chatId is Channel {
  return chatId === APP_CHAT || chatId === BOT_CHAT || chatId === SOCKET_CHAT;
}

function notAllowed(): YingdaError {
  return new YingdaError("method_not_allowed", "This address is only for reading.");
}
