/** A document that stands in a message as text, as the demo model sees it. */
export interface ModelDocument {
  name: string | undefined;
  firstLine: string;
  /** By the marks between them (`--- 第 3 页 ---`, `--- page 3 ---`); 0 when there are none. */
  pages: number;
}

/** Blocks of the service that hold no document. */
const OTHER_BLOCKS = new Set(["chat-context", "chat-speaker", "chat-quote"]);
const BLOCK = /<(chat-[a-z-]+)([^>]*)>([\s\S]*?)<\/\1>/g;
const PAGE_MARK = /^---\s*(?:第\s*\d+\s*(?:页|张|个)|(?:page|slide|sheet)\s+\d+)[^\n]*---\s*$/gim;

/** The first document of a message: a block of the service that is neither context, speaker nor quote, or text with page marks. */
export function documentIn(content: string): ModelDocument | undefined {
  for (const [, tag = "", attributes = "", text = ""] of content.matchAll(BLOCK)) {
    if (!OTHER_BLOCKS.has(tag) && text.trim() !== "") return read(text, attributes);
  }
  return PAGE_MARK.test(content) ? read(content.slice(content.search(PAGE_MARK)), "") : undefined;
}

function read(text: string, attributes: string): ModelDocument {
  const marks = text.match(PAGE_MARK) ?? [];
  const firstLine = text.replaceAll(PAGE_MARK, "").trim().split("\n", 1)[0]?.trim() ?? "";
  return { name: /name="([^"]*)"/.exec(attributes)?.[1], firstLine, pages: marks.length };
}
