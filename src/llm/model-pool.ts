import { randomUUID } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import { YingdaError } from "../base/errors.ts";
import type { Events } from "../base/events.ts";
import type { Secret } from "../base/secret.ts";
import type { ChatEvent, ChatModel, ChatRequest } from "./chat-model.ts";
import { CircuitBreaker } from "./circuit-breaker.ts";
import { endpointOrder } from "./endpoint-choice.ts";
import { ModelFailure } from "./model-failure.ts";
import { MODEL_LIMITS, type ModelLimits } from "./model-limits.ts";
import { OpenAiEndpoint } from "./openai-endpoint.ts";

export interface ModelPoolOptions {
  /** One or more, each up to and including `/v1`. All serve the same model. */
  baseUrls: readonly string[];
  /** Sent to all of them; null sends none. */
  apiKey: Secret | null;
  model: string;
  events: Pick<Events, "modelAnswered" | "modelFailed" | "alert">;
  clock: Clock;
  limits?: Partial<ModelLimits>;
}

/**
 * A language model served by one or more OpenAI-compatible endpoints.
 *
 * A conversation keeps to one endpoint while that one is well. When an endpoint fails before it let out any text, the
 * next one is tried; once text is out, a failure is the caller's. No more is sent than one try an endpoint, and one
 * more after an overload or a lost connection, when the wait for it (`retry-after`) fits: retries must not be what
 * keeps a busy server busy.
 *
 * Throws `bad_config` when a base URL is not a plain http(s) address.
 */
export function createModelPool(options: ModelPoolOptions): ChatModel {
  const pool = new ModelPool(options, { ...MODEL_LIMITS, ...options.limits });
  return {
    stream: (request) => pool.stream(request),
    health: () => pool.health(),
  };
}

interface Member {
  name: string;
  endpoint: OpenAiEndpoint;
  breaker: CircuitBreaker;
  /** Requests of this process that are running there now. */
  running: number;
}

/** Where one request stands: what was tried, and when it began. */
interface Progress {
  readonly startedMs: number;
  attempts: number;
  /** The last failure that another try might mend. */
  failure: ModelFailure | null;
  /** Where the last try may be repeated: the first that was overloaded or lost the connection. */
  again: { member: Member; waitMs: number } | null;
}

class ModelPool {
  readonly #options: ModelPoolOptions;
  readonly #limits: ModelLimits;
  readonly #members: Member[];

  constructor(options: ModelPoolOptions, limits: ModelLimits) {
    this.#options = options;
    this.#limits = limits;
    this.#members = [...new Set(options.baseUrls.map(plainUrl))].map((baseUrl) => this.#memberAt(baseUrl));
    if (this.#members.length === 0) {
      throw new YingdaError("bad_config", "OPENAI_BASE_URL names no endpoint; for example http://gpu-1:8000/v1");
    }
  }

  health(): { endpoint: string; ok: boolean }[] {
    return this.#members.map(({ name, breaker }) => ({ endpoint: name, ok: breaker.isClosed }));
  }

  async *stream(request: ChatRequest): AsyncGenerator<ChatEvent, void, undefined> {
    const progress: Progress = { startedMs: this.#options.clock.nowMs(), attempts: 0, failure: null, again: null };
    for (const member of endpointOrder(this.#members, request.conversationId)) {
      if (yield* this.#answered(member, request, progress)) return;
    }
    const { again } = progress;
    if (again !== null && this.#leftMs(progress) > again.waitMs) {
      await this.#sleep(again.waitMs, request.signal);
      if (yield* this.#answered(again.member, request, progress)) return;
    }
    throw progress.failure ?? this.#allLeftAlone();
  }

  /**
   * One try at one endpoint, when it is not left alone and time is left. Resolves to true when the answer is whole, to
   * false when another try may do better; throws what no other try can mend.
   */
  async *#answered(
    member: Member,
    request: ChatRequest,
    progress: Progress,
  ): AsyncGenerator<ChatEvent, boolean, undefined> {
    const firstTokenMs = Math.min(this.#limits.firstTokenMs, this.#leftMs(progress));
    if (firstTokenMs <= 0 || !member.breaker.enter()) return false;
    progress.attempts += 1;
    const attempt = { requestId: requestIdOf(request.traceId, progress.attempts), firstTokenMs };
    let report: "succeeded" | "failed" | "abstained" = "abstained";
    let textIsOut = false;
    member.running += 1;
    try {
      for await (const event of member.endpoint.stream(request, attempt)) {
        if (event.type === "end") this.#noteAnswer(request, event.result);
        // A first word is enough for a server on probation; others need not wait until the answer is over.
        if (!textIsOut && !member.breaker.isClosed) member.breaker.succeeded();
        if (event.type === "end") report = "succeeded";
        textIsOut = true;
        yield event;
      }
      return true;
    } catch (error) {
      if (!(error instanceof ModelFailure)) throw error;
      report = error.blamesEndpoint ? "failed" : "abstained";
      this.#options.events.modelFailed({ traceId: request.traceId, endpoint: member.name, error });
      if (textIsOut || !error.elsewhere) throw error;
      this.#noteFailure(progress, member, error);
      return false;
    } finally {
      member.running -= 1;
      member.breaker[report]();
    }
  }

  #noteAnswer(request: ChatRequest, result: Extract<ChatEvent, { type: "end" }>["result"]): void {
    this.#options.events.modelAnswered({
      traceId: request.traceId,
      endpoint: result.endpoint,
      model: result.model,
      firstTokenMs: result.firstTokenMs,
      ...(result.usage ?? {}),
    });
  }

  #noteFailure(progress: Progress, member: Member, failure: ModelFailure): void {
    progress.failure = failure;
    if (progress.again !== null || (failure.reason !== "overloaded" && failure.reason !== "connection")) return;
    const waitMs = (failure.retryAfterMs ?? AGAIN_AFTER_MS) + Math.random() * AGAIN_JITTER_MS;
    if (waitMs <= this.#limits.retryAfterMaxMs + AGAIN_JITTER_MS) progress.again = { member, waitMs };
  }

  #leftMs(progress: Progress): number {
    return progress.startedMs + this.#limits.allTriesMs - this.#options.clock.nowMs();
  }

  async #sleep(ms: number, signal: AbortSignal): Promise<void> {
    try {
      await this.#options.clock.sleep(ms, signal);
    } finally {
      // Node's timer rejects with an AbortError of its own; callers were promised the signal's reason.
      signal.throwIfAborted();
    }
  }

  #allLeftAlone(): ModelFailure {
    const retryAfterMs = Math.min(...this.#members.map(({ breaker }) => breaker.waitMs));
    return new ModelFailure("left_alone", { endpoint: "all", retryAfterMs });
  }

  #memberAt(baseUrl: string): Member {
    const { apiKey, model, clock, events } = this.#options;
    const name = endpointName(baseUrl);
    const onReasoningInAnswer = () =>
      events.alert(
        "model_reasoning_in_answer",
        "The model server writes the model's reasoning into its answers. Start it with a reasoning parser; until then answers do not stream.",
        { endpoint: name },
      );
    return {
      name,
      endpoint: new OpenAiEndpoint({ name, baseUrl, apiKey, model, limits: this.#limits, clock, onReasoningInAnswer }),
      breaker: new CircuitBreaker({ ...this.#limits, clock }),
      running: 0,
    };
  }
}

/** Before the one repeated try, where the server did not say how long to wait. */
const AGAIN_AFTER_MS = 500;
/** So that turned-away requests do not come back in step. */
const AGAIN_JITTER_MS = 500;

function plainUrl(baseUrl: string): string {
  const url = URL.parse(baseUrl.trim());
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== "" || url.search !== "") {
    throw new YingdaError(
      "bad_config",
      "OPENAI_BASE_URL must be plain http(s) addresses, comma-separated, without user, password or query; for example http://gpu-1:8000/v1",
    );
  }
  return url.href.replace(/\/+$/, "");
}

/** `host:port`, and the path where it says more than `/v1`. */
function endpointName(baseUrl: string): string {
  const { host, pathname } = new URL(baseUrl);
  return `${host}${pathname.replace(/\/(v1\/?)?$/, "")}`;
}

/** Traceable in the model server's log, and unique: vLLM takes it as the id of the running request. */
function requestIdOf(traceId: string, attempt: number): string {
  return `${traceId.replace(/[^\w.:-]/g, "_").slice(0, 80)}-${attempt}-${randomUUID().slice(0, 8)}`;
}
