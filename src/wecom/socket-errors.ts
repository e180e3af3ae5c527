import { YingdaError, type YingdaErrorOptions } from "../base/errors.ts";

/** Errcodes of the long connection that its user acts on (wecom-protocol 5.8). None is in an official table. */
export const BAD_SECRET = 853_000;
const RATE_LIMITED = 846_607;
export const NOT_SUBSCRIBED = 846_609;
/** The callback's req_id takes no reply any more: wrong kind or too old, used up by a card, the stream's time is over. */
const WINDOW_OVER: ReadonlySet<number> = new Set([846_605, 846_606, 846_608]);
/** 846607 asks for a minute (5.8). */
const RATE_LIMIT_BLOCK_MS = 60_000;
const AGAIN_AFTER_MS = 1_000;

/** True when the same text may still be sent as a message of its own. */
export function isWindowOver(errcode: number | undefined): boolean {
  return errcode !== undefined && WINDOW_OVER.has(errcode);
}

/** What an ack's errcode means. Decided by the number alone. */
export function socketFailure(cmd: string, errcode: number): YingdaError {
  const fail = (
    code: "wecom_refused" | "wecom_rate_limited" | "wecom_unreachable",
    says: string,
    options: YingdaErrorOptions,
  ) => new YingdaError(code, `${says} (${cmd}: errcode ${errcode})`, { ...options, details: { call: cmd, errcode } });
  switch (errcode) {
    case RATE_LIMITED:
    case 45009:
      return fail("wecom_rate_limited", "the conversation's messages of this minute or hour are used up", {
        retryable: true,
        retryAfterMs: RATE_LIMIT_BLOCK_MS,
      });
    case NOT_SUBSCRIBED:
      return fail("wecom_unreachable", "the connection is not subscribed", {
        retryable: true,
        retryAfterMs: AGAIN_AFTER_MS,
      });
    case -1:
      return fail("wecom_unreachable", "WeCom is busy", { retryable: true, retryAfterMs: AGAIN_AFTER_MS });
    default:
      return fail("wecom_refused", "WeCom refused the frame", {});
  }
}
