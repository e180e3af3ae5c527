import type { IncomingMessage } from "node:http";
import { YingdaError } from "../../base/errors.ts";
import { readBody } from "../request-body.ts";

/** A form comes in one go; a sender slower than this holds a socket for nothing. */
const BODY_TIMEOUT_MS = 10_000;
const JSON_TYPE = /^application\/json(?:\s*;\s*charset=utf-8)?$/i;

/**
 * The body as JSON; `{}` for an empty one. No other type than `application/json` is taken: a form on a foreign page cannot
 * send that without asking first. Throws as `readBody` does, and `malformed_body` for another type or broken JSON.
 */
export async function readJsonBody(request: IncomingMessage, bytesMax: number): Promise<unknown> {
  const bytes = await readBody(request, { bytesMax, timeoutMs: BODY_TIMEOUT_MS });
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
