import type { IncomingMessage } from "node:http";
import { YingdaError } from "../../base/errors.ts";

/** A form comes in one go; a sender slower than this holds a socket for nothing. */
const BODY_TIMEOUT_MS = 10_000;
const JSON_TYPE = /^application\/json(?:\s*;\s*charset=utf-8)?$/i;

/**
 * The body as JSON; `{}` for an empty one. No other type than `application/json` is taken: a form on a foreign page cannot
 * send that without asking first.
 * @throws YingdaError `malformed_body`, `body_timeout`, `body_too_large` as soon as more than `bytesMax` is announced or came.
 */
export async function readJsonBody(request: IncomingMessage, bytesMax: number): Promise<unknown> {
  const announced = Number(request.headers["content-length"] ?? 0);
  if (announced > bytesMax) throw tooLarge(bytesMax);
  const bytes = await collect(request, bytesMax);
  if (bytes.length === 0) return {};
  if (!JSON_TYPE.test(request.headers["content-type"] ?? "") || request.headers["content-encoding"] !== undefined) {
    throw new YingdaError("malformed_body", "The body's type is not application/json.");
  }
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new YingdaError("malformed_body", "The body is not JSON in UTF-8.", { cause: error });
  }
}

/** By events and not by `for await`, which takes the connection away when it is left early, and the answer with it. */
async function collect(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let bytes = 0;
  const onData = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes > bytesMax) reject(tooLarge(bytesMax));
    else chunks.push(chunk);
  };
  const onEnd = (): void => resolve(Buffer.concat(chunks));
  const onCut = (): void => reject(new YingdaError("malformed_body", "The body was cut."));
  const timer = setTimeout(() => {
    reject(new YingdaError("body_timeout", "The body was not complete in time."));
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

function tooLarge(bytesMax: number): YingdaError {
  return new YingdaError("body_too_large", `The body is over ${Math.floor(bytesMax / 1024)} KiB.`);
}
