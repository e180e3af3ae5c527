import { YingdaError } from "../src/base/errors.ts";

/** What goes wrong with the long connection on demand. `kick` and `drop` are acts: see `SocketBot`. */
export interface SocketFaults {
  /**
   * `acks`: frames have their effect and nobody hears of it, the ambiguous send. `all`: nothing gets through in either
   * direction, as on a line that died without a word.
   */
  silence: "none" | "acks" | "all";
  /** Every ack waits this long; default 0. A client may give up on it meanwhile. */
  ackDelayMs: number;
  /** Every subscribe is refused with 853000, as after a new secret was made. */
  badCredentials: boolean;
  /** Streams die this long after their first frame instead of after the platform's own figure; `null`: they do not. */
  streamLifeMs: number | null;
  /** The next `times` frames of the service are refused with `errcode` and have no effect; pings and subscribes are spared. */
  refuse: { errcode: number; times: number } | null;
}

const DELAY_MAX_MS = 120_000;
const TIMES_MAX = 10_000;
const DAY_MS = 24 * 3_600_000;
const NONE: SocketFaults = { silence: "none", ackDelayMs: 0, badCredentials: false, streamLifeMs: null, refuse: null };

export class SocketFaultSwitches {
  #standing: SocketFaults = NONE;

  get standing(): Readonly<SocketFaults> {
    return this.#standing;
  }

  /** Throws `bad_request` for a figure outside its range. */
  set(change: Partial<SocketFaults>): void {
    const { ackDelayMs, streamLifeMs, refuse, silence } = change;
    if (silence !== undefined && !["none", "acks", "all"].includes(silence)) {
      throw new YingdaError("bad_request", "silence is none, acks or all.");
    }
    inRange("ackDelayMs", ackDelayMs, 0, DELAY_MAX_MS);
    inRange("streamLifeMs", streamLifeMs, 0, DAY_MS);
    inRange("refuse.times", refuse?.times, 1, TIMES_MAX);
    inRange("refuse.errcode", refuse?.errcode, -1_000, 9_999_999);
    this.#standing = { ...this.#standing, ...change };
  }

  clear(): void {
    this.#standing = NONE;
  }

  /** The errcode that this frame is refused with, if it is; counts down. */
  strike(): number | undefined {
    const { refuse } = this.#standing;
    if (refuse === null) return undefined;
    const times = refuse.times - 1;
    this.#standing = { ...this.#standing, refuse: times > 0 ? { ...refuse, times } : null };
    return refuse.errcode;
  }
}

function inRange(name: string, value: number | null | undefined, min: number, max: number): void {
  if (value === undefined || value === null) return;
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new YingdaError("bad_request", `${name} is a whole number from ${min} to ${max}.`);
  }
}
