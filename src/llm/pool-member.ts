import type { Clock } from "../base/clock.ts";
import type { Events } from "../base/events.ts";
import type { Secret } from "../base/secret.ts";
import type { EndpointHealth } from "./chat-model.ts";
import { CircuitBreaker } from "./circuit-breaker.ts";
import { ConcurrencyLimit } from "./concurrency-limit.ts";
import type { Choosable } from "./endpoint-choice.ts";
import { FirstTokenPace } from "./first-token-pace.ts";
import { ModelFailure } from "./model-failure.ts";
import type { ModelLimits } from "./model-limits.ts";
import type { ModelParams } from "./model-params.ts";
import { OpenAiEndpoint } from "./openai-endpoint.ts";
import { ServerLoad } from "./server-load.ts";

export interface PoolMemberOptions {
  /** What logs, metrics and records call it. */
  name: string;
  /** Up to and including `/v1`. */
  baseUrl: string;
  apiKey: Secret | null;
  model: string;
  params: ModelParams;
  limits: ModelLimits;
  events: Pick<Events, "alert">;
  clock: Clock;
}

/** Above this share its cache preempts: sequences are thrown out and computed again. */
const CACHE_FULL_SHARE = 0.95;
/** What the probe asks. One token of answer is enough to know that the server generates; its health page would not tell. */
const PROBE = { messages: [{ role: "user" as const, content: "ping" }], answerTokensMax: 1, userId: "probe" };

/** One endpoint of a pool, with all that this process knows of its state. */
export class PoolMember implements Choosable {
  readonly name: string;
  readonly endpoint: OpenAiEndpoint;
  readonly breaker: CircuitBreaker;
  readonly limit: ConcurrencyLimit;
  readonly pace: FirstTokenPace;
  /** Requests of this process that are running there now. */
  running = 0;
  readonly #load: ServerLoad;
  readonly #options: PoolMemberOptions;

  constructor(options: PoolMemberOptions) {
    const { name, baseUrl, apiKey, limits, clock, events } = options;
    this.name = name;
    this.#options = options;
    const onReasoningInAnswer = (): void => {
      const advice =
        "The model server writes the model's reasoning into its answers. Start it with a reasoning parser; until then answers do not stream.";
      events.alert("model_reasoning_in_answer", advice, { endpoint: name });
    };
    this.endpoint = new OpenAiEndpoint({ ...options, onReasoningInAnswer });
    this.breaker = new CircuitBreaker({ ...limits, clock });
    this.limit = new ConcurrencyLimit({
      startMax: limits.runningStart,
      floor: limits.runningMin,
      ceiling: limits.runningMax,
      queuedFirstTokenMs: limits.queuedFirstTokenMs,
    });
    this.pace = new FirstTokenPace({ ...limits, avoidedMs: limits.slowAvoidedMs, clock });
    this.#load = new ServerLoad({ baseUrl, apiKey, everyMs: limits.loadEveryMs, clock });
  }

  get hasRoom(): boolean {
    return this.running < this.limit.value;
  }

  get load(): number {
    return this.running + this.#load.others;
  }

  get avoided(): boolean {
    const { report } = this.#load;
    const isFull = report !== null && report.waiting > 0 && (report.cacheUsage ?? 0) > CACHE_FULL_SHARE;
    return isFull || this.pace.isAvoided || (this.pace.isOnProbation && this.running > 0);
  }

  refreshLoad(): void {
    this.#load.refresh(() => this.running);
  }

  health(): EndpointHealth {
    const { report } = this.#load;
    return {
      endpoint: this.name,
      ok: this.breaker.isClosed,
      model: this.#options.model,
      running: this.running,
      limit: this.limit.value,
      serverLoad: report === null ? null : report.running + report.waiting,
      avoided: this.avoided,
    };
  }

  /**
   * Tries an endpoint that is left alone with a word of our own, so that no person waits for one that hangs. Whoever calls
   * has entered the breaker. Resolves when the breaker knows the outcome; the failure is handed back to be noted.
   */
  async probe(): Promise<ModelFailure | null> {
    const attempt = { requestId: `probe-${crypto.randomUUID()}`, firstTokenMs: this.#options.limits.probeMs };
    const request = { ...PROBE, conversationId: "probe", traceId: "probe", signal: new AbortController().signal };
    try {
      for await (const event of this.endpoint.stream(request, attempt)) {
        if (event.type === "text") break;
      }
      this.breaker.succeeded();
      return null;
    } catch (error) {
      // A model that used its one token to think has answered well enough.
      if (error instanceof ModelFailure && error.reason === "empty") this.breaker.succeeded();
      else this.breaker.failed();
      return error instanceof ModelFailure && error.reason !== "empty" ? error : null;
    }
  }
}
