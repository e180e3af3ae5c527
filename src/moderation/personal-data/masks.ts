import { labelOf } from "./kinds.ts";
import { type Piece, PlaceholderReader, placeholderOf, placeholderParts, TYPED_LABEL } from "./placeholders.ts";

/**
 * Masking that can be undone: a model reads and writes `[手机号1]`, the person sees his number. After masking every placeholder
 * in a text is ours: one that somebody typed himself becomes the value of another (`[原文1]`), so typing it gets nobody's value,
 * and what was typed comes back as it was.
 */
export interface Mask {
  /** `[手机号1]`: label and number in square brackets, in every language the same. */
  placeholder: string;
  value: string;
}

/** A place to mask. `kind`: a `PersonalKind`; any other is masked as 敏感内容. */
export interface Place {
  kind: string;
  /** Offsets, UTF-16 code units, end exclusive. */
  start: number;
  end: number;
}

/**
 * Replaces the places by placeholders. `known`: the masks of the same person's earlier texts; a value in them keeps its
 * placeholder. `taken`: masks of other people in the conversation, whose numbers are not used again. Returns the masks that
 * occur in this text, new and known. Places may touch and overlap, then they are masked as one.
 */
export function maskText(
  text: string,
  places: readonly Place[],
  known: readonly Mask[],
  taken: readonly Mask[] = [],
): { text: string; masks: Mask[] } {
  const register = new Register(known, taken);
  let masked = "";
  let from = 0;
  for (const { kind, start, end } of [
    ...merged(places, text.length),
    { kind: "", start: text.length, end: text.length },
  ]) {
    for (const piece of placeholdersIn(text.slice(from, start))) {
      masked += piece.key === undefined ? piece.raw : register.placeholderFor(piece.raw, TYPED_LABEL);
    }
    if (start < end) masked += register.placeholderFor(text.slice(start, end), labelOf(kind));
    from = end;
  }
  return { text: masked, masks: register.used() };
}

/** Irreversible: only the kinds are left, `[手机号]`. */
export function maskedForRecord(text: string, places: readonly Place[]): string {
  let masked = "";
  let from = 0;
  for (const { kind, start, end } of merged(places, text.length)) {
    masked += `${text.slice(from, start)}[${labelOf(kind)}]`;
    from = end;
  }
  return masked + text.slice(from);
}

/**
 * Puts values back into a text that comes in pieces. Knows a placeholder that the pieces cut, and one that the model wrote with
 * other brackets or with spaces in it. A placeholder that is in no mask stays as it is; values are not read again.
 */
export class Unmasker {
  readonly #values: ReadonlyMap<string, string>;
  readonly #reader = new PlaceholderReader();

  /** `masks`: those of one person, whose answer it is. */
  constructor(masks: readonly Mask[]) {
    this.#values = new Map(masks.map(({ placeholder, value }) => [placeholder, value]));
  }

  /** The text that can be shown so far beyond what was returned before. */
  push(delta: string): string {
    return this.#shown(this.#reader.read(delta));
  }

  end(): string {
    return this.#shown(this.#reader.end());
  }

  #shown(pieces: readonly Piece[]): string {
    return pieces.map(({ raw, key }) => (key === undefined ? raw : (this.#values.get(key) ?? raw))).join("");
  }
}

/** The whole text with the values back in it. */
export function unmask(text: string, masks: readonly Mask[]): string {
  const unmasker = new Unmasker(masks);
  return unmasker.push(text) + unmasker.end();
}

/** Placeholders in their plain form, those that are in no mask as the bare name of their kind. */
export function withKnownPlaceholders(text: string, known: ReadonlySet<string>): string {
  return placeholdersIn(text)
    .map(({ raw, key }) => (key === undefined ? raw : known.has(key) ? key : (placeholderParts(key)?.label ?? "")))
    .join("");
}

/** Which placeholder stands for which value, and which number comes next. */
class Register {
  readonly #byValue = new Map<string, Mask>();
  readonly #lastNumber = new Map<string, number>();
  readonly #used = new Map<string, Mask>();

  constructor(known: readonly Mask[], taken: readonly Mask[]) {
    for (const { placeholder } of [...known, ...taken]) {
      const parts = placeholderParts(placeholder);
      if (parts !== undefined) this.#counted(parts.label, parts.number);
    }
    for (const mask of known) {
      // One in another form would not be known again in an answer.
      const usable = placeholderParts(mask.placeholder) !== undefined;
      if (usable && !this.#byValue.has(mask.value)) this.#byValue.set(mask.value, mask);
    }
  }

  placeholderFor(value: string, label: string): string {
    const mask = this.#byValue.get(value) ?? this.#create(value, label);
    this.#used.set(mask.placeholder, mask);
    return mask.placeholder;
  }

  used(): Mask[] {
    return [...this.#used.values()];
  }

  #create(value: string, label: string): Mask {
    const number = (this.#lastNumber.get(label) ?? 0) + 1;
    this.#counted(label, number);
    const mask = { placeholder: placeholderOf(label, number), value };
    this.#byValue.set(value, mask);
    return mask;
  }

  #counted(label: string, number: number): void {
    this.#lastNumber.set(label, Math.max(number, this.#lastNumber.get(label) ?? 0));
  }
}

function placeholdersIn(text: string): Piece[] {
  const reader = new PlaceholderReader();
  return [...reader.read(text), ...reader.end()];
}

/** In the order of the text, inside it, overlapping ones made one that keeps the first's kind. */
function merged(places: readonly Place[], length: number): Place[] {
  const result: Place[] = [];
  for (const place of [...places].sort((one, other) => one.start - other.start)) {
    const start = Math.max(0, place.start);
    const end = Math.min(length, place.end);
    const last = result.at(-1);
    if (start >= end) continue;
    if (last !== undefined && start < last.end) last.end = Math.max(last.end, end);
    else result.push({ kind: place.kind, start, end });
  }
  return result;
}
