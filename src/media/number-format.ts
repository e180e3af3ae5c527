/** What a cell's number format makes of the number: only what changes its meaning, not its colour or width. */
export type NumberFormat =
  | { kind: "plain" }
  | { kind: "percent"; decimals: number }
  | { kind: "date"; date: boolean; time: boolean }
  /** Hours beyond a day: `[h]:mm`. */
  | { kind: "duration" };

const PLAIN: NumberFormat = { kind: "plain" };

/** Formats that every program knows by number (ECMA-376, part 1, 18.8.30); 27 to 58 are dates in Chinese and Japanese. */
const BUILT_IN = new Map<number, NumberFormat>([
  [9, { kind: "percent", decimals: 0 }],
  [10, { kind: "percent", decimals: 2 }],
  ...range(14, 17).map((id) => [id, { kind: "date", date: true, time: false }] as const),
  ...range(18, 21).map((id) => [id, { kind: "date", date: false, time: true }] as const),
  [22, { kind: "date", date: true, time: true }],
  ...range(27, 31).map((id) => [id, { kind: "date", date: true, time: false }] as const),
  ...range(32, 35).map((id) => [id, { kind: "date", date: false, time: true }] as const),
  [36, { kind: "date", date: true, time: false }],
  [45, { kind: "date", date: false, time: true }],
  [46, { kind: "duration" }],
  [47, { kind: "date", date: false, time: true }],
  ...range(50, 54).map((id) => [id, { kind: "date", date: true, time: false }] as const),
  ...range(55, 56).map((id) => [id, { kind: "date", date: false, time: true }] as const),
  ...range(57, 58).map((id) => [id, { kind: "date", date: true, time: false }] as const),
]);

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

/** The format of an id, whose code is given where the workbook defines it itself. */
export function numberFormatOf(id: number, code: string | undefined): NumberFormat {
  if (code === undefined) return BUILT_IN.get(id) ?? PLAIN;
  // What is quoted, escaped or a place-holder is not part of the pattern; behind the first semicolon stand negative numbers.
  const bare = code.replace(/"[^"]*"|\\.|[_*]./g, "").split(";", 1)[0] ?? "";
  if (/\[(h+|m+|s+)\]/i.test(bare)) return { kind: "duration" };
  const pattern = bare.replace(/\[[^\]]*\]/g, "");
  if (/general/i.test(pattern)) return PLAIN;
  if (/[ymdhs年月日时分秒]/i.test(pattern)) {
    const time = /[hs时分秒]/i.test(pattern);
    return { kind: "date", date: !time || /[yd年日]/i.test(pattern), time };
  }
  const percent = /(?:\.(0+))?%/.exec(pattern);
  return percent === null ? PLAIN : { kind: "percent", decimals: percent[1]?.length ?? 0 };
}

const DAY_S = 86_400;
/** Days between the counts of Excel and of 1970, after the 29 February 1900 that Excel believes in. */
const DAYS_1900_TO_1970 = 25_569;
const DAYS_1904_TO_1900 = 1_462;
/** 31 December 9999. */
const SERIAL_MAX = 2_958_465;

/** A cell's stored number as people see it; what is no number is given as it is. */
export function formatNumber(stored: string, format: NumberFormat, dates1904: boolean): string {
  const value = Number(stored);
  if (stored.trim() === "" || !Number.isFinite(value)) return stored;
  switch (format.kind) {
    case "plain":
      return plain(value);
    case "percent":
      return `${(value * 100).toFixed(Math.min(format.decimals, 10))}%`;
    case "duration":
      return clockTime(Math.round(value * DAY_S));
    case "date":
      return date(value + (dates1904 ? DAYS_1904_TO_1900 : 0), format) ?? plain(value);
  }
}

/** Excel computes with fifteen digits; the sixteenth is the machine's. */
function plain(value: number): string {
  return String(Number(value.toPrecision(15)));
}

function date(serial: number, { date: hasDate, time: hasTime }: { date: boolean; time: boolean }): string | null {
  if (serial < 0 || serial >= SERIAL_MAX + 1) return null;
  // Seconds, not days, are rounded: 23:59:59.7 belongs to the next day.
  const totalS = Math.round(serial * DAY_S);
  const days = Math.floor(totalS / DAY_S);
  const time = clockTime(totalS - days * DAY_S);
  // A time of day is stored without a day.
  if (!hasDate || (hasTime && days === 0)) return time;
  // Before March 1900 the day that never was is not yet counted.
  const real = new Date((days - DAYS_1900_TO_1970 + (days < 60 ? 1 : 0)) * DAY_S * 1000);
  const day = days === 60 ? "1900-02-29" : real.toISOString().slice(0, 10);
  return hasTime ? `${day} ${time}` : day;
}

function clockTime(totalS: number): string {
  const seconds = Math.abs(totalS);
  const two = (value: number) => String(value).padStart(2, "0");
  const sign = totalS < 0 ? "-" : "";
  return `${sign}${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}
