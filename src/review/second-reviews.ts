import { createHash } from "node:crypto";
import { sql } from "kysely";
import { YingdaError } from "../base/errors.ts";
import { appendAudit } from "./audit-log.ts";
import { changing } from "./case-claims.ts";
import { conflictOf } from "./case-conflict.ts";
import { type Resolution, samePerson } from "./case-moves.ts";
import { type CaseSummary, type CaseView, readCase } from "./case-reader.ts";
import { type Agreement, cohenKappa } from "./cohen-kappa.ts";
import type { Database } from "./record-database.ts";

/** The finest share that can be sampled is one in this many. */
const BUCKETS = 10_000;
/** The latest of the time asked for; more would not change the figure, only take the memory. */
const PAIRS_MAX = 10_000;

/** A decided case as somebody sees it who does not know how it was decided. */
export type BlindCase = Pick<
  CaseSummary,
  "caseNumber" | "severity" | "categories" | "action" | "audience" | "channel" | "groupId"
> &
  Pick<CaseView, "flags" | "turns">;

export interface AgreementReport extends Agreement {
  /** For each category that occurs, the one with most pairs first. */
  categories: (Agreement & { category: string })[];
}

/**
 * A sample of resolved cases is judged once more by somebody who did not decide and does not see the decision. It changes
 * no case: it tells how far reviewers agree. Each call throws `record_store_unavailable`.
 */
export interface SecondReviews {
  /**
   * The next of the sample that `by` had no part in; null when there is none. `share` of the cases, 0 to 1, decided since
   * `sinceMs`: which ones follows from their numbers, so nobody can choose. Throws `bad_request` for another share.
   */
  next(request: { by: string; share: number; sinceMs: number }): Promise<BlindCase | null>;
  /** Throws `not_found`, and `case_conflict` when it was judged meanwhile, is not resolved, or is one's own. */
  record(request: { caseNumber: string; by: string; resolution: Resolution }): Promise<void>;
  /** Over second reviews of this time, `untilMs` exclusive. */
  agreement(request: { fromMs: number; untilMs: number }): Promise<AgreementReport>;
}

/** Which bucket a case is in: its place in the sample, for good. */
export function sampleBucket(caseNumber: string): number {
  return createHash("sha256").update(`sample\n${caseNumber}`).digest().readUInt32BE() % BUCKETS;
}

export function openSecondReviews(database: Database): SecondReviews {
  const { clock } = database;
  return {
    next: ({ by, share, sinceMs }) =>
      database.read(async (reader) => {
        if (!(share >= 0 && share <= 1)) {
          throw new YingdaError("bad_request", "The share of cases for a second review is a number from 0 to 1.");
        }
        const row = await reader
          .selectFrom("cases")
          .select("case_number")
          .where(sql<boolean>`status = 'resolved'`)
          .where("decided_at_ms", ">=", sinceMs)
          .where("sample_bucket", "<", Math.round(share * BUCKETS))
          .where(
            sql<boolean>`not exists (select 1 from second_reviews where second_reviews.case_number = cases.case_number)`,
          )
          .where(
            sql<boolean>`not exists (select 1 from decisions where decisions.case_number = cases.case_number
              and lower(decisions.by_user) = ${by.toLowerCase()})`,
          )
          .orderBy("decided_at_ms")
          .limit(1)
          .executeTakeFirst();
        return row === undefined ? null : blind(await readCase(reader, row.case_number));
      }),
    record: ({ caseNumber, by, resolution }) => {
      const atMs = clock.nowMs();
      return changing(database, caseNumber, async (transaction, row) => {
        if (row.status !== "resolved" || row.resolution === null) {
          throw await conflictOf(transaction, row, "it is not resolved any more");
        }
        const deciders = await transaction
          .selectFrom("decisions")
          .select("by_user")
          .where("case_number", "=", caseNumber)
          .execute();
        if (deciders.some((decider) => samePerson(decider.by_user, by))) {
          throw await conflictOf(transaction, row, "a second review is by somebody who had no part in the case");
        }
        const added = await transaction
          .insertInto("second_reviews")
          .values({
            case_number: caseNumber,
            by_user: by,
            at_ms: atMs,
            resolution,
            first_resolution: row.resolution,
            categories: row.categories,
          })
          .onConflict((conflict) => conflict.column("case_number").doNothing())
          .returning("case_number")
          .execute();
        if (added.length === 0) throw await conflictOf(transaction, row, "it was judged a second time already");
        const entry = { by, action: "case.second_review", subject: `case:${caseNumber}`, details: { resolution } };
        await appendAudit(transaction, entry, atMs);
      });
    },
    agreement: ({ fromMs, untilMs }) =>
      database.read(async (reader) => {
        const rows = await reader
          .selectFrom("second_reviews")
          .select(["first_resolution", "resolution", "categories"])
          .where("at_ms", ">=", fromMs)
          .where("at_ms", "<", untilMs)
          .orderBy("at_ms", "desc")
          .limit(PAIRS_MAX)
          .execute();
        const byCategory = new Map<string, [string, string][]>();
        for (const row of rows) {
          for (const category of JSON.parse(row.categories) as string[]) {
            const pairs = byCategory.get(category) ?? [];
            pairs.push([row.first_resolution, row.resolution]);
            byCategory.set(category, pairs);
          }
        }
        const categories = [...byCategory].map(([category, pairs]) => ({ category, ...cohenKappa(pairs) }));
        categories.sort((a, b) => b.pairs - a.pairs || (a.category < b.category ? -1 : 1));
        return { ...cohenKappa(rows.map((row) => [row.first_resolution, row.resolution] as const)), categories };
      }),
  };
}

function blind(view: CaseView): BlindCase {
  const { caseNumber, severity, categories, action, audience, channel, groupId, flags, turns } = view;
  // A flag carries its case's status, which here says nothing that is not known.
  return { caseNumber, severity, categories, action, audience, channel, groupId, flags, turns };
}
