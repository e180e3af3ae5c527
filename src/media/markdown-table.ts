/** Columns of one table that are shown; a sheet may have sixteen thousand. */
const COLUMNS_MAX = 60;

/** Rows as a Markdown table, the first as its head. Empty columns at the right are left out; nothing for a table without text. */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const width = rows.reduce((most, row) => Math.min(COLUMNS_MAX, Math.max(most, filledLength(row))), 0);
  if (width === 0) return "";
  const [head = [], ...body] = rows;
  const lines = [tableRow(head, width), tableRow(new Array(width).fill("---"), width)];
  return [...lines, ...body.map((row) => tableRow(row, width))].join("\n");
}

/** One line of a table of `width` columns. */
export function tableRow(cells: readonly string[], width: number): string {
  const shown = Array.from({ length: width }, (_, index) => cellText(cells[index] ?? ""));
  return `| ${shown.join(" | ")} |`;
}

function cellText(text: string): string {
  return text.replaceAll("|", "\\|").replace(/\s+/g, " ").trim();
}

function filledLength(row: readonly string[]): number {
  return row.findLastIndex((cell) => cell.trim() !== "") + 1;
}
