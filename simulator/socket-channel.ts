import { setTimeout as delay } from "node:timers/promises";
import { YingdaError } from "../src/base/errors.ts";
import type { Faults } from "./api-faults.ts";
import {
  type BotContent,
  type BotPlace,
  type BotQuote,
  commonBody,
  contentBody,
  isCalled,
  type KeepFile,
  quoteBody,
  shownFiles,
  shownQuote,
} from "./bot-bodies.ts";
import { newMsgId } from "./bot-channel.ts";
import { BoundedMap } from "./bounded-log.ts";
import type { Bubbles } from "./bubbles.ts";
import type { InteractionSlots } from "./interaction-slots.ts";
import type { Journal } from "./journal.ts";
import type { Bubble, DeliveryOutcome, MemberMessage, PlatformTiming, Sent, ShownMedia } from "./platform-types.ts";
import type { ResponseUrls } from "./response-urls.ts";
import type { PlainMedia } from "./shown-media.ts";
import type { SocketFaultSwitches } from "./socket-faults.ts";
import { newReqId } from "./socket-frames.ts";
import type { Interaction, SocketRequests } from "./socket-requests.ts";
import type { SocketServer } from "./socket-server.ts";

export interface SocketChannelParts {
  botId: string;
  botName: string;
  server: () => SocketServer;
  requests: SocketRequests;
  bubbles: Bubbles;
  slots: InteractionSlots;
  responseUrls: ResponseUrls;
  timing: PlatformTiming;
  faults: Faults;
  socketFaults: SocketFaultSwitches;
  journal: Journal;
  keepFile: KeepFile;
  /** Keeps a file as the member's own chat shows it. */
  show(file: PlainMedia): ShownMedia;
  /** `http://127.0.0.1:<port>` of the platform, for links in callbacks. */
  baseUrl: () => string;
  nowMs: () => number;
  signal: AbortSignal;
}

/** Messages that a test can have delivered again. */
const REPEATABLE_MAX = 5_000;
/** Conversations that are remembered as having written; a company's members and groups. */
const CONVERSATIONS_MAX = 100_000;

/** Messages to the AI bot with the long connection (wecom-protocol 4.2 to 4.4, 5.3). */
export class SocketChannel {
  readonly #parts: SocketChannelParts;
  readonly #sent = new BoundedMap<string, Interaction>(REPEATABLE_MAX);
  readonly #written = new BoundedMap<string, BotPlace>(CONVERSATIONS_MAX);
  /** The bubbles that hold one of their member's three places. */
  readonly #holding = new Set<string>();

  constructor(parts: SocketChannelParts) {
    this.#parts = parts;
  }

  sendMessage(place: BotPlace, content: BotContent, quote: BotQuote | undefined): Sent {
    const { botId, botName, slots, bubbles, journal, responseUrls, keepFile, nowMs } = this.#parts;
    const { msgtype, own, shown } = contentBody(content, keepFile);
    const media = shownFiles(content).map((file) => this.#parts.show(file));
    const messageId = newMsgId();
    const chatId = place.group?.chatId;
    const called = isCalled(content, place, botName);
    const slot = called ? slots.take(place.userId) : undefined;
    const message: MemberMessage = {
      id: messageId,
      channel: "socket",
      userId: place.userId,
      ...(chatId === undefined ? {} : { chatId }),
      text: shown,
      ...(quote === undefined ? {} : { quote: shownQuote(quote) }),
      ...(media.length === 0 ? {} : { media }),
      atMs: nowMs(),
      state: called ? "sending" : "not_called",
    };
    journal.emit({ type: "member_message", message });
    if (slot === undefined) return { messageId, outcome: Promise.resolve({ result: "not_called", attempts: [] }) };
    this.#written.set(conversationOf(place), place);
    const responseCode = responseUrls.issue(messageId, place.userId, chatId, "socket");
    const body = {
      ...commonBody(messageId, botId, place),
      response_url: `${this.#parts.baseUrl()}/cgi-bin/aibot/response?response_code=${responseCode}`,
      msgtype,
      ...own,
      ...(quote === undefined ? {} : { quote: quoteBody(quote, this.#parts.keepFile) }),
    };
    const bubble = bubbles.open(messageId, place.userId, chatId, "socket");
    this.#holding.add(messageId);
    const interaction = { message, place, body, bubble, atMs: nowMs(), streams: new Map(), bubbles: 1, spent: false };
    this.#sent.set(messageId, interaction);
    return { messageId, outcome: this.#converse(slot, interaction) };
  }

  /** Delivers a message's callback once more, as a repeat of the network: same msgid, another req_id. */
  async redeliver(messageId: string): Promise<DeliveryOutcome> {
    const interaction = this.#sent.get(messageId);
    if (interaction === undefined) throw new YingdaError("bad_request", "The bot was never sent this message.");
    return this.#deliver(interaction, 1);
  }

  /** Whether somebody wrote to the bot in this conversation: only then it may push (5.5). */
  hasWritten(conversation: string): boolean {
    return this.#written.get(conversation) !== undefined;
  }

  /** A bubble is over: its member has a place again. */
  free(bubble: Bubble): void {
    if (this.#holding.delete(bubble.messageId)) this.#parts.slots.release(bubble.userId);
  }

  /** Ends a bubble that is still in `state` after the life of a stream. */
  async expire(bubble: Bubble, state: "waiting" | "streaming"): Promise<void> {
    const lifeMs = this.#parts.socketFaults.standing.streamLifeMs ?? this.#parts.timing.socketStreamLifeMs;
    try {
      await delay(lifeMs, undefined, { signal: this.#parts.signal, ref: false });
    } catch {
      // The simulator ends.
      return;
    }
    if (bubble.state === state) this.#parts.bubbles.end(bubble, "expired");
  }

  async #converse(slot: Promise<void>, interaction: Interaction): Promise<DeliveryOutcome> {
    await slot;
    if (this.#parts.signal.aborted) return { result: "failed", attempts: [] };
    interaction.atMs = this.#parts.nowMs();
    const outcome = this.#deliver(interaction, this.#parts.faults.standing.copies);
    if (outcome.result === "lost") this.#parts.bubbles.end(interaction.bubble, "failed");
    else void this.expire(interaction.bubble, "waiting");
    return outcome;
  }

  #deliver(interaction: Interaction, copies: number): DeliveryOutcome {
    const { message, place, body } = interaction;
    const { journal, requests, server } = this.#parts;
    const chatId = place.group?.chatId;
    const note = { messageId: message.id, userId: place.userId, ...(chatId === undefined ? {} : { chatId }) };
    const attempts = Array.from({ length: copies }, (_, index) => {
      const reqId = newReqId();
      requests.keep(reqId, { kind: "message", interaction });
      const went = server().deliver({ cmd: "aibot_msg_callback", reqId, body }, `callback ${body.msgtype}`, note);
      const outcome = went ? ("answered" as const) : ("unreachable" as const);
      return { attempt: 1, copy: index + 1, url: "", outcome, status: went ? 200 : 0, tookMs: 0 };
    });
    const lost = attempts.every((attempt) => attempt.outcome === "unreachable");
    message.state = lost ? "lost" : "delivered";
    journal.emit({ type: "member_message", message });
    return { result: lost ? "lost" : "accepted", attempts };
  }
}

/** A conversation as the quota and the pushes name it: a group's chatid, or the member's userid without regard to case. */
export function conversationOf(place: BotPlace): string {
  return place.group?.chatId ?? place.userId.toLowerCase();
}
