import type { Kysely, Transaction } from "kysely";
import type { Fixed, RecordTables } from "./schema.ts";

/** One row for each case that reviewers were told of in WeCom, whatever became of the telling. */
export interface CaseCardsTable {
  case_number: Fixed<string>;
  /** WeCom's id of the card; of a case in a digest, the one it would have had. */
  task_id: Fixed<string>;
  how: Fixed<"card" | "digest">;
  claimed_at_ms: Fixed<number>;
  /** Just before it was sent; from then on nobody else sends it. */
  attempted_at_ms: number | null;
  /** Null: on its way, or nobody knows whether it arrived. */
  sent_at_ms: number | null;
  /** Changes the card once within 72 h; null when there is none left. A secret: whoever has it and a token can use it. */
  response_code: string | null;
  /** The case's version on the card. */
  shows_version: number;
  /** 1: with buttons that can be pressed. */
  shows_open: number;
  /** When the operators' group was told that nobody decided it in time. */
  overdue_told_at_ms: number | null;
}

export interface CaseCardsDigestTable {
  one: Fixed<number>;
  last_at_ms: number;
}

type CardTables = { case_cards: CaseCardsTable; case_cards_digest: CaseCardsDigestTable };

export type CardDatabase = Kysely<RecordTables & CardTables>;

/** The same connection, with the tables of cards. */
export function withCards(db: Kysely<RecordTables> | Transaction<RecordTables>): CardDatabase {
  return db.withTables<CardTables>();
}
