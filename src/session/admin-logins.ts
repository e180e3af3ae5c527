import { createHash, randomBytes } from "node:crypto";
import { inStore, type RedisConnection } from "./redis.ts";
import { Script } from "./script.ts";

/** A login that began: scanning a QR code takes a minute, a phone that has to be found some more. */
export const LOGIN_LIFE_MS = 10 * 60_000;
/** Failed logins from one address within a minute; a guess of 256 bits does not need more to be hopeless. */
export const FAILURES_PER_MINUTE = 5;
/** Logins begun from one address within a minute: an office behind one address, not a loop that fills Redis with states. */
export const STARTS_PER_MINUTE = 60;
const MINUTE_MS = 60_000;

const STATE_BYTES = 32;
/** Hex: WeCom takes letters and digits only (wecom-protocol 8.5). */
const STATE_SHAPE = /^[0-9a-f]{64}$/;

/** What is limited: failed logins, or logins begun. */
export type AttemptKind = "failures" | "starts";
const LIMITS: Readonly<Record<AttemptKind, number>> = { failures: FAILURES_PER_MINUTE, starts: STARTS_PER_MINUTE };

/**
 * KEYS counter of one address
 * ARGV window ms
 * RETURNS attempts within the window, this one included
 */
const COUNT = new Script(`
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return count
`);

/**
 * KEYS counter of one address
 */
const UNCOUNT = new Script(`
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
return redis.call('DECR', KEYS[1])
`);

/**
 * What lies before a session, in Redis, shared by all processes: logins that have begun at WeCom, the bootstrap token that
 * was used, and how often an address failed. Every call throws `store_unavailable`.
 */
export class AdminLogins {
  readonly #redis: RedisConnection;

  constructor(redis: RedisConnection) {
    this.#redis = redis;
  }

  /**
   * Begins a login. `state` goes to WeCom and comes back with the code; `browser` goes into a cookie, so that nobody can
   * finish in another browser what they began in theirs.
   */
  async begin(next: string): Promise<{ state: string; browser: string }> {
    const state = randomBytes(STATE_BYTES).toString("hex");
    const browser = randomBytes(STATE_BYTES).toString("hex");
    const begun = JSON.stringify({ browser: digest(browser), next });
    await inStore(() => this.#redis.set(stateKey(state), begun, "PX", LOGIN_LIFE_MS));
    return { state, browser };
  }

  /** Where the login leads, once: null when it was finished, is too old, was never begun, or was begun by another browser. */
  async finish(state: string, browser: string): Promise<{ next: string } | null> {
    if (!STATE_SHAPE.test(state)) return null;
    const stored = await inStore(() => this.#redis.getdel(stateKey(state)));
    if (stored === null) return null;
    const begun = JSON.parse(stored) as { browser: string; next: string };
    return begun.browser === digest(browser) ? { next: begun.next } : null;
  }

  /** True for whoever brings this token first, over all processes and restarts; another token can be used again once. */
  async useBootstrap(token: string): Promise<boolean> {
    return (await inStore(() => this.#redis.set(bootstrapKey(token), "used", "NX"))) !== null;
  }

  /** The login did not come about after all, and nobody else can have come in by it. */
  async returnBootstrap(token: string): Promise<void> {
    await inStore(() => this.#redis.del(bootstrapKey(token)));
  }

  async bootstrapUsed(token: string): Promise<boolean> {
    return (await inStore(() => this.#redis.exists(bootstrapKey(token)))) > 0;
  }

  /** Counts an attempt from this address. False when it is one too many. */
  async attempt(kind: AttemptKind, address: string): Promise<boolean> {
    const count = await inStore(() => COUNT.run(this.#redis, [attemptsKey(kind, address)], [MINUTE_MS]));
    return Number(count) <= LIMITS[kind];
  }

  /** A login that went well takes its attempt back: an office behind one address may come in together. */
  async forgive(kind: AttemptKind, address: string): Promise<void> {
    await inStore(() => UNCOUNT.run(this.#redis, [attemptsKey(kind, address)], []));
  }
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function stateKey(state: string): string {
  return `yingda:{admin}:login:${digest(state)}`;
}

function bootstrapKey(token: string): string {
  return `yingda:{admin}:bootstrap:${digest(token)}`;
}

function attemptsKey(kind: AttemptKind, address: string): string {
  return `yingda:{admin}:${kind}:${digest(address).slice(0, 32)}`;
}
