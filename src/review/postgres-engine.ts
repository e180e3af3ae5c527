import { Kysely, PostgresDialect, type PostgresPool, type PostgresPoolClient, sql } from "kysely";
import pg from "pg";
import type { Secret } from "../base/secret.ts";
import { type Engine, EngineError, type Fault } from "./engine.ts";
import type { RecordTables } from "./schema.ts";

/** Writing is one batch at a time; the others are for the retention sweep and the readiness check beside it. */
const WRITE_CONNECTIONS_MAX = 3;
/** A console page asks a handful of questions at once; more connections would only take them from other replicas. */
const READ_CONNECTIONS_MAX = 5;
const CONNECT_TIMEOUT_MS = 5000;
/**
 * A server that went away without a word would hold a query for ever. Kept on our side, not as `statement_timeout` at
 * connection start: PgBouncer refuses such connections. The server undoes what we gave up, because it was never committed.
 */
const QUERY_TIMEOUT_MS = 15_000;
/** More callers than this waiting for a connection means that the database cannot keep up; they would only fill the memory. */
const WAITING_MAX = 100;
const IDLE_TIMEOUT_MS = 60_000;
/** Any number that nothing else in the database uses: "yingda" in bytes. */
const MIGRATION_LOCK = 0x79696e676461;
const CASES_LOCK = MIGRATION_LOCK + 1;

export function openPostgresEngine(databaseUrl: Secret): Engine {
  const writer = connect(databaseUrl, WRITE_CONNECTIONS_MAX);
  const reader = connect(databaseUrl, READ_CONNECTIONS_MAX);
  return {
    dialect: "postgres",
    place: placeOf(databaseUrl),
    writer,
    reader,
    async lockMigrations(transaction) {
      await sql`select pg_advisory_xact_lock(${MIGRATION_LOCK})`.execute(transaction);
      const encoding = await sql<{ server_encoding: string }>`show server_encoding`.execute(transaction);
      if (encoding.rows[0]?.server_encoding !== "UTF8") {
        throw new EngineError({
          kind: "operator",
          code: "record_store_encoding",
          message: "the database cannot hold Chinese text: create it with ENCODING 'UTF8'",
        });
      }
    },
    async lockCases(transaction) {
      await sql`select pg_advisory_xact_lock(${CASES_LOCK})`.execute(transaction);
    },
    skipsLockedRows: true,
    explain,
    async close() {
      await Promise.all([reader.destroy(), writer.destroy()]);
    },
  };
}

function connect(databaseUrl: Secret, connectionsMax: number): Kysely<RecordTables> {
  const pool = new pg.Pool({
    connectionString: databaseUrl.reveal(),
    application_name: "yingda",
    max: connectionsMax,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    keepAlive: true,
    types: { getTypeParser },
  });
  // Without listeners a connection lost between two statements would end the process; the next query meets the loss anyway.
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
  return new Kysely<RecordTables>({ dialect: new PostgresDialect({ pool: checked(pool) }) });
}

/** Times and counts are `bigint` in the database and numbers here; identifiers are text and stay strings. */
const getTypeParser: typeof pg.types.getTypeParser = (oid: number, format?: "text" | "binary") =>
  oid === pg.types.builtins.INT8 && format !== "binary" ? Number : pg.types.getTypeParser(oid, format);

/** The pool as Kysely sees it: bounded, and a connection that failed for another reason than the server's answer is not used again. */
function checked(pool: pg.Pool): PostgresPool {
  return {
    options: pool.options,
    end: () => pool.end(),
    async connect() {
      if (pool.waitingCount >= WAITING_MAX) {
        throw new EngineError({ kind: "away", message: `${WAITING_MAX} callers already wait for PostgreSQL` });
      }
      const client = await pool.connect();
      let failure: Error | null = null;
      const query = async (statement: string, parameters: readonly unknown[]) => {
        // A rollback after a timeout would wait behind the statement that hangs.
        if (failure !== null) throw failure;
        try {
          return await client.query(statement, [...parameters]);
        } catch (error) {
          if (!(error instanceof pg.DatabaseError)) failure = error as Error;
          throw error;
        }
      };
      return {
        // Kysely's type also promises cursors, which only `stream()` uses.
        query: query as unknown as PostgresPoolClient["query"],
        release: (destroy) => client.release(destroy === true || failure !== null),
      };
    },
  };
}

/** SQLSTATE classes, https://www.postgresql.org/docs/current/errcodes-appendix.html */
function explain(error: unknown): Fault {
  if (error instanceof EngineError) return error.fault;
  if (!(error instanceof pg.DatabaseError) || error.code === undefined) {
    const code = (error as NodeJS.ErrnoException).code;
    return { kind: "away", message: code ?? (error instanceof Error ? error.message : "an unforeseen failure") };
  }
  const sqlState = error.code;
  switch (sqlState.slice(0, 2)) {
    case "22": // data exception
    case "23": // integrity constraint
    case "54": // program limit, such as an index row that is too big
      // The server's message may quote the value; the rule's name does not.
      return { kind: "record", reason: `SQLSTATE ${sqlState} ${error.constraint ?? error.column ?? ""}`.trimEnd() };
    case "28": // password, pg_hba.conf
    case "3D": // no such database
      return {
        kind: "operator",
        code: "record_store_login",
        message: `it refused the login (SQLSTATE ${sqlState}); check user, password and database name in DATABASE_URL`,
      };
    case "42": // no such table, no right to it
      return {
        kind: "operator",
        code: "record_store_schema",
        message: `a statement was refused (SQLSTATE ${sqlState}); the tables must be the ones that this program made, and the user of DATABASE_URL must own them`,
      };
    default:
      return { kind: "away", message: `SQLSTATE ${sqlState}` };
  }
}

function placeOf(databaseUrl: Secret): string {
  const url = URL.parse(databaseUrl.reveal());
  return url === null ? "PostgreSQL" : `PostgreSQL at ${url.host}${url.pathname}`;
}
