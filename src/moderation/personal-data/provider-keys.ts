import type { PersonalKind } from "./kinds.ts";
import type { Match } from "./match.ts";
import { isAlnum, type Reading, unitsOf } from "./reading.ts";
import { isJwtHeader, looksRandom } from "./secret-values.ts";

/** A key is judged by so many units; a longer one is read on by the scan. */
export const JUDGED_UNITS_MAX = 64;
/** Headers that carry a certificate are longer; what else says JWT is rare there. */
const JWT_HEADER_UNITS_MAX = 512;

/** Prefix, and how many characters of A-Z a-z 0-9 _ - follow at least. Most telling first where one begins another. */
const SHAPES: readonly [prefix: string, least: number, kind: PersonalKind][] = [
  ["sk-", 20, "api_key"],
  ["sk_live_", 16, "api_key"],
  ["rk_live_", 16, "api_key"],
  ["sk_test_", 16, "api_key"],
  ["pk-lf-", 20, "api_key"],
  ["AKIA", 16, "api_key"],
  ["ASIA", 16, "api_key"],
  ["LTAI", 12, "api_key"],
  ["AKID", 13, "api_key"],
  ["AKLT", 16, "api_key"],
  ["AIza", 35, "api_key"],
  ["ghp_", 30, "access_token"],
  ["gho_", 30, "access_token"],
  ["ghu_", 30, "access_token"],
  ["ghs_", 30, "access_token"],
  ["ghr_", 30, "access_token"],
  ["github_pat_", 22, "access_token"],
  ["glpat-", 18, "access_token"],
  ["glptt-", 18, "access_token"],
  ["xoxb-", 10, "access_token"],
  ["xoxa-", 10, "access_token"],
  ["xoxp-", 10, "access_token"],
  ["xoxr-", 10, "access_token"],
  ["xoxs-", 10, "access_token"],
  ["xoxe-", 10, "access_token"],
  ["xapp-", 10, "access_token"],
  ["hf_", 30, "access_token"],
  ["npm_", 30, "access_token"],
  ["pypi-", 40, "access_token"],
  ["dop_v1_", 40, "access_token"],
  ["ya29.", 20, "access_token"],
  ["GOCSPX-", 20, "api_key"],
  ["SG.", 30, "api_key"],
  ["gsk_", 30, "api_key"],
  ["xai-", 30, "api_key"],
  ["tvly-", 16, "api_key"],
  ["r8_", 30, "api_key"],
  ["fastgpt-", 20, "api_key"],
  ["dapi", 32, "access_token"],
  ["shpat_", 30, "access_token"],
  ["ATATT3", 30, "access_token"],
  ["AGE-SECRET-KEY-1", 30, "private_key"],
];
const byFirst = new Map<number, [string, number, PersonalKind][]>();
for (const [prefix, least, kind] of SHAPES) {
  const first = prefix.charCodeAt(0);
  byFirst.set(first, [...(byFirst.get(first) ?? []), [prefix, least, kind]]);
}

const KEY_SIGNS = unitsOf("_-");

/** Keys whose first characters name who gave them out. */
export function providerKeyAt(text: Reading, at: number): Match | undefined {
  if (isAlnum(text.at(at - 1))) return undefined;
  const shape = byFirst.get(text.at(at))?.find(([prefix]) => startsWith(text, at, prefix));
  if (shape === undefined) return undefined;
  const [prefix, least, kind] = shape;
  const from = at + prefix.length;
  let to = from;
  const dotted = prefix.endsWith(".");
  while (to < from + JUDGED_UNITS_MAX && (isKeyUnit(text.at(to)) || (dotted && text.at(to) === 0x2e))) to += 1;
  if (to - from < least || !looksRandom(text.slice(from, to))) return undefined;
  return { kind, confidence: 0.97, from: at, to, tail: "token" };
}

/** `eyJ…​.eyJ…​.…`: a signed or encrypted token whose header decodes. */
export function jwtAt(text: Reading, at: number): Match | undefined {
  if (isAlnum(text.at(at - 1)) || !startsWith(text, at, "eyJ")) return undefined;
  let to = at;
  while (to < at + JWT_HEADER_UNITS_MAX && isKeyUnit(text.at(to))) to += 1;
  if (text.at(to) !== 0x2e || !isJwtHeader(text.slice(at, to))) return undefined;
  let body = to + 1;
  while (body < to + 9 && isKeyUnit(text.at(body))) body += 1;
  return body === to + 9 ? { kind: "jwt", confidence: 0.99, from: at, to: body, tail: "token" } : undefined;
}

export function isKeyUnit(unit: number): boolean {
  return isAlnum(unit) || KEY_SIGNS.has(unit);
}

export function startsWith(text: Reading, at: number, word: string): boolean {
  for (let index = 0; index < word.length; index += 1) {
    if (text.at(at + index) !== word.charCodeAt(index)) return false;
  }
  return true;
}

const PEM_BEGIN = "-----BEGIN ";
const PEM_LABEL_UNITS_MAX = 48;
/** So much of the body shows that a key follows, not a sentence about keys. */
const PEM_BODY_UNITS = 16;
const PEM_GAPS = unitsOf(" \n\\nr\"'>|");

/** From the BEGIN line on, when what follows it is no prose; the scan reads on to the END line or to the end of the text. */
export function pemAt(text: Reading, at: number): Match | undefined {
  if (text.at(at - 1) === 0x2d || !startsWith(text, at, PEM_BEGIN)) return undefined;
  let index = at + PEM_BEGIN.length;
  const label = index;
  while (index < label + PEM_LABEL_UNITS_MAX && (isAlnum(text.at(index)) || text.at(index) === 0x20)) index += 1;
  if (!startsWith(text, index, "-----") || !text.slice(label, index).includes("PRIVATE KEY")) return undefined;
  index += 5;
  const lineEnd = index;
  while (index < lineEnd + 16 && PEM_GAPS.has(text.at(index))) index += 1;
  if (startsWith(text, index, "Proc-Type") || startsWith(text, index, "Version:")) return pem(at, index);
  const body = index;
  while (index < body + PEM_BODY_UNITS && isBase64(text.at(index))) index += 1;
  const cutOff = index > body && text.at(index) === -1;
  return index === body + PEM_BODY_UNITS || cutOff ? pem(at, index) : undefined;
}

function pem(from: number, to: number): Match {
  return { kind: "private_key", confidence: 0.99, from, to, tail: "pem" };
}

function isBase64(unit: number): boolean {
  return isAlnum(unit) || unit === 0x2b || unit === 0x2f || unit === 0x3d;
}

/** Whether the END line of a PEM block ends right before `end`. */
export function endsPem(text: Reading, end: number): boolean {
  if (text.at(end - 1) !== 0x2d || !startsWith(text, end - 5, "-----")) return false;
  let index = end - 5;
  while (index > end - 5 - PEM_LABEL_UNITS_MAX && (isAlnum(text.at(index - 1)) || text.at(index - 1) === 0x20))
    index -= 1;
  return startsWith(text, index - 5, "-----END ") || (index < end - 5 && startsWith(text, index - 5, "-----END"));
}
