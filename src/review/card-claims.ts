import { sql } from "kysely";
import type { CardDatabase } from "./card-schema.ts";
import { OPEN_CASES, oneOf } from "./case-queries.ts";
import type { CaseSummary } from "./case-reader.ts";

/** Cases that are older belong to the queue: after an outage, or an update from a version without cards, nobody wants cards of last week. */
const NEWS_MS = 24 * 3600_000;
const MINUTE_MS = 60_000;
/** A process that claimed a case and did not come to sending it within this is dead or hopelessly slow; the case is free again. */
const STALE_AFTER_MS = 5 * MINUTE_MS;
/** Of one digest; a flood of more is told with "at least". */
const CLAIMED_MAX = 1000;
/** Ten columns a row: far below both engines' limit on parameters. */
const INSERT_ROWS_MAX = 200;

export interface NewCase {
  caseNumber: string;
  version: number;
  taskId: string;
  severity: CaseSummary["severity"];
  claimedAtMs: number;
}

export type Claimed =
  | { kind: "nothing" }
  | { kind: "cards"; cases: NewCase[] }
  /** `more`: there are others beyond these. */
  | { kind: "digest"; cases: NewCase[]; more: boolean };

export interface ClaimRequest {
  severities: readonly CaseSummary["severity"][];
  cardsPerMinuteMax: number;
  taskIdOf: (caseNumber: string, version: number) => string;
}

/** See `CardQueue.claimNew`. In a transaction. */
export async function claimNew(
  db: CardDatabase,
  { severities, cardsPerMinuteMax, taskIdOf }: ClaimRequest,
  nowMs: number,
): Promise<Claimed> {
  // Takes the row's lock on both engines: an update that changes nothing.
  const digest = await db
    .updateTable("case_cards_digest")
    .set({ last_at_ms: sql<number>`last_at_ms` })
    .where("one", "=", 1)
    .returning("last_at_ms")
    .executeTakeFirstOrThrow();
  const rows = await untold(db, severities, nowMs)
    .orderBy("severity")
    .orderBy("first_raised_at_ms")
    .limit(CLAIMED_MAX + 1)
    .execute();
  if (rows.length === 0) return { kind: "nothing" };
  const lately = await db
    .selectFrom("case_cards")
    .select((eb) => eb.fn.countAll<number>().as("cards"))
    .where("how", "=", "card")
    .where("claimed_at_ms", ">", nowMs - MINUTE_MS)
    .executeTakeFirstOrThrow();
  const asDigest = lately.cards + rows.length > cardsPerMinuteMax;
  if (asDigest && digest.last_at_ms > nowMs - MINUTE_MS) return { kind: "nothing" };
  const cases = rows
    .slice(0, CLAIMED_MAX)
    .map((row): NewCase => ({ ...row, taskId: taskIdOf(row.caseNumber, row.version), claimedAtMs: nowMs }));
  for (let start = 0; start < cases.length; start += INSERT_ROWS_MAX) {
    const some = cases.slice(start, start + INSERT_ROWS_MAX);
    // Claims that went stale; `untold` gave no others.
    await db.deleteFrom("case_cards").where("case_number", "in", numbersOf(some)).execute();
    await db
      .insertInto("case_cards")
      .values(
        some.map(({ caseNumber, version, taskId }) => ({
          case_number: caseNumber,
          task_id: taskId,
          how: asDigest ? ("digest" as const) : ("card" as const),
          claimed_at_ms: nowMs,
          attempted_at_ms: null,
          sent_at_ms: null,
          response_code: null,
          shows_version: version,
          shows_open: 1,
          overdue_told_at_ms: null,
        })),
      )
      .execute();
  }
  if (!asDigest) return { kind: "cards", cases };
  await db.updateTable("case_cards_digest").set({ last_at_ms: nowMs }).where("one", "=", 1).execute();
  return { kind: "digest", cases, more: rows.length > CLAIMED_MAX };
}

/** Open cases that nobody was told of, or is about to tell of. */
export function untold(db: CardDatabase, severities: readonly CaseSummary["severity"][], nowMs: number) {
  return db
    .selectFrom("cases")
    .select(["case_number as caseNumber", "version", "severity"])
    .where(oneOf("severity", severities))
    .where(sql<boolean>`${sql.raw(OPEN_CASES)}`)
    .where("last_raised_at_ms", ">", nowMs - NEWS_MS)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom("case_cards")
            .select(sql`1`.as("one"))
            .whereRef("case_cards.case_number", "=", "cases.case_number")
            .where(({ eb, or }) =>
              or([eb("attempted_at_ms", "is not", null), eb("claimed_at_ms", ">", nowMs - STALE_AFTER_MS)]),
            ),
        ),
      ),
    );
}

export function numbersOf(cases: readonly { caseNumber: string }[]): string[] {
  return cases.map(({ caseNumber }) => caseNumber);
}
