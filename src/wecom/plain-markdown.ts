import { type CodeFence, fenceClosedAt, fenceOpenedAt } from "./code-fence.ts";
import { APP_TEXT_BYTES_MAX } from "./payloads.ts";
import { plainInline } from "./plain-inline.ts";
import { isTableHead, plainTable, tableLength } from "./plain-table.ts";

/** Of headings: longer ones are sentences, which brackets would not make easier to find. */
const TITLE_UNITS_MAX = 60;
/** Levels that get brackets; deeper ones are lines of their own. */
const TITLE_LEVEL_MAX = 3;
/** Quotes and items inside one another; what is deeper is text. Bounds the work and the marks that are shown. */
const DEPTH_MAX = 6;
/** Lines looked over for the end of a formula. */
const FORMULA_LINES_MAX = 60;
const RULE = "————————";

const RULE_LINE = /^ {0,3}([-*_])[ \t]*\1[ \t]*\1[ \t]*$/;
const HEADING = /^ {0,3}(#{1,6})[ \t]+/;
const BULLET = /^([ \t]*)[-*+][ \t]+/;
const NUMBER = /^[ \t]*\d{1,9}[.)][ \t]+/;
const TASK = /^\[([ xX])\][ \t]+/;
/** A mark without a space behind it is a comparison or a face. */
const QUOTE = /^([ \t]*)((?:>[ \t]?)*>)(?:[ \t]|$)/;
const INDENTED = /^(?: {4}|\t)/;

/**
 * A model's markdown as plain text for the self-built app's chat, which shows marks as they are (wecom-protocol 3.2):
 * headings in 【】, lists with • or their numbers, quotes behind ｜, tables as lines, links as `text (url)`. Fenced code
 * stays as it is, fences included, so that `splitText` keeps it whole; so do formulas. No word is lost, and a text without
 * markdown is returned as it is.
 *
 * Goes line by line and reads what lies within a line with the lexer, so its time grows with the text and hostile nesting
 * has nothing to build on. What a line cannot show keeps its marks: emphasis over several lines, underlined headings.
 */
export function plainMarkdown(text: string): string {
  return new PlainText(text.split("\n")).read();
}

class PlainText {
  readonly #lines: readonly string[];
  readonly #plain: string[] = [];
  #fence: { fence: CodeFence; quoted: boolean } | null = null;
  #inList = false;
  #inIndentedCode = false;

  constructor(lines: readonly string[]) {
    this.#lines = lines;
  }

  read(): string {
    for (let at = 0; at < this.#lines.length; ) at += this.#take(at);
    return this.#plain.join("\n");
  }

  /** Takes the line at `at` and what belongs to it; answers how many lines that are. */
  #take(at: number): number {
    const line = this.#lines[at] ?? "";
    if (this.#fence !== null && this.#takeCode(line, this.#fence)) return 1;
    if (this.#isIndentedCode(line, at)) return this.#keep(at, 1);
    const formula = formulaLength(this.#lines, at);
    if (formula > 0) return this.#keep(at, formula);
    if (this.#opensFence(line, false)) return this.#keep(at, 1);
    if (isTableHead(line, this.#lines[at + 1])) {
      const length = tableLength(this.#lines, at);
      this.#plain.push(...plainTable(this.#lines.slice(at, at + length)));
      return length;
    }
    if (BULLET.test(line) || NUMBER.test(line)) this.#inList = true;
    else if (/^\S/.test(line)) this.#inList = false;
    const end = line.endsWith("\r") ? "\r" : "";
    this.#plain.push(this.#block(end === "" ? line : line.slice(0, -1), 0) + end);
    return 1;
  }

  #keep(at: number, count: number): number {
    this.#plain.push(...this.#lines.slice(at, at + count));
    return count;
  }

  /** False when the line does not belong to the code any more: a quote with a fence in it has ended. */
  #takeCode(line: string, { fence, quoted }: { fence: CodeFence; quoted: boolean }): boolean {
    const quote = quoted ? /^([ \t]*)> ?/.exec(line) : null;
    if (quoted && quote === null) {
      this.#fence = null;
      return false;
    }
    const code = quote === null ? line : line.slice(quote[0].length);
    this.#plain.push(quote === null ? line : `${quote[1] ?? ""}｜${code}`);
    if (fenceClosedAt(code, 0, fence) !== undefined) this.#fence = null;
    return true;
  }

  #opensFence(line: string, quoted: boolean): boolean {
    const fence = fenceOpenedAt(line, 0, APP_TEXT_BYTES_MAX);
    if (fence === undefined) return false;
    this.#fence = { fence, quoted };
    return true;
  }

  /** Begins after a blank line and outside of lists, whose items are indented too. */
  #isIndentedCode(line: string, at: number): boolean {
    const begins = !this.#inList && (at === 0 || this.#lines[at - 1]?.trim() === "");
    this.#inIndentedCode = INDENTED.test(line) && line.trim() !== "" && (this.#inIndentedCode || begins);
    return this.#inIndentedCode;
  }

  #block(line: string, depth: number): string {
    if (depth >= DEPTH_MAX) return line;
    if (RULE_LINE.test(line)) return RULE;
    const quote = QUOTE.exec(line);
    if (quote !== null) return this.#quote(line, quote, depth);
    const heading = HEADING.exec(line);
    if (heading !== null) return title(line.slice(heading[0].length), heading[1]?.length ?? 1) ?? line;
    const bullet = BULLET.exec(line);
    if (bullet !== null) return this.#item(`${bullet[1] ?? ""}• `, line.slice(bullet[0].length), depth) ?? line;
    const number = NUMBER.exec(line);
    if (number !== null) return this.#item(number[0], line.slice(number[0].length), depth) ?? line;
    return plainInline(line);
  }

  #quote(line: string, [all, indent = "", marks = ""]: RegExpExecArray, depth: number): string {
    const rest = line.slice(all.length);
    const levels = Math.min(DEPTH_MAX, marks.replace(/[^>]/g, "").length);
    const bar = indent + "｜".repeat(levels);
    return bar + (this.#opensFence(rest, true) ? rest : this.#block(rest, depth + 1));
  }

  #item(mark: string, rest: string, depth: number): string | null {
    if (rest.trim() === "") return null;
    // A fence is one at the beginning of a line only, for us as for who cuts the text into messages.
    if (this.#opensFence(rest, false)) return `${mark.trimEnd()}\n${" ".repeat(mark.length)}${rest}`;
    const task = TASK.exec(rest);
    const box = task === null ? "" : task[1] === " " ? "☐ " : "☑ ";
    return mark + box + this.#block(rest.slice(task?.[0].length ?? 0), depth + 1);
  }
}

/** Null for a heading without a word. */
function title(source: string, level: number): string | null {
  const text = plainInline(withoutClosing(source.trim()), " ");
  if (text === "") return null;
  const bracketed = level <= TITLE_LEVEL_MAX && text.length <= TITLE_UNITS_MAX && !/[【】]/.test(text);
  return bracketed ? `【${text}】` : text;
}

/** Without the marks that may close a heading. */
function withoutClosing(text: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === "#") end -= 1;
  return end === 0 || end === text.length || !/\s/.test(text[end - 1] ?? "") ? text : text.slice(0, end).trimEnd();
}

/** Lines of the formula that stands by itself from `start` on; 0: none, or one that does not end. */
function formulaLength(lines: readonly string[], start: number): number {
  const first = lines[start]?.trim() ?? "";
  const closing = first.startsWith("$$") ? "$$" : first.startsWith("\\[") ? "\\]" : null;
  if (closing === null) return 0;
  if (first.length > 2 && first.slice(2).endsWith(closing)) return 1;
  if (first.slice(2).includes(closing)) return 0;
  for (let at = start + 1; at < Math.min(lines.length, start + FORMULA_LINES_MAX); at += 1) {
    if (lines[at]?.trimEnd().endsWith(closing)) return at - start + 1;
  }
  return 0;
}
