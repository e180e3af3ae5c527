import type { BotContent, BotPlace, BotQuote } from "./bot-bodies.ts";
import type { CardClick, Feedback } from "./bot-events.ts";
import type { PlatformParts } from "./platform-parts.ts";
import type { DeliveryOutcome, Sent, SocketBotCredentials } from "./platform-types.ts";
import type { SocketFaults } from "./socket-faults.ts";
import { SOCKET_PATH } from "./socket-server.ts";
import type { JsonObject } from "./values.ts";

/**
 * The AI bot with the long connection as a test or the chat page sees it (wecom-protocol 5). What it answers is seen where the
 * other bot's answers are: `WeComPlatform.bubble`, `botMessages`, `calls`, `violations`, with `channel` `socket`.
 */
export class SocketBot {
  readonly credentials: Readonly<SocketBotCredentials>;
  /** `ws://127.0.0.1:<port>/aibot`: the service's WECOM_BOT_WS_URL. */
  readonly url: string;
  readonly #parts: PlatformParts;
  readonly #place: (where: { userId: string; chatId?: string }) => BotPlace;

  /** Made by the platform. */
  constructor(
    credentials: SocketBotCredentials,
    baseUrl: string,
    parts: PlatformParts,
    place: (where: { userId: string; chatId?: string }) => BotPlace,
  ) {
    this.credentials = credentials;
    this.url = `${baseUrl.replace(/^http/, "ws")}${SOCKET_PATH}`;
    this.#parts = parts;
    this.#place = place;
  }

  // --- what members do; every one throws `bad_request` for a member or group that does not exist

  /** A text to the bot: alone with it, or in a group, where only a mention calls it. `lost` when nobody is connected. */
  sendText(message: { userId: string; chatId?: string; text: string; quote?: BotQuote }): Sent {
    const { text, ...where } = message;
    return this.sendMessage({ ...where, content: { type: "text", text } });
  }

  sendMessage(message: { userId: string; chatId?: string; content: BotContent; quote?: BotQuote }): Sent {
    return this.#parts.socket.channel.sendMessage(this.#place(message), message.content, message.quote);
  }

  /** The member opens the chat with the bot; `undefined` when it was opened before on this day (4.6). */
  enter(userId: string): Sent | undefined {
    return this.#parts.socket.events.enterChat(this.#place({ userId }).userId);
  }

  clickCard(click: CardClick): Sent {
    this.#place(click);
    return this.#parts.socket.events.clickCard(click);
  }

  giveFeedback(feedback: Feedback): Sent {
    this.#place({ userId: feedback.userId });
    return this.#parts.socket.events.giveFeedback(feedback);
  }

  /** Any event by name, for those that nobody knows yet. */
  sendEvent(userId: string, eventType: string, own: JsonObject = {}): Sent {
    return this.#parts.socket.events.other(this.#place({ userId }).userId, eventType, own);
  }

  /** Delivers a message's callback once more: same msgid, another req_id. */
  redeliver(messageId: string): Promise<DeliveryOutcome> {
    return this.#parts.socket.channel.redeliver(messageId);
  }

  // --- what the network and other processes do

  /** Whether a connection is subscribed. */
  get connected(): boolean {
    return this.#parts.socket.server.connected;
  }

  /** Open connections, those without a subscription and those that were pushed out included. */
  get connections(): number {
    return this.#parts.socket.server.connections;
  }

  /** Another process connects: the live connection is sent `disconnected_event` and closed later (5.3). */
  kick(): void {
    this.#parts.socket.server.kick();
  }

  /** Cuts every connection without a word, as a network does. */
  drop(): void {
    this.#parts.socket.server.drop();
  }

  get faults(): Readonly<SocketFaults> {
    return this.#parts.socket.faults.standing;
  }

  /** Throws `bad_request` for a figure outside its range. */
  setFaults(change: Partial<SocketFaults>): void {
    this.#parts.socket.faults.set(change);
  }

  /** Refuses the next frames of the service with an errcode. */
  refuseNext(times: number, errcode: number): void {
    this.setFaults({ refuse: { errcode, times } });
  }

  clearFaults(): void {
    this.#parts.socket.faults.clear();
  }

  /** Interactions that the member has in progress with the bot, at most three. */
  interactions(userId: string): number {
    return this.#parts.socket.slots.inProgress(userId);
  }

  /** Resolves once a connection is subscribed. */
  async waitForConnection(timeoutMs: number): Promise<void> {
    const read = () => (this.connected ? true : undefined);
    await this.#parts.journal.waitFor("socket", read, timeoutMs, () => "a long connection");
  }

  /** Resolves once no connection is subscribed. */
  async waitForDisconnection(timeoutMs: number): Promise<void> {
    const read = () => (this.connected ? undefined : true);
    await this.#parts.journal.waitFor("socket", read, timeoutMs, () => "the end of the long connection");
  }
}
