/** What a single line of markdown is. Plain string work where a pattern could backtrack. */

/**
 * @param {string | undefined} line
 * @returns {boolean}
 */
export function isBlank(line) {
  return line === undefined || line.trim() === "";
}

/**
 * @param {string | undefined} line
 * @returns {number} spaces at its start
 */
export function indentOf(line) {
  const text = line ?? "";
  return text.length - text.trimStart().length;
}

/**
 * Tabs at the start of a line become four spaces each.
 * @param {string} line
 * @returns {string}
 */
export function expandTabs(line) {
  const indent = indentOf(line);
  return line.slice(0, indent).replaceAll("\t", "    ") + line.slice(indent);
}

/**
 * @param {string | undefined} line
 * @returns {boolean}
 */
export function isQuote(line) {
  return (line ?? "").trimStart().startsWith(">");
}

/**
 * `---`, `* * *`, `___`.
 * @param {string} line
 * @returns {boolean}
 */
export function isRule(line) {
  const bare = line.replace(/[ \t]/g, "");
  return /^(?:-{3,}|\*{3,}|_{3,})$/.test(bare);
}

/**
 * @param {string} line
 * @returns {{ level: number, text: string } | null}
 */
export function headingOf(line) {
  const bare = line.trim();
  let level = 0;
  while (bare[level] === "#") level += 1;
  if (level === 0 || level > 6 || indentOf(line) > 3) return null;
  if (bare.length > level && bare[level] !== " ") return null;
  let end = bare.length;
  while (end > level && bare[end - 1] === "#") end -= 1;
  // "# C#" keeps its sign; "# title ##" does not
  if (end > level && bare[end - 1] !== " ") end = bare.length;
  return { level, text: bare.slice(level, end).trim() };
}

/**
 * The alignment of a table's columns, when these two lines begin one; otherwise null.
 * @param {string | undefined} header
 * @param {string | undefined} delimiter
 * @param {number} columnsMax
 * @returns {("left" | "center" | "right" | "")[] | null}
 */
export function tableAlign(header, delimiter, columnsMax) {
  if (header === undefined || delimiter === undefined || !header.includes("|") || !delimiter.includes("-")) return null;
  const cells = splitCells(delimiter);
  if (cells.length > columnsMax || cells.length !== splitCells(header).length) return null;
  /** @type {("left" | "center" | "right" | "")[]} */
  const align = [];
  for (const cell of cells) {
    if (!/^:?-+:?$/.test(cell)) return null;
    const left = cell.startsWith(":");
    const right = cell.endsWith(":");
    align.push(left && right ? "center" : right ? "right" : left ? "left" : "");
  }
  return align;
}

/**
 * The cells of a table's line: cut at bars, except at `\|`.
 * @param {string} line
 * @returns {string[]}
 */
export function splitCells(line) {
  const bare = line.trim();
  /** @type {string[]} */
  const cells = [];
  let cell = "";
  for (let at = 0; at < bare.length; at += 1) {
    const char = bare[at] ?? "";
    if (char === "\\" && bare[at + 1] === "|") {
      cell += "|";
      at += 1;
    } else if (char === "|") {
      cells.push(cell.trim());
      cell = "";
    } else cell += char;
  }
  cells.push(cell.trim());
  if (bare.startsWith("|")) cells.shift();
  if (cells.length > 1 && bare.endsWith("|") && !bare.endsWith("\\|")) cells.pop();
  return cells;
}
