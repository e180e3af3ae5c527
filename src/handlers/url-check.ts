import type { Context } from "koa";
import { YingdaError } from "../base/errors.ts";
import { type CallbackCrypto, readCallbackQuery, readEchostr } from "../wecom/crypto.ts";

/** An echostr is a random word. The message of a callback begins with its XML or JSON. */
const MESSAGE_START = /^\s*[<{]/;

/**
 * The answer to `GET /wecom/app` and `GET /wecom/bot`: the bare decrypted echostr (wecom-protocol 1.6).
 *
 * The signature of a message covers the same four strings as that of a URL check. So whoever got hold of a callback, in
 * a proxy's log for example, could hand its ciphertext in here and read the member's words in our answer: what is not
 * an echostr is not echoed.
 * @throws YingdaError what `readCallbackQuery`, `readEchostr` and `open` throw, and `bad_request` for a message.
 */
export function answerUrlCheck(ctx: Context, crypto: CallbackCrypto, age: { nowMs: number; maxAgeMs: number }): void {
  const search = searchOf(ctx);
  const echo = crypto.open(readCallbackQuery(search), readEchostr(search), age);
  if (MESSAGE_START.test(echo)) throw new YingdaError("bad_request", "the echostr is no echostr but a message");
  ctx.type = "text/plain; charset=utf-8";
  ctx.body = echo;
}

/** The query of a request. Not `ctx.URL`: that is an empty object when the Host header is not one. */
export function searchOf(ctx: Context): URLSearchParams {
  return new URLSearchParams(ctx.querystring);
}
