import { randomBytes } from "node:crypto";

/** The words of WeCom's error codes (wecom-protocol 3.8). A program decides by the code; these only look right in a log. */
const ERRMSG: Record<number, string> = {
  "-1": "system busy",
  0: "ok",
  40001: "invalid credential",
  40004: "invalid media type",
  40006: "invalid file size",
  40007: "invalid media_id",
  40008: "invalid message type",
  40009: "invalid image size",
  40011: "invalid video size",
  40013: "invalid corpid",
  40014: "invalid access_token",
  40032: "invalid user list size",
  40033: "invalid request, unicode escape found",
  40035: "invalid parameter",
  40056: "invalid agentid",
  40058: "parameter or length invalid",
  40091: "secret is invalid",
  41001: "access_token missing",
  41002: "corpid missing",
  41004: "corpsecret missing",
  42001: "access_token expired",
  43001: "require GET method",
  43002: "require POST method",
  44001: "empty media data",
  44004: "empty content",
  45001: "media size out of limit",
  45002: "message content size out of limit",
  45008: "articles count out of limit",
  45009: "api freq out of limit",
  45033: "api concurrent out of limit",
  47001: "data format error",
  60011: "no privilege to access/modify contact/party/agent",
  60020: "not allow to access from your ip",
  60111: "userid not found",
  81013: "user & party & tag all invalid",
  301002: "not allow operate another agent with this accesstoken",
  830002: "file size out of limit, use Range",
  846605: "invalid req_id",
  846607: "aibot send msg frequency limit exceeded",
  846608: "stream message update expired, cannot update",
  846609: "aibot websocket not subscribed",
  853000: "invalid bot_id or secret",
  93006: "invalid chatid",
  846606: "request already responded, cannot respond again",
};

/** The bare words, as the long connection gives them. */
export function errmsgOf(errcode: number): string {
  return ERRMSG[errcode] ?? "unknown error";
}

/** An answer's body as WeCom words it: the message ends with a hint id and the caller's address, and may change any day. */
export function errcodeBody(errcode: number, nowMs: number, callerIp = "127.0.0.1"): Record<string, unknown> {
  const text = ERRMSG[errcode] ?? "unknown error";
  if (errcode === 0) return { errcode, errmsg: text };
  const hint = `${Math.floor(nowMs / 1000)}_${randomBytes(8).toString("hex")}`;
  return {
    errcode,
    errmsg: `${text}, hint: [${hint}], from ip: ${callerIp}, more info at https://open.work.weixin.qq.com/devtool/query?e=${errcode}`,
  };
}

/** Thrown inside a route of the pretend API; its answer is HTTP 200 with this errcode. */
export class Refusal extends Error {
  override name = "Refusal";
  readonly errcode: number;
  /** Further fields of the answer, for example `invaliduser`. */
  readonly fields: Record<string, unknown>;

  constructor(errcode: number, fields: Record<string, unknown> = {}) {
    super(`errcode ${errcode}`);
    this.errcode = errcode;
    this.fields = fields;
  }
}
