import { documentUnreadable } from "./document-errors.ts";
import type { DocumentPieces } from "./document-text.ts";
import { markdownTable } from "./markdown-table.ts";
import type { OfficeParts } from "./office-parts.ts";
import type { XmlNode } from "./office-xml.ts";
import { relationsOf } from "./relations.ts";

const PRESENTATION = "ppt/presentation.xml";
/** Of a longer presentation the beginning is read. */
const SLIDES_MAX = 500;

/** A presentation in Markdown: its slides in the order in which they are shown, each with its notes. Hidden slides are marked. */
export function readPptx(parts: OfficeParts): DocumentPieces {
  const root = parts.xml(PRESENTATION);
  if (root === null) throw documentUnreadable("damaged");
  const relations = relationsOf(parts, PRESENTATION);
  const slides = (root.child("sldIdLst")?.children ?? []).flatMap(({ relationId }) => {
    const relation = relations.get(relationId);
    return relation === undefined ? [] : [relation.target];
  });
  return {
    counted: { unit: "slide", count: slides.length },
    pieces: piecesOf(parts, slides.slice(0, SLIDES_MAX)),
    leftOut: () => slides.length > SLIDES_MAX,
  };
}

function* piecesOf(parts: OfficeParts, slides: readonly string[]): Generator<string> {
  for (const [index, name] of slides.entries()) {
    const slide = parts.xml(name);
    if (slide === null) continue;
    const blocks = shapesOf(slide).flatMap((shape) => blocksOf(shape));
    const notes = notesOf(parts, name);
    if (notes !== "") blocks.push(`备注：${notes}`);
    const hidden = ["0", "false"].includes(slide.attribute("show")) ? "（隐藏）" : "";
    if (blocks.length > 0) yield [`--- 第 ${index + 1} 张幻灯片${hidden} ---`, ...blocks].join("\n");
  }
}

function notesOf(parts: OfficeParts, slideName: string): string {
  const relation = [...relationsOf(parts, slideName).values()].find(({ kind }) => kind === "notesSlide");
  const notes = relation === undefined ? null : parts.xml(relation.target);
  const bodies = notes === null ? [] : shapesOf(notes).filter((shape) => placeholderOf(shape) === "body");
  return bodies.flatMap((shape) => paragraphsOf(shape)).join("\n");
}

const SHAPES: ReadonlySet<string> = new Set(["sp", "graphicFrame"]);

/** Shapes and tables, through groups and content that is there twice for older programs. */
function shapesOf(node: XmlNode): XmlNode[] {
  return node.children.flatMap((child) => {
    if (SHAPES.has(child.name)) return [child];
    if (child.name === "AlternateContent") return child.children.slice(0, 1).flatMap((first) => shapesOf(first));
    return shapesOf(child);
  });
}

/** Numbers, dates and footers stand on every slide and say nothing. */
const FURNITURE: ReadonlySet<string> = new Set(["sldNum", "dt", "ftr", "hdr"]);

function blocksOf(shape: XmlNode): string[] {
  const placeholder = placeholderOf(shape);
  if (FURNITURE.has(placeholder)) return [];
  const tables = shape.descendants("tbl").map((table) => tableOf(table));
  const paragraphs = shape.name === "sp" ? paragraphsOf(shape) : [];
  const isTitle = placeholder === "title" || placeholder === "ctrTitle";
  const text = isTitle && paragraphs.length > 0 ? [`# ${paragraphs.join(" ")}`] : paragraphs;
  return [...text, ...tables].filter((block) => block !== "");
}

function placeholderOf(shape: XmlNode): string {
  const properties = shape.children.find(({ name }) => name.startsWith("nv"))?.child("nvPr");
  const placeholder = properties?.child("ph");
  return placeholder === undefined ? "" : placeholder.attribute("type") || "body";
}

function paragraphsOf(node: XmlNode): string[] {
  return node
    .descendants("p")
    .map((paragraph) => {
      const level = Number(paragraph.child("pPr")?.attribute("lvl") ?? 0) || 0;
      const text = inlineText(paragraph).trim();
      return text === "" || level < 1 ? text : `${"  ".repeat(Math.min(level, 8))}- ${text}`;
    })
    .filter((text) => text !== "");
}

function inlineText(node: XmlNode): string {
  return node.children
    .map((child) => {
      if (child.name === "t") return child.text;
      return child.name === "br" ? "\n" : inlineText(child);
    })
    .join("");
}

function tableOf(table: XmlNode): string {
  const rows = table.children.filter(({ name }) => name === "tr");
  return markdownTable(
    rows.map((row) =>
      row.children
        .filter(({ name }) => name === "tc")
        .map((cell) => (isMerged(cell) ? "" : paragraphsOf(cell).join(" "))),
    ),
  );
}

function isMerged(cell: XmlNode): boolean {
  return [cell.attribute("hMerge"), cell.attribute("vMerge")].some((value) => value === "1" || value === "true");
}
