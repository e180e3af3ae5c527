import { z } from "zod";
import {
  caseNumber,
  channel,
  direction,
  note,
  resolution,
  role,
  severity,
  span,
  status,
  userId,
  word,
} from "./parts.ts";

/** The queue, a case, and what is decided on it. */

export const signal = z.object({
  checker: z.string(),
  category: z.string(),
  confidence: z.number(),
  rule: z.string(),
  /** Offsets into the text of the flag, end exclusive; into the raw text where it was asked for, else the masked one. */
  spans: z.array(span),
});

export const caseRow = z.object({
  caseNumber: z.string(),
  version: z.int(),
  status,
  severity,
  categories: z.array(z.string()),
  action: z.string(),
  score: z.number(),
  flagCount: z.int(),
  appealed: z.boolean(),
  channel,
  groupId: z.string().nullable(),
  userId: z.string(),
  userName: z.string(),
  direction: direction.nullable(),
  excerpt: z.string(),
  raisedAtMs: z.int(),
  dueAtMs: z.int(),
  assignee: z.string().nullable(),
  claimUntilMs: z.int().nullable(),
  resolution: resolution.nullable(),
  /** Four-eyes: waits for a second reviewer. */
  pendingBy: z.string().nullable(),
});

export const caseQuery = z.object({
  /** `open`: new, claimed, escalated and appealed. */
  status: z.union([status, z.enum(["open", "all"])]).default("open"),
  severity: severity.optional(),
  category: word(40).optional(),
  channel: channel.optional(),
  userId: userId.optional(),
  assignee: z.union([z.literal("me"), userId]).optional(),
  appealed: z.stringbool().optional(),
  overdue: z.stringbool().optional(),
  /** Words in question, answer and notes, Chinese included. */
  q: word(100).optional(),
  fromMs: z.coerce.number().int().optional(),
  untilMs: z.coerce.number().int().optional(),
  sort: z.enum(["urgency", "newest", "oldest", "score"]).default("urgency"),
  cursor: word(2000).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
export const caseList = z.object({ cases: z.array(caseRow), cursor: z.string().nullable() });

export const caseCounts = z.object({
  open: z.int(),
  overdue: z.int(),
  byStatus: z.record(z.string(), z.int()),
  bySeverity: z.record(z.string(), z.int()),
});

/** One exchange around what was flagged, frozen when the case was made. */
export const caseTurn = z.object({
  turnId: z.string(),
  /** Who asked: in a group turns of others stand around the flagged ones. */
  userId: z.string(),
  atMs: z.int(),
  question: z.string(),
  answer: z.string(),
  outcome: z.string(),
  model: z.string().nullable(),
  policyVersion: z.string(),
  traceId: z.string(),
  flags: z.array(
    z.object({
      caseNumber: z.string(),
      direction,
      severity,
      action: z.string(),
      categories: z.array(z.string()),
      /** What was judged; for a withheld answer this is more than the member saw. */
      text: z.string(),
      signals: z.array(signal),
    }),
  ),
});

export const decision = z.object({
  version: z.int(),
  move: z.string(),
  resolution: resolution.nullable(),
  reason: z.string(),
  note: z.string(),
  by: z.string(),
  atMs: z.int(),
  undone: z.boolean(),
});
export const caseNote = z.object({ by: z.string(), atMs: z.int(), text: z.string() });

export const restriction = z.object({
  restrictionId: z.string(),
  kind: z.enum(["mute", "ban"]),
  untilMs: z.int().nullable(),
  caseNumber: z.string().nullable(),
  reason: z.string(),
  by: z.string(),
  atMs: z.int(),
  liftedAtMs: z.int().nullable(),
});

export const memberHistory = z.object({
  userId: z.string(),
  name: z.string(),
  /** Flags of the last 90 days by category. */
  flags90Days: z.record(z.string(), z.int()),
  turns90Days: z.int(),
  confirmed90Days: z.int(),
  pausedUntilMs: z.int().nullable(),
  restrictions: z.array(restriction),
});

export const caseDetail = caseRow.extend({
  conversationId: z.string(),
  turns: z.array(caseTurn),
  decisions: z.array(decision),
  notes: z.array(caseNote),
  member: memberHistory,
  /** Until when the last decision can be taken back by whoever made it. */
  undoUntilMs: z.int().nullable(),
  /** What the policy in force now would say of the flagged text; null when nobody may see the text any more. */
  today: z.object({ policyVersion: z.string(), action: z.string(), categories: z.array(z.string()) }).nullable(),
});

/** With everything that changes a case: the version that the reviewer saw. */
const seen = { version: z.int() };

export const decisionRequest = z.object({
  ...seen,
  move: z.enum(["resolve", "escalate", "snooze", "wake", "reopen"]),
  resolution: resolution.optional(),
  reason: z.string().trim().max(200).default(""),
  note: note.default(""),
  /** Role that an escalation goes to. */
  to: role.optional(),
  snoozeUntilMs: z.int().optional(),
  /** What else is done, in the same go. */
  actions: z
    .object({
      /** Said to the member in the chat, in the bot's name. */
      warn: word(500).optional(),
      restrict: z.object({ kind: z.enum(["mute", "ban"]), hours: z.number().min(1).max(8760).nullable() }).optional(),
      /** A phrase that takes such hits away from now on. */
      allowPhrase: word(64).optional(),
      /** Takes back what the app sent, within WeCom's time. */
      recall: z.boolean().optional(),
      /** Answers the question after all, in the bot's name. */
      answer: word(2000).optional(),
    })
    .default({}),
});
export const decisionAnswer = z.object({
  case: caseRow,
  undoUntilMs: z.int(),
  /** What could not be done beside the decision, in words: the decision itself stands. */
  problems: z.array(z.string()),
});
/** 409 `case_conflict`: the case as it is now, and who made it so. */
export const conflictAnswer = z.object({
  error: z.object({ code: z.literal("case_conflict"), message: z.string() }),
  case: caseRow,
  decision: decision.nullable(),
});

export const bulkRequest = decisionRequest.omit({ version: true, actions: true }).extend({
  cases: z
    .array(z.object({ caseNumber, version: z.int() }))
    .min(1)
    .max(100),
});
export const bulkUndoRequest = z.object({ caseNumbers: z.array(caseNumber).min(1).max(100) });
export const bulkAnswer = z.object({
  batchId: z.string(),
  decided: z.array(z.string()),
  failed: z.array(z.object({ caseNumber: z.string(), why: z.string() })),
  undoUntilMs: z.int(),
});

export const noteRequest = z.object({ text: word(2000) });
export const reasonRequest = z.object({ reason: word(200) });
/** The raw texts, offsets of the signals fitting them. The look is in the audit log. */
export const revealAnswer = z.object({ turns: z.array(caseTurn) });

export type CaseRow = z.output<typeof caseRow>;
export type CaseDetail = z.output<typeof caseDetail>;
export type CaseTurn = z.output<typeof caseTurn>;
export type DecisionRequest = z.input<typeof decisionRequest>;
export type DecisionAnswer = z.input<typeof decisionAnswer>;
export type CaseQuery = z.output<typeof caseQuery>;
export type MemberHistory = z.output<typeof memberHistory>;
