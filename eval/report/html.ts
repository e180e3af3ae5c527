/** Markup that is known to be safe to put into a page. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Part = string | number | Html | readonly Html[];

/** A template whose values are escaped; what is `Html` already goes in as it is. Nothing else becomes markup. */
export function html(fixed: TemplateStringsArray, ...parts: Part[]): Html {
  let text = fixed[0] ?? "";
  for (const [index, part] of parts.entries()) text += asText(part) + (fixed[index + 1] ?? "");
  return new Html(text);
}

function asText(part: Part): string {
  if (part instanceof Html) return part.text;
  if (typeof part === "object") return part.map(({ text }) => text).join("");
  return escaped(String(part));
}

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** For text and for attributes in quotes. Control characters, which a page may not hold, become a sign that can be seen. */
export function escaped(text: string): string {
  return text
    .toWellFormed()
    .replace(/[&<>"']/g, (sign) => ENTITIES[sign] ?? "")
    .replace(/[^\P{Cc}\t\n\r]/gu, "�");
}
