import { codeOf, type ErrorCode, YingdaError } from "../../base/errors.ts";

interface Meaning {
  code: ErrorCode;
  /** Whether the same request, later, can succeed; within the deadline it is tried once more. */
  retryable: boolean;
  /**
   * Whether it speaks against the server and counts towards leaving it alone. What a text alone can bring about must not:
   * else one person could switch the guard off for everybody.
   */
  blamesServer: boolean;
  /** What happened and what an operator can do. */
  message: string;
}

const down = { retryable: true, blamesServer: true };
const setUpWrong = { retryable: false, blamesServer: true };
const textWrong = { retryable: false, blamesServer: false };

/** Every way in which a guard gives no judgement. */
const MEANINGS = {
  connection: {
    ...down,
    code: "guard_unreachable",
    message: "The guard did not take the connection or dropped it. Is it running, and is GUARD_BASE_URL right?",
  },
  server_error: {
    ...down,
    code: "guard_unreachable",
    message: "The guard's server answered with an error of its own; see its log.",
  },
  left_alone: {
    retryable: true,
    blamesServer: false,
    code: "guard_unreachable",
    message: "The guard failed several times within a short time and is left alone for some seconds.",
  },
  overloaded: {
    ...down,
    code: "guard_overloaded",
    message: "The guard's server takes no more requests for now; it needs more capacity.",
  },
  too_many_at_once: {
    retryable: true,
    blamesServer: false,
    code: "guard_overloaded",
    message: "Too many judgements are under way in this process; the guard is too slow for what is asked of it.",
  },
  late: {
    retryable: true,
    blamesServer: true,
    code: "guard_timeout",
    message: "The guard did not answer in time; its queue is long or stuck, or its model too large for this.",
  },
  gateway_timeout: {
    ...down,
    code: "guard_timeout",
    message: "The guard's server, or a proxy before it, gave up waiting.",
  },
  credentials: {
    ...setUpWrong,
    code: "guard_refused_request",
    message: "The guard's server does not accept the key; set GUARD_API_KEY.",
  },
  unknown_model: {
    ...setUpWrong,
    code: "guard_refused_request",
    message:
      "The guard's server does not know the route or the model; check GUARD_BASE_URL, GUARD_KIND and GUARD_MODEL.",
  },
  redirected: {
    ...setUpWrong,
    code: "guard_refused_request",
    message: "The guard's server redirects; put the address that it redirects to into GUARD_BASE_URL.",
  },
  bad_request: {
    ...textWrong,
    code: "guard_refused_request",
    message: "The guard's server did not accept the request; does the text fit its context window? See its log.",
  },
  not_json: {
    ...setUpWrong,
    code: "guard_nonsense",
    message: "What answered is not a guard's server: no JSON came. Is GUARD_BASE_URL right, is a proxy in between?",
  },
  not_a_completion: {
    ...setUpWrong,
    code: "guard_nonsense",
    message: "The guard's server sent JSON of another shape than its kind has; check GUARD_KIND.",
  },
  too_long: {
    ...setUpWrong,
    code: "guard_nonsense",
    message: "The guard's reply passed the size limit; what answers at GUARD_BASE_URL?",
  },
  empty: {
    ...textWrong,
    code: "guard_nonsense",
    message:
      "The guard answered without a word. If it reasons: switch that off or check its server's reasoning parser.",
  },
  not_a_verdict: {
    ...textWrong,
    code: "guard_nonsense",
    message: "The guard's words are not a verdict in the form of its kind; is GUARD_KIND right for this model?",
  },
} as const satisfies Record<string, Meaning>;

export type GuardFailureReason = keyof typeof MEANINGS;

export interface GuardFailureFacts {
  endpoint?: string;
  /** HTTP status, where there was one. */
  status?: number;
  /** A code of the network (`ECONNREFUSED`). Never anything that the server wrote. */
  hint?: string;
  retryAfterMs?: number;
}

/** Why there is no judgement. `details.reason` says it for machines. */
export class GuardFailure extends YingdaError {
  override name = "GuardFailure";
  readonly reason: GuardFailureReason;
  readonly blamesServer: boolean;

  constructor(reason: GuardFailureReason, facts: GuardFailureFacts = {}) {
    const { code, retryable, blamesServer, message } = MEANINGS[reason];
    const { retryAfterMs, ...details } = facts;
    super(code, message, {
      retryable,
      details: { reason, ...details },
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
    this.reason = reason;
    this.blamesServer = blamesServer;
  }
}

/** What a chat model's failure means where it serves as a judge. What is no failure of a model is returned as it is. */
export function completionFailure(error: unknown, endpoint: string): unknown {
  const reason = REASON_OF_MODEL_CODE.get(codeOf(error));
  if (reason === undefined) return error;
  const retryAfterMs = error instanceof YingdaError ? error.retryAfterMs : undefined;
  return new GuardFailure(reason, { endpoint, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
}

const REASON_OF_MODEL_CODE = new Map<ErrorCode, GuardFailureReason>([
  ["model_unreachable", "connection"],
  ["model_overloaded", "overloaded"],
  ["model_timeout", "gateway_timeout"],
  ["model_cut_short", "not_a_verdict"],
  ["model_empty", "empty"],
  ["model_refused_request", "bad_request"],
]);
