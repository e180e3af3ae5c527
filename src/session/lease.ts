import { randomBytes } from "node:crypto";
import { YingdaError } from "../base/errors.ts";
import type { ConversationLease } from "./conversations.ts";
import { type ConversationKeys, conversationKeys } from "./keys.ts";
import type { RedisConnection } from "./redis.ts";
import { inStore } from "./redis.ts";
import { Script } from "./script.ts";
import { WAKE_GROUP, type WakeUp } from "./wake-ups.ts";

/** Life of a lease without renewal. Short, so that a killed worker's conversation is free again soon. */
export const LEASE_TTL_MS = 8_000;
/** How often it is renewed; also the longest that `/stop` waits to be seen. */
export const LEASE_RENEW_MS = 1_000;
/** Without a renewal for so long the holder gives up by itself: soon another may hold the conversation. */
export const LEASE_DOUBT_MS = 6_000;

/**
 * The holder's wake-up stays unacknowledged while it holds the conversation, so whoever finds the lease taken under
 * another wake-up may drop its own: the holder leaves only when the mailbox is empty. The holder's own wake-up, claimed
 * from it because it looked dead, is left alone.
 * KEYS lease, wake
 * ARGV token, wake-up id, TTL ms, group
 * RETURNS "taken" | "held" (leave the wake-up pending) | "redundant" (the wake-up is gone)
 */
export const TAKE = new Script(`
local holder = redis.call('GET', KEYS[1])
if not holder then
  redis.call('SET', KEYS[1], ARGV[1] .. '|' .. ARGV[2], 'PX', ARGV[3])
  return 'taken'
end
if string.sub(holder, -string.len(ARGV[2]) - 1) == '|' .. ARGV[2] then return 'held' end
redis.call('XACK', KEYS[2], ARGV[4], ARGV[2])
redis.call('XDEL', KEYS[2], ARGV[2])
return 'redundant'
`);

/**
 * Keeps the lease and its wake-up fresh.
 * KEYS lease, wake, stop
 * ARGV lease value, TTL ms, group, consumer, wake-up id
 * RETURNS {0} lost | {1, id of the message that asks to stop, or ""}
 */
const RENEW = new Script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {0} end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('XCLAIM', KEYS[2], ARGV[3], ARGV[4], 0, ARGV[5], 'JUSTID')
return {1, redis.call('GET', KEYS[3]) or ''}
`);

/**
 * Ends the lease when nothing waits, in one step: a message kept just before is seen, one kept just after wakes anew.
 * KEYS lease, wake, mail
 * ARGV lease value, group, wake-up id
 * RETURNS 1 released | 0 there is mail, still held | -1 lost
 */
const RELEASE = new Script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
if redis.call('LLEN', KEYS[3]) > 0 then return 0 end
redis.call('DEL', KEYS[1])
redis.call('XACK', KEYS[2], ARGV[2], ARGV[3])
redis.call('XDEL', KEYS[2], ARGV[3])
return 1
`);

/**
 * Gives the conversation to another worker at once: ends the lease and wakes anew. The try that was begun does not count.
 * KEYS lease, wake, mail, journal
 * ARGV lease value, group, wake-up id, conversation id
 * RETURNS 1 handed over | -1 lost
 */
const HAND_OVER = new Script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
redis.call('DEL', KEYS[1])
if redis.call('LLEN', KEYS[3]) > 0 then redis.call('XADD', KEYS[2], '*', 'c', ARGV[4]) end
if redis.call('EXISTS', KEYS[4]) == 1 then redis.call('HINCRBY', KEYS[4], 'attempts', -1) end
redis.call('XACK', KEYS[2], ARGV[2], ARGV[3])
redis.call('XDEL', KEYS[2], ARGV[3])
return 1
`);

/** Takes the lease of a woken conversation; null when another worker has it. Throws `store_unavailable`. */
export async function takeLease(redis: RedisConnection, wakeUp: WakeUp, consumer: string): Promise<Lease | null> {
  const keys = conversationKeys(wakeUp.conversationId);
  const token = randomBytes(12).toString("hex");
  const answer = await inStore(() =>
    TAKE.run(redis, [keys.lease, keys.wake], [token, wakeUp.id, LEASE_TTL_MS, WAKE_GROUP]),
  );
  return answer === "taken" ? new Lease(redis, keys, wakeUp, `${token}|${wakeUp.id}`, consumer) : null;
}

/** One conversation, ours until released. Every write that concerns it checks `value`, so a late holder changes nothing. */
export class Lease implements ConversationLease {
  readonly redis: RedisConnection;
  readonly keys: ConversationKeys;
  readonly value: string;
  readonly conversationId: string;
  readonly #wakeUpId: string;
  readonly #consumer: string;

  constructor(redis: RedisConnection, keys: ConversationKeys, wakeUp: WakeUp, value: string, consumer: string) {
    this.redis = redis;
    this.keys = keys;
    this.value = value;
    this.conversationId = wakeUp.conversationId;
    this.#wakeUpId = wakeUp.id;
    this.#consumer = consumer;
  }

  /** Resolves with the id of the message that asks the running turn to stop, or null. Throws `lease_lost`. */
  async renew(): Promise<string | null> {
    const { lease, wake, stop } = this.keys;
    const answer = await inStore(() =>
      RENEW.run(
        this.redis,
        [lease, wake, stop],
        [this.value, LEASE_TTL_MS, WAKE_GROUP, this.#consumer, this.#wakeUpId],
      ),
    );
    const [held, stopId] = answer as [number, string?];
    if (held !== 1) throw leaseLost();
    return stopId === undefined || stopId === "" ? null : stopId;
  }

  /** True when released; false when there is more mail, and the conversation is still ours. Throws `lease_lost`. */
  async release(): Promise<boolean> {
    const { lease, wake, mail } = this.keys;
    const answer = await inStore(() =>
      RELEASE.run(this.redis, [lease, wake, mail], [this.value, WAKE_GROUP, this.#wakeUpId]),
    );
    if (answer === -1) throw leaseLost();
    return answer === 1;
  }

  /** Another worker goes on at once, and the begun try does not count against the message. */
  async handOver(): Promise<void> {
    const { lease, wake, mail, journal } = this.keys;
    await inStore(() =>
      HAND_OVER.run(
        this.redis,
        [lease, wake, mail, journal],
        [this.value, WAKE_GROUP, this.#wakeUpId, this.conversationId],
      ),
    );
  }
}

export function leaseLost(): YingdaError {
  return new YingdaError("lease_lost", "Another worker holds this conversation now; this one stops.");
}
