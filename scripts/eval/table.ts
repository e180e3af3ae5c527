/** A table as Markdown, its columns aligned so that it reads well as plain text too. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, column) =>
    Math.max(3, widthOf(cell), ...rows.map((row) => widthOf(row[column] ?? ""))),
  );
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, column) => pad(cells[column] ?? "", width)).join(" | ")} |`;
  return [line(head), `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`, ...rows.map(line)].join("\n");
}

function pad(cell: string, width: number): string {
  return cell + " ".repeat(width - widthOf(cell));
}

/** Chinese characters take two columns in a terminal. */
function widthOf(cell: string): number {
  return [...cell].reduce((sum, character) => sum + (/[\u1100-\uffe6]/u.test(character) ? 2 : 1), 0);
}
