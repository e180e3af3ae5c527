import type { Clock } from "../base/clock.ts";
import { YingdaError } from "../base/errors.ts";
import type { Events } from "../base/events.ts";
import type { Secret } from "../base/secret.ts";
import { type AuditLog, openAuditLog } from "./audit-log.ts";
import { type CardQueue, openCardQueue } from "./card-queue.ts";
import { putIntoCases } from "./case-builder.ts";
import type { ReviewRules } from "./case-decisions.ts";
import { type CaseStore, openCaseStore } from "./case-store.ts";
import { type ConsoleQueries, openConsoleQueries } from "./console-queries.ts";
import { type LegalHolds, openLegalHolds } from "./legal-holds.ts";
import { schemaVersion } from "./migrations.ts";
import { openPeople, type People } from "./people.ts";
import { openPolicyVersions, type PolicyVersions } from "./policy-versions.ts";
import { openPostgresEngine } from "./postgres-engine.ts";
import { Database } from "./record-database.ts";
import { type RecordReader, readRecords } from "./record-reader.ts";
import { idOf, prepare, type RecordRows } from "./record-rows.ts";
import type { RecordStore, SpooledRecord } from "./records.ts";
import { openRestrictions, type Restrictions } from "./restrictions.ts";
import { type RetentionDays, type RetentionResult, sweepRetention } from "./retention.ts";
import { openSecondReviews, type SecondReviews } from "./second-reviews.ts";
import { openSqliteEngine } from "./sqlite-engine.ts";

/** One transaction must not hold the write lock, or the memory, for longer than a moment. */
const BATCH_RECORDS_MAX = 2000;
/** Rows of one INSERT: 24 columns of them stay far below both engines' limit on parameters, and compile in some milliseconds. */
const INSERT_ROWS_MAX = 200;

export interface RecordStoreOptions {
  /** PostgreSQL; null: SQLite in `dataDir`. */
  databaseUrl: Secret | null;
  dataDir: string;
  clock: Clock;
  events?: Events;
  rules?: ReviewRules;
}

export interface RejectedRecord {
  /** Its place in the array that was written. */
  index: number;
  /** turnId or eventId; null when even that is missing. */
  id: string | null;
  /** Which field or rule, in words; never what somebody wrote. */
  reason: string;
}

/** Some records of a batch can never be stored. **All others of the batch are**: set these aside and go on. */
export class RecordsRejected extends YingdaError {
  override name = "RecordsRejected";
  readonly rejected: RejectedRecord[];

  constructor(rejected: RejectedRecord[]) {
    const [first] = rejected;
    super(
      "records_rejected",
      `${rejected.length} records cannot be stored and must be set aside; the first: ${first?.reason ?? "unknown"}`,
      { details: { rejected: rejected.length, firstId: first?.id ?? "none" } },
    );
    this.rejected = rejected;
  }
}

export interface SqlRecordStore extends RecordStore, RecordReader {
  /** What people decide about flags. */
  readonly cases: CaseStore;
  readonly restrictions: Restrictions;
  readonly holds: LegalHolds;
  readonly people: People;
  readonly secondReviews: SecondReviews;
  readonly audit: AuditLog;
  /** What the console shows beside cases. */
  readonly console: ConsoleQueries;
  readonly policies: PolicyVersions;
  /** What was told of cases in WeCom. */
  readonly cards: CardQueue;
  /**
   * One transaction for the batch, at most 2,000 records; what is already there is left as it is, so writing again is safe.
   * @throws YingdaError `record_store_unavailable`: nothing can be said about the batch, write it again later.
   * @throws RecordsRejected when the database is well and some records are not; all others are stored.
   */
  write(records: SpooledRecord[]): Promise<void>;
  /** See retention.ts. Throws `record_store_unavailable`. */
  sweepRetention(days: RetentionDays): Promise<RetentionResult>;
}

/**
 * Opens the records. Touches neither disk nor network, and never throws: the database may be away while the gateway
 * starts. The first call connects and brings the schema up to date; until that works, every call throws
 * `record_store_unavailable` and the next one tries again.
 */
export function openRecordStore(options: RecordStoreOptions): SqlRecordStore {
  const { databaseUrl, dataDir, clock, events } = options;
  const engine = databaseUrl === null ? openSqliteEngine(dataDir) : openPostgresEngine(databaseUrl);
  return new EngineRecordStore(new Database(engine, clock, events), options.rules ?? {});
}

interface Candidate {
  index: number;
  id: string | null;
  rows: RecordRows;
}

class EngineRecordStore implements SqlRecordStore {
  readonly cases: CaseStore;
  readonly restrictions: Restrictions;
  readonly holds: LegalHolds;
  readonly people: People;
  readonly secondReviews: SecondReviews;
  readonly audit: AuditLog;
  readonly console: ConsoleQueries;
  readonly policies: PolicyVersions;
  readonly cards: CardQueue;
  readonly #database: Database;
  readonly #reader: RecordReader;

  constructor(database: Database, rules: ReviewRules) {
    this.#database = database;
    this.#reader = readRecords(database.engine.reader);
    this.cases = openCaseStore(database, rules);
    this.restrictions = openRestrictions(database);
    this.holds = openLegalHolds(database);
    this.people = openPeople(database);
    this.secondReviews = openSecondReviews(database);
    this.audit = openAuditLog(database);
    this.console = openConsoleQueries(database);
    this.policies = openPolicyVersions(database);
    this.cards = openCardQueue(database);
  }

  async write(records: SpooledRecord[]): Promise<void> {
    if (records.length > BATCH_RECORDS_MAX) {
      throw new YingdaError("bad_request", `A batch holds at most ${BATCH_RECORDS_MAX} records; write it in pieces.`);
    }
    const candidates: Candidate[] = [];
    const rejected: RejectedRecord[] = [];
    for (const [index, record] of records.entries()) {
      const id = idOf(record);
      const prepared = prepare(record);
      if (prepared.ok) candidates.push({ index, id, rows: prepared.rows });
      else rejected.push({ index, id, reason: prepared.reason });
    }
    // The same order in every process: two that write the same records would otherwise wait for each other.
    candidates.sort((a, b) => ((a.id ?? "") < (b.id ?? "") ? -1 : 1));
    await this.#database.call(async () => {
      rejected.push(...(await this.#insertOrHalve(candidates)));
    });
    if (rejected.length > 0) throw new RecordsRejected(rejected.sort((a, b) => a.index - b.index));
  }

  async ping(): Promise<void> {
    await this.#database.call(() => schemaVersion(this.#database.engine.writer));
  }

  recentFlags(limit: number) {
    return this.#database.call(() => this.#reader.recentFlags(limit));
  }

  turnById(turnId: string) {
    return this.#database.call(() => this.#reader.turnById(turnId));
  }

  turnsOfConversation(conversationId: string, limit: number) {
    return this.#database.call(() => this.#reader.turnsOfConversation(conversationId, limit));
  }

  feedbackFor(feedbackId: string) {
    return this.#database.call(() => this.#reader.feedbackFor(feedbackId));
  }

  sweepRetention(days: RetentionDays): Promise<RetentionResult> {
    const { engine, clock } = this.#database;
    return this.#database.call(() => sweepRetention(engine.writer, days, clock.nowMs(), engine.skipsLockedRows));
  }

  close(): Promise<void> {
    return this.#database.close();
  }

  /** A record that the database refuses fails its whole transaction; halving finds it in a few tries, and stores the rest. */
  async #insertOrHalve(candidates: Candidate[]): Promise<RejectedRecord[]> {
    const [first] = candidates;
    if (first === undefined) return [];
    try {
      await this.#insert(candidates);
      return [];
    } catch (error) {
      const fault = this.#database.engine.explain(error);
      if (fault.kind !== "record") throw error;
      if (candidates.length === 1) return [{ index: first.index, id: first.id, reason: fault.reason }];
      const middle = candidates.length >> 1;
      return [
        ...(await this.#insertOrHalve(candidates.slice(0, middle))),
        ...(await this.#insertOrHalve(candidates.slice(middle))),
      ];
    }
  }

  async #insert(candidates: Candidate[]): Promise<void> {
    const turns = candidates.flatMap(({ rows }) => rows.turn ?? []);
    const flags = candidates.flatMap(({ rows }) => rows.flags);
    const feedback = candidates.flatMap(({ rows }) => rows.feedback ?? []);
    const { engine } = this.#database;
    await engine.writer.transaction().execute(async (transaction) => {
      for (const values of chunks(turns)) {
        await transaction
          .insertInto("turns")
          .values(values)
          .onConflict((conflict) => conflict.column("turn_id").doNothing())
          .execute();
      }
      if (flags.length > 0) await engine.lockCases(transaction);
      const raised: string[] = [];
      for (const values of chunks(flags)) {
        const inserted = await transaction
          .insertInto("flags")
          .values(values)
          .onConflict((conflict) => conflict.columns(["turn_id", "case_number"]).doNothing())
          .returning("case_number")
          .execute();
        raised.push(...inserted.map((flag) => flag.case_number));
      }
      await putIntoCases(transaction, raised, engine);
      for (const values of chunks(feedback)) {
        await transaction
          .insertInto("feedback")
          .values(values)
          .onConflict((conflict) => conflict.column("event_id").doNothing())
          .execute();
      }
    });
  }
}

function* chunks<T>(rows: T[]): Generator<T[]> {
  for (let start = 0; start < rows.length; start += INSERT_ROWS_MAX) yield rows.slice(start, start + INSERT_ROWS_MAX);
}
