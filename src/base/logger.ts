import { type DestinationStream, type Logger as PinoLogger, pino } from "pino";
import { YingdaError } from "./errors.ts";
import { foreignFacts } from "./foreign-errors.ts";

export type Logger = PinoLogger;

/**
 * A JSON logger on stdout. Callers never pass message text or secrets; the paths below are the second net for
 * objects that carry them under a known name.
 */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: REDACTED_PATHS, censor: "[redacted]" },
    serializers: { err: serializeError },
    hooks: { streamWrite: onOneLine },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

const REDACTED_KEYS = [
  "text",
  "content",
  "question",
  "answer",
  "body",
  "secret",
  "token",
  "access_token",
  "accessToken",
  "aesKey",
  "apiKey",
  "authorization",
  "cookie",
  "responseUrl",
  "response_url",
];
const REDACTED_PATHS = REDACTED_KEYS.flatMap((key) => [key, `*.${key}`]);

/** Error → loggable object. */
function serializeError(error: unknown): Record<string, unknown> {
  if (error instanceof YingdaError) {
    return {
      code: error.code,
      message: error.message,
      ...error.details,
      ...(error.cause === undefined ? {} : { cause: serializeError(error.cause) }),
    };
  }
  if (error instanceof Error) return { ...foreignFacts(error) };
  return { name: typeof error };
}

const BREAKS_LINES = /[\u007f-\u009f\u2028\u2029]/g;

/**
 * JSON escapes line feeds and ESC, but not these: some viewers begin a new line at U+0085 and U+2028, and a terminal takes
 * U+009B for ESC. In a JSON line they can only stand inside a string, where the escape means the same.
 */
function onOneLine(line: string): string {
  return line.replace(BREAKS_LINES, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
