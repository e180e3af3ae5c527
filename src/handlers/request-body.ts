import type { IncomingMessage } from "node:http";
import { YingdaError } from "../base/errors.ts";

/**
 * The whole body's bytes. By events and not by `for await`, which takes the connection away when it is left early, and the
 * answer with it: it stays as it is, and what comes after a throw is thrown away.
 * @throws YingdaError `body_too_large` as soon as more than `bytesMax` is announced or has come, `body_timeout` when it is
 * not complete in time, `malformed_body` when it was cut.
 */
export async function readBody(
  request: IncomingMessage,
  { bytesMax, timeoutMs }: { bytesMax: number; timeoutMs: number },
): Promise<Buffer> {
  const tooLarge = () => new YingdaError("body_too_large", `The body is over ${Math.floor(bytesMax / 1024)} KiB.`);
  if (Number(request.headers["content-length"] ?? 0) > bytesMax) throw tooLarge();
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let bytes = 0;
  const onData = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes > bytesMax) reject(tooLarge());
    else chunks.push(chunk);
  };
  const onEnd = (): void => resolve(Buffer.concat(chunks));
  const onCut = (): void => reject(new YingdaError("malformed_body", "The body was cut."));
  const timer = setTimeout(() => {
    reject(new YingdaError("body_timeout", `The body was not complete within ${timeoutMs / 1000} s.`));
  }, timeoutMs);
  request.on("data", onData).on("end", onEnd).on("error", onCut).on("close", onCut);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    request.off("data", onData).off("end", onEnd).off("error", onCut).off("close", onCut);
    request.resume();
  }
}
