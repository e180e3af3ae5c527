import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { systemClock } from "../../src/base/clock.ts";
import { openRecordStore, type SqlRecordStore } from "../../src/review/record-store.ts";
import { describeRecordStore } from "../contract/record-store.ts";
import { openSqlitePlace, type RecordPlace } from "./review-places.ts";
import { SAMPLE_TIME_MS, sampleFlag, sampleTurn, sampleTurns } from "./review-samples.ts";

jest.setTimeout(60_000);

describeRecordStore("SQLite", openSqlitePlace);

describe("the SQLite file", () => {
  let place: RecordPlace;
  let store: SqlRecordStore;

  beforeEach(async () => {
    place = await openSqlitePlace();
    store = open(place.dataDir);
  });

  afterEach(async () => {
    await store.close();
    await place.dispose();
  });

  function open(dataDir: string, nowMs = SAMPLE_TIME_MS): SqlRecordStore {
    return openRecordStore({ databaseUrl: null, dataDir, clock: { ...systemClock, nowMs: () => nowMs } });
  }

  test("opening a store touches nothing; its first call makes a folder and a file that only its owner reads", async () => {
    const dataDir = join(place.dataDir, "deep", "data");
    const other = open(dataDir);
    expect(await readdir(place.dataDir)).toEqual([]);
    await other.ping();
    expect((await stat(dataDir)).mode & 0o777).toBe(0o700);
    for (const name of await readdir(dataDir)) expect((await stat(join(dataDir, name))).mode & 0o077).toBe(0);
    await other.close();
  });

  test("a folder that cannot be made is no folder yet: the store works once it can", async () => {
    const dataDir = join(place.dataDir, "data");
    await writeFile(dataDir, "a file where the folder should be");
    const other = open(dataDir);
    await expect(other.write([sampleTurn()])).rejects.toMatchObject({
      code: "record_store_unavailable",
      retryable: true,
    });
    await rm(dataDir);
    await mkdir(dataDir);
    await other.write([sampleTurn()]);
    await other.close();
  });

  test("a file that is no database is reported as something for a person to mend", async () => {
    await writeFile(join(place.dataDir, "records.sqlite"), "not a database at all ".repeat(500));
    await expect(store.ping()).rejects.toMatchObject({
      code: "record_store_unavailable",
      details: { fault: "record_store_damaged" },
      message: expect.stringContaining("restore it from a backup"),
    });
  });

  test("while another process holds the file, timers of the main thread go on, and questions are answered", async () => {
    await store.ping();
    await place.away();
    let ticks = 0;
    const ticking = setInterval(() => {
      ticks += 1;
    }, 10);
    const startedMs = performance.now();
    await expect(store.write([sampleTurn()])).rejects.toMatchObject({ code: "record_store_unavailable" });
    clearInterval(ticking);
    expect(ticks).toBeGreaterThan((performance.now() - startedMs) / 50);
    expect(await store.recentFlags(10)).toEqual([]);
  });

  test("questions are answered while a write waits for the file", async () => {
    await store.write(sampleTurns(3, "t"));
    const holder = new DatabaseSync(join(place.dataDir, "records.sqlite"), { timeout: 5000 });
    holder.exec("begin immediate");
    let written = false;
    const writing = store.write([sampleTurn()]).then(() => {
      written = true;
    });
    expect(await store.recentFlags(10)).toHaveLength(3);
    expect(written).toBe(false);
    holder.close();
    await writing;
    expect(await store.turnById("app:9223372036854775807")).not.toBeNull();
  });

  test("more callers than may wait are told at once, the others are served", async () => {
    await store.ping();
    const calls = await Promise.allSettled(
      Array.from({ length: 150 }, (_, index) => store.write(sampleTurns(1, `c${index}`))),
    );
    const refused = calls.filter((call) => call.status === "rejected");
    expect(refused).toHaveLength(150 - 101);
    for (const call of refused) expect(call.reason).toMatchObject({ code: "record_store_unavailable" });
    expect(await place.sql("select count(*) as n from turns")).toEqual([{ n: 101 }]);
  });

  test("what retention emptied or deleted is no longer anywhere in the files", async () => {
    const marker = "只此一句的原文";
    const masked = { questionMasked: "[姓名]", answerMasked: "[姓名]" };
    await store.write(sampleTurns(300, "masked", { question: marker, answer: marker, ...masked, flags: [] }));
    const old = { receivedAtMs: SAMPLE_TIME_MS - 200 * 86_400_000 };
    await store.write(sampleTurns(300, "deleted", { question: marker, flags: [], ...old }));
    const searched = "鱻龘";
    const flags = [sampleFlag({ text: searched, textMasked: searched })];
    await store.write([sampleTurn({ turnId: "flagged", question: marker, flags, ...old })]);
    await store.close();
    expect([await filesContain(marker), await filesContain(searched)]).toEqual([true, true]);

    const later = open(place.dataDir, SAMPLE_TIME_MS + 60 * 86_400_000);
    expect(await later.sweepRetention({ rawDays: 30, maskedDays: 190 })).toMatchObject({
      turnsMasked: 300,
      turnsDeleted: 301,
      casesDeleted: 1,
    });
    await later.close();
    expect([await filesContain(marker), await filesContain(searched)]).toEqual([false, false]);
  });

  async function filesContain(text: string): Promise<boolean> {
    const names = await readdir(place.dataDir);
    const contents = await Promise.all(names.map((name) => readFile(join(place.dataDir, name))));
    return contents.some((content) => content.includes(text));
  }
});
