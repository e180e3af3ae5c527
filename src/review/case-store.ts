import { appendAudit } from "./audit-log.ts";
import { claimCase, claimNext, type NextCase, releaseClaim, renewClaim } from "./case-claims.ts";
import {
  type BulkDecided,
  type Decided,
  type DecideRequest,
  type DecisionMove,
  type DecisionWords,
  decide,
  decideMany,
  type ReviewRules,
  undo,
  undoMany,
} from "./case-decisions.ts";
import { type CaseCount, type CaseFilter, type CaseOrder, type CasePage, countCases, listCases } from "./case-list.ts";
import { addNote } from "./case-notes.ts";
import {
  type CaseNote,
  type CaseSummary,
  type CaseView,
  noSuchCase,
  type RawTexts,
  readCase,
  readRawTexts,
} from "./case-reader.ts";
import { type CaseSweepResult, sweepCases } from "./case-sweep.ts";
import { checkText } from "./check-text.ts";
import type { Database } from "./record-database.ts";

const REASON_UNITS_MAX = 200;

/**
 * What people decide about flagged turns. Each call throws `record_store_unavailable`; those that change a case throw
 * `not_found`, and `case_conflict` (`CaseConflict`) when the case is not what the caller believes it to be. `by` is the
 * userid of who acts; who may act is the caller's to check.
 */
export interface CaseStore {
  /** See `listCases` in case-list.ts. */
  list(request: { filter: CaseFilter; order: CaseOrder; limit: number; cursor: string | null }): Promise<CasePage>;
  counts(): Promise<CaseCount[]>;
  /** With masked texts only. Throws `not_found`. */
  get(caseNumber: string): Promise<CaseView>;
  /** The raw texts, for a reason of at most 200 characters. The look is in the audit log before they are read. */
  reveal(request: { caseNumber: string; by: string; reason: string }): Promise<RawTexts>;
  claimNext(request: NextCase): Promise<CaseSummary | null>;
  claim(request: { caseNumber: string; by: string; takeOver?: boolean }): Promise<CaseSummary>;
  renew(request: { caseNumber: string; by: string }): Promise<CaseSummary>;
  release(request: { caseNumber: string; by: string }): Promise<CaseSummary>;
  decide(request: DecideRequest): Promise<Decided>;
  decideMany(
    request: { cases: readonly { caseNumber: string; version: number }[] } & DecisionMove & DecisionWords,
  ): Promise<BulkDecided>;
  undo(request: { caseNumber: string; by: string }): Promise<Decided>;
  undoMany(request: { caseNumbers: readonly string[]; by: string }): Promise<BulkDecided>;
  addNote(request: { caseNumber: string; by: string; text: string }): Promise<CaseNote>;
  /** What is due by now: see case-sweep.ts. */
  sweep(): Promise<CaseSweepResult>;
}

export function openCaseStore(database: Database, rules: ReviewRules): CaseStore {
  return {
    list: (request) => database.read((reader) => listCases(reader, database.engine.dialect, request)),
    counts: () => database.read((reader) => countCases(reader, database.clock.nowMs())),
    get: (caseNumber) => database.read((reader) => readCase(reader, caseNumber)),
    async reveal({ caseNumber, by, reason }) {
      checkText("reason", reason, REASON_UNITS_MAX);
      await database.write(async (transaction) => {
        const row = await transaction
          .selectFrom("cases")
          .select("case_number")
          .where("case_number", "=", caseNumber)
          .executeTakeFirst();
        if (row === undefined) throw noSuchCase(caseNumber);
        const entry = { by, action: "case.reveal", subject: `case:${caseNumber}`, details: { reason } };
        await appendAudit(transaction, entry, database.clock.nowMs());
      });
      return database.read((reader) => readRawTexts(reader, caseNumber));
    },
    claimNext: (request) => claimNext(database, request),
    claim: (request) => claimCase(database, request),
    renew: (request) => renewClaim(database, request),
    release: (request) => releaseClaim(database, request),
    decide: (request) => decide(database, rules, request),
    decideMany: (request) => decideMany(database, rules, request),
    undo: (request) => undo(database, request),
    undoMany: (request) => undoMany(database, request),
    addNote: (request) => addNote(database, request),
    sweep: () => sweepCases(database),
  };
}
