import { isDigit, type Reading, unitsOf } from "./reading.ts";

/** Digits as people group them: 138 1234 5678, 6217-8885-… One kind of separator, single, between digits only. */
export interface DigitRun {
  digits: string;
  /** Index behind each digit. */
  ends: number[];
  /** How many digits there are up to the end of each group. */
  groupEnds: number[];
  /** 0: there is one group only. */
  separator: number;
}

const SEPARATORS = unitsOf(" -.·");

/** Reads from a digit on; no more than `digitsMax` digits. */
export function readDigits(text: Reading, at: number, digitsMax: number): DigitRun {
  const run: DigitRun = { digits: "", ends: [], groupEnds: [], separator: 0 };
  let index = at;
  while (run.digits.length < digitsMax) {
    const unit = text.at(index);
    if (isDigit(unit)) {
      run.digits += String.fromCharCode(unit);
      index += 1;
      run.ends.push(index);
      continue;
    }
    const goesOn =
      SEPARATORS.has(unit) && (run.separator === 0 || run.separator === unit) && isDigit(text.at(index + 1));
    if (!goesOn) break;
    run.groupEnds.push(run.digits.length);
    run.separator = unit;
    index += 1;
  }
  run.groupEnds.push(run.digits.length);
  return run;
}

/** Sizes of the groups that make up the first `count` digits, `3-4-4`; empty when the last of them ends elsewhere. */
export function groupsOf(run: DigitRun, count: number): string {
  const sizes: number[] = [];
  let from = 0;
  for (const end of run.groupEnds) {
    if (end > count) break;
    sizes.push(end - from);
    from = end;
  }
  return from === count ? sizes.join("-") : "";
}

const HAN_DIGITS: ReadonlyMap<number, string> = new Map(
  ["零〇洞", "一壹幺", "二贰", "三叁", "四肆", "五伍", "六陆", "七柒", "八捌", "九玖"].flatMap((forms, value) =>
    [...forms].map((form): [number, string] => [form.charCodeAt(0), String(value)]),
  ),
);

/** The digit that a Chinese numeral stands for, or undefined. */
export function hanDigit(unit: number): string | undefined {
  return HAN_DIGITS.get(unit);
}

/** Reads digits written in Chinese, plain ones among them, spaces and dashes between. `hanCount`: how many are Chinese. */
export function readHanDigits(text: Reading, at: number, digitsMax: number): DigitRun & { hanCount: number } {
  const run = { digits: "", ends: [] as number[], groupEnds: [] as number[], separator: 0, hanCount: 0 };
  let index = at;
  while (run.digits.length < digitsMax) {
    const unit = text.at(index);
    const han = hanDigit(unit);
    if (han !== undefined || isDigit(unit)) {
      run.digits += han ?? String.fromCharCode(unit);
      if (han !== undefined) run.hanCount += 1;
      index += 1;
      run.ends.push(index);
      continue;
    }
    const next = unit === 0x20 || unit === 0x2d ? text.at(index + 1) : 0;
    if (hanDigit(next) === undefined && !isDigit(next)) break;
    run.separator = unit;
    index += 1;
  }
  run.groupEnds.push(run.digits.length);
  return run;
}
