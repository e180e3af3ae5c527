import { type Kysely, sql, type Transaction } from "kysely";
import type { Clock } from "../base/clock.ts";
import { type Engine, EngineError } from "./engine.ts";
import type { Migration } from "./migration.ts";
import { CARDS } from "./migration-cards.ts";
import { CASES } from "./migration-cases.ts";
import { CONSOLE } from "./migration-console.ts";
import { RECORDS } from "./migration-records.ts";
import { SEARCH } from "./migration-search.ts";
import type { RecordTables } from "./schema.ts";

/**
 * In order; the version of a schema is the number of migrations it has seen. Append only, and only what the code before it
 * can live with: during an update, old and new processes write side by side.
 */
const MIGRATIONS: Migration[] = [RECORDS, CASES, SEARCH, CONSOLE, CARDS];

/**
 * Brings the schema up to this code's version, in one transaction: two processes that start at once migrate once.
 * Refuses a schema that is newer than the code, because this code does not know what its columns have come to mean.
 */
export async function migrate(engine: Engine, clock: Clock): Promise<void> {
  await engine.writer.transaction().execute(async (transaction) => {
    await engine.lockMigrations(transaction);
    await transaction.schema
      .createTable("schema_migrations")
      .ifNotExists()
      .addColumn("version", "integer", (column) => column.primaryKey())
      .addColumn("name", "text", (column) => column.notNull())
      .addColumn("applied_at_ms", "bigint", (column) => column.notNull())
      .execute();
    const found = await schemaVersion(transaction);
    if (found > MIGRATIONS.length) throw newerSchema(found);
    for (const [index, migration] of MIGRATIONS.entries()) {
      if (index < found) continue;
      for (const statement of migration.statements) {
        if (typeof statement === "string") await sql.raw(statement).execute(transaction);
        else if (statement.only === engine.dialect) await sql.raw(statement.sql).execute(transaction);
      }
      await transaction
        .insertInto("schema_migrations")
        .values({ version: index + 1, name: migration.name, applied_at_ms: clock.nowMs() })
        .execute();
    }
  });
}

/** Also the cheapest question that the database itself, not only its connection, has to answer. */
export async function schemaVersion(db: Kysely<RecordTables> | Transaction<RecordTables>): Promise<number> {
  const row = await db
    .selectFrom("schema_migrations")
    .select((eb) => eb.fn.max("version").as("version"))
    .executeTakeFirst();
  return row?.version ?? 0;
}

function newerSchema(found: number): EngineError {
  return new EngineError({
    kind: "operator",
    code: "record_schema_newer",
    message:
      `its schema is version ${found}, this program knows ${MIGRATIONS.length}: a newer version of the program has been here. ` +
      "Update this one, or restore the backup made before that update",
  });
}
