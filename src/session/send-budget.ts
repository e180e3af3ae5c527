import { inStore, type RedisConnection } from "./redis.ts";
import { Script } from "./script.ts";

/** WeCom drops the 31st push to a member within a minute, silently and with errcode 0 (wecom-protocol 3.3). Two stay spare. */
const PER_MINUTE = 28;
/** The same for the thousandth of an hour. */
const PER_HOUR = 980;
/** Places that one call may take, with a few left for an answer meanwhile. */
export const PUSHES_AT_ONCE_MAX = 20;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/**
 * Takes places for some pushes, all or none, by Redis's own clock.
 * KEYS times of the last pushes to this member, newest first
 * ARGV per minute, minute ms, per hour, hour ms, places, times kept
 * RETURNS 0 taken | milliseconds until there are so many places
 */
const RESERVE = new Script(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local wait = 0
for i = 1, 3, 2 do
  local oldest = redis.call('LINDEX', KEYS[1], ARGV[i] - ARGV[5])
  if oldest then wait = math.max(wait, oldest + ARGV[i + 1] - now) end
end
if wait > 0 then return wait end
for _ = 1, ARGV[5] do redis.call('LPUSH', KEYS[1], now) end
redis.call('LTRIM', KEYS[1], 0, ARGV[6] - 1)
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 0
`);

/**
 * Keeps what is sent to one member, or into one conversation of the bot (wecom-protocol 5.4: the same figures), below the
 * rates at which WeCom drops without a word or refuses. Shared by all processes.
 */
export class SendBudget {
  readonly #redis: RedisConnection;
  readonly #sender: string;

  /** `sender`: the app's agent id, or a name of the bot. */
  constructor(redis: RedisConnection, sender: string) {
    this.#redis = redis;
    this.#sender = sender;
  }

  /**
   * 0: send now, the places are taken. Else the milliseconds after which there are so many again. `count`, at most
   * `PUSHES_AT_ONCE_MAX`: so many places at once, or none, for what must not be left half said. `spare`, `hourSpare`: so many
   * places of a minute and of an hour stay free for what matters more. `exact`: the receiver's letter case counts. Throws
   * `store_unavailable`.
   */
  async reserve(receiver: string, { count = 1, spare = 0, hourSpare = 0, exact = false } = {}): Promise<number> {
    const key = `yingda:{sends:${this.#sender}:${exact ? receiver : receiver.toLowerCase()}}`;
    const args = [PER_MINUTE - spare, MINUTE_MS, PER_HOUR - hourSpare, HOUR_MS, count, PER_HOUR];
    const wait = await inStore(() => RESERVE.run(this.#redis, [key], args));
    return Number(wait);
  }
}
