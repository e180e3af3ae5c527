import { inspect } from "node:util";
import { afterAll, afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import pg from "pg";
import { systemClock } from "../../src/base/clock.ts";
import { Secret } from "../../src/base/secret.ts";
import { openRecordStore, type SqlRecordStore } from "../../src/review/record-store.ts";
import { describeRecordStore } from "../contract/record-store.ts";
import { type PrivatePostgres, startPrivatePostgres } from "../support/private-postgres.ts";
import { until } from "../support/until.ts";
import { openPostgresPlace, type RecordPlace } from "./review-places.ts";
import { sampleTurn, sampleTurns } from "./review-samples.ts";

jest.setTimeout(60_000);

const server = await startPrivatePostgres();

if (server === null) {
  describe.skip("the record store on PostgreSQL (no server on this machine)", () => {
    test("needs a PostgreSQL server", () => {});
  });
} else {
  afterAll(() => server.stop());
  describeRecordStore("PostgreSQL", () => openPostgresPlace(server));
  describeConnections(server);
}

function describeConnections(running: PrivatePostgres): void {
  describe("connections to PostgreSQL", () => {
    let place: RecordPlace;
    let store: SqlRecordStore;

    beforeEach(async () => {
      place = await openPostgresPlace(running);
      store = open(place.databaseUrl ?? "");
    });

    afterEach(async () => {
      await store.close();
      await place.dispose();
    });

    function open(url: string): SqlRecordStore {
      return openRecordStore({ databaseUrl: new Secret(url), dataDir: place.dataDir, clock: systemClock });
    }

    const BACKENDS = "from pg_stat_activity where datname = current_database() and application_name = 'yingda'";

    test("cut by the server while they are idle: the next calls get new ones", async () => {
      await store.write(sampleTurns(3, "before"));
      await store.recentFlags(1);
      await place.sql(`select pg_terminate_backend(pid) ${BACKENDS}`);
      await until(async () => (await place.sql(`select 1 ${BACKENDS}`)).length === 0, {
        what: "the end of all backends",
      });
      await until(() =>
        store
          .write(sampleTurns(3, "after"))
          .then(() => true)
          .catch(() => false),
      );
      expect(await store.recentFlags(10)).toHaveLength(6);
    });

    test("cut in the middle of a write: the call says so, the batch is written whole by the next", async () => {
      await store.write(sampleTurns(3, "before"));
      const locker = new pg.Client({ connectionString: place.databaseUrl ?? "" });
      await locker.connect();
      await locker.query("begin");
      await locker.query("lock table flags in exclusive mode");
      const writing = store.write(sampleTurns(3, "after")).catch((error: unknown) => error);
      // The turns are in, the flags wait for the lock.
      await until(async () => (await place.sql(`select 1 ${BACKENDS} and wait_event_type = 'Lock'`)).length === 1);
      await place.sql(`select pg_terminate_backend(pid) ${BACKENDS} and wait_event_type = 'Lock'`);
      expect(await writing).toMatchObject({ code: "record_store_unavailable", retryable: true });
      await locker.end();

      expect(await place.sql("select count(*) as n from turns")).toEqual([{ n: 3 }]);
      await store.write(sampleTurns(3, "after"));
      expect(await store.recentFlags(10)).toHaveLength(6);
    });

    test("to a server that hangs without a word: the call ends by itself, and the next one works on a new connection", async () => {
      await store.write([sampleTurn({ turnId: "before" })]);
      const [backend] = await place.sql(`select pid::text as pid ${BACKENDS}`);
      const pid = Number(backend?.pid);
      process.kill(pid, "SIGSTOP");
      try {
        await expect(store.write([sampleTurn({ turnId: "during" })])).rejects.toMatchObject({
          code: "record_store_unavailable",
          message: expect.stringContaining("timeout"),
        });
        await store.write([sampleTurn({ turnId: "during" })]);
        expect(await place.sql("select count(*) as n from turns")).toEqual([{ n: 2 }]);
      } finally {
        process.kill(pid, "SIGCONT");
      }
    });

    test("a wrong password is reported as something for a person to mend, and no password is in the error", async () => {
      const url = new URL(place.databaseUrl ?? "");
      url.password = "canary-password";
      const stranger = open(url.href);
      const error = await stranger.ping().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "record_store_unavailable", details: { fault: "record_store_login" } });
      expect(inspect(error, { depth: 10, showHidden: true })).not.toContain("canary-password");
      await stranger.close();
    });

    test("an address that is none is reported by the first call, without what it contains", async () => {
      const stranger = open("postgres://user:canary-password@:::/");
      const error = await stranger.ping().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "record_store_unavailable" });
      expect(inspect(error, { depth: 10, showHidden: true })).not.toContain("canary-password");
      await stranger.close();
    });

    test("a user who may not make tables is reported as something for a person to mend", async () => {
      const url = new URL(place.databaseUrl ?? "");
      await place.sql("create role guest_of_records login password 'guest'");
      try {
        url.username = "guest_of_records";
        url.password = "guest";
        const guest = open(url.href);
        await expect(guest.ping()).rejects.toMatchObject({ details: { fault: "record_store_schema" } });
        await guest.close();
      } finally {
        await place.sql("drop role guest_of_records");
      }
    });

    test("a database that cannot hold Chinese text is refused before a record is lost in it", async () => {
      const latin = await openPostgresPlace(running, "encoding 'LATIN1' locale 'C'");
      const other = open(latin.databaseUrl ?? "");
      await expect(other.write([sampleTurn()])).rejects.toMatchObject({
        details: { fault: "record_store_encoding" },
        message: expect.stringContaining("UTF8"),
      });
      await other.close();
      await latin.dispose();
    });
  });
}
