import { type RawBuilder, sql } from "kysely";
import { YingdaError } from "../base/errors.ts";
import type { CaseStatus } from "./case-moves.ts";

/** Conditions on cases that several statements share. */

/** Cases that wait for somebody. Snoozed ones wait for their time. */
export const OPEN_STATUSES: readonly CaseStatus[] = ["new", "claimed", "escalated", "appealed"];
/**
 * The same as a condition that begins with the column. Part of the schema: an index over it serves only queries that repeat
 * it word for word.
 */
export const OPEN_CASES = "status in ('new', 'claimed', 'escalated', 'appealed')";

/** A list longer than there are values is no filter. */
const VALUES_MAX = 50;

/** PostgreSQL refuses an empty list, which no value is in. Throws `bad_request` for more than 50 values. */
export function oneOf(column: string, values: readonly string[]): RawBuilder<boolean> {
  if (values.length === 0) return sql<boolean>`1 = 0`;
  check(values);
  return sql<boolean>`${sql.ref(column)} in (${sql.join(values)})`;
}

/** As `oneOf`, for the JSON array of a case's categories. */
export function oneCategoryOf(categories: readonly string[]): RawBuilder<boolean> {
  if (categories.length === 0) return sql<boolean>`1 = 0`;
  check(categories);
  const named = categories.map((category) => {
    const pattern = `%${JSON.stringify(category).replace(/[\\%_]/g, "\\$&")}%`;
    return sql`cases.categories like ${pattern} escape '\\'`;
  });
  return sql<boolean>`(${sql.join(named, sql` or `)})`;
}

function check(values: readonly string[]): void {
  if (values.length > VALUES_MAX) {
    throw new YingdaError("bad_request", `A filter takes at most ${VALUES_MAX} values.`);
  }
}
