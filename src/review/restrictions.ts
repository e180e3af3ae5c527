import { randomUUID } from "node:crypto";
import { type Selectable, sql } from "kysely";
import { YingdaError } from "../base/errors.ts";
import { appendAudit } from "./audit-log.ts";
import type { RestrictionsTable } from "./case-schema.ts";
import { checkText } from "./check-text.ts";
import type { Database } from "./record-database.ts";

const REASON_UNITS_MAX = 200;
const USER_UNITS_MAX = 512;
const ROWS_MAX = 1000;

export interface Restriction {
  restrictionId: string;
  userId: string;
  /** `mute`: questions are not answered. `ban`: the member may not use the service. */
  kind: "mute" | "ban";
  /** Null: until it is lifted. */
  untilMs: number | null;
  caseNumber: string | null;
  reason: string;
  by: string;
  atMs: number;
  liftedAtMs: number | null;
  liftedBy: string | null;
  liftReason: string | null;
}

/**
 * What was imposed on members, by whom and why: the durable side. Whoever enforces it reads it from here at start. Each call
 * throws `record_store_unavailable`.
 */
export interface Restrictions {
  /** Throws `bad_request` for a time that has passed, or words that are too long. */
  impose(request: {
    userId: string;
    kind: Restriction["kind"];
    untilMs: number | null;
    caseNumber: string | null;
    reason: string;
    by: string;
  }): Promise<Restriction>;
  /** Lifting what is lifted changes nothing. Throws `not_found`. */
  lift(request: { restrictionId: string; by: string; reason: string }): Promise<Restriction>;
  /** A member's, in force now, the latest first. */
  inForceFor(userId: string): Promise<Restriction[]>;
  /** Everybody's, in force now, oldest first; `after` the last one of the page before. At most 1,000. */
  inForce(after?: Restriction): Promise<Restriction[]>;
}

export function openRestrictions(database: Database): Restrictions {
  const { clock } = database;
  return {
    async impose(request) {
      const { userId, kind, untilMs, caseNumber, reason, by } = request;
      const atMs = clock.nowMs();
      checkText("reason", reason, REASON_UNITS_MAX);
      checkText("userid", userId, USER_UNITS_MAX);
      checkText("case number", caseNumber ?? "", USER_UNITS_MAX);
      if (untilMs !== null && !(Number.isSafeInteger(untilMs) && untilMs > atMs)) {
        throw new YingdaError("bad_request", "A restriction ends at a time to come, in whole milliseconds.");
      }
      const row: Selectable<RestrictionsTable> = {
        restriction_id: randomUUID(),
        user_id: userId,
        kind,
        until_ms: untilMs,
        case_number: caseNumber,
        reason,
        by_user: by,
        at_ms: atMs,
        lifted_at_ms: null,
        lifted_by: null,
        lift_reason: null,
      };
      return database.write(async (transaction) => {
        await transaction.insertInto("restrictions").values(row).execute();
        const details = { restrictionId: row.restriction_id, untilMs, caseNumber, reason };
        const subject = `member:${userId.toLowerCase()}`;
        await appendAudit(transaction, { by, action: `member.${kind}`, subject, details }, atMs);
        return restrictionOf(row);
      });
    },
    async lift({ restrictionId, by, reason }) {
      checkText("reason", reason, REASON_UNITS_MAX);
      const atMs = clock.nowMs();
      return database.write(async (transaction) => {
        const lifted = await transaction
          .updateTable("restrictions")
          .set({ lifted_at_ms: atMs, lifted_by: by, lift_reason: reason })
          .where("restriction_id", "=", restrictionId)
          .where("lifted_at_ms", "is", null)
          .returningAll()
          .executeTakeFirst();
        if (lifted !== undefined) {
          const subject = `member:${lifted.user_id.toLowerCase()}`;
          await appendAudit(
            transaction,
            { by, action: "member.lift", subject, details: { restrictionId, reason } },
            atMs,
          );
          return restrictionOf(lifted);
        }
        const row = await transaction
          .selectFrom("restrictions")
          .selectAll()
          .where("restriction_id", "=", restrictionId)
          .executeTakeFirst();
        if (row === undefined) throw new YingdaError("not_found", "There is no such restriction.");
        return restrictionOf(row);
      });
    },
    inForceFor: (userId) =>
      database.read(async (reader) => {
        const rows = await reader
          .selectFrom("restrictions")
          .selectAll()
          .where(sql`lower(user_id)`, "=", userId.toLowerCase())
          .where("lifted_at_ms", "is", null)
          .where((eb) => eb.or([eb("until_ms", "is", null), eb("until_ms", ">", clock.nowMs())]))
          .orderBy("at_ms", "desc")
          .limit(ROWS_MAX)
          .execute();
        return rows.map(restrictionOf);
      }),
    inForce: (after) =>
      database.read(async (reader) => {
        const rows = await reader
          .selectFrom("restrictions")
          .selectAll()
          .where("lifted_at_ms", "is", null)
          .where((eb) => eb.or([eb("until_ms", "is", null), eb("until_ms", ">", clock.nowMs())]))
          .$if(after !== undefined, (query) =>
            query.where(sql<boolean>`(at_ms, restriction_id) > (${after?.atMs}, ${after?.restrictionId})`),
          )
          .orderBy("at_ms")
          .orderBy("restriction_id")
          .limit(ROWS_MAX)
          .execute();
        return rows.map(restrictionOf);
      }),
  };
}

export function restrictionOf(row: Selectable<RestrictionsTable>): Restriction {
  return {
    restrictionId: row.restriction_id,
    userId: row.user_id,
    kind: row.kind,
    untilMs: row.until_ms,
    caseNumber: row.case_number,
    reason: row.reason,
    by: row.by_user,
    atMs: row.at_ms,
    liftedAtMs: row.lifted_at_ms,
    liftedBy: row.lifted_by,
    liftReason: row.lift_reason,
  };
}
