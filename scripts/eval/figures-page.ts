import { readFileSync, writeFileSync } from "node:fs";

/** The page with the committed figures, and the parts of it that are made. */
export const FIGURES_PAGE = new URL("../../docs/moderation-figures.md", import.meta.url);

export type Part = "committed" | "sets";

/** What stands on the page for a part, without the marks around it. */
export function readPart(part: Part): string {
  const page = readFileSync(FIGURES_PAGE, "utf8");
  return partOf(page, part).text;
}

/** Puts new figures in the place of a part. */
export function writePart(part: Part, text: string): void {
  const page = readFileSync(FIGURES_PAGE, "utf8");
  const { from, to } = partOf(page, part);
  writeFileSync(FIGURES_PAGE, `${page.slice(0, from)}${text}${page.slice(to)}`);
}

function partOf(page: string, part: Part): { from: number; to: number; text: string } {
  const begin = `<!-- ${part}: made by npm run eval:moderation -- --write -->\n`;
  const from = page.indexOf(begin) + begin.length;
  const to = page.indexOf(`\n<!-- end of ${part} -->`, from);
  if (from < begin.length || to < 0) throw new Error(`docs/moderation-figures.md has no part ${part}`);
  return { from, to, text: page.slice(from, to) };
}
