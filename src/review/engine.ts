import type { Transaction } from "kysely";
import type { RecordDatabase, RecordTables } from "./schema.ts";

/** Why a database call failed, in the three answers that differ in what to do about them. */
export type Fault =
  /** One of the records cannot be stored, now or ever. `reason` names the rule, never what somebody wrote. */
  | { kind: "record"; reason: string }
  /** The database is away, busy or full: the same call may work later. */
  | { kind: "away"; message: string }
  /** Only a person can mend it. `code` is stable (alerts), `message` says how. */
  | { kind: "operator"; code: string; message: string };

/**
 * What differs between SQLite and PostgreSQL. Opening an engine touches nothing: the first query connects, and a
 * connection that failed is replaced by the next query.
 */
export interface Engine {
  readonly dialect: "sqlite" | "postgres";
  /** The path of the file, or host and database: for messages. Never with a password. */
  readonly place: string;
  /** Every transaction on it is the only writing one of its process (SQLite: of the machine). */
  readonly writer: RecordDatabase;
  /** Own connections, so that a slow question of the console does not hold up a write. */
  readonly reader: RecordDatabase;
  /** Inside `transaction`: lets one process at a time past this point, until the transaction ends. */
  lockMigrations(transaction: Transaction<RecordTables>): Promise<void>;
  /**
   * Inside `transaction`, before flags are written: lets one process at a time put flags into cases, until the transaction
   * ends. Two would otherwise each open a case for the same conversation, not seeing the other's.
   */
  lockCases(transaction: Transaction<RecordTables>): Promise<void>;
  /** Inside `transaction`: locks the rows that a query takes, and leaves out those another process has locked. */
  readonly skipsLockedRows: boolean;
  explain(error: unknown): Fault;
  close(): Promise<void>;
}

/** What `explain` needs to say: thrown by our own code where the database gave no error of its own. */
export class EngineError extends Error {
  override name = "EngineError";
  readonly fault: Fault;

  constructor(fault: Fault) {
    super(fault.kind === "record" ? fault.reason : fault.message);
    this.fault = fault;
  }
}
