import { conversationKeys, SEEN_TTL_MS, SNAPSHOT_TTL_MS, STOP_TTL_MS, seenKey, snapshotKey } from "./keys.ts";
import { bubbleOf, type Message } from "./message.ts";
import type { RedisConnection } from "./redis.ts";
import { inStore } from "./redis.ts";
import { Script } from "./script.ts";
import { encodeSnapshot, firstSnapshot } from "./snapshots.ts";

/** Messages of one conversation that may wait; a member who writes more gets "busy" instead of an answer hours later. */
export const MAILBOX_MESSAGES_MAX = 20;
/** A member who goes on writing into a full mailbox is told once in this time. */
export const BUSY_NOTICE_EVERY_MS = 60_000;
/** Wake-ups that may wait in one shard; keeps a stopped fleet of workers from filling Redis until nothing works. */
export const WAKE_UPS_MAX = 20_000;

/**
 * Keep before you acknowledge: claims the message's id, appends it to the mailbox, opens its snapshot and wakes a worker.
 * All or nothing, also when Redis is out of memory: the first write is refused then, and nothing was written before it.
 * KEYS seen, mail, wake, stop, snapshot (any key where there is none), told busy
 * ARGV conversation id, message JSON, message id, seen TTL ms, mailbox max, wake-ups max, snapshot or "", snapshot TTL ms,
 *      "1" when it also asks the running turn to stop, stop TTL ms, pause between two notices of being busy in ms,
 *      "" | message JSON to keep instead, with "1" for the above, when another message runs or waits
 * RETURNS {"kept"} | {"busy", "tell" or ""} | {"repeated", what the first delivery got}
 */
export const KEEP = new Script(`
local before = redis.call('GET', KEYS[1])
if before then return {'repeated', before} end
local stops, message = ARGV[9] == '1', ARGV[2]
if ARGV[12] ~= '' and redis.call('LLEN', KEYS[2]) > 0 then stops, message = true, ARGV[12] end
if not stops and (redis.call('LLEN', KEYS[2]) >= tonumber(ARGV[5]) or redis.call('XLEN', KEYS[3]) >= tonumber(ARGV[6])) then
  redis.call('SET', KEYS[1], 'busy', 'PX', ARGV[4])
  return {'busy', redis.call('SET', KEYS[6], '1', 'NX', 'PX', ARGV[11]) and 'tell' or ''}
end
redis.call('SET', KEYS[1], 'kept', 'PX', ARGV[4])
redis.call('RPUSH', KEYS[2], message)
if ARGV[7] ~= '' then redis.call('SET', KEYS[5], ARGV[7], 'PX', ARGV[8]) end
if stops then redis.call('SET', KEYS[4], ARGV[3], 'PX', ARGV[10]) end
redis.call('XADD', KEYS[3], '*', 'c', ARGV[1])
return {'kept'}
`);

export type KeepOutcome = "kept" | "busy";

export interface Kept {
  outcome: KeepOutcome;
  /** This message was taken before; `outcome` is what it got then. Nothing was changed. */
  repeated: boolean;
  /** Busy, and the person was not told so lately: notices are pushes too, and WeCom drops a member's 31st in a minute. */
  tellBusy: boolean;
}

export class Mailbox {
  readonly #redis: RedisConnection;

  constructor(redis: RedisConnection) {
    this.#redis = redis;
  }

  /**
   * Takes a message in. Resolved means that it is in Redis and will be answered (or, when busy, that the caller tells the
   * person so). `stops` marks a message that also ends the running turn; `ifBusy`: only when a turn runs or waits, else it is
   * a message like any other. Throws `store_unavailable`: nothing was kept, or
   * it was and the repeat will find it.
   */
  async keep(message: Message, options: { stops: boolean | "ifBusy" }): Promise<Kept> {
    const keys = conversationKeys(message.conversationId);
    const streamId = bubbleOf(message.reply);
    const snapshot = streamId === null ? null : snapshotKey(streamId);
    const answer = await inStore(() =>
      KEEP.run(
        this.#redis,
        [seenKey(keys.shard, message.id), keys.mail, keys.wake, keys.stop, snapshot ?? keys.mail, keys.toldBusy],
        [
          message.conversationId,
          encodeMessage(message),
          message.id,
          SEEN_TTL_MS,
          MAILBOX_MESSAGES_MAX,
          WAKE_UPS_MAX,
          snapshot === null ? "" : encodeSnapshot(firstSnapshot(message.receivedAtMs)),
          SNAPSHOT_TTL_MS,
          options.stops === true ? "1" : "0",
          STOP_TTL_MS,
          BUSY_NOTICE_EVERY_MS,
          options.stops === "ifBusy" ? encodeMessage({ ...message, stops: true }) : "",
        ],
      ),
    );
    const [what, more] = answer as [string, string?];
    if (what === "repeated") return { outcome: more === "busy" ? "busy" : "kept", repeated: true, tellBusy: false };
    return { outcome: what === "busy" ? "busy" : "kept", repeated: false, tellBusy: more === "tell" };
  }
}

/**
 * Half a character, which JSON writes as an escape, cannot be read by the scripts: the message would stay at the head of its
 * mailbox and keep its conversation from ever being answered again.
 */
function encodeMessage(message: Message): string {
  const json = JSON.stringify(message);
  return json.includes("\\ud") ? JSON.stringify(message, wellFormed) : json;
}

function wellFormed(_name: string, value: unknown): unknown {
  return typeof value === "string" ? value.toWellFormed() : value;
}
