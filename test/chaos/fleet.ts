import { type RedisProxy, startRedisProxy } from "../support/redis-proxy.ts";
import type { Replica, World } from "../support/world.ts";
import { STEPS, type Step } from "./steps.ts";

/** A strike that takes longer to come than this is given up: the load does not pass that way just now. */
const STRIKE_WAIT_MS = 4_000;
/** Into the answer, for the step in its middle. */
const MIDDLE_MS = 40;

interface Member {
  name: string;
  replica: Replica;
  proxy: RedisProxy | null;
}

/** Replicas as processes of their own, each with its own wire to Redis; one dies at a named step, another takes its place. */
export class Fleet {
  readonly #world: World;
  /** Null where the processes speak to Redis directly (Sentinel). */
  readonly #redisPort: number | null;
  #members: Member[] = [];
  #count = 0;
  /** Waits for a request at the model, by the name of the replica that makes it. */
  #onModelRequest: ((name: string) => void) | null = null;

  constructor(world: World, redisPort: number | null) {
    this.#world = world;
    this.#redisPort = redisPort;
  }

  async grow(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.#add()));
  }

  /** To be called for each request at the model; the key names the replica. */
  modelAsked(authorization: string | undefined): void {
    this.#onModelRequest?.(authorization?.replace("Bearer ", "") ?? "");
  }

  /** Kills the process that comes to this step next, and starts another. Resolves to false when none came. */
  async strike(step: Step, random: () => number, onDeath: () => void): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<Member | null>();
    const late = setTimeout(() => resolve(null), step.at === "any time" ? random() * 500 : STRIKE_WAIT_MS);
    const hit = (member: Member): void => {
      // At once, in the same tick: the process must not get another word out.
      member.replica.child.kill("SIGKILL");
      onDeath();
      resolve(member);
    };
    if (typeof step.at === "object") {
      for (const member of this.#members) member.proxy?.arm(step.at, () => hit(member));
    } else if (step.at !== "any time") {
      const delayMs = step.at === "model asked" ? 0 : MIDDLE_MS;
      this.#onModelRequest = (name) => {
        const member = this.#members.find((one) => one.name === name);
        this.#onModelRequest = null;
        if (member !== undefined) setTimeout(() => hit(member), delayMs);
      };
    }
    let dead = await promise;
    clearTimeout(late);
    this.#onModelRequest = null;
    for (const member of this.#members) member.proxy?.disarm();
    if (dead === null) {
      if (step.at !== "any time") return false;
      const chosen = this.#members[Math.floor(random() * this.#members.length)];
      if (chosen === undefined) return false;
      hit(chosen);
      dead = chosen;
    }
    await this.#replace(dead);
    return true;
  }

  /** One after another: a new one first, then the old one is taken off the list and told to stop; its exit code must be 0. */
  async roll(): Promise<void> {
    for (const member of [...this.#members]) {
      await this.#add();
      this.#world.forget(member.replica.url);
      this.#members = this.#members.filter((one) => one !== member);
      const code = await member.replica.terminate();
      if (code !== 0) throw new Error(`a replica that was told to stop ended with ${code}`);
      await member.proxy?.stop();
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#members.map(({ replica }) => replica.kill()));
    for (const { proxy } of this.#members) await proxy?.stop();
    this.#members = [];
  }

  async #add(): Promise<void> {
    this.#count += 1;
    const name = `replica-${this.#count}`;
    const proxy = this.#redisPort === null ? null : await startRedisProxy({ port: this.#redisPort });
    const replica = await this.#world.startProcess({
      OPENAI_API_KEY: name,
      LOG_LEVEL: "info",
      ...(proxy === null ? {} : { REDIS_URL: proxy.url }),
    });
    this.#members.push({ name, replica, proxy });
  }

  async #replace(dead: Member): Promise<void> {
    await dead.replica.kill();
    this.#world.forget(dead.replica.url);
    this.#members = this.#members.filter((one) => one !== dead);
    await dead.proxy?.stop();
    await this.#add();
  }
}

/** The steps in turn, in a new order each round. */
export function* stepsInTurn(random: () => number): Generator<Step, never, undefined> {
  while (true) {
    const round = [...STEPS].map((step) => ({ step, at: random() })).sort((a, b) => a.at - b.at);
    for (const { step } of round) yield step;
  }
}
