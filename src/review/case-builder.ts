import { type Insertable, sql, type Transaction } from "kysely";
import { applyMove, DUE_AFTER_MS, samePerson } from "./case-moves.ts";
import { appendDecision, type CaseRow, caseToChange, freezeTurns, stateOf } from "./case-rows.ts";
import type { CasesTable } from "./case-schema.ts";
import { addToSearch } from "./case-search.ts";
import type { Engine } from "./engine.ts";
import type { RecordedSignal } from "./records.ts";
import type { RecordTables } from "./schema.ts";
import { sampleBucket } from "./second-reviews.ts";

/** Flags of one member in one conversation, no further apart than this, are one case. */
export const MERGE_WITHIN_MS = 30 * 60_000;
/** Somebody who never stops would otherwise fill one case for ever, and nobody could read it. */
const CASE_FLAGS_MAX = 100;
/** A list of categories longer than a policy has would be a fault; it is cut. */
const CATEGORIES_MAX = 50;
/** Of one statement. */
const ROWS_MAX = 200;
const APPEAL_RULE = /^appeal:(.{1,512})$/;

interface NewFlag {
  caseNumber: string;
  turnId: string;
  conversationId: string;
  channel: CaseRow["channel"];
  groupId: string | null;
  userId: string;
  audience: CaseRow["audience"];
  severity: CaseRow["severity"];
  action: string;
  categories: string[];
  signals: RecordedSignal[];
  confidence: number;
  raisedAtMs: number;
  receivedAtMs: number;
  /** Masked: the judged text, and the question to a judged answer. */
  searched: string;
}

interface CaseInHand {
  row: Insertable<CasesTable>;
  isNew: boolean;
  flags: string[];
}

/**
 * Puts flags into cases, in the transaction that wrote them and under the engine's lock for it: a flag joins the open case
 * of its member and conversation when that is at most 30 minutes away, else it opens one, whose number is its own. A case
 * that somebody waits with (snoozed) or has half decided (four-eyes) takes no more, because they would decide what they
 * never saw; one that somebody has in hand does, and its version tells them.
 * An appeal joins the case that it is about, when that is there and the same member's, and brings it back to the queue, once.
 */
export async function putIntoCases(
  transaction: Transaction<RecordTables>,
  flagNumbers: readonly string[],
  engine: Engine,
): Promise<void> {
  const flags = await newFlags(transaction, flagNumbers);
  await open(
    transaction,
    flags.filter((flag) => flag.action !== "appeal"),
    engine,
  );
  const unclear: NewFlag[] = [];
  for (const flag of flags) {
    if (flag.action === "appeal" && !(await appeal(transaction, flag, engine))) unclear.push(flag);
  }
  await open(transaction, unclear, engine);
  for (const { caseNumber: flagNumber, searched: text } of flags) {
    await addToSearch(transaction, engine.dialect, { flagNumber, text });
  }
}

async function open(transaction: Transaction<RecordTables>, flags: NewFlag[], engine: Engine): Promise<void> {
  if (flags.length === 0) return;
  const latest = new Map<string, CaseInHand | null>();
  const touched = new Set<CaseInHand>();
  for (const flag of flags) {
    const key = JSON.stringify([flag.conversationId, flag.userId.toLowerCase()]);
    let found = latest.get(key);
    if (found === undefined) found = await openCaseOf(transaction, flag, engine);
    if (found === null || !takes(found, flag)) found = { row: newCase(flag), isNew: true, flags: [] };
    else merge(found.row, flag);
    found.flags.push(flag.caseNumber);
    latest.set(key, found);
    touched.add(found);
  }
  const added = [...touched].filter(({ isNew }) => isNew).map(({ row }) => row);
  for (let start = 0; start < added.length; start += ROWS_MAX) {
    await transaction
      .insertInto("cases")
      .values(added.slice(start, start + ROWS_MAX))
      .execute();
  }
  for (const { row, isNew, flags: numbers } of touched) {
    if (!isNew) await update(transaction, row);
    await setCase(transaction, numbers, row.case_number);
  }
  const caseOf = new Map(
    [...touched].flatMap(({ row, flags: numbers }) => numbers.map((one) => [one, row.case_number])),
  );
  for (const flag of flags) await freezeTurns(transaction, caseOf.get(flag.caseNumber) ?? flag.caseNumber, flag);
}

async function newFlags(transaction: Transaction<RecordTables>, numbers: readonly string[]): Promise<NewFlag[]> {
  const flags: NewFlag[] = [];
  for (let start = 0; start < numbers.length; start += ROWS_MAX) {
    const rows = await transaction
      .selectFrom("flags")
      .innerJoin("turns", "turns.turn_id", "flags.turn_id")
      .selectAll("flags")
      .select(["turns.conversation_id", "turns.channel", "turns.group_id", "turns.user_id", "turns.received_at_ms"])
      .select((eb) => eb.fn.coalesce("turns.question_masked", "turns.question").as("question"))
      .where("flags.case_number", "in", numbers.slice(start, start + ROWS_MAX))
      .execute();
    for (const row of rows) {
      flags.push({
        caseNumber: row.case_number,
        turnId: row.turn_id,
        conversationId: row.conversation_id,
        channel: row.channel,
        groupId: row.group_id,
        userId: row.user_id,
        audience: row.audience,
        severity: row.severity,
        action: row.action,
        categories: JSON.parse(row.categories) as string[],
        signals: JSON.parse(row.signals) as RecordedSignal[],
        confidence: row.confidence,
        raisedAtMs: row.raised_at_ms,
        receivedAtMs: row.received_at_ms,
        searched: [row.text_masked ?? row.text, ...(row.direction === "answer" ? [row.question] : [])].join("\n"),
      });
    }
  }
  return flags.sort((a, b) => a.raisedAtMs - b.raisedAtMs || (a.caseNumber < b.caseNumber ? -1 : 1));
}

async function openCaseOf(
  transaction: Transaction<RecordTables>,
  flag: NewFlag,
  engine: Engine,
): Promise<CaseInHand | null> {
  const row = await transaction
    .selectFrom("cases")
    .selectAll()
    .where("conversation_id", "=", flag.conversationId)
    .where(sql`lower(user_id)`, "=", flag.userId.toLowerCase())
    .where("status", "in", ["new", "claimed", "escalated"])
    .where("pending_resolution", "is", null)
    .orderBy("last_raised_at_ms", "desc")
    .limit(1)
    .$if(engine.skipsLockedRows, (query) => query.forUpdate())
    .executeTakeFirst();
  return row === undefined ? null : { row, isNew: false, flags: [] };
}

function takes({ row }: CaseInHand, flag: NewFlag): boolean {
  return (
    row.flag_count < CASE_FLAGS_MAX &&
    flag.raisedAtMs >= row.first_raised_at_ms - MERGE_WITHIN_MS &&
    flag.raisedAtMs <= row.last_raised_at_ms + MERGE_WITHIN_MS
  );
}

function newCase(flag: NewFlag): Insertable<CasesTable> {
  return {
    case_number: flag.caseNumber,
    conversation_id: flag.conversationId,
    channel: flag.channel,
    group_id: flag.groupId,
    user_id: flag.userId,
    audience: flag.audience,
    severity: flag.severity,
    gravest_flag: flag.caseNumber,
    action: flag.action,
    categories: together([], flag.categories),
    score: flag.confidence,
    flag_count: 1,
    appeal_count: 0,
    first_raised_at_ms: flag.raisedAtMs,
    last_raised_at_ms: flag.raisedAtMs,
    version: 1,
    status: "new",
    resolution: null,
    assignee: null,
    claim_until_ms: null,
    due_at_ms: flag.raisedAtMs + DUE_AFTER_MS[flag.severity],
    escalation_level: 0,
    escalated_to: null,
    snoozed_until_ms: null,
    pending_resolution: null,
    pending_by: null,
    decided_by: null,
    decided_at_ms: null,
    appeal_decided_at_ms: null,
    first_claimed_at_ms: null,
    sample_bucket: sampleBucket(flag.caseNumber),
  };
}

function merge(row: Insertable<CasesTable>, flag: NewFlag): void {
  // "P0" sorts before "P1".
  if (flag.severity < row.severity) {
    row.severity = flag.severity;
    row.gravest_flag = flag.caseNumber;
    row.action = flag.action;
    row.due_at_ms = Math.min(row.due_at_ms, flag.raisedAtMs + DUE_AFTER_MS[flag.severity]);
  }
  row.categories = together(JSON.parse(row.categories) as string[], flag.categories);
  row.score = Math.max(row.score, flag.confidence);
  row.flag_count += 1;
  row.last_raised_at_ms = Math.max(row.last_raised_at_ms, flag.raisedAtMs);
}

function together(one: string[], other: string[]): string {
  return JSON.stringify([...new Set([...one, ...other])].sort().slice(0, CATEGORIES_MAX));
}

async function update(transaction: Transaction<RecordTables>, row: Insertable<CasesTable>): Promise<void> {
  await transaction
    .updateTable("cases")
    .set({
      severity: row.severity,
      gravest_flag: row.gravest_flag,
      action: row.action,
      categories: row.categories,
      score: row.score,
      flag_count: row.flag_count,
      last_raised_at_ms: row.last_raised_at_ms,
      due_at_ms: row.due_at_ms,
      version: sql`version + 1`,
    })
    .where("case_number", "=", row.case_number)
    .execute();
}

async function setCase(
  transaction: Transaction<RecordTables>,
  flagNumbers: readonly string[],
  caseNumber: string,
): Promise<void> {
  for (let start = 0; start < flagNumbers.length; start += ROWS_MAX) {
    await transaction
      .updateTable("flags")
      .set({ in_case: caseNumber })
      .where("case_number", "in", flagNumbers.slice(start, start + ROWS_MAX))
      .execute();
  }
}

/** False when the appeal is about nothing that is there, or about somebody else's case: then it stands for itself. */
async function appeal(transaction: Transaction<RecordTables>, flag: NewFlag, engine: Engine): Promise<boolean> {
  const number = flag.signals.map(({ rule }) => APPEAL_RULE.exec(rule)?.[1]).find((found) => found !== undefined);
  if (number === undefined) return false;
  const appealed = await transaction
    .selectFrom("flags")
    .select("in_case")
    .where("case_number", "=", number)
    .executeTakeFirst();
  const row = await caseToChange(transaction, appealed?.in_case ?? number, engine.skipsLockedRows);
  if (row === null || !samePerson(row.user_id, flag.userId)) return false;

  const { userId: by, raisedAtMs: atMs } = flag;
  const moved = applyMove(stateOf(row), { move: "appeal", by, atMs });
  await transaction
    .updateTable("cases")
    .set({ appeal_count: row.appeal_count + 1 })
    .where("case_number", "=", row.case_number)
    .execute();
  // Of several objections to a case that is still open, one tells the reviewer enough.
  if (moved.ok && (moved.state.status !== row.status || row.appeal_count === 0)) {
    const decision = { resolution: null, reason: "", note: "", batchId: null, undoesVersion: null };
    await appendDecision(transaction, row, moved.state, { ...decision, move: "appeal", by, atMs });
  }
  await setCase(transaction, [flag.caseNumber], row.case_number);
  await freezeTurns(transaction, row.case_number, flag);
  return true;
}
