import { plainInline } from "./plain-inline.ts";

/** About a line of WeCom's bubble on a phone, in columns; a Chinese character takes two. */
const LINE_COLUMNS_MAX = 36;
/** Names of columns are repeated in every row when a table is too wide; longer ones, or many, would make a book of it. */
const NAME_UNITS_MAX = 40;
const GROWTH_MAX = 3;
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
/** The line below a table's head. */
const DELIMITER = /^\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?$/;

export function isTableHead(line: string, next: string | undefined): boolean {
  return line.includes("|") && next?.includes("|") === true && DELIMITER.test(next.trim());
}

/** How many of the lines from `start`, a table's head, belong to it. */
export function tableLength(lines: readonly string[], start: number): number {
  let end = start + 2;
  while (end < lines.length && lines[end]?.includes("|")) end += 1;
  return end - start;
}

/**
 * A table for eyes without columns: one that fits a phone's line as `a | b`, a wider one row by row, each value beside its
 * column's name. Blanks would not align anything, since WeCom's letters have different widths.
 */
export function plainTable(lines: readonly string[]): string[] {
  const indent = /^[ \t]*/.exec(lines[0] ?? "")?.[0] ?? "";
  const [head = [], ...rows] = lines.filter((_, index) => index !== 1).map(cellsOf);
  const asLines = [head, ...rows].map((cells) => indent + cells.join(" | ").trimEnd());
  if (asLines.every((line) => columns(line) <= LINE_COLUMNS_MAX) || rows.length === 0) return asLines;
  if (head.some((name) => name.length > NAME_UNITS_MAX)) return asLines;
  const records = rows.flatMap((cells) => recordOf(head, cells)).map((line) => indent + line);
  const units = (all: string[]): number => all.reduce((sum, line) => sum + line.length, 0);
  return units(records) > GROWTH_MAX * units(asLines) ? asLines : records;
}

function recordOf(head: string[], cells: string[]): string[] {
  return cells
    .map((value, index) => ({ name: head[index] ?? "", value }))
    .filter(({ value }) => value !== "")
    .map(({ name, value }, index) => (index === 0 ? "• " : "  ") + named(name, value));
}

function named(name: string, value: string): string {
  if (name === "") return value;
  return /\p{Script=Han}$/u.test(name) ? `${name}：${value}` : `${name}: ${value}`;
}

function cellsOf(line: string): string[] {
  const bare = line
    .trim()
    .replace(/^\|/, "")
    .replace(/(?<!\\)\|$/, "");
  return bare.split(/(?<!\\)\|/).map((cell) => plainInline(cell.trim().replaceAll("\\|", "|"), " "));
}

function columns(text: string): number {
  let sum = 0;
  for (const character of text) sum += WIDE.test(character) ? 2 : 1;
  return sum;
}
