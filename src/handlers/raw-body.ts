import type { IncomingMessage } from "node:http";
import { YingdaError } from "../base/errors.ts";
import { readBody } from "./request-body.ts";

/** Callbacks are a few KiB; WeCom's own server accepts 1 MB (wecom-protocol 4.1). More is refused before it fills memory. */
export const BODY_BYTES_MAX = 1024 * 1024;
/** WeCom sends a callback in one go and waits 5 s in all; a sender slower than this holds a socket for nothing. */
const BODY_TIMEOUT_MS = 4_000;

/** The whole body as UTF-8. Throws as `readBody` does, and `malformed_body` when it is not UTF-8. */
export async function readRawBody(request: IncomingMessage): Promise<string> {
  const body = await readBody(request, { bytesMax: BODY_BYTES_MAX, timeoutMs: BODY_TIMEOUT_MS });
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch (error) {
    throw new YingdaError("malformed_body", "The body is not UTF-8 text.", { cause: error });
  }
}
