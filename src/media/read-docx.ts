import { documentUnreadable } from "./document-errors.ts";
import type { DocumentPieces } from "./document-text.ts";
import { markdownTable } from "./markdown-table.ts";
import type { OfficeParts } from "./office-parts.ts";
import type { XmlNode } from "./office-xml.ts";

/**
 * A Word document in Markdown: paragraphs, headings, lists, tables, text boxes where they are anchored. Left out is what a
 * reader of the page does not see there: hidden text, deleted text, field codes; and headers, footers, notes and comments.
 */
export function readDocx(parts: OfficeParts): DocumentPieces {
  const body = parts.xml("word/document.xml")?.child("body");
  if (body === undefined) throw documentUnreadable("damaged");
  const styles = new Styles(parts);
  const numbering = new Numbering(parts);
  return { counted: null, pieces: blocksOf(body, styles, numbering), leftOut: () => false };
}

/** Elements that only wrap others: content controls, tracked insertions. */
const WRAPPERS: ReadonlySet<string> = new Set(["sdt", "sdtContent", "ins", "moveTo", "customXml", "smartTag"]);

function* blocksOf(container: XmlNode, styles: Styles, numbering: Numbering): Generator<string> {
  for (const child of container.children) {
    if (WRAPPERS.has(child.name)) yield* blocksOf(child, styles, numbering);
    const block =
      child.name === "p"
        ? paragraphOf(child, styles, numbering)
        : child.name === "tbl"
          ? tableOf(child, styles, numbering)
          : "";
    if (block.trim() !== "") yield block;
  }
}

function paragraphOf(paragraph: XmlNode, styles: Styles, numbering: Numbering): string {
  const properties = paragraph.child("pPr");
  const inBoxes: string[] = [];
  const text = inlineText(paragraph, (box) => inBoxes.push(...blocksOf(box, styles, numbering))).trim();
  const level = styles.headingLevel(properties);
  const list = properties?.child("numPr");
  let own = text;
  if (text !== "" && level !== null) own = `${"#".repeat(Math.min(level, 6))} ${text.replace(/\s+/g, " ")}`;
  else if (text !== "" && list !== undefined) own = `${numbering.mark(list)}${text}`;
  return [own, ...inBoxes].filter((block) => block !== "").join("\n");
}

/** What is read differently, or not at all, inside a paragraph. */
const UNSEEN: ReadonlySet<string> = new Set(["pPr", "rPr", "del", "moveFrom", "delText", "instrText", "docPr"]);

function inlineText(node: XmlNode, onTextBox: (box: XmlNode) => void): string {
  let text = "";
  for (const child of node.children) {
    switch (child.name) {
      case "t":
        text += child.text;
        break;
      case "tab":
        text += "\t";
        break;
      case "br":
      case "cr":
        text += "\n";
        break;
      case "noBreakHyphen":
        text += "-";
        break;
      case "txbxContent":
        onTextBox(child);
        break;
      case "AlternateContent": {
        // The same content twice, for newer and for older programs.
        const [first] = child.children;
        if (first !== undefined) text += inlineText(first, onTextBox);
        break;
      }
      default:
        if (!UNSEEN.has(child.name) && !isHidden(child)) text += inlineText(child, onTextBox);
    }
  }
  return text;
}

function isHidden(run: XmlNode): boolean {
  const vanish = run.name === "r" ? run.child("rPr")?.child("vanish") : undefined;
  return vanish !== undefined && !["0", "false"].includes(vanish.attribute("val"));
}

function tableOf(table: XmlNode, styles: Styles, numbering: Numbering): string {
  return markdownTable(
    elementsThrough(table, "tr").map((row) =>
      elementsThrough(row, "tc").flatMap((cell) => {
        const properties = cell.child("tcPr");
        const merged = properties?.child("vMerge");
        // Continues the cell above it, which has the text.
        const continues = merged !== undefined && merged.attribute("val") !== "restart";
        const text = continues ? "" : [...blocksOf(cell, styles, numbering)].join(" ");
        const span = Math.min(60, Number(properties?.child("gridSpan")?.attribute("val") ?? 1) || 1);
        return [text, ...new Array(span - 1).fill("")];
      }),
    ),
  );
}

function elementsThrough(parent: XmlNode, name: string): XmlNode[] {
  return parent.children.flatMap((child) => {
    if (child.name === name) return [child];
    return WRAPPERS.has(child.name) ? elementsThrough(child, name) : [];
  });
}

/** Which styles are headings: by their outline level, or by the name that Word gives them in every language. */
class Styles {
  readonly #levels = new Map<string, number>();

  constructor(parts: OfficeParts) {
    for (const style of parts.xml("word/styles.xml")?.children ?? []) {
      if (style.name !== "style") continue;
      const name = style.child("name")?.attribute("val") ?? "";
      const named = /^heading (\d)$/i.exec(name)?.[1] ?? (/^title$/i.test(name) ? "1" : undefined);
      const level = named === undefined ? outlineLevel(style.child("pPr")) : Number(named);
      if (level !== null) this.#levels.set(style.attribute("styleId"), level);
    }
  }

  headingLevel(properties: XmlNode | undefined): number | null {
    const own = outlineLevel(properties);
    return own ?? this.#levels.get(properties?.child("pStyle")?.attribute("val") ?? "") ?? null;
  }
}

/** 1 to 9; Word counts from 0, and 9 is a text without a level. */
function outlineLevel(properties: XmlNode | undefined): number | null {
  const value = properties?.child("outlineLvl")?.attribute("val") ?? "";
  return /^[0-8]$/.test(value) ? Number(value) + 1 : null;
}

const LEVELS_MAX = 9;

/** Which lists are numbered, and how far each of them has come. */
class Numbering {
  /** `numId:level` of numbered lists. */
  readonly #numbered = new Set<string>();
  readonly #counts = new Map<string, number>();

  constructor(parts: OfficeParts) {
    const root = parts.xml("word/numbering.xml");
    const ofAbstract = new Map<string, XmlNode[]>();
    for (const child of root?.children ?? []) {
      if (child.name === "abstractNum") {
        ofAbstract.set(
          child.attribute("abstractNumId"),
          child.children.filter(({ name }) => name === "lvl"),
        );
      }
      if (child.name !== "num") continue;
      for (const level of ofAbstract.get(child.child("abstractNumId")?.attribute("val") ?? "") ?? []) {
        const format = level.child("numFmt")?.attribute("val") ?? "bullet";
        if (format === "bullet" || format === "none") continue;
        this.#numbered.add(`${child.attribute("numId")}:${level.attribute("ilvl")}`);
      }
    }
  }

  /** What stands before the next item of a list. */
  mark(list: XmlNode): string {
    const listId = list.child("numId")?.attribute("val") ?? "0";
    if (listId === "0") return "";
    const level = Math.min(LEVELS_MAX, Number(list.child("ilvl")?.attribute("val") ?? 0) || 0);
    const indent = "  ".repeat(level);
    const key = `${listId}:${level}`;
    if (!this.#numbered.has(key)) return `${indent}- `;
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, count);
    // Items below begin at one again.
    for (let deeper = level + 1; deeper <= LEVELS_MAX; deeper += 1) this.#counts.delete(`${listId}:${deeper}`);
    return `${indent}${count}. `;
  }
}
