import { createHash } from "node:crypto";
import type OpenAI from "openai";
import { APIError } from "openai";
import type { Clock } from "../base/clock.ts";
import type { Secret } from "../base/secret.ts";
import { AnswerReader } from "./answer-reader.ts";
import type { ChatEvent, ChatMessage, ChatRequest } from "./chat-model.ts";
import { failureOf } from "./failure-of.ts";
import { type FailureReason, ModelFailure } from "./model-failure.ts";
import type { ModelLimits } from "./model-limits.ts";
import type { ModelParams } from "./model-params.ts";
import { openAiClient } from "./openai-client.ts";
import { Watchdog } from "./watchdog.ts";

export interface EndpointOptions {
  /** What logs, metrics and records call it. */
  name: string;
  /** Up to and including `/v1`. */
  baseUrl: string;
  apiKey: Secret | null;
  model: string;
  params: ModelParams;
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
 * One OpenAI-compatible endpoint (vLLM, SGLang, llama.cpp, hosted ones), through the `openai` client. The client is
 * silent about most ways in which a stream goes wrong: it ends normally on a cut, on an abort and on SGLang's flat
 * errors, and its time-out ends at the headers. So deadlines, limits and the judgement whether an answer is whole are
 * made here.
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
    // The pool retries, before the first token only and within a budget.
    this.#client = openAiClient({
      ...options,
      timeoutMs: options.limits.firstTokenMs,
      bytesMax: options.limits.streamBytesMax,
    });
  }

  /**
   * Streams one answer. Throws `ModelFailure`, and the signal's reason when aborted. However the caller leaves, by
   * `break`, by a throw or by the signal, the request is closed upstream, so the GPU stops.
   */
  async *stream(request: ChatRequest, attempt: Attempt): AsyncGenerator<ChatEvent, void, undefined> {
    request.signal.throwIfAborted();
    const { limits, clock } = this.#options;
    const startedMs = clock.nowMs();
    const sinceStartMs = () => clock.nowMs() - startedMs;
    const reader = this.#newReader();
    let firstSignMs: number | undefined;
    let firstTextMs: number | undefined;
    let late: FailureReason | undefined;

    const upstream = new AbortController();
    const closeUpstream = () => upstream.abort();
    request.signal.addEventListener("abort", closeUpstream, { once: true });
    const watchdog = new Watchdog(() => {
      if (reader.finishReason === undefined) late = firstSignMs === undefined ? "no_first_token" : "stalled";
      closeUpstream();
    });
    watchdog.wait(attempt.firstTokenMs);
    try {
      for await (const event of this.#events(request, attempt, reader, upstream.signal)) {
        const wasFinished = reader.finishReason !== undefined;
        const { text, alive } = reader.read(event);
        if (alive) firstSignMs ??= sinceStartMs();
        if (text !== "") {
          firstTextMs ??= sinceStartMs();
          // The caller's time is not the model's: nothing is late while it works on this piece.
          watchdog.rest();
          yield { type: "text", text };
          request.signal.throwIfAborted();
        }
        if (reader.finishReason === undefined) {
          if (alive) watchdog.wait(limits.betweenTokensMs);
          this.#limitReasoning(firstSignMs, firstTextMs, sinceStartMs());
        } else if (!wasFinished) {
          watchdog.wait(limits.afterFinishMs);
        }
      }
      request.signal.throwIfAborted();
      if (late !== undefined) throw new ModelFailure(late, { endpoint: this.name });
      const finishReason = reader.assertWhole();
      this.#learnFrom(reader);
      const result = { finishReason, model: this.#options.model, endpoint: this.name };
      const usage = reader.usage === undefined ? {} : { usage: reader.usage };
      yield { type: "end", result: { ...result, ...usage, firstTokenMs: firstTextMs ?? sinceStartMs() } };
    } finally {
      watchdog.stop();
      request.signal.removeEventListener("abort", closeUpstream);
      closeUpstream();
    }
  }

  /**
   * The stream's events as the client parsed them. Ends quietly when we closed it, as the client does, and when the
   * answer had finished before the connection failed: whoever reads decides what the end means.
   */
  async *#events(
    request: ChatRequest,
    attempt: Attempt,
    reader: AnswerReader,
    signal: AbortSignal,
  ): AsyncGenerator<unknown, void, undefined> {
    let responseBegan = false;
    try {
      const { data, response } = await this.#open(request, attempt, signal);
      responseBegan = true;
      const type = response.headers.get("content-type") ?? "";
      // A page of a proxy, a whole JSON body, or none at all is not going to become a stream.
      if (response.body === null || /html|json/i.test(type))
        throw new ModelFailure("not_a_stream", { endpoint: this.name, status: response.status });
      yield* data;
    } catch (error) {
      if (signal.aborted || reader.finishReason !== undefined) return;
      throw failureOf(error, this.name, responseBegan);
    }
  }

  async #open(request: ChatRequest, attempt: Attempt, signal: AbortSignal) {
    const headers = {
      "x-request-id": attempt.requestId,
      // For a router in front of several model servers: the same conversation, the same prefix cache. Hashed, since it
      // names people.
      "x-session-id": createHash("sha256").update(request.conversationId).digest("hex").slice(0, 32),
    };
    for (;;) {
      const body = this.#body(request);
      try {
        return await this.#client.chat.completions.create(body, { signal, headers }).withResponse();
      } catch (error) {
        if (!this.#learnDialect(error, body)) throw error;
      }
    }
  }

  /** Ours are fields that every server knows: some answer 400 to a field that they do not. */
  #body(request: ChatRequest): OpenAI.ChatCompletionCreateParamsStreaming {
    const { general, byChannel } = this.#options.params;
    return {
      ...general,
      ...(request.channel === undefined ? {} : byChannel[request.channel]),
      model: this.#options.model,
      messages: request.messages.map(wireMessage),
      [this.#dialect.tokenLimitField]: request.answerTokensMax,
      stream: true,
      ...(this.#dialect.streamOptions ? { stream_options: { include_usage: true } } : {}),
    };
  }

  /**
   * True when a 400 named a field of `sent` that can be said otherwise or left out. Each changes once, so this ends.
   */
  #learnDialect(error: unknown, sent: OpenAI.ChatCompletionCreateParamsStreaming): boolean {
    if (!(error instanceof APIError) || (error.status !== 400 && error.status !== 422)) return false;
    const complaint = `${error.param ?? ""} ${error.message}`;
    if ("stream_options" in sent && /stream_options|include_usage/.test(complaint)) {
      this.#dialect.streamOptions = false;
      return true;
    }
    if ("max_tokens" in sent && complaint.includes("max_completion_tokens")) {
      this.#dialect.tokenLimitField = "max_completion_tokens";
      return true;
    }
    return false;
  }

  #newReader(): AnswerReader {
    return new AnswerReader({
      endpoint: this.name,
      answerBytesMax: this.#options.limits.answerBytesMax,
      startsInside: this.#startsInside,
    });
  }

  #limitReasoning(firstSignMs: number | undefined, firstTextMs: number | undefined, nowMs: number): void {
    if (firstSignMs === undefined || firstTextMs !== undefined) return;
    if (nowMs - firstSignMs > this.#options.limits.reasoningMs) {
      throw new ModelFailure("reasoning_too_long", { endpoint: this.name });
    }
  }

  #learnFrom(reader: AnswerReader): void {
    this.#startsInside = reader.sawLoneClose;
    if (!reader.sawLoneClose || this.#reportedReasoning) return;
    this.#reportedReasoning = true;
    this.#options.onReasoningInAnswer();
  }
}

/** Pictures as content parts; a message without any as the plain text that every server takes. */
function wireMessage({ role, content, images = [] }: ChatMessage): OpenAI.ChatCompletionMessageParam {
  if (role !== "user" || images.length === 0) return { role, content };
  const pictures = images.map(({ mimeType, base64 }) => ({
    type: "image_url" as const,
    image_url: { url: `data:${mimeType};base64,${base64}` },
  }));
  return { role, content: content === "" ? pictures : [...pictures, { type: "text", text: content }] };
}
