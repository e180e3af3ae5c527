import { labelEnd, Words } from "./context.ts";
import type { Match } from "./match.ts";
import { isAlnum, isDigit, isLetter, type Reading, unitsOf } from "./reading.ts";

/** RFC 5321: the part before the @. */
const LOCAL_UNITS_MAX = 64;
/** A domain may have 253; names that people have stay far below. */
const DOMAIN_UNITS_MAX = 128;
const LOCAL_SIGNS = unitsOf("._%+-");

/** Mailboxes that belong to a role, not to somebody. */
const ROLE_MAILBOXES = new Set(
  `support noreply no-reply no_reply donotreply do-not-reply info admin administrator service services sales hr job jobs career careers contact
  contactus help helpdesk postmaster webmaster hostmaster abuse security privacy press pr media marketing feedback kefu cs office hello
  team newsletter news notification notifications billing finance legal git root mailer-daemon customerservice service-desk it ops alert alerts`.split(
    /\s+/u,
  ),
);
/** At example.com these say where an address goes. */
const STAND_IN_NAMES = new Set(
  "example user username name yourname your.name your-name your_name you me someone email mail test foo".split(" "),
);
/** `icon@2x.png`, `pkg@next.js`: files and packages. */
const FILE_ENDINGS = new Set(
  "png jpg jpeg gif svg webp ico js mjs cjs ts tsx jsx json css scss html htm vue yaml yml toml tar tgz jar".split(" "),
);

export function emailAt(text: Reading, at: number): Match | undefined {
  if (isLocal(text.at(at - 1)) || !isAlnum(text.at(at))) return undefined;
  let sign = at;
  while (sign < at + LOCAL_UNITS_MAX && isLocal(text.at(sign))) sign += 1;
  if (text.at(sign) !== 0x40) return undefined;
  const to = domainEnd(text, sign + 1);
  if (to === undefined) return undefined;
  const local = text.slice(at, sign).toLowerCase();
  const standIn =
    STAND_IN_NAMES.has(local) &&
    text
      .slice(sign + 1, to)
      .toLowerCase()
      .startsWith("example.");
  return standIn || ROLE_MAILBOXES.has(local) ? undefined : { kind: "email", confidence: 0.97, from: at, to };
}

function isLocal(unit: number): boolean {
  return isAlnum(unit) || LOCAL_SIGNS.has(unit);
}

/** Behind the last label that can be a top-level domain, or undefined. */
function domainEnd(text: Reading, from: number): number | undefined {
  let index = from;
  let label = from;
  let end: number | undefined;
  while (index < from + DOMAIN_UNITS_MAX) {
    const unit = text.at(index);
    if (isAlnum(unit) || unit === 0x2d) {
      index += 1;
      continue;
    }
    if (index === label) break;
    if (label > from && isTopLevel(text, label, index)) end = index;
    if (unit !== 0x2e) break;
    index += 1;
    label = index;
  }
  if (end === undefined) return undefined;
  // ssh addresses of repositories (git@host:group/name) are no mailboxes; a role name stops most of them before.
  const last = text.slice(from, end).toLowerCase();
  return FILE_ENDINGS.has(last.slice(last.lastIndexOf(".") + 1)) ? undefined : end;
}

function isTopLevel(text: Reading, from: number, to: number): boolean {
  if (to - from < 2 || to - from > 24) return false;
  for (let index = from; index < to; index += 1) if (!isLetter(text.at(index))) return false;
  return true;
}

const WECHAT_WORDS = new Words(
  "微信 微信号 微信id 威信 薇信 v信 加微 wechat weixin vx wx wxid 微信账号 微信帐号 微信名 v我",
);
/** Behind these a name of letters only is believed too. */
const WECHAT_STRONG_WORDS = new Words("微信号 微信id 微信账号 微信帐号 加微信 加我微信 加v vx wechatid");
const SECOND_WORDS = new Words("id account");
const COMPANY_WECHAT = new Words("企业微信");
const NAME_SIGNS = unitsOf("-_/.");
const ACCOUNT_SIGNS = unitsOf("_-");
const WORDS_OF_TECHNIQUE =
  /^(?:wecom|wechat|weixin|android|iphone|ios|windows|mac|macos|web|api|sdk|app|openid|unionid|mini|official|pay|bot|server|work)(?![a-z])/i;

/** A WeChat name, 6 to 20 letters, digits, `_` and `-`, behind a word that says so; `wxid_…` anywhere. */
export function wechatAt(text: Reading, at: number): Match | undefined {
  if (!isLetter(text.at(at)) || isAlnum(text.at(at - 1)) || ACCOUNT_SIGNS.has(text.at(at - 1))) return undefined;
  const generated = text.at(at + 4) === 0x5f && text.slice(at, at + 4) === "wxid";
  const end = wechatLabelEnd(text, at);
  if (!generated && WECHAT_WORDS.endingAt(text, end) === 0) return undefined;
  let to = at;
  let signs = 0;
  while (to <= at + 20 && (isAlnum(text.at(to)) || ACCOUNT_SIGNS.has(text.at(to)))) {
    if (!isLetter(text.at(to))) signs += 1;
    to += 1;
  }
  const length = to - at;
  if (length < 6 || length > (generated ? 24 : 20) || text.at(to) === 0x40) return undefined;
  if (generated) return length >= 12 ? { kind: "wechat", confidence: 0.97, from: at, to } : undefined;
  const name = text.slice(at, to);
  // chatgpt-on-wechat:… is a program.
  if (NAME_SIGNS.has(text.at(end - WECHAT_WORDS.endingAt(text, end) - 1))) return undefined;
  const told = WECHAT_STRONG_WORDS.endingAt(text, end) > 0 || hasColon(text, end, at);
  if (COMPANY_WECHAT.endingAt(text, end) > 0 || WORDS_OF_TECHNIQUE.test(name)) return undefined;
  if (signs === 0 ? !(told && isLowerCase(name)) : !told && !hasTwoDigits(name)) return undefined;
  return { kind: "wechat", confidence: told ? 0.93 : 0.75, from: at, to };
}

/** WeChat ID: … has two words. */
function wechatLabelEnd(text: Reading, at: number): number {
  const end = labelEnd(text, at);
  const second = SECOND_WORDS.endingAt(text, end);
  return second === 0 ? end : labelEnd(text, end - second);
}

function hasColon(text: Reading, from: number, to: number): boolean {
  for (let index = from; index < to; index += 1) {
    if (text.at(index) === 0x3a || text.at(index) === 0x3d || text.at(index) === 0x662f) return true;
  }
  return false;
}

function isLowerCase(name: string): boolean {
  return /^[a-z]+$/.test(name);
}

function hasTwoDigits(name: string): boolean {
  let digits = 0;
  for (let index = 0; index < name.length; index += 1) if (isDigit(name.charCodeAt(index))) digits += 1;
  return digits >= 2;
}
