import { z } from "zod";
import { type Adapter, completionOf, type Reading, readingOf } from "./adapter.ts";
import {
  categoriesOf,
  keyOf,
  NEMOGUARD_CATEGORIES,
  NEMOGUARD_DOUBT,
  NEMOGUARD_NAMES,
  namesIn,
} from "./category-map.ts";
import { GuardFailure } from "./guard-failure.ts";
import { jsonObjectsIn } from "./json-in-text.ts";

const TASK = `Task: Check if there is unsafe content in the user or agent messages in the below conversation in accordance with our safety policy with the below categories. Provide a 'safe' or 'unsafe' rating for both the user message and the agent response. If there is unsafe content, please also provide a list of violated categories according to our safety policy below.

<BEGIN UNSAFE CONTENT CATEGORIES>
${NEMOGUARD_NAMES.map((name, index) => `S${index + 1}: ${name}.`).join("\n")}
<END UNSAFE CONTENT CATEGORIES>

<BEGIN CONVERSATION>

`;

const FORM = `
<END CONVERSATION>

Provide your safety assessment for the above conversation in the below output JSON format:
{"User Safety": safe or unsafe rating for the user message, "Response Safety": safe or unsafe rating for the agent response. Omit if no agent response present. "Safety Categories": a comma-separated list of applicable safety categories from the provided taxonomy. Omit if all safe.}

Do not include anything other than the output JSON in your response.
Output JSON: `;

const rating = z.string().transform((word) => word.trim().toLowerCase());
const verdict = z.object({
  "User Safety": rating.optional(),
  "Response Safety": rating.optional(),
  "Safety Categories": z.string().nullish(),
});

/**
 * NemoGuard and Nemotron Safety Guard 8B (NVIDIA's model card; moderation research 2.2 f): one user message with the whole
 * task, the reply a JSON object of two ratings and the categories of both, by name.
 *
 * It has no word for doubt, but a category, `Needs Caution`: alone it means `controversial`.
 */
export const nemoGuard: Adapter = {
  path: "/chat/completions",
  optionalFields: [],

  body({ direction, question, answer }) {
    const response = direction === "answer" ? `\nresponse: agent: ${answer}\n` : "";
    const content = `${TASK}user: ${question}\n${response}${FORM}`;
    // The card has 50; a text that violates many categories would end within its verdict, which is then none.
    return { messages: [{ role: "user", content }], max_tokens: 160, temperature: 0, stream: false };
  },

  read(reply, { direction }) {
    const [object] = jsonObjectsIn(completionOf(reply).text);
    const given = verdict.safeParse(object).data;
    const level = given?.[direction === "question" ? "User Safety" : "Response Safety"];
    if (given === undefined || (level !== "safe" && level !== "unsafe")) throw new GuardFailure("not_a_verdict");
    const names = namesIn(given["Safety Categories"] ?? "").map(nameOf);
    return readingOf(doubtOf(level, names), categoriesOf(names, NEMOGUARD_CATEGORIES));
  },
};

function doubtOf(level: "safe" | "unsafe", names: readonly string[]): Reading["level"] {
  if (level === "safe") return "safe";
  return names.length > 0 && names.every((name) => keyOf(name) === NEMOGUARD_DOUBT) ? "controversial" : "unsafe";
}

/** `Violence`, `S1: Violence` and `S1` are the same. */
function nameOf(given: string): string {
  const [, code, name = ""] = /^S(\d{1,2})(?::\s*(.+))?$/i.exec(given) ?? [];
  if (code === undefined) return given;
  return name === "" ? (NEMOGUARD_NAMES[Number(code) - 1] ?? given) : name;
}
