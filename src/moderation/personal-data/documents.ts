import { isCreditCode, isIdNumber } from "./checksums.ts";
import { isLabelled, lower, THING_WORDS, Words } from "./context.ts";
import type { Match } from "./match.ts";
import { isAlnum, isDigit, isLetter, isUpper, type Reading, unitsOf } from "./reading.ts";

const CREDIT_LENGTH = 18;
const CREDIT_WORDS = new Words("信用代码 税号 纳税人识别号 纳税识别号 识别号 组织机构代码 营业执照 开票 注册号 uscc");
const PASSPORT_WORDS = new Words("护照 护照号 护照号码 passport");
const PERMIT_WORDS = new Words("通行证 回乡证 台胞证 来往内地 往来港澳 往来台湾 证件号 证件");
const DOCUMENT_WORDS_UNITS = 24;

/** Unified social credit code, 18 capitals and digits; small letters are read too. */
export function creditCodeAt(text: Reading, at: number): Match | undefined {
  if (isAlnum(text.at(at - 1))) return undefined;
  let code = "";
  let index = at;
  let gaps = 0;
  for (; code.length <= CREDIT_LENGTH; index += 1) {
    const unit = text.at(index);
    if (isAlnum(unit)) code += String.fromCharCode(unit);
    else if (unit === 0x20 && code.length > 0 && code.length < CREDIT_LENGTH && isAlnum(text.at(index + 1))) gaps += 1;
    else break;
    // The area code decides early that ordinary words are none.
    if (code.length === 5 && !/^[1-9A-Za-z][1-9]\d{3}/.test(code)) return undefined;
    if (code.length === CREDIT_LENGTH && gaps > 0) {
      index += 1;
      break;
    }
  }
  if (code.length !== CREDIT_LENGTH || isAlnum(text.at(index)) || !isCreditCode(code.toUpperCase())) return undefined;
  if (isIdNumber(code)) return undefined;
  const labelled = CREDIT_WORDS.before(text, at, DOCUMENT_WORDS_UNITS);
  // One number of 18 digits in some hundreds passes; companies have 91 to 93.
  const number = /^\d+$/.test(code) && (!/^9[1-3]/.test(code) || isLabelled(text, at, THING_WORDS));
  const doubtful = gaps > 0 || number;
  if (doubtful && !labelled) return undefined;
  return { kind: "credit_code", confidence: labelled ? 0.98 : 0.9, from: at, to: index };
}

/** One or two letters and seven to ten digits: passports and permits, with a word nearby that says so. */
export function travelDocumentAt(text: Reading, at: number): Match | undefined {
  if (!isLetter(text.at(at)) || isAlnum(text.at(at - 1))) return undefined;
  let letters = 1;
  if (isLetter(text.at(at + 1))) letters = 2;
  let to = at + letters;
  while (to < at + letters + 11 && isDigit(text.at(to))) to += 1;
  const digits = to - at - letters;
  if (digits < 6 || digits > 10 || isAlnum(text.at(to))) return undefined;
  const head = text.slice(at, at + letters).toUpperCase();
  const chinese = /^(?:[EGDSP][8]|(?:PE|SE|DE|E[A-HJ-NP-Z])7)$/.test(head + digits);
  if (near(text, at, to, PASSPORT_WORDS) && (chinese || (digits <= 8 && isLabelled(text, at, PASSPORT_LABELS)))) {
    return { kind: "passport", confidence: 0.95, from: at, to };
  }
  const permit = /^(?:[HM](?:8|10)|[CWTL]8|[CW][A-Z]7)$/.test(head + digits);
  return permit && near(text, at, to, PERMIT_WORDS)
    ? { kind: "travel_permit", confidence: 0.95, from: at, to }
    : undefined;
}

const PASSPORT_LABELS = new Words("护照号 护照号码 passport");

function near(text: Reading, at: number, to: number, words: Words): boolean {
  return words.before(text, at, DOCUMENT_WORDS_UNITS) || words.after(text, to, 12);
}

/** What a number plate begins with. */
export const PLATE_PROVINCES = unitsOf("京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼");
const PLATE_ENDS = unitsOf("挂学警港澳");
const PLATE_SEPARATORS = unitsOf("·•・.-  ");
const PLATE_WORDS = new Words("车牌 车牌号 车牌号码 号牌 车号 车辆 停车 来访 挪车");

/** Province, letter of the city, five characters, six for electric cars. */
export function plateAt(text: Reading, at: number): Match | undefined {
  const city = text.at(at + 1);
  if (!isLetter(city) || isBarred(city)) return undefined;
  let index = at + 2;
  if (PLATE_SEPARATORS.has(text.at(index))) index += 1;
  const first = index;
  let digits = 0;
  let capitals = isUpper(city);
  while (index < first + 6 && isAlnum(text.at(index)) && !isBarred(text.at(index))) {
    if (isDigit(text.at(index))) digits += 1;
    else capitals &&= isUpper(text.at(index));
    index += 1;
  }
  if (index === first + 4 && PLATE_ENDS.has(text.at(index))) index += 1;
  if (index < first + 5 || isAlnum(text.at(index)) || (text.at(index) === 0x2e && isDigit(text.at(index + 1))))
    return undefined;
  const labelled = PLATE_WORDS.before(text, at, 12);
  if (!capitals && digits < 3) return undefined;
  if (!labelled && (digits < 3 || !capitals)) return undefined;
  return { kind: "plate", confidence: labelled ? 0.97 : 0.85, from: at, to: index };
}

/** Plates have no I and no O. */
function isBarred(unit: number): boolean {
  return lower(unit) === 0x69 || lower(unit) === 0x6f;
}
