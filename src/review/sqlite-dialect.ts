import type { SQLInputValue } from "node:sqlite";
import {
  CompiledQuery,
  type DatabaseConnection,
  type DatabaseIntrospector,
  type Dialect,
  type DialectAdapter,
  type Driver,
  type Kysely,
  type QueryCompiler,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import { EngineError } from "./engine.ts";
import type { SqliteThread } from "./sqlite-thread.ts";

/** More callers than this waiting for one connection means that it cannot keep up; queueing on would only fill the memory. */
const WAITING_MAX = 100;
/** The same patience as PostgreSQL's pool has. */
const WAIT_TIMEOUT_MS = 5000;

export interface SqliteThreadDialectConfig {
  open(): SqliteThread;
  /** Whether the connection that threw it may be used again; otherwise it is closed, and the next caller gets a new one. */
  survives(error: unknown): boolean;
}

/** Kysely over a `SqliteThread`: one connection, handed from caller to caller, each transaction begun with the write lock in hand. */
export class SqliteThreadDialect implements Dialect {
  readonly #config: SqliteThreadDialectConfig;

  constructor(config: SqliteThreadDialectConfig) {
    this.#config = config;
  }

  createDriver(): Driver {
    return new SqliteThreadDriver(this.#config);
  }

  createQueryCompiler(): QueryCompiler {
    return new SqliteQueryCompiler();
  }

  createAdapter(): DialectAdapter {
    return new QueueingAdapter();
  }

  createIntrospector(db: Kysely<unknown>): DatabaseIntrospector {
    return new SqliteIntrospector(db);
  }
}

/** Kysely's own queue for single connections has no limit, and stays locked for good when a connection cannot be opened. */
class QueueingAdapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true;
  }
}

class SqliteThreadDriver implements Driver {
  readonly #config: SqliteThreadDialectConfig;
  readonly #waiting: { start(): void; refuse(error: EngineError): void }[] = [];
  #thread: SqliteThread | null = null;
  #lent = false;
  #destroyed = false;

  constructor(config: SqliteThreadDialectConfig) {
    this.#config = config;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<SqliteConnection> {
    if (this.#destroyed) throw closed();
    if (this.#lent) await this.#wait();
    this.#lent = true;
    if (this.#thread === null || this.#thread.dead) this.#thread = this.#config.open();
    return new SqliteConnection(this.#thread, this.#config);
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    if (ours(connection).broken) {
      void this.#thread?.close();
      this.#thread = null;
    }
    const next = this.#waiting.shift();
    if (next === undefined) this.#lent = false;
    else next.start();
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    // A transaction that reads first and then wants the write lock fails at once when another process has it: no busy wait helps.
    await ours(connection).executeQuery(CompiledQuery.raw("begin immediate"));
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await ours(connection).executeQuery(CompiledQuery.raw("commit"));
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    // A broken connection is about to be closed, which undoes its transaction.
    if (!ours(connection).broken) await ours(connection).executeQuery(CompiledQuery.raw("rollback"));
  }

  async destroy(): Promise<void> {
    this.#destroyed = true;
    for (const waiting of this.#waiting.splice(0)) waiting.refuse(closed());
    // A transaction under way ends first; one that hangs is given up with its thread.
    if (this.#lent) await this.#wait().catch(() => undefined);
    await this.#thread?.close();
  }

  #wait(): Promise<void> {
    if (this.#waiting.length >= WAITING_MAX) {
      throw new EngineError({ kind: "away", message: `${WAITING_MAX} callers already wait for SQLite` });
    }
    return new Promise((resolve, reject) => {
      const waiting = {
        start: () => {
          clearTimeout(timer);
          resolve();
        },
        refuse: (error: EngineError) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(new EngineError({ kind: "away", message: `waited ${WAIT_TIMEOUT_MS} ms for SQLite` }));
      }, WAIT_TIMEOUT_MS);
      this.#waiting.push(waiting);
    });
  }
}

class SqliteConnection implements DatabaseConnection {
  readonly #thread: SqliteThread;
  readonly #config: SqliteThreadDialectConfig;
  broken = false;

  constructor(thread: SqliteThread, config: SqliteThreadDialectConfig) {
    this.#thread = thread;
    this.#config = config;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    try {
      const { rows, changes } = await this.#thread.run(query.sql, query.parameters as readonly SQLInputValue[]);
      return { rows: rows as R[], numAffectedRows: BigInt(changes) };
    } catch (error) {
      if (!this.#config.survives(error)) this.broken = true;
      throw error;
    }
  }

  // biome-ignore lint/correctness/useYield: the interface asks for a generator
  async *streamQuery(): AsyncIterableIterator<never> {
    throw new Error("SQLite answers are bounded and never streamed");
  }
}

function ours(connection: DatabaseConnection): SqliteConnection {
  if (!(connection instanceof SqliteConnection)) throw new Error("a connection of another driver");
  return connection;
}

function closed(): EngineError {
  return new EngineError({ kind: "away", message: "the record store is closed" });
}
