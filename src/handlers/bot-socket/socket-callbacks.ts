import type { Clock } from "../../base/clock.ts";
import { codeOf, YingdaError } from "../../base/errors.ts";
import type { Events } from "../../base/events.ts";
import type { Logger } from "../../base/logger.ts";
import { retry } from "../../base/retry.ts";
import { languageOf, TEXTS } from "../../conversation/texts.ts";
import type { SocketChat } from "../../session/message.ts";
import type { SocketChats } from "../../session/socket-chats.ts";
import type { BotSocket } from "../../wecom/bot-socket.ts";
import { type BotCallback, type BotEvent, type BotMessage, readBotCallback } from "../../wecom/callback-json.ts";
import { emptyBotReply, streamReply } from "../../wecom/payloads.ts";
import { answerBotEvent, type BotEventParts } from "../bot-event.ts";
import { botMessage, type ReadingParts } from "../bot-message.ts";
import type { Intake } from "../intake.ts";
import { type BubbleAddress, bodyOf } from "./jobs.ts";

/** Callbacks in hand at once. More means that Redis is away for long; the newest is turned away with a sentence then. */
const IN_HAND_MAX = 1_000;
/** WeCom sends nothing twice here: while Redis is away a message waits in this process, so long. */
const KEEP_TRIES_MAX = 30;
const KEEP_FIRST_WAIT_MS = 200;
const KEEP_WAIT_MAX_MS = 5_000;

export interface CallbackParts extends BotEventParts {
  socket: Pick<BotSocket, "send">;
  botId: string;
  groupSession: ReadingParts["groupSession"];
  botName: string | undefined;
  intake: Intake;
  chats: Pick<SocketChats, "note">;
  events: Events;
  log: Logger;
  clock: Clock;
}

/** What the long connection brings: messages go into the same mailbox as every channel's, events get their answers. */
export class SocketCallbacks {
  readonly #parts: CallbackParts;
  readonly #open: (address: BubbleAddress) => void;
  readonly #inHand = new Set<Promise<void>>();
  readonly #ending = new AbortController();

  /** `open` shows that a message was received. */
  constructor(parts: CallbackParts, open: (address: BubbleAddress) => void) {
    this.#parts = parts;
    this.#open = open;
  }

  /** Never throws; what goes wrong is told in the log, and to the member where there is a way. */
  take(reqId: string, body: unknown): void {
    const { events, log, clock } = this.#parts;
    const beganMs = clock.nowMs();
    let kind = "unreadable";
    const work = Promise.resolve()
      .then(async () => {
        const callback = readBotCallback(body);
        kind = callback.kind;
        await this.#answer(reqId, callback);
        events.callbackAnswered({ channel: "socket", kind, status: 200, tookMs: clock.nowMs() - beganMs });
      })
      .catch((error: unknown) => {
        const known =
          error instanceof YingdaError ? error : new YingdaError("internal", "a callback failed in our own code");
        if (known !== error) log.error({ err: error }, "a callback of the long connection failed");
        const tookMs = clock.nowMs() - beganMs;
        events.callbackAnswered({ channel: "socket", kind, status: known.status, tookMs, error: known });
      })
      .finally(() => this.#inHand.delete(work));
    this.#inHand.add(work);
  }

  /** Resolves when what was taken is kept, or given up. */
  async settle(): Promise<void> {
    this.#ending.abort();
    await Promise.all(this.#inHand);
  }

  async #answer(reqId: string, callback: BotCallback): Promise<void> {
    if (callback.kind === "message") return this.#keep(reqId, callback);
    if (callback.kind === "event") return this.#answerEvent(reqId, callback);
  }

  async #keep(reqId: string, callback: BotMessage): Promise<void> {
    const { botId, botName, groupSession, intake, clock } = this.#parts;
    const chat = chatOf(callback);
    const { responseUrl } = callback;
    const message = botMessage(callback, "socket", { botName, groupSession, nowMs: clock.nowMs() }, (streamId) => ({
      kind: "socket" as const,
      botId,
      streamId,
      reqId,
      chat,
      ...(responseUrl === undefined ? {} : { responseUrl }),
    }));
    const { streamId } = message.reply;
    const texts = TEXTS[languageOf(message.text)];
    const refuse = async (content: string): Promise<void> => {
      await this.#parts.socket.send(
        "aibot_respond_msg",
        reqId,
        bodyOf(streamReply({ streamId, content, finish: true })),
      );
    };
    try {
      if (this.#inHand.size > IN_HAND_MAX) {
        throw new YingdaError("store_unavailable", "too many messages wait for Redis in this process");
      }
      const { kept, attempt } = await this.#untilKept(async (attempt) => ({
        kept: await intake.take(message),
        attempt,
      }));
      // A repeat of ours finds what the first try did without hearing of it; WeCom's own has been answered before.
      if (kept.repeated && attempt === 1) return;
      // Only for speaking first there: no message is lost by it.
      await this.#parts.chats.note(chat, clock.nowMs()).catch(() => undefined);
      if (kept.outcome === "busy") await refuse(texts.busy);
      else this.#open({ streamId, reqId, chat });
    } catch (error) {
      // It is nowhere: the member must know.
      await refuse(texts.failed(codeOf(error))).catch(() => undefined);
      throw error;
    }
  }

  /** WeCom sends nothing twice here: while Redis is away it waits in this process. */
  async #untilKept<T>(work: (attempt: number) => Promise<T>): Promise<T> {
    return retry(work, {
      triesMax: KEEP_TRIES_MAX,
      firstWaitMs: KEEP_FIRST_WAIT_MS,
      waitMaxMs: KEEP_WAIT_MAX_MS,
      clock: this.#parts.clock,
      signal: this.#ending.signal,
    });
  }

  async #answerEvent(reqId: string, event: BotEvent): Promise<void> {
    if (event.eventType === "disconnected_event") return;
    const reply = await this.#untilKept(async () => answerBotEvent(event, this.#parts.clock.nowMs(), this.#parts));
    if (reply === emptyBotReply()) return;
    const command = event.eventType === "enter_chat" ? "aibot_respond_welcome_msg" : "aibot_respond_update_msg";
    await this.#parts.socket.send(command, reqId, bodyOf(reply));
  }
}

function chatOf({ chat, userId }: BotMessage): SocketChat {
  return chat.kind === "group" ? { kind: "group", id: chat.chatId } : { kind: "single", id: userId };
}
