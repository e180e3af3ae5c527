import { z } from "zod";

/**
 * The review console's JSON API below `/admin/api/`: what goes in and what comes out, in one place. The server checks every
 * body and query by it, the OpenAPI file is made from it, and the console's page takes its types from it.
 *
 * Times are milliseconds since 1970. Texts are masked unless a route says otherwise. Errors are
 * `{ "error": { "code", "message" } }` as everywhere in the service.
 */

const word = (units: number) => z.string().trim().min(1).max(units);
const note = z.string().max(2000);
const severity = z.enum(["P0", "P1", "P2", "P3"]);
const status = z.enum(["new", "claimed", "escalated", "snoozed", "resolved", "auto_closed", "appealed"]);
const resolution = z.enum(["confirmed", "false_positive", "benign_true_hit", "duplicate", "needs_policy"]);
const channel = z.enum(["app", "bot", "socket"]);
const span = z.object({ start: z.int(), end: z.int() });
const caseNumber = z.string().regex(/^[0-9A-Z]{5}-[0-9A-Z]{5}$/);
const userId = word(64);
const direction = z.enum(["question", "answer"]);

export const ROLES = ["viewer", "reviewer", "admin"] as const;
const role = z.enum(ROLES);

// Who is signed in

export const sessionAnswer = z.object({
  user: z.object({ userId: z.string(), name: z.string(), role }),
  /** To be sent back as the header `x-csrf-token` with everything but GET. */
  csrf: z.string(),
  expiresAtMs: z.int(),
});
/** Which doors are open; asked before signing in. */
export const loginOptions = z.object({ wecom: z.boolean(), bootstrap: z.boolean() });
export const bootstrapRequest = z.object({ token: word(200) });

// The queue

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

// People

export const peopleQuery = z.object({
  q: word(64).optional(),
  restricted: z.stringbool().optional(),
  cursor: word(2000).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
export const peopleList = z.object({
  people: z.array(
    z.object({
      userId: z.string(),
      name: z.string(),
      turns90Days: z.int(),
      flags90Days: z.int(),
      confirmed90Days: z.int(),
      lastSeenAtMs: z.int(),
      restrictedUntilMs: z.int().nullable(),
      restricted: z.boolean(),
    }),
  ),
  cursor: z.string().nullable(),
});
export const personDetail = memberHistory.extend({ cases: z.array(caseRow), onHold: z.boolean() });
export const restrictRequest = z.object({
  kind: z.enum(["mute", "ban"]),
  /** Null: until it is lifted. */
  hours: z.number().min(1).max(8760).nullable(),
  reason: word(200),
});
export const eraseRequest = z.object({
  reason: word(200),
  /** The userid once more, so that nobody is erased by a slip. */
  confirm: userId,
});
export const eraseReport = z.object({
  turns: z.int(),
  flags: z.int(),
  feedback: z.int(),
  cases: z.int(),
  restrictions: z.int(),
  /** A legal hold kept some or all of it. */
  held: z.boolean(),
});

// Policy

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

// Dashboard

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

// Audit

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

// Legal holds

const holdSubject = {
  case: z.object({ kind: z.literal("case"), caseNumber }),
  member: z.object({ kind: z.literal("member"), userId }),
};
const holdFacts = z.object({
  holdId: z.string(),
  reason: z.string(),
  by: z.string(),
  atMs: z.int(),
  liftedAtMs: z.int().nullable(),
  liftedBy: z.string().nullable(),
});
export const hold = z.discriminatedUnion("kind", [
  holdSubject.case.extend(holdFacts.shape),
  holdSubject.member.extend(holdFacts.shape),
]);
export const holdList = z.object({ holds: z.array(hold) });
export const holdRequest = z.discriminatedUnion("kind", [
  holdSubject.case.extend({ reason: word(200) }),
  holdSubject.member.extend({ reason: word(200) }),
]);

// The second, blind review of a sample

/** A case without what was decided, by whom, and what came of it. */
export const secondReviewNext = z.object({
  case: z
    .object({
      caseNumber: z.string(),
      severity,
      categories: z.array(z.string()),
      action: z.string(),
      audience: z.enum(["internal", "external"]).nullable(),
      channel,
      groupId: z.string().nullable(),
      turns: z.array(caseTurn),
    })
    .nullable(),
});
export const secondReviewRequest = z.object({ resolution });
const agreement = z.object({
  pairs: z.int(),
  observed: z.number(),
  expected: z.number(),
  /** Cohen's: 1 is full agreement, 0 no more than chance; null where there is nothing to tell apart. */
  kappa: z.number().nullable(),
});
export const agreementAnswer = agreement.extend({
  categories: z.array(agreement.extend({ category: z.string() })),
});

// Settings: read only, made by the environment

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

/** Server-sent events of `GET /admin/api/events`. */
export const liveEvent = z.discriminatedUnion("type", [
  z.object({ type: z.literal("case"), case: caseRow }),
  z.object({ type: z.literal("counts"), counts: caseCounts }),
  z.object({ type: z.literal("policy"), version: z.string() }),
]);

export type Session = z.output<typeof sessionAnswer>;
export type Role = z.output<typeof role>;
export type CaseRow = z.output<typeof caseRow>;
export type CaseDetail = z.output<typeof caseDetail>;
export type CaseTurn = z.output<typeof caseTurn>;
export type DecisionRequest = z.input<typeof decisionRequest>;
export type DecisionAnswer = z.input<typeof decisionAnswer>;
export type CaseQuery = z.output<typeof caseQuery>;
export type Settings = z.output<typeof settingsAnswer>;
export type MemberHistory = z.output<typeof memberHistory>;
export type LiveEvent = z.output<typeof liveEvent>;
