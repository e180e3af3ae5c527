import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { Clock } from "../base/clock.ts";
import { describe, YingdaError } from "../base/errors.ts";
import type { Events } from "../base/events.ts";
import type { Logger } from "../base/logger.ts";
import { Rounds } from "../base/rounds.ts";
import type { LiveModerator } from "../moderation/moderator.ts";
import { loadPolicyGently } from "../moderation/policy/policy-reader.ts";
import type { ConsoleQueries } from "../review/console-queries.ts";
import type { PolicyVersion, PolicyVersionFacts, PolicyVersions } from "../review/policy-versions.ts";
import { type BenchVerdict, type Checked, PolicyBench } from "./policy-bench.ts";
import { type DryRun, dryRun } from "./policy-dry-run.ts";

/** How often each process looks whether another one changed the policy. One row is read. */
const LOOK_MS = 2_000;
const SHIPPED = new URL("../moderation/policy/default-policy.yaml", import.meta.url);

/** `file`: POLICY_FILE rules. `console`: edited there. `built-in`: nothing edited yet. */
export type PolicySource = "file" | "console" | "built-in";

export interface PolicyInForce {
  version: string;
  text: string;
  source: PolicySource;
}

/** The local layers' verdict, and how long it took. */
export interface Tried extends BenchVerdict {
  tookMs: number;
}

export interface PolicyDeskParts {
  versions: PolicyVersions;
  records: Pick<ConsoleQueries, "recordedTexts">;
  /** Judges by the policy in force; is given another one when it changes. */
  moderator: LiveModerator;
  /** POLICY_FILE; then whoever watches that file changes the policy, and nobody saves one here. */
  policyFile: string | null;
  clock: Clock;
  events: Events;
  log: Logger;
}

/** The policy in force, and trying out others. */
export interface PolicyDesk {
  readonly version: string;
  readonly source: PolicySource;
  inForce(): Promise<PolicyInForce>;
  /** The latest first, without their texts. */
  versions(): Promise<PolicyVersionFacts[]>;
  /** Throws `not_found`. */
  get(id: number): Promise<PolicyVersion>;
  /** What the policy in force says of a text now, by the layers in this process. */
  today(
    text: string,
    direction: "question" | "answer",
    signal: AbortSignal,
  ): Promise<{ policyVersion: string; action: string; categories: string[] }>;
  /** Faults of a draft. */
  check(text: string): Promise<Checked>;
  /** Null: by the policy in force. Throws `bad_request` for a faulty draft. */
  tryOut(request: {
    policy: string | null;
    message: string;
    direction: "question" | "answer";
    signal: AbortSignal;
  }): Promise<Tried>;
  /** What a draft would have done to the turns of the last days. One at a time in a process; ends when `signal` is aborted. */
  dryRun(request: { policy: string; days: number; signal: AbortSignal }): Promise<DryRun>;
  /** Puts a draft in force, in every process within some seconds. Throws `PolicyConflict`, `bad_request`. */
  save(request: { text: string; baseVersion: string; by: string; note: string }): Promise<void>;
  /** Puts an older version in force again. Throws `not_found`, `bad_request`. */
  activate(request: { id: number; by: string; reason: string }): Promise<void>;
}

/** A desk that follows what other processes save. */
export class LivePolicyDesk implements PolicyDesk {
  readonly #parts: PolicyDeskParts;
  readonly #bench = new PolicyBench();
  readonly #rounds: Rounds;
  /** The version of the database that is in force here; null: the policy that ships. */
  #active: PolicyVersion | null = null;
  #taking: Promise<void> = Promise.resolve();
  #running = false;
  /** The version that could not be taken, so that it is told once. */
  #rejected: number | null = null;

  constructor(parts: PolicyDeskParts) {
    this.#parts = parts;
    const { clock } = parts;
    this.#rounds = new Rounds({ firstAfterMs: LOOK_MS, everyMs: LOOK_MS, clock, round: () => this.#look() });
  }

  /**
   * Takes the saved policy into use, if the database answers; else the one that ships rules until it does. Goes on looking
   * for changes until `stop`.
   */
  async start(): Promise<void> {
    if (this.#parts.policyFile !== null) return;
    await this.#look();
    this.#rounds.start();
  }

  async stop(): Promise<void> {
    await this.#rounds.stop();
    await this.#bench.stop();
  }

  get version(): string {
    return this.#parts.moderator.policyVersion;
  }

  get source(): PolicySource {
    if (this.#parts.policyFile !== null) return "file";
    return this.#active === null ? "built-in" : "console";
  }

  async inForce(): Promise<PolicyInForce> {
    const { policyFile } = this.#parts;
    if (policyFile === null)
      return { version: this.version, text: this.#active?.text ?? shipped(), source: this.source };
    try {
      return { version: this.version, text: await readFile(policyFile, "utf8"), source: "file" };
    } catch (error) {
      this.#parts.log.warn({ why: describe(error) }, "POLICY_FILE cannot be read for the console");
      return { version: this.version, text: "", source: "file" };
    }
  }

  versions(): Promise<PolicyVersionFacts[]> {
    return this.#parts.versions.list();
  }

  get(id: number): Promise<PolicyVersion> {
    return this.#parts.versions.get(id);
  }

  async today(text: string, direction: "question" | "answer", signal: AbortSignal) {
    const verdict = await this.#judge(text, direction, signal);
    return { policyVersion: verdict.policyVersion, action: verdict.action, categories: [...verdict.categories] };
  }

  check(text: string): Promise<Checked> {
    return this.#bench.check(text);
  }

  async tryOut({ policy, message, direction, signal }: Parameters<PolicyDesk["tryOut"]>[0]): Promise<Tried> {
    const startMs = performance.now();
    const verdict =
      policy === null
        ? await this.#judge(message, direction, signal)
        : (await this.#bench.judge(policy, [{ text: message, direction }]))[0];
    if (verdict === undefined) throw new YingdaError("internal", "The test bench judged nothing.");
    return { ...verdict, tookMs: performance.now() - startMs };
  }

  async dryRun({ policy, days, signal }: Parameters<PolicyDesk["dryRun"]>[0]): Promise<DryRun> {
    if (this.#running) throw new YingdaError("bad_request", "Another dry run is under way; wait for it to end.");
    this.#running = true;
    try {
      const { records, clock } = this.#parts;
      const { text: before } = await this.inForce();
      return await dryRun({ before, after: policy, days, signal }, { records, bench: this.#bench, clock });
    } finally {
      this.#running = false;
    }
  }

  async save({ text, baseVersion, by, note }: Parameters<PolicyDesk["save"]>[0]): Promise<void> {
    this.#refuseWithFile();
    const checked = await this.#bench.check(text);
    if (!checked.ok) throw new YingdaError("bad_request", "The policy has faults; check it first.");
    const { version } = checked;
    const base = { version: await this.#shippedVersion(), text: shipped() };
    await this.#take(await this.#parts.versions.save({ version, text, by, note, baseVersion, shipped: base }));
  }

  async activate(request: { id: number; by: string; reason: string }): Promise<void> {
    this.#refuseWithFile();
    // A version of an older program may name what this one does not know.
    const { text } = await this.#parts.versions.get(request.id);
    const checked = await this.#bench.check(text);
    if (!checked.ok)
      throw new YingdaError("bad_request", "This version has faults for this program; edit and save it.");
    await this.#take(await this.#parts.versions.activate(request));
  }

  #judge(text: string, direction: "question" | "answer", signal: AbortSignal) {
    const { moderator } = this.#parts;
    return moderator.check(text, { direction, audience: moderator.settings.audience, traceId: "console", signal });
  }

  async #shippedVersion(): Promise<string> {
    if (this.#active === null) return this.version;
    const checked = await this.#bench.check(shipped());
    return checked.ok ? checked.version : "";
  }

  #refuseWithFile(): void {
    if (this.#parts.policyFile === null) return;
    throw new YingdaError("bad_request", "POLICY_FILE rules here: change that file, it is read again by itself.");
  }

  async #look(): Promise<void> {
    const { versions, log } = this.#parts;
    try {
      const id = await versions.activeId();
      if (id === null || id === this.#active?.id || id === this.#rejected) return;
      const active = await versions.active();
      if (active !== null) await this.#take(active);
    } catch (error) {
      log.debug({ why: describe(error) }, "the saved policy could not be looked at");
    }
  }

  /** One after the other, so that the one taken last rules. Never rejects. */
  #take(saved: PolicyVersion): Promise<void> {
    this.#taking = this.#taking.then(() => this.#use(saved));
    return this.#taking;
  }

  async #use(saved: PolicyVersion): Promise<void> {
    const { moderator, events, log } = this.#parts;
    if (saved.id === this.#active?.id) return;
    try {
      moderator.usePolicy(await loadPolicyGently(saved.text));
      this.#active = saved;
      this.#rejected = null;
      log.info({ policyVersion: saved.version }, "policy changed");
    } catch (error) {
      this.#rejected = saved.id;
      events.alert(
        "policy_rejected",
        "The policy saved in the console has a fault here; the one before it stays in use.",
        {
          why: describe(error),
        },
      );
    }
  }
}

function shipped(): string {
  return readFileSync(SHIPPED, "utf8");
}
