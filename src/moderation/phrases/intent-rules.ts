import { z } from "zod";
import { CATEGORIES, STAGES } from "../verdict.ts";

/**
 * Rules that join words which are harmless apart: an act (how to make) and an object (a bomb) in one sentence, close to each
 * other. A word of `unless` in the same sentence says that the matter is another one (recognise, prevent, a bath bomb).
 */

/** Most groups of a rule. Each is a list of words of which one must occur. */
const GROUPS_MAX = 4;
/** How far, in letters, a word of `unless` may stand from the words that it excuses. */
const UNLESS_LETTERS_MAX = 60;

const DIRECTIONS = ["question", "answer", "both"] as const;
export const directionSchema = z.enum(DIRECTIONS);
/** Which texts a term or rule looks at. */
export type Direction = z.infer<typeof directionSchema>;

export const idSchema = z
  .string()
  .regex(/^[a-z0-9]+(?:[._-][a-z0-9]+)*$/u, "must be small letters, digits, dots and dashes, for example weapons.make");

/** Phrases in one text, between commas or on lines of their own. */
export const phraseListSchema = z.string().transform((text) =>
  text
    .split(/[,，\n]/u)
    .map((phrase) => phrase.trim())
    .filter((phrase) => phrase !== ""),
);
/** One such text, or several: shared ones come in as YAML aliases. */
export const phraseListsSchema = z
  .union([phraseListSchema, z.array(phraseListSchema)], {
    error: "must be words between commas, or a list of such texts",
  })
  .transform((words) => words.flat());

export const intentRuleSchema = z.strictObject({
  id: idSchema,
  category: z.enum(CATEGORIES),
  direction: directionSchema.default("question"),
  /** Milder than the category's while the rule is being tried out. */
  stage: z.enum(STAGES).optional(),
  /** 0 to 1; below the threshold `act` of the audience the rule only flags. */
  confidence: z.number().min(0).max(1).default(1),
  /** Most letters (spaces and punctuation do not count) from the first to the last of the words. */
  within: z.int().min(2).max(200).default(30),
  all: z
    .array(phraseListsSchema.refine((words) => words.length > 0, "must not be empty"))
    .min(1)
    .max(GROUPS_MAX),
  unless: phraseListsSchema.default([]),
  /** Sentences that the rule must hit, and look-alikes that it must let pass. Tried each time the policy is loaded. */
  hits: z.array(z.string()).min(1),
  passes: z.array(z.string()).min(1),
});
export type IntentRule = z.infer<typeof intentRuleSchema>;

/** The words of all rules, each once for each direction it is looked for in. */
export function wordsOf(rules: readonly IntentRule[]): { text: string; word: RuleWord }[] {
  const words = new Map<Direction, Map<string, RuleWord>>(DIRECTIONS.map((direction) => [direction, new Map()]));
  const enter = (list: readonly string[], direction: Direction, role: RuleWord["roles"][number]) => {
    const known = words.get(direction) ?? new Map<string, RuleWord>();
    for (const text of list) {
      const word = known.get(text);
      if (word === undefined) known.set(text, { kind: "word", direction, roles: [role] });
      else if (word.roles.at(-1) !== role) word.roles.push(role);
    }
  };
  for (const [rule, { all, unless, direction }] of rules.entries()) {
    for (const [group, list] of all.entries()) enter(list, direction, { rule, group });
    enter(unless, direction, { rule, group: "unless" });
  }
  return [...words.values()].flatMap((known) => [...known].map(([text, word]) => ({ text, word })));
}

/** A word of rules, and what it does in each of them. Rules share many words, which are then found and judged once. */
export interface RuleWord {
  kind: "word";
  direction: Direction;
  /** `rule` is the rule's place in the policy. */
  roles: { rule: number; group: number | "unless" }[];
}

export interface WordHit extends Place {
  /** Original offsets. */
  start: number;
  end: number;
  confidence: number;
}

/** Where something stands, measured so that spaces, signs and repeats do not count. */
interface Place {
  /** Letters before its first and up to its last. */
  letterFrom: number;
  letterTo: number;
  /** The same number for all of one sentence. */
  sentence: number;
}

/** A rule whose words have come together. */
export interface RuleHit {
  rule: IntentRule;
  confidence: number;
  spans: { start: number; end: number }[];
}

/**
 * Follows the words of all rules through one text. The words must come in order of their start. A rule is decided once no
 * word of `unless` can follow any more. Time is linear in the words; the memory does not grow with the text.
 */
export class RuleWatch {
  readonly #progress: Progress[];

  constructor(rules: readonly IntentRule[], onHit: (hit: RuleHit) => void) {
    this.#progress = rules.map((rule) => new Progress(rule, onHit));
  }

  take(word: RuleWord, hit: WordHit): void {
    for (const { rule, group } of word.roles) this.#progress[rule]?.take(group, hit);
  }

  /** Every word before this place has been taken: decides the rules that none after it can excuse. */
  advance(letter: number, sentence: number): void {
    for (const progress of this.#progress) progress.decide(letter, sentence);
  }
}

/** One rule in one text. */
class Progress {
  readonly #rule: IntentRule;
  readonly #onHit: (hit: RuleHit) => void;
  /** The latest word of each group: no earlier one is nearer to what comes. */
  readonly #latest: (WordHit | undefined)[];
  #excuse: WordHit | undefined;
  /** Places where the rule is fulfilled; they reach back UNLESS_LETTERS_MAX letters at most. */
  #waiting: (RuleHit & Place)[] = [];

  constructor(rule: IntentRule, onHit: (hit: RuleHit) => void) {
    this.#rule = rule;
    this.#onHit = onHit;
    this.#latest = rule.all.map(() => undefined);
  }

  take(group: number | "unless", hit: WordHit): void {
    // Keeps what waits short: a text may repeat its words a million times between two calls of advance.
    this.decide(hit.letterFrom, hit.sentence);
    if (group === "unless") {
      this.#excuse = hit;
      this.#waiting = this.#waiting.filter((place) => !excuses(hit, place));
      return;
    }
    const known = this.#latest[group];
    // One word seen in several views: the surest sight counts.
    if (known?.start === hit.start && known.confidence >= hit.confidence) return;
    this.#latest[group] = hit;
    const place = this.#fulfilled();
    if (place === undefined || (this.#excuse !== undefined && excuses(this.#excuse, place))) return;
    this.#waiting.push(place);
  }

  decide(letter: number, sentence: number): void {
    if (this.#waiting.length === 0) return;
    const stillOpen = this.#waiting.filter(
      (place) => place.sentence === sentence && letter <= place.letterTo + UNLESS_LETTERS_MAX,
    );
    for (const place of this.#waiting) if (!stillOpen.includes(place)) this.#onHit(place);
    this.#waiting = stillOpen;
  }

  #fulfilled(): (RuleHit & Place) | undefined {
    const hits = this.#latest.filter((hit) => hit !== undefined);
    const [first] = hits;
    if (first === undefined || hits.length < this.#latest.length) return undefined;
    const letterFrom = Math.min(...hits.map((hit) => hit.letterFrom));
    const letterTo = Math.max(...hits.map((hit) => hit.letterTo));
    const together = letterTo - letterFrom <= this.#rule.within && hits.every((hit) => hit.sentence === first.sentence);
    if (!together) return undefined;
    return {
      rule: this.#rule,
      letterFrom,
      letterTo,
      sentence: first.sentence,
      confidence: Math.min(this.#rule.confidence, ...hits.map((hit) => hit.confidence)),
      spans: hits.map(({ start, end }) => ({ start, end })),
    };
  }
}

function excuses(excuse: WordHit, place: Place): boolean {
  return (
    excuse.sentence === place.sentence &&
    excuse.letterFrom <= place.letterTo + UNLESS_LETTERS_MAX &&
    excuse.letterTo >= place.letterFrom - UNLESS_LETTERS_MAX
  );
}
