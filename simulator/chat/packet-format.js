/**
 * Sets out JSON and XML for reading, without changing a character of any value: a MsgId has more digits than a number
 * in JavaScript can hold. Pure, so that it can be tested anywhere.
 */

/** @typedef {{ kind: "key" | "string" | "number" | "word" | "tag" | "mark" | "text", text: string }} Token */

const JSON_TOKEN = /\s+|"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[{}[\],:]/y;
const XML_TOKEN = /<!\[CDATA\[[\s\S]*?\]\]>|<[^<>]*>|[^<]+/y;
const INDENT = "  ";

/**
 * @param {string} text a packet's body, or its beginning
 * @returns {Token[]} to be shown one after the other
 */
export function formatBody(text) {
  const start = text.trimStart()[0];
  const tokens = start === "{" || start === "[" ? formatJson(text) : start === "<" ? formatXml(text) : null;
  return tokens ?? [{ kind: "text", text }];
}

/** WeCom says no with HTTP 200 and an errcode at the beginning of the body, in an ack after its headers. */
const ERRCODE = /^\s*\{\s*(?:"headers"\s*:\s*\{[^{}]*\}\s*,\s*)?"errcode"\s*:\s*(-?\d+)/;

/**
 * What became of a packet, in one word: WeCom's errcode where it refused, else the HTTP status.
 * @param {{ status: number, replyPlain?: string }} packet
 * @returns {{ text: string, good: boolean }}
 */
export function outcomeOf({ status, replyPlain }) {
  const errcode = ERRCODE.exec(replyPlain ?? "")?.[1] ?? "0";
  if (errcode !== "0") return { text: errcode, good: false };
  return { text: status === 0 ? "—" : String(status), good: status >= 200 && status < 400 };
}

/**
 * @param {string} text
 * @returns {Token[] | null} null: not JSON
 */
function formatJson(text) {
  const lexemes = lex(text, JSON_TOKEN)?.filter((lexeme) => lexeme.trim() !== "");
  if (lexemes === undefined || !isJson(text)) return null;
  /** @type {Token[]} */
  const tokens = [];
  let depth = 0;
  lexemes.forEach((lexeme, index) => {
    const next = lexemes[index + 1];
    const opens = lexeme === "{" || lexeme === "[";
    const closes = lexeme === "}" || lexeme === "]";
    const emptied = closes && (lexemes[index - 1] === "{" || lexemes[index - 1] === "[");
    if (closes) depth -= 1;
    if (closes && !emptied) tokens.push({ kind: "mark", text: `\n${INDENT.repeat(depth)}` });
    tokens.push({ kind: jsonKind(lexeme, next), text: lexeme });
    if (opens) depth += 1;
    if (lexeme === ":") tokens.push({ kind: "mark", text: " " });
    if (lexeme === "," || (opens && next !== "}" && next !== "]")) {
      tokens.push({ kind: "mark", text: `\n${INDENT.repeat(depth)}` });
    }
  });
  return tokens;
}

/**
 * @param {string} lexeme
 * @param {string | undefined} next
 * @returns {Token["kind"]}
 */
function jsonKind(lexeme, next) {
  if (lexeme.startsWith('"')) return next === ":" ? "key" : "string";
  if (/^[{}[\],:]$/.test(lexeme)) return "mark";
  return /^[tfn]/.test(lexeme) ? "word" : "number";
}

/**
 * @param {string} text
 * @returns {Token[] | null} null: not XML
 */
function formatXml(text) {
  const lexemes = lex(text.trim(), XML_TOKEN);
  if (lexemes === null) return null;
  /** @type {Token[]} */
  const tokens = [];
  let depth = 0;
  let previous = "";
  for (const lexeme of lexemes) {
    if (lexeme.trim() === "") continue;
    const isText = !lexeme.startsWith("<") || lexeme.startsWith("<![CDATA[");
    const closes = lexeme.startsWith("</");
    const alone = lexeme.endsWith("/>") || lexeme.startsWith("<?") || lexeme.startsWith("<!");
    if (closes) depth = Math.max(0, depth - 1);
    // <a>text</a> stays on one line
    const joins = isText || (closes && previous !== "close") || tokens.length === 0;
    if (!joins) tokens.push({ kind: "mark", text: `\n${INDENT.repeat(depth)}` });
    tokens.push({ kind: isText ? "string" : "tag", text: lexeme });
    if (!isText && !closes && !alone) depth += 1;
    previous = closes || (alone && !isText) ? "close" : isText ? "text" : "open";
  }
  return tokens;
}

/**
 * @param {string} text
 * @param {RegExp} pattern a sticky one
 * @returns {string[] | null} null: something in it is none of the pattern's
 */
function lex(text, pattern) {
  /** @type {string[]} */
  const lexemes = [];
  pattern.lastIndex = 0;
  while (pattern.lastIndex < text.length) {
    const found = pattern.exec(text)?.[0];
    if (found === undefined) return null;
    lexemes.push(found);
  }
  return lexemes;
}

/** @param {string} text */
function isJson(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
