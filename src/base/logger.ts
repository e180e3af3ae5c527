import { type DestinationStream, type Logger as PinoLogger, pino } from "pino";
import { YingdaError } from "./errors.ts";

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

/** Error → loggable object. Foreign errors give name, code and first line only: their messages may quote a body or a URL. */
function serializeError(error: unknown): Record<string, unknown> {
  if (error instanceof YingdaError) {
    return {
      code: error.code,
      message: error.message,
      ...error.details,
      ...(error.cause === undefined ? {} : { cause: serializeError(error.cause) }),
    };
  }
  if (error instanceof Error) {
    const code = (error as NodeJS.ErrnoException).code;
    return {
      name: error.name,
      ...(code === undefined ? {} : { code }),
      message: scrubUrls(error.message.split("\n", 1)[0] ?? "").slice(0, 300),
      stack: error.stack?.split("\n").slice(1, 6).join("\n"),
    };
  }
  return { name: typeof error };
}

/** Query strings carry tokens and response codes: only scheme, host and path of a URL may be logged. */
export function scrubUrls(text: string): string {
  return text.replace(/\b(https?|wss?|redis|rediss|postgres|postgresql):\/\/[^\s"']+/g, (url) => {
    const parsed = URL.parse(url);
    return parsed === null ? "[url]" : `${parsed.protocol}//${parsed.host}${parsed.pathname}`;
  });
}
