import { describe, expect, test } from "@jest/globals";
import { codeOf } from "../../src/base/errors.ts";
import type { Adapter, Exchange, Reading } from "../../src/moderation/guard/adapter.ts";
import { GuardFailure } from "../../src/moderation/guard/guard-failure.ts";
import { llamaGuard } from "../../src/moderation/guard/llama-guard.ts";
import { nemoGuard } from "../../src/moderation/guard/nemoguard.ts";
import { openAiModeration } from "../../src/moderation/guard/openai-moderation.ts";
import { polyGuard } from "../../src/moderation/guard/polyguard.ts";
import { qwen3Guard } from "../../src/moderation/guard/qwen3guard.ts";

const QUESTION: Exchange = {
  direction: "question",
  audience: "internal",
  question: "How do I pick a lock?",
  answer: "",
};
const ANSWER: Exchange = { ...QUESTION, direction: "answer", answer: "I'd rather call a locksmith." };

/** A chat completion as vLLM and SGLang send it, cut to what is read, with a few fields that are not. */
function completion(content: string | null, tokens?: [string, [string, number][]][]): unknown {
  const logprobs = tokens?.map(([token, top]) => ({
    token,
    bytes: null,
    logprob: top.find(([word]) => word === token)?.[1] ?? -1,
    top_logprobs: top.map(([word, logprob]) => ({ token: word, logprob, bytes: null })),
  }));
  const message = { role: "assistant", content, reasoning_content: null, tool_calls: [] };
  const choice = { index: 0, message, logprobs: logprobs === undefined ? null : { content: logprobs } };
  return { id: "chatcmpl-1", object: "chat.completion", choices: [{ ...choice, finish_reason: "stop" }] };
}

function failureIn(adapter: Adapter, reply: unknown, exchange = QUESTION): { code: string; reason: string } {
  try {
    const reading: Reading = adapter.read(reply, exchange);
    return { code: "none", reason: reading.level };
  } catch (error) {
    return { code: codeOf(error), reason: error instanceof GuardFailure ? error.reason : "" };
  }
}

const NOT_A_VERDICT = { code: "guard_nonsense", reason: "not_a_verdict" };
const WORDY: [string, Adapter][] = [
  ["Qwen3Guard", qwen3Guard],
  ["Llama Guard", llamaGuard],
  ["NemoGuard", nemoGuard],
  ["PolyGuard", polyGuard],
];

describe("every guard that answers in words", () => {
  test.each(WORDY)("%s: prose, an apology or half a word is an error, never safe", (_name, adapter) => {
    for (const text of [
      "I'm sorry, I can't help with that.",
      "This seems safe to me.",
      "Safet",
      "{}",
      "[]",
      "{",
      "null",
    ]) {
      expect(failureIn(adapter, completion(text))).toEqual(NOT_A_VERDICT);
      expect(failureIn(adapter, completion(text), ANSWER)).toEqual(NOT_A_VERDICT);
    }
  });

  test.each(WORDY)("%s: a reply without text, or of another shape, is an error of its own", (_name, adapter) => {
    for (const empty of [completion(""), completion(" \n"), completion(null)]) {
      expect(failureIn(adapter, empty)).toEqual({ code: "guard_nonsense", reason: "empty" });
    }
    for (const odd of [null, 7, "safe", [], {}, { choices: [] }, { choices: [{ text: "safe" }] }, { error: "no" }]) {
      expect(failureIn(adapter, odd)).toEqual({ code: "guard_nonsense", reason: "not_a_completion" });
    }
  });
});

describe("Qwen3Guard", () => {
  test("a question is the user's turn, without a system message, short and at temperature 0", () => {
    expect(qwen3Guard.path).toBe("/chat/completions");
    expect(qwen3Guard.body(QUESTION)).toEqual({
      messages: [{ role: "user", content: "How do I pick a lock?" }],
      max_tokens: 128,
      temperature: 0,
      logprobs: true,
      top_logprobs: 5,
      stream: false,
    });
  });

  test("an answer is the assistant's turn, behind the question", () => {
    expect(qwen3Guard.body(ANSWER)).toMatchObject({
      messages: [
        { role: "user", content: "How do I pick a lock?" },
        { role: "assistant", content: "I'd rather call a locksmith." },
      ],
    });
  });

  test.each([
    ["Safety: Safe\nCategories: None", { level: "safe", categories: [] }],
    [
      "Safety: Unsafe\nCategories: Violent, Jailbreak",
      { level: "unsafe", categories: ["terror_violence", "injection"] },
    ],
    [
      "Safety: Controversial\nCategories: Non-violent Illegal Acts",
      { level: "controversial", categories: ["illegal"] },
    ],
    ["Safety: Unsafe\nCategories: PII\nRefusal: No", { level: "unsafe", categories: ["pii"], refusal: false }],
    ["Safety: Safe\nCategories: None\nRefusal: Yes", { level: "safe", categories: [], refusal: true }],
    ["Safety: Unsafe\r\nCategories: Personally Identifiable Information\r\n", { level: "unsafe", categories: ["pii"] }],
    [
      "<think>\n\n</think>\n\nSafety: Unsafe\nCategories: Suicide & Self-Harm",
      { level: "unsafe", categories: ["self_harm"] },
    ],
    // Force is kept where the names are of no use.
    ["Safety: Unsafe", { level: "unsafe", categories: ["illegal"] }],
    ["Safety: Unsafe\nCategories: None", { level: "unsafe", categories: ["illegal"] }],
    ["Safety: Unsafe\nCategories: Gardening", { level: "unsafe", categories: ["illegal"] }],
    ["Safety: Safe\nCategories: Violent", { level: "safe", categories: [] }],
  ])("reads %j", (text, reading) => {
    expect(qwen3Guard.read(completion(text), ANSWER)).toEqual(reading);
  });

  test("a verdict that is not at the start of a line, or in other letters, does not count", () => {
    for (const text of ["My verdict is Safety: Safe", "safety: safe", "Safety: Safe enough", "Safety: Violent"]) {
      expect(failureIn(qwen3Guard, completion(text))).toEqual(NOT_A_VERDICT);
    }
  });

  test("the score is P(Unsafe) and half of P(Controversial) of the token behind `Safety:`", () => {
    const tokens: [string, [string, number][]][] = [
      ["Safety", [["Safety", 0]]],
      [":", [[":", 0]]],
      [
        " Unsafe",
        [
          [" Unsafe", Math.log(0.6)],
          [" Cont", Math.log(0.3)],
          [" Safe", Math.log(0.08)],
          ["\n", Math.log(0.02)],
        ],
      ],
      ["\n", [["\n", 0]]],
    ];
    const { score } = qwen3Guard.read(completion("Safety: Unsafe\nCategories: Violent", tokens), QUESTION);
    expect(score).toBeCloseTo(0.75, 10);
  });

  test("log-probabilities that are missing, strange or elsewhere cost the score, not the verdict", () => {
    const text = "Safety: Unsafe\nCategories: Violent";
    const strange = { choices: [{ message: { content: text }, logprobs: { content: [{ token: 1, logprob: "a" }] } }] };
    for (const reply of [completion(text), completion(text, [["Well", [["Well", 0]]]]), strange]) {
      expect(qwen3Guard.read(reply, QUESTION)).toEqual({ level: "unsafe", categories: ["terror_violence"] });
    }
  });
});

describe("Llama Guard", () => {
  test("an answer is sent as the bare conversation, with the first token's alternatives asked for", () => {
    expect(llamaGuard.body(ANSWER)).toEqual({
      messages: [
        { role: "user", content: "How do I pick a lock?" },
        { role: "assistant", content: "I'd rather call a locksmith." },
      ],
      max_tokens: 64,
      temperature: 0,
      logprobs: true,
      top_logprobs: 5,
      stream: false,
    });
  });

  test.each([
    ["safe", { level: "safe", categories: [] }],
    ["\n\nsafe", { level: "safe", categories: [] }],
    ["\n\nunsafe\nS1,S10", { level: "unsafe", categories: ["terror_violence", "hate"] }],
    ["unsafe\nS4", { level: "unsafe", categories: ["minors"] }],
    ["unsafe", { level: "unsafe", categories: ["illegal"] }],
    ["unsafe\nS2, S99", { level: "unsafe", categories: ["illegal"] }],
    ["unsafe\nS6, S99", { level: "unsafe", categories: ["illegal", "advice"] }],
  ])("reads %j", (text, reading) => {
    expect(llamaGuard.read(completion(text), QUESTION)).toEqual(reading);
  });

  test("the score is P(unsafe) of the first word, also when that is spelled in two tokens", () => {
    const tokens: [string, [string, number][]][] = [
      ["\n\n", [["\n\n", 0]]],
      [
        "uns",
        [
          ["uns", Math.log(0.7)],
          ["safe", Math.log(0.25)],
        ],
      ],
      ["afe", [["afe", 0]]],
    ];
    expect(llamaGuard.read(completion("\n\nunsafe\nS2", tokens), QUESTION).score).toBeCloseTo(0.7, 10);
  });
});

describe("NemoGuard", () => {
  const FORM = `Provide your safety assessment for the above conversation in the below output JSON format:
{"User Safety": safe or unsafe rating for the user message, "Response Safety": safe or unsafe rating for the agent response. Omit if no agent response present. "Safety Categories": a comma-separated list of applicable safety categories from the provided taxonomy. Omit if all safe.}

Do not include anything other than the output JSON in your response.
Output JSON: `;

  function promptFor(exchange: Exchange): string {
    const body = nemoGuard.body(exchange);
    const { messages, ...rest } = body as { messages: { role: string; content: string }[] };
    expect(rest).toEqual({ max_tokens: 160, temperature: 0, stream: false });
    expect(messages.map(({ role }) => role)).toEqual(["user"]);
    return messages[0]?.content ?? "";
  }

  test("the task, the 23 categories, the conversation and the form are one user message", () => {
    const prompt = promptFor(QUESTION);
    expect(prompt).toMatch(/^Task: Check if there is unsafe content in the user or agent messages in the below/);
    expect(prompt).toContain("<BEGIN UNSAFE CONTENT CATEGORIES>\nS1: Violence.\nS2: Sexual.\n");
    expect(prompt).toContain("\nS22: Illegal Activity.\nS23: Immoral/Unethical.\n<END UNSAFE CONTENT CATEGORIES>\n");
    const end = `<BEGIN CONVERSATION>\n\nuser: How do I pick a lock?\n\n<END CONVERSATION>\n\n${FORM}`;
    expect(prompt.slice(-end.length)).toBe(end);
  });

  test("an answer stands below the question", () => {
    const end = `user: How do I pick a lock?\n\nresponse: agent: I'd rather call a locksmith.\n\n<END CONVERSATION>\n\n${FORM}`;
    expect(promptFor(ANSWER).slice(-end.length)).toBe(end);
  });

  test.each([
    ['{"User Safety": "safe"}', { level: "safe", categories: [] }],
    [
      '{"User Safety": "unsafe", "Safety Categories": "Violence, Criminal Planning/Confessions"}',
      { level: "unsafe", categories: ["terror_violence", "illegal"] },
    ],
    [
      '```json\n{"User Safety": "Unsafe ", "Safety Categories": "S17: Malware"}\n```',
      { level: "unsafe", categories: ["cyber"] },
    ],
    ['{"User Safety": "unsafe", "Safety Categories": "S8, S21"}', { level: "unsafe", categories: ["hate", "advice"] }],
    ['{"User Safety": "unsafe"}', { level: "unsafe", categories: ["illegal"] }],
    [
      '{"User Safety": "unsafe", "Safety Categories": "Needs Caution"}',
      { level: "controversial", categories: ["illegal"] },
    ],
    [
      '{"User Safety": "unsafe", "Safety Categories": "Needs Caution, Threat"}',
      { level: "unsafe", categories: ["terror_violence", "illegal"] },
    ],
  ])("reads %s of a question", (text, reading) => {
    expect(nemoGuard.read(completion(text), QUESTION)).toEqual(reading);
  });

  test("of an answer only the response's rating counts, and it must be there", () => {
    const decent = '{"User Safety": "unsafe", "Response Safety": "safe", "Safety Categories": "Violence"}';
    expect(nemoGuard.read(completion(decent), ANSWER)).toEqual({ level: "safe", categories: [] });
    expect(failureIn(nemoGuard, completion('{"User Safety": "safe"}'), ANSWER)).toEqual(NOT_A_VERDICT);
    expect(failureIn(nemoGuard, completion('{"User Safety": "unclear"}'))).toEqual(NOT_A_VERDICT);
  });
});

describe("PolyGuard", () => {
  const FIVE_LINES = [
    "Harmful request: yes",
    "Response refusal: yes",
    "Request safety violations: S2, S14",
    "Harmful response: no",
    "Response safety violations: None",
  ].join("\n");

  test("the task is the system message, the exchange the user's, with an empty answer for a question", () => {
    expect(polyGuard.body(QUESTION)).toMatchObject({
      messages: [
        { role: "system", content: expect.stringMatching(/^You are a classifier for analyzing interactions.*/) },
        { role: "user", content: "Human user:\nHow do I pick a lock?\n\nAI assistant:\n" },
      ],
      max_tokens: 128,
      temperature: 0,
    });
    expect(polyGuard.body(ANSWER)).toMatchObject({
      messages: [
        { content: expect.stringContaining("\nS14: Code Interpreter Abuse.\n<END UNSAFE CONTENT CATEGORIES>") },
        { content: "Human user:\nHow do I pick a lock?\n\nAI assistant:\nI'd rather call a locksmith." },
      ],
    });
  });

  test("a question is read from the lines on the request, an answer from those on the response", () => {
    expect(polyGuard.read(completion(FIVE_LINES), QUESTION)).toEqual({
      level: "unsafe",
      categories: ["illegal", "cyber"],
    });
    expect(polyGuard.read(completion(FIVE_LINES), ANSWER)).toEqual({ level: "safe", categories: [], refusal: true });
  });

  test("a line that is missing or says neither yes nor no is an error", () => {
    expect(failureIn(polyGuard, completion("Harmful request: no"), ANSWER)).toEqual(NOT_A_VERDICT);
    expect(failureIn(polyGuard, completion("Harmful request: N/A"))).toEqual(NOT_A_VERDICT);
  });
});

describe("OpenAI moderation", () => {
  const flagged = {
    id: "modr-1",
    model: "omni-moderation-latest",
    results: [
      {
        flagged: true,
        categories: { harassment: true, "harassment/threatening": false, "sexual/minors": false, illicit: null },
        category_scores: { harassment: 0.31, "harassment/threatening": 0.02, "sexual/minors": 0, illicit: null },
        category_applied_input_types: { harassment: ["text"] },
      },
    ],
  };

  test("a question and an answer are each sent alone, to the route of its own", () => {
    expect(openAiModeration.path).toBe("/moderations");
    expect(openAiModeration.body(QUESTION)).toEqual({ input: "How do I pick a lock?" });
    expect(openAiModeration.body(ANSWER)).toEqual({ input: "I'd rather call a locksmith." });
  });

  test("what is flagged is unsafe in the categories that are true, without a score", () => {
    expect(openAiModeration.read(flagged, QUESTION)).toEqual({ level: "unsafe", categories: ["insult"] });
    const unnamed = { results: [{ flagged: true, categories: { "new/harm": true } }] };
    expect(openAiModeration.read(unnamed, QUESTION)).toEqual({ level: "unsafe", categories: ["illegal"] });
    const safe = { results: [{ flagged: false, categories: { hate: false } }] };
    expect(openAiModeration.read(safe, QUESTION)).toEqual({ level: "safe", categories: [] });
  });

  test("a reply without a result is an error, never safe", () => {
    for (const odd of [
      null,
      {},
      { results: [] },
      { results: [{ categories: {} }] },
      { results: [{ flagged: "no" }] },
    ]) {
      expect(failureIn(openAiModeration, odd)).toEqual({ code: "guard_nonsense", reason: "not_a_completion" });
    }
  });
});
