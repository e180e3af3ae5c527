import { z } from "zod";
import { messagesSchema } from "../messages.ts";
import { idSchema, intentRuleSchema, phraseListsSchema } from "../phrases/intent-rules.ts";
import { termListSchema } from "../phrases/lexicon.ts";
import { ACTIONS, CATEGORIES, STAGES } from "../verdict.ts";

/** The form of a policy file and of the packs that ship with the service. */

const actionSchema = z.enum(ACTIONS);
const stageSchema = z.enum(STAGES);

/** One action for everybody, or one for each audience. */
const byAudienceSchema = z
  .union([actionSchema, z.strictObject({ internal: actionSchema, external: actionSchema })], {
    error: `must be one of ${ACTIONS.join(", ")}, or { internal: …, external: … } with one for each`,
  })
  .transform((actions) => (typeof actions === "string" ? { internal: actions, external: actions } : actions));

const thresholdsSchema = z
  .strictObject({
    act: z.number().min(0).max(1),
    flag: z.number().min(0).max(1),
    style: z.number().min(0).max(1).default(0.9),
  })
  .refine(({ act, flag }) => flag <= act, "flag must not be above act");

/** Terms and rules: what packs hold, and what a policy may add of its own. */
const vocabulary = {
  allow: phraseListsSchema.default([]),
  lexicon: z.array(termListSchema).default([]),
  /** Word lists that rules share by YAML anchors; nothing else reads them. */
  words: z.record(z.string(), z.string()).default({}),
  rules: z.array(intentRuleSchema).default([]),
};

export const packSchema = z.strictObject({ about: z.string().trim().min(1), ...vocabulary });
export type Pack = z.infer<typeof packSchema>;

const days = z.int().min(1).max(3650);

export const policySchema = z.strictObject({
  version: z.string().trim().min(1).max(40),
  stage: stageSchema.default("enforce"),
  /** Who writes to this service: colleagues, or anybody. */
  audience: z.enum(["internal", "external"]).default("internal"),
  retention: z
    .strictObject({ rawDays: days.default(30), maskedDays: days.default(190) })
    .refine(({ rawDays, maskedDays }) => rawDays <= maskedDays, "rawDays must not be above maskedDays")
    .prefault({}),
  /** The note that an answer was made by AI: below each answer, below a conversation's first one, or not at all. */
  label: z.enum(["footer", "first", "off"]).default("footer"),
  faults: byAudienceSchema,
  thresholds: z.strictObject({ internal: thresholdsSchema, external: thresholdsSchema }),
  guard: z
    .strictObject({
      stage: stageSchema.default("enforce"),
      /** Without GUARD_BASE_URL: ask the chat model itself to judge, or do without a guard. */
      unset: z.enum(["off", "chat-model"]).default("off"),
      /** What one word of the guard is worth at least, 0 to 1; a score of its own may be higher. */
      unsafe: z.number().min(0).max(1).default(0.95),
      controversial: z.number().min(0).max(1).default(0.65),
    })
    .prefault({}),
  strikes: z
    .strictObject({
      inARow: z.int().min(1).max(100).default(3),
      perDay: z.int().min(1).max(1000).default(5),
      pauseHours: z.number().min(0).max(720).default(24),
      expireDays: z.int().min(1).max(365).default(30),
    })
    .prefault({}),
  risk: z
    .strictObject({
      halfLifeMinutes: z.number().min(1).max(10_080).default(30),
      /** Sum from which a conversation bears out doubts and is looked at; a flag adds 1, a refusal 2, a hint 0.3. */
      high: z.number().min(0.1).max(100).default(3),
    })
    .prefault({}),
  /** Categories whose cases two different reviewers have to resolve alike. */
  fourEyes: z.array(z.enum(CATEGORIES)).default([]),
  categories: z.record(
    z.enum(CATEGORIES),
    z.strictObject({
      severity: z.enum(["P0", "P1", "P2", "P3"]),
      /** Milder than the policy's stage while a category is being tried out. */
      stage: stageSchema.optional(),
      question: byAudienceSchema,
      answer: byAudienceSchema,
      /** Strikes of a refused question. */
      strikes: z.int().min(0).max(10).default(1),
    }),
  ),
  messages: messagesSchema,
  /** Packs of terms and rules that ship with the service, by name. */
  packs: z.array(idSchema).default([]),
  /** Rules and lists of the packs that are tried out (`shadow`, `warn`) or that shall do nothing (`off`), by id. */
  stages: z.record(idSchema, z.enum([...STAGES, "off"])).default({}),
  ...vocabulary,
});
export type WrittenPolicy = z.infer<typeof policySchema>;
