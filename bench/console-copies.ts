import { sql } from "kysely";
import { caseNumberOf } from "../src/conversation/case-number.ts";
import type { Engine } from "../src/review/engine.ts";
import { sampleBucket } from "../src/review/second-reviews.ts";

/** Copies of everything that the store made of some records, by SQL, for the `console` benchmark. */

/** Rows of one statement. */
const MAPPED_AT_ONCE = 2_000;
/** Of the copies, the oldest: some conversations are in no others, as words of a season are. */
const EARLY_SHARE = 0.2;

/** Which number the copy of a flag has. */
export function copiedNumber(number: string, copy: number): string {
  return caseNumberOf(`${copy}:${number}`, "question");
}

/**
 * Copies all records that are there until there are at least so many flags, evenly over `spanMs` after them, and returns
 * how often. No other writer may be at work.
 */
export async function copyOriginals(engine: Engine, flagsWanted: number, spanMs: number): Promise<number> {
  const db = engine.writer;
  const early = "case when conversation_id like '%:bench-early:%' then 1 else 0 end";
  await sql`create table bench_turns (turn_id text primary key, early bigint)`.execute(db);
  await sql`insert into bench_turns select turn_id, ${sql.raw(early)} from turns`.execute(db);
  await sql`create table bench_copies (copy integer, old text, new text, bucket bigint, primary key (copy, old))`.execute(
    db,
  );
  const { rows: originals } = await sql<{ number: string; early: number }>`
    select case_number as number, early from flags join bench_turns on bench_turns.turn_id = flags.turn_id`.execute(db);
  const later = originals.filter((one) => one.early === 0).length;
  const inOneCopy = later + (originals.length - later) * EARLY_SHARE;
  const copies = Math.max(0, Math.ceil((flagsWanted - originals.length) / inOneCopy));
  const copiers = await Promise.all(COPIED.map((table) => copier(engine, table)));
  for (let copy = 1; copy <= copies; copy += 1) {
    const withEarly = copy <= Math.ceil(copies * EARLY_SHARE);
    const mapped = originals.filter((one) => withEarly || one.early === 0);
    for (let start = 0; start < mapped.length; start += MAPPED_AT_ONCE) {
      const rows = mapped.slice(start, start + MAPPED_AT_ONCE).map(({ number: old }) => {
        const number = copiedNumber(old, copy);
        return sql`(${sql.lit(copy)}, ${old}, ${number}, ${sql.lit(sampleBucket(number))})`;
      });
      await sql`insert into bench_copies (copy, old, new, bucket) values ${sql.join(rows)}`.execute(db);
    }
    // Whole minutes: times stay whole numbers, and the distances within a case what they were.
    const laterMs = Math.floor((copy / copies) * (spanMs / 60_000)) * 60_000;
    await db.transaction().execute(async (transaction) => {
      for (const statement of copiers) await sql.raw(statement({ copy, laterMs, withEarly })).execute(transaction);
      for (const statement of searchCopier(engine, copy)) await sql.raw(statement).execute(transaction);
    });
  }
  await sql`drop table bench_copies`.execute(db);
  await sql`drop table bench_turns`.execute(db);
  return copies;
}

interface Copy {
  copy: number;
  laterMs: number;
  withEarly: boolean;
}

interface Copied {
  table: string;
  key: "turn_id" | "case_number";
  /** Columns that hold numbers of flags or cases. */
  numbers: readonly string[];
}

/** In the order of their references. `case_changes` is filled by the triggers, as ever. */
const COPIED: readonly Copied[] = [
  { table: "turns", key: "turn_id", numbers: [] },
  { table: "cases", key: "case_number", numbers: ["case_number", "gravest_flag"] },
  { table: "flags", key: "case_number", numbers: ["case_number", "in_case"] },
  { table: "case_turns", key: "case_number", numbers: ["case_number"] },
  { table: "decisions", key: "case_number", numbers: ["case_number"] },
];
const SUFFIXED = new Set(["turn_id", "trace_id", "conversation_id", "group_id"]);

/** All columns, whatever they are called by then: numbers mapped, ids with the copy's number, times moved. */
async function copier(engine: Engine, { table, key, numbers }: Copied): Promise<(copy: Copy) => string> {
  const known = await engine.reader.introspection.getTables();
  const columns = known.find(({ name }) => name === table)?.columns.map(({ name }) => name) ?? [];
  if (columns.length === 0) throw new Error(`There is no table ${table}.`);
  return ({ copy, laterMs, withEarly }) => {
    const mapped = (column: string) => `(select new from bench_copies where copy = ${copy} and old = t.${column})`;
    const values = columns.map((column) => {
      if (numbers.includes(column)) return mapped(column);
      if (column === "sample_bucket")
        return `(select bucket from bench_copies where copy = ${copy} and old = t.${key})`;
      // An appeal names the case that it is about.
      if (column === "signals") return `replace(t.signals, t.in_case, ${mapped("in_case")})`;
      if (SUFFIXED.has(column)) return `t.${column} || ':${copy}'`;
      return column.endsWith("_ms") ? `t.${column} + ${laterMs}` : `t.${column}`;
    });
    const originals =
      key === "turn_id"
        ? `select turn_id from bench_turns${withEarly ? "" : " where early = 0"}`
        : `select old from bench_copies where copy = ${copy}`;
    return `insert into ${table} (${columns.join(", ")}) select ${values.join(", ")} from ${table} t where t.${key} in (${originals})`;
  };
}

function searchCopier({ dialect }: Engine, copy: number): string[] {
  const originals = `from flag_search t join bench_copies c on c.copy = ${copy} and c.old = t.flag_number`;
  if (dialect === "postgres") {
    return [`insert into flag_search (flag_number, grams) select c.new, t.grams ${originals}`];
  }
  return [
    `insert into flag_search (flag_number) select c.new ${originals}`,
    `insert into flag_grams (rowid, grams) select n.id, g.grams ${originals}
      join flag_search n on n.flag_number = c.new join flag_grams g on g.rowid = t.id`,
  ];
}
