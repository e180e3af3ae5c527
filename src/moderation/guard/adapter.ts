import { z } from "zod";
import type { Category } from "../verdict.ts";
import type { GuardJudgement, GuardRequest } from "./guard.ts";
import { GuardFailure } from "./guard-failure.ts";

/** What is judged: cut to the limits and free of lone surrogates, which crash the JSON readers of some servers. */
export interface Exchange {
  direction: GuardRequest["direction"];
  audience: GuardRequest["audience"];
  question: string;
  /** Empty for direction `question`. */
  answer: string;
}

/** What a guard said of it. */
export type Reading = Pick<GuardJudgement, "level" | "categories" | "score" | "refusal">;

/** How one kind of guard is asked and understood. Pure: the rest (time, tries, HTTP) is the same for all kinds. */
export interface Adapter {
  readonly path: "/chat/completions" | "/moderations";
  /** Fields of the body that a server may not know; left out from then on when it answers 400 and names one. */
  readonly optionalFields: readonly string[];
  /** The request's body, without the model's name. */
  body(exchange: Exchange): Record<string, unknown>;
  /** Reads the reply's JSON. Throws `GuardFailure` when it is not a verdict. */
  read(reply: unknown, exchange: Exchange): Reading;
}

export interface Completion {
  text: string;
  /** In order; empty when the server gave none. */
  tokens: Token[];
}

/** A token of the reply with its most likely alternatives, itself among them. */
export interface Token {
  token: string;
  alternatives: { token: string; probability: number }[];
}

const logprob = z.object({ token: z.string(), logprob: z.number() });
const completion = z.object({
  choices: z
    .array(
      z.object({
        message: z.object({ content: z.string().nullish() }),
        // They refine a verdict and are no part of it: what is wrong with them costs the score only.
        logprobs: z
          .object({ content: z.array(logprob.extend({ top_logprobs: z.array(logprob).default([]) })) })
          .nullish()
          .catch(null),
      }),
    )
    .min(1),
});

/** The first choice of a chat completion. Throws `GuardFailure` for another shape or no text. */
export function completionOf(reply: unknown): Completion {
  const [choice] = completion.safeParse(reply).data?.choices ?? [];
  if (choice === undefined) throw new GuardFailure("not_a_completion");
  const text = choice.message.content ?? "";
  if (text.trim() === "") throw new GuardFailure("empty");
  const tokens = (choice.logprobs?.content ?? []).map(({ token, logprob: own, top_logprobs }) => ({
    token,
    alternatives: (top_logprobs.length > 0 ? top_logprobs : [{ token, logprob: own }]).map((one) => ({
      token: one.token,
      probability: Math.exp(Math.min(0, one.logprob)),
    })),
  }));
  return { text, tokens };
}

/**
 * The probability that the token is a word, or the beginning of it: `[unsafe, controversial]` gives two. Undefined when no
 * alternative begins any of the words.
 */
export function probabilitiesOf(token: Token | undefined, words: readonly string[]): number[] | undefined {
  const sums = words.map(() => 0);
  let known = false;
  for (const { token: given, probability } of token?.alternatives ?? []) {
    const start = given.trim();
    const at = start === "" ? -1 : words.findIndex((word) => word.startsWith(start));
    if (at === -1) continue;
    known = true;
    sums[at] = (sums[at] ?? 0) + probability;
  }
  return known ? sums.map((sum) => Math.min(1, sum)) : undefined;
}

/** Puts a reading together; safe text has no categories, whatever else the guard wrote. */
export function readingOf(
  level: Reading["level"],
  categories: Category[],
  more: { score?: number | undefined; refusal?: boolean | undefined } = {},
): Reading {
  return {
    level,
    categories: level === "safe" ? [] : categories,
    ...(more.score === undefined ? {} : { score: more.score }),
    ...(more.refusal === undefined ? {} : { refusal: more.refusal }),
  };
}
