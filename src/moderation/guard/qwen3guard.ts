import { type Adapter, completionOf, probabilitiesOf, type Reading, readingOf, type Token } from "./adapter.ts";
import { categoriesOf, namesIn, QWEN3GUARD_CATEGORIES } from "./category-map.ts";
import { GuardFailure } from "./guard-failure.ts";

/**
 * Qwen3Guard-Gen (Qwen/Qwen3Guard README; moderation research 2.2 a): the ordinary conversation, no system message; the
 * server's chat template adds the instruction. Only the last turn is judged: a question when it is the user's, an answer
 * when it is the assistant's. The reply is two or three lines, `Safety:`, `Categories:` and, for answers, `Refusal:`.
 */
export const qwen3Guard: Adapter = {
  path: "/chat/completions",
  optionalFields: ["top_logprobs", "logprobs"],

  body({ direction, question, answer }) {
    const asked = { role: "user", content: question };
    return {
      messages: direction === "question" ? [asked] : [asked, { role: "assistant", content: answer }],
      max_tokens: 128,
      temperature: 0,
      logprobs: true,
      top_logprobs: 5,
      stream: false,
    };
  },

  read(reply) {
    const { text, tokens } = completionOf(reply);
    const level = levelOf(/^Safety:[ \t]*(Safe|Unsafe|Controversial)[ \t]*\r?$/m.exec(text)?.[1]);
    const list = /^Categories:(.*)$/m.exec(text)?.[1] ?? "";
    const refusal = /^Refusal:[ \t]*(Yes|No)[ \t]*\r?$/m.exec(text)?.[1];
    return readingOf(level, categoriesOf(namesIn(list), QWEN3GUARD_CATEGORIES), {
      score: scoreOf(tokens),
      refusal: refusal === undefined ? undefined : refusal === "Yes",
    });
  },
};

function levelOf(word: string | undefined): Reading["level"] {
  switch (word) {
    case "Safe":
      return "safe";
    case "Controversial":
      return "controversial";
    case "Unsafe":
      return "unsafe";
    default:
      throw new GuardFailure("not_a_verdict");
  }
}

/** P(Unsafe) + ½ P(Controversial) of the token behind `Safety:`. */
function scoreOf(tokens: readonly Token[]): number | undefined {
  let before = "";
  for (const token of tokens) {
    if (/(?:^|\n)Safety:[ \t]*$/.test(before) && token.token.trim() !== "") {
      const found = probabilitiesOf(token, ["Unsafe", "Controversial", "Safe"]);
      if (found === undefined) return undefined;
      const [unsafe = 0, controversial = 0] = found;
      return Math.min(1, unsafe + controversial / 2);
    }
    before += token.token;
  }
  return undefined;
}
