import { randomUUID } from "node:crypto";
import { type RawBuilder, type Selectable, sql } from "kysely";
import { YingdaError } from "../base/errors.ts";
import { appendAudit } from "./audit-log.ts";
import type { LegalHoldsTable } from "./case-schema.ts";
import { checkText } from "./check-text.ts";
import type { Database } from "./record-database.ts";
import type { RecordDatabase } from "./schema.ts";

/** Each is looked at for every row that retention would touch; a company has a handful. */
const HOLDS_MAX = 1000;
const REASON_UNITS_MAX = 200;
const SUBJECT_UNITS_MAX = 512;

export type HoldSubject = { kind: "case"; caseNumber: string } | { kind: "member"; userId: string };

export interface LegalHold {
  holdId: string;
  subject: HoldSubject;
  reason: string;
  by: string;
  atMs: number;
  liftedAtMs: number | null;
  liftedBy: string | null;
}

/** What retention and erasure must leave as it is, until a person says otherwise. Throws `record_store_unavailable`. */
export interface LegalHolds {
  /** Throws `bad_request` for words that are too long, or more than 1,000 holds at once. */
  place(request: { subject: HoldSubject; reason: string; by: string }): Promise<LegalHold>;
  /** Lifting what is lifted changes nothing. Throws `not_found`. */
  lift(request: { holdId: string; by: string }): Promise<LegalHold>;
  /** In force, the latest first. */
  inForce(): Promise<LegalHold[]>;
}

export function openLegalHolds(database: Database): LegalHolds {
  const { clock } = database;
  return {
    async place({ subject, reason, by }) {
      checkText("reason", reason, REASON_UNITS_MAX);
      checkText("subject", subject.kind === "case" ? subject.caseNumber : subject.userId, SUBJECT_UNITS_MAX);
      const atMs = clock.nowMs();
      return database.write(async (transaction) => {
        const { count } = await transaction
          .selectFrom("legal_holds")
          .select((eb) => eb.fn.countAll<number>().as("count"))
          .where("lifted_at_ms", "is", null)
          .executeTakeFirstOrThrow();
        if (count >= HOLDS_MAX) {
          throw new YingdaError("bad_request", `There are ${HOLDS_MAX} legal holds already; lift those that are over.`);
        }
        const row: Selectable<LegalHoldsTable> = {
          hold_id: randomUUID(),
          subject_kind: subject.kind,
          subject: subject.kind === "case" ? subject.caseNumber : subject.userId.toLowerCase(),
          reason,
          by_user: by,
          at_ms: atMs,
          lifted_at_ms: null,
          lifted_by: null,
        };
        await transaction.insertInto("legal_holds").values(row).execute();
        const details = { holdId: row.hold_id, reason };
        await appendAudit(transaction, { by, action: "hold.place", subject: auditSubject(row), details }, atMs);
        return holdOf(row);
      });
    },
    async lift({ holdId, by }) {
      const atMs = clock.nowMs();
      return database.write(async (transaction) => {
        const lifted = await transaction
          .updateTable("legal_holds")
          .set({ lifted_at_ms: atMs, lifted_by: by })
          .where("hold_id", "=", holdId)
          .where("lifted_at_ms", "is", null)
          .returningAll()
          .executeTakeFirst();
        if (lifted !== undefined) {
          const entry = { by, action: "hold.lift", subject: auditSubject(lifted), details: { holdId } };
          await appendAudit(transaction, entry, atMs);
          return holdOf(lifted);
        }
        const row = await transaction
          .selectFrom("legal_holds")
          .selectAll()
          .where("hold_id", "=", holdId)
          .executeTakeFirst();
        if (row === undefined) throw new YingdaError("not_found", "There is no such legal hold.");
        return holdOf(row);
      });
    },
    inForce: () =>
      database.read(async (reader) => {
        const rows = await reader
          .selectFrom("legal_holds")
          .selectAll()
          .where("lifted_at_ms", "is", null)
          .orderBy("at_ms", "desc")
          .orderBy("hold_id")
          .limit(HOLDS_MAX)
          .execute();
        return rows.map(holdOf);
      }),
  };
}

/** Whether a hold is on the member, whose userid is given in lower case. */
export async function isHeld(db: RecordDatabase, member: string): Promise<boolean> {
  const hold = await db
    .selectFrom("legal_holds")
    .select("hold_id")
    .where("subject_kind", "=", "member")
    .where("subject", "=", member)
    .where("lifted_at_ms", "is", null)
    .limit(1)
    .executeTakeFirst();
  return hold !== undefined;
}

/** A condition: a hold is on the member in this column. */
export function heldMember(column: string): RawBuilder<boolean> {
  return sql<boolean>`exists (select 1 from legal_holds where lifted_at_ms is null
    and subject_kind = 'member' and subject = lower(${sql.ref(column)}))`;
}

/** A condition: a hold is on the case with this number. */
export function heldCase(caseNumber: RawBuilder<unknown>): RawBuilder<boolean> {
  return sql<boolean>`exists (select 1 from legal_holds where lifted_at_ms is null
    and subject_kind = 'case' and subject = ${caseNumber})`;
}

function auditSubject(row: Selectable<LegalHoldsTable>): string {
  return `${row.subject_kind}:${row.subject}`;
}

function holdOf(row: Selectable<LegalHoldsTable>): LegalHold {
  return {
    holdId: row.hold_id,
    subject:
      row.subject_kind === "case" ? { kind: "case", caseNumber: row.subject } : { kind: "member", userId: row.subject },
    reason: row.reason,
    by: row.by_user,
    atMs: row.at_ms,
    liftedAtMs: row.lifted_at_ms,
    liftedBy: row.lifted_by,
  };
}
