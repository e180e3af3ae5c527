import { z } from "zod";
import { signal } from "./cases.ts";
import { direction, severity, word } from "./parts.ts";

/** The policy, tried and changed. */

export const policyAnswer = z.object({
  version: z.string(),
  text: z.string(),
  /** `file`: POLICY_FILE rules and the console only tries things out. `console`: edited here. `built-in`: nothing edited yet. */
  source: z.enum(["file", "console", "built-in"]),
  versions: z.array(
    z.object({
      id: z.int(),
      version: z.string(),
      by: z.string(),
      atMs: z.int(),
      note: z.string(),
      active: z.boolean(),
    }),
  ),
});
const policyText = z.string().max(4 * 1024 * 1024);
export const policyCheckRequest = z.object({ text: policyText });
/** `faults`: one line each, led by its place in the text. */
export const policyCheckAnswer = z.object({
  ok: z.boolean(),
  version: z.string().nullable(),
  faults: z.array(z.string()),
});
export const policyTryRequest = z.object({
  /** Absent: the policy in force. */
  text: policyText.optional(),
  message: word(4000),
  direction: direction.default("question"),
});
export const policyTryAnswer = z.object({
  action: z.string(),
  flagged: z.boolean(),
  categories: z.array(z.string()),
  severity: severity.nullable(),
  reasons: z.array(
    z.object({ category: z.string().nullable(), cell: z.string(), action: z.string(), because: z.array(z.string()) }),
  ),
  signals: z.array(signal),
  tookMs: z.number(),
});
export const dryRunRequest = z.object({ text: policyText, days: z.int().min(1).max(30).default(7) });
export const dryRunAnswer = z.object({
  turns: z.int(),
  /** Older or more turns than one run looks at. */
  cut: z.boolean(),
  changes: z.object({ stricter: z.int(), milder: z.int(), same: z.int() }),
  /** At most 20 of each kind, masked. */
  samples: z.array(
    z.object({
      turnId: z.string(),
      atMs: z.int(),
      text: z.string(),
      direction,
      before: z.string(),
      after: z.string(),
      rules: z.array(z.string()),
    }),
  ),
});
export const policyVersionAnswer = z.object({ id: z.int(), version: z.string(), text: z.string() });
export const policySaveRequest = z.object({
  text: policyText,
  /** What the editor began from. */
  baseVersion: z.string(),
  note: word(200),
});
