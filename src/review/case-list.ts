import { type SelectQueryBuilder, sql } from "kysely";
import { YingdaError } from "../base/errors.ts";
import type { CaseStatus, Resolution } from "./case-moves.ts";
import { OPEN_CASES, OPEN_STATUSES, oneCategoryOf, oneOf } from "./case-queries.ts";
import { type CaseSummary, summaryOf } from "./case-reader.ts";
import type { CaseRow } from "./case-rows.ts";
import { searchCondition } from "./case-search.ts";
import type { Engine } from "./engine.ts";
import type { RecordDatabase, RecordTables } from "./schema.ts";

/** A page of the console, with room; more rows at once would hold up the other questions. */
const PAGE_MAX = 200;
const EXCERPT_UNITS = 160;
const CURSOR_UNITS_MAX = 2000;

/** Each part that is given narrows the list; within one part any value fits. */
export interface CaseFilter {
  statuses?: readonly CaseStatus[];
  severities?: readonly CaseSummary["severity"][];
  /** Any of them. */
  categories?: readonly string[];
  resolutions?: readonly Resolution[];
  actions?: readonly string[];
  audience?: "internal" | "external";
  channel?: CaseSummary["channel"];
  place?: "direct" | "group";
  userId?: string;
  conversationId?: string;
  /** Who has it, or had it last. */
  assignee?: string;
  raisedFromMs?: number;
  /** Exclusive. */
  raisedUntilMs?: number;
  appealed?: boolean;
  /** Due before this moment and still open. */
  overdueAtMs?: number;
  awaitsSecondReviewer?: boolean;
  /** Words, Chinese or others, that stand in the masked text of one of its flags: all of them. */
  text?: string;
}

/** `urgency`: gravest, then due first, then surest. */
export type CaseOrder = "urgency" | "newest" | "oldest" | "score";

export interface ListedCase extends CaseSummary {
  /** The beginning of the gravest flag's text, masked. */
  excerpt: string;
  /** Where that text stands: what the member asked, or what the model answered. */
  direction: "question" | "answer" | null;
}

export interface CasePage {
  cases: ListedCase[];
  /** For the next page; null at the end. */
  cursor: string | null;
}

export interface CaseCount {
  status: CaseStatus;
  severity: CaseSummary["severity"];
  count: number;
  /** Of them, past their time. Decided ones are not late any more. */
  overdue: number;
}

interface SortKey {
  column: "severity" | "due_at_ms" | "score" | "last_raised_at_ms" | "case_number";
  direction: "asc" | "desc";
}

/** Each ends in the case number, so that every row has a place of its own and no page repeats or misses one. */
const ORDERS: Record<CaseOrder, readonly SortKey[]> = {
  urgency: [
    { column: "severity", direction: "asc" },
    { column: "due_at_ms", direction: "asc" },
    { column: "score", direction: "desc" },
    { column: "case_number", direction: "asc" },
  ],
  newest: [
    { column: "last_raised_at_ms", direction: "desc" },
    { column: "case_number", direction: "desc" },
  ],
  oldest: [
    { column: "last_raised_at_ms", direction: "asc" },
    { column: "case_number", direction: "asc" },
  ],
  score: [
    { column: "score", direction: "desc" },
    { column: "case_number", direction: "desc" },
  ],
};

/**
 * A page of cases, 1 to 200. Rows that change between pages may move, as in any list of a live queue; none is shown twice
 * for its place alone.
 * @throws YingdaError `bad_request` for a cursor that this function did not make for this order, or a filter that is none.
 */
export async function listCases(
  db: RecordDatabase,
  dialect: Engine["dialect"],
  request: { filter: CaseFilter; order: CaseOrder; limit: number; cursor: string | null },
): Promise<CasePage> {
  const { filter, order, cursor } = request;
  const limit = Math.min(PAGE_MAX, Math.max(1, Math.trunc(request.limit)));
  const keys = ORDERS[order];
  let query = filtered(
    db
      .selectFrom("cases")
      .leftJoin("flags", "flags.case_number", "cases.gravest_flag")
      .selectAll("cases")
      .select([
        "flags.direction",
        sql<string | null>`substr(coalesce(flags.text_masked, flags.text), 1, ${EXCERPT_UNITS})`.as("excerpt"),
      ]),
    filter,
  );
  if (filter.text !== undefined) query = query.where(searchCondition(dialect, filter.text));
  if (cursor !== null) query = query.where(after(keys, valuesOf(cursor, order)));
  for (const { column, direction } of keys) query = query.orderBy(sql.ref(`cases.${column}`), direction);
  const rows = await query.limit(limit + 1).execute();
  const page = rows.slice(0, limit);
  const last = rows.length > limit ? page.at(-1) : undefined;
  return {
    cases: page.map((row) => ({ ...summaryOf(row), excerpt: row.excerpt ?? "", direction: row.direction })),
    cursor: last === undefined ? null : cursorOf(last, order),
  };
}

/** One entry for each status and severity that occurs. */
export async function countCases(db: RecordDatabase, nowMs: number): Promise<CaseCount[]> {
  return db
    .selectFrom("cases")
    .select((eb) => [
      "status",
      "severity",
      eb.fn.countAll<number>().as("count"),
      sql<number>`sum(case when due_at_ms < ${nowMs} and status not in ('resolved', 'auto_closed') then 1 else 0 end)`.as(
        "overdue",
      ),
    ])
    .groupBy(["status", "severity"])
    .orderBy("status")
    .orderBy("severity")
    .execute();
}

function filtered<O>(
  query: SelectQueryBuilder<RecordTables & { flags: RecordTables["flags"] | null }, "cases" | "flags", O>,
  filter: CaseFilter,
): SelectQueryBuilder<RecordTables & { flags: RecordTables["flags"] | null }, "cases" | "flags", O> {
  const { place, userId, assignee, categories } = filter;
  return query
    .$if(filter.statuses !== undefined, (q) => q.where(inStatus(filter.statuses ?? [])))
    .$if(filter.severities !== undefined, (q) => q.where(oneOf("cases.severity", filter.severities ?? [])))
    .$if(filter.resolutions !== undefined, (q) => q.where(oneOf("cases.resolution", filter.resolutions ?? [])))
    .$if(filter.actions !== undefined, (q) => q.where(oneOf("cases.action", filter.actions ?? [])))
    .$if(categories !== undefined, (q) => q.where(oneCategoryOf(categories ?? [])))
    .$if(filter.audience !== undefined, (q) => q.where("cases.audience", "=", filter.audience ?? null))
    .$if(filter.channel !== undefined, (q) => q.where("cases.channel", "=", filter.channel ?? "app"))
    .$if(place !== undefined, (q) => q.where("cases.group_id", place === "direct" ? "is" : "is not", null))
    .$if(userId !== undefined, (q) => q.where(sql`lower(cases.user_id)`, "=", (userId ?? "").toLowerCase()))
    .$if(assignee !== undefined, (q) => q.where(sql`lower(cases.assignee)`, "=", (assignee ?? "").toLowerCase()))
    .$if(filter.conversationId !== undefined, (q) => q.where("cases.conversation_id", "=", filter.conversationId ?? ""))
    .$if(filter.raisedFromMs !== undefined, (q) => q.where("cases.last_raised_at_ms", ">=", filter.raisedFromMs ?? 0))
    .$if(filter.raisedUntilMs !== undefined, (q) => q.where("cases.last_raised_at_ms", "<", filter.raisedUntilMs ?? 0))
    .$if(filter.appealed !== undefined, (q) => q.where("cases.appeal_count", filter.appealed ? ">" : "=", 0))
    .$if(filter.overdueAtMs !== undefined, (q) =>
      q
        .where("cases.due_at_ms", "<", filter.overdueAtMs ?? 0)
        .where("cases.status", "not in", ["resolved", "auto_closed"]),
    )
    .$if(filter.awaitsSecondReviewer !== undefined, (q) =>
      q.where("cases.pending_resolution", filter.awaitsSecondReviewer ? "is not" : "is", null),
    );
}

/** The open ones have an index of their own, for queries that name them word for word. */
function inStatus(statuses: readonly CaseStatus[]) {
  const open = OPEN_STATUSES.length === statuses.length && OPEN_STATUSES.every((status) => statuses.includes(status));
  return open ? sql.raw<boolean>(`cases.${OPEN_CASES}`) : oneOf("cases.status", statuses);
}

/** Rows behind the one with these values, in the order of the keys. */
function after(keys: readonly SortKey[], values: readonly (string | number)[]) {
  const behind = keys.map((key, index) => {
    const same = keys.slice(0, index).map(({ column }, i) => sql`${sql.ref(`cases.${column}`)} = ${values[i]}`);
    const sign = sql.raw(key.direction === "asc" ? ">" : "<");
    return sql`(${sql.join([...same, sql`${sql.ref(`cases.${key.column}`)} ${sign} ${values[index]}`], sql` and `)})`;
  });
  // The first key alone bounds the search in the index; the rest only sorts out its ties.
  const [first] = keys;
  const edge = sql`${sql.ref(`cases.${first?.column ?? "case_number"}`)} ${sql.raw(first?.direction === "desc" ? "<=" : ">=")} ${values[0]}`;
  return sql<boolean>`${edge} and (${sql.join(behind, sql` or `)})`;
}

function cursorOf(row: CaseRow, order: CaseOrder): string {
  const values = ORDERS[order].map(({ column }) => row[column]);
  return Buffer.from(JSON.stringify([order, ...values])).toString("base64url");
}

function valuesOf(cursor: string, order: CaseOrder): (string | number)[] {
  if (cursor.length <= CURSOR_UNITS_MAX) {
    try {
      const parsed: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString());
      if (Array.isArray(parsed) && parsed[0] === order && parsed.length === ORDERS[order].length + 1) {
        const values = parsed.slice(1) as unknown[];
        const fits = ORDERS[order].every(({ column }, index) => {
          const value = values[index];
          return column === "severity" || column === "case_number"
            ? typeof value === "string" && value.isWellFormed() && !value.includes("\0")
            : typeof value === "number";
        });
        if (fits) return values as (string | number)[];
      }
    } catch {
      // No JSON: told below.
    }
  }
  throw new YingdaError("bad_request", "The cursor is none of this list; begin with its first page.");
}
