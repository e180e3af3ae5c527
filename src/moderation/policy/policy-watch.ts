import { readFile, stat } from "node:fs/promises";
import type { Clock } from "../../base/clock.ts";
import { Rounds } from "../../base/rounds.ts";
import type { Policy } from "./policy.ts";
import { loadPolicyGently } from "./policy-reader.ts";

/**
 * How often the file is looked at. Asked by time and size instead of told by the system: a mounted ConfigMap changes by a
 * link that file events do not follow.
 */
const LOOK_MS = 2_000;

export interface PolicyWatchParts {
  path: string;
  clock: Clock;
  onPolicy: (policy: Policy) => void;
  /** Hears why a changed file was not taken: `bad_config` with a line for each fault, or that it cannot be read. */
  onFault: (error: unknown) => void;
}

/** Takes a changed policy file into use while the service runs. A file with a fault changes nothing. */
export class PolicyWatch {
  readonly #parts: PolicyWatchParts;
  readonly #rounds: Rounds;
  #seen = "";

  constructor(parts: PolicyWatchParts) {
    this.#parts = parts;
    const { clock } = parts;
    this.#rounds = new Rounds({ firstAfterMs: LOOK_MS, everyMs: LOOK_MS, clock, round: () => this.#round() });
  }

  /** Resolves once it knows what the file looks like now: only later changes count. */
  async start(): Promise<void> {
    this.#seen = await this.#look();
    this.#rounds.start();
  }

  stop(): Promise<void> {
    return this.#rounds.stop();
  }

  async #round(): Promise<void> {
    const now = await this.#look();
    if (now === this.#seen) return;
    this.#seen = now;
    await this.#take();
  }

  async #take(): Promise<void> {
    try {
      this.#parts.onPolicy(await loadPolicyGently(await readFile(this.#parts.path, "utf8")));
    } catch (error) {
      this.#parts.onFault(error);
    }
  }

  async #look(): Promise<string> {
    try {
      const { mtimeMs, size, ino } = await stat(this.#parts.path);
      return `${mtimeMs} ${size} ${ino}`;
    } catch {
      return "away";
    }
  }
}
