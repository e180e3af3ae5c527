import type { Clock } from "../base/clock.ts";
import { describe } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";

const KNOWN_MS = 3600_000;
/** After a failed look-up the userid serves for a while, so that a missing permission is not asked about on every message. */
const UNKNOWN_MS = 300_000;
const LOOKUP_TIMEOUT_MS = 2_000;
/** Names kept in memory, oldest out first: a company of any size stays below a few MB. */
const NAMES_MAX = 10_000;

/** Display names of members: callbacks carry none (wecom-protocol 4.3), `user/get` knows them where the app may ask. */
export class MemberNames {
  readonly #lookUp: ((userId: string, signal: AbortSignal) => Promise<{ name: string }>) | null;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #names = new Map<string, { name: string; untilMs: number }>();

  constructor(parts: {
    lookUp: ((userId: string, signal: AbortSignal) => Promise<{ name: string }>) | null;
    clock: Clock;
    log: Logger;
  }) {
    this.#lookUp = parts.lookUp;
    this.#clock = parts.clock;
    this.#log = parts.log;
  }

  /** The name, or the userid where no name can be had. Never throws; takes two seconds at most. */
  async nameOf(userId: string, signal: AbortSignal): Promise<string> {
    const key = userId.toLowerCase();
    const known = this.#names.get(key);
    if (known !== undefined && known.untilMs > this.#clock.nowMs()) return known.name;
    if (this.#lookUp === null) return userId;
    try {
      const { name } = await this.#lookUp(userId, AbortSignal.any([signal, AbortSignal.timeout(LOOKUP_TIMEOUT_MS)]));
      return this.#remember(key, name.trim() === "" ? userId : name.trim(), KNOWN_MS);
    } catch (error) {
      this.#log.debug({ why: describe(error) }, "no name for a member");
      return this.#remember(key, userId, UNKNOWN_MS);
    }
  }

  #remember(key: string, name: string, forMs: number): string {
    this.#names.delete(key);
    this.#names.set(key, { name, untilMs: this.#clock.nowMs() + forMs });
    const oldest = this.#names.keys().next().value;
    if (this.#names.size > NAMES_MAX && oldest !== undefined) this.#names.delete(oldest);
    return name;
  }
}
