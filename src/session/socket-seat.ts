import { randomUUID } from "node:crypto";
import { inStore, type RedisConnection } from "./redis.ts";
import { Script } from "./script.ts";
import { seatKeys } from "./socket-keys.ts";

/** Life of the seat without renewal: a killed holder's is free again after this, well below ten seconds. */
export const SEAT_TTL_MS = 5_000;
/** How often it is renewed, and how often those that wait look at it. */
export const SEAT_RENEW_MS = 1_000;

export type SeatState =
  /** Ours: connect, or stay connected. */
  | "held"
  /** Another process has it: stay away. */
  | "taken"
  /** Somebody outside of this installation took the bot's connection: nobody here connects before a restart. */
  | "kicked";

/**
 * Takes the seat, or keeps it. A kick from outside shuts out every process that was there when it happened.
 * KEYS holder, kicked, last
 * ARGV token, TTL ms, when this process began (ms by Redis's clock)
 * RETURNS "held" | "taken" | "kicked"
 */
const SIT = new Script(`
local holder = redis.call('GET', KEYS[1])
if holder == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return 'held'
end
if holder then return 'taken' end
local kicked = redis.call('GET', KEYS[2])
if kicked and tonumber(kicked) >= tonumber(ARGV[3]) then return 'kicked' end
redis.call('DEL', KEYS[2])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[3], ARGV[1])
return 'held'
`);

/**
 * KEYS holder
 * ARGV token
 * RETURNS 1 given up | 0 it was not ours
 */
const STAND_UP = new Script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`);

/**
 * The platform closed our connection for another one. Whose? Of this installation when somebody of ours had the seat after us;
 * that it lapsed meanwhile says nothing.
 * KEYS last, kicked, holder
 * ARGV token, life of the mark in ms
 * RETURNS 1 from outside, marked | 0 from this installation
 */
const KICKED = new Script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if redis.call('GET', KEYS[3]) == ARGV[1] then redis.call('DEL', KEYS[3]) end
local time = redis.call('TIME')
redis.call('SET', KEYS[2], time[1] * 1000 + math.floor(time[2] / 1000), 'PX', ARGV[2])
return 1
`);

/** As long as anybody may leave a kicked bot alone; then a running process may try again. */
const KICKED_MARK_TTL_MS = 30 * 24 * 3600_000;

/**
 * The one seat at the bot's long connection: WeCom keeps exactly one, and a second process that connects throws the first
 * out (wecom-protocol 5.3). Every process that could connect asks for the seat; who has it connects.
 */
export class SocketSeat {
  /** Of this process's time in the seat: what it writes is taken only while the seat is its own. */
  readonly token = randomUUID();
  readonly #redis: RedisConnection;
  readonly #keys: ReturnType<typeof seatKeys>;
  #beganAtMs: number | null = null;

  constructor(redis: RedisConnection, botId: string) {
    this.#redis = redis;
    this.#keys = seatKeys(botId);
  }

  /** Takes or renews. Throws `store_unavailable`. */
  async sit(): Promise<SeatState> {
    this.#beganAtMs ??= await this.#redisNowMs();
    const { holder, kicked, last } = this.#keys;
    const args = [this.token, SEAT_TTL_MS, this.#beganAtMs];
    return (await inStore(() => SIT.run(this.#redis, [holder, kicked, last], args))) as SeatState;
  }

  /** Another process can take it at once. Throws `store_unavailable`. */
  async standUp(): Promise<void> {
    await inStore(() => STAND_UP.run(this.#redis, [this.#keys.holder], [this.token]));
  }

  /** True when somebody outside of this installation threw us out; nobody here will connect then. Throws `store_unavailable`. */
  async wasKickedFromOutside(): Promise<boolean> {
    const { holder, kicked, last } = this.#keys;
    const keys = [last, kicked, holder];
    const answer = await inStore(() => KICKED.run(this.#redis, keys, [this.token, KICKED_MARK_TTL_MS]));
    return answer === 1;
  }

  async #redisNowMs(): Promise<number> {
    const [seconds = 0, microseconds = 0] = await inStore(() => this.#redis.time());
    return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
  }
}
