import { APIConnectionError, APIError, OpenAIError } from "openai";
import { networkCodeOf, retryAfterMsOf } from "../base/http-faults.ts";
import { type FailureReason, ModelFailure } from "./model-failure.ts";

/** What the client library, or the network below it, threw. Anything else is returned as it is: a fault of ours. */
export function failureOf(error: unknown, endpoint: string, responseBegan: boolean): unknown {
  if (error instanceof ModelFailure) return error;
  if (error instanceof APIConnectionError) {
    return new ModelFailure("connection", { endpoint, ...hintOf(networkCodeOf(error)) });
  }
  if (error instanceof APIError) {
    if (typeof error.status === "number") return failureOfStatus(error.status, error, error.headers, endpoint);
    return failureOfErrorEvent(error.error, endpoint);
  }
  // Broken JSON, and the library's own objections to a response.
  if (error instanceof SyntaxError || error instanceof OpenAIError) return new ModelFailure("malformed", { endpoint });
  const code = networkCodeOf(error);
  // A reset in mid-stream arrives as a bare `TypeError: terminated`, with the socket's error as its cause.
  if (code !== undefined || isTerminated(error)) {
    return new ModelFailure(responseBegan ? "cut" : "connection", { endpoint, ...hintOf(code) });
  }
  return error;
}

/**
 * An error that came as an event of the stream, after the 200: `{"error":{…}}` or SGLang's flat
 * `{"object":"error","message":…,"code":503}` (its overload and its refusals arrive so).
 */
export function failureOfErrorEvent(error: unknown, endpoint: string): ModelFailure {
  const facts = errorFacts(error);
  const status = facts.status ?? STATUS_OF_TYPE.get(facts.type.toLowerCase());
  if (status !== undefined) return failureOfStatus(status, error, undefined, endpoint);
  return new ModelFailure("gave_up", { endpoint, ...hintOf(facts.type) });
}

/** Error types of vLLM, SGLang, OpenAI and Anthropic, where they come without a status. */
const STATUS_OF_TYPE = new Map([
  ["badrequesterror", 400],
  ["invalid_request_error", 400],
  ["authentication_error", 401],
  ["permission_error", 403],
  ["notfounderror", 404],
  ["rate_limit_error", 429],
  ["internalservererror", 500],
  ["server_error", 500],
  ["overloaded_error", 529],
]);

function failureOfStatus(status: number, error: unknown, headers: Headers | undefined, endpoint: string): ModelFailure {
  const facts = errorFacts(error);
  const retryAfterMs = retryAfterMsOf(headers);
  return new ModelFailure(reasonOfStatus(status, facts), {
    endpoint,
    status,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...hintOf(facts.type),
  });
}

function reasonOfStatus(status: number, facts: ErrorFacts): FailureReason {
  if (status >= 300 && status < 400) return "redirected";
  switch (status) {
    case 401:
    case 403:
      return "credentials";
    case 404:
    case 405:
    case 501:
      return "unknown_model";
    case 408:
    case 504:
      return "no_first_token";
    case 413:
      return "prompt_too_long";
    case 429:
      return facts.code === "insufficient_quota" || facts.type === "insufficient_quota" ? "quota" : "overloaded";
    // vLLM and SGLang refuse with 503 when their queue is full, some gateways with 529.
    case 503:
    case 529:
      return "overloaded";
    default:
      if (CANNOT_SEE.test(facts.message)) return "cannot_see";
      if (status >= 500) return "server_error";
      return facts.code === "context_length_exceeded" || TOO_LONG.test(facts.message)
        ? "prompt_too_long"
        : "bad_request";
  }
}

/** How vLLM, SGLang, llama.cpp and OpenAI say that a prompt does not fit. Only read, never passed on. */
const TOO_LONG =
  /context (length|window|size)|maximum (model|input|allowed) length|max_model_len|prompt is too long|longer than/i;

/** How vLLM, SGLang, llama.cpp, Ollama and OpenAI say that a model takes no pictures; llama.cpp with a 500. */
const CANNOT_SEE =
  /not a multimodal model|no multimodal (data|input)|image input is not supported|does not support (image|vision|multimodal)|image_url.{0,60}(not supported|unsupported|only supported)|(unsupported|invalid) content type.{0,40}image|mmproj/i;

interface ErrorFacts {
  status?: number;
  code: string;
  type: string;
  message: string;
}

function errorFacts(error: unknown): ErrorFacts {
  if (typeof error !== "object" || error === null) return { code: "", type: "", message: "" };
  const fields: { code?: unknown; type?: unknown; message?: unknown } = error;
  const code = typeof fields.code === "string" || typeof fields.code === "number" ? String(fields.code) : "";
  const status = Number(code);
  return {
    ...(Number.isInteger(status) && status >= 300 && status <= 599 ? { status } : {}),
    code,
    type: typeof fields.type === "string" ? fields.type : "",
    message: typeof fields.message === "string" ? fields.message.slice(0, 2_000) : "",
  };
}

function isTerminated(error: unknown): boolean {
  return error instanceof Error && (error.message === "terminated" || error.message === "fetch failed");
}

function hintOf(word: string | undefined): { hint?: string } {
  return word === undefined || word === "" ? {} : { hint: word };
}
