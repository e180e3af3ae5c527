import { APIConnectionError, APIError } from "openai";
import { type ErrorCode, YingdaError } from "../base/errors.ts";

interface Meaning {
  code: ErrorCode;
  /** Whether the same request, later, can succeed. */
  retryable: boolean;
  /** Whether another endpoint may answer what this one did not. */
  elsewhere: boolean;
  /** Whether it speaks against the endpoint, and counts towards leaving it alone. */
  blamesEndpoint: boolean;
  /** What happened and what an operator can do. */
  message: string;
}

const down = { retryable: true, elsewhere: true, blamesEndpoint: true };
const setUpWrong = { retryable: false, elsewhere: true, blamesEndpoint: true };
const requestWrong = { retryable: false, elsewhere: false, blamesEndpoint: false };

/** Every way in which a model endpoint fails a turn, and what follows from it. */
const MEANINGS = {
  connection: {
    ...down,
    code: "model_unreachable",
    message: "The model server did not take the connection or dropped it. Is it running, and is OPENAI_BASE_URL right?",
  },
  server_error: {
    ...down,
    code: "model_unreachable",
    message: "The model server answered with an error of its own; see its log.",
  },
  left_alone: {
    ...down,
    blamesEndpoint: false,
    code: "model_unreachable",
    message: "Every model endpoint failed several times in a row and is left alone for some seconds.",
  },
  overloaded: {
    ...down,
    blamesEndpoint: false,
    code: "model_overloaded",
    message: "The model server takes no more requests for now; it needs more capacity, or fewer people at once.",
  },
  quota: {
    ...setUpWrong,
    code: "model_overloaded",
    message: "The model account's quota is used up.",
  },
  no_first_token: {
    ...down,
    code: "model_timeout",
    message: "The model did not begin to answer in time; its queue is long or stuck.",
  },
  stalled: {
    ...down,
    code: "model_timeout",
    message: "The model stopped in the middle of its answer and did not go on in time.",
  },
  reasoning_too_long: {
    ...requestWrong,
    retryable: true,
    code: "model_timeout",
    message: "The model reasoned for too long; limit or switch off its reasoning on the model server.",
  },
  cut: {
    ...down,
    code: "model_cut_short",
    message: "The model's answer ended without a finish reason; the server, or a proxy before it, cut it off.",
  },
  gave_up: {
    ...down,
    blamesEndpoint: false,
    code: "model_cut_short",
    message: "The model server gave the request up while answering it.",
  },
  malformed: {
    ...down,
    code: "model_cut_short",
    message: "The model server sent something that is not a chat completion stream.",
  },
  answer_too_long: {
    ...requestWrong,
    code: "model_cut_short",
    message: "The model's answer passed the size limit; does the server honour max_tokens?",
  },
  empty: {
    ...down,
    blamesEndpoint: false,
    code: "model_empty",
    message:
      "The model finished without a word of answer. If it only reasoned: raise its token limit, or check the server's reasoning parser.",
  },
  bad_request: {
    ...requestWrong,
    code: "model_refused_request",
    message: "The model server refused the request as invalid; see its log for the field.",
  },
  prompt_too_long: {
    ...requestWrong,
    code: "model_refused_request",
    message:
      "The prompt is longer than the model's window; lower MODEL_CONTEXT_TOKENS to what the server was started with.",
  },
  credentials: {
    ...setUpWrong,
    code: "model_refused_request",
    message: "The model server refused the key; check OPENAI_API_KEY.",
  },
  unknown_model: {
    ...setUpWrong,
    code: "model_refused_request",
    message: "The model server knows no such model or route; check OPENAI_MODEL and that OPENAI_BASE_URL ends in /v1.",
  },
  redirected: {
    ...setUpWrong,
    code: "model_refused_request",
    message:
      "The model server redirects; put the final address into OPENAI_BASE_URL (prompts are not sent after a redirect).",
  },
  not_a_stream: {
    ...setUpWrong,
    retryable: true,
    code: "model_unreachable",
    message: "Something that is not a model server answered; check OPENAI_BASE_URL and any proxy on the way.",
  },
} satisfies Record<string, Meaning>;

export type FailureReason = keyof typeof MEANINGS;

export interface FailureFacts {
  endpoint: string;
  status?: number;
  retryAfterMs?: number;
  /** A short word from the other side: an error code of the network, a finish reason. Never free text. */
  hint?: string;
}

/**
 * A failed try at one endpoint. Carries no text of the server: error messages of model servers quote the prompt.
 */
export class ModelFailure extends YingdaError {
  readonly reason: FailureReason;
  readonly elsewhere: boolean;
  readonly blamesEndpoint: boolean;

  constructor(reason: FailureReason, facts: FailureFacts) {
    const meaning: Meaning = MEANINGS[reason];
    super(meaning.code, meaning.message, {
      retryable: meaning.retryable,
      ...(facts.retryAfterMs === undefined ? {} : { retryAfterMs: facts.retryAfterMs }),
      details: {
        endpoint: facts.endpoint,
        reason,
        ...(facts.status === undefined ? {} : { status: facts.status }),
        ...(facts.hint === undefined ? {} : { hint: shortWord(facts.hint) }),
      },
    });
    this.reason = reason;
    this.elsewhere = meaning.elsewhere;
    this.blamesEndpoint = meaning.blamesEndpoint;
  }
}

/** What the client library, or the network below it, threw. Anything else is returned as it is: a fault of ours. */
export function failureOf(error: unknown, endpoint: string, responseBegan: boolean): unknown {
  if (error instanceof ModelFailure) return error;
  if (error instanceof APIConnectionError) {
    return new ModelFailure("connection", { endpoint, ...hintOf(networkCode(error)) });
  }
  if (error instanceof APIError) {
    if (typeof error.status === "number") return failureOfStatus(error.status, error, error.headers, endpoint);
    return failureOfErrorEvent(error.error, endpoint);
  }
  if (error instanceof SyntaxError) return new ModelFailure("malformed", { endpoint });
  const code = networkCode(error);
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
  const status = facts.status ?? STATUS_OF_TYPE[facts.type.toLowerCase()];
  if (status !== undefined) return failureOfStatus(status, error, undefined, endpoint);
  return new ModelFailure("gave_up", { endpoint, ...hintOf(facts.type) });
}

const STATUS_OF_TYPE: Record<string, number> = {
  badrequesterror: 400,
  invalid_request_error: 400,
  notfounderror: 404,
  authentication_error: 401,
  permission_error: 403,
  rate_limit_error: 429,
  overloaded_error: 529,
  internalservererror: 500,
  server_error: 500,
};

function failureOfStatus(status: number, error: unknown, headers: Headers | undefined, endpoint: string): ModelFailure {
  const facts = errorFacts(error);
  const retryAfterMs = retryAfterOf(headers);
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
      if (status >= 500) return "server_error";
      return facts.code === "context_length_exceeded" || TOO_LONG.test(facts.message)
        ? "prompt_too_long"
        : "bad_request";
  }
}

/** How vLLM, SGLang, llama.cpp and OpenAI say that a prompt does not fit. Only read, never passed on. */
const TOO_LONG =
  /context (length|window|size)|maximum (model|input|allowed) length|max_model_len|prompt is too long|longer than/i;

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

/** Longer waits than this are a mistake or an attack; the caller gets this much. */
const RETRY_AFTER_MAX_MS = 600_000;

/** `retry-after-ms`, or `retry-after` in seconds or as a date. */
function retryAfterOf(headers: Headers | undefined): number | undefined {
  const ms = Number(headers?.get("retry-after-ms") ?? Number.NaN);
  if (ms >= 0) return Math.min(ms, RETRY_AFTER_MAX_MS);
  const text = headers?.get("retry-after");
  if (text === null || text === undefined || text === "") return undefined;
  const seconds = Number(text);
  const waitMs = Number.isNaN(seconds) ? Date.parse(text) - Date.now() : seconds * 1000;
  return Number.isNaN(waitMs) ? undefined : Math.min(Math.max(waitMs, 0), RETRY_AFTER_MAX_MS);
}

function isTerminated(error: unknown): boolean {
  return error instanceof TypeError && (error.message === "terminated" || error.message === "fetch failed");
}

/** The network's own code (`ECONNREFUSED`, `UND_ERR_SOCKET`), somewhere down the causes. */
function networkCode(error: unknown): string | undefined {
  let at = error;
  for (let depth = 0; depth < 5 && typeof at === "object" && at !== null; depth += 1) {
    const { code, cause }: { code?: unknown; cause?: unknown } = at;
    if (typeof code === "string" && /^(E[A-Z]|UND_ERR_|ERR_)/.test(code)) return code;
    at = cause;
  }
  return undefined;
}

function hintOf(word: string | undefined): { hint?: string } {
  return word === undefined || word === "" ? {} : { hint: word };
}

/** Types and codes are identifiers; whatever else a server puts there might be a sentence with somebody's words. */
function shortWord(word: string): string {
  return /^[\w.:-]{1,60}$/.test(word) ? word : "other";
}
