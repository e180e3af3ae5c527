import { sql, type Transaction } from "kysely";
import { appendAudit } from "./audit-log.ts";
import { putIntoCases } from "./case-builder.ts";
import { applyMove, DUE_AFTER_MS, ESCALATION_LEVEL_MAX, type MoveRequest } from "./case-moves.ts";
import { OPEN_CASES } from "./case-queries.ts";
import { appendDecision, type CaseRow, SYSTEM, stateOf } from "./case-rows.ts";
import type { Database } from "./record-database.ts";
import type { RecordTables } from "./schema.ts";

/** Rows of one transaction: its locks are held for some milliseconds, and reviewers pass between. */
const BATCH_ROWS = 100;
/** Batches of each kind in one sweep: after a long stop the first sweep ends, and the next goes on. */
const BATCHES_MAX = 50;
/** A mild case that nobody got to in this time after its due moment is closed; its figures stay. */
const CLOSE_AFTER_MS = 14 * 86_400_000;

export interface CaseSweepResult {
  /** Flags of an older program that were put into cases. */
  adopted: number;
  /** Claims that ran out. */
  released: number;
  woken: number;
  /** Not decided in time. */
  escalated: number;
  autoClosed: number;
}

type Due = "released" | "woken" | "escalated" | "autoClosed";

/**
 * What is due happens here, by queries: nothing is kept in a timer, so nothing is lost with a process. Safe to run in
 * several processes at once, and as often as one likes; once a minute is enough.
 * Throws `record_store_unavailable`.
 */
export async function sweepCases(database: Database): Promise<CaseSweepResult> {
  const result: CaseSweepResult = { adopted: 0, released: 0, woken: 0, escalated: 0, autoClosed: 0 };
  result.adopted = await repeat(() => database.write((transaction) => adopt(transaction, database)));
  // Closing before escalating: what is closed need not be escalated once more.
  for (const kind of ["released", "woken", "autoClosed", "escalated"] as const) {
    result[kind] = await repeat(() => database.write((transaction) => move(transaction, database, kind)));
  }
  return result;
}

async function repeat(batch: () => Promise<number>): Promise<number> {
  let rows = 0;
  for (let batches = 0; batches < BATCHES_MAX; batches += 1) {
    const done = await batch();
    rows += done;
    if (done < BATCH_ROWS) break;
  }
  return rows;
}

/** A process from before cases writes flags without one, during an update; and so are those from before the update. */
async function adopt(transaction: Transaction<RecordTables>, { engine }: Database): Promise<number> {
  await engine.lockCases(transaction);
  const flags = await transaction
    .selectFrom("flags")
    .select("case_number")
    .where("in_case", "is", null)
    .orderBy("raised_at_ms")
    .limit(BATCH_ROWS)
    .execute();
  const numbers = flags.map((flag) => flag.case_number);
  await putIntoCases(transaction, numbers, engine);
  return numbers.length;
}

async function move(transaction: Transaction<RecordTables>, { engine, clock }: Database, kind: Due): Promise<number> {
  const nowMs = clock.nowMs();
  const rows = await transaction
    .selectFrom("cases")
    .selectAll()
    .where(dueFor(kind, nowMs))
    .orderBy("case_number")
    .limit(BATCH_ROWS)
    .$if(engine.skipsLockedRows, (query) => query.forUpdate().skipLocked())
    .execute();
  if (kind === "released") {
    if (rows.length > 0) await release(transaction, rows);
    return rows.length;
  }
  for (const row of rows) {
    const request = requestOf(kind, row, nowMs);
    const moved = applyMove(stateOf(row), request);
    // The query takes only rows that have the move; one without it would come back with every sweep.
    if (!moved.ok) throw new Error(`the sweep cannot ${request.move} a case that is ${row.status}`);
    const after = await appendDecision(transaction, row, moved.state, {
      move: request.move,
      resolution: null,
      reason: kind === "woken" ? "time" : "overdue",
      note: "",
      by: SYSTEM,
      atMs: nowMs,
      batchId: null,
      undoesVersion: null,
    });
    await appendAudit(
      transaction,
      {
        by: SYSTEM,
        action: `case.${request.move}`,
        subject: `case:${row.case_number}`,
        details: { version: after.version, from: row.status, to: after.status, severity: row.severity },
      },
      nowMs,
    );
  }
  return rows.length;
}

function dueFor(kind: Due, nowMs: number) {
  switch (kind) {
    case "released":
      return sql<boolean>`status = 'claimed' and claim_until_ms < ${nowMs}`;
    case "woken":
      return sql<boolean>`status = 'snoozed' and snoozed_until_ms <= ${nowMs}`;
    case "autoClosed":
      return sql<boolean>`severity = 'P3' and status in ('new', 'escalated') and pending_resolution is null
        and appeal_count = 0 and first_raised_at_ms < ${nowMs - DUE_AFTER_MS.P3 - CLOSE_AFTER_MS}
        and (claim_until_ms is null or claim_until_ms < ${nowMs})`;
    case "escalated":
      // Whoever has it in hand is about to decide; taking it away would only cost their work.
      return sql<boolean>`${sql.raw(OPEN_CASES)} and due_at_ms < ${nowMs}
        and escalation_level < ${ESCALATION_LEVEL_MAX} and (claim_until_ms is null or claim_until_ms < ${nowMs})`;
  }
}

function requestOf(kind: Exclude<Due, "released">, row: CaseRow, atMs: number): MoveRequest {
  const dueAtMs = atMs + DUE_AFTER_MS[row.severity];
  switch (kind) {
    case "woken":
      // It was due when it was due: what waited too long escalates now.
      return { move: "wake", dueAtMs: row.due_at_ms, by: SYSTEM, atMs };
    case "autoClosed":
      return { move: "close", dueAtMs: row.due_at_ms, by: SYSTEM, atMs };
    case "escalated":
      return { move: "escalate", to: row.escalated_to, dueAtMs, by: SYSTEM, atMs };
  }
}

async function release(transaction: Transaction<RecordTables>, rows: CaseRow[]): Promise<void> {
  await transaction
    .updateTable("cases")
    .set({ status: "new", assignee: null, claim_until_ms: null, version: sql`version + 1` })
    .where(
      "case_number",
      "in",
      rows.map((row) => row.case_number),
    )
    .execute();
}
