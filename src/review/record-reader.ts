import type { Selectable } from "kysely";
import type { CaseStatus } from "./case-moves.ts";
import type { FeedbackRecord, FlagRecord, RecordedSignal, TurnRecord } from "./records.ts";
import type { FeedbackTable, FlagsTable, RecordDatabase, TurnsTable } from "./schema.ts";

/** A page of the console, with room; more rows at once would hold up the other questions. */
const ROWS_MAX = 200;

/**
 * `…Units` is the length of a text as it was written, in UTF-16 code units: more than the text has when it was cut on its
 * way in, and still there when retention has emptied it.
 */
interface Masked {
  /** When retention emptied the texts; null while they are there. */
  maskedAtMs: number | null;
}

export interface StoredFlag extends Required<Omit<FlagRecord, "audience">>, Masked {
  audience: NonNullable<FlagRecord["audience"]> | null;
  textUnits: number;
  turnId: string;
  conversationId: string;
  userId: string;
  /** The number of its case; null for the moment until an older program's flag has one. */
  inCase: string | null;
  /** Where its case stands. */
  status: CaseStatus;
  raisedAtMs: number;
}

export interface StoredTurn extends Omit<TurnRecord, "flags">, Masked {
  questionMasked: string;
  answerMasked: string;
  questionUnits: number;
  answerUnits: number;
  flags: StoredFlag[];
}

export interface StoredFeedback extends FeedbackRecord, Masked {
  commentUnits: number;
}

/**
 * What people and tests ask of the records. A `limit` outside 1 to 200 is brought into it. Texts are as they were written,
 * cut at their limit with U+FFFD in place of what no database stores. Each call throws `record_store_unavailable`.
 */
export interface RecordReader {
  /** Newest first, whatever their status. */
  recentFlags(limit: number): Promise<StoredFlag[]>;
  turnById(turnId: string): Promise<StoredTurn | null>;
  /** The last ones, oldest first, as one reads a conversation. */
  turnsOfConversation(conversationId: string, limit: number): Promise<StoredTurn[]>;
  /** Oldest first: a member may change their mind, the last one counts. At most 200. */
  feedbackFor(feedbackId: string): Promise<StoredFeedback[]>;
}

/** The questions themselves, on any database that the schema is in. */
export function readRecords(db: RecordDatabase): RecordReader {
  const flags = () =>
    db
      .selectFrom("flags")
      .innerJoin("turns", "turns.turn_id", "flags.turn_id")
      .leftJoin("cases", "cases.case_number", "flags.in_case")
      .selectAll("flags")
      .select(["turns.conversation_id", "turns.user_id", "cases.status as case_status"]);

  async function withFlags(turns: Selectable<TurnsTable>[]): Promise<StoredTurn[]> {
    if (turns.length === 0) return [];
    const ids = turns.map((turn) => turn.turn_id);
    const rows = await flags()
      .where("flags.turn_id", "in", ids)
      .orderBy("flags.raised_at_ms")
      .orderBy("flags.case_number")
      .execute();
    const byTurn = Map.groupBy(rows.map(flagOf), (flag) => flag.turnId);
    return turns.map((turn) => turnOf(turn, byTurn.get(turn.turn_id) ?? []));
  }

  return {
    async recentFlags(limit) {
      const rows = await flags()
        .orderBy("flags.raised_at_ms", "desc")
        .orderBy("flags.case_number", "desc")
        .limit(bounded(limit))
        .execute();
      return rows.map(flagOf);
    },
    async turnById(turnId) {
      const [turn] = await withFlags(await db.selectFrom("turns").selectAll().where("turn_id", "=", turnId).execute());
      return turn ?? null;
    },
    async turnsOfConversation(conversationId, limit) {
      const rows = await db
        .selectFrom("turns")
        .selectAll()
        .where("conversation_id", "=", conversationId)
        .orderBy("received_at_ms", "desc")
        .orderBy("turn_id", "desc")
        .limit(bounded(limit))
        .execute();
      return withFlags(rows.reverse());
    },
    async feedbackFor(feedbackId) {
      const rows = await db
        .selectFrom("feedback")
        .selectAll()
        .where("feedback_id", "=", feedbackId)
        .orderBy("at_ms")
        .orderBy("event_id")
        .limit(ROWS_MAX)
        .execute();
      return rows.map(feedbackOf);
    },
  };
}

function bounded(limit: number): number {
  return Math.min(ROWS_MAX, Math.max(1, Math.trunc(limit)));
}

function turnOf(row: Selectable<TurnsTable>, flags: StoredFlag[]): StoredTurn {
  return {
    kind: "turn",
    turnId: row.turn_id,
    traceId: row.trace_id,
    conversationId: row.conversation_id,
    channel: row.channel,
    groupId: row.group_id,
    userId: row.user_id,
    outcome: row.outcome,
    question: row.question,
    questionUnits: row.question_units,
    questionMasked: row.question_masked ?? row.question,
    answer: row.answer,
    answerUnits: row.answer_units,
    answerMasked: row.answer_masked ?? row.answer,
    errorCode: row.error_code,
    model: row.model,
    endpoint: row.endpoint,
    promptTokens: row.prompt_tokens,
    answerTokens: row.answer_tokens,
    attempts: row.attempts,
    receivedAtMs: row.received_at_ms,
    startedAtMs: row.started_at_ms,
    firstTokenAtMs: row.first_token_at_ms,
    finishedAtMs: row.finished_at_ms,
    policyVersion: row.policy_version,
    flags,
    feedbackId: row.feedback_id,
    maskedAtMs: row.masked_at_ms,
  };
}

export type FlagRow = Selectable<FlagsTable> & {
  conversation_id: string;
  user_id: string;
  case_status: CaseStatus | null;
};

export function flagOf(row: FlagRow): StoredFlag {
  return {
    caseNumber: row.case_number,
    turnId: row.turn_id,
    conversationId: row.conversation_id,
    userId: row.user_id,
    direction: row.direction,
    severity: row.severity,
    action: row.action,
    categories: JSON.parse(row.categories) as string[],
    signals: JSON.parse(row.signals) as RecordedSignal[],
    policyVersion: row.policy_version,
    text: row.text,
    textUnits: row.text_units,
    textMasked: row.text_masked ?? row.text,
    confidence: row.confidence,
    audience: row.audience,
    inCase: row.in_case,
    status: row.case_status ?? row.status,
    raisedAtMs: row.raised_at_ms,
    maskedAtMs: row.masked_at_ms,
  };
}

function feedbackOf(row: Selectable<FeedbackTable>): StoredFeedback {
  return {
    kind: "feedback",
    eventId: row.event_id,
    feedbackId: row.feedback_id,
    userId: row.user_id,
    verdict: row.verdict,
    reasons: JSON.parse(row.reasons) as string[],
    comment: row.comment,
    commentUnits: row.comment_units,
    atMs: row.at_ms,
    maskedAtMs: row.masked_at_ms,
  };
}
