import { emailAt, wechatAt } from "./accounts.ts";
import { addressAt, houseNumberAt } from "./addresses.ts";
import { hanDigit } from "./digits.ts";
import { creditCodeAt, PLATE_PROVINCES, plateAt, travelDocumentAt } from "./documents.ts";
import { categoryOf, type PersonalFinding } from "./kinds.ts";
import type { Detector, Match } from "./match.ts";
import { hanNumberAt, numberAt, plusNumberAt } from "./numbers.ts";
import { endsPem, isKeyUnit, jwtAt, pemAt, providerKeyAt } from "./provider-keys.ts";
import { isDigit, isHan, isLetter, Reading, unitsOf } from "./reading.ts";
import { connectionStringAt, labelledSecretAt, robotKeyAt } from "./secrets.ts";

export type { PersonalFinding } from "./kinds.ts";

/** The most telling first: what one of them finds, the others are not asked about. */
const AT_DIGIT: readonly Detector[] = [labelledSecretAt, robotKeyAt, emailAt, creditCodeAt, numberAt, houseNumberAt];
const AT_LETTER: readonly Detector[] = [
  connectionStringAt,
  providerKeyAt,
  jwtAt,
  labelledSecretAt,
  robotKeyAt,
  emailAt,
  creditCodeAt,
  travelDocumentAt,
  wechatAt,
];
const AT_PLUS: readonly Detector[] = [plusNumberAt, labelledSecretAt];
const AT_DASH: readonly Detector[] = [pemAt, labelledSecretAt];
const AT_SIGN: readonly Detector[] = [labelledSecretAt];
const AT_PROVINCE: readonly Detector[] = [plateAt, addressAt];
const AT_HAN_DIGIT: readonly Detector[] = [hanNumberAt, addressAt];
const AT_HAN: readonly Detector[] = [addressAt];
const NOWHERE: readonly Detector[] = [];

/** In keys, JWTs and their like beside A-Z a-z 0-9 _ -. */
const TOKEN_SIGNS = unitsOf("+/=.~");
const GRAPHIC_ENDS = unitsOf("\"'<>`,;)}]");
const FULL_STOP = 0x2e;

interface Open {
  finding: PersonalFinding;
  tail: "token" | "pem" | "graphic";
}

/**
 * Looks for personal data and secrets in one text that comes in pieces. The findings depend on the text alone, not on the
 * pieces; they never overlap and are in the order of the text. Never throws on any text. Time is linear in the text; memory is
 * a window of it, and the findings.
 *
 * Undecided text stays behind `settledAt()`: a word or number in ordinary prose; up to 64 units where a town or road is named
 * and in long words; 200 in what may be a mail address, 290 in an address with a password, 520 in what may be a JWT's header.
 */
export class PersonalScan {
  readonly #text = new Reading();
  readonly #findings: PersonalFinding[] = [];
  /** Folded index: everything before it is decided. */
  #at = 0;
  #open: Open | undefined;
  #revision = 0;

  push(text: string): void {
    this.#text.push(text);
    this.#read();
  }

  /** No more text follows: everything is decided. */
  end(): void {
    this.#text.end();
    this.#read();
    this.#open = undefined;
  }

  /** Original offset before which no finding can begin that is not in `findings()`. Never goes back. */
  settledAt(): number {
    // Marks that fold to nothing may still turn out to lie inside a value that is being written.
    return this.#open?.finding.end ?? this.#text.startOf(this.#at);
  }

  /** What was found so far. The last one may still grow, as a key or PEM block does while it is written. */
  findings(): PersonalFinding[] {
    return this.#findings.map((finding) => ({ ...finding }));
  }

  /** Changes whenever the findings do. */
  get revision(): number {
    return this.#revision;
  }

  #read(): void {
    const text = this.#text;
    while (this.#at < text.length) {
      if (this.#open !== undefined) {
        if (!this.#continue(this.#open)) break;
        continue;
      }
      text.starved = false;
      const match = this.#judge();
      if (text.starved) break;
      if (match === undefined) this.#at += 1;
      else this.#take(match);
      text.forget(this.#at);
    }
  }

  #judge(): Match | undefined {
    for (const detector of detectorsFor(this.#text.at(this.#at))) {
      const match = detector(this.#text, this.#at);
      if (match !== undefined || this.#text.starved) return match;
    }
    return undefined;
  }

  #take({ kind, confidence, from, to, tail }: Match): void {
    const start = this.#text.startOf(from);
    const end = this.#text.endOf(to - 1);
    const finding: PersonalFinding = { kind, category: categoryOf(kind), confidence, start, end };
    this.#findings.push(finding);
    this.#revision += 1;
    this.#at = to;
    this.#open = tail && { finding, tail };
  }

  /** Takes the next unit into the open finding, or closes it. False: whether it belongs there is not known yet. */
  #continue({ finding, tail }: Open): boolean {
    const text = this.#text;
    text.starved = false;
    const belongs = tail === "pem" || goesOn(text, this.#at, tail);
    if (text.starved) return false;
    if (!belongs) {
      this.#open = undefined;
      return true;
    }
    this.#at += 1;
    finding.end = text.endOf(this.#at - 1);
    this.#revision += 1;
    if (tail === "pem" && endsPem(text, this.#at)) this.#open = undefined;
    text.forget(this.#at);
    return true;
  }
}

/** A full stop belongs to a value only when the value goes on behind it. */
function goesOn(text: Reading, at: number, tail: "token" | "graphic"): boolean {
  const unit = text.at(at);
  if (unit !== FULL_STOP) return belongsTo(tail, unit);
  const next = text.at(at + 1);
  return next !== FULL_STOP && belongsTo(tail, next);
}

function belongsTo(tail: "token" | "graphic", unit: number): boolean {
  if (tail === "token") return isKeyUnit(unit) || TOKEN_SIGNS.has(unit);
  return unit > 0x20 && unit < 0x7f && !GRAPHIC_ENDS.has(unit);
}

function detectorsFor(unit: number): readonly Detector[] {
  if (unit < 0x80) {
    if (isDigit(unit)) return AT_DIGIT;
    if (isLetter(unit)) return AT_LETTER;
    if (unit === 0x2b) return AT_PLUS;
    if (unit === 0x2d) return AT_DASH;
    return unit > 0x20 ? AT_SIGN : NOWHERE;
  }
  if (!isHan(unit)) return NOWHERE;
  if (PLATE_PROVINCES.has(unit)) return AT_PROVINCE;
  return hanDigit(unit) === undefined ? AT_HAN : AT_HAN_DIGIT;
}
