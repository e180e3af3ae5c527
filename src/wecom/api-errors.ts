import { type ErrorCode, YingdaError, type YingdaErrorOptions } from "../base/errors.ts";

/** WeCom's errcodes that the client itself acts on (wecom-protocol 3.8). */
export const OK = 0;
export const UNICODE_ESCAPE = 40033;
/** A login's code that is unknown, too old or used (wecom-protocol 8.2). */
export const LOGIN_CODE_OVER = 40029;
/** A media id that never was, or is older than three days (wecom-protocol 3.5). */
export const MEDIA_ID_OVER = 40007;
/** A file over 20 MB is given in parts only. */
export const MEDIA_OVER_20_MB = 830002;
/** The token has ended, perhaps early: fetch one, repeat once. */
export const TOKEN_ERRCODES: ReadonlySet<number> = new Set([40014, 42001]);
/** Busy, or too many calls at once: the same call may pass a moment later. */
export const TRANSIENT_ERRCODES: ReadonlySet<number> = new Set([-1, 45033]);

/** A minute limit blocks for 60 s (wecom-protocol 3.3); hour and day limits longer, which the next try will be told again. */
const RATE_LIMIT_BLOCK_MS = 60_000;

export interface ApiFailure {
  error: YingdaError;
  /** Something that only a person can mend. */
  alert?: { code: string; message: string; details: Record<string, string | number> };
}

interface Meaning {
  code: ErrorCode;
  says: string;
  /** The stable code of the alert to raise. */
  alert?: string;
  options?: Pick<YingdaErrorOptions, "retryable" | "retryAfterMs">;
}

const BUSY: Meaning = { code: "wecom_unreachable", says: "WeCom is busy", options: { retryable: true } };
const CREDENTIALS = (what: string): Meaning => ({
  code: "wecom_credentials",
  says: `WeCom does not accept ${what}; compare WECOM_CORP_ID and WECOM_APP_SECRET with the console`,
  alert: "wecom_credentials",
});
const TOKEN: Meaning = {
  code: "wecom_credentials",
  says: "WeCom refuses an access token that it has just given",
  options: { retryable: true },
};
const RECIPIENT: Meaning = { code: "wecom_recipient", says: "WeCom does not know the member, or not for this app" };
const APP = (says: string): Meaning => ({ code: "wecom_refused", says, alert: "wecom_app_config" });

const MEANINGS: ReadonlyMap<number, Meaning> = new Map([
  [-1, BUSY],
  [45033, { code: "wecom_rate_limited", says: "too many calls to WeCom at once", options: { retryable: true } }],
  [
    45009,
    {
      code: "wecom_rate_limited",
      says: "WeCom's rate limit for this call is used up",
      options: { retryable: true, retryAfterMs: RATE_LIMIT_BLOCK_MS },
    },
  ],
  [40001, CREDENTIALS("the app's secret")],
  [40013, CREDENTIALS("the corp id")],
  [40091, CREDENTIALS("the app's secret")],
  [41002, CREDENTIALS("an empty corp id")],
  [41004, CREDENTIALS("an empty secret")],
  [40014, TOKEN],
  [42001, TOKEN],
  [40003, RECIPIENT],
  [40031, RECIPIENT],
  [46004, RECIPIENT],
  [60111, RECIPIENT],
  [82001, RECIPIENT],
  [
    81013,
    {
      code: "wecom_recipient",
      says: "no receiver is in the app's visible range; widen it in the console",
      alert: "wecom_recipient",
    },
  ],
  [40056, APP("WeCom does not know the agent id; compare WECOM_APP_AGENT_ID with the console")],
  [48002, APP("the app lacks the permission for this call; give it in the console")],
  [50002, APP("the member is outside the app's visible range; widen it in the console")],
  [50003, APP("the app is disabled; enable it in the console")],
  [60011, APP("the app may not see this member or department; widen its visible range in the console")],
  [301002, APP("the secret belongs to another app than the agent id; compare both with the console")],
]);

/**
 * What an errcode means for the caller. Decided by the number alone, errmsg's words change; of errmsg only the hint id
 * and the address that WeCom saw are taken over, since the rest may repeat what was sent.
 */
export function failureOf(call: string, errcode: number, errmsg: string): ApiFailure {
  const seen = seenIn(errmsg);
  const details = { call, errcode, ...seen };
  if (errcode === 60020) return ipNotAllowed(call, details);
  const meaning = MEANINGS.get(errcode) ?? { code: "wecom_refused" as const, says: "WeCom refused the call" };
  const message = `${meaning.says} (${call}: errcode ${errcode})`;
  const error = new YingdaError(meaning.code, message, { ...meaning.options, details });
  return meaning.alert === undefined ? { error } : { error, alert: { code: meaning.alert, message, details } };
}

function ipNotAllowed(call: string, details: Record<string, string | number>): ApiFailure {
  const ip = details.ip ?? "unknown";
  const message = `WeCom refuses calls from this address, ${ip}: add it to the app's trusted IPs (企业可信IP) in the console (${call}: errcode 60020)`;
  return {
    error: new YingdaError("wecom_ip_not_allowed", message, { details }),
    alert: { code: "wecom_ip_not_allowed", message, details },
  };
}

function seenIn(errmsg: string): { hint?: string; ip?: string } {
  const hint = /hint: ?\[([\w:-]{1,64})\]/.exec(errmsg)?.[1];
  const ip = /from ip: ?([0-9a-fA-F.:]{3,45})/.exec(errmsg)?.[1];
  return { ...(hint === undefined ? {} : { hint }), ...(ip === undefined ? {} : { ip }) };
}
