import { randomBytes } from "node:crypto";
import type { RedisConnection } from "./redis.ts";
import { inStore } from "./redis.ts";
import { Script } from "./script.ts";

/**
 * KEYS token
 * ARGV token that is known to be bad
 * RETURNS 1 dropped | 0 another one is there
 */
const DROP = new Script(`
local stored = redis.call('GET', KEYS[1])
if not stored or cjson.decode(stored)['token'] ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`);

/**
 * KEYS lock
 * ARGV owner
 */
const UNLOCK = new Script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`);

interface StoredToken {
  token: string;
  expiresAtMs: number;
}

/** WeCom's access token, shared by all processes: one fetch serves everyone, since frequent fetches get blocked (wecom-protocol 3.1). */
export class RedisTokenStore {
  readonly #redis: RedisConnection;
  readonly #tokenKey: string;
  readonly #lockKey: string;

  /** `scope` names corp and app: a token belongs to one app's secret. */
  constructor(redis: RedisConnection, scope: string) {
    this.#redis = redis;
    this.#tokenKey = `yingda:{token:${scope}}:token`;
    this.#lockKey = `yingda:{token:${scope}}:lock`;
  }

  async read(): Promise<StoredToken | null> {
    const stored = await inStore(() => this.#redis.get(this.#tokenKey));
    return stored === null ? null : (JSON.parse(stored) as StoredToken);
  }

  async write(stored: StoredToken): Promise<void> {
    const lifeMs = stored.expiresAtMs - Date.now();
    if (lifeMs <= 0) return;
    await inStore(() => this.#redis.set(this.#tokenKey, JSON.stringify(stored), "PX", lifeMs));
  }

  /** Drops the token only if it is still this one: a fresh one that another process fetched meanwhile stays. */
  async drop(token: string): Promise<void> {
    await inStore(() => DROP.run(this.#redis, [this.#tokenKey], [token]));
  }

  /** Null when another process is fetching right now. The lock ends by itself after `ttlMs`. */
  async lock(ttlMs: number): Promise<(() => Promise<void>) | null> {
    const owner = randomBytes(12).toString("hex");
    const got = await inStore(() => this.#redis.set(this.#lockKey, owner, "PX", ttlMs, "NX"));
    if (got === null) return null;
    return async () => {
      await inStore(() => UNLOCK.run(this.#redis, [this.#lockKey], [owner]));
    };
  }
}
