/** Addresses in markdown: which are safe, and where they end. */

/** How far ahead the end of a link is looked for: without it, a row of brackets costs quadratic time. */
const LABEL_MAX = 500;
const HREF_MAX = 2048;

// stops at white space, quotes, and the Chinese characters that follow an address without a space between
const BARE_URL = /https?:\/\/[^\s<>"'`|\u3000-\u303f\uff00-\uffef\u4e00-\u9fff\u2018-\u201d]{1,2048}/y;

/**
 * The address of a link, when it is of a kind that cannot run code here; otherwise null.
 * @param {string} href
 * @returns {string | null}
 */
export function safeHref(href) {
  // what browsers drop before they read the scheme: "java\nscript:" is "javascript:" to them
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these characters are the point
  const bare = href.replace(/[\u0000-\u0020\u007f]/g, "");
  return bare.length <= HREF_MAX && /^(https?:\/\/[^/]|mailto:.)/i.test(bare) ? bare : null;
}

/**
 * Reads `[label](href "title")` that begins at `open`, the index of the bracket.
 * @param {string} text
 * @param {number} open
 * @returns {{ label: string, href: string, end: number } | null}
 */
export function readLink(text, open) {
  const labelEnd = matching(text, open, "[", "]", LABEL_MAX);
  if (labelEnd === -1 || text[labelEnd + 1] !== "(") return null;
  const end = matching(text, labelEnd + 1, "(", ")", HREF_MAX);
  if (end === -1) return null;
  const [href = ""] = text
    .slice(labelEnd + 2, end)
    .trim()
    .split(/\s/, 1);
  const bare = href.startsWith("<") && href.endsWith(">") ? href.slice(1, -1) : href;
  return { label: text.slice(open + 1, labelEnd), href: bare, end: end + 1 };
}

/**
 * The address that begins at `from`, without the punctuation of the sentence around it; "" when there is none.
 * @param {string} text
 * @param {number} from
 * @returns {string}
 */
export function readBareUrl(text, from) {
  BARE_URL.lastIndex = from;
  const url = BARE_URL.exec(text)?.[0] ?? "";
  let unopened = 0;
  for (const char of url) unopened += char === ")" ? 1 : char === "(" ? -1 : 0;
  let end = url.length;
  while (end > 0) {
    const char = url[end - 1] ?? "";
    // "(see http://a/b_(c))": the first bracket is the address's own, the second closes the sentence's
    if (char === ")" && unopened <= 0) break;
    if (!".,;:!?*_~)]}".includes(char)) break;
    if (char === ")") unopened -= 1;
    end -= 1;
  }
  return url.slice(0, end);
}

/**
 * @param {string} text
 * @param {number} from index of an `opening`
 * @param {string} opening
 * @param {string} closing
 * @param {number} reach
 * @returns {number} index of the `closing` that ends it, or -1
 */
function matching(text, from, opening, closing, reach) {
  let depth = 0;
  const last = Math.min(text.length, from + reach);
  for (let at = from; at < last; at += 1) {
    const char = text[at];
    if (char === "\\") at += 1;
    else if (char === opening) depth += 1;
    else if (char === closing) {
      depth -= 1;
      if (depth === 0) return at;
    }
  }
  return -1;
}
