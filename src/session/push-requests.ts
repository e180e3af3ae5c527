import { createHash } from "node:crypto";
import { inStore, type RedisConnection } from "./redis.ts";
import { Script } from "./script.ts";

/** Requests of one system within a minute: a notice to everybody goes another way, and members' places are few. */
export const PUSHES_PER_MINUTE = 60;
/** How long the same key gets the same answer. */
export const KEY_LIFE_MS = 24 * 3600_000;
/** A request under way holds its key so long. Longer than it may take, so that two never send at once. */
const HOLD_MS = 45_000;
const MINUTE_MS = 60_000;

/**
 * KEYS counter of one system
 * ARGV most, window ms
 * RETURNS 0 | milliseconds until it may ask again
 */
const COUNT = new Script(`
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
if count <= tonumber(ARGV[1]) then return 0 end
return math.max(1, redis.call('PTTL', KEYS[1]))
`);

/**
 * Claims an idempotency key, or says what became of the request that has it.
 * KEYS request
 * ARGV hash of the body, id of a new request, hold ms, life ms
 * RETURNS {"mine", id, progress JSON or ""} | {"answered", answer JSON} | {"held", ms} | {"other"} it came with another body
 */
const BEGIN = new Script(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local known = redis.call('HMGET', KEYS[1], 'body', 'id', 'answer', 'until', 'progress')
if not known[1] then
  redis.call('HSET', KEYS[1], 'body', ARGV[1], 'id', ARGV[2], 'until', now + ARGV[3])
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
  return {'mine', ARGV[2], ''}
end
if known[1] ~= ARGV[1] then return {'other'} end
if known[3] then return {'answered', known[3]} end
if tonumber(known[4]) > now then return {'held', known[4] - now} end
redis.call('HSET', KEYS[1], 'until', now + ARGV[3])
return {'mine', known[2], known[5] or ''}
`);

/**
 * Writes a field of a request that is still known: a key that is over is not made again without an end.
 * KEYS request
 * ARGV field, value
 */
const NOTE = new Script(`
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end
return 1
`);

/** How far a message got: what a later try of the same request goes on from. */
export interface PushProgress {
  /** For each part: how often the same text went out before it. */
  marks: number[];
  partsSent: number;
}

export interface PushAnswer {
  status: number;
  body: unknown;
}

export type Begun =
  | { kind: "mine"; id: string; progress: PushProgress | null }
  | { kind: "answered"; answer: PushAnswer }
  | { kind: "held"; waitMs: number }
  | { kind: "other" };

/** Requests of other systems, in Redis, shared by all processes: how many, and which were made before. No text is kept. */
export class PushRequests {
  readonly #redis: RedisConnection;

  constructor(redis: RedisConnection) {
    this.#redis = redis;
  }

  /** 0, or the milliseconds after which this system may ask again. Throws `store_unavailable`. */
  async count(by: string): Promise<number> {
    const key = `yingda:{push:${by}}:count`;
    return Number(await inStore(() => COUNT.run(this.#redis, [key], [PUSHES_PER_MINUTE, MINUTE_MS])));
  }

  /** `newId` is the id when it was not asked before. Throws `store_unavailable`. */
  async begin(by: string, key: string, body: string, newId: string): Promise<Begun> {
    const args = [sha256(body), newId, HOLD_MS, KEY_LIFE_MS];
    const [kind, value = "", progress = ""] = (await inStore(() =>
      BEGIN.run(this.#redis, [requestKey(by, key)], args),
    )) as [Begun["kind"], (string | number)?, string?];
    switch (kind) {
      case "mine":
        return { kind, id: String(value), progress: progress === "" ? null : (JSON.parse(progress) as PushProgress) };
      case "answered":
        return { kind, answer: JSON.parse(String(value)) as PushAnswer };
      case "held":
        return { kind, waitMs: Number(value) };
      case "other":
        return { kind };
    }
  }

  async noteProgress(by: string, key: string, progress: PushProgress): Promise<void> {
    await this.#note(by, key, "progress", JSON.stringify(progress));
  }

  /** The answer that the same request gets from now on. */
  async finish(by: string, key: string, answer: PushAnswer): Promise<void> {
    await this.#note(by, key, "answer", JSON.stringify(answer));
  }

  /** It did not come about, and may be tried again at once. */
  async release(by: string, key: string): Promise<void> {
    await this.#note(by, key, "until", "0");
  }

  async #note(by: string, key: string, field: string, value: string): Promise<void> {
    await inStore(() => NOTE.run(this.#redis, [requestKey(by, key)], [field, value]));
  }
}

function requestKey(by: string, key: string): string {
  return `yingda:{push:${by}}:key:${sha256(key)}`;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
