import { XMLParser } from "fast-xml-parser";
import { YingdaError } from "../base/errors.ts";

export interface XmlElement {
  name: string;
  /** CDATA as it stands; plain text with the five predefined entities decoded. Empty when there are children. */
  text: string;
  children: XmlElement[];
}

/** Deeper than any callback (SelectedItems is 4 levels deep). Keeps the walk below from running out of stack. */
const DEPTH_MAX = 10;

/**
 * Entities, numbers and attributes are off: no DOCTYPE can make text grow or reach a file, and ids beyond 2^53 stay
 * text. Order is kept so that CDATA, where `&lt;` means itself, can be told from plain text.
 */
const parser = new XMLParser({
  preserveOrder: true,
  cdataPropName: "#cdata",
  ignoreAttributes: true,
  ignoreDeclaration: true,
  ignorePiTags: true,
  parseTagValue: false,
  processEntities: false,
  trimValues: false,
  maxNestedTags: DEPTH_MAX,
  jPath: false,
});

/**
 * Parses the decrypted XML of a callback and returns its `<xml>` element. Only for authenticated text: the
 * envelope around it is read by envelope-xml.ts.
 * @throws YingdaError `malformed_body` when it is not well-formed or its root is not `<xml>`.
 */
export function parseXml(xml: string): XmlElement {
  let nodes: unknown;
  try {
    nodes = parser.parse(xml, true);
  } catch {
    // The library's message quotes the text, so it goes no further.
    throw malformed();
  }
  const roots = elementsOf(nodes);
  const root = roots[0];
  if (root === undefined || roots.length > 1 || root.name !== "xml") throw malformed();
  return root;
}

function elementsOf(nodes: unknown): XmlElement[] {
  return listOf(nodes).flatMap((node) => {
    const [name, inner] = nameAndInner(node);
    if (name.startsWith("#")) return [];
    const children = elementsOf(inner);
    return [{ name, text: children.length > 0 ? "" : textOf(inner), children }];
  });
}

/** White space around a CDATA is layout; without a CDATA it is part of the text. */
function textOf(nodes: unknown): string {
  let text = "";
  let plain = "";
  let cdata = 0;
  for (const node of listOf(nodes)) {
    const [name, inner] = nameAndInner(node);
    if (name === "#cdata") {
      cdata += 1;
      text +=
        plain.trim() +
        listOf(inner)
          .map((part) => stringOf(nameAndInner(part)[1]))
          .join("");
      plain = "";
    } else {
      plain += decodeEntities(stringOf(inner));
    }
  }
  return text + (cdata > 0 ? plain.trim() : plain);
}

const ENTITIES: Record<string, string> = { "&lt;": "<", "&gt;": ">", "&amp;": "&", "&quot;": '"', "&apos;": "'" };

function decodeEntities(text: string): string {
  return text.replace(/&(?:lt|gt|amp|quot|apos);/g, (entity) => ENTITIES[entity] ?? entity);
}

/** With `preserveOrder` a node is an object with one key: its name, or `#text`, or `#cdata`. */
function nameAndInner(node: unknown): [string, unknown] {
  if (typeof node === "object" && node !== null) {
    for (const [name, inner] of Object.entries(node)) {
      if (name !== ":@") return [name, inner];
    }
  }
  return ["#text", ""];
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function stringOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function malformed(): YingdaError {
  return new YingdaError("malformed_body", "the decrypted callback is not well-formed XML with the root <xml>");
}
