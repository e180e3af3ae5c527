import type { Clock } from "../../src/base/clock.ts";
import type { Random } from "./random.ts";

/** Where virtual time begins: any fixed day. */
export const START_MS = Date.UTC(2026, 2, 2, 1);
/** Keeps apart, in their order, things that happen in the same millisecond. */
export const INSTANT_MS = 0.001;

export interface Scheduled {
  cancel(): void;
}

/** `timer`: the process's own; `io`: an answer from outside. A process that was frozen sees them in separate rounds. */
type Source = "timer" | "io";

class Happening implements Scheduled {
  readonly atMs: number;
  readonly rank: number;
  readonly life: Life | null;
  readonly source: Source;
  readonly run: () => void;
  cancelled = false;

  constructor(atMs: number, rank: number, life: Life | null, source: Source, run: () => void) {
    this.atMs = atMs;
    this.rank = rank;
    this.life = life;
    this.source = source;
    this.run = run;
  }

  cancel(): void {
    this.cancelled = true;
  }

  isBefore(other: Happening): boolean {
    return this.atMs === other.atMs ? this.rank < other.rank : this.atMs < other.atMs;
  }
}

/**
 * All time there is: a queue of happenings, run one after another, and every consequence in the code (its microtasks) run
 * dry before the next. What falls on the same instant comes in an order drawn by the seed.
 */
export class VirtualTime {
  readonly #random: Random;
  readonly #queue = new Heap();
  #nowMs = START_MS;
  #ended = false;
  #count = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Happenings so far. */
  get count(): number {
    return this.#count;
  }

  /** Something of the world outside all processes. */
  at(atMs: number, run: () => void): Scheduled {
    return this.push(atMs, null, "io", run);
  }

  /** Something that wakes a process: late while it is frozen, never once it has ended. */
  push(atMs: number, life: Life | null, source: Source, run: () => void): Scheduled {
    const happening = new Happening(Math.max(atMs, this.#nowMs), this.#random.fraction(), life, source, run);
    this.#queue.push(happening);
    return happening;
  }

  end(): void {
    this.#ended = true;
  }

  /** Runs until `end` is called. Throws when nothing is left to happen, or after `countMax`: a world that spins. */
  async run(countMax: number): Promise<void> {
    while (!this.#ended) {
      const next = this.#queue.pop();
      if (next === undefined) throw new Error("nothing is left to happen, and nobody ended the simulation");
      if (next.cancelled) continue;
      this.#nowMs = next.atMs;
      const { life } = next;
      if (life?.hasEnded) continue;
      if (life?.holdsBack(next)) continue;
      this.#count += 1;
      if (this.#count > countMax) throw new Error(`more than ${countMax} happenings: the world spins`);
      next.run();
      // Only what wakes a process can have consequences in code.
      if (life !== null) await microtasksRunDry();
    }
  }

  /** One process. */
  life(name: string): Life {
    return new Life(name, this, this.#random.fork());
  }
}

/** `setImmediate` comes after all microtasks, those that they made included. It waits for nothing else here. */
function microtasksRunDry(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** The life of one process: it can be frozen for a while, and it ends. Its code runs only when something wakes it. */
export class Life {
  readonly name: string;
  readonly clock: Clock;
  readonly #time: VirtualTime;
  readonly #random: Random;
  #state: "runs" | "frozen" | "ended" = "runs";
  #heldBack: Happening[] = [];

  constructor(name: string, time: VirtualTime, random: Random) {
    this.name = name;
    this.#time = time;
    this.#random = random;
    this.clock = { nowMs: () => Math.floor(time.nowMs), sleep: (ms, signal) => this.#sleep(ms, signal) };
  }

  get hasEnded(): boolean {
    return this.#state === "ended";
  }

  get runs(): boolean {
    return this.#state === "runs";
  }

  /** Wakes the code with an answer from outside. */
  wake(atMs: number, run: () => void): Scheduled {
    return this.#time.push(atMs, this, "io", run);
  }

  /** For the queue: whether the process is frozen and takes this later. */
  holdsBack(happening: Happening): boolean {
    if (this.#state !== "frozen") return false;
    this.#heldBack.push(happening);
    return true;
  }

  /** Like SIGSTOP and SIGCONT: nothing of the process happens for `ms`, then all of it, as if no time had passed. */
  freeze(ms: number): void {
    if (this.#state !== "runs") return;
    this.#state = "frozen";
    this.#time.at(this.#time.nowMs + ms, () => this.#thaw());
  }

  /** Like SIGKILL, at whatever await its code has come to. */
  endNow(): void {
    this.#state = "ended";
    this.#heldBack = [];
  }

  #thaw(): void {
    if (this.#state !== "frozen") return;
    this.#state = "runs";
    const held = this.#heldBack.filter((happening) => !happening.cancelled);
    this.#heldBack = [];
    // Node looks for answers first, then at its timers; a process frozen elsewhere in its loop has it the other way round.
    const rounds = this.#random.pick<Source[]>([
      ["io", "timer"],
      ["timer", "io"],
    ]);
    let atMs = this.#time.nowMs;
    for (const source of rounds) {
      for (const happening of held) {
        if (happening.source !== source) continue;
        atMs += INSTANT_MS;
        this.#time.push(atMs, this, source, () => {
          if (!happening.cancelled) happening.run();
        });
      }
    }
  }

  #sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (signal?.aborted) {
      reject(signal.reason);
      return promise;
    }
    const onAbort = (): void => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = this.#time.push(this.#time.nowMs + ms, this, "timer", () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
    return promise;
  }
}

/** A binary heap: the earliest happening first. */
class Heap {
  readonly #items: Happening[] = [];

  push(item: Happening): void {
    const items = this.#items;
    let at = items.length;
    items.push(item);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = items[above];
      if (parent === undefined || !item.isBefore(parent)) break;
      items[at] = parent;
      at = above;
    }
    items[at] = item;
  }

  pop(): Happening | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (first === undefined || last === undefined || items.length === 0) return first;
    let at = 0;
    for (;;) {
      const left = items[2 * at + 1];
      if (left === undefined) break;
      const right = items[2 * at + 2];
      const below = right?.isBefore(left) ? 2 * at + 2 : 2 * at + 1;
      const child = below % 2 === 0 && right !== undefined ? right : left;
      if (!child.isBefore(last)) break;
      items[at] = child;
      at = below;
    }
    items[at] = last;
    return first;
  }
}
