import { signal } from "@preact/signals";
import type { Session } from "../logic/api-types.ts";

/** Talks to the service; whoever calls decides what a failure means on the page. */

/** A database that is busy answers within this; longer is as good as away. */
const CALL_TIMEOUT_MS = 20_000;
/** A dry run reads days of records. */
export const LONG_CALL_MS = 120_000;

export class ApiError extends Error {
  /** 0: no answer came. */
  readonly status: number;
  /** Of the service, or `unreachable`. */
  readonly code: string;
  readonly body: unknown;

  constructor(status: number, code: string, message: string, body: unknown) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.body = body;
  }
}

/** `asking`: not known yet. `away`: the service does not answer. */
export type SessionState =
  | { state: "asking" }
  | { state: "out"; expired: boolean }
  | { state: "away"; error: unknown }
  | { state: "in"; session: Session };

export const session = signal<SessionState>({ state: "asking" });

interface CallOptions {
  timeoutMs?: number;
  /** Goes on when the page is left. */
  keepalive?: boolean;
}

/** Throws `ApiError`. An answer without a body is undefined. */
export async function call<T>(
  method: "GET" | "POST" | "PUT",
  path: string,
  body?: unknown,
  { timeoutMs = CALL_TIMEOUT_MS, keepalive = false }: CallOptions = {},
): Promise<T> {
  const headers: Record<string, string> = {};
  if (session.value.state === "in" && method !== "GET") headers["x-csrf-token"] = session.value.session.csrf;
  if (body !== undefined) headers["content-type"] = "application/json";
  let response: Response;
  let answer: unknown;
  try {
    response = await fetch(`/admin/api${path}`, {
      method,
      headers,
      keepalive,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(keepalive ? {} : { signal: AbortSignal.timeout(timeoutMs) }),
    });
    const text = await response.text();
    answer = text === "" ? undefined : JSON.parse(text);
  } catch (error) {
    throw new ApiError(0, "unreachable", error instanceof Error ? error.message : String(error), undefined);
  }
  if (response.ok) return answer as T;
  const { code, message } = errorOf(answer);
  if (response.status === 401 && session.value.state === "in") session.value = { state: "out", expired: true };
  throw new ApiError(response.status, code, message, answer);
}

export function get<T>(path: string): Promise<T> {
  return call<T>("GET", path);
}

export function post<T>(path: string, body: unknown = {}, options?: CallOptions): Promise<T> {
  return call<T>("POST", path, body, options);
}

export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError(0, "page_fault", error instanceof Error ? error.message : String(error), undefined);
}

function errorOf(answer: unknown): { code: string; message: string } {
  const error = typeof answer === "object" && answer !== null && "error" in answer ? answer.error : undefined;
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  return {
    code: typeof code === "string" ? code : "unknown",
    message: typeof message === "string" ? message : "",
  };
}
