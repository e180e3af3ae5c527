import { Lexer, type Token, type Tokens } from "marked";

/** Longer lines are read in pieces, and one with more marks is left as it is: the lexer's time grows with both. */
const PIECE_UNITS_MAX = 4_096;
const MARKS_MAX = 120;
/** Without one of these there is nothing to read. */
const MARKS = /[*_[<\\]/;
const MARK = /[*_~[\]<\\`]/g;
/** Formulas, whose stars, backslashes and underscores are no marks. Each form ends, or the whole is no formula. */
const MATH = /\$\$[^$]+\$\$|\$(?!\s)[^$]*[^\s$]\$(?!\d)|\\\((?:[^\\]|\\(?!\)))*\\\)|\\\[(?:[^\\]|\\(?!\]))*\\\]/g;
/** Stand for what no further step may change. A text that brings such characters itself is left as it is. */
const HELD = /[\uE000-\uF8FF]/g;
const HELD_FIRST = 0xe000;
/** Emphasis that the lexer leaves because of full-width punctuation beside it, as in `**注意：**正文`. */
const LEFT_BOLD = /(?<!\*)\*\*(?![\s*])([^*]*[^\s*])\*\*(?!\*)/g;
const LINE_BREAK_TAG = /^<br\s*\/?>$/i;
/** Backslashes before these were written to keep a mark from its effect; before others they belong to paths and formulas. */
const ESCAPED = /^\\([*_`~|])$/;

/**
 * One line of markdown without the marks: emphasis bare, links as `text (url)`, pictures by their alternative text and
 * address; code and formulas as they are. `<br>` becomes `lineBreak`.
 */
export function plainInline(line: string, lineBreak = "\n"): string {
  if (!MARKS.test(line)) return line;
  let plain = "";
  for (let at = 0; at < line.length; ) {
    let end = Math.min(line.length, at + PIECE_UNITS_MAX);
    if (end < line.length && /[\uD800-\uDBFF]/.test(line.charAt(end - 1))) end -= 1;
    plain += plainPiece(line.slice(at, end), lineBreak);
    at = end;
  }
  return plain;
}

function plainPiece(piece: string, lineBreak: string): string {
  if (piece.search(HELD) >= 0 || (piece.match(MARK)?.length ?? 0) > MARKS_MAX) return piece;
  const reading = new InlineReading(lineBreak);
  return reading.read(piece);
}

class InlineReading {
  readonly #lineBreak: string;
  readonly #held: string[] = [];

  constructor(lineBreak: string) {
    this.#lineBreak = lineBreak;
  }

  read(piece: string): string {
    const guarded = piece.replace(MATH, (formula) => this.#hold(formula));
    const plain = this.#render(Lexer.lexInline(guarded));
    const bare = plain.replace(LEFT_BOLD, (raw, inner: string, at: number) => {
      const before = at === 0 ? undefined : plain[at - 1];
      return joinsWords(before, inner, plain[at + raw.length]) ? raw : inner;
    });
    return this.#restore(bare);
  }

  #hold(text: string): string {
    this.#held.push(text);
    return String.fromCharCode(HELD_FIRST + this.#held.length - 1);
  }

  #restore(text: string): string {
    return text.replace(HELD, (sign) => this.#restore(this.#held[sign.charCodeAt(0) - HELD_FIRST] ?? ""));
  }

  #render(tokens: Token[]): string {
    return tokens
      .map((token, index) => this.#renderOne(token, tokens[index - 1]?.raw.at(-1), tokens[index + 1]?.raw[0]))
      .join("");
  }

  #renderOne(token: Token, before: string | undefined, after: string | undefined): string {
    switch (token.type) {
      case "strong":
      case "em":
        return this.#emphasis(token as Tokens.Strong | Tokens.Em, before, after);
      case "del": {
        // What is struck out would else read as meant; a single mark may be a range, as in 5~10.
        const mark = /^~*/.exec(token.raw)?.[0] ?? "";
        return mark + this.#render((token as Tokens.Del).tokens) + mark;
      }
      case "codespan":
        return this.#hold(token.raw);
      case "escape":
        return ESCAPED.test(token.raw) ? this.#hold(token.raw.slice(1)) : token.raw;
      case "html":
        return LINE_BREAK_TAG.test(token.raw) ? this.#lineBreak : token.raw;
      case "link":
        return this.#link(token as Tokens.Link);
      case "image": {
        const { text, href, title } = token as Tokens.Image;
        return this.#addressed(text, href, title);
      }
      default:
        return token.raw;
    }
  }

  #emphasis(token: Tokens.Strong | Tokens.Em, before: string | undefined, after: string | undefined): string {
    const mark = token.raw.slice(0, token.type === "strong" ? 2 : 1);
    const source = token.raw.slice(mark.length, -mark.length);
    const inner = this.#render(token.tokens);
    const isName = mark === "__" && /^[a-z]\w*$/.test(source);
    const isPattern = mark.startsWith("*") && /^[.,/\\]/.test(source);
    return isName || isPattern || joinsWords(before, source, after) ? mark + inner + mark : inner;
  }

  #link(token: Tokens.Link): string {
    // Written bare or in angle brackets: the address is its own text.
    if (!token.raw.startsWith("[")) return this.#hold(token.text);
    return this.#addressed(this.#render(token.tokens), token.href, token.title);
  }

  /** Not as `<a href>`, which WeCom's app text takes (wecom-protocol 3.2): it hides where it leads, and may be cut in two. */
  #addressed(text: string, href: string, title: string | null | undefined): string {
    const address = href + (title ? ` "${title}"` : "");
    if (address === "") return text;
    const shown = text === "" || text === href || `mailto:${text}` === href ? "" : text;
    if (shown === "") return this.#hold(text === "" || title ? address : text);
    return `${shown} (${this.#hold(address)})`;
  }
}

/** Latin letters or digits on both sides of a star: a product, a power or a name, not emphasis. */
function joinsWords(before: string | undefined, inner: string, after: string | undefined): boolean {
  return (isWord(before) && isWord(inner[0])) || (isWord(inner.at(-1)) && isWord(after));
}

function isWord(character: string | undefined): boolean {
  return character !== undefined && /[A-Za-z0-9]/.test(character);
}
