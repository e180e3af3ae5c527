import { afterAll, afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { systemClock } from "../../src/base/clock.ts";
import { Secret } from "../../src/base/secret.ts";
import type { NewCase } from "../../src/review/card-claims.ts";
import { openRecordStore, type SqlRecordStore } from "../../src/review/record-store.ts";
import { startPrivatePostgres } from "../support/private-postgres.ts";
import { openPostgresPlace, openSqlitePlace, type RecordPlace } from "./review-places.ts";
import { SAMPLE_TIME_MS, sampleFlag, sampleTurn } from "./review-samples.ts";

const HOUR_MS = 3600_000;

const postgres = await startPrivatePostgres();
afterAll(async () => postgres?.stop());

const ENGINES: { name: string; openPlace: () => Promise<RecordPlace> }[] = [
  { name: "SQLite", openPlace: openSqlitePlace },
];
if (postgres !== null) ENGINES.push({ name: "PostgreSQL", openPlace: () => openPostgresPlace(postgres) });

describe.each(ENGINES)("the queue of cards on $name", ({ openPlace }) => {
  let place: RecordPlace;
  /** Of two processes. */
  let one: SqlRecordStore;
  let other: SqlRecordStore;
  let nowMs: number;

  beforeEach(async () => {
    nowMs = SAMPLE_TIME_MS + 5_000;
    place = await openPlace();
    const databaseUrl = place.databaseUrl === null ? null : new Secret(place.databaseUrl);
    const options = { databaseUrl, dataDir: place.dataDir, clock: { ...systemClock, nowMs: () => nowMs } };
    one = openRecordStore(options);
    other = openRecordStore(options);
  });
  afterEach(async () => {
    await Promise.all([one.close(), other.close()]);
    await place.dispose();
  });

  function taskIdOf(caseNumber: string, version: number): string {
    return `review-${caseNumber}-${version}`;
  }

  async function raise(count: number): Promise<void> {
    await one.write(
      Array.from({ length: count }, (_, index) =>
        sampleTurn({
          turnId: `turn-${index}`,
          conversationId: `app:1:${index}`,
          flags: [sampleFlag({ caseNumber: `C-${index}`, severity: index % 2 === 0 ? "P0" : "P1" })],
        }),
      ),
    );
  }

  test("hands each case to one of many that ask at once, and a digest to one of them", async () => {
    await raise(30);
    const request = { severities: ["P0", "P1"] as const, taskIdOf };
    const claims = await Promise.all(
      Array.from({ length: 12 }, async (_, index) => {
        const store = index % 2 === 0 ? one : other;
        return store.cards.claimNew({ ...request, cardsPerMinuteMax: index < 6 ? 5 : 100 });
      }),
    );
    const cases = claims.flatMap((claim): NewCase[] => (claim.kind === "nothing" ? [] : claim.cases));
    expect(new Set(cases.map(({ caseNumber }) => caseNumber)).size).toBe(30);
    expect(cases).toHaveLength(30);
    expect(claims.filter(({ kind }) => kind === "digest").length).toBeLessThanOrEqual(1);
  });

  test("gives a card's last code away once, when its case was decided elsewhere", async () => {
    await raise(1);
    const claim = await one.cards.claimNew({ severities: ["P0"], cardsPerMinuteMax: 5, taskIdOf });
    if (claim.kind !== "cards") throw new Error("nothing claimed");
    expect(await one.cards.attempt(claim.cases)).toBe(true);
    expect(await other.cards.attempt(claim.cases)).toBe(false);
    await one.cards.sent({ caseNumbers: ["C-0"], responseCode: "code", version: 1 });
    expect(await other.cards.find("review-C-0-1")).toEqual({ caseNumber: "C-0", taskId: "review-C-0-1" });
    expect(await other.cards.claimChanges()).toEqual([]);
    const words = { reason: "", note: "", by: "lisi" };
    await one.cases.decide({ caseNumber: "C-0", version: 1, move: "resolve", resolution: "confirmed", ...words });
    nowMs += 5_000;
    const changes = await Promise.all([one, other, one, other].map(async (store) => store.cards.claimChanges()));
    expect(changes.flat()).toEqual([{ caseNumber: "C-0", taskId: "review-C-0-1", responseCode: "code" }]);
    expect(await one.cards.claimCode("C-0")).toBeNull();
  });

  test("tells of a P0 that nobody decided within its hour once, and again where that failed", async () => {
    await raise(3);
    await one.cards.claimNew({ severities: ["P0", "P1"], cardsPerMinuteMax: 5, taskIdOf });
    expect(await one.cards.claimOverdue()).toEqual([]);
    nowMs += HOUR_MS + 1_000;
    const told = await Promise.all([one.cards.claimOverdue(), other.cards.claimOverdue()]);
    expect(told.flat().sort()).toEqual(["C-0", "C-2"]);
    await one.cards.releaseOverdue(["C-2"]);
    expect(await other.cards.claimOverdue()).toEqual(["C-2"]);
  });

  test("forgets a card together with its case", async () => {
    await raise(1);
    await one.cards.claimNew({ severities: ["P0"], cardsPerMinuteMax: 5, taskIdOf });
    await one.people.erase({ userId: "ZhangSan", by: "lisi", reason: "" });
    expect(await place.sql("select case_number from case_cards")).toEqual([]);
    expect(await one.cards.find("review-C-0-1")).toBeNull();
  });
});
