import { createHash } from "node:crypto";
import { type Selectable, sql, type Transaction } from "kysely";
import { YingdaError } from "../base/errors.ts";
import type { AuditTable } from "./case-schema.ts";
import type { Database } from "./record-database.ts";
import type { RecordDatabase, RecordTables } from "./schema.ts";

/**
 * Who did what, as a chain: each row's hash covers the row before, so a row that was changed, removed or put elsewhere is
 * found. The database refuses changes to these rows; the chain is for whoever can change the database itself. Such a
 * person can also forge a whole new chain: against that, `head()` belongs somewhere else from time to time (the service's
 * log, a message to the admins), and `verify` takes what was noted there.
 */

/** Details are words of ours, not what somebody wrote; one that is longer is a fault. */
const WORD_UNITS_MAX = 512;
const DETAILS_MAX = 20;
/** Rows of one page of verifying or exporting: some hundred kilobytes at most. */
const PAGE_ROWS = 1000;

export interface AuditEntry {
  /** The userid of who did it. */
  by: string;
  /** `case.resolve`, `member.ban`, `login` and the like: at most 64 letters, digits, dots and underscores. */
  action: string;
  /** `case:<number>`, `member:<userid>`, `policy:<version>` and the like. */
  subject: string;
  /** Never what a member or the model wrote. */
  details: Record<string, string | number | boolean | null>;
}

export interface AuditRow extends AuditEntry {
  seq: number;
  atMs: number;
  prevHash: string;
  hash: string;
}

export interface AuditHead {
  seq: number;
  hash: string;
}

export type AuditVerdict =
  | { ok: true; rows: number; head: AuditHead }
  /** `seq`: the first place where the chain does not hold. */
  | { ok: false; seq: number; why: "missing" | "changed" | "cut_off" | "not_the_noted_head" };

export interface AuditFilter {
  fromMs?: number;
  /** Exclusive. */
  untilMs?: number;
  subject?: string;
}

export interface AuditLog {
  /** For what other parts of the service do: logins, policy changes. Throws `bad_request`, `record_store_unavailable`. */
  append(entry: AuditEntry): Promise<AuditRow>;
  /** The latest first, at most 200; `beforeSeq` goes on. */
  recent(limit: number, beforeSeq?: number, filter?: AuditFilter): Promise<AuditRow[]>;
  head(): Promise<AuditHead>;
  /** Reads the whole chain. `noted`: a head that was noted elsewhere earlier, which has to be part of it. */
  verify(noted?: AuditHead): Promise<AuditVerdict>;
  /** Lines, oldest first, each with its line end; CSV with a header, and safe to open in a spreadsheet. */
  export(format: "jsonl" | "csv", filter?: AuditFilter): AsyncGenerator<string>;
}

export function openAuditLog(database: Database): AuditLog {
  return {
    append: (entry) => database.write((transaction) => appendAudit(transaction, entry, database.clock.nowMs())),
    recent: (limit, beforeSeq, filter = {}) =>
      database.read(async (reader) => {
        const rows = await filtered(reader, filter)
          .$if(beforeSeq !== undefined, (query) => query.where("seq", "<", beforeSeq ?? 0))
          .orderBy("seq", "desc")
          .limit(Math.min(200, Math.max(1, Math.trunc(limit))))
          .execute();
        return rows.map(rowOf);
      }),
    head: () => database.read(async (reader) => (await findHead(reader)) ?? { seq: 0, hash: "" }),
    verify: (noted) => verify(database, noted),
    async *export(format, filter = {}) {
      if (format === "csv") yield `${CSV_COLUMNS.join(",")}\r\n`;
      for await (const rows of pagesOf(database, filter)) {
        yield rows
          .map(rowOf)
          .map(format === "csv" ? csvLine : jsonLine)
          .join("");
      }
    },
  };
}

async function verify(database: Database, noted: AuditHead | undefined): Promise<AuditVerdict> {
  let previous: AuditHead = { seq: 0, hash: "" };
  let notedSeen = noted === undefined || noted.seq === 0;
  while (true) {
    const before = previous.seq;
    for await (const rows of pagesOf(database, {}, previous.seq === 0 ? FIRST : previous.seq)) {
      for (const row of rows) {
        if (row.seq !== previous.seq + 1) return { ok: false, seq: previous.seq + 1, why: "missing" };
        if (row.prev_hash !== previous.hash || row.hash !== hashOf(row)) {
          return { ok: false, seq: row.seq, why: "changed" };
        }
        previous = { seq: row.seq, hash: row.hash };
        if (noted === undefined || noted.seq !== row.seq) continue;
        if (noted.hash !== row.hash) return { ok: false, seq: row.seq, why: "not_the_noted_head" };
        notedSeen = true;
      }
    }
    // The head last: it is never behind the rows. When it is ahead, rows came meanwhile, or the last ones are gone.
    const head = await database.read(findHead);
    if (head?.seq === previous.seq) {
      if (head.hash !== previous.hash) return { ok: false, seq: previous.seq, why: "changed" };
      if (!notedSeen) return { ok: false, seq: previous.seq + 1, why: "cut_off" };
      return { ok: true, rows: previous.seq, head };
    }
    if (head === undefined || head.seq < previous.seq || previous.seq === before) {
      return { ok: false, seq: previous.seq + 1, why: "cut_off" };
    }
  }
}

/**
 * Appends a row in the caller's transaction: it is there exactly when what it speaks of is. Comes last in the transaction,
 * because from here to its end no other one can append.
 * @throws YingdaError `bad_request` for words that are too long or no words.
 */
export async function appendAudit(
  transaction: Transaction<RecordTables>,
  entry: AuditEntry,
  atMs: number,
): Promise<AuditRow> {
  check(entry);
  // Takes the row's lock, and with it the right to append.
  const { seq, hash: prevHash } = await transaction
    .updateTable("audit_head")
    .set({ seq: sql`seq + 1` })
    .where("one", "=", 1)
    .returning(["seq", "hash"])
    .executeTakeFirstOrThrow();
  const unsigned = {
    seq,
    at_ms: atMs,
    by_user: entry.by,
    action: entry.action,
    subject: entry.subject,
    details: JSON.stringify(entry.details),
    prev_hash: prevHash,
  };
  const row = { ...unsigned, hash: hashOf(unsigned) };
  await transaction.insertInto("audit").values(row).execute();
  await transaction.updateTable("audit_head").set({ hash: row.hash }).where("one", "=", 1).execute();
  return rowOf(row);
}

/** Over a JSON array, so that no two rows have the same bytes; the details as the text that is stored. */
function hashOf(row: Omit<Selectable<AuditTable>, "hash">): string {
  const bytes = JSON.stringify([row.seq, row.at_ms, row.by_user, row.action, row.subject, row.details, row.prev_hash]);
  return createHash("sha256").update(bytes).digest("hex");
}

function check({ by, action, subject, details }: AuditEntry): void {
  const texts = [by, subject, ...Object.keys(details), ...Object.values(details)].filter(
    (one) => typeof one === "string",
  );
  const fine =
    /^[\w.]{1,64}$/.test(action) &&
    by !== "" &&
    subject !== "" &&
    Object.keys(details).length <= DETAILS_MAX &&
    texts.every((text) => text.length <= WORD_UNITS_MAX && text.isWellFormed() && !text.includes("\0"));
  if (fine) return;
  throw new YingdaError(
    "bad_request",
    `An audit entry needs who, what and whose, and at most ${DETAILS_MAX} details of ${WORD_UNITS_MAX} characters.`,
  );
}

/** Undefined when somebody took the row away. */
function findHead(reader: RecordDatabase): Promise<AuditHead | undefined> {
  return reader.selectFrom("audit_head").select(["seq", "hash"]).where("one", "=", 1).executeTakeFirst();
}

function filtered(reader: RecordDatabase, { fromMs, untilMs, subject }: AuditFilter) {
  return reader
    .selectFrom("audit")
    .selectAll()
    .$if(fromMs !== undefined, (query) => query.where("at_ms", ">=", fromMs ?? 0))
    .$if(untilMs !== undefined, (query) => query.where("at_ms", "<", untilMs ?? 0))
    .$if(subject !== undefined, (query) => query.where("subject", "=", subject ?? ""));
}

/** Before every row, also before one that somebody put in front of the first. */
const FIRST = Number.MIN_SAFE_INTEGER;

async function* pagesOf(
  database: Database,
  filter: AuditFilter,
  fromSeq = FIRST,
): AsyncGenerator<Selectable<AuditTable>[]> {
  let afterSeq = fromSeq;
  while (true) {
    const rows = await database.read((reader) =>
      filtered(reader, filter).where("seq", ">", afterSeq).orderBy("seq").limit(PAGE_ROWS).execute(),
    );
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows;
    afterSeq = last.seq;
  }
}

function rowOf(row: Selectable<AuditTable>): AuditRow {
  return {
    seq: row.seq,
    atMs: row.at_ms,
    by: row.by_user,
    action: row.action,
    subject: row.subject,
    details: detailsOf(row.details),
    prevHash: row.prev_hash,
    hash: row.hash,
  };
}

/** Somebody who changed a row may have left anything in it; the page that shows the rows has to go on. */
function detailsOf(stored: string): AuditEntry["details"] {
  try {
    return JSON.parse(stored) as AuditEntry["details"];
  } catch {
    return { unreadable: true };
  }
}

const CSV_COLUMNS = ["seq", "at", "by", "action", "subject", "details", "prev_hash", "hash"];

function csvLine(row: AuditRow): string {
  const at = new Date(row.atMs).toISOString();
  const cells = [row.seq, at, row.by, row.action, row.subject, JSON.stringify(row.details), row.prevHash, row.hash];
  return `${cells.map(csvCell).join(",")}\r\n`;
}

/** RFC 4180; a cell that a spreadsheet would take for a formula gets an apostrophe, as such programs write it themselves. */
function csvCell(value: string | number): string {
  const text = typeof value === "number" ? String(value) : value.replace(/^[=+\-@\t\r]/, "'$&");
  return `"${text.replaceAll('"', '""')}"`;
}

function jsonLine(row: AuditRow): string {
  return `${JSON.stringify(row)}\n`;
}
