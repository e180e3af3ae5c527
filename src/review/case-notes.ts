import { YingdaError } from "../base/errors.ts";
import { appendAudit } from "./audit-log.ts";
import { changing } from "./case-claims.ts";
import { type CaseNote, noteOf } from "./case-reader.ts";
import { checkText } from "./check-text.ts";
import type { Database } from "./record-database.ts";

const NOTE_UNITS_MAX = 10_000;
/** More than anybody reads; the page would grow without end. */
const NOTES_MAX = 200;

/** Adds a note, at most 200 to a case. It changes no version: it decides nothing. Throws `not_found`, `bad_request`. */
export async function addNote(
  database: Database,
  request: { caseNumber: string; by: string; text: string },
): Promise<CaseNote> {
  const { caseNumber, by, text } = request;
  checkText("note", text, NOTE_UNITS_MAX);
  const atMs = database.clock.nowMs();
  return changing(database, caseNumber, async (transaction) => {
    const { count } = await transaction
      .selectFrom("case_notes")
      .select((eb) => eb.fn.countAll<number>().as("count"))
      .where("case_number", "=", caseNumber)
      .executeTakeFirstOrThrow();
    if (count >= NOTES_MAX) throw new YingdaError("bad_request", `A case takes at most ${NOTES_MAX} notes.`);
    const row = { case_number: caseNumber, number: count + 1, by_user: by, at_ms: atMs, text };
    await transaction.insertInto("case_notes").values(row).execute();
    const details = { number: row.number, units: text.length };
    await appendAudit(transaction, { by, action: "case.note", subject: `case:${caseNumber}`, details }, atMs);
    return noteOf(row);
  });
}
