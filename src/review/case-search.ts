import { type RawBuilder, sql, type Transaction } from "kysely";
import type { Engine } from "./engine.ts";
import { type GramPhrase, gramsOf, phrasesOf } from "./grams.ts";
import type { RecordTables } from "./schema.ts";

export interface SearchedText {
  flagNumber: string;
  /** Masked. */
  text: string;
}

/** Makes flags findable by what they are about. In the transaction that wrote them. */
export async function addToSearch(
  transaction: Transaction<RecordTables>,
  dialect: Engine["dialect"],
  { flagNumber, text }: SearchedText,
): Promise<void> {
  const grams = gramsOf(text);
  if (dialect === "postgres") {
    // Spelt out, because the server's own parser cuts Chinese in ways that depend on its locale.
    const vector = grams.map((gram, index) => `'${gram}':${index + 1}`).join(" ");
    await sql`insert into flag_search (flag_number, grams) values (${flagNumber}, ${vector}::tsvector)
      on conflict (flag_number) do nothing`.execute(transaction);
    return;
  }
  const added = await sql<{ id: number }>`insert into flag_search (flag_number) values (${flagNumber})
    on conflict (flag_number) do nothing returning id`.execute(transaction);
  const [row] = added.rows;
  if (row === undefined) return;
  await sql`insert into flag_grams (rowid, grams) values (${row.id}, ${grams.join(" ")})`.execute(transaction);
}

/**
 * A condition on `cases`: one of its flags has all the words of the query, each as it stands there. Words of scripts with
 * spaces are found by their beginning. A query without letters or digits finds nothing.
 */
export function searchCondition(dialect: Engine["dialect"], query: string): RawBuilder<boolean> {
  const phrases = phrasesOf(query);
  if (phrases.length === 0) return sql<boolean>`1 = 0`;
  const flags =
    dialect === "postgres"
      ? // The fence keeps the planner at the index; else it walks the cases in their order and tries each one's words.
        sql`select flag_number from flag_search where grams @@ ${phrases.map(tsquery).join(" & ")}::tsquery offset 0`
      : sql`select flag_number from flag_search where id in
          (select rowid from flag_grams where flag_grams match ${phrases.map(fts5).join(" AND ")})`;
  return sql<boolean>`cases.case_number in (select in_case from flags where case_number in (${flags}))`;
}

function tsquery({ grams, lastIsPrefix }: GramPhrase): string {
  const last = grams.length - 1;
  return `(${grams.map((gram, index) => `'${gram}'${lastIsPrefix && index === last ? ":*" : ""}`).join(" <-> ")})`;
}

function fts5({ grams, lastIsPrefix }: GramPhrase): string {
  return `"${grams.join(" ")}"${lastIsPrefix ? " *" : ""}`;
}
