import { setMaxListeners } from "node:events";
import { YingdaError } from "../src/base/errors.ts";
import type { ApiFault, StandingFaults } from "./api-faults.ts";
import type { AppContent, AppEvent } from "./app-events.ts";
import { type BotContent, type BotPlace, type BotQuote, shownQuote } from "./bot-bodies.ts";
import type { BotEvents, CardClick, Feedback } from "./bot-events.ts";
import type { BotAnswer } from "./bot-replies.ts";
import { type LoopbackServer, listenOnLoopback } from "./http-kit.ts";
import type { StoredMedia } from "./media-store.ts";
import { MemberMedia } from "./member-media.ts";
import { type PlatformParts, platformParts } from "./platform-parts.ts";
import { type PlatformOptions, type PlatformSetup, platformSetup } from "./platform-setup.ts";
import type {
  AppCredentials,
  AppMessage,
  BotChannelName,
  BotCredentials,
  BotMessage,
  Bubble,
  CallbackChannel,
  DeliveryOutcome,
  Exchange,
  Group,
  Member,
  PlatformEvent,
  SendRecord,
  Sent,
  ShownMedia,
  Violation,
} from "./platform-types.ts";
import {
  type BubbleWish,
  waitForAppMessages,
  waitForBotMessages,
  waitForBubble,
  waitForCalls,
} from "./platform-waits.ts";
import { mediaTypeOf, showMedia, shownMedia } from "./shown-media.ts";
import { SocketBot } from "./socket-bot.ts";
import { checkUrl, type UrlCheck } from "./url-check.ts";
import type { JsonObject } from "./values.ts";

/**
 * A pretend WeCom on a loopback port: the active API, the callbacks with their retries and polls, and the members in
 * front of it. It follows wecom-protocol sections 1 to 5. There are two AI bots, since one bot has one mode: that of
 * `sendBotText` with callbacks, and `socket` with the long connection.
 * What a service does against the protocol lands in `violations`: a test ends with `expect(platform.violations).toEqual([])`.
 */
export class WeComPlatform {
  /** Base of the active API, `http://127.0.0.1:<port>`: the service's WECOM_API_BASE. */
  readonly url: string;
  readonly corpId: string;
  readonly app: Readonly<AppCredentials>;
  readonly bot: Readonly<BotCredentials>;
  /** The AI bot with the long connection. */
  readonly socket: SocketBot;
  readonly #setup: PlatformSetup;
  readonly #server: LoopbackServer;
  readonly #parts: PlatformParts;
  readonly #abort: AbortController;

  /** Use `startWeComPlatform`. */
  constructor(setup: PlatformSetup, server: LoopbackServer, parts: PlatformParts, abort: AbortController) {
    this.url = server.url;
    this.corpId = setup.corpId;
    this.app = setup.app;
    this.bot = setup.bot;
    this.socket = new SocketBot(setup.socketBot, server.url, parts, (where) => this.#place(where));
    this.#setup = setup;
    this.#server = server;
    this.#parts = parts;
    this.#abort = abort;
  }

  /**
   * What an administrator would copy into the service's environment, by the names of contract.md: with the bot's callback pair,
   * or with the id and secret of the bot with the long connection. A service has one of the two.
   */
  environment(bot: BotChannelName = "bot"): Record<string, string> {
    const ofBot =
      bot === "bot"
        ? { WECOM_BOT_NAME: this.bot.name, WECOM_BOT_TOKEN: this.bot.token, WECOM_BOT_AES_KEY: this.bot.aesKey }
        : {
            WECOM_BOT_NAME: this.socket.credentials.name,
            WECOM_BOT_ID: this.socket.credentials.botId,
            WECOM_BOT_SECRET: this.socket.credentials.secret,
            WECOM_BOT_WS_URL: this.socket.url,
          };
    return {
      WECOM_API_BASE: this.url,
      WECOM_CORP_ID: this.corpId,
      WECOM_APP_AGENT_ID: String(this.app.agentId),
      WECOM_APP_SECRET: this.app.secret,
      WECOM_APP_TOKEN: this.app.token,
      WECOM_APP_AES_KEY: this.app.aesKey,
      ...ofBot,
      WECOM_MEDIA_HOSTS: new URL(this.url).host,
    };
  }

  /** Full callback URLs, one for each replica: requests go to them in turn, and one that is down is passed over. */
  setCallbackUrls(urls: { app?: string[]; bot?: string[] }): void {
    if (urls.app !== undefined) this.#setup.urls.app = urls.app;
    if (urls.bot !== undefined) this.#setup.urls.bot = urls.bot;
  }

  /** URL verification, as the console does on Save. */
  verifyUrl(channel: CallbackChannel): Promise<UrlCheck> {
    const { journal, posts, keys } = this.#parts;
    return checkUrl({
      channel,
      keys: keys[channel],
      post: posts[channel],
      journal,
      timeoutMs: this.#setup.timing.verifyTimeoutMs,
      nowMs: this.#setup.nowMs,
    });
  }

  // --- the corp

  addMember(member: Member): void {
    this.#parts.directory.addMember(member);
  }

  addGroup(group: Group): void {
    this.#parts.directory.addGroup(group);
  }

  members(): Member[] {
    return this.#parts.directory.members();
  }

  groups(): Group[] {
    return this.#parts.directory.groups();
  }

  // --- what members do; every one throws `bad_request` for a member or group that does not exist

  /** A text in the member's chat with the app. A quote is seen in the chat; the app is not told of it. */
  sendAppText(message: { userId: string; text: string; quote?: BotQuote }): Sent {
    const { text, ...rest } = message;
    return this.sendAppMessage({ ...rest, content: { type: "text", text } });
  }

  sendAppMessage({ userId, content, quote }: { userId: string; content: AppContent; quote?: BotQuote }): Sent {
    const member = this.#parts.directory.require(userId);
    return this.#parts.appChannel.sendMessage(member.userId, content, quote === undefined ? quote : shownQuote(quote));
  }

  sendAppEvent(userId: string, event: AppEvent): Sent {
    return this.#parts.appChannel.sendEvent(this.#parts.directory.require(userId).userId, event);
  }

  /** The member opens the chat with the app. */
  enterApp(userId: string): Sent {
    return this.sendAppEvent(userId, { type: "enter_agent" });
  }

  /** The member presses a button of a card that the app sent. */
  clickAppCard(click: CardClick): Sent {
    const message = this.#parts.inboxes.ofSend(click.messageId).find((shown) => sameUser(shown.userId, click.userId));
    if (message?.msgtype !== "template_card") {
      throw new YingdaError("bad_request", "This member has no such card from the app.");
    }
    return this.#parts.appChannel.clickCard(message, click.key, click.selected ?? {});
  }

  /** A text to the AI bot: alone with it, or in a group, where only a mention (`@<bot's name>`) calls it. */
  sendBotText(message: { userId: string; chatId?: string; text: string; quote?: BotQuote }): Sent {
    const { text, ...where } = message;
    return this.sendBotMessage({ ...where, content: { type: "text", text } });
  }

  sendBotMessage(message: { userId: string; chatId?: string; content: BotContent; quote?: BotQuote }): Sent {
    return this.#parts.botChannel.sendMessage(this.#place(message), message.content, message.quote);
  }

  /** The member opens the chat with the bot; `undefined` when it was opened before on this day (4.6). */
  enterBot(userId: string): Sent | undefined {
    return this.#parts.botEvents.enterChat(this.#parts.directory.require(userId).userId);
  }

  /** Any event of the bot by name, for those that nobody knows yet. */
  sendBotEvent(userId: string, eventType: string, own: JsonObject = {}): Sent {
    return this.#parts.botEvents.other(this.#parts.directory.require(userId).userId, eventType, own);
  }

  giveFeedback(feedback: Feedback): Sent {
    this.#parts.directory.require(feedback.userId);
    return this.#eventsOf(feedback.messageId).giveFeedback(feedback);
  }

  clickBotCard(click: CardClick): Sent {
    this.#parts.directory.require(click.userId);
    return this.#eventsOf(click.messageId).clickCard(click);
  }

  /** What members send besides text: pictures, voice, files, videos, text with pictures. Each is told its channel. */
  get sendMedia(): MemberMedia {
    return new MemberMedia(this);
  }

  // --- what the network does

  /** Delivers a message once more, hours later if need be: same id, sealed anew. */
  redeliver(channel: CallbackChannel, messageId: string): Promise<DeliveryOutcome> {
    return channel === "app"
      ? this.#parts.appChannel.redeliver(messageId)
      : this.#parts.botChannel.redeliver(messageId);
  }

  /** One more poll of a message's stream, also after its end; its reply is judged like any other. */
  pollAgain(messageId: string): Promise<BotAnswer | undefined> {
    return this.#parts.botChannel.pollAgain(messageId);
  }

  /** A poll for a stream that the service never heard of. */
  pollUnknown(userId: string, streamId: string): Promise<BotAnswer | undefined> {
    return this.#parts.botChannel.pollUnknown(this.#place({ userId }), streamId);
  }

  /** Lets a call of the active API go wrong; the function given back takes the fault away. */
  fault(fault: ApiFault): () => void {
    return this.#parts.faults.arm(fault);
  }

  clearFaults(): void {
    this.#parts.faults.clear();
  }

  get faults(): Readonly<StandingFaults> {
    return this.#parts.faults.standing;
  }

  setFaults(change: Partial<StandingFaults>): void {
    this.#parts.faults.setStanding(change);
  }

  /** Ends every access token before its time; the service sees 40014. */
  revokeTokens(): void {
    this.#parts.tokens.revokeAll();
  }

  get tokensRevoked(): number {
    return this.#parts.tokens.revocations;
  }

  // --- what can be seen; every list is a copy, oldest first, of the newest `historyMax` entries

  /** What the member has in the chat with the app, in order. */
  inbox(userId: string): AppMessage[] {
    return this.#parts.inboxes.list(userId);
  }

  /** The bot's answer to a message. The object is live: it goes on changing while the answer streams. */
  bubble(messageId: string): Readonly<Bubble> | undefined {
    return this.#parts.bubbles.get(messageId);
  }

  /** Interactions that the member has in progress with the bot, at most three. */
  interactions(userId: string): number {
    return this.#parts.slots.inProgress(userId);
  }

  /** Welcomes and what came through a response_url. */
  get botMessages(): BotMessage[] {
    return this.#parts.responseUrls.messages.list();
  }

  get responseUrlMessages(): BotMessage[] {
    return this.botMessages.filter((message) => message.kind === "response_url");
  }

  /** What became of each `message/send` that was answered with errcode 0, silent drops included. */
  get sends(): SendRecord[] {
    return this.#parts.messageApi.sends.list();
  }

  /** A file that a chat shows, by the id of `ShownMedia`; `undefined` for an unknown or old one. */
  media(id: string): Readonly<StoredMedia> | undefined {
    return this.#parts.media.get(id);
  }

  /** The same without the bytes, as messages tell of it. */
  shownMedia(id: string): ShownMedia | undefined {
    return shownMedia(this.#parts.media, id);
  }

  /** Keeps a file that a member has chosen and not sent yet. */
  keepMedia(bytes: Buffer, name: string): ShownMedia {
    return showMedia(this.#parts.media, { type: mediaTypeOf(bytes, name), bytes, name });
  }

  get calls(): Exchange[] {
    return this.#parts.journal.calls.list();
  }

  /** How many requests of a kind (`gettoken`, `stream poll`, …) there were in all. */
  callCount(kind: string): number {
    return this.#parts.journal.callCount(kind);
  }

  get violations(): Violation[] {
    return this.#parts.journal.violations.list();
  }

  /** Calls `listener` for everything that happens from now on; the function given back ends that. */
  subscribe(listener: (event: PlatformEvent) => void): () => void {
    return this.#parts.journal.subscribe(listener);
  }

  // --- waiting; each rejects after `timeoutMs` and says what it saw

  /** Resolves with the member's messages from the app once there are `count`, those already there included. */
  waitForAppMessages(userId: string, count: number, timeoutMs: number): Promise<AppMessage[]> {
    return waitForAppMessages(this.#parts, userId, count, timeoutMs);
  }

  /** Rejects at once when the bubble has ended in another way than wished. */
  waitForBubble(messageId: string, wish: BubbleWish, timeoutMs: number): Promise<Readonly<Bubble>> {
    return waitForBubble(this.#parts, messageId, wish, timeoutMs);
  }

  /** Resolves with the bot's messages outside streams once there are `count`. */
  waitForBotMessages(count: number, timeoutMs: number): Promise<BotMessage[]> {
    return waitForBotMessages(this.#parts, count, timeoutMs);
  }

  /** Resolves once there were `count` requests of a kind. */
  waitForCalls(kind: string, count: number, timeoutMs: number): Promise<number> {
    return waitForCalls(this.#parts, kind, count, timeoutMs);
  }

  /** Cuts everything that is under way and frees the port. */
  async stop(): Promise<void> {
    this.#abort.abort();
    this.#parts.slots.releaseAll();
    this.#parts.socket.slots.releaseAll();
    this.#parts.socket.server.close();
    this.#parts.posts.app.close();
    this.#parts.posts.bot.close();
    await this.#server.close();
  }

  /** Feedback and clicks go to the bot that said it. */
  #eventsOf(messageId: string): BotEvents {
    const { bubbles, responseUrls, botEvents, socket } = this.#parts;
    const shown = bubbles.get(messageId) ?? responseUrls.messages.findLast((message) => message.id === messageId);
    return shown?.channel === "socket" ? socket.events : botEvents;
  }

  #place(where: { userId: string; chatId?: string }): BotPlace {
    const { userId } = this.#parts.directory.require(where.userId);
    if (where.chatId === undefined) return { userId };
    return { userId, group: this.#parts.directory.requireGroup(where.chatId, userId) };
  }
}

/** Starts a pretend WeCom on 127.0.0.1. Without options it is ready: free port, made-up credentials, three members. */
export async function startWeComPlatform(options: PlatformOptions = {}): Promise<WeComPlatform> {
  const setup = platformSetup(options);
  const abort = new AbortController();
  // Every request and wait listens to it, and there may be hundreds at a time.
  setMaxListeners(0, abort.signal);
  let url = "";
  const parts = platformParts(setup, () => url, abort.signal);
  const server = await listenOnLoopback(
    (req, res) => parts.apiServer.handle(req, res),
    setup.port,
    (req, socket, head) => parts.socket.server.upgrade(req, socket, head),
  );
  url = server.url;
  return new WeComPlatform(setup, server, parts, abort);
}

function sameUser(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
