import type { Clock } from "../base/clock.ts";
import type { Secret } from "../base/secret.ts";

/** What a model server says of itself. */
export interface LoadReport {
  /** Requests that it works on, and requests in its own queue. */
  running: number;
  waiting: number;
  /** Share of its key-value cache in use, 0 to 1; null where it does not say. */
  cacheUsage: number | null;
}

/** vLLM and SGLang; a server with several engines has a line for each. Names change with versions, so aliases are read. */
const RUNNING = ["vllm:num_requests_running", "sglang:num_running_reqs"];
const WAITING = ["vllm:num_requests_waiting", "sglang:num_queue_reqs"];
const CACHE_USAGE = ["vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc", "sglang:token_usage"];

/** Reads Prometheus text. Null when it is not that of a model server. */
export function readLoad(text: string): LoadReport | null {
  const running = valuesOf(text, RUNNING);
  if (running.length === 0) return null;
  const usage = valuesOf(text, CACHE_USAGE);
  return {
    running: sum(running),
    waiting: sum(valuesOf(text, WAITING)),
    cacheUsage: usage.length === 0 ? null : Math.max(...usage),
  };
}

function valuesOf(text: string, names: readonly string[]): number[] {
  const values: number[] = [];
  for (const line of text.split("\n")) {
    const name = names.find((one) => line.startsWith(one) && /^[\s{]/.test(line.slice(one.length)));
    if (name === undefined) continue;
    const value = Number(/(?:\}|\s)\s*([\d.eE+-]+)(?:\s+\d+)?\s*$/.exec(line)?.[1]);
    if (value >= 0 && Number.isFinite(value)) values.push(value);
  }
  return values;
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}

/** A server that says nothing for so long is not waited for: requests go on without its figures. */
const ANSWER_MS_MAX = 1_000;
/** vLLM's page has some hundred kilobytes; a page without end would fill memory. */
const PAGE_BYTES_MAX = 2 * 1024 * 1024;
/** A server that has no such page, as hosted ones have not, is asked again this seldom. */
const ASK_AGAIN_MS = 600_000;
/** After a failure, which may pass. */
const ASK_AFTER_FAILURE_MS = 30_000;
/** Figures older than so many intervals speak of another time. */
const INTERVALS_FRESH = 3;

export interface ServerLoadOptions {
  /** Of the endpoint; its origin and `/metrics` is asked, with the endpoint's key. */
  baseUrl: string;
  apiKey: Secret | null;
  /** No more often than this. */
  everyMs: number;
  clock: Clock;
}

/**
 * The load of one model server as it tells it on `/metrics`, which knows of requests by other processes too. Nothing waits
 * for it and nothing fails with it: without the page an endpoint's load is what we sent there ourselves.
 */
export class ServerLoad {
  readonly #options: ServerLoadOptions;
  #report: (LoadReport & { atMs: number; ours: number }) | null = null;
  #askAtMs = Number.NEGATIVE_INFINITY;
  #asking = false;

  constructor(options: ServerLoadOptions) {
    this.#options = options;
  }

  /** The newest figures; null when there are none or they are old. */
  get report(): LoadReport | null {
    const { clock, everyMs } = this.#options;
    const report = this.#report;
    return report === null || clock.nowMs() - report.atMs > everyMs * INTERVALS_FRESH ? null : report;
  }

  /** Requests there that are not ours. */
  get others(): number {
    const { report } = this;
    return report === null ? 0 : Math.max(0, report.running + report.waiting - (this.#report?.ours ?? 0));
  }

  /** Asks the server when its figures are due; at most one request at a time. `ours`: how many of ours it has right now. */
  refresh(ours: () => number): void {
    const nowMs = this.#options.clock.nowMs();
    if (this.#asking || nowMs < this.#askAtMs) return;
    this.#asking = true;
    this.#askAtMs = nowMs + this.#options.everyMs;
    void this.#ask(ours).finally(() => {
      this.#asking = false;
    });
  }

  async #ask(ours: () => number): Promise<void> {
    const { baseUrl, apiKey, clock } = this.#options;
    try {
      const response = await fetch(new URL("/metrics", baseUrl), {
        redirect: "manual",
        signal: AbortSignal.timeout(ANSWER_MS_MAX),
        headers: apiKey === null ? {} : { authorization: `Bearer ${apiKey.reveal()}` },
      });
      const report = response.ok ? readLoad(await boundedText(response)) : null;
      if (!response.ok) await response.body?.cancel();
      if (response.status >= 500) throw new Error("the page may come back");
      if (report === null) this.#askAtMs = clock.nowMs() + ASK_AGAIN_MS;
      this.#report = report === null ? null : { ...report, atMs: clock.nowMs(), ours: ours() };
    } catch {
      this.#askAtMs = clock.nowMs() + ASK_AFTER_FAILURE_MS;
    }
  }
}

async function boundedText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    // What is left unread is closed with the loop.
    if (bytes > PAGE_BYTES_MAX) return "";
    text += decoder.decode(chunk, { stream: true });
  }
  return text;
}
