import { YingdaError } from "../src/base/errors.ts";

interface Lane {
  active: number;
  waiting: (() => void)[];
}

/** Messages of one member that wait behind three unfinished answers; a member types no more than that. */
const WAITING_MAX = 200;

/** At most three interactions in progress for a user and bot; more are held back until one finishes (wecom-protocol 4.2). */
export class InteractionSlots {
  readonly #slotsMax: number;
  readonly #lanes = new Map<string, Lane>();

  constructor(slotsMax: number) {
    this.#slotsMax = slotsMax;
  }

  /** Resolves when the member's next slot is ours, in order of asking. Throws `bad_request` at once when too many wait. */
  take(userId: string): Promise<void> {
    const key = userId.toLowerCase();
    const lane = this.#lanes.get(key) ?? { active: 0, waiting: [] };
    this.#lanes.set(key, lane);
    if (lane.active < this.#slotsMax) {
      lane.active += 1;
      return Promise.resolve();
    }
    if (lane.waiting.length >= WAITING_MAX) {
      throw new YingdaError("bad_request", `${WAITING_MAX} messages of this member wait already.`);
    }
    return new Promise<void>((resolve) => lane.waiting.push(resolve));
  }

  /** Hands the slot to the longest waiting message, if any. */
  release(userId: string): void {
    const key = userId.toLowerCase();
    const lane = this.#lanes.get(key);
    if (lane === undefined) return;
    const next = lane.waiting.shift();
    if (next !== undefined) next();
    else lane.active -= 1;
    if (lane.active === 0) this.#lanes.delete(key);
  }

  inProgress(userId: string): number {
    return this.#lanes.get(userId.toLowerCase())?.active ?? 0;
  }

  /** Lets everybody go, at the end of the simulator. */
  releaseAll(): void {
    for (const lane of this.#lanes.values()) for (const resolve of lane.waiting.splice(0)) resolve();
  }
}
