import { inStore, type RedisConnection } from "./redis.ts";

/** WeCom takes a message back for 24 hours (wecom-protocol 3.4). */
const LIFE_MS = 24 * 3600_000;
/** Parts of one answer; a longer one is cut by WeCom's own limits long before. */
const IDS_MAX = 100;

/** WeCom's ids of what was sent for a turn, kept as long as it can be taken back. */
export class SentIds {
  readonly #redis: RedisConnection;

  constructor(redis: RedisConnection) {
    this.#redis = redis;
  }

  /** Throws `store_unavailable`. */
  async note(turnId: string, msgId: string): Promise<void> {
    const key = keyOf(turnId);
    await inStore(async () => {
      await this.#redis.rpush(key, msgId);
      await this.#redis.ltrim(key, -IDS_MAX, -1);
      await this.#redis.pexpire(key, LIFE_MS);
    });
  }

  /** In the order in which they were sent; none when their time is over. Throws `store_unavailable`. */
  async of(turnId: string): Promise<string[]> {
    return inStore(() => this.#redis.lrange(keyOf(turnId), 0, -1));
  }
}

function keyOf(turnId: string): string {
  return `yingda:{sent:${turnId}}:ids`;
}
