import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { systemClock } from "../../src/base/clock.ts";
import { Secret } from "../../src/base/secret.ts";
import { PolicyConflict } from "../../src/review/policy-versions.ts";
import { openRecordStore, type SqlRecordStore } from "../../src/review/record-store.ts";
import { type PrivatePostgres, startPrivatePostgres } from "../support/private-postgres.ts";
import { flaggedTurn } from "./admin-console.ts";
import { openPostgresPlace, openSqlitePlace, type RecordPlace } from "./review-places.ts";
import { SAMPLE_TIME_MS, sampleTurn } from "./review-samples.ts";

jest.setTimeout(60_000);

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
let postgres: PrivatePostgres | null = null;

beforeAll(async () => {
  postgres = await startPrivatePostgres();
});
afterAll(() => postgres?.stop());

describe.each(["SQLite", "PostgreSQL"])("what the console asks of %s", (engine) => {
  let place: RecordPlace;
  let records: SqlRecordStore;
  let nowMs = SAMPLE_TIME_MS;
  let skipped = false;

  beforeEach(async () => {
    nowMs = SAMPLE_TIME_MS + HOUR_MS;
    // Where no PostgreSQL server is installed, startPrivatePostgres has said so.
    skipped = engine === "PostgreSQL" && postgres === null;
    if (skipped) return;
    place = postgres !== null && engine === "PostgreSQL" ? await openPostgresPlace(postgres) : await openSqlitePlace();
    records = open();
  });
  afterEach(async () => {
    if (skipped) return;
    await records.close();
    await place.dispose();
  });

  function open(): SqlRecordStore {
    const databaseUrl = place.databaseUrl === null ? null : new Secret(place.databaseUrl);
    return openRecordStore({ databaseUrl, dataDir: place.dataDir, clock: { ...systemClock, nowMs: () => nowMs } });
  }
  const raise = (...turns: Parameters<typeof sampleTurn>[0][]) => records.write(turns.map(sampleTurn));
  const onEngine = (name: string, body: () => Promise<void>) =>
    test(name, async () => {
      if (!skipped) await body();
    });

  onEngine("cases that changed, whoever changed them, once for each change", async () => {
    await raise(flaggedTurn("AAAAA-00001"), flaggedTurn("AAAAA-00002"));
    const [first] = await records.console.changesAfter(null);
    const all = await records.console.changesAfter((first?.changedAtMs ?? 0) - 60_000);
    expect(all.map(({ caseNumber }) => caseNumber).sort()).toEqual(["AAAAA-00001", "AAAAA-00002"]);
    expect(await records.console.changesAfter(first?.changedAtMs ?? 0)).toEqual([]);

    const other = open();
    await other.cases.claim({ caseNumber: "AAAAA-00002", by: "ruby" });
    await other.close();
    const [claimed] = await records.console.changesAfter((first?.changedAtMs ?? 0) - 1);
    expect(claimed?.caseNumber).toBe("AAAAA-00002");

    // What is gone tells nobody any more, and holds up no deletion.
    await records.people.erase({ userId: "zhangsan", by: "adam", reason: "test" });
    expect(await records.console.changesAfter(0)).toEqual([]);
  });

  onEngine("heads and summaries of the cases asked for, and of no others", async () => {
    await raise(
      flaggedTurn("AAAAA-00001", {}, { text: "raw", textMasked: "masked", direction: "answer" }),
      flaggedTurn("AAAAA-00002"),
    );
    const heads = await records.console.heads(["AAAAA-00001", "ZZZZZ-99999"]);
    expect([...heads]).toEqual([["AAAAA-00001", { excerpt: "masked", direction: "answer" }]]);
    expect(await records.console.summaries(["AAAAA-00002"])).toMatchObject([{ caseNumber: "AAAAA-00002" }]);
    expect([...(await records.console.heads([]))]).toEqual([]);
    await expect(records.console.heads(Array.from({ length: 201 }, String))).rejects.toMatchObject({
      code: "bad_request",
    });
    expect([...(await records.console.flagTexts("AAAAA-00001"))]).toEqual([["AAAAA-00001", "raw"]]);
  });

  onEngine("a member's figures of 90 days, in any case of the userid", async () => {
    await raise(
      flaggedTurn("AAAAA-00001", { userId: "Lisi" }, { categories: ["pii"] }),
      flaggedTurn("AAAAA-00002", { userId: "LISI" }, { categories: ["pii", "insult"] }),
      { turnId: "old", userId: "lisi", receivedAtMs: nowMs - 91 * DAY_MS },
      { turnId: "other", userId: "lisi2" },
    );
    await records.cases.decide({
      caseNumber: "AAAAA-00001",
      version: 1,
      move: "resolve",
      resolution: "confirmed",
      reason: "",
      note: "",
      by: "ruby",
    });
    expect(await records.console.memberHistory("lIsI")).toEqual({
      flags90Days: { pii: 2, insult: 1 },
      turns90Days: 2,
      confirmed90Days: 1,
      restrictions: [],
    });
    expect(await records.console.flagCount("LISI")).toBe(2);
  });

  onEngine("people page by page in the order of their userids, each once, restricted or not", async () => {
    await raise(
      ...["c", "A", "b", "B", "d%d"].map((userId, index) => ({ turnId: `t${index}`, userId })),
      flaggedTurn("AAAAA-00001", { userId: "e" }),
    );
    const impose = { kind: "mute", caseNumber: null, reason: "test", by: "ruby" } as const;
    await records.restrictions.impose({ ...impose, userId: "B", untilMs: nowMs + HOUR_MS });
    await records.restrictions.impose({ ...impose, userId: "gone", untilMs: null });
    const pages: string[][] = [];
    let cursor: string | null = null;
    do {
      const page = await records.console.people({ q: null, restricted: null, cursor, limit: 2 });
      pages.push(page.people.map(({ userId }) => userId.toLowerCase()));
      cursor = page.cursor;
    } while (cursor !== null);
    expect(pages).toEqual([["a", "b"], ["c", "d%d"], ["e"]]);
    const all = { cursor: null, limit: 50 };
    const restricted = await records.console.people({ ...all, q: null, restricted: true });
    expect(restricted.people).toMatchObject([
      { restricted: true, restrictedUntilMs: nowMs + HOUR_MS, turns90Days: 2 },
      { userId: "gone", restricted: true, restrictedUntilMs: null, turns90Days: 0, lastSeenAtMs: 0 },
    ]);
    expect((await records.console.people({ ...all, q: "%", restricted: null })).people).toHaveLength(1);
    expect((await records.console.people({ ...all, q: null, restricted: false })).people).toHaveLength(4);
    expect((await records.console.people({ ...all, q: "E", restricted: null })).people).toMatchObject([
      { userId: "e", flags90Days: 1, turns90Days: 1, confirmed90Days: 0 },
    ]);
    const planted = Buffer.from("a\0").toString("base64url");
    await expect(records.console.people({ ...all, q: null, restricted: null, cursor: planted })).rejects.toMatchObject({
      code: "bad_request",
    });
  });

  onEngine("the dashboard's figures, by steps without gaps", async () => {
    const at = (ms: number) => ({
      receivedAtMs: ms,
      startedAtMs: ms,
      firstTokenAtMs: ms + 320,
      finishedAtMs: ms + 1_000,
    });
    await raise(
      { turnId: "t1", ...at(SAMPLE_TIME_MS), promptTokens: 10, answerTokens: 5 },
      { turnId: "t2", ...at(SAMPLE_TIME_MS + 60_000), outcome: "refused", promptTokens: null, answerTokens: null },
      { turnId: "t3", ...at(SAMPLE_TIME_MS - 3 * HOUR_MS), outcome: "failed" },
      { turnId: "t4", ...at(SAMPLE_TIME_MS - 3 * DAY_MS) },
      flaggedTurn("AAAAA-00001", at(SAMPLE_TIME_MS + 120_000), { categories: ["pii"] }),
      flaggedTurn("AAAAA-00002", at(SAMPLE_TIME_MS + 180_000), { categories: ["pii"] }),
    );
    const words = { reason: "", note: "", by: "ruby" };
    const resolve = { move: "resolve", version: 1, ...words } as const;
    await records.cases.decide({ ...resolve, caseNumber: "AAAAA-00001", resolution: "false_positive" });
    await records.cases.decide({ ...resolve, caseNumber: "AAAAA-00002", resolution: "confirmed" });
    await records.cases.undo({ caseNumber: "AAAAA-00002", by: "ruby" });

    const board = await records.console.dashboard(1);
    expect(board.stepMs).toBe(HOUR_MS);
    expect(board.series).toHaveLength(24);
    expect(board.untilMs - board.fromMs).toBe(DAY_MS);
    const steps = board.series.filter(({ turns }) => turns > 0);
    expect(steps.map(({ turns, refused, failed, flagged }) => [turns, refused, failed, flagged])).toEqual([
      [1, 0, 1, 0],
      [4, 1, 0, 2],
    ]);
    expect(steps[1]).toMatchObject({ atMs: SAMPLE_TIME_MS, firstTextMsP50: 325, firstTextMsP95: 325 });
    expect(steps[1]?.promptTokens).toBe(10 + 2 * 812);
    expect(board.categories).toEqual([{ category: "pii", flags: 2, falsePositives: 1, decided: 1 }]);
    expect(board.queue).toMatchObject({ open: 1, overdue: 0, oldestAtMs: expect.any(Number) });
    expect(board.decisions).toMatchObject({ count: 1, falsePositiveShare: 1 });
    const empty = await records.console.dashboard(90);
    expect(empty.series).toHaveLength(90);
  });

  onEngine("recorded texts from the latest on, masked, each once", async () => {
    await raise(
      ...Array.from({ length: 5 }, (_, index) => ({
        turnId: `t${index}`,
        receivedAtMs: SAMPLE_TIME_MS + Math.floor(index / 2),
        question: "raw",
        questionMasked: `masked ${index}`,
      })),
      { turnId: "command", outcome: "command" as const },
    );
    const seen: string[] = [];
    let before = null;
    for (;;) {
      const page: Awaited<ReturnType<typeof records.console.recordedTexts>> = await records.console.recordedTexts({
        fromMs: 0,
        before,
        limit: 2,
      });
      if (page.length === 0) break;
      seen.push(...page.map(({ question }) => question));
      before = page.at(-1) ?? null;
    }
    expect(seen).toEqual(["masked 4", "masked 3", "masked 2", "masked 1", "masked 0"]);
  });

  onEngine("policy versions: of two saved on the same base at once, one is; the latest fifty stay", async () => {
    const shipped = { version: "0+shipped", text: "shipped" };
    const draft = (n: number, baseVersion: string) => ({
      version: `${n}+draft`,
      text: `text ${n}`,
      by: "adam",
      note: `change ${n}`,
      baseVersion,
      shipped,
    });
    const other = open();
    const both = await Promise.allSettled([
      records.policies.save(draft(1, "0+shipped")),
      other.policies.save(draft(2, "0+shipped")),
    ]);
    await other.close();
    expect(both.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    const refused = both.find((one) => one.status === "rejected");
    expect(refused?.status === "rejected" && refused.reason).toBeInstanceOf(PolicyConflict);

    for (let n = 3; n < 60; n += 1) {
      const active = await records.policies.active();
      await records.policies.save(draft(n, active?.version ?? ""));
    }
    const versions = await records.policies.list();
    expect(versions.length).toBeLessThanOrEqual(51);
    expect(versions.filter(({ active }) => active)).toMatchObject([{ version: "59+draft", by: "adam" }]);
    const oldest = versions.at(-1)?.id ?? 0;
    await records.policies.activate({ id: oldest, by: "adam", reason: "back" });
    expect(await records.policies.activeId()).toBe(oldest);
    await expect(records.policies.activate({ id: 1, by: "adam", reason: "gone" })).rejects.toMatchObject({
      code: "not_found",
    });
    expect((await records.audit.verify()).ok).toBe(true);
  });
});
