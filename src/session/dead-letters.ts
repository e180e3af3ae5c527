import { conversationKeys, deadKey, SHARDS } from "./keys.ts";
import type { Message } from "./message.ts";
import { inStore, type RedisConnection } from "./redis.ts";
import { Script } from "./script.ts";

/**
 * Puts a message that was set aside back into its mailbox, once: only while it still is among the dead letters.
 * KEYS dead, mail, wake
 * ARGV the dead letter as it is stored, message JSON, conversation id
 * RETURNS 1 | 0 it is not there any more
 */
const SEND_AGAIN = new Script(`
if redis.call('LREM', KEYS[1], 1, ARGV[1]) == 0 then return 0 end
redis.call('RPUSH', KEYS[2], ARGV[2])
redis.call('XADD', KEYS[3], '*', 'c', ARGV[3])
return 1
`);

/** A message that could not be answered, or whose answer could not be delivered, and why. */
export interface DeadLetter {
  message: Message;
  /** An error code. */
  reason: string | null;
  atMs: number;
}

/** What was set aside, over all shards. Each list keeps the newest thousand (see turn-desk.ts). */
export class DeadLetters {
  readonly #redis: RedisConnection;

  constructor(redis: RedisConnection) {
    this.#redis = redis;
  }

  /** Oldest first. Throws `store_unavailable`. */
  async list(): Promise<DeadLetter[]> {
    const letters = (await this.#stored()).map(({ letter }) => letter);
    return letters.sort((a, b) => a.atMs - b.atMs);
  }

  /**
   * Answers the message as if it had just come (under an id of its own, so that it has a record of its own), after whatever waits in its conversation. A bot's bubble is long finished
   * by then, so its answer goes by `response_url` while that lives (an hour, wecom-protocol 4.9). False when no such
   * message is set aside. Throws `store_unavailable`.
   */
  async sendAgain(messageId: string): Promise<boolean> {
    const found = (await this.#stored()).find(({ letter }) => letter.message.id === messageId);
    if (found === undefined) return false;
    const message = { ...found.letter.message, id: nextId(messageId) };
    const keys = conversationKeys(message.conversationId);
    const answer = await inStore(() =>
      SEND_AGAIN.run(
        this.#redis,
        [keys.dead, keys.mail, keys.wake],
        [found.stored, JSON.stringify(message), message.conversationId],
      ),
    );
    return answer === 1;
  }

  async #stored(): Promise<{ stored: string; letter: DeadLetter }[]> {
    const lists = await inStore(() =>
      Promise.all(Array.from({ length: SHARDS }, (_, shard) => this.#redis.lrange(deadKey(shard), 0, -1))),
    );
    return lists.flat().map((stored) => ({ stored, letter: JSON.parse(stored) as DeadLetter }));
  }
}

/** `…#2`, then `…#3`: the message is the same, the turn is another. */
function nextId(messageId: string): string {
  const [, base = messageId, count] = /^(.*?)(?:#(\d+))?$/.exec(messageId) ?? [];
  return `${base}#${Number(count ?? 1) + 1}`;
}
