import type { Kysely, Transaction } from "kysely";
import type { Fixed, RecordTables } from "./schema.ts";

/** One row for each case, moved on by a trigger whenever the case changes. */
export interface CaseChangesTable {
  case_number: Fixed<string>;
  /** By the database's clock. */
  changed_at_ms: number;
}

export interface PolicyVersionsTable {
  /** From 1, in the order of saving. */
  id: Fixed<number>;
  /** What records of moderation name it by. */
  version: Fixed<string>;
  /** YAML. */
  text: Fixed<string>;
  by_user: Fixed<string>;
  at_ms: Fixed<number>;
  note: Fixed<string>;
}

export interface PolicyActiveTable {
  one: Fixed<number>;
  /** Null: the policy that ships with the service. */
  id: number | null;
}

type ConsoleTables = {
  case_changes: CaseChangesTable;
  policy_versions: PolicyVersionsTable;
  policy_active: PolicyActiveTable;
};

export type ConsoleDatabase = Kysely<RecordTables & ConsoleTables>;

/** The same connection, with the tables of the console. */
export function withConsole(db: Kysely<RecordTables> | Transaction<RecordTables>): ConsoleDatabase {
  return db.withTables<ConsoleTables>();
}
