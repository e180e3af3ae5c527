import {
  type Mask,
  maskedForRecord,
  maskText,
  Unmasker,
  unmask,
  withKnownPlaceholders,
} from "../moderation/personal-data/masks.ts";
import { PersonalScan } from "../moderation/personal-data/personal-scan.ts";
import type { Redaction, Span, Verdict } from "../moderation/verdict.ts";
import type { SessionMask, SessionTurn } from "../session/session-turn.ts";
import type { Question } from "./question.ts";

/** What stands between question and quote in the text that is judged. */
const JOINT = "\n";
/** Shorter values are looked for by their context only: "1234" is a password in one sentence and a number in the next. */
const KNOWN_VALUE_UNITS_MIN = 6;

/** What is remembered of the conversation: turns, and the summary of those before them. */
type WithMasks = { masks?: readonly SessionMask[] };

/** The text that moderation judges: what was written, and what was quoted with it. */
export function judgedText({ text, quote }: Pick<Question, "text" | "quote">): string {
  return quote === undefined ? text : `${text}${JOINT}${quote}`;
}

/**
 * The verdict with the places of values that this person's earlier questions told by their context ("密码是 …"); without it
 * no checker knows them again.
 */
export function withKnownValues(
  verdict: Verdict,
  judged: string,
  recalled: readonly WithMasks[],
  userId: string,
): Verdict {
  const known = recalled.flatMap(({ masks = [] }) => masks).filter((mask) => sameUser(mask.userId, userId));
  const values = known.map(({ value }) => value);
  const again = placesOf(values, judged).map((span): Redaction => ({ ...span, category: "pii", kind: "" }));
  return again.length === 0 ? verdict : { ...verdict, redactions: [...verdict.redactions, ...again] };
}

function placesOf(values: readonly string[], text: string): Span[] {
  const places: Span[] = [];
  for (const value of new Set(values)) {
    if (value.length < KNOWN_VALUE_UNITS_MIN) continue;
    for (let start = text.indexOf(value); start !== -1; start = text.indexOf(value, start + value.length)) {
      places.push({ start, end: start + value.length });
    }
  }
  return places;
}

/** The question as the model may read it, and what its placeholders stand for. */
export interface MaskedQuestion {
  question: Question;
  /** This person's, of earlier questions too: an answer may speak of them. */
  masks: readonly Mask[];
}

/**
 * Hides the personal data of a question from the model. The same value keeps its placeholder over the conversation; numbers
 * are not used again by another person of a group, whose answers must not show it.
 */
export function maskQuestion(
  question: Question,
  verdict: Verdict,
  recalled: readonly WithMasks[],
  userId: string,
): MaskedQuestion {
  const known = recalled.flatMap(({ masks = [] }) => masks);
  const own = known.filter((mask) => sameUser(mask.userId, userId));
  const others = known.filter((mask) => !sameUser(mask.userId, userId));
  const quoteFrom = question.text.length + JOINT.length;
  const text = maskText(question.text, within(verdict.redactions, 0, question.text.length), own, others);
  const after = [...own, ...text.masks];
  const quote =
    question.quote === undefined
      ? null
      : maskText(question.quote, within(verdict.redactions, quoteFrom, Number.POSITIVE_INFINITY), after, others);
  const masks = [...new Map([...after, ...(quote?.masks ?? [])].map((mask) => [mask.placeholder, mask])).values()];
  return { question: { ...question, text: text.text, ...(quote === null ? {} : { quote: quote.text }) }, masks };
}

/** A kept question as this person wrote it. What another person's placeholders stand for stays hidden. */
export function unmaskedQuestion(turn: SessionTurn, userId: string): { text: string; quote?: string } {
  const own = (turn.masks ?? []).filter((mask) => sameUser(mask.userId, userId));
  const quote = turn.quote === undefined ? {} : { quote: unmask(turn.quote, own) };
  return { text: unmask(turn.question, own), ...quote };
}

/** The places between two offsets, counted from the first. */
function within(redactions: readonly Redaction[], from: number, to: number): Redaction[] {
  return redactions
    .map((place) => ({ ...place, start: Math.max(place.start, from) - from, end: Math.min(place.end, to) - from }))
    .filter(({ start, end }) => start < end);
}

/** The masks that a kept turn needs, so that a later answer can still speak of its values. */
export function masksIn(texts: readonly string[], masks: readonly Mask[], userId: string): SessionMask[] {
  return masks
    .filter(({ placeholder }) => texts.some((text) => text.includes(placeholder)))
    .map(({ placeholder, value }) => ({ placeholder, value, userId }));
}

/**
 * The text as people may read it who are not to see personal data: kinds instead of values, whatever the policy does with
 * them. `hidden`: values that were masked in this turn; here they may stand without what told them.
 */
export function recordText(text: string, hidden: readonly string[] = []): string {
  const scan = new PersonalScan();
  scan.push(text);
  scan.end();
  return maskedForRecord(text, [...scan.findings(), ...placesOf(hidden, text).map((span) => ({ ...span, kind: "" }))]);
}

/**
 * A summary as it may be kept: a value that the model should not know stands as its placeholder, and a placeholder that
 * nobody's mask has is no placeholder any more, so that it cannot become the name of another value later.
 */
export function maskedSummary(text: string, known: readonly SessionMask[]): { text: string; masks: SessionMask[] } {
  const masks = [...new Map(known.map((mask) => [mask.placeholder, mask])).values()];
  let hidden = text;
  for (const { placeholder, value } of masks) {
    if (value.length >= KNOWN_VALUE_UNITS_MIN) hidden = hidden.replaceAll(value, placeholder);
  }
  const kept = withKnownPlaceholders(hidden, new Set(masks.map(({ placeholder }) => placeholder)));
  return { text: kept, masks: masks.filter(({ placeholder }) => kept.includes(placeholder)) };
}

/** Puts this person's values back into an answer that grows. */
export class ShownText {
  readonly #unmasker: Unmasker;
  #readUnits = 0;
  #shown = "";

  constructor(masks: readonly Mask[]) {
    this.#unmasker = new Unmasker(masks);
  }

  /** `checked` is the whole checked text so far. Returns the whole text to show. */
  upTo(checked: string): string {
    this.#shown += this.#unmasker.push(checked.slice(this.#readUnits));
    this.#readUnits = checked.length;
    return this.#shown;
  }

  end(checked: string): string {
    return this.upTo(checked) + this.#unmasker.end();
  }
}

function sameUser(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
