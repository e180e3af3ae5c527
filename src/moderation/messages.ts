import { z } from "zod";
import { CATEGORIES, type Verdict } from "./verdict.ts";

export type Language = "zh" | "en";

/** Longest message in characters: a refusal with its last line must fit one WeCom message of 2,048 bytes. */
const MESSAGE_CHARACTERS_MAX = 500;

const textSchema = z.string().trim().min(1).max(MESSAGE_CHARACTERS_MAX);
const bilingualSchema = z.strictObject({ zh: textSchema, en: textSchema });

const CASE_MARK = "{case}";
const UNTIL_MARK = "{until}";

const untilSchema = bilingualSchema.refine(
  ({ zh, en }) => zh.includes(UNTIL_MARK) && en.includes(UNTIL_MARK),
  "must say until when with {until} in both languages",
);

/** Everything that moderation says to a person. */
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
  /** Below an answer whose question held something that was masked. */
  masked: z.strictObject({ pii: bilingualSchema, secret: bilingualSchema }),
  /** Below an answer in a field where a professional should be asked. */
  advice: bilingualSchema,
  /** To somebody whose questions are paused; `{until}` stands for the end. */
  paused: untilSchema,
  /** To somebody whom a colleague keeps from asking, until it is lifted. */
  restricted: bilingualSchema,
  /** The same with an end; `{until}` stands for it. */
  restrictedUntil: untilSchema,
  /** The note that an answer was made by AI (GB 45438: names AI, and that it generated the content). */
  label: bilingualSchema,
});
export type Messages = z.infer<typeof messagesSchema>;

/**
 * What a person is told instead of an answer: the gravest category in plain words, something else that the bot can do, the
 * case number and how to appeal.
 */
export function refusalOf(messages: Messages, verdict: Verdict, caseNumber: string, language: Language): string {
  const [category] = verdict.categories;
  const text = (category === undefined ? messages.unchecked : messages.refusal[category])[language];
  const whole = text.includes(CASE_MARK) ? text : `${text}\n${messages.appeal[language]}`;
  return whole.replaceAll(CASE_MARK, caseNumber);
}

/** To somebody whose questions are not answered because too many were refused. */
export function pausedText(messages: Messages, untilMs: number, language: Language): string {
  return messages.paused[language].replaceAll(UNTIL_MARK, timeText(untilMs, language));
}

/** To somebody whom a colleague keeps from asking; null: until it is lifted. */
export function restrictedText(messages: Messages, untilMs: number | null, language: Language): string {
  if (untilMs === null) return messages.restricted[language];
  return messages.restrictedUntil[language].replaceAll(UNTIL_MARK, timeText(untilMs, language));
}

/** Times are told in the one time zone of WeCom's members. */
function timeText(atMs: number, language: Language): string {
  return new Intl.DateTimeFormat(language === "zh" ? "zh-CN" : "en-GB", {
    dateStyle: "medium",
    timeStyle: "short",
    timeZone: "Asia/Shanghai",
  }).format(atMs);
}
