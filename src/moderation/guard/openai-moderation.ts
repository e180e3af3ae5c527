import { z } from "zod";
import { type Adapter, readingOf } from "./adapter.ts";
import { categoriesOf, OPENAI_CATEGORIES } from "./category-map.ts";
import { GuardFailure } from "./guard-failure.ts";

const moderation = z.object({
  results: z
    .array(
      z.object({
        flagged: z.boolean(),
        // Some categories are null for a model that does not know them.
        categories: z.record(z.string(), z.boolean().nullable()),
      }),
    )
    .min(1),
});

/**
 * OpenAI's moderation endpoint and whatever copies its form (moderation research 2.2 i). It knows no conversation: a question
 * and an answer are each judged alone.
 *
 * No score: its `category_scores` are no probabilities, and each category is flagged from another one on; `flagged` says what
 * they come to.
 */
export const openAiModeration: Adapter = {
  path: "/moderations",
  optionalFields: [],

  body({ direction, question, answer }) {
    return { input: direction === "question" ? question : answer };
  },

  read(reply) {
    const [result] = moderation.safeParse(reply).data?.results ?? [];
    if (result === undefined) throw new GuardFailure("not_a_completion");
    const names = Object.entries(result.categories).flatMap(([name, violated]) => (violated === true ? [name] : []));
    return readingOf(result.flagged ? "unsafe" : "safe", categoriesOf(names, OPENAI_CATEGORIES));
  },
};
