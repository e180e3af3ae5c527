import { type Selectable, sql, type Transaction } from "kysely";
import type { CaseState, Move, Resolution } from "./case-moves.ts";
import type { CasesTable } from "./case-schema.ts";
import type { RecordTables } from "./schema.ts";

/** The rows of a case, and the one way in which they change. */

export type CaseRow = Selectable<CasesTable>;

/** Who acts when nobody does: the sweep. No member can be called so, for a colon is no part of a userid. */
export const SYSTEM = "system:yingda";

/** Turns before and after a flagged one that the snapshot keeps; a reviewer reads them to judge the flagged one. */
const CONTEXT_TURNS = 3;
/** What was said yesterday is no context of what is said today. */
const CONTEXT_SPAN_MS = 24 * 3600_000;

export interface NewDecision {
  move: Move | "undo";
  resolution: Resolution | null;
  reason: string;
  note: string;
  by: string;
  atMs: number;
  batchId: string | null;
  undoesVersion: number | null;
}

export function stateOf(row: CaseRow): CaseState {
  return {
    status: row.status,
    resolution: row.resolution,
    assignee: row.assignee,
    claimUntilMs: row.claim_until_ms,
    dueAtMs: row.due_at_ms,
    escalationLevel: row.escalation_level,
    escalatedTo: row.escalated_to,
    snoozedUntilMs: row.snoozed_until_ms,
    pendingResolution: row.pending_resolution,
    pendingBy: row.pending_by,
    decidedBy: row.decided_by,
    decidedAtMs: row.decided_at_ms,
    appealDecidedAtMs: row.appeal_decided_at_ms,
  };
}

export function columnsOf(state: CaseState) {
  return {
    status: state.status,
    resolution: state.resolution,
    assignee: state.assignee,
    claim_until_ms: state.claimUntilMs,
    due_at_ms: state.dueAtMs,
    escalation_level: state.escalationLevel,
    escalated_to: state.escalatedTo,
    snoozed_until_ms: state.snoozedUntilMs,
    pending_resolution: state.pendingResolution,
    pending_by: state.pendingBy,
    decided_by: state.decidedBy,
    decided_at_ms: state.decidedAtMs,
    appeal_decided_at_ms: state.appealDecidedAtMs,
  };
}

/** The row, locked until the transaction ends where the engine locks rows; null when there is none. */
export async function caseToChange(
  transaction: Transaction<RecordTables>,
  caseNumber: string,
  locksRows: boolean,
): Promise<CaseRow | null> {
  const row = await transaction
    .selectFrom("cases")
    .selectAll()
    .where("case_number", "=", caseNumber)
    .$if(locksRows, (query) => query.forUpdate())
    .executeTakeFirst();
  return row ?? null;
}

/** Appends a decision and projects it on its case, whose row the transaction holds. Returns the row after it. */
export async function appendDecision(
  transaction: Transaction<RecordTables>,
  before: CaseRow,
  after: CaseState,
  decision: NewDecision,
): Promise<CaseRow> {
  const version = before.version + 1;
  await transaction
    .insertInto("decisions")
    .values({
      case_number: before.case_number,
      version,
      move: decision.move,
      from_status: before.status,
      to_status: after.status,
      resolution: decision.resolution,
      reason: decision.reason,
      note: decision.note,
      by_user: decision.by,
      at_ms: decision.atMs,
      state_before: JSON.stringify(stateOf(before)),
      undoes_version: decision.undoesVersion,
      batch_id: decision.batchId,
    })
    .execute();
  return transaction
    .updateTable("cases")
    .set({ ...columnsOf(after), version })
    .where("case_number", "=", before.case_number)
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** Copies a flagged turn and those around it into the case's snapshot; what is there already stays as it was. */
export async function freezeTurns(
  transaction: Transaction<RecordTables>,
  caseNumber: string,
  turn: { turnId: string; conversationId: string; receivedAtMs: number },
): Promise<void> {
  const { turnId, conversationId, receivedAtMs } = turn;
  await sql`
    insert into case_turns (case_number, turn_id, trace_id, user_id, outcome, model, policy_version, received_at_ms,
      question, question_masked, answer, answer_masked, masked_at_ms)
    select cast(${caseNumber} as text), turn_id, trace_id, user_id, outcome, model, policy_version, received_at_ms,
      question, question_masked, answer, answer_masked, masked_at_ms
    from turns
    where turn_id in (
      select cast(${turnId} as text)
      union all
      select turn_id from (
        select turn_id from turns
        where conversation_id = ${conversationId} and turn_id <> ${turnId}
          and received_at_ms between ${receivedAtMs - CONTEXT_SPAN_MS} and ${receivedAtMs}
        order by received_at_ms desc, turn_id desc limit ${CONTEXT_TURNS}
      ) before_it
      union all
      select turn_id from (
        select turn_id from turns
        where conversation_id = ${conversationId} and turn_id <> ${turnId}
          and received_at_ms > ${receivedAtMs} and received_at_ms <= ${receivedAtMs + CONTEXT_SPAN_MS}
        order by received_at_ms, turn_id limit ${CONTEXT_TURNS}
      ) after_it)
    on conflict (case_number, turn_id) do nothing`.execute(transaction);
}
