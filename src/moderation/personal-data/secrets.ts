import { lower, Words } from "./context.ts";
import type { Match } from "./match.ts";
import { isKeyUnit, JUDGED_UNITS_MAX, startsWith } from "./provider-keys.ts";
import { isAlnum, isLetter, NONE, type Reading, unitsOf } from "./reading.ts";
import { isBasicCredentials, isPassword, isShortToken, isStandIn, isToken } from "./secret-values.ts";

const PASSWORD_NAMES = new Set(["password", "passwd", "pwd", "passphrase", "passcode", "pass", "psw", "mima"]);
/** An identifier that ends so holds a password: DB_PASSWORD, rootPwd. */
const PASSWORD_ENDS = ["password", "passwd", "passphrase", "_pass", "_pwd", "-pass", "-pwd", "pwd"];
const TOKEN_ENDS = [
  "secret",
  "apikey",
  "secretkey",
  "accesskey",
  "accesskeyid",
  "accesskeysecret",
  "accesstoken",
  "authtoken",
  "refreshtoken",
  "token",
  "aeskey",
  "privatekey",
  "accountkey",
  "sharedaccesskey",
  "appkey",
  "encryptionkey",
  "signingkey",
  "credential",
  "credentials",
  "corpsecret",
  "secretid",
  "sessionkey",
  "webhookkey",
  "authorization",
  "sessionid",
];
const TOKEN_NOT = /(?:page|next|csrf|xsrf|cancellation|continuation|max|public|position)_?-?token$/;
const PASSWORD_WORDS = new Words("密码 口令 账密");
const KEY_WORDS = new Words("密钥 秘钥 私钥 授权码 凭据");
const TOKEN_WORDS = new Words("令牌 访问凭证");
const LINK_WORDS = new Words(
  "是 为 成 了 叫 到 就是 改为 改成 换成 改成了 换成了 设为 设成 重置为 重置成 设置为 更新为 统一是 还是 都是 现在是 is was 暂定为 即",
);
const SKIPPED = unitsOf(" :=\"'`“”‘’「」>|*\n");
const TELLING = unitsOf(":=>");
const QUOTES = unitsOf("\"'`“‘「");
const CLOSING: ReadonlyMap<number, number> = new Map([
  [0x22, 0x22],
  [0x27, 0x27],
  [0x60, 0x60],
  [0x201c, 0x201d],
  [0x2018, 0x2019],
  [0x300c, 0x300d],
]);
const VALUE_ENDS = unitsOf("\"'`<>,;|");
const TRIMMED = unitsOf(".,;:)]}>&");
const COUNTERS = unitsOf("位个次天年月日分秒小时条款种字节点行页章步%");
const SKIPPED_UNITS_MAX = 10;
const NAME_UNITS_MAX = 48;

interface Label {
  kind: "password" | "api_key" | "access_token";
  /** Whether `:`, `=`, 是 or a quote stands between the label and the value. */
  told: boolean;
}

/** A value behind `password:`, `密码是`, `"client_secret": "…"`, `Bearer`. */
export function labelledSecretAt(text: Reading, at: number): Match | undefined {
  const unit = text.at(at);
  if (unit <= 0x20 || unit >= 0x7f || SKIPPED.has(unit) || !mayFollowLabel(text.at(at - 1))) return undefined;
  const scheme = authScheme(text, at);
  if (scheme !== undefined) return scheme;
  const label = labelBefore(text, at);
  if (label === undefined) return undefined;
  const to = valueEnd(text, at);
  const value = text.slice(at, to);
  if (isEmail(value)) return undefined;
  const counted = /^\d+$/.test(value) && isCounted(text, to);
  const { kind, told } = label;
  if (kind !== "password" && told && (isToken(value) || isShortToken(value)))
    return { kind, confidence: 0.9, from: at, to, tail: "token" };
  const enough = kind === "password" || (told && value.length >= 8 && /[!@#$%^&*]/.test(value));
  if (!enough || counted || !isPassword(value, told)) return undefined;
  const found: Match = { kind: "password", confidence: told ? 0.93 : 0.75, from: at, to };
  return to === at + JUDGED_UNITS_MAX ? { ...found, tail: "graphic" } : found;
}

function mayFollowLabel(before: number): boolean {
  return SKIPPED.has(before) || before === 0x29 || before === 0xff09 || before === 0xff08 || before > 0x2e7f;
}

function startsWithAnyCase(text: Reading, at: number, word: string): boolean {
  for (let index = 0; index < word.length; index += 1)
    if (lower(text.at(at + index)) !== word.charCodeAt(index)) return false;
  return true;
}

/** `Bearer …`, `Basic …`. */
function authScheme(text: Reading, at: number): Match | undefined {
  if (text.at(at - 1) !== 0x20) return undefined;
  const bearer = startsWithAnyCase(text, at - 7, "bearer ");
  if (!bearer && !startsWithAnyCase(text, at - 6, "basic ")) return undefined;
  const to = valueEnd(text, at);
  const value = text.slice(at, to);
  if (bearer ? !isToken(value) : !isBasicCredentials(value)) return undefined;
  return { kind: bearer ? "access_token" : "password", confidence: 0.95, from: at, to, tail: "token" };
}

function labelBefore(text: Reading, at: number): Label | undefined {
  let told = QUOTES.has(text.at(at - 1));
  let newLine = false;
  const skip = (from: number): number => {
    let end = from;
    while (end > at - SKIPPED_UNITS_MAX && SKIPPED.has(text.at(end - 1))) {
      end -= 1;
      if (TELLING.has(text.at(end))) told = true;
      if (text.at(end) === 0x0a) newLine = true;
    }
    return end;
  };
  let end = skip(at);
  const link = LINK_WORDS.endingAt(text, end);
  if (link > 0) {
    told = true;
    end = skip(end - link);
  }
  if (newLine && !told) return undefined;
  const kind = nameKind(nameBefore(text, end));
  if (kind !== undefined) return { kind, told };
  end = skipParentheses(text, end);
  if (PASSWORD_WORDS.endingAt(text, end) > 0) return { kind: "password", told };
  if (KEY_WORDS.endingAt(text, end) > 0) return { kind: "api_key", told };
  if (TOKEN_WORDS.endingAt(text, end) > 0) return { kind: "access_token", told };
  return undefined;
}

/** 密码（测试环境）：… */
function skipParentheses(text: Reading, end: number): number {
  if (text.at(end - 1) !== 0x29 && text.at(end - 1) !== 0xff09) return end;
  for (let index = end - 2; index > end - 20; index -= 1) {
    if (text.at(index) === 0x28 || text.at(index) === 0xff08) return index;
  }
  return end;
}

function nameBefore(text: Reading, end: number): string {
  let from = end;
  while (from > end - NAME_UNITS_MAX && isKeyUnit(text.at(from - 1))) from -= 1;
  return text.slice(from, end).toLowerCase();
}

function nameKind(name: string): Label["kind"] | undefined {
  if (name.length < 3) return undefined;
  if (PASSWORD_NAMES.has(name) || PASSWORD_ENDS.some((ending) => name.endsWith(ending))) return "password";
  const plain = name.replaceAll(/[_-]/g, "");
  if (!TOKEN_ENDS.some((ending) => plain.endsWith(ending)) || TOKEN_NOT.test(name)) return undefined;
  return plain.endsWith("token") || plain.startsWith("session") ? "access_token" : "api_key";
}

/** Behind the value: the closing quote, or the first unit that a bare value does not have. At most `JUDGED_UNITS_MAX` on. */
function valueEnd(text: Reading, at: number): number {
  const closing = CLOSING.get(text.at(at - 1));
  let to = at;
  while (to < at + JUDGED_UNITS_MAX) {
    const unit = text.at(to);
    if (unit === NONE || unit === closing || unit <= 0x20 || unit >= 0x7f) break;
    if (closing === undefined && (VALUE_ENDS.has(unit) || isNextParameter(text, to))) break;
    to += 1;
  }
  if (closing === undefined) while (to > at && TRIMMED.has(text.at(to - 1))) to -= 1;
  return to;
}

/** `&name=`: the next part of a query. */
function isNextParameter(text: Reading, at: number): boolean {
  if (text.at(at) !== 0x26 || !isLetter(text.at(at + 1))) return false;
  let index = at + 1;
  while (index < at + 24 && isKeyUnit(text.at(index))) index += 1;
  return text.at(index) === 0x3d;
}

function isCounted(text: Reading, to: number): boolean {
  return COUNTERS.has(text.at(text.at(to) === 0x20 ? to + 1 : to));
}

function isEmail(value: string): boolean {
  return /^[\w.+-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}$/i.test(value);
}

const SCHEME_UNITS_MAX = 20;
const USER_INFO_UNITS_MAX = 256;
const SCHEME_SIGNS = unitsOf("+.-");

/** `postgres://user:pass@host…`: the whole address, since a host with a password beside it is of no use to anybody else. */
export function connectionStringAt(text: Reading, at: number): Match | undefined {
  if (!isLetter(text.at(at)) || isAlnum(text.at(at - 1))) return undefined;
  let index = at;
  while (index < at + SCHEME_UNITS_MAX && (isAlnum(text.at(index)) || SCHEME_SIGNS.has(text.at(index)))) index += 1;
  if (!startsWith(text, index, "://")) return undefined;
  const from = index + 3;
  let colon = 0;
  for (index = from; index < from + USER_INFO_UNITS_MAX; index += 1) {
    const unit = text.at(index);
    if (unit === 0x40) break;
    if (unit <= 0x20 || unit >= 0x7f || unit === 0x2f || unit === 0x3c || unit === 0x22) return undefined;
    if (unit === 0x3a && colon === 0) colon = index;
  }
  if (
    colon === 0 ||
    index === from + USER_INFO_UNITS_MAX ||
    (!isAlnum(text.at(index + 1)) && text.at(index + 1) !== 0x5b)
  )
    return undefined;
  const password = text.slice(colon + 1, index);
  if (password.length < 3 || isStandIn(password) || /^(?:pass|pwd|passwd)$/i.test(password)) return undefined;
  return { kind: "connection_string", confidence: 0.95, from: at, to: index + 2, tail: "graphic" };
}

/** Addresses of group robots: who knows them can post as the robot. Path, and what follows is the key. */
const ROBOT_PATHS = ["/webhook/send?key=", "/bot/v2/hook/", "hooks.slack.com/services/", "/robot/send?access_token="];

export function robotKeyAt(text: Reading, at: number): Match | undefined {
  const before = text.at(at - 1);
  if ((before !== 0x3d && before !== 0x2f) || !isAlnum(text.at(at))) return undefined;
  if (!ROBOT_PATHS.some((path) => startsWith(text, at - path.length, path))) return undefined;
  let to = at;
  while (to < at + JUDGED_UNITS_MAX && (isKeyUnit(text.at(to)) || text.at(to) === 0x2f)) to += 1;
  return to - at >= 20 && !isStandIn(text.slice(at, to))
    ? { kind: "api_key", confidence: 0.95, from: at, to, tail: "token" }
    : undefined;
}
