import type { IncomingMessage } from "node:http";
import { YingdaError } from "../base/errors.ts";

/** Callbacks are a few KiB; WeCom's own server accepts 1 MB (wecom-protocol 4.1). More is refused before it fills memory. */
export const BODY_BYTES_MAX = 1024 * 1024;
/** WeCom sends a callback in one go and waits 5 s in all; a sender slower than this holds a socket for nothing. */
const BODY_TIMEOUT_MS = 4_000;

/**
 * The whole body as UTF-8. Throws `body_too_large` as soon as more than `BODY_BYTES_MAX` is announced or has come,
 * `body_timeout` when it is not complete in time, `malformed_body` when it is not UTF-8 or was cut.
 */
export async function readRawBody(request: IncomingMessage): Promise<string> {
  if (Number(request.headers["content-length"] ?? 0) > BODY_BYTES_MAX) throw tooLarge();
  const chunks: Buffer[] = [];
  let bytes = 0;
  const timer = setTimeout(() => {
    request.destroy(new YingdaError("body_timeout", "The body was not complete within 4 s."));
  }, BODY_TIMEOUT_MS);
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > BODY_BYTES_MAX) throw tooLarge();
      chunks.push(chunk);
    }
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } catch (error) {
    if (error instanceof YingdaError) throw error;
    throw new YingdaError("malformed_body", "The body is not complete UTF-8 text.", { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

function tooLarge(): YingdaError {
  return new YingdaError("body_too_large", "The body is over 1 MiB.");
}
