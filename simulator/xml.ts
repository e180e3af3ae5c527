import { XMLParser } from "fast-xml-parser";
import { isObject, type JsonObject } from "./values.ts";

/** One element: its name, and a text, a number or the elements inside. */
export type XmlElement = readonly [name: string, value: string | number | readonly XmlElement[]];

/** Characters that XML 1.0 has no way to carry. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is meant
const NOT_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;

/** Renders `<xml>…</xml>` as WeCom writes it: texts in CDATA (a `]]>` inside is split), numbers bare (wecom-protocol 2.4). */
export function renderXml(elements: readonly XmlElement[]): string {
  return `<xml>${elements.map(renderElement).join("")}</xml>`;
}

function renderElement([name, value]: XmlElement): string {
  if (typeof value === "number") return `<${name}>${value}</${name}>`;
  if (typeof value !== "string") return `<${name}>${value.map(renderElement).join("")}</${name}>`;
  const text = value.toWellFormed().replace(NOT_XML, "").replaceAll("]]>", "]]]]><![CDATA[>");
  return `<${name}><![CDATA[${text}]]></${name}>`;
}

const parser = new XMLParser({ ignoreAttributes: true, parseTagValue: false, trimValues: false });

/** The elements below `<xml>`, or `undefined` when the text is no such document. */
export function parseXml(text: string): JsonObject | undefined {
  try {
    const document: unknown = parser.parse(text, true);
    const root = isObject(document) ? document.xml : undefined;
    return isObject(root) ? root : undefined;
  } catch {
    return undefined;
  }
}
