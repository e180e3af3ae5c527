import { conversationKeys } from "./keys.ts";
import { inStore, type RedisConnection } from "./redis.ts";
import { Script } from "./script.ts";

/** Pictures kept of one conversation, the newest; with those of half a megabyte each, it stays below 5 MB of Redis. */
export const SESSION_IMAGES_MAX = 8;

export interface SessionImage {
  id: string;
  mimeType: string;
  base64: string;
}

/**
 * Keeps pictures beside the session, as long as it lives.
 * KEYS images
 * ARGV most pictures, TTL ms, [id, picture JSON]...
 */
const KEEP = new Script(`
for i = 3, #ARGV, 2 do
  if redis.call('HEXISTS', KEYS[1], ARGV[i]) == 0 then
    local order = redis.call('HINCRBY', KEYS[1], 'next', 1)
    redis.call('HSET', KEYS[1], ARGV[i], order .. '|' .. ARGV[i + 1])
  end
end
local all = redis.call('HGETALL', KEYS[1])
local kept = {}
for i = 1, #all, 2 do
  if all[i] ~= 'next' then kept[#kept + 1] = { all[i], tonumber(string.match(all[i + 1], '^(%d+)|')) } end
end
table.sort(kept, function(a, b) return a[2] > b[2] end)
for i = tonumber(ARGV[1]) + 1, #kept do redis.call('HDEL', KEYS[1], kept[i][1]) end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
`);

/** The pictures that members sent, prepared for a model that sees, for as long as their session lives. */
export class SessionImages {
  readonly #redis: RedisConnection;

  constructor(redis: RedisConnection) {
    this.#redis = redis;
  }

  /** Past `SESSION_IMAGES_MAX` the oldest are dropped. The same id again changes nothing. Throws `store_unavailable`. */
  async keep(conversationId: string, images: readonly SessionImage[], ttlMs: number): Promise<void> {
    if (images.length === 0) return;
    const { images: key } = conversationKeys(conversationId);
    const pairs = images.flatMap(({ id, mimeType, base64 }) => [id, JSON.stringify({ mimeType, base64 })]);
    await inStore(() => KEEP.run(this.#redis, [key], [SESSION_IMAGES_MAX, ttlMs, ...pairs]));
  }

  /** Those that are still there. Throws `store_unavailable`. */
  async read(conversationId: string, ids: readonly string[]): Promise<Map<string, SessionImage>> {
    if (ids.length === 0) return new Map();
    const stored = await inStore(() => this.#redis.hmget(conversationKeys(conversationId).images, ...ids));
    const found = ids.flatMap((id, index): [string, SessionImage][] => {
      const value = stored[index];
      if (value == null) return [];
      const { mimeType, base64 } = JSON.parse(value.slice(value.indexOf("|") + 1)) as Omit<SessionImage, "id">;
      return [[id, { id, mimeType, base64 }]];
    });
    return new Map(found);
  }
}
