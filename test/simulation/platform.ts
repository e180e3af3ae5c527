import { appConversation, botGroupConversation, botSingleConversation } from "../../src/session/conversation-id.ts";
import { streamIdOf } from "../../src/session/keys.ts";
import type { Kept } from "../../src/session/mailbox.ts";
import type { Message } from "../../src/session/message.ts";
import type { History } from "./history.ts";
import type { Random } from "./random.ts";
import type { Replica } from "./replica.ts";
import type { Arrival, ConversationKind } from "./scenario.ts";
import { START_MS, type VirtualTime } from "./virtual-time.ts";

/** WeCom waits so long for the answer to a callback, and sends it up to three times (wecom-protocol 2.1). */
const CALLBACK_TIMEOUT_MS = 5_000;
const DELIVERIES_MAX = 3;

/** WeCom's side of what comes in: callbacks, sent again when they are not answered, and sometimes when they are. */
export class Platform {
  readonly #time: VirtualTime;
  readonly #history: History;
  readonly #random: Random;
  readonly #replicas: readonly Replica[];
  readonly #redelivery: number;
  #underWay = 0;

  constructor(parts: {
    time: VirtualTime;
    history: History;
    random: Random;
    replicas: readonly Replica[];
    redelivery: number;
  }) {
    this.#time = parts.time;
    this.#history = parts.history;
    this.#random = parts.random;
    this.#replicas = parts.replicas;
    this.#redelivery = parts.redelivery;
  }

  /** Messages that are still to come, or to come again. */
  get underWay(): number {
    return this.#underWay;
  }

  /** `number`: which of the world's messages this is. */
  announce(arrival: Arrival, number: number, kind: ConversationKind): void {
    const message = messageOf(arrival, number, kind);
    this.#later(START_MS + arrival.atMs - this.#time.nowMs, () => this.#deliver(message, 1));
  }

  #deliver(message: Message, delivery: number): void {
    const listening = this.#replicas.filter(({ life }) => !life.hasEnded);
    const [first, ...others] = listening;
    let open = true;
    this.#underWay += 1;
    const outcome = (kept: Kept | null): void => {
      if (!open) return;
      open = false;
      this.#underWay -= 1;
      if (kept?.outcome === "kept") this.#history.acknowledged.add(message.id);
      const again = kept === null ? delivery < DELIVERIES_MAX : delivery === 1 && this.#random.chance(this.#redelivery);
      if (again) this.#later(this.#random.int(1, 6_000), () => this.#deliver(message, delivery + 1));
    };
    if (first === undefined) {
      outcome(null);
      return;
    }
    this.#time.at(this.#time.nowMs + CALLBACK_TIMEOUT_MS, () => outcome(null));
    // Every delivery is a callback of its own: the handlers give it a trace id and a time.
    const traceId = `${message.traceId}/${delivery}`;
    this.#random.pick([first, ...others]).takeCallback({ ...message, traceId }, (kept) => {
      this.#later(this.#random.int(0, 3), () => outcome(kept));
    });
  }

  #later(ms: number, run: () => void): void {
    this.#underWay += 1;
    this.#time.at(this.#time.nowMs + ms, () => {
      this.#underWay -= 1;
      run();
    });
  }
}

function messageOf(arrival: Arrival, number: number, kind: ConversationKind): Message {
  const { conversation, text, greeting } = arrival;
  const label = `c${conversation}m${number}`;
  const userId = kind === "group" ? `member${number % 2}` : `user${conversation}`;
  const common = {
    kind: greeting ? ("greeting" as const) : ("message" as const),
    sender: { userId },
    text: greeting ? "" : text,
    attachments: [],
    receivedAtMs: 0,
    traceId: label,
  };
  if (kind === "app") {
    const agentId = "1000002";
    const conversationId = appConversation(agentId, userId);
    return {
      ...common,
      id: `app:${agentId}:${label}`,
      channel: "app",
      conversationId,
      reply: { kind: "app", agentId, toUser: userId },
    };
  }
  const groupId = `group${conversation}`;
  const conversationId =
    kind === "bot" ? botSingleConversation("B1", userId) : botGroupConversation("B1", groupId, userId, "group");
  const id = `bot:B1:${label}`;
  return {
    ...common,
    id,
    channel: "bot",
    conversationId,
    ...(kind === "group" ? { groupId } : {}),
    reply: {
      kind: "bot",
      streamId: streamIdOf(conversationId, id),
      ...(arrival.responseUrl ? { responseUrl: `https://wecom.example/response?code=${label}` } : {}),
    },
  };
}
