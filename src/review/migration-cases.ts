import { OPEN_CASES } from "./case-queries.ts";
import type { Migration } from "./migration.ts";

const IMMUTABLE_AUDIT: Migration["statements"] = [
  {
    only: "sqlite",
    sql: "create trigger audit_keeps_rows before update on audit begin select raise(abort, 'audit rows are never changed'); end",
  },
  {
    only: "sqlite",
    sql: "create trigger audit_loses_none before delete on audit begin select raise(abort, 'audit rows are never deleted'); end",
  },
  {
    only: "postgres",
    sql: "create function audit_is_append_only() returns trigger language plpgsql as $$ begin raise exception 'audit rows are never changed or deleted'; end $$",
  },
  {
    only: "postgres",
    sql: "create trigger audit_keeps_rows before update or delete or truncate on audit for each statement execute function audit_is_append_only()",
  },
];

export const CASES: Migration = {
  name: "cases, decisions, audit",
  statements: [
    `create table cases (
      case_number text primary key,
      conversation_id text not null,
      channel text not null,
      group_id text,
      user_id text not null,
      audience text,
      severity text not null,
      gravest_flag text not null,
      action text not null,
      categories text not null,
      score double precision not null,
      flag_count bigint not null,
      appeal_count bigint not null,
      first_raised_at_ms bigint not null,
      last_raised_at_ms bigint not null,
      version bigint not null,
      status text not null,
      resolution text,
      assignee text,
      claim_until_ms bigint,
      due_at_ms bigint not null,
      escalation_level bigint not null,
      escalated_to text,
      snoozed_until_ms bigint,
      pending_resolution text,
      pending_by text,
      decided_by text,
      decided_at_ms bigint,
      appeal_decided_at_ms bigint,
      first_claimed_at_ms bigint,
      sample_bucket bigint not null
    )`,
    // Both engines use a partial index only where the query repeats its condition word for word.
    `create index cases_to_claim on cases (severity, due_at_ms, score desc, case_number) where ${OPEN_CASES}`,
    `create index cases_due on cases (due_at_ms) where ${OPEN_CASES}`,
    "create index cases_by_urgency on cases (severity, due_at_ms, score desc, case_number)",
    "create index cases_claimed on cases (claim_until_ms) where status = 'claimed'",
    "create index cases_resolved on cases (decided_at_ms) where status = 'resolved'",
    "create index cases_snoozed on cases (snoozed_until_ms) where status = 'snoozed'",
    // Covers the counts. Status is not first: SQLite would take it for the queue, and sort all of it.
    "create index cases_by_kind on cases (severity, status, due_at_ms)",
    "create index cases_by_time on cases (last_raised_at_ms, case_number)",
    "create index cases_by_score on cases (score, case_number)",
    "create index cases_by_user on cases (lower(user_id), last_raised_at_ms)",
    "create index cases_by_conversation on cases (conversation_id, last_raised_at_ms)",

    "alter table turns add column question_masked text",
    "alter table turns add column answer_masked text",
    "alter table flags add column text_masked text",
    "alter table flags add column confidence double precision not null default 0",
    "alter table flags add column audience text",
    "alter table flags add column in_case text references cases (case_number)",
    "create index flags_by_case on flags (in_case, raised_at_ms)",
    "create index flags_without_case on flags (raised_at_ms) where in_case is null",

    `create table decisions (
      case_number text not null references cases (case_number) on delete cascade,
      version bigint not null,
      move text not null,
      from_status text not null,
      to_status text not null,
      resolution text,
      reason text not null,
      note text not null,
      by_user text not null,
      at_ms bigint not null,
      state_before text not null,
      undoes_version bigint,
      batch_id text,
      primary key (case_number, version)
    )`,
    "create index decisions_by_time on decisions (at_ms)",
    `create table case_notes (
      case_number text not null references cases (case_number) on delete cascade,
      number bigint not null,
      by_user text not null,
      at_ms bigint not null,
      text text not null,
      primary key (case_number, number)
    )`,
    `create table case_turns (
      case_number text not null references cases (case_number) on delete cascade,
      turn_id text not null,
      trace_id text not null,
      user_id text not null,
      outcome text not null,
      model text,
      policy_version text not null,
      received_at_ms bigint not null,
      question text not null,
      question_masked text,
      answer text not null,
      answer_masked text,
      masked_at_ms bigint,
      primary key (case_number, turn_id)
    )`,
    "create index case_turns_by_user on case_turns (lower(user_id))",
    "create index case_turns_by_time on case_turns (received_at_ms)",
    "create index case_turns_with_text on case_turns (received_at_ms) where masked_at_ms is null",
    "create index feedback_by_user on feedback (lower(user_id), at_ms)",

    `create table restrictions (
      restriction_id text primary key,
      user_id text not null,
      kind text not null,
      until_ms bigint,
      case_number text,
      reason text not null,
      by_user text not null,
      at_ms bigint not null,
      lifted_at_ms bigint,
      lifted_by text,
      lift_reason text
    )`,
    "create index restrictions_by_user on restrictions (lower(user_id), at_ms)",
    "create index restrictions_in_force on restrictions (at_ms) where lifted_at_ms is null",
    `create table legal_holds (
      hold_id text primary key,
      subject_kind text not null,
      subject text not null,
      reason text not null,
      by_user text not null,
      at_ms bigint not null,
      lifted_at_ms bigint,
      lifted_by text
    )`,
    "create index legal_holds_in_force on legal_holds (subject_kind, subject) where lifted_at_ms is null",

    `create table second_reviews (
      case_number text primary key references cases (case_number) on delete cascade,
      by_user text not null,
      at_ms bigint not null,
      resolution text not null,
      first_resolution text not null,
      categories text not null
    )`,
    "create index second_reviews_by_time on second_reviews (at_ms)",

    `create table audit (
      seq bigint primary key,
      at_ms bigint not null,
      by_user text not null,
      action text not null,
      subject text not null,
      details text not null,
      prev_hash text not null,
      hash text not null
    )`,
    "create index audit_by_time on audit (at_ms)",
    "create index audit_by_subject on audit (subject, seq)",
    "create table audit_head (one bigint primary key check (one = 1), seq bigint not null, hash text not null)",
    "insert into audit_head (one, seq, hash) values (1, 0, '')",
    ...IMMUTABLE_AUDIT,
  ],
};
