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
  queue_full: {
    ...down,
    elsewhere: false,
    blamesEndpoint: false,
    code: "model_overloaded",
    message: "Too many requests wait for the model already; it needs more capacity, or fewer people at once.",
  },
  waited_too_long: {
    ...down,
    elsewhere: false,
    blamesEndpoint: false,
    code: "model_overloaded",
    message: "No place at the model became free in time; it needs more capacity, or fewer people at once.",
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
    message: "The model server refused the request as invalid; see its log for the field, and MODEL_PARAMS.",
  },
  prompt_too_long: {
    ...requestWrong,
    code: "model_refused_request",
    message:
      "The prompt is longer than the model's window; lower MODEL_CONTEXT_TOKENS to what the server was started with.",
  },
  cannot_see: {
    ...requestWrong,
    code: "model_cannot_see",
    message: "The model reads text only; set MODEL_VISION=no, or serve a model that sees pictures.",
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

/** Types and codes are identifiers; whatever else a server puts there might be a sentence with somebody's words. */
function shortWord(word: string): string {
  return /^[\w.:-]{1,60}$/.test(word) ? word : "other";
}
