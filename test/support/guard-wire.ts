import type { GuardKind } from "../../src/moderation/guard/guard.ts";
import { CATEGORIES, type Category } from "../../src/moderation/verdict.ts";

/** How the kinds of guards are spoken to and answer, seen from their server: written from their model cards, not from ours. */

export interface ChatPart {
  role: string;
  content: string;
}

export interface WireExchange {
  direction: "question" | "answer";
  question: string;
  answer: string;
}

export interface WireJudgement {
  level: "safe" | "controversial" | "unsafe";
  categories: readonly Category[];
  refusal?: boolean;
}

/** Told from the route and the prompt; Llama Guard and Qwen3Guard get the same bare conversation and differ by name. */
export function kindOf(path: string, body: Record<string, unknown>): GuardKind {
  if (path.endsWith("/moderations")) return "openai-moderation";
  const [first] = messagesOf(body);
  if (first?.content.startsWith("Task: Check if there is unsafe content in the user or agent messages")) {
    return "nemoguard";
  }
  if (first?.role === "system") {
    return first.content.startsWith("You are a classifier for analyzing interactions") ? "polyguard" : "judge";
  }
  return /llama-?guard/i.test(String(body.model)) ? "llama-guard" : "qwen3guard";
}

/** The texts to judge, taken out of the request. */
export function exchangeIn(kind: GuardKind, body: Record<string, unknown>): WireExchange {
  const messages = messagesOf(body);
  const last = messages.at(-1)?.content ?? "";
  switch (kind) {
    case "openai-moderation":
      // It is not told which of the two it gets.
      return exchange(String(body.input), undefined);
    case "nemoguard": {
      const said = /<BEGIN CONVERSATION>\n\nuser: ([\s\S]*?)\n(?:\nresponse: agent: ([\s\S]*)\n)?\n<END CONVERSATION>/;
      const [, question = "", answer] = said.exec(last) ?? [];
      return exchange(question, answer);
    }
    case "polyguard": {
      const [, question = "", answer = ""] = /^Human user:\n([\s\S]*)\n\nAI assistant:\n([\s\S]*)$/.exec(last) ?? [];
      return exchange(question, answer === "" ? undefined : answer);
    }
    case "judge": {
      const [, marker = ""] = /^\[([0-9a-f]+) question begins\]/.exec(last) ?? [];
      const part = (name: string) =>
        new RegExp(`\\[${marker} ${name} begins\\]\\n([\\s\\S]*)\\n\\[${marker} ${name} ends\\]`).exec(last)?.[1];
      return exchange(part("question") ?? "", part("answer"));
    }
    default:
      return exchange(messages[0]?.content ?? "", messages[1]?.content);
  }
}

/** The reply of a kind's server. Throws for a judgement that the kind has no words for. */
export function replyOf(
  { kind, direction }: { kind: GuardKind; direction: "question" | "answer" },
  judgement: WireJudgement,
): unknown {
  const { level, categories } = judgement;
  const names = level === "safe" ? [] : categories.map((category) => nameOf(kind, category));
  switch (kind) {
    case "qwen3guard":
      return qwen3GuardReply(direction, judgement, names);
    case "llama-guard": {
      const verdict = certain(kind, level);
      return completion(verdict === "safe" ? "\n\nsafe" : `\n\nunsafe\n${names.join(",")}`, [
        ["\n\n", 1],
        [verdict, 0.98],
      ]);
    }
    case "nemoguard": {
      // Its only word for doubt is a category.
      const list = level === "controversial" ? ["Needs Caution"] : names;
      const word = level === "safe" ? "safe" : "unsafe";
      const ratings =
        direction === "question" ? { "User Safety": word } : { "User Safety": "safe", "Response Safety": word };
      return completion(
        JSON.stringify(list.length === 0 ? ratings : { ...ratings, "Safety Categories": list.join(", ") }),
      );
    }
    case "polyguard":
      return completion(polyGuardText(direction, certain(kind, level), names, judgement.refusal));
    case "judge": {
      const { refusal = false } = judgement;
      return completion(JSON.stringify({ level, categories: level === "safe" ? [] : categories, refusal }));
    }
    case "openai-moderation":
      return {
        model: "omni-moderation-latest",
        results: [
          {
            flagged: certain(kind, level) === "unsafe",
            categories: Object.fromEntries(OPENAI_NAMES.map((name) => [name, names.includes(name)])),
            category_scores: Object.fromEntries(OPENAI_NAMES.map((name) => [name, names.includes(name) ? 0.9 : 0.01])),
          },
        ],
      };
  }
}

function qwen3GuardReply(direction: "question" | "answer", judgement: WireJudgement, names: string[]): unknown {
  const word = { safe: "Safe", controversial: "Controversial", unsafe: "Unsafe" }[judgement.level];
  const lines = [`Safety: ${word}`, `Categories: ${names.length === 0 ? "None" : names.join(", ")}`];
  if (direction === "answer") lines.push(`Refusal: ${judgement.refusal === true ? "Yes" : "No"}`);
  return completion(lines.join("\n"), [
    ["Safety", 1],
    [":", 1],
    [` ${word}`, 0.96],
  ]);
}

function polyGuardText(
  direction: "question" | "answer",
  verdict: "safe" | "unsafe",
  names: string[],
  refusal = false,
): string {
  const yes = verdict === "unsafe" ? "yes" : "no";
  const list = names.length === 0 ? "None" : names.join(", ");
  const [request, response] = direction === "question" ? [yes, "no"] : ["no", yes];
  return [
    `Harmful request: ${request}`,
    `Response refusal: ${refusal ? "yes" : "no"}`,
    `Request safety violations: ${direction === "question" ? list : "None"}`,
    `Harmful response: ${response}`,
    `Response safety violations: ${direction === "answer" ? list : "None"}`,
  ].join("\n");
}

function exchange(question: string, answer: string | undefined): WireExchange {
  return { direction: answer === undefined ? "question" : "answer", question, answer: answer ?? "" };
}

function messagesOf(body: Record<string, unknown>): ChatPart[] {
  return Array.isArray(body.messages) ? body.messages : [];
}

function certain(kind: GuardKind, level: WireJudgement["level"]): "safe" | "unsafe" {
  if (level === "controversial") throw new Error(`${kind} has no word for controversial`);
  return level;
}

/** A chat completion, with log-probabilities for the first tokens where `tokens` gives their probabilities. */
function completion(content: string, tokens: [token: string, probability: number][] = []): unknown {
  const logprobs = tokens.map(([token, probability]) => ({
    token,
    logprob: Math.log(probability),
    top_logprobs: [{ token, logprob: Math.log(probability) }],
  }));
  const message = { role: "assistant", content };
  const choice = { index: 0, message, finish_reason: "stop" };
  return {
    object: "chat.completion",
    choices: [tokens.length === 0 ? choice : { ...choice, logprobs: { content: logprobs } }],
  };
}

/** A kind's name for each of our categories that it knows. */
const NAMES: Record<GuardKind, Partial<Record<Category, string>>> = {
  qwen3guard: {
    political: "Politically Sensitive Topics",
    terror_violence: "Violent",
    hate: "Unethical Acts",
    sexual: "Sexual Content or Sexual Acts",
    illegal: "Non-violent Illegal Acts",
    self_harm: "Suicide & Self-Harm",
    pii: "PII",
    ip_secret: "Copyright Violation",
    injection: "Jailbreak",
  },
  "llama-guard": llamaGuardCodes(),
  polyguard: llamaGuardCodes(),
  nemoguard: {
    political: "Political/Misinformation/Conspiracy",
    terror_violence: "Violence",
    hate: "Hate/Identity Hate",
    sexual: "Sexual",
    minors: "Sexual (minor)",
    illegal: "Illegal Activity",
    cyber: "Malware",
    self_harm: "Suicide and Self Harm",
    insult: "Harassment",
    pii: "PII/Privacy",
    ip_secret: "Copyright/Trademark/Plagiarism",
    misinfo: "Manipulation",
    advice: "Unauthorized Advice",
  },
  "openai-moderation": {
    terror_violence: "violence",
    hate: "hate",
    sexual: "sexual",
    minors: "sexual/minors",
    illegal: "illicit",
    self_harm: "self-harm",
    insult: "harassment",
  },
  judge: Object.fromEntries(CATEGORIES.map((category) => [category, category])),
};

const OPENAI_NAMES = Object.values(NAMES["openai-moderation"]);

function llamaGuardCodes(): Partial<Record<Category, string>> {
  return {
    terror_violence: "S1",
    illegal: "S2",
    sexual: "S12",
    minors: "S4",
    misinfo: "S5",
    advice: "S6",
    pii: "S7",
    ip_secret: "S8",
    hate: "S10",
    self_harm: "S11",
    political: "S13",
    cyber: "S14",
  };
}

function nameOf(kind: GuardKind, category: Category): string {
  const name = NAMES[kind][category];
  if (name === undefined) throw new Error(`${kind} has no name for ${category}`);
  return name;
}
