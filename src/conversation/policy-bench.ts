import { Worker } from "node:worker_threads";
import { YingdaError } from "../base/errors.ts";
import type { Decision } from "../moderation/verdict.ts";

/** What the thread needs at most for one request: compiling a policy of some megabytes, or judging one batch. */
const REQUEST_TIMEOUT_MS = 30_000;
/** Nobody at the bench: its thread ends, and its memory with it. */
const IDLE_MS = 60_000;
/** Requests under way; a page that sends on without waiting is refused before they fill the memory. */
const PENDING_MAX = 8;
/** Of the thread alone; a draft whose lexicon needs more is refused, and the service goes on. */
const HEAP_MB = 512;

export interface BenchText {
  text: string;
  direction: "question" | "answer";
}

export type BenchVerdict = Pick<Decision, "action" | "flagged" | "categories" | "severity" | "reasons" | "signals">;

export type BenchRequest =
  | { kind: "check"; policy: string }
  | { kind: "judge"; policy: string; texts: readonly BenchText[] };

export interface BenchAnswer {
  id: number;
  result:
    | { kind: "checked"; version: string }
    | { kind: "judged"; verdicts: BenchVerdict[] }
    /** The draft cannot be used: a line for each fault. */
    | { kind: "faulty"; faults: string }
    | { kind: "broken" };
}

interface Pending {
  resolve(result: BenchAnswer["result"]): void;
  reject(error: Error): void;
  timer: NodeJS.Timeout;
}

export type Checked = { ok: true; version: string } | { ok: false; faults: string[] };

/**
 * Where drafts of policies are tried. In a thread of its own: a draft is anybody's text, may be megabytes long and full of
 * patterns, and must neither hold up the callbacks that WeCom wants answered nor take the service's memory.
 * A thread that does not answer in time is ended, and what waited for it fails with `bad_request`.
 */
export class PolicyBench {
  readonly #pending = new Map<number, Pending>();
  #worker: Worker | null = null;
  #idle: NodeJS.Timeout | null = null;
  #lastId = 0;

  /** Whether a draft can be used; its faults, each led by its place. Throws `bad_request` when nothing can be said. */
  async check(policy: string): Promise<Checked> {
    const result = await this.#ask({ kind: "check", policy });
    if (result.kind === "checked") return { ok: true, version: result.version };
    if (result.kind === "faulty") return { ok: false, faults: linesOf(result.faults) };
    throw cannot("The policy could not be checked.");
  }

  /** The draft's verdicts on texts, in their order, by the layers in this process. Throws `bad_request` for a faulty draft. */
  async judge(policy: string, texts: readonly BenchText[]): Promise<BenchVerdict[]> {
    const result = await this.#ask({ kind: "judge", policy, texts });
    if (result.kind === "judged") return result.verdicts;
    throw cannot("The policy has faults; check it first.");
  }

  async stop(): Promise<void> {
    await this.#end(cannot("The service is shutting down."));
  }

  #ask(request: BenchRequest): Promise<BenchAnswer["result"]> {
    if (this.#pending.size >= PENDING_MAX) {
      throw cannot("The test bench is busy; try again in a moment.");
    }
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#idle = null;
    this.#worker ??= this.#start();
    this.#lastId += 1;
    const id = this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<BenchAnswer["result"]>();
    const timer = setTimeout(
      () => void this.#end(cannot("The policy takes too long to judge by.")),
      REQUEST_TIMEOUT_MS,
    );
    this.#pending.set(id, { resolve, reject, timer });
    this.#worker.postMessage({ id, request });
    return promise;
  }

  #start(): Worker {
    const worker = new Worker(new URL("./policy-bench-worker.ts", import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
    // An idle bench keeps no process alive.
    worker.unref();
    worker.on("message", ({ id, result }: BenchAnswer) => this.#settle(id, result));
    const died = (): void => {
      if (this.#worker === worker) void this.#end(cannot("The policy needs too much memory, or broke the test bench."));
    };
    worker.on("error", died);
    worker.on("exit", died);
    return worker;
  }

  #settle(id: number, result: BenchAnswer["result"]): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (pending === undefined) return;
    clearTimeout(pending.timer);
    pending.resolve(result);
    if (this.#pending.size > 0) return;
    this.#idle = setTimeout(() => void this.#end(cannot("The test bench is closed.")), IDLE_MS);
    this.#idle.unref();
  }

  async #end(error: YingdaError): Promise<void> {
    const worker = this.#worker;
    this.#worker = null;
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#idle = null;
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(error);
    }
    this.#pending.clear();
    await worker?.terminate();
  }
}

/** The message of a faulty policy is a headline, and a line for each fault. */
function linesOf(faults: string): string[] {
  const [, ...lines] = faults.split("\n");
  return lines.map((line) => line.trim()).filter((line) => line !== "");
}

function cannot(message: string): YingdaError {
  return new YingdaError("bad_request", message);
}
