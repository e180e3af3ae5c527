import { z } from "zod";
import { parseYaml } from "../moderation/policy/policy-yaml.ts";

/** What a company adds to the greeting; see GREETING_FILE in the README. */
export interface Greeting {
  /** Whom members ask about the bot, in the company's words. */
  contact: string | null;
  /** Where they read more. The welcome card opens it; WeCom takes no such card without an address (wecom-protocol 7.1). */
  link: string | null;
  /** Questions that a member can tap. Shown where the channel has cards. */
  suggestions: readonly Suggestion[];
}

export interface Suggestion {
  title: string;
  question: string;
}

/** What the bot says of itself; all of it must be true of this installation. */
export interface BotFacts {
  botName: string;
  /** Days that records keep the text as it was written, and with personal data masked. */
  rawDays: number;
  maskedDays: number;
  contact: string | null;
}

/** Characters (字) of a card's value and of an entry that can be tapped (wecom-protocol 7.2). */
const CONTACT_MAX = 26;
const TITLE_MAX = 13;
const SUGGESTIONS_MAX = 3;
/** UTF-8 bytes of a question that a card asks (7.2). */
const QUESTION_BYTES_MAX = 200;

const line = (charactersMax: number) =>
  z
    .string()
    .trim()
    .min(1)
    .refine((text) => !/[\r\n]/.test(text), "must be one line")
    .refine((text) => Array.from(text).length <= charactersMax, `must have at most ${charactersMax} characters`);

const schema = z
  .strictObject({
    contact: line(CONTACT_MAX).nullable().default(null),
    link: z
      .url({ protocol: /^https?$/, error: "must be an address that begins with https:// or http://" })
      .nullable()
      .default(null),
    suggestions: z
      .array(
        z.strictObject({
          title: line(TITLE_MAX),
          question: z
            .string()
            .trim()
            .min(1)
            .refine(
              (text) => Buffer.byteLength(text) <= QUESTION_BYTES_MAX,
              `must have at most ${QUESTION_BYTES_MAX} bytes; a Chinese character has three`,
            ),
        }),
      )
      .max(SUGGESTIONS_MAX, `at most ${SUGGESTIONS_MAX} fit on a card`)
      .default([]),
  })
  .refine(({ link, suggestions }) => suggestions.length === 0 || link !== null, {
    path: ["link"],
    message: "is needed beside suggestions: WeCom takes no card without an address that it opens",
  });

/** Reads the file's YAML; what is not written, or no file, is the plain greeting. Throws `bad_config` with one line a fault. */
export function readGreeting(source: string | undefined): Greeting {
  return source === undefined || source.trim() === "" ? schema.parse({}) : parseYaml(source, schema, "greeting");
}
