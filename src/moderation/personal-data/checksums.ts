/** Check digits of the numbers people are known by. Every function takes plain ASCII and never throws. */

const ID_WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const ID_CHECKS = "10X98765432";

/** GB 11643, ISO 7064 MOD 11-2: the last character of an 18-character ID number for its first 17 digits. */
export function idCheckCharacter(digits: string): string {
  let sum = 0;
  for (let place = 0; place < ID_WEIGHTS.length; place += 1) sum += Number(digits[place]) * (ID_WEIGHTS[place] ?? 0);
  return ID_CHECKS.charAt(sum % 11);
}

/** First two digits of an ID number: provinces, and 81 to 83 for residents from Hong Kong, Macao and Taiwan; 91 abroad. */
const PROVINCES = new Set(
  "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83 91".split(
    " ",
  ),
);

/** 18 characters: province, a day that existed between 1900 and 2099, check character. `x` counts as `X`. */
export function isIdNumber(text: string): boolean {
  if (!/^[1-9]\d{16}[\dXx]$/.test(text) || !PROVINCES.has(text.slice(0, 2))) return false;
  const century = text.slice(6, 8);
  if (century !== "19" && century !== "20") return false;
  return isDay(text.slice(6, 14)) && idCheckCharacter(text) === text.charAt(17).toUpperCase();
}

/** The 15 digits in use before 1999: province and a day of the 20th century, no check digit. */
export function isOldIdNumber(text: string): boolean {
  return /^[1-9]\d{14}$/.test(text) && PROVINCES.has(text.slice(0, 2)) && isDay(`19${text.slice(6, 12)}`);
}

function isDay(text: string): boolean {
  const month = Number(text.slice(4, 6));
  const day = Number(text.slice(6, 8));
  if (month < 1 || month > 12 || day < 1) return false;
  return day <= new Date(Date.UTC(Number(text.slice(0, 4)), month, 0)).getUTCDate();
}

/** ISO/IEC 7812: payment cards. */
export function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (let index = 0; index < digits.length; index += 1) {
    const digit = digits.charCodeAt(digits.length - 1 - index) - 0x30;
    const doubled = index % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

const CREDIT_CHARACTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY";

/** GB 32100, mod 31: the last character of a unified social credit code for its first 17. */
export function creditCheckCharacter(text: string): string {
  let sum = 0;
  let weight = 1;
  for (let place = 0; place < 17; place += 1) {
    sum += CREDIT_CHARACTERS.indexOf(text.charAt(place)) * weight;
    weight = (weight * 3) % 31;
  }
  return CREDIT_CHARACTERS.charAt((31 - (sum % 31)) % 31);
}

/** Registering department and kind of body. */
const CREDIT_HEAD = /^(?:[159][1239]|3[1-59]|[67][129]|N[1239]|[248A][19]|Y1)\d{6}[0-9A-HJ-NPQRTUWXY]{10}$/;

/** 18 capitals and digits: department, kind of body, area (10: the whole state), body, check character. */
export function isCreditCode(text: string): boolean {
  const area = text.slice(2, 4);
  if (!CREDIT_HEAD.test(text) || !(area === "10" || PROVINCES.has(area))) return false;
  return creditCheckCharacter(text) === text.charAt(17);
}

/** What a card number begins with, and the lengths it then has. Issuers in China first, then the brands. */
const CARD_RANGES: readonly [from: number, to: number, lengths: readonly number[]][] = [
  [62, 62, [16, 17, 18, 19]],
  [81, 81, [16, 17, 18, 19]],
  [9558, 9559, [19]],
  [436742, 436745, [16, 19]],
  [456351, 456351, [19]],
  [601382, 601382, [19]],
  [603367, 603367, [18]],
  [622, 629, [16, 17, 18, 19]],
  [4, 4, [13, 16, 19]],
  [51, 55, [16]],
  [2221, 2720, [16]],
  [34, 34, [15]],
  [37, 37, [15]],
  [3528, 3589, [16, 17, 18, 19]],
  [300, 305, [14, 16]],
  [36, 36, [14]],
  [38, 39, [14, 16]],
  [6011, 6011, [16, 19]],
  [644, 659, [16, 19]],
  [60, 61, [16, 18, 19]],
  [50, 50, [16, 18, 19]],
  [56, 58, [16, 18, 19]],
];

/** Luhn, and a beginning and length that an issuer gives out. */
export function isCardNumber(digits: string): boolean {
  return (
    passesLuhn(digits) &&
    CARD_RANGES.some(([from, to, lengths]) => {
      const head = Number(digits.slice(0, String(from).length));
      return head >= from && head <= to && lengths.includes(digits.length);
    })
  );
}
