import { createHash, randomBytes } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import { inStore, type RedisConnection } from "./redis.ts";
import { Script } from "./script.ts";

/** Nobody at the desk: the next click asks for a new login. */
export const SESSION_IDLE_MS = 30 * 60_000;
/** A working day; a stolen cookie is worth no more than that. */
export const SESSION_LIFE_MS = 12 * 3600_000;
/** Browsers of all reviewers together; past it the oldest is signed out, so that logins in a loop do not fill Redis. */
export const SESSIONS_MAX = 500;

const TOKEN_BYTES = 32;
/** base64url of 32 bytes. */
const TOKEN_SHAPE = /^[A-Za-z0-9_-]{43}$/;

const INDEX = "yingda:{admin}:sessions";
const sessionKey = (id: string): string => `yingda:{admin}:session:${id}`;

/** How somebody came in: over WeCom, or by the bootstrap token of the environment. */
export type LoginWay = "wecom" | "bootstrap";

export interface AdminSession {
  /** SHA-256 of the token, in hex. Names the session in lists; nobody comes in with it. */
  id: string;
  userId: string;
  way: LoginWay;
  /** Sent back with each change, in a header that no foreign page can set. */
  csrf: string;
  createdAtMs: number;
  lastSeenAtMs: number;
  /** By idling or by age, whichever comes first, as seen from its last use. */
  expiresAtMs: number;
}

/** What Redis keeps under a session's key. */
type Fields = [userId: string, way: string, csrf: string, createdAtMs: string, lastSeenAtMs: string];

/**
 * A session counts only while the index names it, so taking it out there is signing it out.
 * KEYS session, index
 * ARGV id, now ms, life ms, idle ms, most sessions, user id, way, csrf
 */
const OPEN = new Script(`
redis.call('HSET', KEYS[1], 'userId', ARGV[6], 'way', ARGV[7], 'csrf', ARGV[8], 'createdAtMs', ARGV[2], 'lastSeenAtMs', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ARGV[2] - ARGV[3])
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -ARGV[5] - 1)
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return 1
`);

/**
 * KEYS session, index
 * ARGV id, now ms, life ms, idle ms, 1 when this counts as a use
 * RETURNS its fields | nil: there is none, or it is over
 */
const FIND = new Script(`
local fields = redis.call('HMGET', KEYS[1], 'userId', 'way', 'csrf', 'createdAtMs', 'lastSeenAtMs')
local now, life, idle = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local created, seen = tonumber(fields[4] or 0), tonumber(fields[5] or 0)
if not fields[1] or not redis.call('ZSCORE', KEYS[2], ARGV[1]) or now - created >= life or now - seen >= idle then
  redis.call('DEL', KEYS[1])
  redis.call('ZREM', KEYS[2], ARGV[1])
  return nil
end
if ARGV[5] == '1' then
  redis.call('HSET', KEYS[1], 'lastSeenAtMs', ARGV[2])
  redis.call('PEXPIRE', KEYS[1], math.min(idle, created + life - now))
  fields[5] = ARGV[2]
end
return fields
`);

/**
 * KEYS session, index
 * ARGV id
 * RETURNS how many were ended
 */
const END = new Script(`
redis.call('DEL', KEYS[1])
return redis.call('ZREM', KEYS[2], ARGV[1])
`);

/**
 * Who is signed in to the console, in Redis, shared by all processes. The browser holds 256 random bits, Redis their
 * SHA-256: who reads Redis cannot come in with what stands there. Roles are not kept here: they are asked of the
 * configuration with each request. Every call throws `store_unavailable`.
 */
export class AdminSessions {
  readonly #redis: RedisConnection;
  readonly #clock: Clock;

  constructor(redis: RedisConnection, clock: Clock) {
    this.#redis = redis;
    this.#clock = clock;
  }

  /** A new session, whatever the browser had before. The token goes into the cookie, and nowhere else. */
  async open(userId: string, way: LoginWay): Promise<{ token: string; session: AdminSession }> {
    const token = randomBytes(TOKEN_BYTES).toString("base64url");
    const csrf = randomBytes(TOKEN_BYTES).toString("base64url");
    const id = idOf(token);
    const nowMs = this.#clock.nowMs();
    const args = [id, nowMs, SESSION_LIFE_MS, SESSION_IDLE_MS, SESSIONS_MAX, userId, way, csrf];
    await inStore(() => OPEN.run(this.#redis, [sessionKey(id), INDEX], args));
    return { token, session: sessionOf(id, [userId, way, csrf, String(nowMs), String(nowMs)]) };
  }

  /** The session of a token, which is used by that: idling begins anew. Null when there is none, or it is over. */
  use(token: string): Promise<AdminSession | null> {
    return this.#find(token, true);
  }

  /** The same without counting as a use: for what an open page asks by itself. */
  peek(token: string): Promise<AdminSession | null> {
    return this.#find(token, false);
  }

  /** Ends the session of a token; one that is over already is fine. */
  async end(token: string): Promise<void> {
    if (TOKEN_SHAPE.test(token)) await this.revoke(idOf(token));
  }

  /** Ends a session by its id. False when there was none. */
  async revoke(id: string): Promise<boolean> {
    return Number(await inStore(() => END.run(this.#redis, [sessionKey(id), INDEX], [id]))) > 0;
  }

  /** All that are open, the newest first; at most `SESSIONS_MAX`. */
  async list(): Promise<AdminSession[]> {
    const ids = await inStore(() => this.#redis.zrevrange(INDEX, 0, SESSIONS_MAX - 1));
    const found = await Promise.all(ids.map((id) => this.#findById(id, false)));
    return found.filter((session) => session !== null);
  }

  async #find(token: string, used: boolean): Promise<AdminSession | null> {
    // What is no token is not asked for: keys are made of our own characters only.
    return TOKEN_SHAPE.test(token) ? this.#findById(idOf(token), used) : null;
  }

  async #findById(id: string, used: boolean): Promise<AdminSession | null> {
    const args = [id, this.#clock.nowMs(), SESSION_LIFE_MS, SESSION_IDLE_MS, used ? 1 : 0];
    const fields = await inStore(() => FIND.run(this.#redis, [sessionKey(id), INDEX], args));
    return Array.isArray(fields) ? sessionOf(id, fields as Fields) : null;
  }
}

function idOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

function sessionOf(id: string, [userId, way, csrf, created, seen]: Fields): AdminSession {
  const createdAtMs = Number(created);
  const lastSeenAtMs = Number(seen);
  const expiresAtMs = Math.min(createdAtMs + SESSION_LIFE_MS, lastSeenAtMs + SESSION_IDLE_MS);
  return {
    id,
    userId,
    way: way === "bootstrap" ? "bootstrap" : "wecom",
    csrf,
    createdAtMs,
    lastSeenAtMs,
    expiresAtMs,
  };
}
