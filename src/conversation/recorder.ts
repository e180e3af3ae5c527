import type { Clock } from "../base/clock.ts";
import type { Events } from "../base/events.ts";
import { RecordsRejected } from "../review/record-store.ts";
import type { RecordStore, SpooledRecord } from "../review/records.ts";
import type { RecordSpool, SpooledEntry } from "../session/record-spool.ts";

/** Records per shard and round: with all shards one transaction of a few hundred rows, short enough not to hold the database. */
const BATCH_PER_SHARD = 50;
const IDLE_WAIT_MS = 250;
/** Pause after a failure, doubled up to the maximum: a database that is away is not hammered. */
const FAILED_WAIT_MS = 500;
const FAILED_WAIT_MAX_MS = 10_000;

/** Carries finished turns and feedback from Redis into the database. While the database is away they wait in Redis. */
export class Recorder {
  readonly #spool: RecordSpool<SpooledRecord>;
  readonly #store: RecordStore;
  readonly #events: Events;
  readonly #clock: Clock;
  readonly #stopping = new AbortController();
  #loop: Promise<void> = Promise.resolve();

  constructor(parts: { spool: RecordSpool<SpooledRecord>; store: RecordStore; events: Events; clock: Clock }) {
    this.#spool = parts.spool;
    this.#store = parts.store;
    this.#events = parts.events;
    this.#clock = parts.clock;
  }

  start(): void {
    this.#loop = this.#run();
  }

  /** Writes what is there, once, and stops. What cannot be written stays in Redis. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
    await this.#round().catch(() => undefined);
  }

  async #run(): Promise<void> {
    let failures = 0;
    let ready = false;
    while (!this.#stopping.signal.aborted) {
      try {
        if (!ready) await this.#spool.ensureGroups();
        ready = true;
        const written = await this.#round();
        failures = 0;
        if (written === 0) await this.#pause(IDLE_WAIT_MS);
      } catch (error) {
        failures += 1;
        ready = false;
        const waiting = await this.#spool.waiting().catch(() => -1);
        this.#events.recordsDelayed({ waiting, error });
        await this.#pause(Math.min(FAILED_WAIT_MAX_MS, FAILED_WAIT_MS * 2 ** Math.min(failures - 1, 5)));
      }
    }
  }

  async #round(): Promise<number> {
    const entries = await this.#spool.take(BATCH_PER_SHARD);
    if (entries.length === 0) return 0;
    try {
      await this.#store.write(entries.map((entry) => entry.record));
    } catch (error) {
      if (!(error instanceof RecordsRejected)) throw error;
      await this.#setAside(error, entries);
    }
    await this.#spool.written(entries);
    this.#events.recordsWritten(entries.length);
    this.#events.recordsWaiting(await this.#spool.waiting());
    return entries.length;
  }

  /** The database took all but these: a record that can never be stored must not hold up the others for ever. */
  async #setAside(error: RecordsRejected, entries: SpooledEntry<SpooledRecord>[]): Promise<void> {
    for (const { index, id, reason } of error.rejected) {
      const entry = entries[index];
      if (entry !== undefined) await this.#spool.setAside(entry);
      this.#events.alert("record_rejected", "A record cannot be stored; it is kept in Redis under `rejected`.", {
        id: id ?? "none",
        reason,
      });
    }
  }

  async #pause(ms: number): Promise<void> {
    await this.#clock.sleep(ms, this.#stopping.signal).catch(() => undefined);
  }
}
