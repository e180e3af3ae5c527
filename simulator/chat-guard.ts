import type { IncomingMessage } from "node:http";
import { YingdaError } from "../src/base/errors.ts";
import { readBody } from "./http-kit.ts";
import { isObject, type JsonObject } from "./values.ts";

const BODY_BYTES_MAX = 64 * 1024;

/**
 * Loopback alone does not keep web pages out: a page from elsewhere may post here, or reach us under a name of its own
 * that it points at 127.0.0.1. So both Host and Origin must be ours.
 */
export function checkOrigin(req: IncomingMessage): void {
  const { host, origin } = req.headers;
  const port = req.socket.localPort;
  const ours = [`127.0.0.1:${port}`, `localhost:${port}`];
  if (host === undefined || !ours.includes(host)) throw new YingdaError("bad_request", "The Host is not this machine.");
  if (origin !== undefined && !ours.includes(origin.replace(/^http:\/\//, ""))) {
    throw new YingdaError("bad_request", "The request comes from another site.");
  }
}

/** A JSON object of at most 64 KiB. Throws `bad_request`, `malformed_body` or `body_too_large`. */
export async function readJson(req: IncomingMessage): Promise<JsonObject> {
  if (!/^application\/json\b/.test(req.headers["content-type"] ?? "")) {
    throw new YingdaError("bad_request", "The body is sent as application/json.");
  }
  const body = await readBody(req, BODY_BYTES_MAX);
  let value: unknown;
  try {
    value = JSON.parse(body.toString());
  } catch (error) {
    throw new YingdaError("malformed_body", "The body is not JSON.", { cause: error });
  }
  if (!isObject(value)) throw new YingdaError("malformed_body", "The body is no JSON object.");
  return value;
}
