import { type Adapter, completionOf, probabilitiesOf, readingOf, type Token } from "./adapter.ts";
import { categoriesOf, LLAMA_GUARD_CATEGORIES, namesIn } from "./category-map.ts";
import { GuardFailure } from "./guard-failure.ts";

/**
 * Llama Guard 3 and 4 (meta-llama/PurpleLlama model cards; moderation research 2.2 c): the ordinary conversation; the
 * server's chat template adds the instruction, and the last turn is judged. The reply is `safe`, or `unsafe` and a line of
 * codes, `S1,S10`, perhaps below blank lines.
 */
export const llamaGuard: Adapter = {
  path: "/chat/completions",
  optionalFields: ["top_logprobs", "logprobs"],

  body({ direction, question, answer }) {
    const asked = { role: "user", content: question };
    return {
      messages: direction === "question" ? [asked] : [asked, { role: "assistant", content: answer }],
      max_tokens: 64,
      temperature: 0,
      logprobs: true,
      top_logprobs: 5,
      stream: false,
    };
  },

  read(reply) {
    const { text, tokens } = completionOf(reply);
    const [verdict = "", codes = ""] = text.trim().split(/\r?\n/);
    const word = verdict.trim();
    if (word !== "safe" && word !== "unsafe") throw new GuardFailure("not_a_verdict");
    return readingOf(word, categoriesOf(namesIn(codes), LLAMA_GUARD_CATEGORIES), { score: scoreOf(tokens) });
  },
};

/** P(unsafe) of the first token that is a word; the word may be spelled in two tokens. */
function scoreOf(tokens: readonly Token[]): number | undefined {
  const first = tokens.find(({ token }) => token.trim() !== "");
  return probabilitiesOf(first, ["unsafe", "safe"])?.[0];
}
