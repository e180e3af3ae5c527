/** What may be printed of errors that are not ours: a library's message may quote a prompt, a key, a body or a URL. */

export interface ForeignFacts {
  name: string;
  code?: string;
  message: string;
  /** Where it was thrown: the first frames. */
  stack: string;
}

/** The engine and Redis describe the fault in words of their own, and quote little more than names. */
const WORDS_OF_THEIR_OWN = new Set(["TypeError", "RangeError", "ReferenceError", "ReplyError"]);
/** Codes of the system, of Node, of its HTTP client, of SQLite, and SQLSTATE: `ECONNREFUSED`, `ERR_INVALID_URL`, `28P01`. */
const SYSTEM_CODE = /^(?:E[A-Z0-9]{2,30}|ERR_[A-Z0-9_]{1,60}|UND_ERR_[A-Z_]{1,40}|SQLITE_[A-Z_]{1,40}|[0-9A-Z]{5})$/;
const NAME_SHAPE = /^\w{1,60}$/;
const PRINTABLE = /^[\x20-\x7e]*$/;
const MESSAGE_LENGTH_MAX = 300;
const FRAMES_MAX = 5;

/**
 * Name, code and frames say where an error came from. Its message is given, by its first line and without what it quotes,
 * if it comes from the engine or the system; of any other message only that there was one.
 */
export function foreignFacts(error: Error): ForeignFacts {
  const given = (error as NodeJS.ErrnoException).code;
  const code = typeof given === "string" && SYSTEM_CODE.test(given) ? given : undefined;
  const name = NAME_SHAPE.test(error.name) ? error.name : "Error";
  return {
    name,
    ...(code === undefined ? {} : { code }),
    message: code !== undefined || WORDS_OF_THEIR_OWN.has(name) ? printable(error.message) : WITHHELD,
    stack: framesOf(error),
  };
}

const WITHHELD = "[message withheld]";

function printable(message: string): string {
  const line = message.split("\n", 1)[0] ?? "";
  return PRINTABLE.test(line) ? withoutQuotes(scrubUrls(line)).slice(0, MESSAGE_LENGTH_MAX) : WITHHELD;
}

/** Query strings carry tokens and response codes: only scheme, host and path of a URL may be printed. */
function scrubUrls(text: string): string {
  return text.replace(/\b(https?|wss?|redis|rediss|postgres|postgresql):\/\/[^\s"']+/g, (url) => {
    const parsed = URL.parse(url);
    return parsed === null ? "[url]" : `${parsed.protocol}//${parsed.host}${parsed.pathname}`;
  });
}

/** Names of fields and functions stay; if anything else is quoted, all from the first to the last quotation mark goes. */
function withoutQuotes(text: string): string {
  const quoted = Array.from(text.matchAll(/(["'`])(.*?)\1/g), (match) => match[2] ?? "");
  return quoted.every((words) => /^[\w$.:-]{1,40}$/.test(words)) ? text : text.replace(/["'`].*["'`]/, "[…]");
}

/** A stack begins with the message, all its lines. */
function framesOf(error: Error): string {
  const stack = error.stack ?? "";
  const messageAt = stack.indexOf(error.message);
  const frames = messageAt < 0 ? stack : stack.slice(messageAt + error.message.length);
  return frames
    .split("\n")
    .filter((line) => /^\s+at .+:\d+:\d+\)?$/.test(line))
    .slice(0, FRAMES_MAX)
    .join("\n");
}
