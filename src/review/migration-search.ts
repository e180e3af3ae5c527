import type { Migration } from "./migration.ts";

/** See grams.ts and case-search.ts. A flag's entry goes when the flag goes. */
export const SEARCH: Migration = {
  name: "search",
  statements: [
    {
      only: "sqlite",
      sql: `create table flag_search (
        id integer primary key,
        flag_number text not null unique references flags (case_number) on delete cascade
      )`,
    },
    // `ascii`: our pieces are words as they are, also those of scripts that SQLite's own tables do not know yet.
    // With its own copy of the pieces: without it SQLite only notes what was deleted, and forgets it with some later merge.
    {
      only: "sqlite",
      sql: "create virtual table flag_grams using fts5(grams, tokenize = 'ascii')",
    },
    // What is deleted leaves the index at once.
    { only: "sqlite", sql: "insert into flag_grams (flag_grams, rank) values ('secure-delete', 1)" },
    {
      only: "sqlite",
      sql: "create trigger flag_grams_go after delete on flag_search begin delete from flag_grams where rowid = old.id; end",
    },
    {
      only: "postgres",
      sql: `create table flag_search (
        flag_number text primary key references flags (case_number) on delete cascade,
        grams tsvector not null
      )`,
    },
    { only: "postgres", sql: "create index flag_search_by_gram on flag_search using gin (grams)" },
  ],
};
