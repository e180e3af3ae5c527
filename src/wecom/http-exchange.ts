import { YingdaError } from "../base/errors.ts";

export type Fetch = typeof globalThis.fetch;

export interface Timeouts {
  /** Connecting, sending and waiting for the answer's first byte. */
  answerMs: number;
  /** All of it, the answer's body included. */
  wholeMs: number;
}

export const DEFAULT_TIMEOUTS: Timeouts = { answerMs: 8_000, wholeMs: 12_000 };
/** How long a call is tried again while WeCom is busy or away: three tries within some seconds (wecom-protocol 3.8). */
export const PATIENCE = { triesMax: 3, firstWaitMs: 400, waitMaxMs: 3_000 };
/** WeCom's JSON answers are a few kilobytes; what is longer comes from somewhere else and is not worth the memory. */
const ANSWER_BYTES_MAX = 1024 * 1024;
/** The peer was never reached, so the request has certainly not been carried out. */
const NEVER_SENT = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ENETUNREACH",
  "EHOSTUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);

export interface JsonRequest {
  fetch: Fetch;
  url: URL;
  /** A JSON text: makes it a POST. Without it, a GET. */
  body?: string;
  timeouts: Timeouts;
  signal: AbortSignal;
}

/**
 * One HTTP request, no redirects followed, one JSON object back; null for an empty body. URLs carry tokens here, so
 * errors never hold one, nor anything that was received.
 * @throws YingdaError `wecom_unreachable` (retryable; `details.sent` says whether WeCom may have acted on it) or
 *   `wecom_refused` for an answer that is not WeCom's; the signal's own reason when the caller aborted.
 */
export async function exchangeJson(request: JsonRequest): Promise<Record<string, unknown> | null> {
  const { timeouts, signal } = request;
  const late = new AbortController();
  const whole = setTimeout(() => late.abort(), timeouts.wholeMs);
  const answer = setTimeout(() => late.abort(), timeouts.answerMs);
  try {
    const response = await request.fetch(request.url, {
      method: request.body === undefined ? "GET" : "POST",
      redirect: "manual",
      signal: AbortSignal.any([signal, late.signal]),
      ...(request.body === undefined
        ? {}
        : { body: request.body, headers: { "content-type": "application/json; charset=utf-8" } }),
    });
    clearTimeout(answer);
    const text = await readText(response);
    checkStatus(response.status);
    return parseObject(text);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof YingdaError) throw error;
    throw unreachable(late.signal.aborted ? "timeout" : networkCode(error));
  } finally {
    clearTimeout(answer);
    clearTimeout(whole);
  }
}

async function readText(response: Response): Promise<string> {
  if (response.body === null) return "";
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop by the error cancels the body, and with it the connection.
  for await (const chunk of response.body) {
    bytes += chunk.byteLength;
    if (bytes > ANSWER_BYTES_MAX) throw new YingdaError("wecom_refused", "the answer is larger than any of WeCom's");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function checkStatus(status: number): void {
  if (status >= 200 && status < 300) return;
  const details = { status };
  if (status >= 500 || status === 429) {
    throw new YingdaError("wecom_unreachable", `WeCom answered with HTTP status ${status}`, {
      retryable: true,
      details,
    });
  }
  throw new YingdaError(
    "wecom_refused",
    `an answer with HTTP status ${status}, which WeCom's API does not give; check WECOM_API_BASE`,
    { details },
  );
}

function parseObject(text: string): Record<string, unknown> | null {
  if (text.trim() === "") return null;
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    parsed = undefined;
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new YingdaError("wecom_unreachable", "the answer is not a JSON object; a proxy may have written it", {
      retryable: true,
    });
  }
  return { ...parsed };
}

function unreachable(network: string): YingdaError {
  const why = network === "timeout" ? "did not answer in time" : `could not be reached (${network})`;
  return new YingdaError("wecom_unreachable", `WeCom ${why}`, {
    retryable: true,
    details: { network, sent: NEVER_SENT.has(network) ? "no" : "perhaps" },
  });
}

/** The system's name for what happened, from fetch's error or what is behind it. Its message may quote the URL. */
function networkCode(error: unknown): string {
  for (let at = error, depth = 0; at instanceof Error && depth < 4; at = at.cause, depth += 1) {
    const code = (at as NodeJS.ErrnoException).code;
    if (typeof code === "string") return code;
  }
  return "network error";
}
