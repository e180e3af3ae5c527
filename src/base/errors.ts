import { foreignFacts } from "./foreign-errors.ts";

/**
 * Every error that the service makes on purpose. Its `code` is the public promise: answers, logs, metrics and
 * the console rely on it, texts may change.
 */
export const ERROR_STATUS = {
  // what a caller of a callback route did wrong (contract.md, "What a caller gets")
  bad_signature: 403,
  stale_timestamp: 403,
  bad_ciphertext: 403,
  wrong_receiver: 403,
  body_too_large: 413,
  body_timeout: 408,
  malformed_body: 400,
  bad_request: 400,
  channel_not_configured: 404,
  not_found: 404,
  method_not_allowed: 405,
  // what a system of the company did wrong at /api/messages
  bad_token: 401,
  idempotency_conflict: 409,
  rate_limited: 429,
  // what is wrong with us or with what we depend on
  store_unavailable: 503,
  draining: 503,
  record_store_unavailable: 503,
  records_rejected: 500,
  case_conflict: 409,
  bad_config: 500,
  internal: 500,
  // WeCom's active API
  wecom_unreachable: 502,
  wecom_refused: 502,
  wecom_credentials: 502,
  wecom_ip_not_allowed: 502,
  wecom_rate_limited: 502,
  wecom_recipient: 502,
  // the model
  model_unreachable: 502,
  model_overloaded: 503,
  model_refused_request: 502,
  model_timeout: 504,
  model_cut_short: 502,
  model_empty: 502,
  model_cannot_see: 502,
  // the guard model
  guard_unreachable: 502,
  guard_overloaded: 503,
  guard_timeout: 504,
  guard_refused_request: 502,
  guard_nonsense: 502,
  // what members send
  media_refused: 403,
  media_gone: 410,
  media_unreachable: 502,
  media_too_large: 413,
  media_unreadable: 422,
  media_busy: 503,
  document_unreadable: 422,
  document_too_large: 413,
  document_without_text: 422,
  transcription_unavailable: 502,
  transcription_refused: 502,
  // a turn
  lease_lost: 500,
  turn_timeout: 504,
  turn_stopped: 499,
  budget_spent: 429,
} as const;

export type ErrorCode = keyof typeof ERROR_STATUS;

export interface YingdaErrorOptions {
  /** Whether trying the same thing again, later, can help. Default: false. */
  retryable?: boolean;
  /** Do not try again before this many milliseconds, when the other side said so. */
  retryAfterMs?: number;
  /** Numbers and names for the log line. Never a secret, never text that somebody wrote. */
  details?: Record<string, string | number | boolean>;
  cause?: unknown;
}

export class YingdaError extends Error {
  override name = "YingdaError";
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly details: Record<string, string | number | boolean>;

  /** `message` says what happened and what to do, for an engineer; it is never shown to a member. */
  constructor(code: ErrorCode, message: string, options: YingdaErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.retryAfterMs = options.retryAfterMs;
    this.details = options.details ?? {};
  }

  get status(): number {
    return ERROR_STATUS[this.code];
  }
}

/** The code of any thrown thing; what we did not foresee is `internal`. */
export function codeOf(error: unknown): ErrorCode {
  return error instanceof YingdaError ? error.code : "internal";
}

/** A thrown thing as one short line for logs: name or code, and of the message what may be printed; never a stack. */
export function describe(error: unknown): string {
  if (error instanceof YingdaError) return `${error.code}: ${error.message}`;
  if (error instanceof Error) {
    const { name, message } = foreignFacts(error);
    return `${name}: ${message}`;
  }
  return `thrown ${typeof error}`;
}
