import { Events } from "../../src/base/events.ts";
import { createLogger } from "../../src/base/logger.ts";
import { History } from "./history.ts";
import { findViolations } from "./invariants.ts";
import { Platform } from "./platform.ts";
import { Random } from "./random.ts";
import { Replica, type Surroundings } from "./replica.ts";
import { drawScenario, type Incident, type Scenario } from "./scenario.ts";
import { SimulatedStore } from "./simulated-store.ts";
import { SimulatedWeCom } from "./simulated-wecom.ts";
import { START_MS, VirtualTime } from "./virtual-time.ts";

/** A world that does not come to rest so long after the last fault has a message that nobody answers. */
const REST_WITHIN_MS = 10 * 60_000;
const LOOK_EVERY_MS = 500;
/** So long nothing may be left to do before a world counts as at rest: who claims abandoned work looks every two seconds. */
const REST_MS = 3_000;
/** Happenings of one world: a limit for loops that never come to an end. */
const HAPPENINGS_MAX = 400_000;
const REPLICAS_MAX = 5;

export interface Outcome {
  seed: number;
  scenario: Scenario;
  /** What must not be, in words; empty when all is well. */
  violations: string[];
  /** How often each thing happened. */
  counts: Map<string, number>;
  happenings: number;
  virtualMs: number;
  /** From the last fault until all was done. */
  settledInMs: number;
  /** Empty unless it was asked for. */
  trace: string[];
}

/**
 * Runs one whole world: some replicas of the service, a store, a model, WeCom, and the trouble that the seed has in store
 * for them; then checks from outside what people got. The same seed gives the same world, to the last microtask. One at a
 * time: it takes over `Math.random`, which retries draw their jitter from.
 */
export async function simulate(seed: number, { trace = false } = {}): Promise<Outcome> {
  const random = new Random(seed);
  const scenario = drawScenario(random.fork());
  const time = new VirtualTime(random.fork());
  const history = new History({ nowMs: () => time.nowMs - START_MS, trace });
  const world = new World(scenario, time, history, random);
  const { random: systemRandom } = Math;
  const jitter = random.fork();
  const onUnhandled = (error: unknown): void => history.complain(`a rejection that nobody handled: ${String(error)}`);
  process.on("unhandledRejection", onUnhandled);
  Math.random = () => jitter.fraction();
  try {
    await world.run();
  } catch (error) {
    history.complain(`the world broke: ${error instanceof Error ? error.stack : String(error)}`);
  } finally {
    Math.random = systemRandom;
    process.off("unhandledRejection", onUnhandled);
  }
  return {
    seed,
    scenario,
    violations: findViolations(history, world.store.reference, scenario.turnTimeoutMs),
    counts: history.counts,
    happenings: time.count,
    virtualMs: time.nowMs - START_MS,
    settledInMs: time.nowMs - START_MS - scenario.quietAtMs,
    trace: history.trace(),
  };
}

class World {
  readonly store: SimulatedStore;
  readonly #scenario: Scenario;
  readonly #time: VirtualTime;
  readonly #history: History;
  readonly #random: Random;
  readonly #weCom: SimulatedWeCom;
  readonly #platform: Platform;
  readonly #replicas: Replica[] = [];
  readonly #surroundings: Surroundings;
  #quiet = false;
  #restSinceMs: number | null = null;

  constructor(scenario: Scenario, time: VirtualTime, history: History, random: Random) {
    this.#scenario = scenario;
    this.#time = time;
    this.#history = history;
    this.#random = random;
    const common = { time, history };
    this.store = new SimulatedStore({
      ...common,
      random: random.fork(),
      fates: scenario.storeFates,
      travelMsMax: scenario.storeTravelMs,
    });
    this.#weCom = new SimulatedWeCom({ ...common, random: random.fork(), fates: scenario.sendFates });
    const { redelivery } = scenario;
    this.#platform = new Platform({ ...common, random: random.fork(), replicas: this.#replicas, redelivery });
    const log = createLogger("error", { write: (line) => this.#hear(line) });
    this.#surroundings = {
      ...common,
      store: this.store,
      weCom: this.#weCom,
      scenario,
      isQuiet: () => this.#quiet,
      events: new Events(log),
      log,
    };
  }

  async run(): Promise<void> {
    const { replicas, arrivals, conversations, incidents, storeAway, quietAtMs } = this.#scenario;
    for (let i = 0; i < replicas; i += 1) this.#start();
    for (const [number, arrival] of arrivals.entries()) {
      this.#platform.announce(arrival, number, conversations[arrival.conversation] ?? "app");
    }
    for (const incident of incidents) this.#at(incident.atMs, () => this.#bring(incident));
    for (const { fromMs, toMs } of storeAway) {
      this.#at(fromMs, () => this.store.goAway());
      this.#at(toMs, () => this.store.comeBack());
    }
    this.#at(quietAtMs, () => this.#beQuiet());
    await this.#time.run(HAPPENINGS_MAX);
  }

  #at(atMs: number, run: () => void): void {
    this.#time.at(START_MS + atMs, run);
  }

  #start(): void {
    const name = `r${this.#replicas.length + 1}`;
    const onEnd = (): void => {
      if (!this.#scenario.restarts) return;
      this.#time.at(this.#time.nowMs + this.#random.int(200, 8_000), () => this.#startOneMore());
    };
    this.#replicas.push(new Replica(name, this.#random.fork(), this.#surroundings, onEnd));
  }

  #startOneMore(): void {
    if (this.#replicas.filter(({ life }) => !life.hasEnded).length < REPLICAS_MAX) this.#start();
  }

  /** One misfortune for one of the replicas that are there. */
  #bring(incident: Incident): void {
    const living = this.#replicas.filter((replica) => !replica.life.hasEnded);
    if (incident.kind === "start") {
      this.#startOneMore();
      return;
    }
    const [first, ...others] = living;
    if (first === undefined) return;
    const replica = this.#random.pick([first, ...others]);
    this.#history.count(`replica: ${incident.kind}`);
    this.#history.note(() => `~ ${replica.life.name}: ${JSON.stringify(incident)}`);
    if (incident.kind === "crash") replica.crash();
    else if (incident.kind === "freeze") replica.life.freeze(incident.ms);
    else replica.stop(incident.graceMs);
    this.#seeWhoWorks();
  }

  #seeWhoWorks(): void {
    if (!this.#replicas.some((replica) => replica.isWorking)) this.#history.count("replica: none left");
  }

  #beQuiet(): void {
    this.#history.note(() => "~ from here on nothing fails");
    this.#quiet = true;
    this.store.beQuiet();
    this.#weCom.beQuiet();
    if (!this.#replicas.some((replica) => replica.isWorking)) this.#start();
    this.#look();
  }

  /** Looks from time to time whether all is done, and ends the world when it is, or when it should be. */
  #look(): void {
    const { nowMs } = this.#time;
    if (!this.#isAtRest()) this.#restSinceMs = null;
    else this.#restSinceMs ??= nowMs;
    if (this.#restSinceMs !== null && nowMs - this.#restSinceMs >= REST_MS) {
      this.#time.end();
      return;
    }
    if (nowMs - START_MS - this.#scenario.quietAtMs > REST_WITHIN_MS) {
      this.#history.complain("the world did not come to rest");
      this.#time.end();
      return;
    }
    this.#time.at(nowMs + LOOK_EVERY_MS, () => this.#look());
  }

  #isAtRest(): boolean {
    if (this.#platform.underWay > 0 || this.#weCom.onTheWay > 0) return false;
    if (this.#replicas.some(({ life }) => !life.hasEnded && !life.runs)) return false;
    return this.store.reference.isIdle();
  }

  /** The service logs an error only for what should not happen; what an operator is alerted to is checked otherwise. */
  #hear(line: string): void {
    const { alert } = JSON.parse(line) as { alert?: string };
    if (alert !== undefined) this.#history.count(`alert: ${alert}`);
    else this.#history.complain(`the service logged an error: ${line.trim()}`);
  }
}
