import { z } from "zod";
import { role, word } from "./parts.ts";

/** Figures, the audit log and settings, which only the environment makes. */

export const dashboardQuery = z.object({ days: z.coerce.number().int().min(1).max(90).default(7) });
export const dashboardAnswer = z.object({
  fromMs: z.int(),
  untilMs: z.int(),
  stepMs: z.int(),
  /** One entry a step, oldest first. */
  series: z.array(
    z.object({
      atMs: z.int(),
      turns: z.int(),
      refused: z.int(),
      withheld: z.int(),
      failed: z.int(),
      flagged: z.int(),
      firstTextMsP50: z.number().nullable(),
      firstTextMsP95: z.number().nullable(),
      promptTokens: z.int(),
      answerTokens: z.int(),
    }),
  ),
  categories: z.array(z.object({ category: z.string(), flags: z.int(), falsePositives: z.int(), decided: z.int() })),
  queue: z.object({ open: z.int(), overdue: z.int(), oldestAtMs: z.int().nullable() }),
  decisions: z.object({ count: z.int(), medianMs: z.number().nullable(), falsePositiveShare: z.number().nullable() }),
  policyChanges: z.array(z.object({ atMs: z.int(), version: z.string(), by: z.string() })),
});

export const auditQuery = z.object({
  before: z.coerce.number().int().optional(),
  subject: word(100).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(100),
});
export const auditRows = z.object({
  rows: z.array(
    z.object({
      seq: z.int(),
      atMs: z.int(),
      by: z.string(),
      action: z.string(),
      subject: z.string(),
      details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
      hash: z.string(),
    }),
  ),
});
export const auditExportQuery = z.object({
  format: z.enum(["jsonl", "csv"]).default("jsonl"),
  subject: word(100).optional(),
  fromMs: z.coerce.number().int().optional(),
  untilMs: z.coerce.number().int().optional(),
});
export const auditVerdict = z.object({
  ok: z.boolean(),
  rows: z.int(),
  seq: z.int().nullable(),
  why: z.string().nullable(),
});

export const settingsAnswer = z.object({
  serviceVersion: z.string(),
  channels: z.array(z.string()),
  model: z.string(),
  guard: z.string().nullable(),
  retention: z.object({ rawDays: z.int(), maskedDays: z.int() }),
  policySource: z.string(),
  people: z.array(z.object({ userId: z.string(), role })),
  sessions: z.array(
    z.object({ id: z.string(), userId: z.string(), atMs: z.int(), lastSeenAtMs: z.int(), current: z.boolean() }),
  ),
});

export type Settings = z.output<typeof settingsAnswer>;
