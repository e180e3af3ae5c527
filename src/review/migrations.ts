import { type Kysely, sql, type Transaction } from "kysely";
import type { Clock } from "../base/clock.ts";
import { type Engine, EngineError } from "./engine.ts";
import type { RecordTables } from "./schema.ts";

interface Migration {
  name: string;
  /** Plain SQL that both engines understand, one statement an entry. */
  statements: string[];
}

/**
 * In order; the version of a schema is the number of migrations it has seen. Append only, and only what the code before
 * it can live with: during an update, old and new processes write side by side.
 */
const MIGRATIONS: Migration[] = [
  {
    name: "turns, flags, feedback",
    statements: [
      `create table turns (
        turn_id text primary key,
        trace_id text not null,
        conversation_id text not null,
        channel text not null,
        group_id text,
        user_id text not null,
        outcome text not null,
        question text not null,
        question_units bigint not null,
        answer text not null,
        answer_units bigint not null,
        error_code text,
        model text,
        endpoint text,
        prompt_tokens bigint,
        answer_tokens bigint,
        attempts bigint not null,
        received_at_ms bigint not null,
        started_at_ms bigint not null,
        first_token_at_ms bigint,
        finished_at_ms bigint not null,
        policy_version text not null,
        feedback_id text,
        masked_at_ms bigint
      )`,
      "create index turns_by_conversation on turns (conversation_id, received_at_ms)",
      // WeCom treats userids without regard to case.
      "create index turns_by_user on turns (lower(user_id), received_at_ms)",
      "create index turns_by_feedback on turns (feedback_id) where feedback_id is not null",
      "create index turns_by_time on turns (received_at_ms)",
      "create index turns_with_text on turns (received_at_ms) where masked_at_ms is null",
      // The pair is what a repeated write runs into; the number alone is what two turns may never share.
      `create table flags (
        case_number text primary key,
        turn_id text not null references turns (turn_id) on delete cascade,
        direction text not null,
        severity text not null,
        action text not null,
        categories text not null,
        signals text not null,
        policy_version text not null,
        text text not null,
        text_units bigint not null,
        status text not null,
        raised_at_ms bigint not null,
        masked_at_ms bigint,
        unique (turn_id, case_number)
      )`,
      "create index flags_by_queue on flags (status, severity, raised_at_ms)",
      "create index flags_by_time on flags (raised_at_ms)",
      `create table feedback (
        event_id text primary key,
        feedback_id text not null,
        user_id text not null,
        verdict text not null,
        reasons text not null,
        comment text not null,
        comment_units bigint not null,
        at_ms bigint not null,
        masked_at_ms bigint
      )`,
      "create index feedback_by_feedback_id on feedback (feedback_id, at_ms)",
      "create index feedback_by_time on feedback (at_ms)",
      "create index feedback_with_text on feedback (at_ms) where masked_at_ms is null",
    ],
  },
];

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
      for (const statement of migration.statements) await sql.raw(statement).execute(transaction);
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
