import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import type { PrivatePostgres } from "../support/private-postgres.ts";

/** A fresh, empty database of one test. */
export interface RecordPlace {
  databaseUrl: string | null;
  dataDir: string;
  /** The database answers nobody, until `back`. */
  away(): Promise<void>;
  back(): Promise<void>;
  /** What an operator does with a SQL shell. */
  sql(statement: string): Promise<Record<string, unknown>[]>;
  /** Drops whatever is in the database. */
  empty(): Promise<void>;
  dispose(): Promise<void>;
}

/** "Away" is another program that holds the file, as a backup tool or a hanging process does. */
export async function openSqlitePlace(): Promise<RecordPlace> {
  const dataDir = await mkdtemp(join(tmpdir(), "yingda-records-"));
  const path = join(dataDir, "records.sqlite");
  let holder: DatabaseSync | null = null;
  return {
    databaseUrl: null,
    dataDir,
    async away() {
      holder = new DatabaseSync(path, { timeout: 5000 });
      holder.exec("begin exclusive");
    },
    async back() {
      holder?.close();
      holder = null;
    },
    async sql(statement) {
      const shell = new DatabaseSync(path, { timeout: 5000 });
      try {
        return shell
          .prepare(statement)
          .all()
          .map((row) => ({ ...row }));
      } finally {
        shell.close();
      }
    },
    async empty() {
      const shell = new DatabaseSync(path, { timeout: 5000, enableForeignKeyConstraints: false });
      // Virtual tables take the tables that they are made of along.
      const tables = shell.prepare(
        "select name from sqlite_master where type = 'table' order by sql not like '%virtual%'",
      );
      for (const { name } of tables.all()) shell.exec(`drop table if exists "${name}"`);
      shell.close();
    },
    async dispose() {
      holder?.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** "Away" is a server that crashed: nothing is written on its way out, and it recovers from its log when it is back. */
export async function openPostgresPlace(running: PrivatePostgres, options = "encoding 'UTF8'"): Promise<RecordPlace> {
  const name = `records_${randomBytes(6).toString("hex")}`;
  const url = new URL(running.url);
  url.pathname = name;
  await query(running.url, `create database ${name} template template0 ${options}`);
  // The test server gives a commit up to half a second before it reaches the log; ours in production does not.
  await query(running.url, `alter database ${name} set synchronous_commit = on`);
  return {
    databaseUrl: url.href,
    dataDir: join(tmpdir(), "never-made"),
    away: () => running.kill("SIGQUIT"),
    back: () => running.restart(),
    sql: (statement) => query(url.href, statement),
    async empty() {
      await query(url.href, "drop schema public cascade");
      await query(url.href, "create schema public");
    },
    async dispose() {
      await query(running.url, `drop database ${name} with (force)`);
    },
  };
}

async function query(url: string, statement: string): Promise<Record<string, unknown>[]> {
  const types = { getTypeParser: (oid: number) => (oid === pg.types.builtins.INT8 ? Number : String) };
  const client = new pg.Client({ connectionString: url, types });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(statement)).rows;
  } finally {
    await client.end();
  }
}
