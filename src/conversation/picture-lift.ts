/**
 * A data URL shorter than this is left as it is written: it is an example in a text about data URLs. The smallest PNG that
 * there can be takes more.
 */
const URL_UNITS_MIN = 80;
/** Of one data URL that is kept: two megabytes of picture. What is longer is left out and not kept. */
const URL_UNITS_MAX = 2_800_000;
/** Pictures of one answer that are kept; of the others the names stay. */
export const PICTURES_MAX = 4;
/** A name that is longer is none, so that an open bracket does not hold back an answer. */
const ALT_UNITS_MAX = 200;
/** The longest that `CLOSING` can be. */
const CLOSING_UNITS_MAX = 220;
const BARE = "data:image/";
const DATA = "data:";
/** What a data URL is made of; everything else ends it. */
const URL_END = /[^A-Za-z0-9+/=_%:;,.-]/;
/** What may stand between a data URL and the bracket that closes its picture. */
const CLOSING = /^>?[ \t]{0,8}(?:"[^"\n]{0,200}"|'[^'\n]{0,200}')?[ \t]{0,8}\)/;

/** Where a data URL was found, as long as it is not known whether it is long enough to be one. */
interface Opening {
  /** From here on in what is held: the URL. */
  at: number;
  alt: string;
  /** It stands in markdown's brackets for a picture. */
  bracketed: boolean;
}

/**
 * Takes pictures that a model writes as data URLs out of its growing answer, before anybody judges, shows or keeps it: a
 * picture in base64 is no text, and long. In the text `mark(alt)` stands for `![alt](data:…)`; a data URL of a picture
 * without these brackets is taken out as well. However the answer is cut into pieces, the text is the same.
 */
export class PictureLift {
  /** Data URLs in their order, at most `PICTURES_MAX`. */
  readonly urls: string[] = [];
  readonly #mark: (alt: string) => string;
  #held = "";
  /** The data URL that is being left out; `null` chunks: not kept. */
  #inside: { bracketed: boolean; chunks: string[] | null; units: number } | null = null;

  constructor(mark: (alt: string) => string) {
    this.#mark = mark;
  }

  /** Takes the next piece of the answer; returns what of it is text, often less, later more. */
  push(piece: string): string {
    this.#held += piece;
    return this.#take(false);
  }

  /** The rest. A picture that was cut off is taken out too. */
  end(): string {
    return this.#take(true);
  }

  #take(last: boolean): string {
    let text = "";
    for (;;) {
      if (this.#inside !== null && !this.#leaveOut(last)) return text;
      const { units, opening } = openingIn(this.#held, last);
      text += this.#held.slice(0, units);
      this.#held = this.#held.slice(units);
      if (opening === null) return text;
      const url = opening.at - units;
      const ends = this.#held.slice(url).search(URL_END);
      const known = ends === -1 ? this.#held.length - url : ends;
      const cutOff = last && ends === -1 && opening.bracketed;
      if (known < URL_UNITS_MIN && !cutOff) {
        if (ends === -1 && !last) return text;
        text += this.#held.slice(0, url + known);
        this.#held = this.#held.slice(url + known);
        continue;
      }
      text += this.#mark(opening.alt);
      this.#held = this.#held.slice(url);
      const kept = this.urls.length < PICTURES_MAX;
      this.#inside = { bracketed: opening.bracketed, chunks: kept ? [] : null, units: 0 };
    }
  }

  /** Goes on to the end of the data URL. False when that has not come yet. */
  #leaveOut(last: boolean): boolean {
    const inside = this.#inside;
    if (inside === null) return true;
    const ends = this.#held.search(URL_END);
    const chunk = ends === -1 ? this.#held : this.#held.slice(0, ends);
    inside.units += chunk.length;
    if (inside.units > URL_UNITS_MAX) inside.chunks = null;
    inside.chunks?.push(chunk);
    this.#held = this.#held.slice(chunk.length);
    if (ends === -1 && !last) return false;
    if (inside.bracketed) {
      const [closing] = CLOSING.exec(this.#held) ?? [];
      const mayClose = this.#held.length <= CLOSING_UNITS_MAX && !this.#held.includes("\n");
      if (closing === undefined && mayClose && !last) return false;
      this.#held = this.#held.slice(closing?.length ?? 0);
    }
    // One that the answer's end cut off would show half a picture.
    const whole = ends !== -1 || !inside.bracketed;
    if (inside.chunks !== null && whole) this.urls.push(inside.chunks.join(""));
    this.#inside = null;
    return true;
  }
}

/** How much of the text is certainly no part of a picture, and the data URL that begins there, if one does. */
function openingIn(text: string, last: boolean): { units: number; opening: Opening | null } {
  for (let from = 0; ; ) {
    const at = text.slice(from).search(/[!d]/i) + from;
    if (at < from) return { units: text.length, opening: null };
    const rest = text.slice(at);
    const found = rest.startsWith("!") ? bracketedIn(rest) : bareIn(rest);
    if (found === "later" && !last) return { units: at, opening: null };
    if (found !== "later" && found !== null) return { units: at, opening: { ...found, at: at + found.at } };
    from = at + 1;
  }
}

function bareIn(rest: string): Opening | "later" | null {
  const head = rest.slice(0, BARE.length).toLowerCase();
  if (head === BARE) return { at: 0, alt: "", bracketed: false };
  return BARE.startsWith(head) ? "later" : null;
}

function bracketedIn(rest: string): Opening | "later" | null {
  if (rest.length < 2) return "later";
  if (rest[1] !== "[") return null;
  const alt = rest.slice(2, ALT_UNITS_MAX + 4);
  const ends = alt.indexOf("](");
  if (ends === -1) return alt.length > ALT_UNITS_MAX + 1 || alt.includes("\n") ? null : "later";
  // A name that holds a picture itself is none.
  if (/\n|data:image\//i.test(alt.slice(0, ends))) return null;
  const after = rest.slice(ends + 4);
  const [space = ""] = /^[ \t]{0,8}<?/.exec(after) ?? [];
  const head = after.slice(space.length, space.length + DATA.length).toLowerCase();
  if (head === DATA) return { at: ends + 4 + space.length, alt: alt.slice(0, ends).trim(), bracketed: true };
  return DATA.startsWith(head) ? "later" : null;
}
