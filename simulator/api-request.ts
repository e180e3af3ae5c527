import { Refusal } from "./errcodes.ts";
import { isObject, type JsonObject } from "./values.ts";

/** A `\uXXXX` escape in the raw JSON, whose backslash is not itself escaped. */
const UNICODE_ESCAPE = /(?<!\\)(?:\\\\)*\\u[0-9a-fA-F]{4}/;

/** Throws 40033 for `\uXXXX` escapes (wecom-protocol 3.8) and 47001 for what is no JSON object in UTF-8. */
export function readRequest(body: Buffer): JsonObject {
  let text: string;
  let request: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(body);
    request = JSON.parse(text);
  } catch {
    throw new Refusal(47001);
  }
  if (UNICODE_ESCAPE.test(text)) throw new Refusal(40033);
  if (!isObject(request)) throw new Refusal(47001);
  return request;
}
