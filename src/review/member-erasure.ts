import { sql, type Transaction } from "kysely";
import { appendAudit } from "./audit-log.ts";
import { checkText } from "./check-text.ts";
import { heldCase, heldMember, isHeld } from "./legal-holds.ts";
import type { Database } from "./record-database.ts";
import type { RecordTables } from "./schema.ts";

/** Rows of one transaction: the write lock is held for some milliseconds, so the recorder's batches pass between. */
const BATCH_ROWS = 500;
const REASON_UNITS_MAX = 200;

export interface ErasureReport {
  userId: string;
  atMs: number;
  /** What was deleted. */
  turns: number;
  feedback: number;
  cases: number;
  /** Turns of theirs in the snapshots of other members' cases. */
  caseTurns: number;
  restrictions: number;
  /** What was left, and has to be: on legal hold, or a restriction in force. */
  kept: { turns: number; cases: number; restrictions: number; memberOnHold: boolean };
  /** The row of the audit log that says so. */
  auditSeq: number;
}

/** See `People.erase`. */
export async function eraseMember(
  database: Database,
  request: { userId: string; by: string; reason: string },
): Promise<ErasureReport> {
  const { userId, by, reason } = request;
  checkText("reason", reason, REASON_UNITS_MAX);
  const member = userId.toLowerCase();
  const atMs = database.clock.nowMs();
  const counts = { turns: 0, feedback: 0, cases: 0, caseTurns: 0, restrictions: 0 };
  const steps = erasureSteps(member, atMs);
  // Flags go with their turns, and have to be gone before their cases.
  for (const step of ["turns", "cases", "caseTurns", "feedback", "restrictions"] as const) {
    for (;;) {
      const rows = await database.write((transaction) => steps[step](transaction));
      counts[step] += rows;
      if (rows < BATCH_ROWS) break;
    }
  }
  return database.write(async (transaction) => {
    const kept = {
      turns: await countOf(transaction, "turns", member),
      cases: await countOf(transaction, "cases", member),
      restrictions: await countOf(transaction, "restrictions", member),
      memberOnHold: await isHeld(transaction, member),
    };
    const details = {
      ...counts,
      keptTurns: kept.turns,
      keptCases: kept.cases,
      keptRestrictions: kept.restrictions,
      memberOnHold: kept.memberOnHold,
      reason,
    };
    const entry = { by, action: "member.erase", subject: `member:${member}`, details };
    const { seq } = await appendAudit(transaction, entry, atMs);
    return { userId, atMs, ...counts, kept, auditSeq: seq };
  });
}

type Step = (transaction: Transaction<RecordTables>) => Promise<number>;

function erasureSteps(
  member: string,
  nowMs: number,
): Record<"turns" | "cases" | "caseTurns" | "feedback" | "restrictions", Step> {
  const run =
    (statement: ReturnType<typeof sql>): Step =>
    async (transaction) =>
      Number((await statement.execute(transaction)).numAffectedRows ?? 0);
  return {
    turns: run(sql`delete from turns where turn_id in (
      select turn_id from turns where lower(user_id) = ${member} and not ${heldMember("turns.user_id")}
        and not exists (select 1 from flags where flags.turn_id = turns.turn_id and ${heldCase(sql`flags.in_case`)})
      limit ${BATCH_ROWS})`),
    cases: run(sql`delete from cases where case_number in (
      select case_number from cases where lower(user_id) = ${member} and not ${heldMember("cases.user_id")}
        and not ${heldCase(sql`cases.case_number`)}
        and not exists (select 1 from flags where flags.in_case = cases.case_number)
      limit ${BATCH_ROWS})`),
    caseTurns: run(sql`delete from case_turns where (case_number, turn_id) in (
      select case_number, turn_id from case_turns
      where lower(user_id) = ${member} and not ${heldMember("case_turns.user_id")}
        and not ${heldCase(sql`case_turns.case_number`)}
      limit ${BATCH_ROWS})`),
    feedback: run(sql`delete from feedback where event_id in (
      select event_id from feedback where lower(user_id) = ${member} and not ${heldMember("feedback.user_id")}
      limit ${BATCH_ROWS})`),
    restrictions: run(sql`delete from restrictions where restriction_id in (
      select restriction_id from restrictions where lower(user_id) = ${member} and not ${heldMember("restrictions.user_id")}
        and (lifted_at_ms is not null or until_ms <= ${nowMs})
      limit ${BATCH_ROWS})`),
  };
}

async function countOf(
  transaction: Transaction<RecordTables>,
  table: "turns" | "cases" | "restrictions",
  member: string,
): Promise<number> {
  const { count } = await transaction
    .selectFrom(table)
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .where(sql`lower(user_id)`, "=", member)
    .executeTakeFirstOrThrow();
  return count;
}
