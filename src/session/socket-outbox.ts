import type { Clock } from "../base/clock.ts";
import { YingdaError } from "../base/errors.ts";
import { inStore, type RedisConnection } from "./redis.ts";
import { Script } from "./script.ts";
import { seatKeys } from "./socket-keys.ts";

/** Jobs that may wait for the connection; past it a sender is told so, instead of filling Redis while WeCom is away. */
export const OUTBOX_MAX = 10_000;
/** What a bot that is no longer connected left behind holds people's words: it goes. Longer than any sender waits. */
const OUTBOX_TTL_MS = 60 * 60_000;
/** A blocking read that is answered so much later than it should have been sits on a dead link. */
const SILENT_AFTER_MS = 3_000;
/** Hints are worth nothing while so much waits; the finished texts must find room. */
const HINTS_WAITING_MAX = 2_000;
/** A sender that crashed asks again for what became of its job: longer than any turn and its takeover take. */
const RESULT_TTL_MS = 30 * 60_000;
/** How often the results of all jobs that somebody waits for are looked up, in one read. */
const LOOK_EVERY_MS = 40;
/** Entries taken at once by the holder. */
const TAKE_MAX = 200;

/** What became of a job: sent, or why WeCom did not take it. */
export type JobResult =
  | { ok: true }
  | {
      ok: false;
      code: string;
      message: string;
      retryable: boolean;
      /** Whether WeCom may have it all the same. */
      sent: "no" | "perhaps";
      errcode?: number;
      retryAfterMs?: number;
    };

/** One thing to send that somebody waits for. The same `id` again is the same job: it is sent once. */
export interface OutboxEntry<Job> {
  entryId: string;
  /** Null: a hint that nobody waits for, gone once it was read. */
  jobId: string | null;
  job: Job;
}

/**
 * KEYS outbox, queued, result
 * ARGV job id, job JSON, most entries, TTL ms
 * RETURNS the result when there is one | "waiting" | "full"
 */
const POST = new Script(`
local result = redis.call('GET', KEYS[3])
if result then return result end
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 1 then return 'waiting' end
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[3]) then return 'full' end
redis.call('HSET', KEYS[2], ARGV[1], redis.call('XADD', KEYS[1], '*', 'id', ARGV[1], 'j', ARGV[2]))
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return 'waiting'
`);

/**
 * KEYS outbox
 * ARGV job JSON, most entries
 * RETURNS 1 | 0 too much waits
 */
const HINT = new Script(`
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('XADD', KEYS[1], '*', 'id', '', 'j', ARGV[1])
return 1
`);

/**
 * Notes what became of a job; only the process in the seat may.
 * KEYS holder, outbox, queued, result
 * ARGV token, entry id, job id, result JSON, TTL ms
 * RETURNS 1 | 0 the seat is another's
 */
const SETTLE = new Script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[4], ARGV[4], 'PX', ARGV[5])
redis.call('XDEL', KEYS[2], ARGV[2])
redis.call('HDEL', KEYS[3], ARGV[3])
return 1
`);

/** What any process gives to the one that holds the bot's long connection. */
export class SocketOutbox<Job> {
  readonly #redis: RedisConnection;
  readonly #keys: ReturnType<typeof seatKeys>;
  readonly #clock: Clock;
  readonly #waiting = new Map<string, PromiseWithResolvers<JobResult>>();
  #looking = false;

  constructor(redis: RedisConnection, botId: string, clock: Clock) {
    this.#redis = redis;
    this.#keys = seatKeys(botId);
    this.#clock = clock;
  }

  /**
   * Hands a job over and resolves with what became of it: also with that of an earlier call with the same `id`, so that a
   * turn that goes on after a crash sends nothing twice. A failure is forgotten once it was told: the next call tries again.
   * Throws `store_unavailable`, `wecom_unreachable` (too much waits), and the signal's reason; the job may be sent later then.
   */
  async send(id: string, job: Job, signal: AbortSignal): Promise<JobResult> {
    const { outbox, queued } = this.#keys;
    const resultKey = this.#keys.result(id);
    signal.throwIfAborted();
    const answer = await inStore(() =>
      POST.run(this.#redis, [outbox, queued, resultKey], [id, JSON.stringify(job), OUTBOX_MAX, OUTBOX_TTL_MS]),
    );
    if (answer === "full") {
      throw new YingdaError("wecom_unreachable", "Too much waits for the bot's long connection; is it connected?", {
        retryable: true,
        details: { sent: "no" },
      });
    }
    const result = answer === "waiting" ? await this.#resultOf(id, signal) : (JSON.parse(String(answer)) as JobResult);
    if (!result.ok) await inStore(() => this.#redis.del(resultKey));
    return result;
  }

  /** Tells the holder that there is something to look at. Nobody waits; it may be lost. Throws `store_unavailable`. */
  async hint(job: Job): Promise<void> {
    await inStore(() => HINT.run(this.#redis, [this.#keys.outbox], [JSON.stringify(job), HINTS_WAITING_MAX]));
  }

  /** What waits after `afterId`, oldest first; "0-0" for all. Blocks up to `blockMs` on `reader` when nothing does. */
  async take(reader: RedisConnection, afterId: string, blockMs: number): Promise<OutboxEntry<Job>[]> {
    const { outbox } = this.#keys;
    const silent = setTimeout(() => reader.disconnect(true), blockMs + SILENT_AFTER_MS);
    const answer = await reader
      .xread("COUNT", TAKE_MAX, "BLOCK", blockMs, "STREAMS", outbox, afterId)
      .finally(() => clearTimeout(silent));
    const entries = (answer?.[0]?.[1] ?? []).flatMap(([entryId, fields]): OutboxEntry<Job>[] => {
      const [, id = "", , json] = fields;
      return json === undefined ? [] : [{ entryId, jobId: id === "" ? null : id, job: JSON.parse(json) as Job }];
    });
    const hints = entries.filter(({ jobId }) => jobId === null).map(({ entryId }) => entryId);
    if (hints.length > 0) await inStore(() => this.#redis.xdel(outbox, ...hints));
    return entries;
  }

  /** False when the seat is another's now: that one sends the job again. Throws `store_unavailable`. */
  async settle(token: string, { entryId, jobId }: OutboxEntry<Job>, result: JobResult): Promise<boolean> {
    if (jobId === null) return true;
    const { holder, outbox, queued } = this.#keys;
    const keys = [holder, outbox, queued, this.#keys.result(jobId)];
    const args = [token, entryId, jobId, JSON.stringify(result), RESULT_TTL_MS];
    return (await inStore(() => SETTLE.run(this.#redis, keys, args))) === 1;
  }

  async #resultOf(id: string, signal: AbortSignal): Promise<JobResult> {
    const waiting = this.#waiting.get(id) ?? Promise.withResolvers<JobResult>();
    this.#waiting.set(id, waiting);
    const giveUp = (): void => {
      this.#waiting.delete(id);
      waiting.reject(signal.reason);
    };
    signal.addEventListener("abort", giveUp, { once: true });
    if (signal.aborted) giveUp();
    if (!this.#looking) void this.#look();
    try {
      return await waiting.promise;
    } finally {
      signal.removeEventListener("abort", giveUp);
      this.#waiting.delete(id);
    }
  }

  /** One loop for all that wait in this process; ends when nobody does. */
  async #look(): Promise<void> {
    this.#looking = true;
    while (this.#waiting.size > 0) {
      await this.#clock.sleep(LOOK_EVERY_MS);
      const ids = [...this.#waiting.keys()];
      if (ids.length === 0) break;
      // With Redis away those who wait have their own deadline.
      const results = await this.#redis.mget(ids.map((id) => this.#keys.result(id))).catch(() => []);
      for (const [index, id] of ids.entries()) {
        const result = results[index];
        if (result != null) this.#waiting.get(id)?.resolve(JSON.parse(result) as JobResult);
      }
    }
    this.#looking = false;
  }
}
