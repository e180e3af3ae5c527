import { readBareUrl, readLink, safeHref } from "./markdown-links.js";

/**
 * The inline half of the page's markdown: text → a tree of plain objects. Total work is bounded by the length of the
 * text times a constant: a member can make the bot repeat any text, and the page must not hang on it.
 */

/**
 * @typedef {{ kind: "text", text: string }
 *   | { kind: "code", text: string }
 *   | { kind: "break" }
 *   | { kind: "strong" | "em" | "del", children: Inline[] }
 *   | { kind: "link", href: string, children: Inline[] }} Inline
 */

/** @typedef {{ marker: string, nodes: Inline[] }} Frame */

/** Deeper nesting than this is shown as it was written: a tree without bound would overflow the stack when drawn. */
const NESTING_MAX = 12;

const ESCAPABLE = new Set("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~");
const SPECIAL = /[\\`*_~[!<\n]|https?:\/\//g;
const ANGLE_URL = /<((?:https?:\/\/|mailto:)[^\s<>]+)>/y;
const LINE_BREAK_TAG = /<br ?\/?>/iy;

/**
 * Parses one run of text.
 * @param {string} text
 * @param {number} [depth] how many links this text is inside of
 * @returns {Inline[]}
 */
export function parseInline(text, depth = 0) {
  const run = new InlineRun(text, depth);
  return run.parse();
}

class InlineRun {
  /** @type {string} */ #text;
  /** @type {number} */ #depth;
  #at = 0;
  /** Open emphasis, the outermost first; the first frame is the run itself. @type {Frame[]} */
  #frames = [{ marker: "", nodes: [] }];
  /** Lengths of backtick runs known to have no partner further on. @type {Set<number>} */
  #lonely = new Set();

  /**
   * @param {string} text
   * @param {number} depth
   */
  constructor(text, depth) {
    this.#text = text;
    this.#depth = depth;
  }

  /** @returns {Inline[]} */
  parse() {
    while (this.#at < this.#text.length) {
      SPECIAL.lastIndex = this.#at;
      const next = SPECIAL.exec(this.#text)?.index ?? this.#text.length;
      if (next > this.#at) this.#addText(this.#text.slice(this.#at, next));
      this.#at = next;
      if (next < this.#text.length) this.#special();
    }
    return this.#flatten(0).nodes;
  }

  #special() {
    const char = this.#text[this.#at] ?? "";
    if (char === "\\") this.#escape();
    else if (char === "\n") {
      this.#add({ kind: "break" });
      this.#at += 1;
    } else if (char === "`") this.#code();
    else if (char === "*" || char === "_" || char === "~") this.#emphasis(char);
    else if (char === "[" || char === "!") this.#bracket(char);
    else if (char === "<") this.#angle();
    else this.#bareUrl();
  }

  #escape() {
    const next = this.#text[this.#at + 1] ?? "";
    if (next === "\n") this.#at += 1;
    else {
      this.#addText(ESCAPABLE.has(next) ? next : `\\${next}`);
      this.#at += 1 + next.length;
    }
  }

  #code() {
    const length = this.#runLength("`");
    const from = this.#at + length;
    const end = this.#lonely.has(length) ? -1 : this.#closingTicks(from, length);
    if (end === -1) {
      this.#lonely.add(length);
      this.#addText("`".repeat(length));
      this.#at = from;
      return;
    }
    const inside = this.#text.slice(from, end).replaceAll("\n", " ");
    const padded = inside.startsWith(" ") && inside.endsWith(" ") && inside.trim() !== "";
    this.#add({ kind: "code", text: padded ? inside.slice(1, -1) : inside });
    this.#at = end + length;
  }

  /**
   * @param {number} from
   * @param {number} length
   */
  #closingTicks(from, length) {
    let at = this.#text.indexOf("`", from);
    while (at !== -1) {
      let end = at;
      while (this.#text[end] === "`") end += 1;
      if (end - at === length) return at;
      at = this.#text.indexOf("`", end);
    }
    return -1;
  }

  /**
   * Emphasis. More lenient than CommonMark, whose rules fail where Chinese punctuation meets a marker ("**注意：**内容").
   * @param {string} char
   */
  #emphasis(char) {
    let left = this.#runLength(char);
    const before = this.#text[this.#at - 1] ?? "\n";
    const after = this.#text[this.#at + left] ?? "\n";
    const insideWord = char === "_" && /[\p{L}\p{N}]/u.test(before) && /[\p{L}\p{N}]/u.test(after);
    const canOpen = !/\s/.test(after) && !insideWord;
    const canClose = !/\s/.test(before) && !insideWord;
    this.#at += left;
    while (left > 0) {
      const closes = canClose ? this.#openFrame(char, left) : -1;
      const size = char === "~" ? 2 : Math.min(left, 2);
      if (closes > 0) {
        left -= this.#frames[closes]?.marker.length ?? left;
        this.#close(closes);
      } else if (canOpen && left >= size && this.#frames.length <= NESTING_MAX) {
        this.#frames.push({ marker: char.repeat(size), nodes: [] });
        left -= size;
      } else {
        this.#addText(char.repeat(left));
        return;
      }
    }
  }

  /**
   * The innermost open frame that a run of `left` such characters can close; -1 when there is none.
   * @param {string} char
   * @param {number} left
   */
  #openFrame(char, left) {
    return this.#frames.findLastIndex(
      (frame) => frame.marker[0] === char && frame.marker.length <= left && frame.nodes.length > 0,
    );
  }

  /** @param {number} index */
  #close(index) {
    const { marker, nodes } = this.#flatten(index);
    const kind = marker.startsWith("~") ? "del" : marker.length === 2 ? "strong" : "em";
    this.#frames.length = index;
    this.#add({ kind, children: nodes });
  }

  /**
   * Turns the frames above `index` back into the text they were, since nothing closed them.
   * @param {number} index
   * @returns {Frame}
   */
  #flatten(index) {
    const [base = { marker: "", nodes: [] }, ...unclosed] = this.#frames.slice(index);
    for (const frame of unclosed) {
      appendText(base.nodes, frame.marker);
      for (const node of frame.nodes) append(base.nodes, node);
    }
    return base;
  }

  /** @param {string} char */
  #bracket(char) {
    const isImage = char === "!" && this.#text[this.#at + 1] === "[";
    const open = isImage ? this.#at + 1 : this.#at;
    const link = char === "[" || isImage ? readLink(this.#text, open) : null;
    const href = link === null ? null : safeHref(link.href);
    // no link inside a link, as in HTML; an unsafe one stays as it was written, so that people see what was tried
    if (link === null || href === null || this.#depth > 0) {
      this.#addText(char);
      this.#at += 1;
      return;
    }
    // the page loads nothing from elsewhere, so a picture is a link to it
    /** @type {Inline[]} */
    const children = isImage ? [{ kind: "text", text: `🖼 ${link.label || href}` }] : parseInline(link.label, 1);
    this.#add({ kind: "link", href, children });
    this.#at = link.end;
  }

  #angle() {
    LINE_BREAK_TAG.lastIndex = this.#at;
    const tag = LINE_BREAK_TAG.exec(this.#text);
    ANGLE_URL.lastIndex = this.#at;
    const url = tag === null && this.#depth === 0 ? ANGLE_URL.exec(this.#text)?.[1] : undefined;
    const href = url === undefined ? null : safeHref(url);
    if (tag !== null) {
      this.#add({ kind: "break" });
      this.#at += tag[0].length;
    } else if (url !== undefined && href !== null) {
      this.#add({ kind: "link", href, children: [{ kind: "text", text: url }] });
      this.#at += url.length + 2;
    } else {
      this.#addText("<");
      this.#at += 1;
    }
  }

  #bareUrl() {
    const url = this.#depth === 0 ? readBareUrl(this.#text, this.#at) : "";
    const href = safeHref(url);
    if (href === null) {
      this.#addText("http");
      this.#at += "http".length;
    } else {
      this.#add({ kind: "link", href, children: [{ kind: "text", text: url }] });
      this.#at += url.length;
    }
  }

  /** @param {string} char */
  #runLength(char) {
    let end = this.#at;
    while (this.#text[end] === char) end += 1;
    return end - this.#at;
  }

  /** @param {Inline} node */
  #add(node) {
    append(this.#frames.at(-1)?.nodes ?? [], node);
  }

  /** @param {string} text */
  #addText(text) {
    appendText(this.#frames.at(-1)?.nodes ?? [], text);
  }
}

/**
 * @param {Inline[]} nodes
 * @param {Inline} node
 */
function append(nodes, node) {
  if (node.kind === "text") appendText(nodes, node.text);
  else nodes.push(node);
}

/**
 * @param {Inline[]} nodes
 * @param {string} text
 */
function appendText(nodes, text) {
  const last = nodes.at(-1);
  if (last?.kind === "text") last.text += text;
  else if (text !== "") nodes.push({ kind: "text", text });
}
