import { createHash } from "node:crypto";
import { conversationKeys } from "./keys.ts";
import { inStore, type RedisConnection } from "./redis.ts";
import { Script } from "./script.ts";
import type { SessionSummary, SessionTurn } from "./session-turn.ts";

/**
 * Puts a summary in the place of the session's oldest turns, if they are still there and nobody has summed them up: a
 * conversation that was forgotten meanwhile does not get its old words back.
 * KEYS session, summary
 * ARGV the summary that the new one builds on or "", how many turns, SHA-1 of the first of them, SHA-1 of the last,
 *      new summary JSON
 * RETURNS 1 | 0 the session has changed
 */
const FOLD = new Script(`
if (redis.call('GET', KEYS[2]) or '') ~= ARGV[1] then return 0 end
local count = tonumber(ARGV[2])
if redis.call('LLEN', KEYS[1]) <= count then return 0 end
if redis.sha1hex(redis.call('LINDEX', KEYS[1], 0)) ~= ARGV[3] then return 0 end
if redis.sha1hex(redis.call('LINDEX', KEYS[1], count - 1)) ~= ARGV[4] then return 0 end
redis.call('LTRIM', KEYS[1], count, -1)
redis.call('SET', KEYS[2], ARGV[5])
local life = redis.call('PTTL', KEYS[1])
if life > 0 then redis.call('PEXPIRE', KEYS[2], life) end
return 1
`);

/** A session as it was read, for a summary to be made of its beginning. */
export interface SessionToFold {
  turns: SessionTurn[];
  summary: SessionSummary | null;
  /** What stood in Redis, byte by byte: by it the script knows whether it still does. */
  readonly stored: { turns: readonly string[]; summary: string };
}

/** What a summariser reads and writes of sessions; it holds no lease. Every call throws `store_unavailable`. */
export interface FoldingSessions {
  read(conversationId: string): Promise<SessionToFold>;
  /** False when the session has changed since it was read: nothing was written. */
  fold(conversationId: string, read: SessionToFold, count: number, summary: SessionSummary): Promise<boolean>;
}

export class RedisSummaries implements FoldingSessions {
  readonly #redis: RedisConnection;

  constructor(redis: RedisConnection) {
    this.#redis = redis;
  }

  async read(conversationId: string): Promise<SessionToFold> {
    const keys = conversationKeys(conversationId);
    const [summary, turns] = await inStore(() =>
      Promise.all([this.#redis.get(keys.summary), this.#redis.lrange(keys.session, 0, -1)]),
    );
    return {
      turns: turns.map((turn) => JSON.parse(turn) as SessionTurn),
      summary: summary === null ? null : (JSON.parse(summary) as SessionSummary),
      stored: { turns, summary: summary ?? "" },
    };
  }

  async fold(conversationId: string, read: SessionToFold, count: number, summary: SessionSummary): Promise<boolean> {
    const { session, summary: key } = conversationKeys(conversationId);
    const { turns, summary: before } = read.stored;
    const marks = [turns[0], turns[count - 1]].map((turn) =>
      createHash("sha1")
        .update(turn ?? "")
        .digest("hex"),
    );
    const json = JSON.stringify(summary);
    return (await inStore(() => FOLD.run(this.#redis, [session, key], [before, count, ...marks, json]))) === 1;
  }
}
