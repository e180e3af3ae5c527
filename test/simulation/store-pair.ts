import type { Redis } from "ioredis";
import { codeOf } from "../../src/base/errors.ts";
import { conversationKeys, deadKey, recordsKey, SHARDS, snapshotKey, wakeKey } from "../../src/session/keys.ts";
import { type Lease, takeLease } from "../../src/session/lease.ts";
import { Mailbox } from "../../src/session/mailbox.ts";
import type { Message } from "../../src/session/message.ts";
import { SendBudget } from "../../src/session/send-budget.ts";
import { Snapshots } from "../../src/session/snapshots.ts";
import { TurnDesk } from "../../src/session/turn-desk.ts";
import { WAKE_GROUP, type WakeUp, type WakeUpReader, WakeUps } from "../../src/session/wake-ups.ts";
import type { ReferenceLease } from "./reference-conversation.ts";
import { ReferenceStore } from "./reference-store.ts";

/** Any reply will do: neither store looks into it. */
export interface AnyReply {
  text: string;
}

interface HeldPair {
  reference: ReferenceLease;
  real: { lease: Lease; desk: TurnDesk<AnyReply> };
  consumer: string;
  /** The message that this holder opened last and has not finished. */
  opened: Message | null;
}

/** What one call came to: its answer, or the code of its error. */
type Outcome = { answer: unknown } | { error: string };

/** What both came to. They must be equal. */
export interface Answers {
  reference: Outcome;
  real: Outcome;
}

export const CONSUMERS = ["a", "b"] as const;
export type Consumer = (typeof CONSUMERS)[number];

/** Longer than a lease lives and than a wake-up may be left alone. */
const LONG_MS = 60_000;

/** The reference and the real thing side by side: everything is done to both, and both can be looked at alike. */
export class StorePair {
  readonly held: HeldPair[] = [];
  readonly wakeUps: { reference: WakeUp; real: WakeUp }[] = [];
  readonly messages: Message[] = [];
  readonly #reference = new ReferenceStore<AnyReply>(() => Date.now());
  readonly #redis: Redis;
  readonly #mailbox: Mailbox;
  readonly #snapshots: Snapshots;
  readonly #budget: SendBudget;
  readonly #workers: Record<Consumer, WakeUps>;
  readonly #reader: WakeUpReader;
  readonly #conversationIds: readonly string[];
  /** Redis's id of a wake-up → how many the shard had with it. The reference counts them so from the start. */
  readonly #numbers = new Map<string, string>();
  readonly #added = new Array<number>(SHARDS).fill(0);

  private constructor(redis: Redis, reader: WakeUpReader, conversationIds: readonly string[]) {
    this.#redis = redis;
    this.#reader = reader;
    this.#conversationIds = conversationIds;
    this.#mailbox = new Mailbox(redis);
    this.#snapshots = new Snapshots(redis);
    this.#budget = new SendBudget(redis, "1000002");
    this.#workers = { a: new WakeUps(redis, [reader], "a"), b: new WakeUps(redis, [reader], "b") };
  }

  /** On an empty Redis. */
  static async open(redis: Redis, reader: WakeUpReader, conversationIds: readonly string[]): Promise<StorePair> {
    const pair = new StorePair(redis, reader, conversationIds);
    await pair.#workers.a.ensureGroups();
    return pair;
  }

  async keep(message: Message, options: { stops: boolean | "ifBusy" }): Promise<Answers> {
    this.messages.push(message);
    return both(
      () => this.#reference.keep(message, options),
      () => this.#mailbox.keep(message, options),
    );
  }

  async read(consumer: Consumer, count: number): Promise<Answers> {
    // With nothing to give Redis would wait a tenth of a second; that both have nothing is compared with their state.
    if (!this.#reference.hasWakeUps(this.#reader.shards)) return NOTHING;
    const reference = this.#reference.readWakeUps(consumer, this.#reader.shards, count);
    const real = await this.#workers[consumer].read(this.#reader, count, 1);
    return this.#given(reference, real);
  }

  async claim(consumer: Consumer): Promise<Answers> {
    const reference = this.#reference.claimAbandoned(consumer);
    const real = await this.#workers[consumer].claimAbandoned();
    return this.#given(reference, real);
  }

  async take(wakeUp: { reference: WakeUp; real: WakeUp }, consumer: Consumer): Promise<Answers> {
    const reference = this.#reference.take(wakeUp.reference);
    const lease = await takeLease(this.#redis, wakeUp.real, consumer);
    if (reference !== null && lease !== null) {
      const real = { lease, desk: new TurnDesk<AnyReply>(lease) };
      this.held.push({ reference, real, consumer, opened: null });
    }
    return { reference: { answer: reference !== null }, real: { answer: lease !== null } };
  }

  /** Ends a lease as if its time were over. */
  async expireLease(conversationId: string): Promise<Answers> {
    this.#reference.expireLease(conversationId);
    await this.#redis.del(conversationKeys(conversationId).lease);
    return NOTHING;
  }

  /** Lets a wake-up look as if nobody had touched it for long. */
  async ageWakeUp(wakeUp: { reference: WakeUp; real: WakeUp }): Promise<Answers> {
    this.#reference.ageWakeUp(wakeUp.reference, LONG_MS);
    const { wake } = conversationKeys(wakeUp.real.conversationId);
    const [pending] = (await this.#redis.xpending(wake, WAKE_GROUP, wakeUp.real.id, wakeUp.real.id, 1)) as [
      string,
      string,
    ][];
    if (pending !== undefined) {
      await this.#redis.xclaim(wake, WAKE_GROUP, pending[1], 0, wakeUp.real.id, "IDLE", LONG_MS, "JUSTID");
    }
    return NOTHING;
  }

  /** One call of a holder. */
  async holder(
    held: HeldPair,
    reference: (store: ReferenceStore<AnyReply>, lease: ReferenceLease) => unknown,
    real: (lease: Lease, desk: TurnDesk<AnyReply>) => Promise<unknown>,
  ): Promise<Answers> {
    return both(
      () => reference(this.#reference, held.reference),
      () => real(held.real.lease, held.real.desk),
    );
  }

  async snapshot(streamId: string): Promise<Answers> {
    return both(
      () => this.#reference.snapshot(streamId),
      () => this.#snapshots.read(streamId),
    );
  }

  /** Several places at once: a minute's limit is higher than a test has steps. */
  async reserve(userId: string, times: number): Promise<Answers> {
    const answers: Answers = { reference: { answer: [] }, real: { answer: [] } };
    const places: { reference: boolean[]; real: boolean[] } = { reference: [], real: [] };
    for (let i = 0; i < times; i += 1) {
      places.reference.push(this.#reference.reserve(userId) === 0);
      places.real.push((await this.#budget.reserve(userId)) === 0);
    }
    return { ...answers, reference: { answer: places.reference }, real: { answer: places.real } };
  }

  referenceState(): unknown {
    return {
      conversations: this.#conversationIds.map((id) => this.#reference.look(id).state()),
      shards: Array.from({ length: SHARDS }, (_, shard) => this.#reference.shardState(shard)),
      snapshots: this.messages.map(({ reply }) =>
        reply.kind === "bot" ? this.#reference.snapshot(reply.streamId) : null,
      ),
    };
  }

  async realState(): Promise<unknown> {
    // Wake-ups first: what follows names them by their number.
    const shards = await Promise.all(Array.from({ length: SHARDS }, (_, shard) => this.#shardState(shard)));
    return {
      conversations: await Promise.all(this.#conversationIds.map((id) => this.#conversationState(id))),
      shards,
      snapshots: await Promise.all(
        this.messages.map(({ reply }) =>
          reply.kind === "bot" ? this.#storedSnapshot(reply.streamId) : Promise.resolve(null),
        ),
      ),
    };
  }

  async #storedSnapshot(streamId: string): Promise<unknown> {
    const stored = await this.#redis.get(snapshotKey(streamId) ?? "");
    return stored === null ? null : JSON.parse(stored);
  }

  async #conversationState(conversationId: string) {
    const redis = this.#redis;
    const keys = conversationKeys(conversationId);
    const withTtl = async <V>(key: string, read: () => Promise<V>): Promise<{ value: V; ttlMs: number } | null> => {
      const [ttlMs, value] = await Promise.all([redis.pttl(key), read()]);
      return ttlMs === -2 ? null : { value, ttlMs };
    };
    const [mail, lease, journal, session, stop, obeyed, sent, notes, toldBusy] = await Promise.all([
      redis.lrange(keys.mail, 0, -1),
      withTtl(keys.lease, async () => this.#numberOf(keys.shard, (await redis.get(keys.lease))?.split("|")[1] ?? "")),
      redis.hgetall(keys.journal),
      withTtl(keys.session, async () => (await redis.lrange(keys.session, 0, -1)).map(parse)),
      withTtl(keys.stop, () => redis.get(keys.stop)),
      withTtl(keys.obeyed, async () => (await redis.smembers(keys.obeyed)).sort()),
      withTtl(keys.sent, async () => (await redis.hvals(keys.sent)).map(Number).sort((a, b) => a - b)),
      withTtl(keys.notes, async () => readNotes(await redis.hgetall(keys.notes))),
      withTtl(keys.toldBusy, async () => (await redis.get(keys.toldBusy)) !== null),
    ]);
    return {
      mail: mail.map((message) => (JSON.parse(message) as Message).id),
      lease,
      journal: readJournal(journal),
      session,
      stop,
      obeyed,
      sent,
      notes,
      toldBusy,
    };
  }

  async #shardState(shard: number) {
    const redis = this.#redis;
    const [entries, pending, records, dead] = await Promise.all([
      redis.xrange(wakeKey(shard), "-", "+"),
      redis.xpending(wakeKey(shard), WAKE_GROUP, "-", "+", 1_000) as Promise<[id: string, consumer: string][]>,
      redis.xrange(recordsKey(shard), "-", "+"),
      redis.lrange(deadKey(shard), 0, -1),
    ]);
    for (const [id] of entries) this.#number(shard, id);
    return {
      entries: entries.map(([id, fields]) => ({ id: this.#numberOf(shard, id), conversationId: fields[1] })),
      pending: pending.map(([id, consumer]) => ({ id: this.#numberOf(shard, id), consumer })),
      records: records.map(([, fields]) => parse(fields[1] ?? "")),
      dead: dead.map(parse),
    };
  }

  /** Wake-ups that both gave out, in the order of the shards. */
  async #given(reference: WakeUp[], real: WakeUp[]): Promise<Answers> {
    await this.realState();
    const numbered = real.map((wakeUp) => ({
      ...wakeUp,
      id: this.#numberOf(conversationKeys(wakeUp.conversationId).shard, wakeUp.id),
    }));
    for (const [index, wakeUp] of reference.entries()) {
      const twin = real[index];
      if (twin !== undefined) this.wakeUps.push({ reference: wakeUp, real: twin });
    }
    return { reference: { answer: reference }, real: { answer: numbered } };
  }

  #number(shard: number, id: string): void {
    const key = `${shard}|${id}`;
    if (this.#numbers.has(key)) return;
    const number = (this.#added[shard] ?? 0) + 1;
    this.#added[shard] = number;
    this.#numbers.set(key, String(number));
  }

  #numberOf(shard: number, id: string): string {
    return this.#numbers.get(`${shard}|${id}`) ?? `unknown ${id}`;
  }
}

const NOTHING: Answers = { reference: { answer: null }, real: { answer: null } };

async function both(reference: () => unknown, real: () => Promise<unknown>): Promise<Answers> {
  return { reference: await outcomeOf(async () => reference()), real: await outcomeOf(real) };
}

async function outcomeOf(call: () => Promise<unknown>): Promise<Outcome> {
  try {
    return { answer: (await call()) ?? null };
  } catch (error) {
    return { error: codeOf(error) };
  }
}

function parse(json: string): unknown {
  return JSON.parse(json);
}

function readJournal(stored: Record<string, string>) {
  const { id, attempts, reply, marks = "", sent = "0" } = stored;
  if (id === undefined) return Object.keys(stored).length === 0 ? null : stored;
  return {
    id,
    attempts: Number(attempts),
    reply: reply ?? null,
    marks: marks === "" ? [] : marks.split(",").map(Number),
    sent: Number(sent),
  };
}

function readNotes({ case: caseNumber, question, rateable }: Record<string, string>) {
  const unanswered = question === undefined ? null : parse(question);
  return { caseNumber: caseNumber ?? null, unanswered, rateable: rateable ?? null };
}
