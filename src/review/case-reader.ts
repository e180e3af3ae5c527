import type { Selectable } from "kysely";
import { YingdaError } from "../base/errors.ts";
import type { CaseState, Move, Resolution } from "./case-moves.ts";
import { type CaseRow, stateOf } from "./case-rows.ts";
import type { CaseNotesTable, CaseTurnsTable, DecisionsTable } from "./case-schema.ts";
import { flagOf, type StoredFlag } from "./record-reader.ts";
import type { TurnRecord } from "./records.ts";
import type { RecordDatabase } from "./schema.ts";

/** A case holds at most 100 flags with their context; decisions and notes beyond this are a fault, and reading stays bounded. */
const ROWS_MAX = 1000;

/** Texts are not in it, so it may go into lists and cards. */
export interface CaseSummary extends CaseState {
  caseNumber: string;
  conversationId: string;
  channel: TurnRecord["channel"];
  /** Null in a direct chat. */
  groupId: string | null;
  userId: string;
  audience: "internal" | "external" | null;
  severity: "P0" | "P1" | "P2" | "P3";
  /** The strictest finding's flag, and what the policy did there. */
  gravestFlag: string;
  action: string;
  categories: string[];
  /** 0 to 1: the highest confidence of its flags. */
  score: number;
  flagCount: number;
  appealCount: number;
  firstRaisedAtMs: number;
  lastRaisedAtMs: number;
  firstClaimedAtMs: number | null;
  /** To be given back with a decision. */
  version: number;
}

export interface Decision {
  caseNumber: string;
  /** The case's version after it. */
  version: number;
  move: Move | "undo";
  fromStatus: CaseState["status"];
  toStatus: CaseState["status"];
  resolution: Resolution | null;
  reason: string;
  note: string;
  by: string;
  atMs: number;
  undoesVersion: number | null;
  batchId: string | null;
}

export interface CaseNote {
  /** From 1, within its case. */
  number: number;
  by: string;
  atMs: number;
  text: string;
}

/** A turn of the snapshot, as it was when the flag was raised or decided. */
export interface CaseTurn {
  turnId: string;
  traceId: string;
  userId: string;
  outcome: string;
  model: string | null;
  policyVersion: string;
  receivedAtMs: number;
  /** Personal data replaced by the names of their kinds. */
  questionMasked: string;
  answerMasked: string;
  /** When retention emptied the raw texts; null while they are there. */
  maskedAtMs: number | null;
}

/** A flag without its raw text: spans point into that. */
export type CaseFlag = Omit<StoredFlag, "text">;

export interface CaseView extends CaseSummary {
  flags: CaseFlag[];
  /** The frozen snapshot, oldest first: flagged turns and three before and after each. */
  turns: CaseTurn[];
  decisions: Decision[];
  notes: CaseNote[];
  /** Whether a legal hold keeps it. */
  held: boolean;
}

/** The raw texts of a case; empty where retention emptied them. */
export interface RawTexts {
  flags: { caseNumber: string; text: string }[];
  turns: { turnId: string; question: string; answer: string }[];
}

/** Members are told the number of their flag, which may have joined an older case. */
async function readCaseOfFlag(db: RecordDatabase, flagNumber: string): Promise<CaseView> {
  const flag = await db.selectFrom("flags").select("in_case").where("case_number", "=", flagNumber).executeTakeFirst();
  // A case is known by its own number, so this goes one step and no further.
  if (flag?.in_case == null || flag.in_case === flagNumber) throw noSuchCase(flagNumber);
  return readCase(db, flag.in_case);
}

/** By its own number or that of one of its flags. Throws `not_found`. */
export async function readCase(db: RecordDatabase, caseNumber: string): Promise<CaseView> {
  const row = await db.selectFrom("cases").selectAll().where("case_number", "=", caseNumber).executeTakeFirst();
  if (row === undefined) return readCaseOfFlag(db, caseNumber);
  const flags = await db
    .selectFrom("flags")
    .innerJoin("turns", "turns.turn_id", "flags.turn_id")
    .selectAll("flags")
    .select(["turns.conversation_id", "turns.user_id"])
    .where("in_case", "=", caseNumber)
    .orderBy("raised_at_ms")
    .orderBy("flags.case_number")
    .limit(ROWS_MAX)
    .execute();
  const turns = await db
    .selectFrom("case_turns")
    .selectAll()
    .where("case_number", "=", caseNumber)
    .orderBy("received_at_ms")
    .orderBy("turn_id")
    .limit(ROWS_MAX)
    .execute();
  const decisions = await db
    .selectFrom("decisions")
    .selectAll()
    .where("case_number", "=", caseNumber)
    .orderBy("version", "desc")
    .limit(ROWS_MAX)
    .execute();
  const notes = await db
    .selectFrom("case_notes")
    .selectAll()
    .where("case_number", "=", caseNumber)
    .orderBy("number")
    .limit(ROWS_MAX)
    .execute();
  const hold = await db
    .selectFrom("legal_holds")
    .select("hold_id")
    .where("lifted_at_ms", "is", null)
    .where((eb) =>
      eb.or([
        eb.and([eb("subject_kind", "=", "case"), eb("subject", "=", caseNumber)]),
        eb.and([eb("subject_kind", "=", "member"), eb("subject", "=", row.user_id.toLowerCase())]),
      ]),
    )
    .limit(1)
    .executeTakeFirst();
  return {
    ...summaryOf(row),
    flags: flags.map((flag) => {
      const { text: _raw, ...masked } = flagOf({ ...flag, case_status: row.status });
      return masked;
    }),
    turns: turns.map(caseTurnOf),
    decisions: decisions.reverse().map(decisionOf),
    notes: notes.map(noteOf),
    held: hold !== undefined,
  };
}

export async function readRawTexts(db: RecordDatabase, caseNumber: string): Promise<RawTexts> {
  const flags = await db
    .selectFrom("flags")
    .select(["case_number as caseNumber", "text"])
    .where("in_case", "=", caseNumber)
    .orderBy("raised_at_ms")
    .limit(ROWS_MAX)
    .execute();
  const turns = await db
    .selectFrom("case_turns")
    .select(["turn_id as turnId", "question", "answer"])
    .where("case_number", "=", caseNumber)
    .orderBy("received_at_ms")
    .limit(ROWS_MAX)
    .execute();
  return { flags, turns };
}

export function noSuchCase(caseNumber: string): YingdaError {
  return new YingdaError("not_found", "There is no such case; retention or an erasure may have removed it.", {
    details: { caseNumber: caseNumber.slice(0, 40) },
  });
}

export function summaryOf(row: CaseRow): CaseSummary {
  return {
    caseNumber: row.case_number,
    conversationId: row.conversation_id,
    channel: row.channel,
    groupId: row.group_id,
    userId: row.user_id,
    audience: row.audience ?? null,
    severity: row.severity,
    gravestFlag: row.gravest_flag,
    action: row.action,
    categories: JSON.parse(row.categories) as string[],
    score: row.score,
    flagCount: row.flag_count,
    appealCount: row.appeal_count,
    firstRaisedAtMs: row.first_raised_at_ms,
    lastRaisedAtMs: row.last_raised_at_ms,
    firstClaimedAtMs: row.first_claimed_at_ms,
    version: row.version,
    ...stateOf(row),
  };
}

export function decisionOf(row: Selectable<DecisionsTable>): Decision {
  return {
    caseNumber: row.case_number,
    version: row.version,
    move: row.move,
    fromStatus: row.from_status,
    toStatus: row.to_status,
    resolution: row.resolution,
    reason: row.reason,
    note: row.note,
    by: row.by_user,
    atMs: row.at_ms,
    undoesVersion: row.undoes_version,
    batchId: row.batch_id,
  };
}

export function noteOf(row: Selectable<CaseNotesTable>): CaseNote {
  return { number: row.number, by: row.by_user, atMs: row.at_ms, text: row.text };
}

function caseTurnOf(row: Selectable<CaseTurnsTable>): CaseTurn {
  return {
    turnId: row.turn_id,
    traceId: row.trace_id,
    userId: row.user_id,
    outcome: row.outcome,
    model: row.model,
    policyVersion: row.policy_version,
    receivedAtMs: row.received_at_ms,
    questionMasked: row.question_masked ?? row.question,
    answerMasked: row.answer_masked ?? row.answer,
    maskedAtMs: row.masked_at_ms,
  };
}
