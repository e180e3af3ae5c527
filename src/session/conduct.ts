import { shardOf } from "./keys.ts";
import { inStore, type RedisConnection } from "./redis.ts";
import { Script } from "./script.ts";

/** How a member and a conversation behaved lately. */
export interface Standing {
  /** Until when strikes keep the member's questions from being answered; null when they do not. */
  pausedUntilMs: number | null;
  /** What a person imposed; `untilMs` null: until it is lifted. */
  restriction: { untilMs: number | null } | null;
  /** The member's last question was refused. */
  struck: boolean;
  /** What was found in what the member asked in the conversation, faded with time. */
  risk: number;
}

/** What one question adds. Noting the same message again changes nothing. */
export interface ConductNote {
  userId: string;
  conversationId: string;
  messageId: string;
  atMs: number;
  /** How much the risk grows that the member is in the conversation. */
  risk: number;
  /** How often a refusal counts; 0 for a question that was answered, which ends a row of refused ones. */
  strikes: number;
}

export interface ConductRules {
  inARow: number;
  perDay: number;
  pauseMs: number;
  expireMs: number;
  riskHalfLifeMs: number;
}

export interface Conduct {
  standing(userId: string, conversationId: string, nowMs: number, rules: ConductRules): Promise<Standing>;
  /** Resolves with the end of the pause that this note begins, else null. */
  note(note: ConductNote, rules: ConductRules): Promise<number | null>;
}

const DAY_MS = 86_400_000;
/** Entries of one member's risk; older ones have long faded. Bounds one who is refused all day. */
const RISK_ENTRIES_MAX = 100;
/** Half-lives after which nothing is left of an entry. */
const RISK_HALF_LIVES = 10;

/**
 * KEYS risk entries of a member in a conversation, each "message id|weight" by its time
 * ARGV now ms, half-life ms
 * RETURNS the sum as text
 */
const RISK = new Script(`
local sum = 0
local entries = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
for i = 1, #entries, 2 do
  local weight = tonumber(string.match(entries[i], '|([%d%.]+)$'))
  local age = math.max(0, ARGV[1] - entries[i + 1])
  sum = sum + weight * 2 ^ (-age / ARGV[2])
end
return tostring(sum)
`);

/**
 * KEYS risk entries
 * ARGV entry, now ms, life ms, most entries
 */
const ADD_RISK = new Script(`
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -ARGV[4] - 1)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
`);

/**
 * Counts the strikes of one question, and pauses the member when they are too many.
 * KEYS strikes "message id|n" by their time, row of refused questions {last, length}, end of the pause
 * ARGV message id, strikes, now ms, most in a row, most in a day, pause ms, expiry ms
 * RETURNS 0 | end of the pause in ms
 */
const STRIKE = new Script(`
local id, strikes, now = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
if redis.call('HGET', KEYS[2], 'last') == id or redis.call('ZSCORE', KEYS[1], id .. '|1') then
  return tonumber(redis.call('HGET', KEYS[2], 'pausedby') == id and redis.call('GET', KEYS[3]) or 0)
end
redis.call('HSET', KEYS[2], 'last', id)
redis.call('PEXPIRE', KEYS[2], ARGV[7])
if strikes == 0 then
  redis.call('HSET', KEYS[2], 'length', 0)
  return 0
end
for n = 1, strikes do redis.call('ZADD', KEYS[1], now, id .. '|' .. n) end
redis.call('ZREMRANGEBYSCORE', KEYS[1], 0, now - ARGV[7])
redis.call('PEXPIRE', KEYS[1], ARGV[7])
local row = redis.call('HINCRBY', KEYS[2], 'length', strikes)
local today = redis.call('ZCOUNT', KEYS[1], now - ${DAY_MS}, now)
if row < tonumber(ARGV[4]) and today < tonumber(ARGV[5]) then return 0 end
local pause = tonumber(ARGV[6])
if pause <= 0 then return 0 end
redis.call('HSET', KEYS[2], 'length', 0, 'pausedby', id)
redis.call('SET', KEYS[3], now + pause, 'PX', pause)
return now + pause
`);

/**
 * Takes back the strikes of questions that were refused by mistake, and the pause that one of them brought.
 * KEYS strikes, row, end of the pause
 * ARGV most strikes of one question, message id...
 */
const FORGIVE = new Script(`
for i = 2, #ARGV do
  for n = 1, tonumber(ARGV[1]) do redis.call('ZREM', KEYS[1], ARGV[i] .. '|' .. n) end
  if redis.call('HGET', KEYS[2], 'pausedby') == ARGV[i] then redis.call('DEL', KEYS[3]) end
  if redis.call('HGET', KEYS[2], 'last') == ARGV[i] then redis.call('HSET', KEYS[2], 'length', 0) end
end
return 1
`);

/** Strikes that one question may count; the policy's form allows no more. */
const STRIKES_MAX = 10;

/** Strikes and risk of members in Redis, shared by all processes. Every call throws `store_unavailable`. */
export class RedisConduct implements Conduct {
  readonly #redis: RedisConnection;

  constructor(redis: RedisConnection) {
    this.#redis = redis;
  }

  async standing(userId: string, conversationId: string, nowMs: number, rules: ConductRules): Promise<Standing> {
    const keys = memberKeys(userId);
    const [paused, restricted, length, risk] = await Promise.all([
      inStore(() => this.#redis.get(keys.paused)),
      inStore(() => this.#redis.get(keys.restricted)),
      inStore(() => this.#redis.hget(keys.row, "length")),
      inStore(() => RISK.run(this.#redis, [riskKey(conversationId, userId)], [nowMs, rules.riskHalfLifeMs])),
    ]);
    return {
      pausedUntilMs: timeToCome(paused, nowMs),
      restriction: restrictionOf(restricted, nowMs),
      struck: Number(length ?? 0) > 0,
      risk: Number(risk),
    };
  }

  /** Until when strikes pause this member; null when they do not. */
  async pausedUntilMs(userId: string, nowMs: number): Promise<number | null> {
    return timeToCome(await inStore(() => this.#redis.get(memberKeys(userId).paused)), nowMs);
  }

  /** Ends a pause that strikes brought. The strikes remain until they expire. */
  async endPause(userId: string): Promise<void> {
    await inStore(() => this.#redis.del(memberKeys(userId).paused));
  }

  /** The questions were refused by mistake: their strikes are taken back, and a pause that one of them brought ends. */
  async forgive(userId: string, messageIds: readonly string[]): Promise<void> {
    const keys = memberKeys(userId);
    await inStore(() => FORGIVE.run(this.#redis, [keys.strikes, keys.row, keys.paused], [STRIKES_MAX, ...messageIds]));
  }

  /** Turns follow this from now on; null lifts what was imposed. A time that has passed imposes nothing. */
  async restrict(userId: string, restriction: { untilMs: number | null } | null, nowMs: number): Promise<void> {
    const { restricted } = memberKeys(userId);
    const lifeMs = restriction === null ? 0 : (restriction.untilMs ?? Number.POSITIVE_INFINITY) - nowMs;
    if (restriction === null || lifeMs <= 0) await inStore(() => this.#redis.del(restricted));
    else if (restriction.untilMs === null) await inStore(() => this.#redis.set(restricted, UNTIL_LIFTED));
    else {
      const until = String(restriction.untilMs);
      await inStore(() => this.#redis.set(restricted, until, "PX", Math.ceil(lifeMs)));
    }
  }

  async note(note: ConductNote, rules: ConductRules): Promise<number | null> {
    const { userId, conversationId, messageId, atMs, risk, strikes } = note;
    if (risk > 0) {
      const entry = `${messageId}|${risk}`;
      const lifeMs = rules.riskHalfLifeMs * RISK_HALF_LIVES;
      await inStore(() =>
        ADD_RISK.run(this.#redis, [riskKey(conversationId, userId)], [entry, atMs, lifeMs, RISK_ENTRIES_MAX]),
      );
    }
    const keys = memberKeys(userId);
    const limits = [rules.inARow, rules.perDay, rules.pauseMs, rules.expireMs];
    const until = await inStore(() =>
      STRIKE.run(this.#redis, [keys.strikes, keys.row, keys.paused], [messageId, strikes, atMs, ...limits]),
    );
    return Number(until) > 0 ? Number(until) : null;
  }
}

/** Stands for a restriction without an end. */
const UNTIL_LIFTED = "until-lifted";

function timeToCome(written: string | null, nowMs: number): number | null {
  const untilMs = Number(written ?? 0);
  return untilMs > nowMs ? untilMs : null;
}

function restrictionOf(written: string | null, nowMs: number): Standing["restriction"] {
  if (written === UNTIL_LIFTED) return { untilMs: null };
  const untilMs = timeToCome(written, nowMs);
  return untilMs === null ? null : { untilMs };
}

/** WeCom treats userids without regard to case. All keys of a member lie in one slot. */
function memberKeys(userId: string): { strikes: string; row: string; paused: string; restricted: string } {
  const tag = `yingda:{member:${userId.toLowerCase()}}`;
  return { strikes: `${tag}:strikes`, row: `${tag}:row`, paused: `${tag}:paused`, restricted: `${tag}:restricted` };
}

/** Of one member: nobody in a group is refused for what another one asked. */
function riskKey(conversationId: string, userId: string): string {
  return `yingda:{${shardOf(conversationId)}}:risk:${conversationId}:${userId.toLowerCase()}`;
}
