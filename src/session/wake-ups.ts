import type { Redis } from "ioredis";
import { SHARDS, wakeKey } from "./keys.ts";

export const WAKE_GROUP = "workers";
/** A wake-up unacknowledged and untouched for so long belongs to a dead worker: longer than a lease lives. */
const ABANDONED_MS = 9_000;
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

/** The shards' wake-up streams, read as one member of the workers' consumer group. */
export class WakeUps {
  readonly #commands: Redis;
  readonly #blocking: Redis;
  readonly consumer: string;
  /** Redis's number of the blocking connection while it lives; it is needed to end a wait from the other connection. */
  #blockingId: number | null = null;

  constructor(commands: Redis, blocking: Redis, consumer: string) {
    this.#commands = commands;
    this.#blocking = blocking;
    this.consumer = consumer;
    blocking.on("close", () => {
      this.#blockingId = null;
    });
  }

  /** Makes the groups where they are missing: first start, or a Redis that lost its data. Safe to repeat. */
  async ensureGroups(): Promise<void> {
    await Promise.all(
      shards().map(async (shard) => {
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
   * one a shard may come even when `count` is less than the number of shards.
   */
  async read(count: number, blockMs: number): Promise<WakeUp[]> {
    const streams = shards().map(wakeKey);
    this.#blockingId ??= await this.#blocking.client("ID");
    const answer = (await this.#blocking.xreadgroup(
      "GROUP",
      WAKE_GROUP,
      this.consumer,
      "COUNT",
      Math.max(1, Math.floor(count / SHARDS)),
      "BLOCK",
      blockMs,
      "STREAMS",
      ...streams,
      ...streams.map(() => ">"),
    )) as [stream: string, entries: StreamEntry[]][] | null;
    return (answer ?? []).flatMap(([, entries]) => toWakeUps(entries));
  }

  /**
   * Ends a wait that is under way, as if its time were over. Closing the connection instead could lose wake-ups on the wire:
   * they would come back only when they look abandoned.
   */
  async interrupt(): Promise<void> {
    if (this.#blockingId !== null) await this.#commands.client("UNBLOCK", this.#blockingId);
  }

  /** Takes over what dead workers left. */
  async claimAbandoned(): Promise<WakeUp[]> {
    const found: WakeUp[] = [];
    for (const shard of shards()) {
      const [, entries] = (await this.#commands.xautoclaim(
        wakeKey(shard),
        WAKE_GROUP,
        this.consumer,
        ABANDONED_MS,
        "0-0",
        "COUNT",
        CLAIM_COUNT,
      )) as [cursor: string, entries: StreamEntry[]];
      found.push(...toWakeUps(entries));
    }
    return found;
  }

  async forgetDeadConsumers(): Promise<void> {
    for (const shard of shards()) {
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
    const lengths = await Promise.all(shards().map((shard) => this.#commands.xlen(wakeKey(shard))));
    return lengths.reduce((sum, length) => sum + length, 0);
  }
}

function shards(): number[] {
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
