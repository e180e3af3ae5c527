import type { Migration } from "./migration.ts";

/** By the database's own clock: all processes compare with times that came from there. */
const SQLITE_NOW = "cast(unixepoch('subsec') * 1000 as integer)";
const POSTGRES_NOW = "cast(extract(epoch from clock_timestamp()) * 1000 as bigint)";

const noteOnSqlite = (event: "insert" | "update"): Migration["statements"][number] => ({
  only: "sqlite",
  sql: `create trigger cases_note_${event} after ${event} on cases begin
    insert into case_changes (case_number, changed_at_ms) values (new.case_number, ${SQLITE_NOW})
    on conflict (case_number) do update set changed_at_ms = excluded.changed_at_ms; end`,
});

/**
 * What the console needs beside cases: which of them changed lately, whoever changed them (a reviewer, a card, the sweep, a
 * new flag), and the policies that were written there.
 */
export const CONSOLE: Migration = {
  name: "changes of cases, policy versions",
  statements: [
    `create table case_changes (
      case_number text primary key references cases (case_number) on delete cascade,
      changed_at_ms bigint not null
    )`,
    "create index case_changes_by_time on case_changes (changed_at_ms)",
    noteOnSqlite("insert"),
    noteOnSqlite("update"),
    {
      only: "postgres",
      sql: `create function note_case_change() returns trigger language plpgsql as $$ begin
        insert into case_changes (case_number, changed_at_ms) values (new.case_number, ${POSTGRES_NOW})
        on conflict (case_number) do update set changed_at_ms = excluded.changed_at_ms;
        return null; end $$`,
    },
    {
      only: "postgres",
      sql: "create trigger cases_note_change after insert or update on cases for each row execute function note_case_change()",
    },
    `create table policy_versions (
      id bigint primary key,
      version text not null,
      text text not null,
      by_user text not null,
      at_ms bigint not null,
      note text not null
    )`,
    // One row: which version is in force, and the lock under which that changes. Null: the one that ships.
    "create table policy_active (one bigint primary key check (one = 1), id bigint references policy_versions (id))",
    "insert into policy_active (one, id) values (1, null)",
  ],
};
