import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import type { SqliteReply, SqliteRequest, SqliteThreadData } from "./sqlite-thread.ts";

/**
 * What runs inside a thread of `sqlite-thread.ts`: one connection, one statement a message, answered in order. The file
 * is opened by the first statement, and again by the next one when that failed.
 */

/** Another process may hold the file's write lock for the time of one batch; past this it is stuck, and the caller is told. */
const BUSY_TIMEOUT_MS = 5000;
/** Primary result code. */
const SQLITE_BUSY = 5;
const SLEEPER = new Int32Array(new SharedArrayBuffer(4));
/** Pages of a big deletion would otherwise stay in the log file for good. */
const LOG_BYTES_MAX = 64 * 1024 * 1024;

const PRAGMAS = `
  PRAGMA synchronous = FULL;                      -- an acknowledged row survives a power cut
  PRAGMA secure_delete = ON;                      -- what retention removes is overwritten, not only unlinked
  PRAGMA journal_size_limit = ${LOG_BYTES_MAX};
`;

if (parentPort === null) throw new Error("sqlite-worker.ts is the inside of a thread; use SqliteThread");
const port = parentPort;
const { path, mode } = workerData as SqliteThreadData;
let database: DatabaseSync | null = null;

port.on("message", (request: SqliteRequest) => {
  if (request.kind === "close") {
    database?.close();
    port.close();
    return;
  }
  port.postMessage(answer(request));
});

function answer(request: Extract<SqliteRequest, { kind: "run" }>): SqliteReply {
  try {
    database ??= open();
    const statement = database.prepare(request.sql);
    if (statement.columns().length > 0) {
      return { id: request.id, rows: statement.all(...request.parameters), changes: 0 };
    }
    return { id: request.id, rows: [], changes: Number(statement.run(...request.parameters).changes) };
  } catch (error) {
    const { message, code, errcode } = error as Error & { code?: string; errcode?: number };
    return { id: request.id, failure: { message, code: code ?? null, errcode: errcode ?? null } };
  }
}

function open(): DatabaseSync {
  if (mode === "read") return new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS });

  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  // SQLite would make the file readable for everybody; it holds what members wrote.
  closeSync(openSync(path, "a", 0o600));
  const opened = new DatabaseSync(path, { enableForeignKeyConstraints: true, timeout: BUSY_TIMEOUT_MS });
  try {
    useWriteAheadLog(opened);
    opened.exec(PRAGMAS);
    return opened;
  } catch (error) {
    opened.close();
    throw error;
  }
}

/**
 * Readers never wait for the writer. The mode is kept in the file; setting it again does nothing. Of two processes that set it
 * at once SQLite turns one away without its busy wait, so the wait is here.
 */
function useWriteAheadLog(database: DatabaseSync): void {
  const untilMs = Date.now() + BUSY_TIMEOUT_MS;
  for (;;) {
    try {
      database.exec("PRAGMA journal_mode = WAL;");
      return;
    } catch (error) {
      const { errcode = 0 } = error as { errcode?: number };
      if ((errcode & 0xff) !== SQLITE_BUSY || Date.now() > untilMs) throw error;
      Atomics.wait(SLEEPER, 0, 0, 20);
    }
  }
}
