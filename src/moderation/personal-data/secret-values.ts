/** Whether a string can be a real secret, or only stands for one. All work on short strings. */

const STAND_INS =
  /x{4}|\*{3}|\.{3}|(?<![a-z0-9])your|your[-_]|example|placeholder|change[-_]?me|dummy|sample|redacted|replace|insert|(?<![a-z0-9])todo(?![a-z0-9])|masked|hidden|此处|password|secret|token$|api[-_]?key/i;
const CODE =
  /^[${%<[({*]|^!?[a-z_][\w.]*[([]|process\.env|os\.environ|getenv|^(?:config|settings|self|this|env|secrets|vars)\.|^https?:|^\.{0,2}\/|^#/i;
const METHODS =
  /^(?:sha|md|aes|3?des|rsa|sm|hmac|wpa|base|utf|rfc|tls|ssl|oauth|iso|gb|office|windows|win|server|bcrypt|argon|pbkdf|scrypt)[-_]?v?[\d.-]*$/i;
const NOTHING =
  /^(?:null|none|nil|undefined|true|false|string|required|optional|empty|n\/?a|admin|root|user|guest|test|default)$/i;

/** `your-api-key`, `xxxx`, `******`, `${TOKEN}`, `<password>`: says where a secret goes. */
export function isStandIn(value: string): boolean {
  return CODE.test(value) || NOTHING.test(value) || STAND_INS.test(value);
}

/** Mixed as only machines mix: letters with digits, or capitals and small letters all through. */
export function looksRandom(value: string): boolean {
  const mixed = /[A-Za-z]/.test(value) && (/\d/.test(value) || /(?:[A-Z]+[a-z]+){5}/.test(value));
  return mixed && distinct(value) >= 8 && !isStandIn(value) && !isCounting(value);
}

/** `1234567890abcdef`, `abcdefgh12345678`: typed to fill a place. */
function isCounting(value: string): boolean {
  let steps = 0;
  for (let index = 1; index < value.length; index += 1) {
    if (value.charCodeAt(index) - value.charCodeAt(index - 1) === 1) steps += 1;
  }
  return steps > value.length * 0.75;
}

function distinct(value: string): number {
  return new Set(value).size;
}

/** Told: behind `:`, `=`, 是 or in quotes; what only stands behind the word 密码 must look the part by itself. */
export function isPassword(value: string, told: boolean): boolean {
  if (value.length < 4) return false;
  if (/^\d+$/.test(value)) return value.length >= (told ? 4 : 6);
  if (value.length < 6 || PLAIN_PLACEHOLDERS.test(value) || distinct(value) < 3) return false;
  if (CODE.test(value) || NOTHING.test(value) || METHODS.test(value) || /x{4}|\*{3}|\.{3}/i.test(value)) return false;
  const letters = /[A-Za-z]/.test(value);
  const digits = /\d/.test(value);
  const signs = /[!@#$%^&*~+_?=]/.test(value);
  if (!letters) return digits && signs;
  if (told) return digits || /[!@#$%^&*~+?]/.test(value);
  return digits && (signs || /^(?=(?:[^A-Za-z]*[A-Za-z]){2})(?=(?:\D*\d){3})/.test(value));
}

const PLAIN_PLACEHOLDERS =
  /your|example|placeholder|change[-_]?me|redacted|^(?:my|the|new|old|db|user|test)?[-_]?(?:password|passwd|pwd|secret|token)$/i;

/** What stands behind token, secret, api_key: long and mixed. */
export function isToken(value: string): boolean {
  return value.length >= 16 && /^[A-Za-z0-9_\-+/=.~:]+$/.test(value) && looksRandom(value);
}

/** A short token, such as WeCom's for callbacks: capitals, small letters and digits. Only behind `:` or `=`. */
export function isShortToken(value: string): boolean {
  return /^(?=.*[a-z])(?=.*[A-Z])(?=\D*\d\D*\d)[A-Za-z0-9]{8,}$/.test(value) && !isStandIn(value) && !isCounting(value);
}

/** A JWT's first part decodes to a JSON object that names an algorithm or a type. */
export function isJwtHeader(part: string): boolean {
  const decoded = Buffer.from(part, "base64url").toString("utf8");
  // Asked before parsing, since a parser that throws is slow.
  if (!decoded.startsWith("{") || !decoded.endsWith("}")) return false;
  try {
    const header: unknown = JSON.parse(decoded);
    return typeof header === "object" && header !== null && ("alg" in header || "typ" in header);
  } catch {
    return false;
  }
}

/** `Basic dXNlcjpwYXNz`: decodes to a name and a password. */
export function isBasicCredentials(value: string): boolean {
  return (
    /^[A-Za-z0-9+/]{8,}={0,2}$/.test(value) &&
    /^[\x21-\x7e]+:[\x20-\x7e]+$/.test(Buffer.from(value, "base64").toString("latin1"))
  );
}
