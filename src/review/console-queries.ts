import { sql } from "kysely";
import { YingdaError } from "../base/errors.ts";
import { type CaseSummary, summaryOf } from "./case-reader.ts";
import { withConsole } from "./console-schema.ts";
import { type Dashboard, readDashboard } from "./dashboard.ts";
import { listPeople, type PeoplePage, type PeopleRequest } from "./people-list.ts";
import type { Database } from "./record-database.ts";
import type { Restriction } from "./restrictions.ts";
import { restrictionOf } from "./restrictions.ts";

const EXCERPT_UNITS = 160;
/** A page of the queue, or a selection. */
const CASES_MAX = 200;
const ROWS_MAX = 1000;
const DAY_MS = 86_400_000;
const RESTRICTIONS_SHOWN_MAX = 100;
/** Changes looked at in one go; an import of thousands is told by its counts alone. */
const CHANGES_MAX = 2000;
/** Dashboards are asked for by every open page; the same one is made once in this time. */
const DASHBOARD_MS = 10_000;

export interface CaseHead {
  /** The beginning of the gravest flag's text, masked. */
  excerpt: string;
  direction: "question" | "answer";
}

export interface CaseChange {
  caseNumber: string;
  /** By the database's clock. */
  changedAtMs: number;
}

export interface MemberFigures {
  flags90Days: Record<string, number>;
  turns90Days: number;
  /** Cases that were confirmed. */
  confirmed90Days: number;
  /** The latest first, at most 100. */
  restrictions: Restriction[];
}

/** A turn as policies are tried on: masked. */
export interface RecordedTexts {
  turnId: string;
  atMs: number;
  question: string;
  answer: string;
}

/** What the console shows beside cases. Each call throws `record_store_unavailable`. */
export interface ConsoleQueries {
  /** What at most 200 cases are about, by number. */
  heads(caseNumbers: readonly string[]): Promise<Map<string, CaseHead>>;
  /** At most 200, in no order; those that are gone are left out. */
  summaries(caseNumbers: readonly string[]): Promise<CaseSummary[]>;
  /** The raw text of each flag of a case, by the flag's number; never to be shown, only to be judged and measured. */
  flagTexts(caseNumber: string): Promise<Map<string, string>>;
  /** Cases that changed after this moment of the database's clock, the latest first; null: only the latest one. */
  changesAfter(atMs: number | null): Promise<CaseChange[]>;
  memberHistory(userId: string): Promise<MemberFigures>;
  flagCount(userId: string): Promise<number>;
  /** See people-list.ts. */
  people(request: PeopleRequest): Promise<PeoplePage>;
  /** See dashboard.ts. At most ten seconds old. */
  dashboard(days: number): Promise<Dashboard>;
  /** Turns with texts, the latest first, received from `fromMs` on; `before` the last one of the page before. */
  recordedTexts(request: { fromMs: number; before: RecordedTexts | null; limit: number }): Promise<RecordedTexts[]>;
}

export function openConsoleQueries(database: Database): ConsoleQueries {
  const dashboards = new Map<number, { atMs: number; made: Promise<Dashboard> }>();
  return {
    heads: (caseNumbers) =>
      database.read(async (reader) => {
        if (caseNumbers.length === 0) return new Map();
        const rows = await reader
          .selectFrom("cases")
          .innerJoin("flags", "flags.case_number", "cases.gravest_flag")
          .select([
            "cases.case_number",
            "flags.direction",
            sql<string>`substr(coalesce(flags.text_masked, flags.text), 1, ${EXCERPT_UNITS})`.as("excerpt"),
          ])
          .where("cases.case_number", "in", limited(caseNumbers))
          .execute();
        return new Map(rows.map(({ case_number, direction, excerpt }) => [case_number, { direction, excerpt }]));
      }),
    summaries: (caseNumbers) =>
      database.read(async (reader) => {
        if (caseNumbers.length === 0) return [];
        const rows = await reader
          .selectFrom("cases")
          .selectAll()
          .where("case_number", "in", limited(caseNumbers))
          .execute();
        return rows.map(summaryOf);
      }),
    flagTexts: (caseNumber) =>
      database.read(async (reader) => {
        const rows = await reader
          .selectFrom("flags")
          .select(["case_number", "text"])
          .where("in_case", "=", caseNumber)
          .orderBy("raised_at_ms")
          .limit(ROWS_MAX)
          .execute();
        return new Map(rows.map(({ case_number, text }) => [case_number, text]));
      }),
    changesAfter: (atMs) =>
      database.read((reader) =>
        withConsole(reader)
          .selectFrom("case_changes")
          .select(["case_number as caseNumber", "changed_at_ms as changedAtMs"])
          .$if(atMs !== null, (query) => query.where("changed_at_ms", ">", atMs ?? 0))
          .orderBy("changed_at_ms", "desc")
          .limit(atMs === null ? 1 : CHANGES_MAX)
          .execute(),
      ),
    memberHistory: (userId) => memberHistory(database, userId.toLowerCase()),
    flagCount: (userId) =>
      database.read(async (reader) => {
        const { count } = await reader
          .selectFrom("flags")
          .innerJoin("turns", "turns.turn_id", "flags.turn_id")
          .select((eb) => eb.fn.countAll<number>().as("count"))
          .where(sql`lower(turns.user_id)`, "=", userId.toLowerCase())
          .executeTakeFirstOrThrow();
        return count;
      }),
    people: (request) => database.read((reader) => listPeople(reader, request, database.clock.nowMs())),
    dashboard(days) {
      const nowMs = database.clock.nowMs();
      const made = dashboards.get(days);
      if (made !== undefined && Math.abs(nowMs - made.atMs) < DASHBOARD_MS) return made.made;
      const making = database.read((reader) => readDashboard(reader, days, nowMs));
      dashboards.set(days, { atMs: nowMs, made: making });
      // A failure is not kept.
      making.catch(() => dashboards.delete(days));
      return making;
    },
    recordedTexts: ({ fromMs, before, limit }) =>
      database.read(async (reader) => {
        const rows = await reader
          .selectFrom("turns")
          .select([
            "turn_id as turnId",
            "received_at_ms as atMs",
            sql<string>`coalesce(question_masked, question)`.as("question"),
            sql<string>`coalesce(answer_masked, answer)`.as("answer"),
          ])
          .where("received_at_ms", ">=", fromMs)
          .where("outcome", "in", ["answered", "refused", "withheld", "stopped"])
          .$if(before !== null, (query) =>
            query.where(sql<boolean>`(received_at_ms, turn_id) < (${before?.atMs}, ${before?.turnId})`),
          )
          .orderBy("received_at_ms", "desc")
          .orderBy("turn_id", "desc")
          .limit(limit)
          .execute();
        return rows;
      }),
  };
}

function memberHistory(database: Database, member: string): Promise<MemberFigures> {
  const fromMs = database.clock.nowMs() - 90 * DAY_MS;
  return database.read(async (reader) => {
    const kinds = await reader
      .selectFrom("flags")
      .innerJoin("turns", "turns.turn_id", "flags.turn_id")
      .select((eb) => ["categories", eb.fn.countAll<number>().as("count")])
      .where(sql`lower(turns.user_id)`, "=", member)
      .where("received_at_ms", ">=", fromMs)
      .groupBy("categories")
      .limit(ROWS_MAX)
      .execute();
    const { turns } = await reader
      .selectFrom("turns")
      .select((eb) => eb.fn.countAll<number>().as("turns"))
      .where(sql`lower(user_id)`, "=", member)
      .where("received_at_ms", ">=", fromMs)
      .executeTakeFirstOrThrow();
    const { confirmed } = await reader
      .selectFrom("cases")
      .select((eb) => eb.fn.countAll<number>().as("confirmed"))
      .where(sql`lower(user_id)`, "=", member)
      .where("last_raised_at_ms", ">=", fromMs)
      .where("resolution", "=", "confirmed")
      .executeTakeFirstOrThrow();
    const restrictions = await reader
      .selectFrom("restrictions")
      .selectAll()
      .where(sql`lower(user_id)`, "=", member)
      .orderBy("at_ms", "desc")
      .limit(RESTRICTIONS_SHOWN_MAX)
      .execute();
    return {
      flags90Days: byCategory(kinds),
      turns90Days: turns,
      confirmed90Days: confirmed,
      restrictions: restrictions.map(restrictionOf),
    };
  });
}

/** Sets of categories and how often they occur → each category and how often. */
export function byCategory(kinds: readonly { categories: string; count: number }[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const { categories, count } of kinds) {
    for (const category of JSON.parse(categories) as string[]) {
      counts.set(category, (counts.get(category) ?? 0) + count);
    }
  }
  return Object.fromEntries(counts);
}

function limited(caseNumbers: readonly string[]): readonly string[] {
  if (caseNumbers.length <= CASES_MAX) return caseNumbers;
  throw new YingdaError("bad_request", `At most ${CASES_MAX} cases are looked up at once.`);
}
