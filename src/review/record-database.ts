import type { Transaction } from "kysely";
import type { Clock } from "../base/clock.ts";
import { YingdaError } from "../base/errors.ts";
import type { Events } from "../base/events.ts";
import type { Engine, Fault } from "./engine.ts";
import { migrate } from "./migrations.ts";
import type { RecordDatabase, RecordTables } from "./schema.ts";

/** One database as all its stores share it: connected and migrated by the first call, and with one kind of error. */
export class Database {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly #events: Events | undefined;
  /** Settled once the schema is up to date. */
  #ready: Promise<void> | null = null;
  #alerted: string | null = null;
  #closed: Promise<void> | null = null;

  constructor(engine: Engine, clock: Clock, events: Events | undefined) {
    this.engine = engine;
    this.clock = clock;
    this.#events = events;
  }

  /**
   * Every call to the database comes through here. Throws `record_store_unavailable`, or the YingdaError that `work` throws,
   * or `bad_request` for a value that the database refuses.
   */
  async call<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed !== null) throw unavailable(this.engine, { kind: "away", message: "the record store is closed" });
    try {
      await this.#upToDate();
      const result = await work();
      this.#alerted = null;
      return result;
    } catch (error) {
      if (error instanceof YingdaError) throw error;
      const fault = this.engine.explain(error);
      // What a store wrote was checked; so this came from outside, such as a NUL in a number to look for.
      if (fault.kind === "record") {
        throw new YingdaError("bad_request", `The database does not take such a value (${fault.reason}).`, {
          cause: error,
        });
      }
      // Tables are missing or others: somebody restored a backup or emptied the database. One that was away comes back as it was.
      if (fault.kind === "operator") this.#ready = null;
      this.#alert(fault);
      throw unavailable(this.engine, fault, error);
    }
  }

  /** A question of the console, on a connection that no write waits for. */
  read<T>(work: (reader: RecordDatabase) => Promise<T>): Promise<T> {
    return this.call(() => work(this.engine.reader));
  }

  /** All of it or nothing; what `work` throws undoes it. */
  write<T>(work: (transaction: Transaction<RecordTables>) => Promise<T>): Promise<T> {
    return this.call(() => this.engine.writer.transaction().execute(work));
  }

  close(): Promise<void> {
    this.#closed ??= this.engine.close();
    return this.#closed;
  }

  async #upToDate(): Promise<void> {
    this.#ready ??= migrate(this.engine, this.clock);
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
    this.#events?.alert(fault.code, unavailable(this.engine, fault).message);
  }
}

/** Always retryable: the records have to wait until the database, or the person who mends it, is back. */
function unavailable(engine: Engine, fault: Exclude<Fault, { kind: "record" }>, cause?: unknown): YingdaError {
  return new YingdaError(
    "record_store_unavailable",
    `The record store (${engine.place}) did not take the call: ${fault.message}.`,
    {
      retryable: true,
      ...(fault.kind === "operator" ? { details: { fault: fault.code } } : {}),
      ...(cause === undefined ? {} : { cause }),
    },
  );
}
