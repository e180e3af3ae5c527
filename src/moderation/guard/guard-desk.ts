import { randomUUID } from "node:crypto";
import { abortAfter, type Clock } from "../../base/clock.ts";
import { YingdaError } from "../../base/errors.ts";
import type { Exchange, Reading } from "./adapter.ts";
import { cutMiddle } from "./cut-middle.ts";
import type { Guard, GuardJudgement, GuardKind, GuardOptions, GuardRequest } from "./guard.ts";
import { GuardBreaker, type Pass } from "./guard-breaker.ts";
import { GuardFailure } from "./guard-failure.ts";
import type { GuardLimits } from "./guard-limits.ts";

/** One try. */
export interface GuardAttempt {
  /** Unique for each try, traceable in the server's log. */
  requestId: string;
  signal: AbortSignal;
}

export interface GuardDeskOptions {
  kind: GuardKind;
  /** What health, logs and metrics call it. */
  endpoint: string;
  model: string;
  limits: GuardLimits;
  events: GuardOptions["events"];
  clock: Clock;
}

/** Asks once. Throws `GuardFailure`, and the signal's reason when aborted. */
export type Ask = (exchange: Exchange, attempt: GuardAttempt) => Promise<Reading>;

/**
 * What all kinds of guards have in common: the text's limits, the deadline, the second try, the number under way, the
 * breaker, and what is told about it.
 */
export class GuardDesk implements Guard {
  readonly #options: GuardDeskOptions;
  readonly #ask: Ask;
  readonly #breaker: GuardBreaker;
  #inFlight = 0;

  constructor(options: GuardDeskOptions, ask: Ask) {
    this.#options = options;
    this.#ask = ask;
    this.#breaker = new GuardBreaker({ ...options.limits, clock: options.clock });
  }

  health(): { endpoint: string; ok: boolean } {
    return { endpoint: this.#options.endpoint, ok: this.#breaker.isClosed };
  }

  async judge(request: GuardRequest): Promise<GuardJudgement> {
    request.signal.throwIfAborted();
    const { kind, endpoint, model, events, clock, limits } = this.#options;
    const exchange = exchangeOf(request, limits);
    if (exchange[exchange.direction].trim() === "") return { level: "safe", categories: [], model, tookMs: 0 };

    const startedMs = clock.nowMs();
    const about = { traceId: request.traceId, endpoint, kind, direction: request.direction };
    try {
      const reading = await this.#judgement(request, exchange);
      const tookMs = clock.nowMs() - startedMs;
      const { level, categories } = reading;
      events.guardAnswered({ ...about, level, categories, tookMs });
      return { ...reading, model, tookMs };
    } catch (error) {
      request.signal.throwIfAborted();
      events.guardFailed({ ...about, tookMs: clock.nowMs() - startedMs, error });
      throw error;
    }
  }

  /** One judgement within the limits; tells the breaker what came of it. */
  async #judgement(request: GuardRequest, exchange: Exchange): Promise<Reading> {
    const { endpoint, limits, clock } = this.#options;
    if (this.#inFlight >= limits.inFlightMax) throw new GuardFailure("too_many_at_once", { endpoint });
    const pass = this.#breaker.enter();
    if (pass === null) throw new GuardFailure("left_alone", { endpoint, retryAfterMs: this.#breaker.waitMs });

    const leftMs = request.direction === "question" ? limits.questionMs : limits.answerMs;
    const deadline = abortAfter(leftMs, clock, () => new GuardFailure("late", { endpoint }));
    const signal = AbortSignal.any([request.signal, deadline.signal]);
    this.#inFlight += 1;
    try {
      const reading = await this.#tries(request, exchange, {
        signal,
        endMs: clock.nowMs() + leftMs,
        // A probe is one request: the server may be down on its knees.
        triesMax: pass.isProbe ? 1 : limits.triesMax,
      });
      pass.succeeded();
      return reading;
    } catch (error) {
      this.#report(pass, error);
      throw error;
    } finally {
      this.#inFlight -= 1;
      deadline.cancel();
    }
  }

  async #tries(
    request: GuardRequest,
    exchange: Exchange,
    { signal, endMs, triesMax }: { signal: AbortSignal; endMs: number; triesMax: number },
  ): Promise<Reading> {
    const { clock } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      try {
        const requestId = requestIdOf(request.traceId, attempt);
        return await orAborted(this.#ask(exchange, { requestId, signal }), signal);
      } catch (error) {
        signal.throwIfAborted();
        if (attempt >= triesMax || !(error instanceof GuardFailure) || !error.retryable) throw error;
        const waitMs = Math.max(error.retryAfterMs ?? 0, AGAIN_AFTER_MS + Math.random() * AGAIN_JITTER_MS);
        if (clock.nowMs() + waitMs >= endMs) throw error;
        await clock.sleep(waitMs, signal);
      }
    }
  }

  #report(pass: Pass, error: unknown): void {
    if (!(error instanceof GuardFailure) || !error.blamesServer) {
      pass.abstained();
      return;
    }
    if (!pass.failed()) return;
    const { endpoint, events } = this.#options;
    events.alert("guard_away", `The guard failed several times and is left alone for a while. ${error.message}`, {
      endpoint,
      code: error.code,
      reason: error.reason,
    });
  }
}

/** Before the second try, where the server did not say how long to wait. */
const AGAIN_AFTER_MS = 40;
/** So that turned-away requests do not come back in step. */
const AGAIN_JITTER_MS = 40;

function exchangeOf(request: GuardRequest, limits: GuardLimits): Exchange {
  const { direction, audience, question, answer } = request;
  if (direction === "question") {
    return { direction, audience, question: cutMiddle(question, limits.questionUnitsMax), answer: "" };
  }
  if (answer === undefined) {
    throw new YingdaError("internal", "An answer is to be judged but was not given; pass `answer`.");
  }
  return {
    direction,
    audience,
    question: cutMiddle(question, limits.contextUnitsMax),
    answer: cutMiddle(answer, limits.answerUnitsMax),
  };
}

/** Settles as `work` does, or rejects with the signal's reason as soon as it is aborted, whatever `work` does about it. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/** vLLM takes it as the id of the running request. */
function requestIdOf(traceId: string, attempt: number): string {
  return `${traceId.replace(/[^\w.:-]/g, "_").slice(0, 80)}-guard-${attempt}-${randomUUID().slice(0, 8)}`;
}
