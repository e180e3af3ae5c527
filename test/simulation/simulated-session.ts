import type { Reply } from "../../src/conversation/reply.ts";
import type { ConversationDesk, Conversations } from "../../src/session/conversations.ts";
import { SHARDS } from "../../src/session/keys.ts";
import type { ShardReader, WakeUpSource } from "../../src/session/wake-ups.ts";
import type { ReferenceLease } from "./reference-conversation.ts";
import type { SimulatedStore } from "./simulated-store.ts";
import type { StoreLink } from "./store-link.ts";

const ALL_SHARDS: ShardReader = { shards: Array.from({ length: SHARDS }, (_, shard) => shard) };

/** What `redisConversations` is in the service: every call is one step of the reference store, over this process's link. */
export function simulatedConversations(store: SimulatedStore, link: StoreLink, consumer: string): Conversations<Reply> {
  const { reference, history } = store;
  return {
    async take(wakeUp) {
      const { id, conversationId } = wakeUp;
      const lease = await link.call(`takes ${conversationId}#${id}`, () => {
        const taken = reference.take(wakeUp);
        history.count(taken === null ? "lease: not free" : "lease: taken");
        return taken;
      });
      if (lease === null) return null;
      const step = holderSteps(store, link, conversationId);
      return {
        lease: {
          conversationId,
          renew: () => step("renews", () => reference.renew(lease, consumer)),
          release: () => step("releases", () => reference.release(lease)),
          handOver: () =>
            step("hands over", () => {
              reference.handOver(lease);
              history.count("lease: handed over");
            }),
        },
        desk: simulatedDesk(store, step, lease),
      };
    },
  };
}

type HolderStep = <T>(what: string, run: () => T) => Promise<T>;

/** A holder's calls; one that the store carried out counts as attention for the conversation. */
function holderSteps({ reference, history }: SimulatedStore, link: StoreLink, conversationId: string): HolderStep {
  return (what, run) =>
    link.call(`${what} ${conversationId}`, () => {
      const answer = run();
      history.attended(conversationId, reference.look(conversationId).mail.length > 0);
      return answer;
    });
}

function simulatedDesk(
  { reference, history }: SimulatedStore,
  step: HolderStep,
  lease: ReferenceLease,
): ConversationDesk<Reply> {
  const { conversationId } = lease;
  /** The message in hand, as this holder knows it. */
  let messageId = "none";
  return {
    async open() {
      const opened = await step("opens", () => {
        const turn = reference.open(lease);
        if (turn !== null) {
          const { id } = turn.message;
          history.opens.set(id, (history.opens.get(id) ?? 0) + 1);
          if (turn.attempts > 1) history.count("turn: tried again");
          if (turn.noted !== null) history.count("turn: reply found in the journal");
        }
        return turn;
      });
      messageId = opened?.message.id ?? "none";
      return opened;
    },
    recall: () => step("recalls", () => reference.look(conversationId).recall()),
    // Summaries are made beside the turns and are none of a simulated world's.
    summary: async () => null,
    // Nothing is merged there either.
    next: async () => null,
    earlierWords: async () => null,
    wasObeyed: (id) => step(`asks about ${id} in`, () => reference.look(conversationId).wasObeyed(id)),
    notes: () => step("reads the notes of", () => reference.look(conversationId).notes()),
    noteReply: (reply, distinctParts) =>
      step(`notes the reply to ${messageId} (${reply.record.outcome}, ${reply.parts.length} parts) in`, () =>
        reference.noteReply(lease, reply, distinctParts),
      ),
    notePartsSent: (count) =>
      step(`notes ${count} parts of ${messageId} as sent in`, () => {
        reference.notePartsSent(lease, count);
        history.partsNoted.set(messageId, count);
      }),
    show: (streamId, snapshot) =>
      step(`shows ${messageId} in`, () => {
        const before = reference.show(lease, streamId, snapshot);
        const { content, finish: finished } = snapshot;
        if (before === null) history.effect({ kind: "show", conversationId, messageId, content, finished });
        else history.count("bubble: was finished before");
        return before;
      }),
    finish: (message, end) =>
      step(`finishes ${message.id} in`, () => {
        reference.finish(lease, message, end);
        history.ends.push({ message, end });
        history.effect({ kind: "finish", conversationId, messageId: message.id, content: "", finished: true });
      }),
  };
}

/** What `WakeUps` is in the service. */
export function simulatedWakeUps(store: SimulatedStore, link: StoreLink, consumer: string): WakeUpSource {
  const { reference, history } = store;
  return {
    readers: [ALL_SHARDS],
    ensureGroups: () => link.call("sees to the groups", () => undefined),
    read: (reader, count, blockMs) => link.read(consumer, reader, count, blockMs),
    claimAbandoned: () =>
      link.call("claims", () => {
        const claimed = reference.claimAbandoned(consumer);
        if (claimed.length > 0) history.count("wake-up: claimed from a dead worker");
        return claimed;
      }),
    forgetDeadConsumers: () => link.call("forgets the dead", () => reference.forgetDeadConsumers(consumer)),
    interrupt: () => link.call("ends its reads", () => link.endReads()),
  };
}
