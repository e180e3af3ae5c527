import { YingdaError } from "../base/errors.ts";
import { type CaseSummary, type Decision, decisionOf, summaryOf } from "./case-reader.ts";
import type { CaseRow } from "./case-rows.ts";
import type { RecordDatabase } from "./schema.ts";

/** A move that the case does not allow (any more). It carries what the reviewer has to see: the case now, and who decided what. */
export class CaseConflict extends YingdaError {
  override name = "CaseConflict";
  readonly current: CaseSummary;
  readonly lastDecision: Decision | null;

  constructor(why: string, current: CaseSummary, lastDecision: Decision | null) {
    super("case_conflict", `Case ${current.caseNumber}: ${why}; look at it as it is now, and decide again.`, {
      details: {
        caseNumber: current.caseNumber,
        status: current.status,
        version: current.version,
        ...(current.assignee === null ? {} : { assignee: current.assignee }),
        ...(lastDecision === null
          ? {}
          : { decidedBy: lastDecision.by, move: lastDecision.move, decidedAtMs: lastDecision.atMs }),
        ...(lastDecision === null || lastDecision.resolution === null ? {} : { resolution: lastDecision.resolution }),
      },
    });
    this.current = current;
    this.lastDecision = lastDecision;
  }
}

/** Reads the last decision and makes the error; the caller throws it. */
export async function conflictOf(db: RecordDatabase, row: CaseRow, why: string): Promise<CaseConflict> {
  const last = await db
    .selectFrom("decisions")
    .selectAll()
    .where("case_number", "=", row.case_number)
    .orderBy("version", "desc")
    .limit(1)
    .executeTakeFirst();
  return new CaseConflict(why, summaryOf(row), last === undefined ? null : decisionOf(last));
}
