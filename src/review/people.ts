import { sql } from "kysely";
import type { Resolution } from "./case-moves.ts";
import { type CaseSummary, summaryOf } from "./case-reader.ts";
import { isHeld } from "./legal-holds.ts";
import { type ErasureReport, eraseMember } from "./member-erasure.ts";
import { exportMember } from "./member-export.ts";
import type { Database } from "./record-database.ts";
import { type Restriction, restrictionOf } from "./restrictions.ts";
import type { RecordDatabase } from "./schema.ts";

const DAY_MS = 86_400_000;
const CASES_SHOWN_MAX = 50;
const RESTRICTIONS_SHOWN_MAX = 100;
/** Sorts of cases of one member; there are as many as sets of categories times endings. */
const KINDS_MAX = 1000;

export interface CategoryCount {
  category: string;
  /** Cases whose last flag is this young. */
  last30Days: number;
  last90Days: number;
  total: number;
  /** Of them all, by how they ended. */
  confirmed: number;
  falsePositive: number;
}

export interface MemberHistory {
  userId: string;
  categories: CategoryCount[];
  /** Latest first, at most 50. */
  cases: CaseSummary[];
  /** Latest first, at most 100, lifted ones and those that ended too. */
  restrictions: Restriction[];
  /** Whether a legal hold is on the member. */
  held: boolean;
}

/**
 * What is kept about one member: userids are compared without regard to case. Each call throws `record_store_unavailable`.
 * Not here: what waits in Redis (the session, records on their way), and the audit log, which names whom something was
 * done to, but never holds what they wrote.
 */
export interface People {
  history(userId: string): Promise<MemberHistory>;
  /**
   * Pieces of one JSON document: what is kept about the member, for the member. Without the words and names of reviewers.
   * Audited before the first piece.
   */
  export(request: { userId: string; by: string }): AsyncGenerator<string>;
  /**
   * Deletes it, but for what a legal hold is on and restrictions in force. In batches, each a transaction: an erasure that
   * was cut short is finished by the next. Throws `bad_request` for a reason over 200 characters.
   */
  erase(request: { userId: string; by: string; reason: string }): Promise<ErasureReport>;
}

export function openPeople(database: Database): People {
  return {
    history: (userId) => database.read((reader) => historyOf(reader, userId, database.clock.nowMs())),
    export: (request) => exportMember(database, request),
    erase: (request) => eraseMember(database, request),
  };
}

async function historyOf(reader: RecordDatabase, userId: string, nowMs: number): Promise<MemberHistory> {
  const member = userId.toLowerCase();
  const kinds = await reader
    .selectFrom("cases")
    .select((eb) => [
      "categories",
      "resolution",
      eb.fn.countAll<number>().as("total"),
      youngerThan(nowMs - 30 * DAY_MS).as("last30Days"),
      youngerThan(nowMs - 90 * DAY_MS).as("last90Days"),
    ])
    .where(sql`lower(user_id)`, "=", member)
    .groupBy(["categories", "resolution"])
    .limit(KINDS_MAX)
    .execute();
  const cases = await reader
    .selectFrom("cases")
    .selectAll()
    .where(sql`lower(user_id)`, "=", member)
    .orderBy("last_raised_at_ms", "desc")
    .limit(CASES_SHOWN_MAX)
    .execute();
  const restrictions = await reader
    .selectFrom("restrictions")
    .selectAll()
    .where(sql`lower(user_id)`, "=", member)
    .orderBy("at_ms", "desc")
    .limit(RESTRICTIONS_SHOWN_MAX)
    .execute();
  return {
    userId,
    categories: countsOf(kinds),
    cases: cases.map(summaryOf),
    restrictions: restrictions.map(restrictionOf),
    held: await isHeld(reader, member),
  };
}

function youngerThan(fromMs: number) {
  return sql<number>`sum(case when last_raised_at_ms >= ${fromMs} then 1 else 0 end)`;
}

function countsOf(
  kinds: { categories: string; resolution: Resolution | null; total: number; last30Days: number; last90Days: number }[],
): CategoryCount[] {
  const counts = new Map<string, CategoryCount>();
  for (const kind of kinds) {
    for (const category of JSON.parse(kind.categories) as string[]) {
      const none = { category, last30Days: 0, last90Days: 0, total: 0, confirmed: 0, falsePositive: 0 };
      const count = counts.get(category) ?? none;
      count.total += kind.total;
      count.last30Days += kind.last30Days;
      count.last90Days += kind.last90Days;
      if (kind.resolution === "confirmed") count.confirmed += kind.total;
      if (kind.resolution === "false_positive") count.falsePositive += kind.total;
      counts.set(category, count);
    }
  }
  return [...counts.values()].sort((a, b) => b.total - a.total || (a.category < b.category ? -1 : 1));
}
