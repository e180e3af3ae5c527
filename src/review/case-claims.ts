import { type RawBuilder, sql, type Transaction } from "kysely";
import { appendAudit } from "./audit-log.ts";
import { conflictOf } from "./case-conflict.ts";
import { type CaseStatus, MOVES, samePerson } from "./case-moves.ts";
import { OPEN_CASES, oneCategoryOf, oneOf } from "./case-queries.ts";
import { type CaseSummary, noSuchCase, summaryOf } from "./case-reader.ts";
import { type CaseRow, caseToChange } from "./case-rows.ts";
import type { Database } from "./record-database.ts";
import type { RecordTables } from "./schema.ts";

/** Somebody who closed the laptop gives the case back after this; the console renews while the page is open. */
export const CLAIM_MS = 10 * 60_000;

export interface NextCase {
  by: string;
  /** Whether escalated cases are for this person. Default: yes. */
  escalated?: boolean;
  /** Only these, when given. */
  severities?: readonly CaseSummary["severity"][];
  /** Only cases with one of these, when given; at most 50. */
  categories?: readonly string[];
}

/**
 * Hands out the most urgent open case: gravest first, then the one due first, then the surest. One statement, so no two
 * reviewers get the same one. Never an appeal of one's own decision, and never what waits for a second pair of eyes to the
 * first. Null: nothing to do.
 */
export async function claimNext(database: Database, request: NextCase): Promise<CaseSummary | null> {
  const { by, escalated = true, severities, categories } = request;
  const { engine, clock } = database;
  const nowMs = clock.nowMs();
  const me = by.toLowerCase();
  return database.write(async (transaction) => {
    const next = sql`
      select case_number from cases
      where ${sql.raw(OPEN_CASES)}
        and (claim_until_ms is null or claim_until_ms < ${nowMs})
        and (pending_by is null or lower(pending_by) <> ${me})
        and (status <> 'appealed' or decided_by is null or lower(decided_by) <> ${me})
        ${escalated ? sql`` : sql`and status <> 'escalated'`}
        ${severities === undefined ? sql`` : sql`and ${oneOf("cases.severity", severities)}`}
        ${categories === undefined ? sql`` : sql`and ${oneCategoryOf(categories)}`}
      order by severity, due_at_ms, score desc, case_number
      limit 1 ${engine.skipsLockedRows ? sql`for update skip locked` : sql``}`;
    const row = await lease(transaction, sql<boolean>`case_number = (${next})`, by, nowMs);
    return row === undefined ? null : summaryOf(row);
  });
}

/**
 * Takes this very case. In somebody else's hands it is a conflict, unless `takeOver`: that is audited.
 * @throws CaseConflict, YingdaError `not_found`.
 */
export function claimCase(
  database: Database,
  request: { caseNumber: string; by: string; takeOver?: boolean },
): Promise<CaseSummary> {
  const { caseNumber, by, takeOver = false } = request;
  const nowMs = database.clock.nowMs();
  return changing(database, caseNumber, async (transaction, row) => {
    if (MOVES.claim[row.status] === undefined) {
      throw await conflictOf(transaction, row, `a case that is ${row.status} cannot be claimed`);
    }
    const holder = otherHolderOf(row, by, nowMs);
    if (holder !== null && !takeOver) throw await conflictOf(transaction, row, `${holder} has it in hand`);
    const claimed = await lease(transaction, sql<boolean>`case_number = ${caseNumber}`, by, nowMs);
    if (holder !== null) {
      const details = { from: holder };
      await appendAudit(transaction, { by, action: "case.take_over", subject: `case:${caseNumber}`, details }, nowMs);
    }
    return summaryOf(claimed ?? row);
  });
}

/** Keeps a claim for another ten minutes; also one that ran out, as long as nobody else took it. Throws as `claimCase`. */
export function renewClaim(database: Database, request: { caseNumber: string; by: string }): Promise<CaseSummary> {
  const { caseNumber, by } = request;
  const nowMs = database.clock.nowMs();
  return changing(database, caseNumber, async (transaction, row) => {
    if (!samePerson(row.assignee, by)) throw await conflictOf(transaction, row, "it is not in your hands any more");
    const renewed = await transaction
      .updateTable("cases")
      .set({ claim_until_ms: nowMs + CLAIM_MS })
      .where("case_number", "=", caseNumber)
      .returningAll()
      .executeTakeFirst();
    return summaryOf(renewed ?? row);
  });
}

/** Gives a claim back; one that is somebody else's or nobody's is left alone, so that a late call does no harm. */
export function releaseClaim(database: Database, request: { caseNumber: string; by: string }): Promise<CaseSummary> {
  const { caseNumber, by } = request;
  return changing(database, caseNumber, async (transaction, row) => {
    const status = MOVES.release[row.status];
    if (status === undefined || !samePerson(row.assignee, by)) return summaryOf(row);
    const released = await transaction
      .updateTable("cases")
      .set({ status, assignee: null, claim_until_ms: null, version: row.version + 1 })
      .where("case_number", "=", caseNumber)
      .returningAll()
      .executeTakeFirst();
    return summaryOf(released ?? row);
  });
}

/** Who else has it in hand now; null when nobody does, or the claim ran out. */
export function otherHolderOf(row: CaseRow, by: string, nowMs: number): string | null {
  const held = row.claim_until_ms !== null && row.claim_until_ms >= nowMs;
  return held && !samePerson(row.assignee, by) ? row.assignee : null;
}

/** A claim that is renewed by claiming again does not change the version: its holder may decide on what they saw. */
async function lease(
  transaction: Transaction<RecordTables>,
  which: RawBuilder<boolean>,
  by: string,
  nowMs: number,
): Promise<CaseRow | undefined> {
  return transaction
    .updateTable("cases")
    .set({
      status: sql<CaseStatus>`case when status = 'new' then 'claimed' else status end`,
      assignee: by,
      claim_until_ms: nowMs + CLAIM_MS,
      first_claimed_at_ms: sql<number>`coalesce(first_claimed_at_ms, ${nowMs})`,
      version: sql<number>`version + case when lower(assignee) = ${by.toLowerCase()} then 0 else 1 end`,
    })
    .where(which)
    .returningAll()
    .executeTakeFirst();
}

/** One case, locked. Throws `not_found`. */
export function changing<T>(
  database: Database,
  caseNumber: string,
  work: (transaction: Transaction<RecordTables>, row: CaseRow) => Promise<T>,
): Promise<T> {
  return database.write(async (transaction) => {
    const row = await caseToChange(transaction, caseNumber, database.engine.skipsLockedRows);
    if (row === null) throw noSuchCase(caseNumber);
    return work(transaction, row);
  });
}
