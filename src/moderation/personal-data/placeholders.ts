import { labelOf, PERSONAL_KINDS } from "./kinds.ts";
import { isDigit, unitsOf } from "./reading.ts";
import { DROPPED, foldUnit } from "./unit-fold.ts";

/** Stands for what somebody typed that only looked like a placeholder. */
export const TYPED_LABEL = "原文";

const LABELS: readonly string[] = [...new Set([...PERSONAL_KINDS.map(labelOf), labelOf(""), TYPED_LABEL])];
const NUMBER_UNITS_MAX = 6;
const OPENERS = unitsOf("[【［〔〖");
const CLOSERS = unitsOf("]】］〕〗");
const BACKSLASH = 0x5c;
/** What models put between the parts: spaces, escapes, emphasis. */
const FILLERS = unitsOf(" \\*_-#");
/** Keeps what is held back, and so the text that a reader waits for, short. */
const FILLERS_MAX = 8;

/** A stretch of text; with `key`, a placeholder in its plain form. */
export interface Piece {
  raw: string;
  key?: string;
}

/** The plain form, `[手机号1]`. */
export function placeholderOf(label: string, number: number): string {
  return `[${label}${number}]`;
}

/** Label and number of a placeholder in its plain form, or undefined. */
export function placeholderParts(placeholder: string): { label: string; number: number } | undefined {
  const label = LABELS.find((candidate) => placeholder.startsWith(`[${candidate}`));
  const number = label === undefined ? undefined : /^([1-9]\d{0,5})\]$/.exec(placeholder.slice(label.length + 1))?.[1];
  return label === undefined || number === undefined ? undefined : { label, number: Number(number) };
}

/**
 * Finds placeholders in text that comes in pieces, also as models change them: `【手机号１】`, `[ 手機號 1 ]`, `\[手机号1\]`. Whole
 * text and pieces give the same; held back is only what may still become one, some 30 units at most.
 */
export class PlaceholderReader {
  #held = "";
  #inner = "";
  #fillers = 0;
  #lastUnit = 0;
  #state: "outside" | "escape" | "inside" = "outside";

  read(text: string): Piece[] {
    const pieces: Piece[] = [];
    let raw = "";
    const flush = () => {
      if (raw !== "") pieces.push({ raw });
      raw = "";
    };
    for (let index = 0; index < text.length; index += 1) {
      const unit = text.charCodeAt(index);
      const done = this.#take(unit, text.charAt(index));
      raw += done.raw;
      if (done.found === undefined) continue;
      flush();
      pieces.push(done.found);
    }
    flush();
    return pieces;
  }

  end(): Piece[] {
    const raw = this.#release();
    return raw === "" ? [] : [{ raw }];
  }

  #take(unit: number, character: string): { raw: string; found?: Piece } {
    if (OPENERS.has(unit)) {
      const escaped = this.#state === "escape";
      const raw = escaped ? "" : this.#release();
      this.#held = escaped ? `\\${character}` : character;
      this.#state = "inside";
      this.#lastUnit = unit;
      return { raw };
    }
    if (this.#state === "inside") {
      if (CLOSERS.has(unit)) return this.#close(character);
      if (this.#goesOn(unit)) {
        this.#held += character;
        this.#lastUnit = unit;
        return { raw: "" };
      }
    }
    const raw = this.#release();
    if (unit !== BACKSLASH) return { raw: raw + character };
    this.#held = character;
    this.#state = "escape";
    return { raw };
  }

  #close(character: string): { raw: string; found?: Piece } {
    const key = `[${this.#inner}]`;
    const closedByEscape = this.#lastUnit === BACKSLASH;
    const held = this.#release() + character;
    if (placeholderParts(key) === undefined) return { raw: held };
    // The backslash belongs to the bracket only when its partner has one too.
    const apart = held.startsWith("\\") && !closedByEscape ? 1 : 0;
    return { raw: held.slice(0, apart), found: { raw: held.slice(apart), key } };
  }

  /** Whether what is held may still become a placeholder with this unit. */
  #goesOn(unit: number): boolean {
    const folded = foldUnit(unit);
    if (folded === DROPPED || FILLERS.has(folded)) {
      this.#fillers += 1;
      return this.#fillers <= FILLERS_MAX;
    }
    const inner = this.#inner + String.fromCharCode(folded).toUpperCase();
    const viable = LABELS.some(
      (label) => label.startsWith(inner) || (inner.startsWith(label) && isNumber(inner, label.length)),
    );
    if (viable) this.#inner = inner;
    return viable;
  }

  #release(): string {
    const held = this.#held;
    this.#held = "";
    this.#inner = "";
    this.#fillers = 0;
    this.#state = "outside";
    return held;
  }
}

function isNumber(text: string, from: number): boolean {
  if (text.length > from + NUMBER_UNITS_MAX || text.charAt(from) === "0") return false;
  for (let index = from; index < text.length; index += 1) if (!isDigit(text.charCodeAt(index))) return false;
  return true;
}
