import { sql } from "kysely";
import { type Claimed, type ClaimRequest, claimNew, type NewCase, numbersOf, untold } from "./card-claims.ts";
import { type CardDatabase, withCards } from "./card-schema.ts";
import { DECIDED_STATUSES, DUE_AFTER_MS } from "./case-moves.ts";
import type { Database } from "./record-database.ts";

/** Cards that one round changes after a decision elsewhere. */
const FOLLOWED_MAX = 20;
/** A click changes its card itself, with a code of its own; only what is still wrong after this is for `claimChanges`. */
const SETTLED_AFTER_MS = 2_000;
/** WeCom's 72 h (wecom-protocol 3.2), less what clocks may differ. */
const CODE_LIFE_MS = 72 * 3600_000 - 600_000;
/** Overdue cases of one alert; there is no more to say of a thousand. */
const OVERDUE_MAX = 100;
/** An alert of a week ago that nobody could be told is no news. */
const OVERDUE_NEWS_MS = 7 * 86_400_000;

export interface Card {
  caseNumber: string;
  taskId: string;
}

export interface CardToChange extends Card {
  responseCode: string;
}

/**
 * What was told of cases in WeCom, for all processes together. Each thing is claimed before it is done, so nothing is done
 * twice: the one message that a process was sending when it died is not sent again, and its case waits in the queue of the
 * console like any other. Each call throws `record_store_unavailable`.
 */
export interface CardQueue {
  /**
   * Takes all open cases of these severities that nobody was told of: as cards, or as one digest when there would be more
   * than `cardsPerMinuteMax` cards within a minute; a digest comes once a minute, and what is new until then waits for the next.
   */
  claimNew(request: ClaimRequest): Promise<Claimed>;
  /**
   * To be called right before sending. False: the claim was too old and the cases are somebody else's now; do not send.
   */
  attempt(cases: readonly NewCase[]): Promise<boolean>;
  /** The message is out; `responseCode` is null for a digest, or when WeCom gave none. */
  sent(request: { caseNumbers: readonly string[]; responseCode: string | null; version: number | null }): Promise<void>;
  /** Gives claims back whose message certainly did not go out. */
  release(cases: readonly NewCase[]): Promise<void>;
  find(taskId: string): Promise<Card | null>;
  /** What a card shows now. */
  shown(request: { caseNumber: string; version: number; open: boolean }): Promise<void>;
  /**
   * Takes cards that show buttons for a decided case, or none for one that is open again, as far as a code is left that
   * changes them. At most 20.
   */
  claimChanges(): Promise<CardToChange[]>;
  /** Takes the code that is left for a card, for when the one of a click does not work. */
  claimCode(caseNumber: string): Promise<string | null>;
  /** Takes P0 cases that nobody decided within their hour and that were not told as such. At most 100. */
  claimOverdue(): Promise<string[]>;
  releaseOverdue(caseNumbers: readonly string[]): Promise<void>;
}

export function openCardQueue(database: Database): CardQueue {
  const { clock } = database;
  const write = <T>(work: (db: CardDatabase) => Promise<T>) =>
    database.write((transaction) => work(withCards(transaction)));
  const read = <T>(work: (db: CardDatabase) => Promise<T>) => database.read((reader) => work(withCards(reader)));
  const locksRows = database.engine.skipsLockedRows;
  return {
    async claimNew(request) {
      // Most rounds find nothing, and then take no lock that a turn's records would wait for.
      const some = await read((db) => untold(db, request.severities, clock.nowMs()).limit(1).execute());
      return some.length === 0 ? { kind: "nothing" } : write((db) => claimNew(db, request, clock.nowMs()));
    },
    attempt: (cases) =>
      write(async (db) => {
        const [first] = cases;
        if (first === undefined) return false;
        const { numUpdatedRows } = await db
          .updateTable("case_cards")
          .set({ attempted_at_ms: clock.nowMs() })
          .where("case_number", "in", numbersOf(cases))
          .where("claimed_at_ms", "=", first.claimedAtMs)
          .where("attempted_at_ms", "is", null)
          .executeTakeFirstOrThrow();
        return Number(numUpdatedRows) === cases.length;
      }),
    sent: ({ caseNumbers, responseCode, version }) =>
      write(async (db) => {
        await db
          .updateTable("case_cards")
          .set({
            sent_at_ms: clock.nowMs(),
            response_code: responseCode,
            ...(version === null ? {} : { shows_version: version }),
          })
          .where("case_number", "in", caseNumbers)
          .execute();
      }),
    async release(cases) {
      const [first] = cases;
      if (first === undefined) return;
      await write(async (db) => {
        await db
          .deleteFrom("case_cards")
          .where("case_number", "in", numbersOf(cases))
          .where("claimed_at_ms", "=", first.claimedAtMs)
          .where("sent_at_ms", "is", null)
          .execute();
      });
    },
    find: (taskId) =>
      read(async (db) => {
        const row = await db
          .selectFrom("case_cards")
          .select(["case_number as caseNumber", "task_id as taskId"])
          .where("task_id", "=", taskId)
          .executeTakeFirst();
        return row ?? null;
      }),
    shown: ({ caseNumber, version, open }) =>
      write(async (db) => {
        await db
          .updateTable("case_cards")
          .set({ shows_version: version, shows_open: open ? 1 : 0 })
          .where("case_number", "=", caseNumber)
          // Two clicks may end in the other order than they were decided in.
          .where("shows_version", "<=", version)
          .execute();
      }),
    async claimChanges() {
      const some = await read((db) => wrong(db, clock.nowMs()).limit(1).execute());
      if (some.length === 0) return [];
      return write(async (db) => {
        const rows = await wrong(db, clock.nowMs())
          .orderBy("sent_at_ms")
          .limit(FOLLOWED_MAX)
          .$if(locksRows, (query) => query.forUpdate("case_cards").skipLocked())
          .execute();
        for (const { caseNumber } of rows) await useCode(db, caseNumber);
        return rows;
      });
    },
    claimCode: (caseNumber) =>
      write(async (db) => {
        const row = await db
          .selectFrom("case_cards")
          .select("response_code")
          .where("case_number", "=", caseNumber)
          .where("sent_at_ms", ">", clock.nowMs() - CODE_LIFE_MS)
          .$if(locksRows, (query) => query.forUpdate())
          .executeTakeFirst();
        await useCode(db, caseNumber);
        return row?.response_code ?? null;
      }),
    async claimOverdue() {
      const some = await read((db) => overdue(db, clock.nowMs()).limit(1).execute());
      if (some.length === 0) return [];
      return write(async (db) => {
        const rows = await overdue(db, clock.nowMs())
          .orderBy("first_raised_at_ms")
          .limit(OVERDUE_MAX)
          .$if(locksRows, (query) => query.forUpdate("case_cards").skipLocked())
          .execute();
        const caseNumbers = numbersOf(rows);
        if (caseNumbers.length > 0) await setOverdue(db, caseNumbers, clock.nowMs());
        return caseNumbers;
      });
    },
    releaseOverdue: (caseNumbers) => write((db) => setOverdue(db, caseNumbers, null)),
  };
}

function wrong(db: CardDatabase, nowMs: number) {
  return db
    .selectFrom("case_cards")
    .innerJoin("cases", "cases.case_number", "case_cards.case_number")
    .select(["case_cards.case_number as caseNumber", "task_id as taskId"])
    .select(sql<string>`response_code`.as("responseCode"))
    .where("response_code", "is not", null)
    .where("sent_at_ms", ">", nowMs - CODE_LIFE_MS)
    .where(({ eb, and, or }) =>
      or([
        and([
          eb("shows_open", "=", 1),
          eb("status", "in", DECIDED_STATUSES),
          eb("decided_at_ms", "<=", nowMs - SETTLED_AFTER_MS),
        ]),
        and([eb("shows_open", "=", 0), eb("status", "not in", DECIDED_STATUSES)]),
      ]),
    );
}

async function useCode(db: CardDatabase, caseNumber: string): Promise<void> {
  await db.updateTable("case_cards").set({ response_code: null }).where("case_number", "=", caseNumber).execute();
}

function overdue(db: CardDatabase, nowMs: number) {
  return (
    db
      .selectFrom("case_cards")
      .innerJoin("cases", "cases.case_number", "case_cards.case_number")
      .select("case_cards.case_number as caseNumber")
      .where("claimed_at_ms", ">", nowMs - OVERDUE_NEWS_MS)
      .where("overdue_told_at_ms", "is", null)
      .where("severity", "=", "P0")
      // Not by due_at_ms: the sweep moves that on as soon as it has passed.
      .where("first_raised_at_ms", "<", nowMs - DUE_AFTER_MS.P0)
      .where("status", "in", ["new", "claimed", "escalated"])
  );
}

async function setOverdue(db: CardDatabase, caseNumbers: readonly string[], atMs: number | null): Promise<void> {
  await db
    .updateTable("case_cards")
    .set({ overdue_told_at_ms: atMs })
    .where("case_number", "in", caseNumbers)
    .execute();
}
