import type { ColumnType, Kysely } from "kysely";
import type { CaseTables } from "./case-schema.ts";
import type { FeedbackRecord, FlagRecord, TurnRecord } from "./records.ts";

/** A column that is written once and never updated. */
export type Fixed<T> = ColumnType<T, T, never>;

/**
 * `*_units` columns hold the length of the text as it was written by the member or the model, in UTF-16 code units. They
 * tell a text that was cut on its way in, and remain when retention has emptied the text itself.
 */
export interface TurnsTable {
  turn_id: Fixed<string>;
  trace_id: Fixed<string>;
  conversation_id: Fixed<string>;
  channel: Fixed<TurnRecord["channel"]>;
  group_id: Fixed<string | null>;
  user_id: Fixed<string>;
  outcome: Fixed<TurnRecord["outcome"]>;
  question: string;
  question_units: Fixed<number>;
  /** Null in rows of a program that masked nothing. */
  question_masked: Fixed<string | null>;
  answer: string;
  answer_units: Fixed<number>;
  answer_masked: Fixed<string | null>;
  error_code: Fixed<string | null>;
  model: Fixed<string | null>;
  endpoint: Fixed<string | null>;
  prompt_tokens: Fixed<number | null>;
  answer_tokens: Fixed<number | null>;
  attempts: Fixed<number>;
  received_at_ms: Fixed<number>;
  started_at_ms: Fixed<number>;
  first_token_at_ms: Fixed<number | null>;
  finished_at_ms: Fixed<number>;
  policy_version: Fixed<string>;
  feedback_id: Fixed<string | null>;
  /** When retention emptied the texts; null while they are there. */
  masked_at_ms: number | null;
}

export interface FlagsTable {
  case_number: Fixed<string>;
  turn_id: Fixed<string>;
  direction: Fixed<FlagRecord["direction"]>;
  severity: Fixed<FlagRecord["severity"]>;
  action: Fixed<string>;
  /** JSON array of strings. */
  categories: Fixed<string>;
  /**
   * JSON array of `RecordedSignal`. Not a table of its own: signals are written once, with their flag, and read only
   * with it; a table would multiply the rows of every write for no query that exists.
   */
  signals: Fixed<string>;
  policy_version: Fixed<string>;
  text: string;
  text_units: Fixed<number>;
  /** Null in rows of a program that masked nothing. */
  text_masked: Fixed<string | null>;
  confidence: Fixed<number>;
  audience: Fixed<NonNullable<FlagRecord["audience"]> | null>;
  /** The case it belongs to; null between its row and its case, which an older program leaves to the sweep. */
  in_case: string | null;
  /** As it was written, for programs older than cases: where a flag stands is its case's to say. */
  status: Fixed<"new">;
  /** When the turn that raised it was finished. */
  raised_at_ms: Fixed<number>;
  masked_at_ms: number | null;
}

export interface FeedbackTable {
  event_id: Fixed<string>;
  feedback_id: Fixed<string>;
  user_id: Fixed<string>;
  verdict: Fixed<FeedbackRecord["verdict"]>;
  /** JSON array of strings. */
  reasons: Fixed<string>;
  comment: string;
  comment_units: Fixed<number>;
  at_ms: Fixed<number>;
  masked_at_ms: number | null;
}

export interface SchemaMigrationsTable {
  version: number;
  name: string;
  applied_at_ms: number;
}

export interface RecordTables extends CaseTables {
  turns: TurnsTable;
  flags: FlagsTable;
  feedback: FeedbackTable;
  schema_migrations: SchemaMigrationsTable;
}

export type RecordDatabase = Kysely<RecordTables>;
