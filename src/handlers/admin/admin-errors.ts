import type { Context } from "koa";
import { type ErrorCode, YingdaError } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import { CaseConflict } from "../../review/case-conflict.ts";
import type { CaseRow } from "./api-schema.ts";

/** What only the console's API refuses. Codes are a promise, as those of `ERROR_STATUS`. */
export const ADMIN_ERROR_STATUS = {
  not_signed_in: 401,
  not_allowed: 403,
  bad_csrf: 403,
  policy_conflict: 409,
  too_many_requests: 429,
} as const;
export type AdminErrorCode = keyof typeof ADMIN_ERROR_STATUS;

/** A refusal whose message is for the person at the page: it holds no secret, and nothing that somebody else wrote. */
export class AdminError extends Error {
  override name = "AdminError";
  readonly code: AdminErrorCode;

  constructor(code: AdminErrorCode, message: string) {
    super(message);
    this.code = code;
  }

  get status(): number {
    return ADMIN_ERROR_STATUS[this.code];
  }
}

/** A request that is not as its schema wants it; the message names fields, never values. */
export function badRequest(message: string): YingdaError {
  return new YingdaError("bad_request", message);
}

export function notFound(): YingdaError {
  return new YingdaError("not_found", "There is nothing here.");
}

/** These are written for whoever calls: they name fields, limits and states, and quote nothing. */
const OWN_WORDS: ReadonlySet<ErrorCode> = new Set(["bad_request", "not_found", "case_conflict", "body_too_large"]);

const MESSAGES: Partial<Record<ErrorCode, string>> = {
  body_timeout: "The body took too long.",
  malformed_body: "The body is not JSON.",
  method_not_allowed: "This method is not allowed here.",
  store_unavailable: "Redis is away; try again in a moment.",
  record_store_unavailable: "The database is away or slow; try again in a moment. What you typed is not lost.",
  wecom_unreachable: "WeCom did not answer; try again in a moment.",
  wecom_refused: "WeCom refused; the log says why.",
  wecom_credentials: "WeCom does not accept the app's credentials; an admin has to mend them.",
  wecom_ip_not_allowed: "WeCom does not accept this server's address; an admin has to add it there.",
  wecom_rate_limited: "WeCom takes no more calls right now; try again in a minute.",
  wecom_recipient: "WeCom does not reach this member.",
};

/** What a caller is told about any thrown thing, and the same for the log. Never a stack, a secret or somebody's text. */
export function told(error: unknown): { status: number; code: string; message: string } {
  if (error instanceof AdminError) return { status: error.status, code: error.code, message: error.message };
  if (!(error instanceof YingdaError)) return { status: 500, code: "internal", message: UNFORESEEN };
  const { code, status } = error;
  const message = OWN_WORDS.has(code) ? error.message : (MESSAGES[code] ?? UNFORESEEN);
  return { status, code, message };
}

const UNFORESEEN = "Something went wrong here.";

/** Answers an error as JSON: `{ "error": { "code", "message" } }`, and with a conflict the case as it is now. */
export async function answerError(
  ctx: Context,
  error: unknown,
  parts: { log: Logger; rowOf(conflict: CaseConflict): Promise<CaseRow> },
): Promise<void> {
  const { status, code, message } = told(error);
  ctx.status = status;
  ctx.state.errorCode = code;
  const body = { error: { code, message } };
  ctx.body = error instanceof CaseConflict ? { ...body, ...(await conflictFacts(error, parts)) } : body;
  if (status >= 500 && code !== "store_unavailable" && code !== "record_store_unavailable") {
    parts.log.error({ err: error, path: ctx.path }, "a request of the console failed in our own code");
  }
  if (status === 429) ctx.set("retry-after", "60");
  // The rest of a body that we do not want is not read.
  if (code === "body_too_large" || code === "body_timeout") ctx.set("connection", "close");
}

async function conflictFacts(conflict: CaseConflict, parts: { rowOf(conflict: CaseConflict): Promise<CaseRow> }) {
  const { lastDecision } = conflict;
  return { case: await parts.rowOf(conflict), decision: lastDecision === null ? null : decisionFacts(lastDecision) };
}

/** A decision as the API shows it. `undone` is known only beside the others; see case-bodies.ts. */
function decisionFacts(last: NonNullable<CaseConflict["lastDecision"]>) {
  const { version, move, resolution, reason, note, by, atMs } = last;
  return { version, move, resolution, reason, note, by, atMs, undone: false };
}
