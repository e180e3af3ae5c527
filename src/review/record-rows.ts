import type { Insertable } from "kysely";
import { z } from "zod";
import type { FeedbackRecord, FlagRecord, SpooledRecord, TurnRecord } from "./records.ts";
import type { FeedbackTable, FlagsTable, TurnsTable } from "./schema.ts";

/** A pasted book in every turn would make rows, backups and the console's pages grow without end. What is longer is cut. */
const TEXT_UNITS_MAX = 100_000;
/** A key that is cut could meet another one, and an index entry has to fit a page (2.7 kB in PostgreSQL): a longer one is refused. */
const ID_UNITS_MAX = 512;
const LABEL_UNITS_MAX = 512;
const COMMENT_UNITS_MAX = 10_000;
/** A turn raises one flag a direction; hundreds would be a fault of ours, and would let one record fill a batch. */
const FLAGS_MAX = 50;
/** A text made of nothing but terms would bring more evidence than anybody reads; the strictest come first. */
const SIGNALS_MAX = 200;
const SPANS_MAX = 100;
const WORDS_MAX = 50;

/** The rows of one record, ready to be inserted. */
export interface RecordRows {
  turn: Insertable<TurnsTable> | null;
  flags: Insertable<FlagsTable>[];
  feedback: Insertable<FeedbackTable> | null;
}

export type Prepared = { ok: true; rows: RecordRows } | { ok: false; reason: string };

/**
 * Checks a record that comes out of the spool, where another version of the program may have put it, and turns it into
 * rows that both engines take as they are. Never throws; the reason names the field, never its value.
 */
export function prepare(record: SpooledRecord): Prepared {
  const checked = spooledRecord.safeParse(record);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    return { ok: false, reason: `${issue?.path.join(".") || "record"}: ${issue?.message ?? "malformed"}` };
  }
  const valid: SpooledRecord = checked.data;
  if (valid.kind === "feedback") return { ok: true, rows: { turn: null, flags: [], feedback: feedbackRow(valid) } };
  return {
    ok: true,
    rows: { turn: turnRow(valid), flags: valid.flags.map((flag) => flagRow(flag, valid)), feedback: null },
  };
}

/** What a record is known by in alerts, even when nothing else about it is right. */
export function idOf(record: SpooledRecord): string | null {
  const { turnId, eventId }: Partial<Record<"turnId" | "eventId", unknown>> = { ...record };
  const id = turnId ?? eventId;
  return typeof id === "string" ? id.slice(0, ID_UNITS_MAX) : null;
}

const id = z
  .string()
  .min(1)
  .max(ID_UNITS_MAX)
  .refine((text) => clean(text) === text, "contains a NUL or half a surrogate pair");
const count = z.int().nonnegative();
const timeMs = z.int().nonnegative();
const word = z.string().max(LABEL_UNITS_MAX);
const words = z.array(word).max(WORDS_MAX);

const flagRecord = z.object({
  caseNumber: id,
  direction: z.enum(["question", "answer"]),
  severity: z.enum(["P0", "P1", "P2", "P3"]),
  action: z.string(),
  categories: words,
  signals: z.array(
    z.object({
      checker: word,
      category: word,
      confidence: z.number(),
      rule: word,
      spans: z.array(z.object({ start: z.int(), end: z.int() })),
    }),
  ),
  policyVersion: z.string(),
  confidence: z.number().exactOptional(),
  audience: z.enum(["internal", "external"]).exactOptional(),
  text: z.string(),
  textMasked: z.string().exactOptional(),
});

const turnRecord = z.object({
  kind: z.literal("turn"),
  turnId: id,
  traceId: id,
  conversationId: id,
  channel: z.enum(["app", "bot", "socket"]),
  groupId: id.nullable(),
  userId: id,
  outcome: z.enum(["answered", "refused", "withheld", "failed", "stopped", "busy", "command", "greeting"]),
  question: z.string(),
  questionMasked: z.string().exactOptional(),
  answer: z.string(),
  answerMasked: z.string().exactOptional(),
  errorCode: z.string().nullable(),
  model: z.string().nullable(),
  endpoint: z.string().nullable(),
  promptTokens: count.nullable(),
  answerTokens: count.nullable(),
  attempts: count,
  receivedAtMs: timeMs,
  startedAtMs: timeMs,
  firstTokenAtMs: timeMs.nullable(),
  finishedAtMs: timeMs,
  policyVersion: z.string(),
  flags: z.array(flagRecord).max(FLAGS_MAX),
  feedbackId: id.nullable(),
});

const feedbackRecord = z.object({
  kind: z.literal("feedback"),
  eventId: id,
  feedbackId: id,
  userId: id,
  verdict: z.enum(["accurate", "inaccurate", "cancelled"]),
  reasons: words,
  comment: z.string(),
  atMs: timeMs,
});

const spooledRecord = z.discriminatedUnion("kind", [turnRecord, feedbackRecord]);

function turnRow(turn: TurnRecord): Insertable<TurnsTable> {
  return {
    turn_id: turn.turnId,
    trace_id: turn.traceId,
    conversation_id: turn.conversationId,
    channel: turn.channel,
    group_id: turn.groupId,
    user_id: turn.userId,
    outcome: turn.outcome,
    question: clean(turn.question, TEXT_UNITS_MAX),
    question_units: turn.question.length,
    question_masked: clean(turn.questionMasked ?? turn.question, TEXT_UNITS_MAX),
    answer: clean(turn.answer, TEXT_UNITS_MAX),
    answer_units: turn.answer.length,
    answer_masked: clean(turn.answerMasked ?? turn.answer, TEXT_UNITS_MAX),
    error_code: label(turn.errorCode),
    model: label(turn.model),
    endpoint: label(turn.endpoint),
    prompt_tokens: turn.promptTokens,
    answer_tokens: turn.answerTokens,
    attempts: turn.attempts,
    received_at_ms: turn.receivedAtMs,
    started_at_ms: turn.startedAtMs,
    first_token_at_ms: turn.firstTokenAtMs,
    finished_at_ms: turn.finishedAtMs,
    policy_version: clean(turn.policyVersion, LABEL_UNITS_MAX),
    feedback_id: turn.feedbackId,
    masked_at_ms: null,
  };
}

function flagRow(flag: FlagRecord, turn: TurnRecord): Insertable<FlagsTable> {
  const signals = flag.signals.slice(0, SIGNALS_MAX).map((signal) => ({
    ...signal,
    spans: signal.spans.slice(0, SPANS_MAX),
  }));
  return {
    case_number: flag.caseNumber,
    turn_id: turn.turnId,
    direction: flag.direction,
    severity: flag.severity,
    action: clean(flag.action, LABEL_UNITS_MAX),
    categories: JSON.stringify(flag.categories),
    signals: JSON.stringify(signals),
    policy_version: clean(flag.policyVersion, LABEL_UNITS_MAX),
    text: clean(flag.text, TEXT_UNITS_MAX),
    text_units: flag.text.length,
    text_masked: clean(flag.textMasked ?? flag.text, TEXT_UNITS_MAX),
    confidence: Math.min(1, Math.max(0, flag.confidence ?? 0)),
    audience: flag.audience ?? null,
    status: "new",
    in_case: null,
    raised_at_ms: turn.finishedAtMs,
    masked_at_ms: null,
  };
}

function feedbackRow(feedback: FeedbackRecord): Insertable<FeedbackTable> {
  return {
    event_id: feedback.eventId,
    feedback_id: feedback.feedbackId,
    user_id: feedback.userId,
    verdict: feedback.verdict,
    reasons: JSON.stringify(feedback.reasons),
    comment: clean(feedback.comment, COMMENT_UNITS_MAX),
    comment_units: feedback.comment.length,
    at_ms: feedback.atMs,
    masked_at_ms: null,
  };
}

function label(text: string | null): string | null {
  return text === null ? null : clean(text, LABEL_UNITS_MAX);
}

/**
 * PostgreSQL takes neither NUL nor half a surrogate pair, SQLite would change them silently. Each becomes U+FFFD, one unit
 * for one, so that spans still point at what they pointed at; the cut never leaves half a pair either.
 */
function clean(text: string, unitsMax = text.length): string {
  return text.slice(0, unitsMax).toWellFormed().replaceAll("\0", "\uFFFD");
}
