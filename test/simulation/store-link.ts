import { YingdaError } from "../../src/base/errors.ts";
import type { ShardReader, WakeUp } from "../../src/session/wake-ups.ts";
import type { Random } from "./random.ts";
import type { BlockedRead, SimulatedStore } from "./simulated-store.ts";
import { INSTANT_MS, type Life } from "./virtual-time.ts";

/** As in src/session/redis.ts: a command that takes longer has failed for the caller; it may still be carried out. */
const COMMAND_TIMEOUT_MS = 1_000;

interface Command {
  /** Its process died before it was on the wire. */
  cut: boolean;
}

/**
 * One process's connections to the store. Commands are carried out in the order in which they were given, as on one
 * connection, and answered in that order; each may be slow, fail before it was carried out, or lose its answer after.
 */
export class StoreLink {
  readonly #store: SimulatedStore;
  readonly #life: Life;
  readonly #random: Random;
  readonly #underWay = new Set<Command>();
  readonly #reads = new Set<Read>();
  #lastStepMs = 0;
  #lastAnswerMs = 0;

  constructor(store: SimulatedStore, life: Life, random: Random) {
    this.#store = store;
    this.#life = life;
    this.#random = random;
  }

  /** Has the store take one step. `what` is for the trace. Rejects with `store_unavailable`, or with what the step throws. */
  call<T>(what: string, step: () => T): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const { time } = this.#store;
    const fail = (atMs: number): void => {
      this.#life.wake(atMs, () => {
        this.#store.history.note(() => `${this.#life.name} ${what}: no answer from the store`);
        reject(unavailable());
      });
    };
    if (this.#store.isAway) {
      fail(time.nowMs + 1);
      return promise;
    }
    const deadlineMs = time.nowMs + COMMAND_TIMEOUT_MS;
    const fate = this.#store.fate();
    const travelMs = fate === "slow" ? this.#random.int(50, 3_000) : this.#store.travelMs();
    this.#lastStepMs = Math.max(this.#lastStepMs + INSTANT_MS, time.nowMs + travelMs);
    const isLate = this.#lastStepMs >= deadlineMs;
    if (isLate) fail(deadlineMs);
    const command: Command = { cut: false };
    this.#underWay.add(command);
    time.at(this.#lastStepMs, () => {
      this.#underWay.delete(command);
      if (command.cut) return;
      // A connection that broke is noticed at once, or only when time is up.
      const noticedMs = this.#random.chance(0.5) ? time.nowMs + 1 : deadlineMs;
      if (fate === "lost before" || this.#store.isAway) {
        if (!isLate) fail(noticedMs);
        return;
      }
      const tell = this.#carryOut(what, step, resolve, reject);
      if (isLate) return;
      if (fate === "lost after") {
        fail(noticedMs);
        return;
      }
      this.#lastAnswerMs = Math.max(this.#lastAnswerMs + INSTANT_MS, time.nowMs + this.#store.travelMs());
      this.#life.wake(this.#lastAnswerMs, tell);
    });
    return promise;
  }

  /** Waits for wake-ups on a connection of its own, which reconnects by itself and then asks again. */
  read(consumer: string, reader: ShardReader, count: number, blockMs: number): Promise<WakeUp[]> {
    const read = new Read(this.#store, this.#life, this.#random, { consumer, reader, count, blockMs });
    this.#reads.add(read);
    return read.promise.finally(() => this.#reads.delete(read));
  }

  /** For `interrupt`: ends the waits that are under way at the store, as if their time were over. */
  endReads(): void {
    for (const read of this.#reads) read.timeIsUp();
  }

  /** The process is dead: the newest commands never left it; the older ones are still carried out. */
  sever(): void {
    const commands = [...this.#underWay];
    const sent = this.#random.int(0, commands.length);
    for (const command of commands.slice(sent)) command.cut = true;
    // A machine that lost its power does not close its connections: its reads go on taking wake-ups for a moment.
    if (this.#random.chance(0.5)) for (const read of this.#reads) read.breakOff();
  }

  #carryOut<T>(
    what: string,
    step: () => T,
    resolve: (answer: T) => void,
    reject: (error: unknown) => void,
  ): () => void {
    try {
      const answer = step();
      this.#store.history.note(() => `${this.#life.name} ${what}`);
      return () => resolve(answer);
    } catch (error) {
      const why = error instanceof YingdaError ? error.code : String(error);
      this.#store.history.count(`store: answered ${why}`);
      this.#store.history.note(() => `${this.#life.name} ${what}: ${why}`);
      return () => reject(error);
    }
  }
}

interface Asked {
  consumer: string;
  reader: ShardReader;
  count: number;
  blockMs: number;
}

/** One blocking read of wake-ups, over as many connections as it takes. */
class Read implements BlockedRead {
  readonly promise: Promise<WakeUp[]>;
  readonly #store: SimulatedStore;
  readonly #life: Life;
  readonly #random: Random;
  readonly #asked: Asked;
  readonly #resolve: (wakeUps: WakeUp[]) => void;
  readonly #reject: (error: unknown) => void;
  /** Which try this is: what belongs to an earlier one is over. */
  #try = 0;

  constructor(store: SimulatedStore, life: Life, random: Random, asked: Asked) {
    this.#store = store;
    this.#life = life;
    this.#random = random;
    this.#asked = asked;
    const { promise, resolve, reject } = Promise.withResolvers<WakeUp[]>();
    this.promise = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#ask(store.travelMs());
  }

  look(): void {
    const { reference, history } = this.#store;
    const { consumer, reader, count } = this.#asked;
    if (!reference.hasWakeUps(reader.shards)) return;
    this.#endTry();
    const wakeUps = reference.readWakeUps(consumer, reader.shards, count);
    history.note(
      () => `${this.#life.name} is given ${wakeUps.map(({ id, conversationId }) => `${conversationId}#${id}`)}`,
    );
    if (this.#store.fate() !== "lost after") this.#answer(wakeUps);
    else if (this.#random.chance(0.5)) this.#ask(this.#random.int(1, 500));
    else this.#life.wake(this.#store.time.nowMs + 1, () => this.#reject(unavailable()));
  }

  timeIsUp(): void {
    this.#endTry();
    this.#answer([]);
  }

  breakOff(): void {
    this.#endTry();
    this.#store.waitForReturn(this);
  }

  askAgain(): void {
    this.#ask(this.#random.int(50, 2_000));
  }

  #ask(inMs: number): void {
    this.#try += 1;
    const current = this.#try;
    const { time } = this.#store;
    time.at(time.nowMs + inMs, () => {
      if (current !== this.#try || this.#life.hasEnded) return;
      if (this.#store.isAway) {
        this.breakOff();
        return;
      }
      this.#store.wait(this);
      time.at(time.nowMs + this.#asked.blockMs, () => {
        if (current === this.#try) this.timeIsUp();
      });
      this.look();
    });
  }

  #endTry(): void {
    this.#try += 1;
    this.#store.endWait(this);
  }

  #answer(wakeUps: WakeUp[]): void {
    this.#life.wake(this.#store.time.nowMs + this.#store.travelMs(), () => this.#resolve(wakeUps));
  }
}

function unavailable(): YingdaError {
  return new YingdaError("store_unavailable", "The simulated store did not answer.", { retryable: true });
}
