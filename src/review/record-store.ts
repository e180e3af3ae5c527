import type { Clock } from "../base/clock.ts";
import { YingdaError } from "../base/errors.ts";
import type { Events } from "../base/events.ts";
import type { Secret } from "../base/secret.ts";
import type { Engine, Fault } from "./engine.ts";
import { migrate, schemaVersion } from "./migrations.ts";
import { openPostgresEngine } from "./postgres-engine.ts";
import { type RecordReader, readRecords } from "./record-reader.ts";
import { idOf, prepare, type RecordRows } from "./record-rows.ts";
import type { RecordStore, SpooledRecord } from "./records.ts";
import { type RetentionDays, type RetentionResult, sweepRetention } from "./retention.ts";
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
  return new EngineRecordStore(engine, clock, events);
}

interface Candidate {
  index: number;
  id: string | null;
  rows: RecordRows;
}

class EngineRecordStore implements SqlRecordStore {
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #events: Events | undefined;
  readonly #reader: RecordReader;
  /** Settled once the schema is up to date. */
  #ready: Promise<void> | null = null;
  #alerted: string | null = null;
  #closed: Promise<void> | null = null;

  constructor(engine: Engine, clock: Clock, events: Events | undefined) {
    this.#engine = engine;
    this.#clock = clock;
    this.#events = events;
    this.#reader = readRecords(engine.reader);
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
    await this.#call(async () => {
      rejected.push(...(await this.#insertOrHalve(candidates)));
    });
    if (rejected.length > 0) throw new RecordsRejected(rejected.sort((a, b) => a.index - b.index));
  }

  async ping(): Promise<void> {
    await this.#call(() => schemaVersion(this.#engine.writer));
  }

  recentFlags(limit: number) {
    return this.#call(() => this.#reader.recentFlags(limit));
  }

  flagCounts() {
    return this.#call(() => this.#reader.flagCounts());
  }

  turnById(turnId: string) {
    return this.#call(() => this.#reader.turnById(turnId));
  }

  turnsOfConversation(conversationId: string, limit: number) {
    return this.#call(() => this.#reader.turnsOfConversation(conversationId, limit));
  }

  feedbackFor(feedbackId: string) {
    return this.#call(() => this.#reader.feedbackFor(feedbackId));
  }

  sweepRetention(days: RetentionDays): Promise<RetentionResult> {
    const { writer, skipsLockedRows } = this.#engine;
    return this.#call(() => sweepRetention(writer, days, this.#clock.nowMs(), skipsLockedRows));
  }

  close(): Promise<void> {
    this.#closed ??= this.#engine.close();
    return this.#closed;
  }

  /** A record that the database refuses fails its whole transaction; halving finds it in a few tries, and stores the rest. */
  async #insertOrHalve(candidates: Candidate[]): Promise<RejectedRecord[]> {
    const [first] = candidates;
    if (first === undefined) return [];
    try {
      await this.#insert(candidates);
      return [];
    } catch (error) {
      const fault = this.#engine.explain(error);
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
    await this.#engine.writer.transaction().execute(async (transaction) => {
      for (const values of chunks(turns)) {
        await transaction
          .insertInto("turns")
          .values(values)
          .onConflict((conflict) => conflict.column("turn_id").doNothing())
          .execute();
      }
      for (const values of chunks(flags)) {
        await transaction
          .insertInto("flags")
          .values(values)
          .onConflict((conflict) => conflict.columns(["turn_id", "case_number"]).doNothing())
          .execute();
      }
      for (const values of chunks(feedback)) {
        await transaction
          .insertInto("feedback")
          .values(values)
          .onConflict((conflict) => conflict.column("event_id").doNothing())
          .execute();
      }
    });
  }

  /** Every call to the database comes through here: connected, migrated, and with one kind of error. */
  async #call<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed !== null) throw unavailable(this.#engine, { kind: "away", message: "the record store is closed" });
    try {
      await this.#upToDate();
      const result = await work();
      this.#alerted = null;
      return result;
    } catch (error) {
      if (error instanceof YingdaError) throw error;
      const fault = this.#engine.explain(error);
      // Tables are missing or others: somebody restored a backup or emptied the database. One that was away comes back as it was.
      if (fault.kind === "operator") this.#ready = null;
      this.#alert(fault);
      throw unavailable(this.#engine, fault, error);
    }
  }

  async #upToDate(): Promise<void> {
    this.#ready ??= migrate(this.#engine, this.#clock);
    const ready = this.#ready;
    try {
      await ready;
    } catch (error) {
      // Not a newer attempt that another caller has begun meanwhile.
      if (this.#ready === ready) this.#ready = null;
      throw error;
    }
  }

  /** Once for each thing that only a person can mend, not with every try. */
  #alert(fault: Fault): void {
    if (fault.kind !== "operator" || this.#alerted === fault.code) return;
    this.#alerted = fault.code;
    this.#events?.alert(fault.code, unavailable(this.#engine, fault).message);
  }
}

/** Always retryable: the records have to wait until the database, or the person who mends it, is back. */
function unavailable(engine: Engine, fault: Fault, cause?: unknown): YingdaError {
  const why = fault.kind === "record" ? fault.reason : fault.message;
  return new YingdaError(
    "record_store_unavailable",
    `The record store (${engine.place}) did not take the call: ${why}.`,
    {
      retryable: true,
      ...(fault.kind === "operator" ? { details: { fault: fault.code } } : {}),
      ...(cause === undefined ? {} : { cause }),
    },
  );
}

function* chunks<T>(rows: T[]): Generator<T[]> {
  for (let start = 0; start < rows.length; start += INSERT_ROWS_MAX) yield rows.slice(start, start + INSERT_ROWS_MAX);
}
