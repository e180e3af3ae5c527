import { sql, type Transaction } from "kysely";
import { YingdaError } from "../base/errors.ts";
import { DECIDED_STATUSES } from "./case-moves.ts";
import { heldCase, heldMember } from "./legal-holds.ts";
import type { RecordDatabase, RecordTables } from "./schema.ts";

/** Rows of one transaction: the write lock is held for some milliseconds, so the recorder's batches pass between. */
const BATCH_ROWS = 500;
/** Batches of each kind in one sweep: a first sweep over years of records ends, and goes on with the next. */
const BATCHES_MAX = 200;
const DAY_MS = 86_400_000;

export interface RetentionDays {
  /** After this many days from receipt a text is emptied. */
  rawDays: number;
  /** After this many days the row is deleted. At least `rawDays`. */
  maskedDays: number;
}

export interface RetentionResult {
  turnsMasked: number;
  /** Turns of the snapshots of cases. */
  caseTurnsMasked: number;
  feedbackMasked: number;
  turnsDeleted: number;
  feedbackDeleted: number;
  casesDeleted: number;
  /** False when the sweep stopped at its limit: there is more to do, sweep again. */
  finished: boolean;
}

/**
 * Keeps what the company promised its members about their texts:
 * - After `rawDays` the question, the answer, the judged text of flags and the comment of feedback are emptied, in records
 *   and in the snapshots of cases. The masked texts remain, without personal data, and who, when, how long, which rule and
 *   how it ended. No hash of a raw text is kept, because a short text can be guessed from one.
 * - A turn with a flag in a case that nobody has decided keeps its raw texts, for it could not be decided without them, until
 * - after `maskedDays` the whole row goes, its flags with it; and the case, with its decisions and notes, when its last flag
 *   is that old. The audit log stays.
 * - What a legal hold is on, a member or a case, keeps its rows and its texts.
 *
 * Safe to run in several processes at once and to stop at any point: each batch is a transaction of its own, and doing it
 * again changes nothing.
 * @throws YingdaError `bad_config` for days that are no whole numbers above 0 or in the wrong order.
 */
export async function sweepRetention(
  db: RecordDatabase,
  days: RetentionDays,
  nowMs: number,
  skipsLockedRows: boolean,
): Promise<RetentionResult> {
  const { rawDays, maskedDays } = days;
  if (!(Number.isInteger(rawDays) && Number.isInteger(maskedDays) && 0 < rawDays && rawDays <= maskedDays)) {
    throw new YingdaError(
      "bad_config",
      `Retention needs whole days, raw at most masked, for example 30 and 190; got ${rawDays} and ${maskedDays}.`,
    );
  }
  const rawLimitMs = nowMs - rawDays * DAY_MS;
  const maskedLimitMs = nowMs - maskedDays * DAY_MS;
  const inBatches = (batch: (transaction: Transaction<RecordTables>) => Promise<number>) => repeat(db, batch);

  // Deletion first: what goes whole need not be emptied before. Flags before their cases, which they point at.
  const turnsDeleted = await inBatches(async (transaction) => {
    const ids = await turnsBefore(transaction, maskedLimitMs, skipsLockedRows).execute();
    if (ids.length > 0) await transaction.deleteFrom("turns").where("turn_id", "in", ids.map(turnId)).execute();
    return ids.length;
  });
  const casesDeleted = await inBatches(async (transaction) => {
    const numbers = await casesBefore(transaction, maskedLimitMs, skipsLockedRows).execute();
    const these = numbers.map((row) => row.case_number);
    if (these.length > 0) await transaction.deleteFrom("cases").where("case_number", "in", these).execute();
    return these.length;
  });
  const feedbackDeleted = await inBatches(async (transaction) => {
    const ids = await feedbackBefore(transaction, maskedLimitMs, skipsLockedRows).execute();
    if (ids.length > 0) await transaction.deleteFrom("feedback").where("event_id", "in", ids.map(eventId)).execute();
    return ids.length;
  });
  const turnsMasked = await inBatches(async (transaction) => {
    const ids = await turnsBefore(transaction, rawLimitMs, skipsLockedRows)
      .where("masked_at_ms", "is", null)
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom("flags")
              .leftJoin("cases", "cases.case_number", "flags.in_case")
              .select(sql`1`.as("one"))
              .whereRef("flags.turn_id", "=", "turns.turn_id")
              .where((eb) => eb.or([eb("cases.status", "is", null), eb("cases.status", "not in", DECIDED_STATUSES)])),
          ),
        ),
      )
      .execute();
    if (ids.length > 0) {
      const these = ids.map(turnId);
      await transaction
        .updateTable("turns")
        .set({ question: "", answer: "", masked_at_ms: nowMs })
        .where("turn_id", "in", these)
        .execute();
      await transaction
        .updateTable("flags")
        .set({ text: "", masked_at_ms: nowMs })
        .where("turn_id", "in", these)
        .execute();
    }
    return ids.length;
  });
  const caseTurnsMasked = await inBatches(async (transaction) => {
    const { numAffectedRows } = await sql`
      update case_turns set question = '', answer = '', masked_at_ms = ${nowMs}
      where masked_at_ms is null and (case_number, turn_id) in (
        select case_turns.case_number, turn_id from case_turns
        inner join cases on cases.case_number = case_turns.case_number
        where received_at_ms < ${rawLimitMs} and case_turns.masked_at_ms is null
          and cases.status in (${sql.join(DECIDED_STATUSES)})
          and not ${heldMember("cases.user_id")} and not ${heldMember("case_turns.user_id")}
          and not ${heldCase(sql`cases.case_number`)}
        order by received_at_ms limit ${BATCH_ROWS})`.execute(transaction);
    return Number(numAffectedRows ?? 0);
  });
  const feedbackMasked = await inBatches(async (transaction) => {
    const ids = await feedbackBefore(transaction, rawLimitMs, skipsLockedRows)
      .where("masked_at_ms", "is", null)
      .execute();
    if (ids.length > 0) {
      await transaction
        .updateTable("feedback")
        .set({ comment: "", masked_at_ms: nowMs })
        .where("event_id", "in", ids.map(eventId))
        .execute();
    }
    return ids.length;
  });
  const parts = { turnsDeleted, casesDeleted, feedbackDeleted, turnsMasked, caseTurnsMasked, feedbackMasked };
  return {
    turnsDeleted: turnsDeleted.rows,
    casesDeleted: casesDeleted.rows,
    feedbackDeleted: feedbackDeleted.rows,
    turnsMasked: turnsMasked.rows,
    caseTurnsMasked: caseTurnsMasked.rows,
    feedbackMasked: feedbackMasked.rows,
    finished: Object.values(parts).every((part) => part.finished),
  };
}

async function repeat(
  db: RecordDatabase,
  batch: (transaction: Transaction<RecordTables>) => Promise<number>,
): Promise<{ rows: number; finished: boolean }> {
  let rows = 0;
  for (let batches = 0; batches < BATCHES_MAX; batches += 1) {
    const done = await db.transaction().execute(batch);
    rows += done;
    if (done < BATCH_ROWS) return { rows, finished: true };
  }
  return { rows, finished: false };
}

function turnsBefore(transaction: Transaction<RecordTables>, limitMs: number, skipsLockedRows: boolean) {
  return transaction
    .selectFrom("turns")
    .select("turn_id")
    .where("received_at_ms", "<", limitMs)
    .where(sql<boolean>`not ${heldMember("turns.user_id")}`)
    .where(
      sql<boolean>`not exists (select 1 from flags where flags.turn_id = turns.turn_id and ${heldCase(sql`flags.in_case`)})`,
    )
    .orderBy("received_at_ms")
    .limit(BATCH_ROWS)
    .$if(skipsLockedRows, (query) => query.forUpdate().skipLocked());
}

/** Cases whose flags are all gone. */
function casesBefore(transaction: Transaction<RecordTables>, limitMs: number, skipsLockedRows: boolean) {
  return transaction
    .selectFrom("cases")
    .select("case_number")
    .where("last_raised_at_ms", "<", limitMs)
    .where(sql<boolean>`not exists (select 1 from flags where flags.in_case = cases.case_number)`)
    .where(sql<boolean>`not ${heldMember("cases.user_id")} and not ${heldCase(sql`cases.case_number`)}`)
    .orderBy("last_raised_at_ms")
    .limit(BATCH_ROWS)
    .$if(skipsLockedRows, (query) => query.forUpdate().skipLocked());
}

function feedbackBefore(transaction: Transaction<RecordTables>, limitMs: number, skipsLockedRows: boolean) {
  return transaction
    .selectFrom("feedback")
    .select("event_id")
    .where("at_ms", "<", limitMs)
    .where(sql<boolean>`not ${heldMember("feedback.user_id")}`)
    .orderBy("at_ms")
    .limit(BATCH_ROWS)
    .$if(skipsLockedRows, (query) => query.forUpdate().skipLocked());
}

function turnId(row: { turn_id: string }): string {
  return row.turn_id;
}

function eventId(row: { event_id: string }): string {
  return row.event_id;
}
