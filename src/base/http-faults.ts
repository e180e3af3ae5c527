/** Longer waits than this are a mistake or an attack; the caller gets this much. */
const RETRY_AFTER_MAX_MS = 600_000;
/** Causes of causes; a chain that goes on is a ring. */
const CAUSES_MAX = 5;

/** What a server asks to wait: `retry-after-ms`, or `retry-after` in seconds or as a date. */
export function retryAfterMsOf(headers: Headers | undefined, nowMs = Date.now()): number | undefined {
  const ms = Number(headers?.get("retry-after-ms") ?? Number.NaN);
  if (ms >= 0) return Math.min(ms, RETRY_AFTER_MAX_MS);
  const text = headers?.get("retry-after");
  if (text === null || text === undefined || text === "") return undefined;
  const seconds = Number(text);
  const waitMs = Number.isNaN(seconds) ? Date.parse(text) - nowMs : seconds * 1000;
  return Number.isNaN(waitMs) ? undefined : Math.min(Math.max(waitMs, 0), RETRY_AFTER_MAX_MS);
}

/**
 * The code of the network, the HTTP parser or the decompressor (`ECONNREFUSED`, `UND_ERR_SOCKET`), somewhere down the
 * causes. Messages are not used: they may quote the address.
 */
export function networkCodeOf(error: unknown): string | undefined {
  let at = error;
  for (let depth = 0; depth < CAUSES_MAX && typeof at === "object" && at !== null; depth += 1) {
    const { code, cause }: { code?: unknown; cause?: unknown } = at;
    if (typeof code === "string" && /^(E[A-Z]|UND_ERR_|ERR_|HPE_|Z_)/.test(code)) return code;
    at = cause;
  }
  return undefined;
}
