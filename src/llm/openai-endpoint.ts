import { createHash } from "node:crypto";
import OpenAI, { APIError } from "openai";
import type { Clock } from "../base/clock.ts";
import type { Secret } from "../base/secret.ts";
import { AnswerReader } from "./answer-reader.ts";
import { boundedFetch } from "./bounded-fetch.ts";
import type { ChatEvent, ChatRequest } from "./chat-model.ts";
import { type FailureReason, failureOf, ModelFailure } from "./model-failure.ts";
import type { ModelLimits } from "./model-limits.ts";
import { Watchdog } from "./watchdog.ts";

export interface EndpointOptions {
  /** What logs, metrics and records call it. */
  name: string;
  /** Up to and including `/v1`. */
  baseUrl: string;
  apiKey: Secret | null;
  model: string;
  limits: ModelLimits;
  clock: Clock;
  /** Called once, when this endpoint's reasoning was seen in its answer: its server lacks a reasoning parser. */
  onReasoningInAnswer: () => void;
}

/** One attempt at one endpoint. */
export interface Attempt {
  /** Sent as `x-request-id`, which vLLM takes as the request's id: unique for each attempt. */
  requestId: string;
  /** Time left for the first token. */
  firstTokenMs: number;
}

/**
 * One OpenAI-compatible endpoint (vLLM, SGLang, llama.cpp, hosted ones), through the `openai` client. The client is silent about most ways
 * in which a stream goes wrong: it ends normally on a cut, on an abort and on SGLang's flat errors, and its time-out ends at the headers.
 * So deadlines, limits and the judgement whether an answer is whole are made here.
 */
export class OpenAiEndpoint {
  readonly name: string;
  readonly #options: EndpointOptions;
  readonly #client: OpenAI;
  /** What this server turned out not to take; learned once, from a 400 that names the field. */
  readonly #dialect = { streamOptions: true, tokenLimitField: "max_tokens" as "max_tokens" | "max_completion_tokens" };
  /** This server's chat template opens the reasoning in the prompt, and nothing on the server takes it out. */
  #startsInside = false;
  #reportedReasoning = false;

  constructor(options: EndpointOptions) {
    this.name = options.name;
    this.#options = options;
    this.#client = new OpenAI({
      baseURL: options.baseUrl,
      apiKey: options.apiKey?.reveal() ?? null,
      // The client would read these from the environment.
      adminAPIKey: null,
      organization: null,
      project: null,
      webhookSecret: null,
      logLevel: "off",
      // The pool retries, before the first token only and within a budget.
      maxRetries: 0,
      // Ours comes first; the client's must never be the one that decides.
      timeout: options.limits.firstTokenMs + CLIENT_TIMEOUT_SURPLUS_MS,
      fetch: boundedFetch(options.limits.streamBytesMax, options.name),
      defaultHeaders: options.apiKey === null ? { authorization: null } : {},
    });
  }

  /**
   * Streams one answer. Throws `ModelFailure`, and the signal's reason when aborted. However the caller leaves, by `break`, by a throw or by
   * the signal, the request is closed upstream.
   */
  async *stream(request: ChatRequest, attempt: Attempt): AsyncGenerator<ChatEvent, void, undefined> {
    const { limits, clock } = this.#options;
    request.signal.throwIfAborted();
    const upstream = new AbortController();
    const closeUpstream = () => upstream.abort();
    request.signal.addEventListener("abort", closeUpstream, { once: true });
    const reader = new AnswerReader({
      endpoint: this.name,
      answerBytesMax: limits.answerBytesMax,
      startsInside: this.#startsInside,
    });
    let late: FailureReason | undefined;
    let firstTextMs: number | undefined;
    let firstSignMs: number | undefined;
    const watchdog = new Watchdog(() => {
      // The answer is whole once it has finished; only the figures after it are late.
      if (reader.finishReason === undefined) late = firstSignMs === undefined ? "no_first_token" : "stalled";
      upstream.abort();
    });
    const startedMs = clock.nowMs();
    watchdog.wait(attempt.firstTokenMs);
    try {
      for await (const event of this.#events(request, attempt, upstream.signal)) {
        const { text, alive } = reader.read(event);
        if (text !== "") {
          firstTextMs ??= clock.nowMs() - startedMs;
          watchdog.rest();
          yield { type: "text", text };
          request.signal.throwIfAborted();
        }
        if (alive) firstSignMs ??= clock.nowMs() - startedMs;
        if (reader.finishReason !== undefined) watchdog.wait(limits.afterFinishMs);
        else if (alive) watchdog.wait(limits.betweenTokensMs);
        this.#limitReasoning(firstSignMs, firstTextMs, clock.nowMs() - startedMs);
      }
      // The client ends its loop quietly when aborted.
      request.signal.throwIfAborted();
      if (late !== undefined) throw new ModelFailure(late, { endpoint: this.name });
      const finishReason = reader.assertWhole();
      this.#learnFrom(reader);
      yield {
        type: "end",
        result: {
          finishReason,
          model: this.#options.model,
          endpoint: this.name,
          ...(reader.usage === undefined ? {} : { usage: reader.usage }),
          firstTokenMs: firstTextMs ?? clock.nowMs() - startedMs,
        },
      };
    } finally {
      watchdog.stop();
      request.signal.removeEventListener("abort", closeUpstream);
      upstream.abort();
    }
  }
}
