import { inStore, type RedisConnection } from "./redis.ts";
import { Script } from "./script.ts";

const DAY_MS = 86_400_000;
/** Budgets are of days as WeCom's members live them: China has one time zone, without summer time. */
const ZONE_AHEAD_MS = 8 * 3600_000;
/** How long a day's figures outlive it, so that a turn that began before midnight finds what it reserved. */
const DAY_KEPT_MS = DAY_MS;
/** How long a turn's own note is kept: a turn that a dead Redis or fleet held up for so long is settled no more. */
const TURN_KEPT_MS = DAY_MS;

/** Tokens a calendar day; null: no limit of that kind. */
export interface UsageLimits {
  memberTokens: number | null;
  /** From here on a member's answers come from the smaller model. */
  memberSoftTokens: number | null;
  departmentTokens: number | null;
  /** Longest that a turn may run and be delivered; what it reserved is free again after this, if nobody settled it. */
  holdMs: number;
}

export interface UsageRequest {
  /** The message's id: asking again for the same turn, after a crash, replaces what it had reserved. */
  turnId: string;
  userId: string;
  /** Null: unknown; only the member's own budget counts. */
  departmentId: string | null;
  /** The most that the turn can use: its prompt as estimated, and its answer's limit. */
  tokens: number;
}

export type UsageGrant =
  | { granted: true; soft: boolean }
  | { granted: false; spentBy: "member" | "department"; resetAtMs: number };

/** Daily token budgets of members and departments. */
export interface UsageBudget {
  /** Takes the tokens from every budget that they count against, or from none. Throws `store_unavailable`. */
  reserve(request: UsageRequest): Promise<UsageGrant>;
  /**
   * Puts what the turn really used in the place of what it reserved, once: settling again changes nothing, nor does settling
   * a turn that reserved nothing. Throws `store_unavailable`.
   */
  settle(turnId: string, tokens: number): Promise<void>;
}

/**
 * Reserves one turn's tokens in all its budgets, or in none.
 * KEYS turn, then for each budget: tokens used (string), tokens reserved (hash: turn id → "tokens|until ms")
 * ARGV turn id, tokens, now ms, reserved until ms, life of the day's keys ms, life of the turn's key ms, turn note JSON,
 *      soft limit of the first budget or "", hard limit of each budget or "" ...
 * RETURNS 0 reserved | 1 reserved, above the soft limit | -n the n-th budget has no room
 */
const RESERVE = new Script(`
local id, tokens, now = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local function taken(n)
  local sum = tonumber(redis.call('GET', KEYS[2 * n]) or '0')
  local held = redis.call('HGETALL', KEYS[2 * n + 1])
  for i = 1, #held, 2 do
    local bar = string.find(held[i + 1], '|', 1, true)
    if tonumber(string.sub(held[i + 1], bar + 1)) <= now then redis.call('HDEL', KEYS[2 * n + 1], held[i])
    elseif held[i] ~= id then sum = sum + tonumber(string.sub(held[i + 1], 1, bar - 1)) end
  end
  return sum
end
local budgets = (#KEYS - 1) / 2
local soft = 0
for n = 1, budgets do
  local after = taken(n) + tokens
  local limit = ARGV[8 + n]
  if limit ~= '' and after > tonumber(limit) then return -n end
  if n == 1 and ARGV[8] ~= '' and after > tonumber(ARGV[8]) then soft = 1 end
end
for n = 1, budgets do
  redis.call('HSET', KEYS[2 * n + 1], id, tokens .. '|' .. ARGV[4])
  redis.call('PEXPIRE', KEYS[2 * n + 1], ARGV[5])
end
redis.call('SET', KEYS[1], ARGV[7], 'PX', ARGV[6])
return soft
`);

/**
 * Replaces a turn's reservation by what it used. No budget goes above its limit: never more than was reserved is counted,
 * and where the reservation has run out in between, no more than there is still room for.
 * KEYS as for RESERVE
 * ARGV turn id, tokens used, now ms, the turn's note as it was read, the note that says settled, life of the turn's key ms,
 *      life of the day's keys ms, hard limit of each budget or "" ...
 * RETURNS 1 settled | 0 the note has changed: settled before, or reserved anew
 */
const SETTLE = new Script(`
if redis.call('GET', KEYS[1]) ~= ARGV[4] then return 0 end
local id, used, now = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
for n = 1, (#KEYS - 1) / 2 do
  local count = used
  local own = redis.call('HGET', KEYS[2 * n + 1], id)
  if own then
    count = math.min(count, tonumber(string.match(own, '^(%d+)|')))
    redis.call('HDEL', KEYS[2 * n + 1], id)
  elseif ARGV[7 + n] ~= '' then
    local sum = tonumber(redis.call('GET', KEYS[2 * n]) or '0')
    local held = redis.call('HVALS', KEYS[2 * n + 1])
    for i = 1, #held do
      local tokens, untilMs = string.match(held[i], '^(%d+)|(%d+)$')
      if tonumber(untilMs) > now then sum = sum + tonumber(tokens) end
    end
    count = math.max(0, math.min(count, tonumber(ARGV[7 + n]) - sum))
  end
  redis.call('INCRBY', KEYS[2 * n], string.format('%d', count))
  redis.call('PEXPIRE', KEYS[2 * n], ARGV[7])
end
redis.call('SET', KEYS[1], ARGV[5], 'PX', ARGV[6])
return 1
`);

/** What is kept of a turn that reserved: enough to settle it on any process, also after midnight. */
interface TurnNote {
  day: number;
  member: string;
  department: string | null;
  /** The most that was reserved. */
  tokens: number;
}

/** Stands in the place of the note of a turn that was settled. */
const SETTLED = "settled";

/**
 * Budgets in Redis, shared by all processes. All their keys lie in one slot of a Redis Cluster, so that member and department
 * are one step: two short scripts a turn are far below what one node takes.
 */
export class RedisUsageBudget implements UsageBudget {
  readonly #redis: RedisConnection;
  readonly #limits: UsageLimits;
  readonly #nowMs: () => number;

  constructor(redis: RedisConnection, limits: UsageLimits, nowMs: () => number) {
    this.#redis = redis;
    this.#limits = limits;
    this.#nowMs = nowMs;
  }

  async reserve({ turnId, userId, departmentId, tokens }: UsageRequest): Promise<UsageGrant> {
    const nowMs = this.#nowMs();
    const day = dayOf(nowMs);
    const { memberTokens, memberSoftTokens, departmentTokens, holdMs } = this.#limits;
    // WeCom treats userids without regard to case (wecom-protocol 3.7).
    const member = userId.toLowerCase();
    const department = departmentTokens === null ? null : departmentId;
    const note: TurnNote = { day, member, department, tokens: wholeTokens(tokens) };
    const answer = Number(
      await inStore(() =>
        RESERVE.run(this.#redis, keysOf(turnId, note), [
          turnId,
          note.tokens,
          nowMs,
          nowMs + holdMs,
          resetAtMs(day) + DAY_KEPT_MS - nowMs,
          TURN_KEPT_MS,
          JSON.stringify(note),
          memberSoftTokens ?? "",
          memberTokens ?? "",
          departmentTokens ?? "",
        ]),
      ),
    );
    if (answer >= 0) return { granted: true, soft: answer === 1 };
    return { granted: false, spentBy: answer === -1 ? "member" : "department", resetAtMs: resetAtMs(day) };
  }

  async settle(turnId: string, tokens: number): Promise<void> {
    const noted = await inStore(() => this.#redis.get(turnKey(turnId)));
    if (noted === null || noted === SETTLED) return;
    const note = JSON.parse(noted) as TurnNote;
    const nowMs = this.#nowMs();
    const { memberTokens, departmentTokens } = this.#limits;
    await inStore(() =>
      SETTLE.run(this.#redis, keysOf(turnId, note), [
        turnId,
        Math.min(wholeTokens(tokens), note.tokens),
        nowMs,
        noted,
        SETTLED,
        TURN_KEPT_MS,
        Math.max(1, resetAtMs(note.day) + DAY_KEPT_MS - nowMs),
        memberTokens ?? "",
        departmentTokens ?? "",
      ]),
    );
  }
}

/** A count that is no number, as from a broken server, counts nothing; a fraction counts whole. */
function wholeTokens(tokens: number): number {
  return Number.isFinite(tokens) ? Math.max(0, Math.ceil(tokens)) : 0;
}

/** Days since 1970 in China. */
function dayOf(nowMs: number): number {
  return Math.floor((nowMs + ZONE_AHEAD_MS) / DAY_MS);
}

/** When the next day begins. */
function resetAtMs(day: number): number {
  return (day + 1) * DAY_MS - ZONE_AHEAD_MS;
}

const TAG = "yingda:{usage}";

function turnKey(turnId: string): string {
  return `${TAG}:turn:${turnId}`;
}

function keysOf(turnId: string, { day, member, department }: TurnNote): string[] {
  const owners = department === null ? [`member:${member}`] : [`member:${member}`, `department:${department}`];
  return [turnKey(turnId), ...owners.flatMap((owner) => [`${TAG}:${day}:${owner}`, `${TAG}:${day}:${owner}:held`])];
}
