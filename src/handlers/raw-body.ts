import type { IncomingMessage } from "node:http";
import { YingdaError } from "../base/errors.ts";

/** Callbacks are a few KiB; WeCom's own server accepts 1 MB (wecom-protocol 4.1). More is refused before it fills memory. */
export const BODY_BYTES_MAX = 1024 * 1024;
/** WeCom sends a callback in one go and waits 5 s in all; a sender slower than this holds a socket for nothing. */
const BODY_TIMEOUT_MS = 4_000;

/**
 * The whole body as UTF-8. Throws `body_too_large` as soon as more than `BODY_BYTES_MAX` is announced or has come,
 * `body_timeout` when it is not complete in time, `malformed_body` when it is not UTF-8 or was cut.
 * The connection is left as it is, so that the caller can still answer; what comes after a throw is thrown away.
 */
export async function readRawBody(request: IncomingMessage): Promise<string> {
  if (Number(request.headers["content-length"] ?? 0) > BODY_BYTES_MAX) throw tooLarge();
  const body = await collect(request);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch (error) {
    throw new YingdaError("malformed_body", "The body is not UTF-8 text.", { cause: error });
  }
}

/** By events and not by `for await`, which takes the connection away when it is left early, and the answer with it. */
async function collect(request: IncomingMessage): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let bytes = 0;
  const onData = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) reject(tooLarge());
    else chunks.push(chunk);
  };
  const onEnd = (): void => resolve(Buffer.concat(chunks));
  const onCut = (): void => reject(new YingdaError("malformed_body", "The body was cut."));
  const timer = setTimeout(() => {
    reject(new YingdaError("body_timeout", "The body was not complete within 4 s."));
  }, BODY_TIMEOUT_MS);
  request.on("data", onData).on("end", onEnd).on("error", onCut).on("close", onCut);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    request.off("data", onData).off("end", onEnd).off("error", onCut).off("close", onCut);
    request.resume();
  }
}

function tooLarge(): YingdaError {
  return new YingdaError("body_too_large", "The body is over 1 MiB.");
}
