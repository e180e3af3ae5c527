import { randomUUID } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import { YingdaError } from "../base/errors.ts";
import type { Events } from "../base/events.ts";
import type { Secret } from "../base/secret.ts";
import type { ChatEvent, ChatModel, ChatRequest, ChatResult, ModelHealth } from "./chat-model.ts";
import { EndpointTier } from "./endpoint-tier.ts";
import { ModelFailure } from "./model-failure.ts";
import { MODEL_LIMITS, type ModelLimits } from "./model-limits.ts";
import { type ModelParams, NO_PARAMS } from "./model-params.ts";
import { findPlace, type Place } from "./place-search.ts";
import { PoolMember } from "./pool-member.ts";

/** One model and where it is served. */
export interface ServedModel {
  /** One or more, each up to and including `/v1`. All serve the same model. */
  baseUrls: readonly string[];
  /** Sent to all of them; null sends none. */
  apiKey: Secret | null;
  model: string;
}

export interface ModelPoolOptions extends ServedModel {
  /** A smaller model for when the main one is away or full, or a request prefers it. */
  fallback?: ServedModel | null;
  params?: ModelParams;
  events: Pick<Events, "modelAnswered" | "modelFailed" | "alert">;
  clock: Clock;
  limits?: Partial<ModelLimits>;
}

/**
 * A language model served by one or more OpenAI-compatible endpoints.
 *
 * Each endpoint takes so many requests at once as it answers without a queue (`ConcurrencyLimit`); the rest wait here, in a
 * queue that is fair between members, and are told their position. The queue is this process's own: several processes
 * each have one, and share the endpoints by their limits.
 *
 * A conversation keeps to one endpoint while that one is well. When an endpoint fails before it let out any text, the
 * next one is tried; once text is out, a failure is the caller's. No more is sent than one try an endpoint, and one
 * more after an overload or a lost connection, when the wait for it (`retry-after`) fits: retries must not be what
 * keeps a busy server busy.
 *
 * The fallback model answers when every endpoint of the main one is left alone or has failed this request, when a place there
 * has been waited for `fallbackAfterMs`, or when the request prefers it. A request that prefers it goes to the main model
 * when the fallback is away, and does not when it is merely full.
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

/** Where one request stands: what was tried, and since when. */
interface Progress {
  readonly askedMs: number;
  /** When it got its first place: from then on its tries are timed. */
  startedMs: number | null;
  attempts: number;
  readonly tried: Set<PoolMember>;
  /** The last failure that another try might mend. */
  failure: ModelFailure | null;
  /** Where the last try may be repeated: the first that was overloaded or lost the connection. */
  again: { member: PoolMember; tier: EndpointTier; waitMs: number } | null;
}

class ModelPool {
  readonly #options: ModelPoolOptions;
  readonly #limits: ModelLimits;
  readonly #main: EndpointTier;
  readonly #fallback: EndpointTier | null;

  constructor(options: ModelPoolOptions, limits: ModelLimits) {
    this.#options = options;
    this.#limits = limits;
    this.#main = this.#tierOf(options, "OPENAI_BASE_URL", []);
    const { fallback = null } = options;
    const { members } = this.#main;
    this.#fallback = fallback === null ? null : this.#tierOf(fallback, "OPENAI_FALLBACK_BASE_URL", members);
  }

  health(): ModelHealth {
    const tiers = [this.#main, this.#fallback].filter((tier) => tier !== null);
    return {
      endpoints: tiers.flatMap(({ members }) => members.map((member) => member.health())),
      waiting: tiers.reduce((sum, { waiting }) => sum + waiting, 0),
    };
  }

  async *stream(request: ChatRequest): AsyncGenerator<ChatEvent, void, undefined> {
    const progress: Progress = {
      askedMs: this.#options.clock.nowMs(),
      startedMs: null,
      attempts: 0,
      tried: new Set(),
      failure: null,
      again: null,
    };
    const main = { tier: this.#main, alsoAt: this.#fallback };
    const fallback = this.#fallback === null ? [] : [{ tier: this.#fallback, alsoAt: null }];
    const order = request.prefer === "fallback" ? [...fallback, { ...main, alsoAt: null }] : [main, ...fallback];
    for (const { tier, alsoAt } of order) {
      if (yield* this.#answeredBy(tier, alsoAt, request, progress)) return;
    }
    const { again } = progress;
    if (again !== null && this.#leftMs(progress) > again.waitMs) {
      await this.#sleep(again.waitMs, request.signal);
      const others = new Set(again.tier.members.filter((member) => member !== again.member));
      const place = yield* this.#place(again.tier, null, { ...request, urgent: true }, others);
      if (place !== null && (yield* this.#answered(place, request, progress))) return;
    }
    throw progress.failure ?? this.#allLeftAlone();
  }

  /** Tries the endpoints of one tier, each once. False when none of them answered and another tier may. */
  async *#answeredBy(
    tier: EndpointTier,
    alsoAt: EndpointTier | null,
    request: ChatRequest,
    progress: Progress,
  ): AsyncGenerator<ChatEvent, boolean, undefined> {
    while (this.#leftMs(progress) > 0) {
      const place = yield* this.#place(tier, alsoAt, request, progress.tried);
      if (place === null) return false;
      if (yield* this.#answered(place, request, progress)) return true;
    }
    return false;
  }

  #place(
    tier: EndpointTier,
    alsoAt: EndpointTier | null,
    request: ChatRequest,
    tried: ReadonlySet<PoolMember>,
  ): AsyncGenerator<ChatEvent, Place | null, undefined> {
    return findPlace({ request, tier, alsoAt, tried, limits: this.#limits, clock: this.#options.clock });
  }

  /**
   * One try at one endpoint. Resolves to true when the answer is whole, to false when another try may do better; throws what
   * no other try can mend.
   */
  async *#answered(
    place: Place,
    request: ChatRequest,
    progress: Progress,
  ): AsyncGenerator<ChatEvent, boolean, undefined> {
    const { member } = place;
    const startedMs = this.#options.clock.nowMs();
    progress.startedMs ??= startedMs;
    progress.attempts += 1;
    progress.tried.add(member);
    const firstTokenMs = Math.min(this.#limits.firstTokenMs, this.#leftMs(progress));
    const attempt = { requestId: requestIdOf(request.traceId, progress.attempts), firstTokenMs };
    let report: "succeeded" | "failed" | "abstained" = "abstained";
    let textIsOut = false;
    let isOver = false;
    const endTry = (): void => {
      if (isOver) return;
      isOver = true;
      member.breaker[report]();
      place.giveBack();
    };
    try {
      for await (const event of member.endpoint.stream(request, attempt)) {
        if (!textIsOut) this.#noteFirstToken(place, startedMs);
        textIsOut = true;
        if (event.type === "end") {
          report = "succeeded";
          this.#noteAnswer(request, event.result, startedMs - progress.askedMs);
          // The server is done. Whoever reads may take its time over the end, and may need a place for that itself.
          endTry();
        }
        yield event;
      }
      return true;
    } catch (error) {
      if (!(error instanceof ModelFailure)) throw error;
      report = error.blamesEndpoint ? "failed" : "abstained";
      this.#options.events.modelFailed({ traceId: request.traceId, endpoint: member.name, error });
      this.#noteCongestion(place, error, startedMs);
      if (textIsOut || !error.elsewhere) throw error;
      this.#noteFailure(progress, place, error);
      return false;
    } finally {
      endTry();
    }
  }

  #noteFirstToken({ member, tier }: Place, startedMs: number): void {
    const nowMs = this.#options.clock.nowMs();
    // A first word is enough for a server on probation; others need not wait until the answer is over.
    if (!member.breaker.isClosed) member.breaker.succeeded();
    member.limit.firstToken({ startedMs, nowMs, running: member.running });
    member.pace.note(startedMs, nowMs - startedMs, pacesBeside(member, tier));
    tier.pump();
  }

  #noteCongestion({ member, tier }: Place, { reason }: ModelFailure, startedMs: number): void {
    if (reason !== "overloaded" && reason !== "no_first_token") return;
    const nowMs = this.#options.clock.nowMs();
    member.limit.refused({ startedMs, nowMs, running: member.running });
    if (reason === "no_first_token") member.pace.note(startedMs, nowMs - startedMs, pacesBeside(member, tier));
  }

  #noteAnswer(request: ChatRequest, result: ChatResult, waitedMs: number): void {
    this.#options.events.modelAnswered({
      traceId: request.traceId,
      endpoint: result.endpoint,
      model: result.model,
      waitedMs,
      firstTokenMs: result.firstTokenMs,
      ...(result.usage ?? {}),
    });
  }

  #noteFailure(progress: Progress, { member, tier }: Place, failure: ModelFailure): void {
    progress.failure = failure;
    if (progress.again !== null || (failure.reason !== "overloaded" && failure.reason !== "connection")) return;
    const waitMs = (failure.retryAfterMs ?? AGAIN_AFTER_MS) + Math.random() * AGAIN_JITTER_MS;
    if (waitMs <= this.#limits.retryAfterMaxMs + AGAIN_JITTER_MS) progress.again = { member, tier, waitMs };
  }

  /** What is left of the time for all tries; all of it before the first. */
  #leftMs({ startedMs }: Progress): number {
    return (startedMs ?? this.#options.clock.nowMs()) + this.#limits.allTriesMs - this.#options.clock.nowMs();
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
    const retryAfterMs = Math.min(this.#main.waitMs, this.#fallback?.waitMs ?? Number.POSITIVE_INFINITY);
    return new ModelFailure("left_alone", { endpoint: "all", retryAfterMs });
  }

  #tierOf(served: ServedModel, setting: string, known: readonly PoolMember[]): EndpointTier {
    const { params = NO_PARAMS, events, clock } = this.#options;
    const baseUrls = [...new Set(served.baseUrls.map((baseUrl) => plainUrl(baseUrl, setting)))];
    if (baseUrls.length === 0) {
      throw new YingdaError("bad_config", `${setting} names no endpoint; for example http://gpu-1:8000/v1`);
    }
    const taken = new Set(known.map(({ name }) => name));
    const { apiKey, model } = served;
    const members = baseUrls.map((baseUrl) => {
      const place = endpointName(baseUrl);
      // One server may serve both models.
      const name = taken.has(place) ? `${place} (${model})` : place;
      return new PoolMember({ name, baseUrl, apiKey, model, params, limits: this.#limits, events, clock });
    });
    return new EndpointTier(members, { queueMax: this.#limits.queueMax, events });
  }
}

/** Before the one repeated try, where the server did not say how long to wait. */
const AGAIN_AFTER_MS = 500;
/** So that turned-away requests do not come back in step. */
const AGAIN_JITTER_MS = 500;

function pacesBeside(member: PoolMember, { members }: EndpointTier): PoolMember["pace"][] {
  return members.filter((other) => other !== member).map(({ pace }) => pace);
}

function plainUrl(baseUrl: string, setting: string): string {
  const url = URL.parse(baseUrl.trim());
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== "" || url.search !== "") {
    throw new YingdaError(
      "bad_config",
      `${setting} must be plain http(s) addresses, comma-separated, without user, password or query; for example http://gpu-1:8000/v1`,
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
