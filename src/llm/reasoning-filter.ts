/**
 * Keeps a model's reasoning out of its answer where the server writes it into the content, as `<think>…</think>`.
 * (Servers with a reasoning parser send it in fields of its own; those never come here.)
 *
 * - Reasoning is taken out at the start of the content only, as often as blocks follow each other there. A tag in the
 *   middle of an answer, in a code fence or not, is something that the model says, and stays.
 * - A block that is never closed is reasoning to the end: nothing of it is answer.
 * - Some chat templates open the block in the prompt (DeepSeek-R1, QwQ, Qwen3-Thinking), so that the content is
 *   reasoning from its first word and only `</think>` tells. The first answer of such an endpoint is already out when
 *   the tag comes, and no filter can take it back: it passes unchanged, `sawLoneClose` becomes true, and the endpoint's
 *   next filter is made with `startsInside`. That one holds everything back until the tag, and lets it all out at the
 *   end when none came.
 *
 * How the content is cut into pieces makes no difference to the whole. Linear in the content's length.
 */
export class ReasoningFilter {
  #state: "start" | "inside" | "guessed" | "answer" = "start";
  /**
   * What cannot be judged yet: a possible tag at the start, a possible end of one inside, everything while guessing.
   */
  #held = "";
  #close = "";
  #startsInside: boolean;
  readonly #loneClose = new LoneCloseFinder();

  constructor(options: { startsInside: boolean }) {
    this.#startsInside = options.startsInside;
  }

  /** Whether a block was closed that had not been opened: its reasoning was let out, or was held back and dropped. */
  get sawLoneClose(): boolean {
    return this.#loneClose.found;
  }

  /**
   * Takes the next piece of content; returns what is answer for certain, often nothing. Leading white space is dropped.
   */
  push(piece: string): string {
    if (this.#state === "answer") return this.#letOut(piece);
    this.#held += piece;
    if (!this.#reachAnswer(piece)) return "";
    const text = this.#held;
    this.#held = "";
    return this.#letOut(text);
  }

  /**
   * The end of the content; returns what was held back and is answer after all. `whole`: the model stopped by itself.
   * An answer that ran into its limit while everything was held back was still reasoning.
   */
  finish(options: { whole: boolean }): string {
    const text = this.#held;
    this.#held = "";
    if (this.#state === "inside" || (this.#state === "guessed" && !options.whole)) return "";
    return text;
  }

  /** Goes through what is held; false while more is needed to know. `added` is what it grew by. */
  #reachAnswer(added: string): boolean {
    if (this.#state === "guessed" && !this.#findEndOfGuessed(added)) return false;
    for (;;) {
      switch (this.#state) {
        case "answer":
          return true;
        case "inside":
          if (!this.#skipInside()) return false;
          break;
        case "start":
        case "guessed":
          if (!this.#judgeStart()) return false;
      }
    }
  }

  /** At the start: white space, then a tag or not. False while that is open. */
  #judgeStart(): boolean {
    this.#held = this.#held.trimStart();
    for (const [open, close] of TAGS) {
      if (!this.#held.startsWith(open)) continue;
      this.#held = this.#held.slice(open.length);
      this.#close = close;
      this.#state = "inside";
      this.#startsInside = false;
      this.#loneClose.stop();
      return true;
    }
    if (TAGS.some(([open]) => open.startsWith(this.#held))) return false;
    this.#state = this.#startsInside ? "guessed" : "answer";
    return !this.#startsInside || this.#findEndOfGuessed(this.#held);
  }

  /** In a block: drops all up to its end. False while the end has not come. */
  #skipInside(): boolean {
    const at = this.#held.indexOf(this.#close);
    if (at === -1) {
      this.#held = this.#held.slice(-(this.#close.length - 1));
      return false;
    }
    this.#held = this.#held.slice(at + this.#close.length);
    this.#state = "start";
    return true;
  }

  /** Perhaps in a block that the prompt opened: holds everything until its end. */
  #findEndOfGuessed(added: string): boolean {
    const end = this.#loneClose.push(added);
    if (end === -1) return false;
    this.#held = this.#held.slice(end);
    this.#state = "start";
    this.#startsInside = false;
    return true;
  }

  #letOut(text: string): string {
    this.#loneClose.push(text);
    // Half of a surrogate pair is no text yet: an emoji may be cut in two by the server.
    const whole = this.#held + text;
    const cut = isHighSurrogate(whole.charCodeAt(whole.length - 1)) ? whole.length - 1 : whole.length;
    this.#held = whole.slice(cut);
    return whole.slice(0, cut);
  }
}

/** How models open and close their reasoning. */
const TAGS: readonly (readonly [open: string, close: string])[] = [
  ["<think>", "</think>"],
  ["<thinking>", "</thinking>"],
  ["[THINK]", "[/THINK]"],
];

const OPEN = "<think>";
const CLOSE = "</think>";
const FENCE = "```";

/** Looks for `</think>` at the start of a line, outside code fences, with no `<think>` before it. */
class LoneCloseFinder {
  found = false;
  #done = false;
  #seen = 0;
  #inFence = false;
  /** The line so far, up to the length that matters. */
  #lineStart = "";
  /** The last characters, in which an opening tag may be hidden. */
  #tail = "";

  /** A block was opened after all: whatever closes later is not a sign. */
  stop(): void {
    this.#done = true;
  }

  /** Takes the next text; returns the offset behind the tag within everything pushed, or -1. */
  push(text: string): number {
    if (this.#done) return -1;
    for (const char of text) {
      this.#seen += char.length;
      this.#tail = (this.#tail + char).slice(-OPEN.length);
      if (this.#tail === OPEN) {
        this.#done = true;
        return -1;
      }
      if (char === "\n") {
        this.#lineStart = "";
        continue;
      }
      if (this.#lineStart.length >= CLOSE.length) continue;
      this.#lineStart += char;
      if (this.#lineStart === FENCE) this.#inFence = !this.#inFence;
      if (this.#lineStart === CLOSE && !this.#inFence) {
        this.found = true;
        this.#done = true;
        return this.#seen;
      }
    }
    return -1;
  }
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
