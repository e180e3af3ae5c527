import type { Migration } from "./migration.ts";

/** Which cases reviewers were told of in WeCom, and what their cards show; see card-queue.ts. */
export const CARDS: Migration = {
  name: "cards of cases",
  statements: [
    `create table case_cards (
      case_number text primary key references cases (case_number) on delete cascade,
      task_id text not null unique,
      how text not null,
      claimed_at_ms bigint not null,
      attempted_at_ms bigint,
      sent_at_ms bigint,
      response_code text,
      shows_version bigint not null,
      shows_open bigint not null,
      overdue_told_at_ms bigint
    )`,
    "create index case_cards_by_time on case_cards (claimed_at_ms)",
    "create index case_cards_to_change on case_cards (sent_at_ms) where response_code is not null",
    // One row: when the last digest was, and the lock under which cases are claimed.
    "create table case_cards_digest (one bigint primary key check (one = 1), last_at_ms bigint not null)",
    "insert into case_cards_digest (one, last_at_ms) values (1, 0)",
  ],
};
