import { createHash } from "node:crypto";
import { z } from "zod";
import { CATEGORIES, type Category, STAGES, type Stage } from "../verdict.ts";
import { type Direction, directionSchema, idSchema, phraseListSchema } from "./intent-rules.ts";
import type { Phrase } from "./phrase-index.ts";

/** T0 alone may refuse, T1 flags, T2 only stands beside another signal. */
export const TIERS = ["T0", "T1", "T2"] as const;
export type Tier = (typeof TIERS)[number];

const termSchema = z.union([
  z.string().trim().min(1),
  z.strictObject({
    term: z.string().trim().min(1),
    /** Other ways to write it: slang, initials, spellings. They count as the term. */
    aliases: z.array(z.string().trim().min(1)).default([]),
    match: z.enum(["word", "part"]).optional(),
  }),
]);

export const termListSchema = z.strictObject({
  id: idSchema,
  category: z.enum(CATEGORIES),
  tier: z.enum(TIERS),
  direction: directionSchema.default("both"),
  /** Milder than the category's while the list is being tried out. */
  stage: z.enum(STAGES).optional(),
  /** A text with the terms between commas or on lines of their own, or a list where terms need more said of them. */
  terms: z.union([phraseListSchema, z.array(termSchema)], {
    error: "must be terms between commas, or a list of terms and of { term, aliases, match }",
  }),
});
export type TermList = z.infer<typeof termListSchema>;

/** A term of a list: what a hit of it means. */
export interface Term {
  kind: "term";
  /** List id and a digest of the term: stable when the list is sorted anew, and no text of the term in records. */
  rule: string;
  category: Category;
  tier: Tier;
  direction: Direction;
  stage?: Stage;
}

/** The phrases to look for, aliases included. A term that a list names twice counts once. */
export function phrasesOf(list: TermList): Phrase<Term>[] {
  const phrases = new Map<string, Phrase<Term>[]>();
  for (const entry of list.terms) {
    const { term, aliases, match } = typeof entry === "string" ? { term: entry, aliases: [], match: undefined } : entry;
    const rule = `${list.id}/${createHash("sha256").update(term).digest("hex").slice(0, 10)}`;
    const { category, tier, direction, stage } = list;
    const owner: Term = { kind: "term", rule, category, tier, direction, ...(stage === undefined ? {} : { stage }) };
    // What is only heard cannot stand beside another signal: it is too little for T2.
    const heard = tier !== "T2";
    phrases.set(
      rule,
      [term, ...aliases].map((text) => ({ text, match, owner, heard })),
    );
  }
  return [...phrases.values()].flat();
}
