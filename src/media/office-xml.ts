import { XMLParser } from "fast-xml-parser";
import { documentUnreadable } from "./document-errors.ts";

/** Deeper than text boxes in tables in text boxes. Keeps the walks through a tree from running out of stack. */
const DEPTH_MAX = 200;

/** Entities and numbers are off: no DOCTYPE can make a text grow, and what looks like a number stays as it was written. */
const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: "",
  ignoreDeclaration: true,
  ignorePiTags: true,
  parseTagValue: false,
  parseAttributeValue: false,
  processEntities: false,
  trimValues: false,
  maxNestedTags: DEPTH_MAX,
  jPath: false,
});

/** One element of a part. Names come without their prefix, which every program chooses for itself. */
export class XmlNode {
  readonly name: string;
  readonly #inner: readonly unknown[];
  readonly #attributes: Readonly<Record<string, unknown>>;

  constructor(name: string, inner: readonly unknown[], attributes: Readonly<Record<string, unknown>>) {
    this.name = localName(name);
    this.#inner = inner;
    this.#attributes = attributes;
  }

  get children(): XmlNode[] {
    return this.#inner.flatMap((raw) => {
      const [name, inner] = nameAndInner(raw);
      if (name === "" || name.startsWith("#") || !Array.isArray(inner)) return [];
      return [new XmlNode(name, inner, attributesOf(raw))];
    });
  }

  /** The text directly in the element, with character references decoded. */
  get text(): string {
    return this.#inner
      .map((raw) => {
        const [name, inner] = nameAndInner(raw);
        return name === "#text" ? decodeReferences(String(inner)) : "";
      })
      .join("");
  }

  child(name: string): XmlNode | undefined {
    return this.children.find((child) => child.name === name);
  }

  /** All elements of this name below, in order, but none within another of them. */
  descendants(name: string): XmlNode[] {
    return this.children.flatMap((child) => (child.name === name ? [child] : child.descendants(name)));
  }

  /** An attribute by its local name, of one with a prefix the one without. Empty when there is none. */
  attribute(name: string): string {
    const own = this.#attributes[name] ?? this.#attributes[this.#named(name) ?? ""];
    return typeof own === "string" ? decodeReferences(own) : "";
  }

  /** `r:id`: where the document's relations say what it means. */
  get relationId(): string {
    const named = this.#named("id");
    return named === undefined ? "" : String(this.#attributes[named]);
  }

  #named(name: string): string | undefined {
    return Object.keys(this.#attributes).find((full) => full !== name && localName(full) === name);
  }
}

/**
 * Parses one part of an Office document and returns its root.
 * @throws YingdaError `document_unreadable` when it is not well-formed, or has a DOCTYPE, which Office never writes.
 */
export function parseOfficeXml(xml: string): XmlNode {
  if (xml.includes("<!DOCTYPE")) throw documentUnreadable("damaged");
  let nodes: unknown;
  try {
    nodes = parser.parse(xml, true);
  } catch {
    // The library's message quotes the text, so it goes no further.
    throw documentUnreadable("damaged");
  }
  const root = new XmlNode("", Array.isArray(nodes) ? nodes : [], {}).children[0];
  if (root === undefined) throw documentUnreadable("damaged");
  return root;
}

function localName(name: string): string {
  return name.slice(name.indexOf(":") + 1);
}

/** With `preserveOrder` a node is an object with one key, its name or `#text`, and `:@` for its attributes. */
function nameAndInner(raw: unknown): [string, unknown] {
  if (typeof raw === "object" && raw !== null) {
    for (const [name, inner] of Object.entries(raw)) {
      if (name !== ":@") return [name, inner];
    }
  }
  return ["", []];
}

function attributesOf(raw: unknown): Record<string, unknown> {
  const attributes = (raw as { ":@"?: Record<string, unknown> })[":@"];
  return attributes ?? {};
}

const NAMED: Record<string, string> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

function decodeReferences(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(/&(?:(lt|gt|amp|quot|apos)|#(\d{1,7})|#x([0-9a-fA-F]{1,6}));/g, (whole, named, decimal, hex) => {
    if (named !== undefined) return NAMED[named] ?? whole;
    const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : "";
  });
}
