import { YingdaError } from "./errors.ts";

/** What the service sets itself, or does not understand the answer to. */
const FORBIDDEN = [
  "model",
  "messages",
  "stream",
  "stream_options",
  "n",
  "max_tokens",
  "max_completion_tokens",
  "tools",
  "tool_choice",
  "functions",
  "function_call",
];
/** They travel with each request. */
const LENGTH_MAX = 4_096;

/**
 * Reads `MODEL_PARAMS` and its kind: one JSON object whose fields join the request to the model as they are. Throws
 * `bad_config` that says what is wrong, without quoting a value.
 */
export function parseRequestParams(text: string): Record<string, unknown> {
  if (text.length > LENGTH_MAX) throw bad(`must be at most ${LENGTH_MAX} characters`);
  const params = objectIn(text);
  const forbidden = FORBIDDEN.filter((name) => Object.hasOwn(params, name));
  if (forbidden.length > 0) throw bad(`must not have ${forbidden.join(", ")}: the service sets that itself`);
  return params;
}

function objectIn(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw bad("must be JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw bad("must be a JSON object");
  return { ...value };
}

function bad(what: string): YingdaError {
  return new YingdaError("bad_config", what);
}
