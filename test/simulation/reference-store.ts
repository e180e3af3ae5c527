import { SEEN_TTL_MS, SHARDS, SNAPSHOT_TTL_MS, STOP_TTL_MS, shardOf } from "../../src/session/keys.ts";
import { LEASE_TTL_MS, leaseLost } from "../../src/session/lease.ts";
import { type KeepOutcome, type Kept, MAILBOX_MESSAGES_MAX, WAKE_UPS_MAX } from "../../src/session/mailbox.ts";
import type { Message } from "../../src/session/message.ts";
import { firstSnapshot, type Snapshot } from "../../src/session/snapshots.ts";
import { DEAD_LETTERS_MAX, type OpenedTurn, type TurnEnd } from "../../src/session/turn-desk.ts";
import type { WakeUp } from "../../src/session/wake-ups.ts";
import { Expiring } from "./expiring.ts";
import { ReferenceConversation, type ReferenceLease } from "./reference-conversation.ts";
import { ReferenceWakeStream } from "./reference-wake-stream.ts";

/** Pushes that one member may get in a minute and in an hour. */
const BUDGET = [
  { pushes: 28, withinMs: 60_000 },
  { pushes: 980, withinMs: 3_600_000 },
];

/** What Redis holds of all conversations of one shard. */
interface Shard {
  wakeUps: ReferenceWakeStream;
  records: string[];
  dead: string[];
}

/**
 * What the Lua scripts, keys and streams of `src/session` promise together, in plain TypeScript and without waiting. Every
 * method is one step that Redis does at once; `lease_lost` is thrown where the real one throws it. That both are alike is
 * held by reference-store.test.ts.
 */
export class ReferenceStore<Reply> {
  readonly #nowMs: () => number;
  readonly #conversations = new Map<string, ReferenceConversation<Reply>>();
  readonly #shards: Shard[];
  readonly #seen = new Map<string, Expiring<KeepOutcome>>();
  readonly #snapshots = new Map<string, Expiring<string>>();
  /** Member → when pushes to it were reserved, newest last. */
  readonly #pushes = new Map<string, number[]>();
  /** Called when a wake-up was added: blocked readers look again. */
  onWakeUp: () => void = () => undefined;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#shards = Array.from({ length: SHARDS }, () => ({
      wakeUps: new ReferenceWakeStream(),
      records: [],
      dead: [],
    }));
  }

  // -- the callbacks' side

  keep(message: Message, options: { stops: boolean | "ifBusy" }): Kept {
    const conversation = this.#conversation(message.conversationId);
    const seen = this.#expiring(this.#seen, message.id);
    const before = seen.get();
    if (before !== null) return { outcome: before, repeated: true, tellBusy: false };
    const isFull =
      conversation.mail.length >= MAILBOX_MESSAGES_MAX || this.#shardOf(message).wakeUps.length >= WAKE_UPS_MAX;
    const stops = options.stops === "ifBusy" ? conversation.mail.length > 0 : options.stops;
    // A stop request makes room; it is never turned away.
    if (isFull && !stops) {
      seen.set("busy", SEEN_TTL_MS);
      return { outcome: "busy", repeated: false, tellBusy: conversation.tellBusy() };
    }
    seen.set("kept", SEEN_TTL_MS);
    const kept = options.stops === "ifBusy" && stops ? { ...message, stops: true } : message;
    conversation.mail.push(JSON.stringify(kept, wellFormed));
    if (message.reply.kind === "bot") this.#setSnapshot(message.reply.streamId, firstSnapshot(message.receivedAtMs));
    if (stops) conversation.stop.set(message.id, STOP_TTL_MS);
    this.#wake(message);
    return { outcome: "kept", repeated: false, tellBusy: false };
  }

  snapshot(streamId: string): Snapshot | null {
    const stored = this.#snapshots.get(streamId)?.get() ?? null;
    return stored === null ? null : (JSON.parse(stored) as Snapshot);
  }

  // -- wake-ups

  readWakeUps(consumer: string, shards: readonly number[], count: number): WakeUp[] {
    const each = Math.max(1, Math.floor(count / shards.length));
    return shards.flatMap((shard) => this.#shard(shard).wakeUps.read(consumer, each, this.#nowMs()));
  }

  hasWakeUps(shards: readonly number[]): boolean {
    return shards.some((shard) => this.#shard(shard).wakeUps.hasNews());
  }

  claimAbandoned(consumer: string): WakeUp[] {
    return this.#shards.flatMap(({ wakeUps }) => wakeUps.claimAbandoned(consumer, this.#nowMs()));
  }

  forgetDeadConsumers(consumer: string): void {
    for (const { wakeUps } of this.#shards) wakeUps.forgetDeadConsumers(consumer, this.#nowMs());
  }

  // -- the lease

  take(wakeUp: WakeUp): ReferenceLease | null {
    const { id, conversationId } = wakeUp;
    const conversation = this.#conversation(conversationId);
    const holder = conversation.lease.get();
    if (holder === null) {
      const lease = { conversationId, wakeUpId: id };
      conversation.lease.set(lease, LEASE_TTL_MS);
      return lease;
    }
    // Under its own wake-up it is left alone; any other wake-up is not needed while somebody holds the conversation.
    if (holder.wakeUpId !== id) this.#shardOf(wakeUp).wakeUps.drop(id);
    return null;
  }

  renew(lease: ReferenceLease, consumer: string): string | null {
    const conversation = this.#held(lease);
    conversation.lease.set(lease, LEASE_TTL_MS);
    this.#shardOf(lease).wakeUps.touch(lease.wakeUpId, consumer, this.#nowMs());
    return conversation.stop.get();
  }

  release(lease: ReferenceLease): boolean {
    const conversation = this.#held(lease);
    if (conversation.mail.length > 0) return false;
    conversation.lease.clear();
    this.#shardOf(lease).wakeUps.drop(lease.wakeUpId);
    return true;
  }

  handOver(lease: ReferenceLease): void {
    const conversation = this.#conversation(lease.conversationId);
    if (conversation.lease.get() !== lease) return;
    conversation.lease.clear();
    if (conversation.journal !== null) conversation.journal.attempts -= 1;
    this.#shardOf(lease).wakeUps.drop(lease.wakeUpId);
    if (conversation.mail.length > 0) this.#wake(lease);
  }

  // -- the desk

  open(lease: ReferenceLease): OpenedTurn<Reply> | null {
    return this.#held(lease).open();
  }

  noteReply(lease: ReferenceLease, reply: Reply, distinctParts: string[]): number[] {
    return this.#held(lease).noteReply(reply, distinctParts);
  }

  notePartsSent(lease: ReferenceLease, count: number): void {
    const { journal } = this.#held(lease);
    if (journal !== null) journal.sent = count;
  }

  /** A finished snapshot stays; it is returned instead of being replaced. */
  show(lease: ReferenceLease, streamId: string, snapshot: Snapshot): Snapshot | null {
    this.#held(lease);
    const before = this.snapshot(streamId);
    if (before?.finish) return before;
    this.#setSnapshot(streamId, snapshot);
    return null;
  }

  finish(lease: ReferenceLease, message: Message, end: TurnEnd): void {
    this.#held(lease).finish(message, end);
    const { records, dead } = this.#shardOf(lease);
    records.push(JSON.stringify(end.record));
    if (end.feedback !== undefined) records.push(JSON.stringify(end.feedback));
    if (end.deadLetter === undefined) return;
    dead.push(JSON.stringify(end.deadLetter));
    if (dead.length > DEAD_LETTERS_MAX) dead.shift();
  }

  /** What may be asked without the lease: session, notes, obeyed stop requests. */
  look(
    conversationId: string,
  ): Pick<ReferenceConversation<Reply>, "recall" | "notes" | "wasObeyed" | "state" | "mail"> {
    return this.#conversation(conversationId);
  }

  /** Takes a place for a push to a member: 0, or how long it takes until there is one. */
  reserve(userId: string): number {
    const nowMs = this.#nowMs();
    const times = this.#pushes.get(userId) ?? [];
    const waits = BUDGET.map(
      ({ pushes, withinMs }) => (times.at(-pushes) ?? Number.NEGATIVE_INFINITY) + withinMs - nowMs,
    );
    const waitMs = Math.max(0, ...waits);
    if (waitMs === 0) this.#pushes.set(userId, [...times, nowMs]);
    return waitMs;
  }

  // -- for whoever looks from outside

  /** Whether nobody has anything to do. */
  isIdle(): boolean {
    if (this.#shards.some(({ wakeUps }) => wakeUps.length > 0)) return false;
    return [...this.#conversations.values()].every(({ mail, lease }) => mail.length === 0 && lease.get() === null);
  }

  shardState(shard: number) {
    const { wakeUps, records, dead } = this.#shard(shard);
    return {
      ...wakeUps.state(),
      records: records.map((record) => JSON.parse(record) as unknown),
      dead: dead.map((letter) => JSON.parse(letter) as unknown),
    };
  }

  /** Ends a lease as if its time were over. */
  expireLease(conversationId: string): void {
    this.#conversation(conversationId).lease.clear();
  }

  /** Makes a pending wake-up look as if nobody had touched it for `ms`. */
  ageWakeUp(wakeUp: WakeUp, ms: number): void {
    this.#shardOf(wakeUp).wakeUps.age(wakeUp.id, ms);
  }

  #wake(of: { conversationId: string }): void {
    this.#shardOf(of).wakeUps.add(of.conversationId);
    this.onWakeUp();
  }

  #setSnapshot(streamId: string, snapshot: Snapshot): void {
    this.#expiring(this.#snapshots, streamId).set(JSON.stringify(snapshot), SNAPSHOT_TTL_MS);
  }

  #held(lease: ReferenceLease): ReferenceConversation<Reply> {
    const conversation = this.#conversation(lease.conversationId);
    if (conversation.lease.get() !== lease) throw leaseLost();
    return conversation;
  }

  #conversation(id: string): ReferenceConversation<Reply> {
    let conversation = this.#conversations.get(id);
    if (conversation === undefined) {
      conversation = new ReferenceConversation(this.#nowMs);
      this.#conversations.set(id, conversation);
    }
    return conversation;
  }

  #expiring<T>(map: Map<string, Expiring<T>>, key: string): Expiring<T> {
    let value = map.get(key);
    if (value === undefined) {
      value = new Expiring(this.#nowMs);
      map.set(key, value);
    }
    return value;
  }

  #shardOf({ conversationId }: { conversationId: string }): Shard {
    return this.#shard(shardOf(conversationId));
  }

  #shard(number: number): Shard {
    const shard = this.#shards[number];
    if (shard === undefined) throw new Error(`there is no shard ${number}`);
    return shard;
  }
}

/** Half a character would not survive the scripts. */
function wellFormed(_name: string, value: unknown): unknown {
  return typeof value === "string" ? value.toWellFormed() : value;
}
