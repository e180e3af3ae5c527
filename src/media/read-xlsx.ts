import { documentUnreadable } from "./document-errors.ts";
import type { DocumentPieces } from "./document-text.ts";
import { markdownTable } from "./markdown-table.ts";
import { formatNumber, type NumberFormat, numberFormatOf } from "./number-format.ts";
import type { OfficeParts } from "./office-parts.ts";
import type { XmlNode } from "./office-xml.ts";
import { relationsOf } from "./relations.ts";

const WORKBOOK = "xl/workbook.xml";
/** Of a workbook with more, the first ones are read. */
const SHEETS_MAX = 100;
/** Of one sheet: some fifty thousand cells. The beginning of a longer one is read. */
const SHEET_BYTES_MAX = 4 * 1024 * 1024;
/** Of the texts that all sheets share; cells whose text lies behind it are shown as missing. */
const STRINGS_BYTES_MAX = 8 * 1024 * 1024;
const ROWS_MAX = 5_000;
/** Columns that are looked at; a cell beyond is left out. */
const COLUMNS_MAX = 60;

/**
 * A workbook in Markdown: each sheet a table, in the workbook's order, hidden ones marked. Cells as people see them: shared and
 * inline texts, truth values, numbers without the machine's last digit, dates and times by their number format, and of
 * formulas the value that was last computed.
 */
export function readXlsx(parts: OfficeParts): DocumentPieces {
  const workbook = parts.xml(WORKBOOK);
  if (workbook === null) throw documentUnreadable("damaged");
  const relations = relationsOf(parts, WORKBOOK);
  const sheets = (workbook.child("sheets")?.children ?? []).flatMap((sheet) => {
    const relation = relations.get(sheet.relationId);
    if (relation?.kind !== "worksheet") return [];
    return [
      {
        name: sheet.attribute("name"),
        part: relation.target,
        hidden: sheet.attribute("state") !== "" && sheet.attribute("state") !== "visible",
      },
    ];
  });
  const byKind = (kind: string) => [...relations.values()].find((relation) => relation.kind === kind)?.target;
  const reader = new SheetReader(parts, {
    strings: byKind("sharedStrings"),
    styles: byKind("styles"),
    dates1904: ["1", "true"].includes(workbook.child("workbookPr")?.attribute("date1904") ?? ""),
  });
  function* pieces(): Generator<string> {
    for (const [index, { name, part, hidden }] of sheets.slice(0, SHEETS_MAX).entries()) {
      const table = reader.read(part);
      if (table !== "") yield `--- 工作表 ${index + 1}：${name}${hidden ? "（隐藏）" : ""} ---\n${table}`;
    }
  }
  return {
    counted: { unit: "sheet", count: sheets.length },
    pieces: pieces(),
    leftOut: () => reader.leftOut || sheets.length > SHEETS_MAX,
  };
}

class SheetReader {
  /** A row, a column or a text was not read. */
  leftOut = false;
  readonly #parts: OfficeParts;
  readonly #strings: string[];
  readonly #formats: NumberFormat[];
  readonly #dates1904: boolean;

  constructor(
    parts: OfficeParts,
    workbook: { strings: string | undefined; styles: string | undefined; dates1904: boolean },
  ) {
    this.#parts = parts;
    this.#strings = this.#readStrings(workbook.strings);
    this.#formats = readFormats(workbook.styles === undefined ? null : parts.xml(workbook.styles));
    this.#dates1904 = workbook.dates1904;
  }

  /** One sheet as a table; empty when nothing is in it. */
  read(part: string): string {
    const sheet = this.#parts.xmlList(part, "row", SHEET_BYTES_MAX);
    if (sheet === null) return "";
    const elements = (sheet.root.child("sheetData")?.children ?? []).filter(({ name }) => name === "row");
    if (sheet.cut || elements.length > ROWS_MAX) this.leftOut = true;
    const rows = elements.slice(0, ROWS_MAX).map((row) => this.#cells(row));
    // Formatted rows without a word, thousands of them, lie below many tables.
    return markdownTable(rows.filter((row) => row.some((cell) => cell !== "")));
  }

  #cells(row: XmlNode): string[] {
    const cells: string[] = [];
    for (const cell of row.children) {
      if (cell.name !== "c") continue;
      const column = columnOf(cell.attribute("r")) ?? cells.length;
      const text = this.#textOf(cell);
      if (column >= COLUMNS_MAX) this.leftOut ||= text !== "";
      else {
        while (cells.length < column) cells.push("");
        cells[column] = text;
      }
    }
    return cells;
  }

  #textOf(cell: XmlNode): string {
    const value = cell.child("v")?.text ?? "";
    switch (cell.attribute("t")) {
      case "s":
        return this.#sharedText(value);
      case "inlineStr":
        return richText(cell.child("is"));
      case "str":
      case "e":
      case "d":
        return unescaped(value);
      case "b":
        return value === "1" ? "TRUE" : "FALSE";
      default: {
        const format = this.#formats[Number(cell.attribute("s") || 0)] ?? { kind: "plain" };
        return formatNumber(value, format, this.#dates1904);
      }
    }
  }

  #sharedText(index: string): string {
    const text = this.#strings[Number(index)];
    if (text === undefined) this.leftOut = true;
    return text ?? "…";
  }

  #readStrings(part: string | undefined): string[] {
    const list = part === undefined ? null : this.#parts.xmlList(part, "si", STRINGS_BYTES_MAX);
    return (list?.root.children ?? []).filter(({ name }) => name === "si").map((item) => richText(item));
  }
}

/** The texts of its runs, without the reading aids above Japanese ones. */
function richText(item: XmlNode | undefined): string {
  const runs = (item?.children ?? []).flatMap((child) => (child.name === "r" ? child.children : [child]));
  return unescaped(runs.map((child) => (child.name === "t" ? child.text : "")).join(""));
}

/** Excel writes characters that XML cannot hold as `_x000D_`. */
function unescaped(text: string): string {
  return text.replace(/_x([0-9A-Fa-f]{4})_/g, (_whole, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** `B3` is column 1; null where a program leaves the reference out and means the next. */
function columnOf(reference: string): number | null {
  const letters = /^([A-Z]{1,3})\d*$/.exec(reference)?.[1];
  if (letters === undefined) return null;
  return Array.from(letters).reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 64, 0) - 1;
}

/** The number format of each cell style. */
function readFormats(styles: XmlNode | null): NumberFormat[] {
  const codes = new Map(
    (styles?.child("numFmts")?.children ?? []).map((format) => [
      Number(format.attribute("numFmtId")),
      format.attribute("formatCode"),
    ]),
  );
  return (styles?.child("cellXfs")?.children ?? []).map((style) => {
    const id = Number(style.attribute("numFmtId") || 0);
    return numberFormatOf(id, codes.get(id));
  });
}
