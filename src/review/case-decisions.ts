import { randomUUID } from "node:crypto";
import type { Transaction } from "kysely";
import { YingdaError } from "../base/errors.ts";
import { appendAudit } from "./audit-log.ts";
import { changing, otherHolderOf } from "./case-claims.ts";
import { conflictOf } from "./case-conflict.ts";
import {
  applyMove,
  type CaseState,
  DUE_AFTER_MS,
  type MoveRequest,
  type Resolution,
  type ReviewerMove,
  samePerson,
  UNDO_WITHIN_MS,
} from "./case-moves.ts";
import { type CaseSummary, type Decision, decisionOf, noSuchCase, summaryOf } from "./case-reader.ts";
import { appendDecision, type CaseRow, caseToChange, freezeTurns, stateOf } from "./case-rows.ts";
import { checkText } from "./check-text.ts";
import type { Database } from "./record-database.ts";
import type { RecordTables } from "./schema.ts";

/** More would hold the locks too long, and nobody has looked at so many. */
export const BULK_CASES_MAX = 100;
const REASON_UNITS_MAX = 200;
const NOTE_UNITS_MAX = 10_000;

export interface ReviewRules {
  /** Categories whose cases two different reviewers have to resolve alike. Asked at each decision: the policy may change. */
  fourEyesCategories?: () => readonly string[];
}

export type DecisionMove =
  | { move: "resolve"; resolution: Resolution }
  /** `to`: a role; null: whoever takes escalated cases. */
  | { move: "escalate"; to: string | null }
  | { move: "snooze"; untilMs: number }
  | { move: "wake" | "reopen" };

export interface DecisionWords {
  /** A word of the policy or of the console's list, at most 200 characters. Kept in the audit log for good: nobody's text. */
  reason: string;
  /** In the reviewer's own words, at most 10,000 characters; goes when the case goes. */
  note: string;
  by: string;
}

export type DecideRequest = { caseNumber: string; version: number } & DecisionMove & DecisionWords;

export interface Decided {
  case: CaseSummary;
  decision: Decision;
}

export interface BulkDecided {
  batchId: string;
  decided: Decided[];
  /** Why the others were left as they are: `case_conflict` or `not_found`. */
  refused: { caseNumber: string; error: YingdaError }[];
}

/**
 * Moves a case: decision, projected state, frozen context and audit row in one transaction.
 * @throws CaseConflict when the version is not the last one, somebody else has the case in hand, or the state has no such
 *   move; YingdaError `not_found`, `bad_request`.
 */
export async function decide(database: Database, rules: ReviewRules, request: DecideRequest): Promise<Decided> {
  checkWords(request);
  return changing(database, request.caseNumber, (transaction, row) =>
    decideRow(transaction, row, rules, { ...request, atMs: database.clock.nowMs(), batchId: null }),
  );
}

/** The same decision on up to 100 cases, in one transaction; those that changed meanwhile are left out and named. */
export async function decideMany(
  database: Database,
  rules: ReviewRules,
  request: { cases: readonly { caseNumber: string; version: number }[] } & DecisionMove & DecisionWords,
): Promise<BulkDecided> {
  checkWords(request);
  const { cases, ...move } = request;
  const batchId = randomUUID();
  const atMs = database.clock.nowMs();
  return inBulk(database, cases, batchId, (transaction, row, { version }) =>
    decideRow(transaction, row, rules, { ...move, caseNumber: row.case_number, version, atMs, batchId }),
  );
}

/**
 * Takes back one's own last decision within 60 s, by appending the opposite; flags that came meanwhile stay. The case is
 * free afterwards, also when it was claimed before. Throws as `decide`.
 */
export function undo(database: Database, request: { caseNumber: string; by: string }): Promise<Decided> {
  const atMs = database.clock.nowMs();
  return changing(database, request.caseNumber, (transaction, row) =>
    undoRow(transaction, row, { by: request.by, atMs, batchId: null }),
  );
}

/** `undo` for a selection, as `decideMany` made it. */
export function undoMany(
  database: Database,
  request: { caseNumbers: readonly string[]; by: string },
): Promise<BulkDecided> {
  const batchId = randomUUID();
  const atMs = database.clock.nowMs();
  const cases = request.caseNumbers.map((caseNumber) => ({ caseNumber }));
  return inBulk(database, cases, batchId, (transaction, row) =>
    undoRow(transaction, row, { by: request.by, atMs, batchId }),
  );
}

async function inBulk<T extends { caseNumber: string }>(
  database: Database,
  cases: readonly T[],
  batchId: string,
  work: (transaction: Transaction<RecordTables>, row: CaseRow, one: T) => Promise<Decided>,
): Promise<BulkDecided> {
  const unique = new Map(cases.map((one) => [one.caseNumber, one]));
  if (unique.size === 0 || unique.size > BULK_CASES_MAX) {
    throw new YingdaError("bad_request", `Decide on 1 to ${BULK_CASES_MAX} cases at once; got ${unique.size}.`);
  }
  // In one order everywhere: two that decide on the same selection would otherwise wait for each other.
  const sorted = [...unique.values()].sort((a, b) => (a.caseNumber < b.caseNumber ? -1 : 1));
  return database.write(async (transaction) => {
    const rows = new Map<string, CaseRow>();
    for (const { caseNumber } of sorted) {
      const row = await caseToChange(transaction, caseNumber, database.engine.skipsLockedRows);
      if (row !== null) rows.set(caseNumber, row);
    }
    const result: BulkDecided = { batchId, decided: [], refused: [] };
    for (const one of sorted) {
      const { caseNumber } = one;
      const row = rows.get(caseNumber);
      try {
        if (row === undefined) throw noSuchCase(caseNumber);
        result.decided.push(await work(transaction, row, one));
      } catch (error) {
        if (!(error instanceof YingdaError) || (error.code !== "case_conflict" && error.code !== "not_found"))
          throw error;
        result.refused.push({ caseNumber, error });
      }
    }
    return result;
  });
}

async function decideRow(
  transaction: Transaction<RecordTables>,
  row: CaseRow,
  rules: ReviewRules,
  request: DecideRequest & { atMs: number; batchId: string | null },
): Promise<Decided> {
  const { version, move, reason, note, by, atMs, batchId } = request;
  if (row.version !== version) throw await conflictOf(transaction, row, "it changed while you were looking at it");
  const holder = otherHolderOf(row, by, atMs);
  if (holder !== null) throw await conflictOf(transaction, row, `${holder} has it in hand`);
  const moved = applyMove(stateOf(row), moveRequest(row, rules, request));
  if (!moved.ok) throw await conflictOf(transaction, row, moved.why);
  await freezeLastContext(transaction, row.case_number);
  const resolution = request.move === "resolve" ? request.resolution : null;
  return append(transaction, row, moved.state, {
    move,
    resolution,
    reason,
    note,
    by,
    atMs,
    batchId,
    undoesVersion: null,
  });
}

async function undoRow(
  transaction: Transaction<RecordTables>,
  row: CaseRow,
  request: { by: string; atMs: number; batchId: string | null },
): Promise<Decided> {
  const { by, atMs, batchId } = request;
  const last = await transaction
    .selectFrom("decisions")
    .selectAll()
    .where("case_number", "=", row.case_number)
    .orderBy("version", "desc")
    .limit(1)
    .executeTakeFirst();
  const refuse = async (why: string) => conflictOf(transaction, row, why);
  if (last === undefined || last.move === "undo" || last.move === "appeal")
    throw await refuse("there is nothing to undo");
  if (!samePerson(last.by_user, by)) throw await refuse("somebody else decided last");
  if (atMs > last.at_ms + UNDO_WITHIN_MS) throw await refuse("a decision can be taken back for a minute only");
  const holder = otherHolderOf(row, by, atMs);
  if (holder !== null) throw await refuse(`${holder} has it in hand`);
  if (row.status !== last.to_status) throw await refuse("it went on since the decision");
  const before = JSON.parse(last.state_before) as CaseState;
  // The claim of then may have run out, and somebody else may have the case in hand by now.
  const status = before.status === "claimed" ? "new" : before.status;
  const state = { ...before, status, assignee: null, claimUntilMs: null } as const;
  return append(transaction, row, state, {
    move: "undo",
    resolution: null,
    reason: "",
    note: "",
    by,
    atMs,
    batchId,
    undoesVersion: last.version,
  });
}

async function append(
  transaction: Transaction<RecordTables>,
  before: CaseRow,
  state: CaseState,
  words: Parameters<typeof appendDecision>[3],
): Promise<Decided> {
  const after = await appendDecision(transaction, before, state, words);
  const decision = await transaction
    .selectFrom("decisions")
    .selectAll()
    .where("case_number", "=", after.case_number)
    .where("version", "=", after.version)
    .executeTakeFirstOrThrow();
  await appendAudit(
    transaction,
    {
      by: words.by,
      action: `case.${words.move}`,
      subject: `case:${after.case_number}`,
      details: {
        version: after.version,
        from: before.status,
        to: after.status,
        severity: after.severity,
        resolution: words.resolution,
        reason: words.reason,
        batchId: words.batchId,
        undoes: words.undoesVersion,
      },
    },
    words.atMs,
  );
  return { case: summaryOf(after), decision: decisionOf(decision) };
}

function moveRequest(row: CaseRow, rules: ReviewRules, request: DecideRequest & { atMs: number }): MoveRequest {
  const { by, atMs } = request;
  const dueAtMs = atMs + DUE_AFTER_MS[row.severity];
  switch (request.move) {
    case "resolve": {
      const named = rules.fourEyesCategories?.() ?? [];
      const categories = JSON.parse(row.categories) as string[];
      const fourEyes = categories.some((category) => named.includes(category));
      return { move: "resolve", resolution: request.resolution, fourEyes, by, atMs };
    }
    case "escalate":
      return { move: "escalate", to: request.to, dueAtMs, by, atMs };
    case "snooze":
      return { move: "snooze", untilMs: request.untilMs, by, atMs };
    case "wake":
    case "reopen":
      return { move: request.move satisfies ReviewerMove, dueAtMs, by, atMs };
  }
}

/** What came after the last flagged turn, as far as it is there now: the reviewer saw it. */
async function freezeLastContext(transaction: Transaction<RecordTables>, caseNumber: string): Promise<void> {
  const last = await transaction
    .selectFrom("flags")
    .innerJoin("turns", "turns.turn_id", "flags.turn_id")
    .select([
      "turns.turn_id as turnId",
      "turns.conversation_id as conversationId",
      "turns.received_at_ms as receivedAtMs",
    ])
    .where("in_case", "=", caseNumber)
    .orderBy("raised_at_ms", "desc")
    .limit(1)
    .executeTakeFirst();
  if (last !== undefined) await freezeTurns(transaction, caseNumber, last);
}

function checkWords(request: DecisionWords & DecisionMove): void {
  checkText("reason", request.reason, REASON_UNITS_MAX);
  checkText("note", request.note, NOTE_UNITS_MAX);
  if (request.move === "escalate" && request.to !== null) checkText("role", request.to, REASON_UNITS_MAX);
  if (request.move === "snooze" && !Number.isSafeInteger(request.untilMs)) {
    throw new YingdaError("bad_request", "The time to snooze until is no whole number of milliseconds.");
  }
}

export { checkText };
