import { YingdaError } from "../base/errors.ts";
import { fileNameOf } from "./file-name.ts";
import { mediaRefused, mediaTooLarge } from "./media-errors.ts";

/** A file that a member sent. */
export interface MediaFile {
  bytes: Buffer;
  /** As `fileNameOf` cleans it; null when the server gave none. */
  fileName: string | null;
}

export type Fetch = typeof globalThis.fetch;

export interface Timeouts {
  /** Connecting, sending and waiting for the answer's first byte. */
  answerMs: number;
  /** All of it, the answer's body included. */
  wholeMs: number;
}

export const DEFAULT_TIMEOUTS: Timeouts = { answerMs: 8_000, wholeMs: 12_000 };
/** A file of 20 MB takes its time over a slow line. */
export const FILE_TIMEOUTS: Timeouts = { answerMs: 8_000, wholeMs: 60_000 };
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

interface HttpRequest {
  fetch: Fetch;
  url: URL;
  timeouts: Timeouts;
  signal: AbortSignal;
}

export interface JsonRequest extends HttpRequest {
  /** A JSON text, or a form: makes it a POST. Without it, a GET. */
  body?: string | FormData;
}

export interface FileRequest extends HttpRequest {
  bytesMax: number;
}

/**
 * One HTTP request, no redirects followed, one JSON object back; null for an empty body. URLs carry tokens here, so
 * errors never hold one, nor anything that was received.
 * @throws YingdaError `wecom_unreachable` (retryable; `details.sent` says whether WeCom may have acted on it) or
 *   `wecom_refused` for an answer that is not WeCom's; the signal's own reason when the caller aborted.
 */
export async function exchangeJson(request: JsonRequest): Promise<Record<string, unknown> | null> {
  const { body } = request;
  // A form's boundary is named by whoever writes it out.
  const headers = body instanceof FormData ? {} : { "content-type": "application/json; charset=utf-8" };
  return exchange(request, body === undefined ? {} : { method: "POST", body, headers }, async (response) => {
    const text = await readText(response);
    checkStatus(response.status);
    return parseObject(text);
  });
}

/**
 * A GET that gives a file, or a JSON object where WeCom refuses (wecom-protocol 3.5). Otherwise as `exchangeJson`.
 * @throws YingdaError also `media_too_large` for more than `bytesMax` bytes, `media_refused` for a compressed answer.
 */
export async function exchangeFile(request: FileRequest): Promise<MediaFile | Record<string, unknown> | null> {
  return exchange(request, { headers: { "accept-encoding": "identity" } }, async (response) => {
    const disposition = response.headers.get("content-disposition");
    // A refusal has no name; a file has one, and may be a text or JSON as well.
    const isRefusal = disposition === null && /json|text/i.test(response.headers.get("content-type") ?? "");
    if (isRefusal || !response.ok) {
      const text = await readText(response);
      checkStatus(response.status);
      return parseObject(text);
    }
    // `fetch` would unpack it, to anything.
    if (response.headers.has("content-encoding")) throw mediaRefused("encoding");
    const bytes = await readBytes(response, request.bytesMax, () => mediaTooLarge(request.bytesMax));
    return { bytes, fileName: fileNameOf(disposition) };
  });
}

async function exchange<T>(
  { fetch, url, timeouts, signal }: HttpRequest,
  init: RequestInit,
  read: (response: Response) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  const whole = setTimeout(() => late.abort(), timeouts.wholeMs);
  const answer = setTimeout(() => late.abort(), timeouts.answerMs);
  try {
    const response = await fetch(url, {
      method: "GET",
      redirect: "manual",
      signal: AbortSignal.any([signal, late.signal]),
      ...init,
    });
    clearTimeout(answer);
    try {
      return await read(response);
    } catch (error) {
      // A body that nobody reads would hold its connection.
      if (!response.bodyUsed) await response.body?.cancel().catch(() => undefined);
      throw error;
    }
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
  const tooLong = () => new YingdaError("wecom_refused", "the answer is larger than any of WeCom's");
  return (await readBytes(response, ANSWER_BYTES_MAX, tooLong)).toString("utf8");
}

async function readBytes(response: Response, bytesMax: number, tooLong: () => YingdaError): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop by the error cancels the body, and with it the connection.
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) throw tooLong();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
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
