import { parseInline } from "./markdown-inline.js";
import { expandTabs, headingOf, indentOf, isBlank, isQuote, isRule, splitCells, tableAlign } from "./markdown-lines.js";

/**
 * The markdown that WeCom draws in an AI bot's answers (wecom-protocol 4.7): headings, bold, italic, nested lists,
 * quotes, links, rules, code, tables and a folding `<think>` part. Text in, plain objects out; nothing here knows the
 * page, so it can be tested anywhere. HTML is never interpreted.
 * @import { Inline } from "./markdown-inline.js"
 */

/**
 * @typedef {{ kind: "heading", level: number, inline: Inline[] }
 *   | { kind: "paragraph", inline: Inline[] }
 *   | { kind: "code", language: string, text: string, closed: boolean }
 *   | { kind: "list", ordered: boolean, start: number, items: { done: boolean | null, blocks: Block[] }[] }
 *   | { kind: "quote", blocks: Block[] }
 *   | { kind: "table", align: ("left" | "center" | "right" | "")[], header: Inline[][], rows: Inline[][][] }
 *   | { kind: "rule" }
 *   | { kind: "think", closed: boolean, blocks: Block[] }} Block
 */

/** @typedef {{ block: Block, source: string }} SourcedBlock */

/** Deeper quotes and lists are shown as they were written: a tree without bound would overflow the stack. */
const NESTING_MAX = 8;
/** A reply of the platform has at most 20480 bytes; more than this can only be a mistake and would slow the page. */
const TEXT_UNITS_MAX = 64 * 1024;
/** Wider tables are shown as text: their cells, not their characters, would be what the page chokes on. */
const TABLE_COLUMNS_MAX = 64;

const FENCE = /^ *(`{3,}|~{3,})([^`]*)$/;
const LIST_ITEM = /^( *)([-*+]|\d{1,9}[.)])(?: (.*))?$/;
const TASK = /^\[([ xX])\] /;

/**
 * Parses a whole message. Each top-level block comes with the text it was made from: while an answer grows, a block
 * whose text did not change need not be drawn again.
 * @param {string} text
 * @returns {SourcedBlock[]}
 */
export function parseMarkdown(text) {
  const whole = text.slice(0, TEXT_UNITS_MAX).replace(/\r\n?/g, "\n");
  const { think, rest } = splitThink(whole);
  return [...think, ...readBlocks(linesOf(rest), 0)];
}

/**
 * The model's thinking, which WeCom folds away. It comes before the answer or not at all.
 * @param {string} text
 * @returns {{ think: SourcedBlock[], rest: string }}
 */
function splitThink(text) {
  const start = text.trimStart();
  if (!start.startsWith("<think>")) return { think: [], rest: text };
  const end = start.indexOf("</think>");
  const closed = end !== -1;
  const source = start.slice("<think>".length, closed ? end : undefined);
  const blocks = bare(readBlocks(linesOf(source), 1));
  const rest = closed ? start.slice(end + "</think>".length) : "";
  return { think: [{ block: { kind: "think", closed, blocks }, source: `${closed}${source}` }], rest };
}

/** @param {string} text */
function linesOf(text) {
  return text.split("\n").map((line) => expandTabs(line));
}

/** @param {SourcedBlock[]} blocks */
function bare(blocks) {
  return blocks.map(({ block }) => block);
}

/**
 * @param {string[]} lines
 * @param {number} depth
 * @returns {SourcedBlock[]}
 */
function readBlocks(lines, depth) {
  /** @type {SourcedBlock[]} */
  const blocks = [];
  let at = 0;
  while (at < lines.length) {
    if (isBlank(lines[at])) {
      at += 1;
      continue;
    }
    const { block, next } = readBlock(lines, at, depth);
    blocks.push({ block, source: lines.slice(at, next).join("\n") });
    at = next;
  }
  return blocks;
}

/**
 * @param {string[]} lines
 * @param {number} at a line that is not blank
 * @param {number} depth
 * @returns {{ block: Block, next: number }}
 */
function readBlock(lines, at, depth) {
  const line = lines[at] ?? "";
  const fence = FENCE.exec(line);
  if (fence !== null) return readFence(lines, at, fence[1] ?? "", fence[2] ?? "");
  const heading = headingOf(line);
  if (heading !== null) {
    return { block: { kind: "heading", level: heading.level, inline: parseInline(heading.text) }, next: at + 1 };
  }
  if (isRule(line)) return { block: { kind: "rule" }, next: at + 1 };
  if (depth < NESTING_MAX) {
    if (isQuote(line)) return readQuote(lines, at, depth);
    if (LIST_ITEM.test(line)) return readList(lines, at, depth);
    const align = tableAlign(line, lines[at + 1], TABLE_COLUMNS_MAX);
    if (align !== null) return readTable(lines, at, align);
  }
  return readParagraph(lines, at, depth);
}

/**
 * @param {string[]} lines
 * @param {number} at
 * @param {number} depth
 * @returns {{ block: Block, next: number }}
 */
function readParagraph(lines, at, depth) {
  let next = at + 1;
  while (next < lines.length && !isBlank(lines[next]) && !startsBlock(lines, next, depth)) next += 1;
  const text = lines
    .slice(at, next)
    .map((line) => line.trim())
    .join("\n");
  return { block: { kind: "paragraph", inline: parseInline(text) }, next };
}

/**
 * Whether this line ends the paragraph before it.
 * @param {string[]} lines
 * @param {number} at
 * @param {number} depth
 */
function startsBlock(lines, at, depth) {
  const line = lines[at] ?? "";
  if (FENCE.test(line) || headingOf(line) !== null || isRule(line)) return true;
  if (depth >= NESTING_MAX) return false;
  const item = LIST_ITEM.exec(line);
  // "1998. 那一年" in the middle of a paragraph is a year, not the item of a list; and a lone "-" is a dash
  const beginsList =
    item !== null && item[3] !== undefined && (/^[-*+]/.test(item[2] ?? "") || parseInt(item[2] ?? "", 10) === 1);
  return beginsList || isQuote(line) || tableAlign(line, lines[at + 1], TABLE_COLUMNS_MAX) !== null;
}

/**
 * @param {string[]} lines
 * @param {number} at
 * @param {string} mark
 * @param {string} info
 * @returns {{ block: Block, next: number }}
 */
function readFence(lines, at, mark, info) {
  const indent = indentOf(lines[at]);
  const isClosing = (/** @type {string} */ line) => {
    const bare = line.trim();
    return bare.length >= mark.length && bare === (mark[0] ?? "").repeat(bare.length);
  };
  let end = at + 1;
  while (end < lines.length && !isClosing(lines[end] ?? "")) end += 1;
  const inside = lines.slice(at + 1, end).map((line) => line.slice(Math.min(indent, indentOf(line))));
  const language = /^[\w+#.-]{1,20}/.exec(info.trim())?.[0] ?? "";
  const closed = end < lines.length;
  return { block: { kind: "code", language, text: inside.join("\n"), closed }, next: closed ? end + 1 : end };
}

/**
 * @param {string[]} lines
 * @param {number} at
 * @param {number} depth
 * @returns {{ block: Block, next: number }}
 */
function readQuote(lines, at, depth) {
  let next = at;
  const inside = [];
  while (next < lines.length && isQuote(lines[next])) {
    inside.push((lines[next] ?? "").trimStart().replace(/^> ?/, ""));
    next += 1;
  }
  return { block: { kind: "quote", blocks: bare(readBlocks(inside, depth + 1)) }, next };
}

/**
 * @param {string[]} lines
 * @param {number} at
 * @param {number} depth
 * @returns {{ block: Block, next: number }}
 */
function readList(lines, at, depth) {
  const first = LIST_ITEM.exec(lines[at] ?? "");
  const base = first?.[1]?.length ?? 0;
  const mark = first?.[2] ?? "-";
  const ordered = /\d/.test(mark);
  /** @type {{ done: boolean | null, blocks: Block[] }[]} */
  const items = [];
  let next = at;
  while (next < lines.length) {
    const item = LIST_ITEM.exec(lines[next] ?? "");
    const belongs = item !== null && (item[1]?.length ?? 0) <= base + 1 && /\d/.test(item[2] ?? "") === ordered;
    if (item === null || !belongs || isRule(lines[next] ?? "")) break;
    const content = item[3] ?? "";
    const task = TASK.exec(content);
    const inside = [task === null ? content : content.slice(task[0].length)];
    next = readItemLines(lines, next + 1, base, inside);
    const done = task === null ? null : task[1] !== " ";
    items.push({ done, blocks: bare(readBlocks(inside, depth + 1)) });
  }
  return { block: { kind: "list", ordered, start: ordered ? parseInt(mark, 10) : 1, items }, next };
}

/**
 * Gathers the further lines of a list item: those set in deeper than its mark, and text that goes on without a break.
 * @param {string[]} lines
 * @param {number} from
 * @param {number} base indent of the item's mark
 * @param {string[]} inside receives the lines, set out
 * @returns {number} the first line that is not the item's
 */
function readItemLines(lines, from, base, inside) {
  const own = /** @type {string[]} */ ([]);
  let next = from;
  while (next < lines.length) {
    const line = lines[next] ?? "";
    const deeper = indentOf(line) >= base + 2;
    if (isBlank(line)) {
      let after = next;
      while (after < lines.length && isBlank(lines[after])) after += 1;
      const goesOn = indentOf(lines[after]) >= base + 2 && !isBlank(lines[after]);
      if (!goesOn) {
        // blank lines between two items do not end the list
        next = LIST_ITEM.test(lines[after] ?? "") ? after : next;
        break;
      }
      for (let blank = next; blank < after; blank += 1) own.push("");
      next = after;
    } else if (deeper || (!isBlank(lines[next - 1]) && !LIST_ITEM.test(line) && !startsBlock(lines, next, 0))) {
      own.push(line);
      next += 1;
    } else break;
  }
  // models set nested lists in by two, three or four spaces: what counts is the shallowest of them
  const indents = own.filter((line) => !isBlank(line) && indentOf(line) >= base + 2).map((line) => indentOf(line));
  const least = Math.min(...indents.slice(0, 1000), base + 6);
  for (const line of own) inside.push(line.slice(Math.min(least, indentOf(line))));
  return next;
}

/**
 * @param {string[]} lines
 * @param {number} at
 * @param {("left" | "center" | "right" | "")[]} align
 * @returns {{ block: Block, next: number }}
 */
function readTable(lines, at, align) {
  const cells = (/** @type {string} */ line) =>
    splitCells(line)
      .slice(0, align.length)
      .map((cell) => parseInline(cell));
  let next = at + 2;
  while (next < lines.length && !isBlank(lines[next]) && (lines[next] ?? "").includes("|")) next += 1;
  const rows = lines.slice(at + 2, next).map(cells);
  return { block: { kind: "table", align, header: cells(lines[at] ?? ""), rows }, next };
}
