import type { BotPlace } from "./bot-bodies.ts";
import type { BotAnswer } from "./bot-replies.ts";
import { BoundedMap } from "./bounded-log.ts";
import { Refusal } from "./errcodes.ts";
import type { Bubble, MemberMessage } from "./platform-types.ts";
import type { SocketFrame } from "./socket-frames.ts";

/** A member's message and all that became of it. */
export interface Interaction {
  message: MemberMessage;
  place: BotPlace;
  /** The callback's body: the same for each delivery. */
  body: SocketFrame["body"];
  bubble: Bubble;
  atMs: number;
  /** By stream id; `firstAtMs` is when its life began. */
  streams: Map<string, { bubble: Bubble; firstAtMs: number }>;
  /** How many bubbles it has: further streams stand in bubbles of their own. */
  bubbles: number;
  /** A card was its reply: nothing may follow (wecom-protocol 5.4). */
  spent: boolean;
}

/** What a req_id of ours stands for, which decides how it may be answered. */
export type SocketRequest =
  | { kind: "message"; interaction: Interaction }
  | {
      kind: "enter_chat" | "template_card_event";
      atMs: number;
      /** The card's own, of a click. */
      taskId: string;
      answered: boolean;
      answer(answer: BotAnswer): void;
    };

/** Callbacks that can still be answered; at three interactions for each member that is a day of a busy company's. */
const REQUESTS_MAX = 50_000;

/** The req_ids of the callbacks (wecom-protocol 5.1): those of messages and of events are not interchangeable. */
export class SocketRequests {
  readonly #requests = new BoundedMap<string, SocketRequest>(REQUESTS_MAX);

  keep(reqId: string, request: SocketRequest): void {
    this.#requests.set(reqId, request);
  }

  /** The message that a req_id stands for. Throws Refusal 846605 for any other req_id, 846606 for one that is spent. */
  message(reqId: string): Interaction {
    const request = this.#requests.get(reqId);
    if (request?.kind !== "message") throw new Refusal(846605);
    if (request.interaction.spent) throw new Refusal(846606);
    return request.interaction;
  }

  /** The event of this kind that a req_id stands for, once. Throws Refusal 846605 or 846606. */
  event(reqId: string, kind: "enter_chat" | "template_card_event"): Exclude<SocketRequest, { kind: "message" }> {
    const request = this.#requests.get(reqId);
    if (request === undefined || request.kind === "message" || request.kind !== kind) throw new Refusal(846605);
    if (request.answered) throw new Refusal(846606);
    return request;
  }
}
