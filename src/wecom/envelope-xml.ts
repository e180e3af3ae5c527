import { YingdaError } from "../base/errors.ts";

const CDATA_OPEN = "<![CDATA[";
const CDATA_CLOSE = "]]>";
const ROOT_OPEN = "<xml>";
const ROOT_CLOSE = "</xml>";
/** WeCom sends three elements; the rest is room for what it may add. Keeps the duplicate check's set small. */
const ELEMENTS_MAX = 16;
const NAME_LENGTH_MAX = 32;
const NAME_SHAPE = /^[A-Za-z][A-Za-z0-9_]*$/;
const BASE64_SHAPE = /^[A-Za-z0-9+/]+={0,2}$/;

/**
 * Reads the ciphertext out of a self-built app's callback body (wecom-protocol 2.1):
 * `<xml><ToUserName>…</ToUserName><AgentID>…</AgentID><Encrypt>…</Encrypt></xml>`, values plain or in one CDATA.
 *
 * Anybody can send this body, nothing about it is authenticated yet. So this is no XML parser: one flat level, no
 * declarations, comments, attributes, entities or nesting. Every search starts where the one before ended and a
 * search that finds nothing ends the reading, so the work is proportional to the length of the body whatever it holds.
 * (A harmless-looking regular expression with `\s*` on either side of the value took 11 s for 4 KB of spaces.)
 * @throws YingdaError `malformed_body` for anything else.
 */
export function readXmlEnvelope(body: string): { encrypt: string } {
  let at = skipSpace(body, 0);
  if (!body.startsWith(ROOT_OPEN, at)) throw malformed("it does not begin with <xml>");
  at = skipSpace(body, at + ROOT_OPEN.length);

  const seen = new Set<string>();
  let encrypt: string | undefined;
  while (!body.startsWith(ROOT_CLOSE, at)) {
    if (seen.size === ELEMENTS_MAX) throw malformed("it has too many elements");
    const element = readElement(body, at);
    if (seen.has(element.name)) throw malformed("an element is given twice");
    seen.add(element.name);
    if (element.name === "Encrypt") encrypt = element.value;
    at = skipSpace(body, element.end);
  }
  if (skipSpace(body, at + ROOT_CLOSE.length) !== body.length) throw malformed("something follows </xml>");
  if (encrypt === undefined || !BASE64_SHAPE.test(encrypt)) throw malformed("it has no Encrypt in base64");
  return { encrypt };
}

function readElement(body: string, start: number): { name: string; value: string; end: number } {
  if (body[start] !== "<") throw malformed("there is text between its elements");
  const nameStart = start + 1;
  // Only as far as a name may reach: without the bound, a body without ">" would be searched to its end.
  const head = body.slice(nameStart, nameStart + NAME_LENGTH_MAX + 1);
  const name = head.slice(0, Math.max(0, head.indexOf(">")));
  if (!NAME_SHAPE.test(name)) throw malformed("an element's name is odd");

  let at = nameStart + name.length + 1;
  let value: string;
  if (body.startsWith(CDATA_OPEN, at)) {
    const valueStart = at + CDATA_OPEN.length;
    const valueEnd = indexOrMalformed(body, CDATA_CLOSE, valueStart);
    value = body.slice(valueStart, valueEnd);
    if (value.includes("<")) throw malformed("there is markup in a CDATA");
    at = valueEnd + CDATA_CLOSE.length;
  } else {
    const valueEnd = indexOrMalformed(body, "<", at);
    value = body.slice(at, valueEnd);
    if (value.includes("&")) throw malformed("there is an entity in it");
    at = valueEnd;
  }
  const close = `</${name}>`;
  if (!body.startsWith(close, at)) throw malformed("an element is not closed where its value ends");
  return { name, value, end: at + close.length };
}

function indexOrMalformed(body: string, wanted: string, from: number): number {
  const index = body.indexOf(wanted, from);
  if (index < 0) throw malformed("an element does not end");
  return index;
}

function skipSpace(body: string, from: number): number {
  let at = from;
  for (; at < body.length; at += 1) {
    const unit = body.charCodeAt(at);
    if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) break;
  }
  return at;
}

/** The body is never quoted: it may be anybody's text. */
function malformed(why: string): YingdaError {
  return new YingdaError("malformed_body", `the body is not an encrypted WeCom callback in XML: ${why}`);
}
