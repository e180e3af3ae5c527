import { type RawBuilder, sql } from "kysely";
import { YingdaError } from "../base/errors.ts";
import type { RecordDatabase } from "./schema.ts";

const DAY_MS = 86_400_000;
const PAGE_MAX = 200;
const CURSOR_UNITS_MAX = 2000;

export interface PeopleRequest {
  /** A part of the userid. */
  q: string | null;
  restricted: boolean | null;
  cursor: string | null;
  limit: number;
}

export interface ListedPerson {
  userId: string;
  turns90Days: number;
  flags90Days: number;
  confirmed90Days: number;
  /** 0: what they wrote is gone. */
  lastSeenAtMs: number;
  /** Null: until lifted, or not restricted. */
  restrictedUntilMs: number | null;
  restricted: boolean;
}

export interface PeoplePage {
  people: ListedPerson[];
  cursor: string | null;
}

/** Members who wrote, or are restricted, in the order of their userids. Throws `bad_request` for a cursor that is none. */
export async function listPeople(db: RecordDatabase, request: PeopleRequest, nowMs: number): Promise<PeoplePage> {
  const limit = Math.min(PAGE_MAX, Math.max(1, Math.trunc(request.limit)));
  const members = await membersAfter(db, request, limit + 1, nowMs);
  const page = members.slice(0, limit);
  const last = members.length > limit ? page.at(-1) : undefined;
  return {
    people: await figuresOf(db, page, nowMs),
    cursor: last === undefined ? null : Buffer.from(last).toString("base64url"),
  };
}

/**
 * Userids in lower case. Each step of the recursion is one look into an index, so a page costs as many looks as it has
 * members, however much they wrote.
 */
async function membersAfter(
  db: RecordDatabase,
  { q, restricted, cursor }: PeopleRequest,
  limit: number,
  nowMs: number,
): Promise<string[]> {
  const after = cursor === null ? "" : memberOf(cursor);
  const source = restricted === true ? sql`restrictions` : sql`turns`;
  const next = (from: RawBuilder<unknown>) =>
    sql`(select lower(user_id) from ${source} where lower(user_id) > ${from} order by lower(user_id) limit 1)`;
  const inForce = sql`member in (select lower(user_id) from restrictions
    where lifted_at_ms is null and (until_ms is null or until_ms > ${nowMs}))`;
  const conditions = [
    sql`member is not null`,
    ...(q === null ? [] : [sql`member like ${`%${q.toLowerCase().replace(/[\\%_]/g, "\\$&")}%`} escape '\\'`]),
    ...(restricted === null ? [] : [restricted ? inForce : sql`not (${inForce})`]),
  ];
  const { rows } = await sql<{ member: string }>`
    with recursive members (member) as (
      select ${next(sql`cast(${after} as text)`)}
      union all
      select ${next(sql`members.member`)} from members where members.member is not null
    )
    select member from members where ${sql.join(conditions, sql` and `)} limit ${limit}`.execute(db);
  return rows.map(({ member }) => member);
}

async function figuresOf(db: RecordDatabase, members: readonly string[], nowMs: number): Promise<ListedPerson[]> {
  if (members.length === 0) return [];
  const fromMs = nowMs - 90 * DAY_MS;
  const turns = await db
    .selectFrom("turns")
    .select((eb) => [
      sql<string>`lower(user_id)`.as("member"),
      sql<string>`max(user_id)`.as("userId"),
      eb.fn.countAll<number>().as("turns"),
      sql<number>`max(received_at_ms)`.as("lastSeenAtMs"),
    ])
    .where(sql<string>`lower(user_id)`, "in", members)
    .where("received_at_ms", ">=", fromMs)
    .groupBy(sql`lower(user_id)`)
    .execute();
  const cases = await db
    .selectFrom("cases")
    .select([
      sql<string>`lower(user_id)`.as("member"),
      sql<number>`cast(sum(flag_count) as bigint)`.as("flags"),
      sql<number>`cast(sum(case when resolution = 'confirmed' then 1 else 0 end) as bigint)`.as("confirmed"),
    ])
    .where(sql<string>`lower(user_id)`, "in", members)
    .where("last_raised_at_ms", ">=", fromMs)
    .groupBy(sql`lower(user_id)`)
    .execute();
  const restrictions = await db
    .selectFrom("restrictions")
    .select(["user_id", "until_ms"])
    .where(sql<string>`lower(user_id)`, "in", members)
    .where("lifted_at_ms", "is", null)
    .where((eb) => eb.or([eb("until_ms", "is", null), eb("until_ms", ">", nowMs)]))
    .limit(PAGE_MAX * 10)
    .execute();
  const turnsOf = new Map(turns.map((row) => [row.member, row]));
  const casesOf = new Map(cases.map((row) => [row.member, row]));
  const restrictionsOf = Map.groupBy(restrictions, (row) => row.user_id.toLowerCase());
  return members.map((member) => {
    const own = restrictionsOf.get(member) ?? [];
    const forGood = own.some((one) => one.until_ms === null);
    return {
      userId: turnsOf.get(member)?.userId ?? member,
      turns90Days: turnsOf.get(member)?.turns ?? 0,
      flags90Days: casesOf.get(member)?.flags ?? 0,
      confirmed90Days: casesOf.get(member)?.confirmed ?? 0,
      lastSeenAtMs: turnsOf.get(member)?.lastSeenAtMs ?? 0,
      restricted: own.length > 0,
      restrictedUntilMs: own.length === 0 || forGood ? null : Math.max(...own.map((one) => one.until_ms ?? 0)),
    };
  });
}

function memberOf(cursor: string): string {
  const member = Buffer.from(cursor, "base64url").toString();
  if (cursor.length <= CURSOR_UNITS_MAX && member !== "" && member.isWellFormed() && !member.includes("\0")) {
    return member;
  }
  throw new YingdaError("bad_request", "The cursor is none of this list; begin with its first page.");
}
