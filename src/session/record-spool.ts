import { recordsKey, rejectedKey, SEEN_TTL_MS, SHARDS, seenKey } from "./keys.ts";
import type { RedisConnection } from "./redis.ts";
import { inStore } from "./redis.ts";
import { Script } from "./script.ts";
import { RECORDS_WAITING_MAX } from "./turn-desk.ts";

const GROUP = "recorder";
/** Records kept after the database refused them for good, per shard. */
const REJECTED_MAX = 1_000;
/** A record handed to a process that died is taken over after this; writing it twice changes nothing. */
const ABANDONED_MS = 30_000;

/**
 * KEYS seen, records
 * ARGV seen TTL ms, record JSON, records max
 * RETURNS 1 kept | 0 was there
 */
const KEEP_RECORD = new Script(`
if not redis.call('SET', KEYS[1], 'kept', 'NX', 'PX', ARGV[1]) then return 0 end
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], '*', 'r', ARGV[2])
return 1
`);

export interface SpooledEntry<R> {
  shard: number;
  id: string;
  record: R;
}

type StreamEntry = [id: string, fields: string[] | null];

/**
 * Records on their way to the database. The turn's last script adds them, so that a record exists exactly when its turn
 * is finished; any process writes them, each at least once.
 */
export class RecordSpool<R> {
  readonly #redis: RedisConnection;
  readonly #consumer: string;

  constructor(redis: RedisConnection, consumer: string) {
    this.#redis = redis;
    this.#consumer = consumer;
  }

  /** For what comes without a turn (feedback). False when this event was kept before. Throws `store_unavailable`. */
  async keep(shard: number, eventId: string, record: R): Promise<boolean> {
    const answer = await inStore(() =>
      KEEP_RECORD.run(
        this.#redis,
        [seenKey(shard, eventId), recordsKey(shard)],
        [SEEN_TTL_MS, JSON.stringify(record), RECORDS_WAITING_MAX],
      ),
    );
    return answer === 1;
  }

  /** Makes the groups where they are missing. Safe to repeat. */
  async ensureGroups(): Promise<void> {
    for (const shard of shards()) {
      try {
        await this.#redis.xgroup("CREATE", recordsKey(shard), GROUP, "0", "MKSTREAM");
      } catch (error) {
        if (!(error instanceof Error && error.message.startsWith("BUSYGROUP"))) throw error;
      }
    }
  }

  /** The next records, at most `count` a shard: this process's own unwritten ones first, then abandoned ones, then new ones. */
  async take(count: number): Promise<SpooledEntry<R>[]> {
    const taken: SpooledEntry<R>[] = [];
    for (const shard of shards()) {
      const own = await this.#read(shard, count, "0");
      const entries =
        own.length > 0 ? own : [...(await this.#claim(shard, count)), ...(await this.#read(shard, count, ">"))];
      for (const [id, fields] of entries) {
        // A null entry was trimmed while it was pending; acknowledging it clears the list.
        if (fields === null) await this.#redis.xack(recordsKey(shard), GROUP, id);
        else if (fields[1] !== undefined) taken.push({ shard, id, record: JSON.parse(fields[1]) as R });
      }
    }
    return taken;
  }

  async written(entries: SpooledEntry<R>[]): Promise<void> {
    for (const shard of shards()) {
      const ids = entries.filter((entry) => entry.shard === shard).map((entry) => entry.id);
      if (ids.length === 0) continue;
      await this.#redis.xack(recordsKey(shard), GROUP, ...ids);
      await this.#redis.xdel(recordsKey(shard), ...ids);
    }
  }

  /** Keeps a record that the database refuses for good where a person can look at it; newest first, bounded. */
  async setAside(entry: SpooledEntry<R>): Promise<void> {
    const key = rejectedKey(entry.shard);
    await this.#redis.lpush(key, JSON.stringify(entry.record));
    await this.#redis.ltrim(key, 0, REJECTED_MAX - 1);
  }

  /** Records not yet in the database. */
  async waiting(): Promise<number> {
    const lengths = await Promise.all(shards().map((shard) => this.#redis.xlen(recordsKey(shard))));
    return lengths.reduce((sum, length) => sum + length, 0);
  }

  async #read(shard: number, count: number, from: "0" | ">"): Promise<StreamEntry[]> {
    const answer = (await this.#redis.xreadgroup(
      "GROUP",
      GROUP,
      this.#consumer,
      "COUNT",
      count,
      "STREAMS",
      recordsKey(shard),
      from,
    )) as [stream: string, entries: StreamEntry[]][] | null;
    return answer?.[0]?.[1] ?? [];
  }

  async #claim(shard: number, count: number): Promise<StreamEntry[]> {
    const [, entries] = (await this.#redis.xautoclaim(
      recordsKey(shard),
      GROUP,
      this.#consumer,
      ABANDONED_MS,
      "0-0",
      "COUNT",
      count,
    )) as [cursor: string, entries: StreamEntry[]];
    return entries;
  }
}

function shards(): number[] {
  return Array.from({ length: SHARDS }, (_, shard) => shard);
}
