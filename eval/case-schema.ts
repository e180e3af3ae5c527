import { z } from "zod";

/**
 * What a file of cases may hold (docs/eval.md). A turn is what one person writes; `expect` says what a right answer to it
 * is, `good` and `bad` are answers that the rules must tell apart: a test runs them, so that no case can only pass.
 */

/** Limits keep a slip of the pen from becoming an hour of a GPU. */
const TURNS_MAX = 30;
const FILLER_MAX = 60;

const text = z.string().min(1);
const texts = z.union([text.transform((one) => [one]), z.array(text).min(1)]);
const pattern = text.refine(isPattern, "is no regular expression");
const range = z
  .strictObject({ min: z.int().min(0).optional(), max: z.int().min(0).optional() })
  .refine(({ min, max }) => min !== undefined || max !== undefined, "needs min or max");

const ruleShape = {
  /** Each must stand in the answer; `a|b`: one of them. Letter case and full width do not matter. */
  has: texts.optional(),
  /** None may stand in the answer. */
  lacks: texts.optional(),
  match: pattern.optional(),
  unmatched: pattern.optional(),
  /** The number stands in the answer, however it is written: `1,200`, `1200.0`, `0.12万`. */
  number: z.number().optional(),
  language: z.enum(["zh", "en"]).optional(),
  /** Declines, and does not then do what was asked; false: does not decline. */
  refuses: z.boolean().optional(),
  /** Says that it was wrong. */
  admits: z.boolean().optional(),
  /** Says that something in the question is not so. */
  corrects: z.boolean().optional(),
  /** Says that it does not know or cannot see. */
  unsure: z.boolean().optional(),
  asks: z.boolean().optional(),
  /** One JSON value; `only`: with nothing around it but a code fence. */
  json: z
    .strictObject({ keys: texts.optional(), array: z.boolean().optional(), only: z.boolean().optional() })
    .optional(),
  /** A fenced block in one of these languages. */
  code: texts.optional(),
  /** Lines that are not empty. */
  lines: range.optional(),
  chars: range.optional(),
  /** Items of lists, with bullets or numbers. */
  items: range.optional(),
  /** A Markdown table with so many columns at least. */
  table: z.int().min(2).optional(),
};

const rules = z.strictObject(ruleShape);
const expect = z
  .strictObject({
    ...ruleShape,
    /** One of these must hold. */
    any: z.array(rules).min(2).optional(),
    /** What a judge model is asked, as a sentence about the answer. */
    judge: text.optional(),
  })
  .refine((given) => Object.keys(given).length > 0, "expects nothing");

const turn = z.preprocess(
  (given) => (typeof given === "string" ? { ask: given } : given),
  z
    .strictObject({
      ask: z.string().optional(),
      quote: text.optional(),
      /** Makes the conversation a group's. */
      speaker: text.optional(),
      /** The answer that stands in the conversation; the model is not asked. */
      said: text.optional(),
      /** So many questions and answers about other things (eval/filler.yaml). */
      filler: z.int().min(1).max(FILLER_MAX).optional(),
      expect: expect.optional(),
      good: texts.optional(),
      bad: texts.optional(),
    })
    .refine(({ ask, quote, filler }) => (ask ?? quote ?? filler) !== undefined, "a turn needs ask, quote or filler")
    .refine(({ said, filler, expect: given }) => given === undefined || (said ?? filler) === undefined, {
      message: "what is written down is not judged: said and filler take no expect",
    }),
);

/** A case of one turn is written without `turns`. */
const evalCase = z.preprocess(
  (given) => {
    if (typeof given !== "object" || given === null || "turns" in given) return given;
    const { id, about, contextTokens, ...only } = given as Record<string, unknown>;
    return { id, about, contextTokens, turns: [only] };
  },
  z
    .strictObject({
      id: z.string().regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/, "must be lower-case words with hyphens"),
      /** Why the case is there, where its turns do not say it. */
      about: text.optional(),
      /** In place of the model's window: smaller, so that old turns leave it. */
      contextTokens: z.int().min(1_024).optional(),
      turns: z.array(turn).min(1).max(TURNS_MAX),
    })
    .refine(({ turns }) => turns.some((one) => one.expect !== undefined), "no turn expects anything"),
);

export const caseFileSchema = z.strictObject({
  category: z.string().regex(/^[a-z]+(?:-[a-z]+)*$/),
  language: z.enum(["zh", "en"]),
  cases: z.array(evalCase).min(1),
});

export type Rules = z.output<typeof rules>;
export type Expectation = z.output<typeof expect>;
export type CaseTurn = z.output<typeof turn>;
export interface EvalCase {
  /** `category/language/id`: the same in every run, so that two runs are compared case by case. */
  id: string;
  category: string;
  language: "zh" | "en";
  about?: string | undefined;
  contextTokens?: number | undefined;
  turns: CaseTurn[];
}

function isPattern(source: string): boolean {
  try {
    new RegExp(source, "iu");
    return true;
  } catch {
    return false;
  }
}
