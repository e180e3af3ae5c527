import { takeLease } from "./lease.ts";
import type { Message } from "./message.ts";
import type { RedisConnection } from "./redis.ts";
import type { SessionSummary, SessionTurn } from "./session-turn.ts";
import type { Snapshot } from "./snapshots.ts";
import { type ConversationNotes, type EarlierWords, type OpenedTurn, TurnDesk, type TurnEnd } from "./turn-desk.ts";
import type { WakeUp } from "./wake-ups.ts";

/** What a worker may do with a conversation that it holds. Every call throws `lease_lost` or `store_unavailable`. */
export interface ConversationLease {
  readonly conversationId: string;
  renew(): Promise<string | null>;
  release(): Promise<boolean>;
  handOver(): Promise<void>;
}

/** What the holder of a conversation reads and writes about its turns; see turn-desk.ts. */
export interface ConversationDesk<Reply> {
  open(): Promise<OpenedTurn<Reply> | null>;
  recall(): Promise<SessionTurn[]>;
  summary(): Promise<SessionSummary | null>;
  wasObeyed(stopMessageId: string): Promise<boolean>;
  notes(): Promise<ConversationNotes>;
  next(): Promise<Message | null>;
  earlierWords(): Promise<EarlierWords | null>;
  noteReply(reply: Reply, distinctParts: string[]): Promise<number[]>;
  notePartsSent(count: number): Promise<void>;
  show(streamId: string, snapshot: Snapshot): Promise<Snapshot | null>;
  finish(message: Message, end: TurnEnd): Promise<void>;
}

/** Where woken conversations are taken from: Redis in the service, a model of it in simulations. */
export interface Conversations<Reply> {
  /** Null when another worker has it. Throws `store_unavailable`. */
  take(wakeUp: WakeUp): Promise<{ lease: ConversationLease; desk: ConversationDesk<Reply> } | null>;
}

/** The conversations in Redis, as `consumer` sees them. */
export function redisConversations<Reply>(redis: RedisConnection, consumer: string): Conversations<Reply> {
  return {
    async take(wakeUp) {
      const lease = await takeLease(redis, wakeUp, consumer);
      return lease === null ? null : { lease, desk: new TurnDesk<Reply>(lease) };
    },
  };
}
