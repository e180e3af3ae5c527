import { isCardNumber, isIdNumber, isOldIdNumber } from "./checksums.ts";
import { fractionAt, isLabelled, labelEnd, THING_WORDS, Words } from "./context.ts";
import { type DigitRun, groupsOf, hanDigit, readDigits, readHanDigits } from "./digits.ts";
import type { Match } from "./match.ts";
import { isAlnum, isDigit, isLetter, type Reading, unitsOf } from "./reading.ts";

const ID_WORDS = new Words(
  "身份证 身份证号 身份证号码 身份证件 身份证明 证件号 证件号码 证件 公民身份号码 idcard id_card idno id_no",
);
const CARD_WORDS = new Words(
  `卡号 银行卡 银行卡号 信用卡 储蓄卡 借记卡 工资卡 打款 打款到 转账 转账到 转到 汇款 汇款到 汇到 收款 账号 账户 开户 付款 退款 还款 尾款
  card cardno card_no card_number account bank`,
);
const PHONE_WORDS = new Words(
  `手机 手机号 手机号码 电话 电话号码 号码 联系方式 联系人 致电 来电 拨打 短信 座机 固话 固定电话 传真 微信同号 回访 回拨
  tel telephone phone mobile cell fax call`,
);
const PUBLIC_LINE_WORDS = new Words(
  "热线 客服 总机 前台 举报 投诉 报警 急救 咨询 服务电话 值班电话 官方 订餐 预约 hotline service support",
);
const QQ_WORDS = new Words("qq qq号 qq号码 qq是 扣扣 扣扣号 企鹅号");
const PERMIT_WORDS = new Words("台胞证 台胞证号 回乡证 回乡证号 通行证 通行证号 通行证号码");
const PASSPORT_WORDS = new Words("护照 护照号 护照号码 passport passportno passport_no");
/** A number in front of these is an amount. */
const UNITS_AFTER = unitsOf("元圆万亿吨股%");
const PHONE_PREFIXES = new Words("tel phone mobile mob cell call vx wx qq t m p");
const COUNTING = unitsOf("十百千万亿年月日点");

/** Everything that begins with a digit. */
export function numberAt(text: Reading, at: number): Match | undefined {
  const before = text.at(at - 1);
  if (isDigit(before) || isInsideSpelling(text, at)) return undefined;
  // Behind letters (SF138…, ID4403…) only a number that proves itself is believed.
  const glued = isLetter(before) && !followsPhonePrefix(text, at);
  const run = readDigits(text, at, 20);
  if (glued) return idCard(text, at, run);
  if (run.digits.length < 4) return hanNumberAt(text, at);
  return (
    idCard(text, at, run) ??
    bankCard(text, at, run) ??
    mobile(text, at, run) ??
    landline(text, at, run) ??
    labelledNumber(text, at, run) ??
    hanNumberAt(text, at)
  );
}

/** In `1 3 8 1 …`, not at its first digit: the number was looked for there. */
function isInsideSpelling(text: Reading, at: number): boolean {
  const gap = text.at(at - 1);
  return gap === text.at(at + 1) && SPELLING_GAPS.has(gap) && isDigit(text.at(at - 2)) && !isAlnum(text.at(at - 3));
}

const SPELLING_GAPS = unitsOf(" -");

/** `+86 138…`, `+852 …`: begins with the plus. */
export function plusNumberAt(text: Reading, at: number): Match | undefined {
  if (isAlnum(text.at(at - 1))) return undefined;
  const code = readDigits(text, at + 1, 3).digits;
  const home = code.startsWith("86") ? 2 : 0;
  const codeLength =
    home || (/^85[23]|^886/.test(code) ? 3 : /^1/.test(code) ? 1 : /^(?:44|33|49|61|65|81|82|91)/.test(code) ? 2 : 0);
  if (codeLength === 0) return undefined;
  let from = at + 1 + codeLength;
  for (let skipped = 0; skipped < 3 && CODE_SEPARATORS.has(text.at(from)); skipped += 1) from += 1;
  if (!isDigit(text.at(from))) return undefined;
  if (home > 0) {
    const found = mobile(text, from, readDigits(text, from, 14), true);
    return found && { ...found, from: at, confidence: 0.98 };
  }
  const lengths = code.startsWith("85") ? [8] : code.startsWith("1") ? [10] : [8, 9, 10];
  let count = 0;
  let to = from;
  for (let index = from; index < from + FOREIGN_UNITS_MAX; index += 1) {
    if (isDigit(text.at(index))) {
      count += 1;
      to = index + 1;
    } else if (!CODE_SEPARATORS.has(text.at(index)) || count >= 10) break;
  }
  if (!lengths.includes(count) || !endsNumber(text, to)) return undefined;
  return { kind: "mobile", confidence: 0.8, from: at, to };
}

/** Ten digits and what people put between them. */
const FOREIGN_UNITS_MAX = 18;
const CODE_SEPARATORS = unitsOf(" -)）(（");

/** Digits written as Chinese numerals, 一三八…; also begun with a plain digit. */
export function hanNumberAt(text: Reading, at: number): Match | undefined {
  const before = text.at(at - 1);
  // One numeral in front may end a name (李四); more are the number's own beginning.
  if (isAlnum(before) || (hanDigit(before) !== undefined && hanDigit(text.at(at - 2)) !== undefined)) return undefined;
  const run = readHanDigits(text, at, 20);
  const { digits, hanCount } = run;
  // 李四139…: the numeral is the name's.
  if (hanCount === 0 || (hanCount === 1 && hanDigit(text.at(at)) !== undefined)) return undefined;
  const end = run.ends.at(-1) ?? at;
  if (digits.length === 17 && (text.at(end) === 0x58 || text.at(end) === 0x78) && isIdNumber(`${digits}X`)) {
    return { kind: "id_card", confidence: 0.95, from: at, to: end + 1 };
  }
  if (isAlnum(text.at(end)) || COUNTING.has(text.at(end))) return undefined;
  if (digits.length === 11 && isMobile(digits)) return { kind: "mobile", confidence: 0.9, from: at, to: end };
  if (digits.length === 18 && isIdNumber(digits)) return { kind: "id_card", confidence: 0.95, from: at, to: end };
  if (digits.length >= 16 && digits.startsWith("62") && isCardNumber(digits))
    return { kind: "bank_card", confidence: 0.85, from: at, to: end };
  return undefined;
}

function idCard(text: Reading, at: number, run: DigitRun): Match | undefined {
  const { digits } = run;
  if (digits.length < 15 || followsPoint(text, at)) return undefined;
  const seventeenth = run.ends[16];
  if (seventeenth !== undefined && digits.length === 17) {
    // The check character X: right behind, or as the group of its own that people make of it.
    const gap = text.at(seventeenth) === 0x20 || text.at(seventeenth) === 0x2d ? 1 : 0;
    const check = text.at(seventeenth + gap);
    const to = seventeenth + gap + 1;
    if ((check === 0x58 || check === 0x78) && !isAlnum(text.at(to)) && isIdNumber(`${digits}X`))
      return idMatch(text, at, to);
  }
  const eighteenth = run.ends[17];
  if (
    eighteenth !== undefined &&
    groupsOf(run, 18) !== "" &&
    isIdNumber(digits.slice(0, 18)) &&
    !isAlnum(text.at(eighteenth))
  ) {
    return idMatch(text, at, eighteenth);
  }
  const fifteenth = run.ends[14];
  const old = digits.length === 15 && fifteenth !== undefined && isOldIdNumber(digits) && !isAlnum(text.at(fifteenth));
  return old && isLabelled(text, at, ID_WORDS)
    ? { kind: "id_card", confidence: 0.8, from: at, to: fifteenth }
    : undefined;
}

function idMatch(text: Reading, at: number, to: number): Match {
  return { kind: "id_card", confidence: ID_WORDS.before(text, at, 24) ? 0.99 : 0.95, from: at, to };
}

function bankCard(text: Reading, at: number, run: DigitRun): Match | undefined {
  if (run.digits.length < 13 || followsPoint(text, at)) return undefined;
  for (let count = Math.min(19, run.digits.length); count >= 13; count -= 1) {
    const groups = groupsOf(run, count);
    const to = run.ends[count - 1] ?? at;
    if (groups === "" || !isCardNumber(run.digits.slice(0, count)) || isAlnum(text.at(to)) || fractionAt(text, to))
      continue;
    const grouped = /^(?:4-){3}[1-4]$|^(?:4-){4}[1-3]$|^4-6-[45]$|^6-1[03]$/.test(groups);
    const labelled = CARD_WORDS.before(text, at, 16);
    // One number of ten passes Luhn: without a telling word it takes the shape that cards in China have.
    const likely = run.digits.startsWith("62") && (count === 16 || count === 19) && groups === String(count);
    if (!labelled && (!(grouped || likely) || isThing(text, at, to))) continue;
    if (labelled && (isLabelled(text, at, THING_WORDS) || !(grouped || groups === String(count)))) continue;
    return { kind: "bank_card", confidence: labelled ? 0.97 : 0.8, from: at, to };
  }
  return undefined;
}

/** Segments given to mobile networks in China. */
function isMobile(digits: string): boolean {
  return /^1(?:3\d|4[014-9]|5[0-35-9]|6[2567]|7[0-8]|8\d|9[0-35-9])\d{8}$/.test(digits);
}

const MOBILE_GROUPS = new Set([
  "11",
  "3-4-4",
  "3-8",
  "7-4",
  "4-3-4",
  "3-3-5",
  "5-6",
  "6-5",
  "4-4-3",
  "5-3-3",
  "3-2-2-2-2",
  "1-1-1-1-1-1-1-1-1-1-1",
]);

function mobile(text: Reading, at: number, run: DigitRun, afterCode = false): Match | undefined {
  const { digits } = run;
  if (/^(?:00)?86/.test(digits) && !afterCode) {
    const code = digits.startsWith("00") ? 4 : 2;
    const to = run.ends[code + 10];
    const groups = groupsOf(run, code + 11);
    const shaped = groups === String(code + 11) || groups.startsWith(`${code}-`);
    if (
      to !== undefined &&
      shaped &&
      isMobile(digits.slice(code, code + 11)) &&
      endsNumber(text, to) &&
      !isThing(text, at, to)
    ) {
      return { kind: "mobile", confidence: 0.85, from: at, to };
    }
  }
  const to = run.ends[10];
  if (to === undefined || !isMobile(digits.slice(0, 11))) return undefined;
  const groups = groupsOf(run, 11);
  if (!MOBILE_GROUPS.has(groups) || !endsNumber(text, to)) return undefined;
  const goesOn = digits.length > 11 && groups !== "11" && run.separator !== 0x20;
  if (goesOn || (!afterCode && (isPartOfCode(text, at) || isThing(text, at, to)))) return undefined;
  return { kind: "mobile", confidence: PHONE_WORDS.before(text, at, 16) ? 0.98 : 0.9, from: at, to };
}

function endsNumber(text: Reading, to: number): boolean {
  return !isAlnum(text.at(to)) && !fractionAt(text, to) && text.at(to) !== 0x25;
}

/** `ORD-138…`, `0.138…`, `/item/138…`: a piece of something longer. */
function isPartOfCode(text: Reading, at: number): boolean {
  const before = text.at(at - 1);
  if (before === 0x2e) return isAlnum(text.at(at - 2));
  if (before === 0x2d || before === 0x5f || before === 0x23) return isAlnum(text.at(at - 2)) || before === 0x23;
  return before === 0x2f && isLetter(text.at(at - 2));
}

/** `0.6228…`: behind a decimal point. */
function followsPoint(text: Reading, at: number): boolean {
  return text.at(at - 1) === 0x2e && isDigit(text.at(at - 2));
}

const MONEY_SIGNS = unitsOf("¥￥$€£");

function isThing(text: Reading, at: number, to: number): boolean {
  if (MONEY_SIGNS.has(text.at(at - 1))) return true;
  const end = labelEnd(text, at);
  const label = THING_WORDS.endingAt(text, end);
  // Phone no: … is the number of a phone.
  const ofPhone =
    label === 2 && isLetter(text.at(end - 1)) && PHONE_WORDS.endingAt(text, labelEnd(text, end - label)) > 0;
  if (label > 0 && !ofPhone) return true;
  return UNITS_AFTER.has(text.at(to) === 0x20 ? text.at(to + 1) : text.at(to));
}

function followsPhonePrefix(text: Reading, at: number): boolean {
  return (
    isLetter(text.at(at - 1)) &&
    PHONE_PREFIXES.endingAt(text, at) > 0 &&
    !isAlnum(text.at(at - PHONE_PREFIXES.endingAt(text, at) - 1))
  );
}

/** Area code 010, 02x or 0xxx, then a line of seven or eight digits. Lines that a company shows to everybody are left alone. */
function landline(text: Reading, at: number, run: DigitRun): Match | undefined {
  if (!/^0(?:10|2\d|[3-9]\d\d)/.test(run.digits)) return undefined;
  const codeLength = /^0[12]/.test(run.digits) ? 3 : 4;
  let from = at + codeLength;
  if (!isDigit(text.at(from - 1))) return undefined;
  for (let skipped = 0; skipped < 3 && CODE_SEPARATORS.has(text.at(from)); skipped += 1) from += 1;
  if (!isDigit(text.at(from))) return undefined;
  const line = readDigits(text, from, 9);
  const to = line.ends.at(-1) ?? from;
  const count = line.groupEnds.find((end) => end >= 7) ?? 0;
  const end = line.ends[count - 1] ?? to;
  const groups = groupsOf(line, count);
  const shaped =
    ["8", "7", "4-4", "3-4"].includes(groups) && (count === 8 || codeLength === 4) && /^[2-9]/.test(line.digits);
  if (!shaped || !endsNumber(text, end) || isPartOfCode(text, at)) return undefined;
  const labelled = PHONE_WORDS.before(text, at, 12);
  if (from === at + codeLength && !labelled) return undefined;
  if (isThing(text, at, end) || PUBLIC_LINE_WORDS.before(text, at, 12)) return undefined;
  return { kind: "landline", confidence: labelled ? 0.95 : 0.7, from: at, to: end };
}

/** Numbers with no shape of their own: only the label right before them tells. */
function labelledNumber(text: Reading, at: number, run: DigitRun): Match | undefined {
  const count = run.groupEnds[0] ?? 0;
  const to = run.ends[count - 1];
  if (to === undefined || !endsNumber(text, to) || count > 11) return undefined;
  if (count >= 5 && isLabelled(text, at, QQ_WORDS)) return { kind: "qq", confidence: 0.9, from: at, to };
  if (count === 8 && isLabelled(text, at, PERMIT_WORDS))
    return { kind: "travel_permit", confidence: 0.9, from: at, to };
  if (count === 9 && isLabelled(text, at, PASSPORT_WORDS)) return { kind: "passport", confidence: 0.85, from: at, to };
  return undefined;
}
