import { el } from "./dom.js";
import { parseMarkdown } from "./markdown.js";

/**
 * Draws parsed markdown. Every text becomes a text node and every address went through `safeHref`; there is no way
 * from a message to markup.
 * @import { Block } from "./markdown.js"
 * @import { Inline } from "./markdown-inline.js"
 */

/** @typedef {{ copy: string, thinking: string, thought: string, table: string }} Labels */

const SHORT_CELL_UNITS = 12;

/**
 * Shows `text` in `container`. Blocks whose text did not change keep their elements, so that a growing answer does not
 * lose a selection, a scrolled table or an opened fold.
 * @param {HTMLElement} container
 * @param {string} text
 * @param {Labels} labels
 */
export function showMarkdown(container, text, labels) {
  const blocks = parseMarkdown(text);
  const drawn = /** @type {HTMLElement[]} */ ([...container.children]);
  blocks.forEach(({ block, source }, index) => {
    const old = drawn[index];
    const key = `${block.kind}\n${source}`;
    if (old !== undefined && shown.get(old) === key) return;
    const node = drawBlock(block, labels);
    shown.set(node, key);
    if (old === undefined) container.append(node);
    else {
      if (old instanceof HTMLDetailsElement && node instanceof HTMLDetailsElement) node.open = old.open;
      old.replaceWith(node);
    }
  });
  for (const extra of drawn.slice(blocks.length)) extra.remove();
}

/** What each drawn block was made from. @type {WeakMap<HTMLElement, string>} */
const shown = new WeakMap();

/**
 * @param {Block} block
 * @param {Labels} labels
 * @returns {HTMLElement}
 */
function drawBlock(block, labels) {
  const nested = (/** @type {Block[]} */ blocks) => blocks.map((inner) => drawBlock(inner, labels));
  switch (block.kind) {
    case "heading":
      // the page's own headings are h1 and h2; what a message says comes below them
      return el(headingTag(block.level), { class: `md-h${block.level}` }, ...drawInline(block.inline));
    case "paragraph":
      return el("p", {}, ...drawInline(block.inline));
    case "code":
      return drawCode(block.language, block.text, labels);
    case "list": {
      const items = block.items.map((item) => {
        const box = item.done === null ? null : el("span", { class: "md-task", text: item.done ? "☑" : "☐" });
        return el("li", { class: item.done === null ? null : "md-task-item" }, box, ...nested(item.blocks));
      });
      return block.ordered ? el("ol", { start: block.start }, ...items) : el("ul", {}, ...items);
    }
    case "quote":
      return el("blockquote", {}, ...nested(block.blocks));
    case "rule":
      return el("hr");
    case "table":
      return drawTable(block, labels);
    case "think":
      return el(
        "details",
        { class: "md-think", open: !block.closed },
        el("summary", { text: block.closed ? labels.thought : labels.thinking }),
        ...nested(block.blocks),
      );
  }
}

/**
 * @param {number} level
 * @returns {"h3" | "h4" | "h5" | "h6"}
 */
function headingTag(level) {
  return level <= 1 ? "h3" : level === 2 ? "h4" : level === 3 ? "h5" : "h6";
}

/**
 * @param {string} language
 * @param {string} text
 * @param {Labels} labels
 */
function drawCode(language, text, labels) {
  return el(
    "div",
    { class: "md-code" },
    el(
      "div",
      { class: "md-code-head" },
      el("span", { text: language }),
      el("button", { type: "button", class: "link-button", "data-copy": "code", text: labels.copy }),
    ),
    el("pre", { tabindex: 0 }, el("code", { text })),
  );
}

/**
 * @param {Extract<Block, { kind: "table" }>} table
 * @param {Labels} labels
 */
function drawTable(table, labels) {
  /** @type {(tag: "th" | "td", cells: Inline[][]) => HTMLElement} */
  const row = (tag, cells) =>
    el(
      "tr",
      {},
      ...table.align.map((align, column) => {
        const cell = el(tag, { scope: tag === "th" ? "col" : null }, ...drawInline(cells[column] ?? []));
        if (align !== "") cell.classList.add(`md-${align}`);
        // Chinese may break anywhere, and a narrow column would break a word of four characters
        if ((cell.textContent ?? "").length <= SHORT_CELL_UNITS) cell.classList.add("md-short");
        return cell;
      }),
    );
  return el(
    "div",
    { class: "md-table", tabindex: 0, role: "region", "aria-label": labels.table },
    el(
      "table",
      {},
      el("thead", {}, row("th", table.header)),
      el("tbody", {}, ...table.rows.map((cells) => row("td", cells))),
    ),
  );
}

/**
 * @param {Inline[]} nodes
 * @returns {(Node | string)[]}
 */
function drawInline(nodes) {
  return nodes.map((node) => drawNode(node));
}

/**
 * @param {Inline} node
 * @returns {Node | string}
 */
function drawNode(node) {
  switch (node.kind) {
    case "text":
      return node.text;
    case "code":
      return el("code", { text: node.text });
    case "break":
      return el("br");
    case "strong":
    case "em":
    case "del":
      return el(node.kind, {}, ...drawInline(node.children));
    case "link":
      return el("a", { href: node.href, target: "_blank", rel: "noopener noreferrer" }, ...drawInline(node.children));
  }
}
