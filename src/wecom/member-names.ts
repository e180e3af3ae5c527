import type { Clock } from "../base/clock.ts";
import { describe } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";

const KNOWN_MS = 3600_000;
/** After a failed look-up the userid serves for a while, so that a missing permission is not asked about on every message. */
const UNKNOWN_MS = 300_000;
const LOOKUP_TIMEOUT_MS = 2_000;
/** Names kept in memory, oldest out first: a company of any size stays below a few MB. */
const NAMES_MAX = 10_000;

/** What is known of a member; `mainDepartment` is null when it is not known. */
interface Member {
  name: string;
  mainDepartment: number | null;
}

type LookUp = (userId: string, signal: AbortSignal) => Promise<{ name: string; mainDepartment?: number | null }>;

/** Names and main departments of members: callbacks carry none (wecom-protocol 4.3), `user/get` knows them where the app may ask. */
export class MemberNames {
  readonly #lookUp: LookUp | null;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #names = new Map<string, Member & { untilMs: number }>();

  constructor(parts: {
    lookUp: LookUp | null;
    clock: Clock;
    log: Logger;
  }) {
    this.#lookUp = parts.lookUp;
    this.#clock = parts.clock;
    this.#log = parts.log;
  }

  /** The name, or the userid where no name can be had. Never throws; takes two seconds at most. */
  async nameOf(userId: string, signal: AbortSignal): Promise<string> {
    return (await this.#member(userId, signal)).name;
  }

  /** The main department's id (wecom-protocol 3.7), or null where it cannot be had. As `nameOf`. */
  async departmentOf(userId: string, signal: AbortSignal): Promise<string | null> {
    const { mainDepartment } = await this.#member(userId, signal);
    return mainDepartment === null ? null : String(mainDepartment);
  }

  async #member(userId: string, signal: AbortSignal): Promise<Member> {
    const key = userId.toLowerCase();
    const known = this.#names.get(key);
    if (known !== undefined && known.untilMs > this.#clock.nowMs()) return known;
    const unknown = { name: userId, mainDepartment: null };
    if (this.#lookUp === null) return unknown;
    try {
      const within = AbortSignal.any([signal, AbortSignal.timeout(LOOKUP_TIMEOUT_MS)]);
      const { name, mainDepartment = null } = await this.#lookUp(userId, within);
      return this.#remember(key, { name: name.trim() === "" ? userId : name.trim(), mainDepartment }, KNOWN_MS);
    } catch (error) {
      this.#log.debug({ why: describe(error) }, "no name for a member");
      return this.#remember(key, unknown, UNKNOWN_MS);
    }
  }

  #remember(key: string, member: Member, forMs: number): Member {
    this.#names.delete(key);
    this.#names.set(key, { ...member, untilMs: this.#clock.nowMs() + forMs });
    const oldest = this.#names.keys().next().value;
    if (this.#names.size > NAMES_MAX && oldest !== undefined) this.#names.delete(oldest);
    return member;
  }
}
