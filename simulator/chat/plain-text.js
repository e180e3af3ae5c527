import { el } from "./dom.js";
import { readBareUrl, safeHref } from "./markdown-links.js";

/**
 * Shows text as it was written, with line breaks; addresses become links and known @names are marked.
 * @param {HTMLElement} container
 * @param {string} text
 * @param {readonly string[]} names
 */
export function showPlainText(container, text, names) {
  container.replaceChildren(...plainParts(text, names).map((part) => draw(part)));
}

/** @typedef {{ kind: "text" | "link" | "mention", text: string }} Part */

/**
 * @param {string} text
 * @param {readonly string[]} names
 * @returns {Part[]}
 */
export function plainParts(text, names) {
  // the longest first: "@应答助手" is not "@应答" and a word
  const known = names.filter((name) => name !== "").toSorted((a, b) => b.length - a.length);
  /** @type {Part[]} */
  const parts = [];
  let from = 0;
  for (const { index } of text.matchAll(/@|https?:\/\//g)) {
    if (index < from) continue;
    const name = text[index] === "@" ? known.find((candidate) => text.startsWith(candidate, index + 1)) : undefined;
    const url = text[index] === "@" ? "" : readBareUrl(text, index);
    const found = name !== undefined ? `@${name}` : safeHref(url) === url ? url : "";
    if (found === "") continue;
    if (index > from) parts.push({ kind: "text", text: text.slice(from, index) });
    parts.push({ kind: name === undefined ? "link" : "mention", text: found });
    from = index + found.length;
  }
  if (from < text.length) parts.push({ kind: "text", text: text.slice(from) });
  return parts;
}

/** @param {Part} part */
function draw(part) {
  if (part.kind === "text") return part.text;
  if (part.kind === "mention") return el("span", { class: "mention", text: part.text });
  return el("a", { href: part.text, target: "_blank", rel: "noopener noreferrer", text: part.text });
}
