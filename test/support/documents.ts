import { strToU8, zipSync, zlibSync } from "fflate";

/** Documents as programs write them, made by code, so that a test shows what is in them. */

const XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006";

/** A ZIP archive of these parts; texts become XML parts with their declaration. */
export function officeFile(parts: Record<string, string | Uint8Array>): Buffer {
  const types = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>';
  const entries = Object.entries({ "[Content_Types].xml": types, ...parts }).map(([name, content]) => [
    name,
    typeof content === "string" ? strToU8(XML + content) : content,
  ]);
  return Buffer.from(zipSync(Object.fromEntries(entries)));
}

/** `body`: what stands in `<w:body>`. */
export function docxFile(body: string, parts: Record<string, string | Uint8Array> = {}): Buffer {
  const document = `<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>${body}<w:sectPr/></w:body></w:document>`;
  return officeFile({ "word/document.xml": document, ...parts });
}

export function paragraph(text: string, properties = ""): string {
  const own = properties === "" ? "" : `<w:pPr>${properties}</w:pPr>`;
  return `<w:p>${own}<w:r><w:t xml:space="preserve">${text}</w:t></w:r></w:p>`;
}

/** `sheets`: the rows of each, as XML, by its name. */
export function xlsxFile(
  sheets: Record<string, string>,
  {
    parts = {},
    workbookPr = "",
    states = {},
  }: { parts?: Record<string, string>; workbookPr?: string; states?: Record<string, string> } = {},
): Buffer {
  const names = Object.keys(sheets);
  const list = names.map((name, index) => {
    const state = states[name] === undefined ? "" : ` state="${states[name]}"`;
    return `<sheet name="${name}" sheetId="${index + 10}"${state} r:id="rId${index + 1}"/>`;
  });
  const relations = names.map((_name, index) =>
    relation(`rId${index + 1}`, "worksheet", `worksheets/part${index}.xml`),
  );
  for (const kind of ["sharedStrings", "styles"]) {
    if (parts[`xl/${kind}.xml`] !== undefined) relations.push(relation(kind, kind, `/xl/${kind}.xml`));
  }
  const sheetParts = names.map((name, index) => [
    `xl/worksheets/part${index}.xml`,
    `<worksheet><sheetData>${sheets[name]}</sheetData></worksheet>`,
  ]);
  return officeFile({
    "xl/workbook.xml": `<workbook xmlns:r="${OFFICE}/relationships">${workbookPr}<sheets>${list.join("")}</sheets></workbook>`,
    "xl/_rels/workbook.xml.rels": relationsPart(relations),
    ...Object.fromEntries(sheetParts),
    ...parts,
  });
}

/** `slides`: what stands in each slide's shape tree, with its notes, in the order of the presentation. */
export function pptxFile(slides: readonly { shapes: string; notes?: string; show?: string }[]): Buffer {
  const parts: Record<string, string> = {};
  const list: string[] = [];
  const relations: string[] = [];
  slides.forEach(({ shapes, notes, show }, index) => {
    // The parts' names run backwards: their order must not matter.
    const name = `slide${slides.length - index}`;
    const hidden = show === undefined ? "" : ` show="${show}"`;
    list.push(`<p:sldId id="${256 + index}" r:id="rId${index + 1}"/>`);
    relations.push(relation(`rId${index + 1}`, "slide", `slides/${name}.xml`));
    parts[`ppt/slides/${name}.xml`] = `<p:sld${hidden}><p:cSld><p:spTree>${shapes}</p:spTree></p:cSld></p:sld>`;
    if (notes === undefined) return;
    parts[`ppt/slides/_rels/${name}.xml.rels`] = relationsPart([
      relation("rId1", "notesSlide", `../notesSlides/${name}.xml`),
    ]);
    parts[`ppt/notesSlides/${name}.xml`] =
      `<p:notes><p:cSld><p:spTree>${shape([notes], "body")}${shape(["1"], "sldNum")}</p:spTree></p:cSld></p:notes>`;
  });
  return officeFile({
    "ppt/presentation.xml": `<p:presentation><p:sldIdLst>${list.join("")}</p:sldIdLst></p:presentation>`,
    "ppt/_rels/presentation.xml.rels": relationsPart(relations),
    ...parts,
  });
}

export function shape(paragraphs: readonly string[], placeholder?: string): string {
  const own = placeholder === undefined ? "" : `<p:ph type="${placeholder}"/>`;
  const text = paragraphs.map((line) => `<a:p><a:r><a:t>${line}</a:t></a:r></a:p>`).join("");
  return `<p:sp><p:nvSpPr><p:cNvPr id="2" name="x"/><p:nvPr>${own}</p:nvPr></p:nvSpPr><p:txBody><a:bodyPr/>${text}</p:txBody></p:sp>`;
}

function relation(id: string, kind: string, target: string): string {
  return `<Relationship Id="${id}" Type="${OFFICE}/relationships/${kind}" Target="${target}"/>`;
}

function relationsPart(relations: readonly string[]): string {
  return `<Relationships>${relations.join("")}</Relationships>`;
}

/** A PDF whose pages show these lines in Helvetica, each page's content deflated. */
export function pdfFile(pages: readonly (readonly string[])[], { trailer = "" }: { trailer?: string } = {}): Buffer {
  const contents = pages.map((lines) => {
    const shown = lines.map((line) => `(${line.replace(/[()\\]/g, "\\$&")}) Tj T*`).join("\n");
    return Buffer.from(zlibSync(strToU8(`BT /F1 12 Tf 14 TL 72 720 Td\n${shown}\nET`)));
  });
  return pdfOfContents(contents, { trailer });
}

const HELVETICA = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>";

/** A PDF whose pages have these contents, already deflated. */
export function pdfOfContents(
  contents: readonly Uint8Array[],
  { trailer = "", font = HELVETICA }: { trailer?: string; font?: string } = {},
): Buffer {
  const kids = contents.map((_content, index) => `${4 + index * 2} 0 R`).join(" ");
  const objects: (string | Buffer)[] = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    `<< /Type /Pages /Kids [${kids}] /Count ${contents.length} >>`,
    font,
  ];
  contents.forEach((content, index) => {
    const resources = "/Resources << /Font << /F1 3 0 R >> >>";
    objects.push(
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] ${resources} /Contents ${5 + index * 2} 0 R >>`,
      Buffer.concat([
        Buffer.from(`<< /Length ${content.length} /Filter /FlateDecode >>\nstream\n`),
        content,
        Buffer.from("\nendstream"),
      ]),
    );
  });
  const pieces: Buffer[] = [Buffer.from("%PDF-1.7\n")];
  const offsets: number[] = [];
  let at = pieces[0]?.length ?? 0;
  objects.forEach((object, index) => {
    const piece = Buffer.concat([Buffer.from(`${index + 1} 0 obj\n`), Buffer.from(object), Buffer.from("\nendobj\n")]);
    offsets.push(at);
    at += piece.length;
    pieces.push(piece);
  });
  const table = offsets.map((offset) => `${String(offset).padStart(10, "0")} 00000 n \n`).join("");
  pieces.push(
    Buffer.from(
      `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${table}trailer\n<< /Size ${objects.length + 1} /Root 1 0 R ${trailer} >>\nstartxref\n${at}\n%%EOF\n`,
    ),
  );
  return Buffer.concat(pieces);
}

/** A PDF in a Chinese font that it neither carries nor explains, as older programs write them: `hex` is in that encoding. */
export function chinesePdfFile(encoding: string, hex: string): Buffer {
  const content = Buffer.from(zlibSync(strToU8(`BT /F1 12 Tf 72 720 Td <${hex}> Tj ET`)));
  const font = [
    `<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding /${encoding} /DescendantFonts [`,
    "<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /DW 1000",
    "/CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 4 >>",
    "/FontDescriptor << /Type /FontDescriptor /FontName /STSong-Light /Flags 6 /FontBBox [-25 -254 1000 880]",
    "/ItalicAngle 0 /Ascent 880 /Descent -120 /CapHeight 880 /StemV 93 >> >> ] >>",
  ];
  return pdfOfContents([content], { font: font.join("\n") });
}
