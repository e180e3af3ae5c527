import { z } from "zod";
import { CATEGORIES, type Verdict } from "./verdict.ts";

/** Longest message in characters: a refusal with its last line must fit one WeCom message of 2,048 bytes. */
const MESSAGE_CHARACTERS_MAX = 500;

const textSchema = z.string().trim().min(1).max(MESSAGE_CHARACTERS_MAX);
const bilingualSchema = z.strictObject({ zh: textSchema, en: textSchema });

const CASE_MARK = "{case}";

export const messagesSchema = z.strictObject({
  /** Last line of a refusal; `{case}` stands for the case number. */
  appeal: bilingualSchema.refine(
    ({ zh, en }) => zh.includes(CASE_MARK) && en.includes(CASE_MARK),
    "must name the case number with {case} in both languages",
  ),
  /** One for each category that can refuse. A text that names `{case}` itself gets no last line. */
  refusal: z.record(z.enum(CATEGORIES), bilingualSchema),
  /** When no category is known: a checker failed. */
  unchecked: bilingualSchema,
});
export type Messages = z.infer<typeof messagesSchema>;

/**
 * What a person is told instead of an answer: the gravest category in plain words, something else that the bot can do, the
 * case number and how to appeal.
 */
export function refusalOf(messages: Messages, verdict: Verdict, caseNumber: string, language: "zh" | "en"): string {
  const [category] = verdict.categories;
  const text = (category === undefined ? messages.unchecked : messages.refusal[category])[language];
  const whole = text.includes(CASE_MARK) ? text : `${text}\n${messages.appeal[language]}`;
  return whole.replaceAll(CASE_MARK, caseNumber);
}
