import { isDeepStrictEqual } from "node:util";
import { sql } from "kysely";
import { type Clock, systemClock } from "../src/base/clock.ts";
import type { Secret } from "../src/base/secret.ts";
import type { Engine } from "../src/review/engine.ts";
import { openPostgresEngine } from "../src/review/postgres-engine.ts";
import { openRecordStore, type SqlRecordStore } from "../src/review/record-store.ts";
import type { TurnRecord } from "../src/review/records.ts";
import { openSqliteEngine } from "../src/review/sqlite-engine.ts";
import { copiedNumber, copyOriginals } from "./console-copies.ts";
import { appealOf, conversationOf, MEMBERS, timeOf } from "./console-records.ts";

/**
 * Fills a database for the `console` benchmark. The store itself writes and decides the first two thousand flags; SQL
 * copies what it left, under new numbers and at later times, until there are as many as asked for. A sample of the copies
 * is then compared with what the store makes of the same records. Turns without flags are made by SQL alone. Copies have
 * no rows of their own in the audit log, whose chain only the store can make; and what an undo would bring back keeps the
 * times of the original. Neither is read by what is measured.
 */

export interface Place {
  /** Null: SQLite in `dataDir`. */
  databaseUrl: Secret | null;
  dataDir: string;
}

/** Flags that the store writes by its own code, one statement after the other. */
const ORIGINALS_MAX = 2_000;
const BATCH_RECORDS = 500;
const DECIDED_AT_ONCE = 100;
/** Rows of one statement, so that none comes near the store's time limit. */
const ROWS_AT_ONCE = 25_000;
/** Within what a policy keeps unmasked, so that retention has nothing to do. */
const SPAN_MS = 28 * 86_400_000;
const SAMPLE_CONVERSATIONS = 40;

export interface Seeded {
  flags: number;
  cases: number;
  turns: number;
  /** How often the originals were copied. */
  copies: number;
  tookMs: number;
  /** Of them, the time of the store's own code. */
  originalsMs: number;
}

export async function seed(place: Place, wanted: { flags: number; turns: number }): Promise<Seeded> {
  const startMs = performance.now();
  const nowMs = Date.now();
  const firstDayMs = nowMs - SPAN_MS;
  const originals = conversationsWith(Math.min(ORIGINALS_MAX, wanted.flags), firstDayMs);
  await writeOriginals(place, originals, firstDayMs);
  const originalsMs = performance.now() - startMs;
  const engine = openEngine(place);
  try {
    const copies = await copyOriginals(engine, wanted.flags, SPAN_MS);
    const [before] = await counted(engine);
    await addPlainTurns(engine, wanted.turns - (before?.turns ?? 0), nowMs);
    const [after] = await counted(engine);
    if (after === undefined) throw new Error("The database counts nothing.");
    return { ...after, copies, tookMs: performance.now() - startMs, originalsMs };
  } finally {
    await engine.close();
  }
}

/**
 * Whether the first copies are what the store makes of the same records, in an empty database of the same kind; how many
 * were compared.
 * @throws Error that names the first case in which they differ.
 */
export async function compareWithStore(place: Place, empty: Place): Promise<number> {
  const copied = openRecordStore({ ...place, clock: systemClock });
  const written = openRecordStore({ ...empty, clock: systemClock });
  try {
    const sample = conversationsWith(ORIGINALS_MAX, 0).filter((_, index) => fateOf(index) === "waits");
    let compared = 0;
    for (const turns of sample.slice(0, SAMPLE_CONVERSATIONS)) {
      const [flag] = turns.flatMap((turn) => turn.flags);
      if (flag === undefined) continue;
      const number = copiedNumber(flag.caseNumber, 1);
      const found = await copied.cases.get(number);
      const receivedAtMs = found.turns[0]?.receivedAtMs ?? 0;
      await written.write(turns.map((turn) => copyOf(turn, 1, receivedAtMs - (turns[0]?.receivedAtMs ?? 0))));
      const expected = await written.cases.get(number);
      const words = flag.text.slice(0, 12);
      const searches = [await finds(copied, words, found), await finds(written, words, found)];
      if (!isDeepStrictEqual(found, expected) || searches.includes(false)) {
        throw new Error(`The copy ${number} is not what the store makes of the same records.`);
      }
      compared += 1;
    }
    return compared;
  } finally {
    await copied.close();
    await written.close();
  }
}

async function finds(store: SqlRecordStore, text: string, found: { caseNumber: string; conversationId: string }) {
  const { conversationId, caseNumber } = found;
  const page = await store.cases.list({ filter: { text, conversationId }, order: "newest", limit: 5, cursor: null });
  return page.cases.some((one) => one.caseNumber === caseNumber);
}

function openEngine({ databaseUrl, dataDir }: Place): Engine {
  return databaseUrl === null ? openSqliteEngine(dataDir) : openPostgresEngine(databaseUrl);
}

function conversationsWith(flags: number, nowMs: number): TurnRecord[][] {
  const count = Math.ceil(flags / 1.6);
  return Array.from({ length: count }, (_, index) => conversationOf(index, timeOf(index, count, nowMs)));
}

/** Of ten cases seven are decided; of the others one in seven was passed on. */
function fateOf(index: number): "confirmed" | "false_positive" | "escalated" | "waits" {
  const place = index % 20;
  if (place < 8) return "confirmed";
  if (place < 14) return "false_positive";
  return place === 14 ? "escalated" : "waits";
}

/** They are decided at the end of their day. */
async function writeOriginals(place: Place, conversations: TurnRecord[][], nowMs: number): Promise<void> {
  const clock: Clock = { ...systemClock, nowMs: () => nowMs };
  const store = openRecordStore({ ...place, clock });
  try {
    await writeAll(store, conversations.flat());
    const open: { caseNumber: string; version: number; index: number }[] = [];
    for (let cursor: string | null = null, more = true; more; ) {
      const page = await store.cases.list({ filter: {}, order: "oldest", limit: 200, cursor });
      for (const { caseNumber, version, conversationId } of page.cases) {
        open.push({ caseNumber, version, index: Number(conversationId.split(":")[2]) });
      }
      cursor = page.cursor;
      more = cursor !== null;
    }
    const words = { reason: "bench", note: "", by: "reviewer-1" };
    for (const [fate, cases] of Map.groupBy(open, ({ index }) => fateOf(index))) {
      if (fate === "waits") continue;
      for (let start = 0; start < cases.length; start += DECIDED_AT_ONCE) {
        const move =
          fate === "escalated"
            ? { move: "escalate" as const, to: null }
            : { move: "resolve" as const, resolution: fate };
        await store.cases.decideMany({ cases: cases.slice(start, start + DECIDED_AT_ONCE), ...move, ...words });
      }
    }
    const appeals = open
      .filter(({ index }) => index % 20 === 3)
      .flatMap(({ index, caseNumber }) => {
        const flagged = conversations[index]?.find((turn) => turn.flags.length > 0);
        return flagged === undefined ? [] : [appealOf(index, caseNumber, flagged, nowMs)];
      });
    await writeAll(store, appeals);
  } finally {
    await store.close();
  }
}

async function writeAll(store: SqlRecordStore, turns: TurnRecord[]): Promise<void> {
  for (let start = 0; start < turns.length; start += BATCH_RECORDS) {
    await store.write(turns.slice(start, start + BATCH_RECORDS));
  }
}

/** The record of which the copy in the database is said to be. */
function copyOf(turn: TurnRecord, copy: number, shiftMs: number): TurnRecord {
  const later = (ms: number) => ms + shiftMs;
  return {
    ...turn,
    turnId: `${turn.turnId}:${copy}`,
    traceId: `${turn.traceId}:${copy}`,
    conversationId: `${turn.conversationId}:${copy}`,
    groupId: turn.groupId === null ? null : `${turn.groupId}:${copy}`,
    receivedAtMs: later(turn.receivedAtMs),
    startedAtMs: later(turn.startedAtMs),
    firstTokenAtMs: turn.firstTokenAtMs === null ? null : later(turn.firstTokenAtMs),
    finishedAtMs: later(turn.finishedAtMs),
    flags: turn.flags.map((flag) => ({ ...flag, caseNumber: copiedNumber(flag.caseNumber, copy) })),
  };
}

/** Turns that nobody flagged, over the same weeks, some two hundred a conversation. */
async function addPlainTurns(engine: Engine, count: number, nowMs: number): Promise<void> {
  for (let from = 0; from < count; from += ROWS_AT_ONCE) {
    const until = Math.min(count, from + ROWS_AT_ONCE);
    const member = `(n * 7919) % ${MEMBERS * 5}`;
    const receivedAtMs = `${nowMs - SPAN_MS} + cast(n * ${SPAN_MS / Math.max(1, count)} as bigint)`;
    const question = "'请帮我把第 ' || n || ' 号周报改写成三条要点，并列出待办和负责人'";
    const answer =
      "'好的。一、本周完成了例行检查；二、下周准备培训材料；三、需要各部门在周五之前确认名单。编号 ' || n || '。'";
    await sql
      .raw(
        `with recursive numbers (n) as (select cast(${from} as bigint) union all select n + 1 from numbers where n < ${until - 1}),
        made as (select n, ${member} as member, ${receivedAtMs} as at_ms, ${question} as question, ${answer} as answer from numbers)
        insert into turns (turn_id, trace_id, conversation_id, channel, group_id, user_id, outcome, question, question_units,
          question_masked, answer, answer_units, answer_masked, error_code, model, endpoint, prompt_tokens, answer_tokens,
          attempts, received_at_ms, started_at_ms, first_token_at_ms, finished_at_ms, policy_version, feedback_id, masked_at_ms)
        select 'plain:' || n, 'plain-trace:' || n, 'app:plain:' || member, 'app', null,
          'member-' || substr('0000' || (member % ${MEMBERS}), -4 + length('0000' || (member % ${MEMBERS})) + 1),
          'answered', question, length(question), question, answer, length(answer), answer, null, 'bench-model',
          'http://gpu-1:8000/v1', 300 + n % 500, 40 + n % 200, 1, at_ms, at_ms + 12, at_ms + 200 + (n * 31) % 1500,
          at_ms + 4000, 'bench-1', null, null from made`,
      )
      .execute(engine.writer);
  }
}

async function counted(engine: Engine): Promise<{ flags: number; cases: number; turns: number }[]> {
  const { rows } = await sql<{ flags: number; cases: number; turns: number }>`
    select (select count(*) from flags) as flags, (select count(*) from cases) as cases,
      (select count(*) from turns) as turns`.execute(engine.reader);
  return rows;
}
