/** What an answer is made of: the shapes that rules look for. Pure. */

/** Letter case, full width and kinds of quotation marks do not matter. */
export function folded(text: string): string {
  return text.normalize("NFKC").toLowerCase().replace(/[’‘`]/g, "'").replace(/[“”]/g, '"');
}

/** The language of the prose: code and addresses do not count. */
export function proseLanguage(text: string): "zh" | "en" | "mixed" {
  const prose = text.replace(/```[\s\S]*?(?:```|$)|`[^`\n]*`|https?:\/\/\S+/g, " ");
  const han = prose.match(/\p{Script=Han}/gu)?.length ?? 0;
  const words = prose.match(/\p{Script=Latin}+/gu)?.length ?? 0;
  if (han + words === 0) return "mixed";
  const share = han / (han + words);
  if (share >= 0.6) return "zh";
  return share <= 0.2 ? "en" : "mixed";
}

export interface CodeBlock {
  language: string;
  code: string;
}

export function codeBlocks(text: string): CodeBlock[] {
  return [...text.matchAll(/^[ \t]*```[ \t]*([\w+#.-]*)[^\n]*\n([\s\S]*?)^[ \t]*```/gm)].map(
    ([, language = "", code = ""]) => ({ language: language.toLowerCase(), code }),
  );
}

/** The JSON value of an answer: alone, else in its only code block. `around`: words beside it. Undefined: there is none. */
export function jsonIn(text: string): { value: unknown; around: boolean } | undefined {
  const blocks = codeBlocks(text);
  const only = blocks.length === 1 ? blocks[0]?.code : undefined;
  for (const source of [text, only]) {
    if (source === undefined) continue;
    try {
      const outside = source === only && !/^\s*```[^\n]*\n[\s\S]*```\s*$/.test(text);
      return { value: JSON.parse(source.trim()), around: outside };
    } catch {
      // Not this one.
    }
  }
  return undefined;
}

export function filledLines(text: string): string[] {
  return text.split("\n").filter((line) => line.trim() !== "");
}

const ITEM = /^\s*(?:[-*•·]\s+|\d{1,2}\s*[.、)）]\s*|[（(]\d{1,2}[）)]\s*|[①-⑳]\s*|[一二三四五六七八九十]{1,2}、)/;

/** Items of lists, a bold number before them included. */
export function listItems(text: string): number {
  return filledLines(text).filter((line) => ITEM.test(line.replace(/^(\s*(?:[-*•]\s+)?)\*\*/, "$1"))).length;
}

/** Columns of the widest Markdown table; 0: none. */
export function tableColumns(text: string): number {
  const lines = text.split("\n");
  const widths = lines.map((line, index) =>
    /^\s*\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)+\|?\s*$/.test(line) && lines[index - 1]?.includes("|") === true
      ? line.split("|").filter((cell) => cell.trim() !== "").length
      : 0,
  );
  return Math.max(0, ...widths);
}

/** Every number that the text writes in digits; 万, 亿 and thousands' commas are read. */
export function numbersIn(text: string): number[] {
  const scales: Record<string, number> = { 万: 1e4, 亿: 1e8 };
  return [...text.normalize("NFKC").matchAll(/(?<![\d.])-?\d[\d,]*(?:\.\d+)?\s?([万亿])?/g)].map(
    ([written, scale = ""]) => Number.parseFloat(written.replaceAll(",", "")) * (scales[scale] ?? 1),
  );
}
