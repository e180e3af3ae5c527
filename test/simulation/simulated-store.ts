import type { Reply } from "../../src/conversation/reply.ts";
import type { History } from "./history.ts";
import type { Random } from "./random.ts";
import { ReferenceStore } from "./reference-store.ts";
import type { StoreFate } from "./scenario.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** A read that waits for wake-ups; see store-link.ts. */
export interface BlockedRead {
  /** There may be something to read. */
  look(): void;
  /** The connection broke. */
  breakOff(): void;
  /** The store can be reached again. */
  askAgain(): void;
}

/** The one Redis of a simulated world: the reference, and whether and how well it can be reached. */
export class SimulatedStore {
  readonly reference: ReferenceStore<Reply>;
  readonly time: VirtualTime;
  readonly history: History;
  readonly #random: Random;
  readonly #fates: Record<StoreFate, number>;
  readonly #travelMsMax: number;
  /** In the order in which they began to wait: that is how they are served. */
  readonly #waiting = new Set<BlockedRead>();
  readonly #cutOff = new Set<BlockedRead>();
  #away = false;
  #quiet = false;

  constructor(parts: {
    time: VirtualTime;
    history: History;
    random: Random;
    fates: Record<StoreFate, number>;
    travelMsMax: number;
  }) {
    this.time = parts.time;
    this.history = parts.history;
    this.#random = parts.random;
    this.#fates = parts.fates;
    this.#travelMsMax = parts.travelMsMax;
    this.reference = new ReferenceStore(() => parts.time.nowMs);
    this.reference.onWakeUp = () => {
      for (const read of [...this.#waiting]) read.look();
    };
  }

  get isAway(): boolean {
    return this.#away;
  }

  /** Every connection breaks. */
  goAway(): void {
    if (this.#away) return;
    this.#away = true;
    this.history.count("store: away");
    this.history.note(() => "~ the store is away");
    for (const read of [...this.#waiting]) read.breakOff();
  }

  comeBack(): void {
    if (!this.#away) return;
    this.#away = false;
    this.history.note(() => "~ the store is back");
    const reads = [...this.#cutOff];
    this.#cutOff.clear();
    for (const read of reads) read.askAgain();
  }

  /** From now on nothing fails. */
  beQuiet(): void {
    this.#quiet = true;
    this.comeBack();
  }

  /** How long something is on its way to the store, or back. */
  travelMs(): number {
    return 0.2 + this.#random.fraction() * this.#travelMsMax;
  }

  fate(): StoreFate {
    const fate = this.#quiet ? "ok" : this.#random.weighted(this.#fates);
    if (fate !== "ok") this.history.count(`store: ${fate}`);
    return fate;
  }

  wait(read: BlockedRead): void {
    this.#waiting.add(read);
  }

  endWait(read: BlockedRead): void {
    this.#waiting.delete(read);
  }

  waitForReturn(read: BlockedRead): void {
    this.#cutOff.add(read);
  }
}
