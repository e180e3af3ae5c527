import { setTimeout as delay } from "node:timers/promises";
import type { BotAnswer } from "./bot-replies.ts";
import type { BotCallback, BotExchange } from "./bot-wire.ts";
import { newReqId } from "./socket-frames.ts";
import type { SocketRequests } from "./socket-requests.ts";
import type { SocketServer } from "./socket-server.ts";
import { objectOr, stringOr } from "./values.ts";

export interface SocketEventsParts {
  server: () => SocketServer;
  requests: SocketRequests;
  /** How long a welcome or a new card may take (wecom-protocol 5.5). */
  answerTimeoutMs: number;
  nowMs: () => number;
  signal: AbortSignal;
}

/** Takes the bot's events over the long connection; their answers come as requests of the service (wecom-protocol 5.5). */
export class SocketEvents {
  readonly #parts: SocketEventsParts;

  constructor(parts: SocketEventsParts) {
    this.#parts = parts;
  }

  async exchange(callback: BotCallback): Promise<BotExchange> {
    const { server, requests, answerTimeoutMs, nowMs } = this.#parts;
    const { body, kind, messageId, userId, chatId, question } = callback;
    const sentAtMs = performance.now();
    const reqId = newReqId();
    const answered = Promise.withResolvers<BotAnswer>();
    const answerable = question === "enter_chat" || question === "template_card_event";
    if (answerable) {
      const taskId = stringOr(objectOr(objectOr(body.event).template_card_event).task_id);
      requests.keep(reqId, { kind: question, atMs: nowMs(), taskId, answered: false, answer: answered.resolve });
    }
    const note = { messageId, userId, ...(chatId === undefined ? {} : { chatId }) };
    const went = server().deliver({ cmd: "aibot_event_callback", reqId, body }, kind, note);
    const answer = !went
      ? undefined
      : answerable
        ? await Promise.race([answered.promise, this.#pause(answerTimeoutMs)])
        : ({ kind: "empty" } as const);
    return {
      sentAtMs,
      attempt: {
        attempt: 1,
        copy: callback.copy ?? 1,
        url: "",
        outcome: went ? "answered" : "unreachable",
        status: went ? 200 : 0,
        tookMs: performance.now() - sentAtMs,
      },
      ...(answer === undefined ? {} : { opened: { plain: "", breaches: [], answer } }),
    };
  }

  #pause(timeoutMs: number): Promise<undefined> {
    return delay(timeoutMs, undefined, { signal: this.#parts.signal, ref: false }).catch(() => undefined);
  }
}
