import { Redis } from "ioredis";
import { parseRedisUrl } from "../base/redis-address.ts";
import { SHARDS, wakeKey } from "./keys.ts";
import type { RedisConnection } from "./redis.ts";

export const WAKE_GROUP = "workers";
/** A wake-up unacknowledged and untouched for so long belongs to a dead worker: longer than a lease lives. */
const ABANDONED_MS = 9_000;
/** A blocking read that is answered so much later than it should have been sits on a dead link. */
const SILENT_AFTER_MS = 3_000;
/** Entries looked at in one claim of one shard; the next round takes the rest. */
const CLAIM_COUNT = 100;
/** A worker that was silent for so long and owes nothing is struck off, so that restarts do not pile up names. */
const CONSUMER_FORGOTTEN_MS = 3600_000;

export interface WakeUp {
  /** Entry id in the wake-up stream. */
  id: string;
  conversationId: string;
}

type StreamEntry = [id: string, fields: string[] | null];

/** The shards that are read together. */
export interface ShardReader {
  shards: number[];
}

/** One connection for blocking reads, and the shards that are read over it. */
export interface WakeUpReader extends ShardReader {
  connection: RedisConnection;
}

/** One reader for all shards; on a Cluster one each, since one command cannot read streams of several slots. */
export function readersFor(url: string, connect: () => RedisConnection): WakeUpReader[] {
  if (parseRedisUrl(url).kind !== "cluster") return [{ connection: connect(), shards: allShards() }];
  return allShards().map((shard) => ({ connection: connect(), shards: [shard] }));
}

/** Where wake-ups come from: Redis in the service, a model of it in simulations. */
export interface WakeUpSource {
  readonly readers: readonly ShardReader[];
  ensureGroups(): Promise<void>;
  /** `reader`: one of `readers`. */
  read(reader: ShardReader, count: number, blockMs: number): Promise<WakeUp[]>;
  claimAbandoned(): Promise<WakeUp[]>;
  forgetDeadConsumers(): Promise<void>;
  interrupt(): Promise<void>;
}

/** The shards' wake-up streams, read as one member of the workers' consumer group. */
export class WakeUps implements WakeUpSource {
  readonly #commands: RedisConnection;
  readonly readers: readonly WakeUpReader[];
  readonly consumer: string;
  /** Redis's number of a blocking connection while it lives; it is needed to end a wait from another connection. */
  readonly #connectionIds = new Map<WakeUpReader, number>();
  /** How far the search for abandoned wake-ups has come in each shard: one search looks at a part of the list only. */
  readonly #claimedUpTo = new Map<number, string>();

  constructor(commands: RedisConnection, readers: WakeUpReader[], consumer: string) {
    this.#commands = commands;
    this.readers = readers;
    this.consumer = consumer;
    for (const reader of readers) reader.connection.on("close", () => this.#connectionIds.delete(reader));
  }

  /** Makes the groups where they are missing: first start, or a Redis that lost its data. Safe to repeat. */
  async ensureGroups(): Promise<void> {
    await Promise.all(
      allShards().map(async (shard) => {
        try {
          await this.#commands.xgroup("CREATE", wakeKey(shard), WAKE_GROUP, "0", "MKSTREAM");
        } catch (error) {
          if (!(error instanceof Error && error.message.startsWith("BUSYGROUP"))) throw error;
        }
      }),
    );
  }

  /**
   * Waits up to `blockMs` for wake-ups that nobody was given yet. About `count` of them: Redis counts for each stream, so
   * one a shard may come even when `count` is less than the reader's shards.
   */
  async read(reader: WakeUpReader, count: number, blockMs: number): Promise<WakeUp[]> {
    const { connection, shards } = reader;
    if (connection instanceof Redis && !this.#connectionIds.has(reader)) {
      this.#connectionIds.set(reader, await connection.client("ID"));
    }
    const streams = shards.map(wakeKey);
    // A link that went silent (a dead machine, a forgotten NAT entry) never errors: without this the worker would be deaf.
    const silent = setTimeout(() => connection.disconnect(true), blockMs + SILENT_AFTER_MS);
    const answer = (await connection
      .xreadgroup(
        "GROUP",
        WAKE_GROUP,
        this.consumer,
        "COUNT",
        Math.max(1, Math.floor(count / shards.length)),
        "BLOCK",
        blockMs,
        "STREAMS",
        ...streams,
        ...streams.map(() => ">"),
      )
      .finally(() => clearTimeout(silent))) as [stream: string, entries: StreamEntry[]][] | null;
    return (answer ?? []).flatMap(([, entries]) => toWakeUps(entries));
  }

  /**
   * Ends waits that are under way, as if their time were over. Closing the connection instead could lose wake-ups on the
   * wire: they would come back only when they look abandoned. On a Cluster the waits end by themselves.
   */
  async interrupt(): Promise<void> {
    for (const id of this.#connectionIds.values()) await this.#commands.client("UNBLOCK", id);
  }

  /** Takes over what dead workers left. */
  async claimAbandoned(): Promise<WakeUp[]> {
    const found: WakeUp[] = [];
    for (const shard of allShards()) {
      const [cursor, entries] = (await this.#commands.xautoclaim(
        wakeKey(shard),
        WAKE_GROUP,
        this.consumer,
        ABANDONED_MS,
        this.#claimedUpTo.get(shard) ?? "0-0",
        "COUNT",
        CLAIM_COUNT,
      )) as [cursor: string, entries: StreamEntry[]];
      this.#claimedUpTo.set(shard, cursor);
      found.push(...toWakeUps(entries));
    }
    return found;
  }

  async forgetDeadConsumers(): Promise<void> {
    for (const shard of allShards()) {
      const consumers = (await this.#commands.xinfo("CONSUMERS", wakeKey(shard), WAKE_GROUP)) as (string | number)[][];
      for (const row of consumers) {
        const { name, pending, idle } = toRecord(row);
        if (name === this.consumer || pending !== 0 || Number(idle) < CONSUMER_FORGOTTEN_MS) continue;
        await this.#commands.xgroup("DELCONSUMER", wakeKey(shard), WAKE_GROUP, String(name));
      }
    }
  }

  /** Wake-ups that wait or run, over all shards. */
  async waiting(): Promise<number> {
    const lengths = await Promise.all(allShards().map((shard) => this.#commands.xlen(wakeKey(shard))));
    return lengths.reduce((sum, length) => sum + length, 0);
  }
}

function allShards(): number[] {
  return Array.from({ length: SHARDS }, (_, shard) => shard);
}

/** An entry without fields was deleted while it was pending: nothing to do for it. */
function toWakeUps(entries: StreamEntry[]): WakeUp[] {
  return entries.flatMap(([id, fields]) => {
    const conversationId = fields?.[1];
    return conversationId === undefined ? [] : [{ id, conversationId }];
  });
}

function toRecord(row: (string | number)[]): Record<string, string | number> {
  const record: Record<string, string | number> = {};
  for (let i = 0; i + 1 < row.length; i += 2) record[String(row[i])] = row[i + 1] ?? "";
  return record;
}
