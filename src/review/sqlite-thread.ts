import type { SQLInputValue } from "node:sqlite";
import { Worker } from "node:worker_threads";
import { EngineError } from "./engine.ts";

export interface SqliteThreadData {
  path: string;
  mode: "write" | "read";
}

export type SqliteRequest =
  | { kind: "run"; id: number; sql: string; parameters: readonly SQLInputValue[] }
  | { kind: "close" };

export interface SqliteResult {
  rows: unknown[];
  changes: number;
}

export type SqliteReply =
  | ({ id: number } & SqliteResult)
  | { id: number; failure: { message: string; code: string | null; errcode: number | null } };

/** SQLite's own error, as it came out of the thread. Its messages name tables and columns, never values. */
export class SqliteError extends Error {
  override name = "SqliteError";
  readonly code: string | null;
  /** The extended result code; null when the file system refused before SQLite was asked. */
  readonly errcode: number | null;

  constructor(failure: { message: string; code: string | null; errcode: number | null }) {
    super(failure.message);
    this.code = failure.code;
    this.errcode = failure.errcode;
  }
}

/** Longer than the busy wait inside; a statement past it hangs on the disk, and whoever waits for it shall not. */
const STATEMENT_TIMEOUT_MS = 15_000;
const CLOSE_TIMEOUT_MS = 5000;

interface Pending {
  resolve(result: SqliteResult): void;
  reject(error: Error): void;
  timer: NodeJS.Timeout;
}

/**
 * One SQLite connection in a thread of its own. `node:sqlite` is synchronous: on the main thread every fsync, and every
 * wait for another process's lock, would hold up the callbacks that WeCom wants answered.
 * A thread dies once and stays dead: whatever fails to answer is over, and its open transaction with it.
 */
export class SqliteThread {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  readonly #exited: Promise<void>;
  readonly #timeoutMs: number;
  #lastId = 0;
  #death: EngineError | null = null;

  constructor(data: SqliteThreadData, timeoutMs = STATEMENT_TIMEOUT_MS) {
    this.#timeoutMs = timeoutMs;
    this.#worker = new Worker(new URL("./sqlite-worker.ts", import.meta.url), { workerData: data });
    this.#worker.unref();
    this.#worker.on("message", (reply: SqliteReply) => this.#settle(reply));
    this.#worker.on("error", (error) => this.#die(`it failed (${error.name})`));
    this.#exited = new Promise((resolve) => {
      this.#worker.on("exit", () => {
        this.#die("it ended");
        resolve();
      });
    });
  }

  get dead(): boolean {
    return this.#death !== null;
  }

  /** Runs one statement. Throws SqliteError, or EngineError when the thread does not answer in time or has died. */
  run(sql: string, parameters: readonly SQLInputValue[]): Promise<SqliteResult> {
    if (this.#death !== null) return Promise.reject(this.#death);
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      this.#worker.postMessage({ kind: "run", id, sql, parameters } satisfies SqliteRequest);
      const timer = setTimeout(() => {
        this.#die(`no answer within ${this.#timeoutMs} ms`);
        void this.#worker.terminate();
      }, this.#timeoutMs);
      this.#pending.set(id, { resolve, reject, timer });
      // A process must not end between a write and its answer, and must not stay for an idle thread.
      this.#worker.ref();
    });
  }

  /** Lets what was asked before finish, closes the file, ends the thread; gives up waiting for it after 5 s. */
  async close(): Promise<void> {
    if (!this.dead) this.#worker.postMessage({ kind: "close" } satisfies SqliteRequest);
    const { promise: overdue, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
    await Promise.race([this.#exited, overdue]);
    clearTimeout(timer);
    void this.#worker.terminate();
  }

  #settle(reply: SqliteReply): void {
    const pending = this.#take(reply.id);
    if (pending === undefined) return;
    if ("failure" in reply) pending.reject(new SqliteError(reply.failure));
    else pending.resolve(reply);
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    if (pending === undefined) return undefined;
    clearTimeout(pending.timer);
    this.#pending.delete(id);
    if (this.#pending.size === 0) this.#worker.unref();
    return pending;
  }

  #die(why: string): void {
    this.#death ??= new EngineError({ kind: "away", message: `the SQLite thread is gone: ${why}` });
    for (const id of [...this.#pending.keys()]) this.#take(id)?.reject(this.#death);
  }
}
