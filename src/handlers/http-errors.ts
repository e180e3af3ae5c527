import type { Middleware } from "koa";
import { type ErrorCode, YingdaError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";

/** What a caller is told. Below 500 the sentence helps to find the mistake; above, the code alone is ours to explain. */
const PUBLIC_MESSAGES: Partial<Record<ErrorCode, string>> = {
  bad_signature: "The signature does not match. Check the Token on both sides.",
  stale_timestamp: "The timestamp is too far from this server's time. Check the clocks.",
  bad_ciphertext: "The message cannot be decrypted. Check the EncodingAESKey on both sides.",
  wrong_receiver: "The message is for another receiver. Check the corp id.",
  body_too_large: "The body is over 1 MiB.",
  body_timeout: "The body took too long.",
  malformed_body: "The body is not a callback.",
  bad_request: "The request is not well formed.",
  channel_not_configured: "This channel is not configured on this server.",
  not_found: "There is nothing here.",
  method_not_allowed: "This method is not allowed here.",
  store_unavailable: "The message store is away; send the message again.",
  draining: "This server is shutting down; send the message again.",
};

/** Error → status and JSON body; what we did not foresee is a 500 without details. */
export function answerErrors(log: Logger): Middleware {
  return async function errors(ctx, next) {
    try {
      await next();
      if (ctx.status === 404 && ctx.body == null) throw new YingdaError("not_found", "No such route.");
    } catch (error) {
      const known = error instanceof YingdaError ? error : new YingdaError("internal", "Unforeseen.", { cause: error });
      if (known.status >= 500 && known.code !== "store_unavailable" && known.code !== "draining") {
        log.error({ err: error, path: ctx.path }, "a request failed in our own code");
      }
      ctx.status = known.status;
      ctx.state.errorCode = known.code;
      ctx.body = { error: { code: known.code, message: PUBLIC_MESSAGES[known.code] ?? "Something went wrong here." } };
      // The rest of a body that we do not want is not read.
      if (known.code === "body_too_large" || known.code === "body_timeout") ctx.set("connection", "close");
    }
  };
}
