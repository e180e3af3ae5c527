import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { Kysely, sql } from "kysely";
import { SqliteThreadDialect } from "../../src/review/sqlite-dialect.ts";
import { SqliteError, SqliteThread } from "../../src/review/sqlite-thread.ts";

jest.setTimeout(30_000);

/** Takes about a second, and ends by itself: a statement inside SQLite cannot be interrupted. */
const SLOW = `with recursive n(i) as (select 1 union all select i + 1 from n limit 5000000) select count(*) from n`;

describe("a SQLite thread", () => {
  let dataDir: string;
  let threads: SqliteThread[];

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "yingda-thread-"));
    threads = [];
  });

  afterEach(async () => {
    for (const thread of threads) await thread.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  function open(timeoutMs?: number): SqliteThread {
    const thread = new SqliteThread({ path: join(dataDir, "records.sqlite"), mode: "write" }, timeoutMs);
    threads.push(thread);
    return thread;
  }

  test("answers in order, each with its own rows or its own error", async () => {
    const thread = open();
    const [made, first, broken, found] = await Promise.allSettled([
      thread.run("create table t (a text unique, b integer)", []),
      thread.run("insert into t values (?, ?), (?, ?)", ["x", 1, "y", null]),
      thread.run("insert into t values (?, ?)", ["x", 2]),
      thread.run("select * from t order by a", []),
    ]);
    expect(made?.status).toBe("fulfilled");
    expect(first).toMatchObject({ value: { changes: 2, rows: [] } });
    expect(broken).toMatchObject({ reason: expect.any(SqliteError) });
    expect(found).toMatchObject({
      value: {
        rows: [
          { a: "x", b: 1 },
          { a: "y", b: null },
        ],
      },
    });
  });

  test("writes with full durability, foreign keys and overwriting of what is deleted", async () => {
    const thread = open();
    const settings = ["journal_mode", "synchronous", "foreign_keys", "secure_delete"];
    const values = await Promise.all(settings.map((name) => thread.run(`pragma ${name}`, [])));
    expect(values.map(({ rows }) => Object.values(rows[0] ?? {})[0])).toEqual(["wal", 2, 1, 1]);
  });

  test("that does not answer in time lets its callers go at once, and stays dead", async () => {
    const thread = open(300);
    await thread.run("create table t (a text)", []);
    const [slow, behind] = await Promise.allSettled([
      thread.run(SLOW, []),
      thread.run("insert into t values ('late')", []),
    ]);
    const gone = {
      status: "rejected",
      reason: { fault: { kind: "away", message: expect.stringContaining("300 ms") } },
    };
    expect(slow).toMatchObject(gone);
    expect(behind).toMatchObject(gone);
    expect(thread.dead).toBe(true);
    await expect(thread.run("select 1", [])).rejects.toMatchObject({ name: "EngineError" });
    await thread.close();
    expect((await open().run("select count(*) as n from t", [])).rows).toEqual([{ n: 0 }]);
  });

  test("that died is replaced for the next caller, and its open transaction is undone", async () => {
    const db = new Kysely<{ t: { a: string } }>({
      dialect: new SqliteThreadDialect({ open: () => open(300), survives: () => true }),
    });
    await sql`create table t (a text)`.execute(db);
    const transaction = db.transaction().execute(async (trx) => {
      await trx.insertInto("t").values({ a: "half" }).execute();
      await sql.raw(SLOW).execute(trx);
    });
    await expect(transaction).rejects.toMatchObject({ fault: { kind: "away" } });
    expect(await db.selectFrom("t").selectAll().execute()).toEqual([]);
    expect(threads).toHaveLength(2);
    await db.destroy();
  });

  test("a transaction has the write lock from its first moment, so reading before writing cannot fail it", async () => {
    const db = new Kysely<{ t: { a: string } }>({
      dialect: new SqliteThreadDialect({ open: () => open(), survives: () => true }),
    });
    await sql`create table t (a text)`.execute(db);
    const other = new DatabaseSync(join(dataDir, "records.sqlite"), { timeout: 0 });
    await db.transaction().execute(async (transaction) => {
      await transaction.selectFrom("t").selectAll().execute();
      expect(() => other.exec("insert into t values ('between')")).toThrow("locked");
      await transaction.insertInto("t").values({ a: "mine" }).execute();
    });
    other.exec("insert into t values ('after')");
    other.close();
    expect(await db.selectFrom("t").select("a").execute()).toEqual([{ a: "mine" }, { a: "after" }]);
    await db.destroy();
  });

  test("a parameter that no thread can be sent fails its statement only", async () => {
    const thread = open();
    const unsendable = Symbol("not a value") as unknown as string;
    await expect(thread.run("select ?", [unsendable])).rejects.toThrow();
    expect((await thread.run("select 1 as one", [])).rows).toEqual([{ one: 1 }]);
  });

  test("finishes what was asked before it closes", async () => {
    const thread = open();
    const made = thread.run("create table t (a text)", []);
    const written = thread.run("insert into t values ('kept')", []);
    await thread.close();
    await expect(Promise.all([made, written])).resolves.toHaveLength(2);
    await expect(thread.run("select 1", [])).rejects.toMatchObject({ name: "EngineError" });
    expect((await open().run("select a from t", [])).rows).toEqual([{ a: "kept" }]);
  });
});
