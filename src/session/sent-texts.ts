import { createHash } from "node:crypto";
import { conversationKeys, SENT_TTL_MS } from "./keys.ts";
import { inStore, type RedisConnection } from "./redis.ts";
import { Script } from "./script.ts";
import { SENT_TEXTS_MAX } from "./turn-desk.ts";

/**
 * Counts for each text how often the same went out in a conversation lately, as noting a reply does, in the same place: a
 * text that another system pushes may be the same as an answer.
 * KEYS sent
 * ARGV sent TTL ms, most texts remembered, hash of each text...
 * RETURNS how often each went out before
 */
const NOTE = new Script(`
if redis.call('HLEN', KEYS[1]) > tonumber(ARGV[2]) then redis.call('DEL', KEYS[1]) end
local marks = {}
for i = 3, #ARGV do marks[#marks + 1] = redis.call('HINCRBY', KEYS[1], ARGV[i], 1) - 1 end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return marks
`);

/** What is sent to a conversation outside of its turns, and so without its lease. */
export class SentTexts {
  readonly #redis: RedisConnection;

  constructor(redis: RedisConnection) {
    this.#redis = redis;
  }

  /** The marks by which these texts differ from the same texts before them. Throws `store_unavailable`. */
  async note(conversationId: string, texts: readonly string[]): Promise<number[]> {
    const hashes = texts.map(sentHash);
    const { sent } = conversationKeys(conversationId);
    const marks = await inStore(() => NOTE.run(this.#redis, [sent], [SENT_TTL_MS, SENT_TEXTS_MAX, ...hashes]));
    return (marks as number[]).map(Number);
  }
}

function sentHash(text: string): string {
  return createHash("sha1").update(text).digest("base64");
}
