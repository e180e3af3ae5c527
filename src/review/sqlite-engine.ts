import { join } from "node:path";
import { Kysely } from "kysely";
import { type Engine, EngineError, type Fault } from "./engine.ts";
import type { RecordTables } from "./schema.ts";
import { SqliteThreadDialect } from "./sqlite-dialect.ts";
import { SqliteError, SqliteThread } from "./sqlite-thread.ts";

/** Primary result codes, https://sqlite.org/rescode.html */
const CODES = { sql: 1, corrupt: 11, tooBig: 18, constraint: 19, mismatch: 20, notADatabase: 26 };

/** Records in one file of `dataDir`, made when it is missing. Several processes of one machine may share it. */
export function openSqliteEngine(dataDir: string): Engine {
  const path = join(dataDir, "records.sqlite");
  const connect = (mode: "write" | "read") =>
    new Kysely<RecordTables>({
      dialect: new SqliteThreadDialect({
        open: () => new SqliteThread({ path, mode }),
        survives: (error) => explain(error).kind === "record",
      }),
    });
  const writer = connect("write");
  const reader = connect("read");
  return {
    dialect: "sqlite",
    place: path,
    writer,
    reader,
    // `begin immediate` has the file's only write lock already.
    async lockMigrations() {},
    async lockCases() {},
    skipsLockedRows: false,
    explain,
    async close() {
      // The writer last: the connection that closes last folds the log into the file, and a reader may not.
      await reader.destroy();
      await writer.destroy();
    },
  };
}

function explain(error: unknown): Fault {
  if (error instanceof EngineError) return error.fault;
  if (!(error instanceof SqliteError)) return { kind: "away", message: "an unforeseen failure" };
  const primary = error.errcode === null ? null : error.errcode & 0xff;
  if (primary === CODES.constraint || primary === CODES.tooBig || primary === CODES.mismatch) {
    return { kind: "record", reason: error.message };
  }
  if (primary === CODES.corrupt || primary === CODES.notADatabase) {
    return {
      kind: "operator",
      code: "record_store_damaged",
      message: `the file is damaged or no SQLite database (${error.message}); restore it from a backup, or move it away to start afresh`,
    };
  }
  if (primary === CODES.sql) {
    return {
      kind: "operator",
      code: "record_store_schema",
      message: `a statement was refused (${error.message}); the tables must be the ones that this program made`,
    };
  }
  return { kind: "away", message: error.message };
}
