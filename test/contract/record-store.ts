import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import { YingdaError } from "../../src/base/errors.ts";
import { Events } from "../../src/base/events.ts";
import { createLogger } from "../../src/base/logger.ts";
import { Secret } from "../../src/base/secret.ts";
import { openRecordStore, RecordsRejected, type SqlRecordStore } from "../../src/review/record-store.ts";
import type { SpooledRecord } from "../../src/review/records.ts";
import type { RecordPlace } from "../integration/review-places.ts";
import { SAMPLE_TIME_MS, sampleFeedback, sampleFlag, sampleTurn, sampleTurns } from "../integration/review-samples.ts";
import type { WriterOptions } from "../integration/review-writer.ts";

const DAY_MS = 86_400_000;
const WRITER = fileURLToPath(new URL("../integration/review-writer.ts", import.meta.url));

/** What every record store owes its callers, whatever database is below. */
export function describeRecordStore(name: string, open: () => Promise<RecordPlace>): void {
  describe(`the record store on ${name}`, () => {
    jest.setTimeout(60_000);
    let place: RecordPlace;
    let opened: SqlRecordStore[];
    let writers: ChildProcess[];
    let alerts: string[];

    beforeEach(async () => {
      place = await open();
      opened = [];
      writers = [];
      alerts = [];
    });

    afterEach(async () => {
      for (const writer of writers) writer.kill("SIGKILL");
      for (const store of opened) await store.close();
      await place.dispose();
    });

    function openStore(): SqlRecordStore {
      const clock: Clock = { ...systemClock, nowMs: () => SAMPLE_TIME_MS };
      const log = new Writable({
        write(line, _encoding, done) {
          const { alert, msg } = JSON.parse(String(line)) as { alert: string; msg: string };
          alerts.push(`${alert}: ${msg}`);
          done();
        },
      });
      const store = openRecordStore({
        databaseUrl: place.databaseUrl === null ? null : new Secret(place.databaseUrl),
        dataDir: place.dataDir,
        clock,
        events: new Events(createLogger("error", log)),
      });
      opened.push(store);
      return store;
    }

    async function count(table: string): Promise<number> {
      const [row] = await place.sql(`select count(*) as n from ${table}`);
      return Number(row?.n);
    }

    /** Each migration has left its row, and left it once. */
    async function expectMigratedOnce(): Promise<void> {
      const [row] = await place.sql("select count(*) as n, max(version) as latest from schema_migrations");
      expect(Number(row?.n)).toBeGreaterThan(0);
      expect(Number(row?.n)).toBe(Number(row?.latest));
    }

    function startWriter(options: Pick<WriterOptions, "prefix" | "batches">): ChildProcess {
      const { databaseUrl, dataDir } = place;
      const writer = spawn(process.execPath, [WRITER, JSON.stringify({ databaseUrl, dataDir, ...options })], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      writers.push(writer);
      return writer;
    }

    describe("records that were written", () => {
      test("a turn comes back whole, with 64-bit ids as strings and times as numbers", async () => {
        const store = openStore();
        const turn = sampleTurn({
          turnId: "app:9223372036854775807",
          groupId: "9007199254740993",
          feedbackId: "9223372036854775806",
          flags: [sampleFlag(), sampleFlag({ caseNumber: "C-0002", direction: "answer", severity: "P0" })],
        });
        await store.write([turn]);

        const stored = await store.turnById("app:9223372036854775807");
        const added = {
          turnId: turn.turnId,
          conversationId: turn.conversationId,
          userId: turn.userId,
          status: "new",
          inCase: "C-0001",
          raisedAtMs: turn.finishedAtMs,
          maskedAtMs: null,
          confidence: 0,
          audience: null,
        };
        expect(stored).toEqual({
          ...turn,
          questionMasked: turn.question,
          questionUnits: turn.question.length,
          answerMasked: turn.answer,
          answerUnits: turn.answer.length,
          maskedAtMs: null,
          flags: turn.flags.map((flag) => ({
            ...flag,
            textMasked: flag.text,
            textUnits: flag.text.length,
            ...added,
          })),
        });
        expect(typeof stored?.receivedAtMs).toBe("number");
      });

      test("what is missing in a failed turn comes back as null", async () => {
        const store = openStore();
        const turn = sampleTurn({
          outcome: "failed",
          answer: "",
          model: null,
          endpoint: null,
          promptTokens: null,
          answerTokens: null,
          firstTokenAtMs: null,
          errorCode: "model_unreachable",
        });
        await store.write([turn]);
        expect(await store.turnById(turn.turnId)).toMatchObject(turn);
      });

      test("masked texts, confidence and audience come back as they were given", async () => {
        const store = openStore();
        const flag = sampleFlag({ textMasked: "我的手机号是 [手机号]", confidence: 0.75, audience: "external" });
        const turn = sampleTurn({ questionMasked: "我是 [姓名]", answerMasked: "[姓名]，您好", flags: [flag] });
        await store.write([turn]);
        expect(await store.turnById(turn.turnId)).toMatchObject(turn);
      });

      test("a turn that nobody wrote is null", async () => {
        expect(await openStore().turnById("app:1")).toBeNull();
      });

      test("feedback comes back oldest first, even without its turn", async () => {
        const store = openStore();
        const first = sampleFeedback({ eventId: "e1", atMs: SAMPLE_TIME_MS });
        const second = sampleFeedback({ eventId: "e2", atMs: SAMPLE_TIME_MS + 1, verdict: "cancelled", reasons: [] });
        await store.write([second, first, sampleFeedback({ eventId: "e3", feedbackId: "another" })]);
        expect(await store.feedbackFor("feedback-1")).toEqual([
          { ...first, commentUnits: 6, maskedAtMs: null },
          { ...second, commentUnits: 6, maskedAtMs: null },
        ]);
      });

      test("the same records again, in another batch and twice in one, change nothing", async () => {
        const store = openStore();
        const turn = sampleTurn({ flags: [sampleFlag()] });
        await store.write([turn, sampleFeedback()]);
        const later = { ...turn, answer: "another answer", flags: [sampleFlag({ severity: "P0" })] };
        await store.write([later, later, sampleFeedback({ verdict: "accurate" })]);

        expect(await count("turns")).toBe(1);
        expect(await count("flags")).toBe(1);
        expect((await store.turnById(turn.turnId))?.answer).toBe(turn.answer);
        expect((await store.recentFlags(10)).map((flag) => flag.severity)).toEqual(["P2"]);
        expect((await store.feedbackFor("feedback-1")).map((feedback) => feedback.verdict)).toEqual(["inaccurate"]);
      });

      test("a batch of 1,000 turns with flags is there as a whole", async () => {
        const store = openStore();
        await store.write(sampleTurns(1000, "many"));
        expect(await count("turns")).toBe(1000);
        expect(await count("flags")).toBe(1000);
      });

      test("an empty batch is fine, one over the limit is refused before anything is written", async () => {
        const store = openStore();
        await store.write([]);
        await expect(store.write(sampleTurns(2001, "many"))).rejects.toMatchObject({ code: "bad_request" });
        expect(await store.turnsOfConversation("app:1000002:ZhangSan", 10)).toEqual([]);
      });
    });

    describe("questions about the records", () => {
      test("a conversation's last turns come oldest first, with their flags", async () => {
        const store = openStore();
        await store.write([
          ...sampleTurns(5, "t"),
          sampleTurn({ turnId: "other", conversationId: "app:1000002:LiSi" }),
        ]);
        const turns = await store.turnsOfConversation("app:1000002:ZhangSan", 3);
        expect(turns.map((turn) => turn.turnId)).toEqual(["t:2", "t:3", "t:4"]);
        expect(turns.map((turn) => turn.flags.map((flag) => flag.caseNumber))).toEqual([["t-2"], ["t-3"], ["t-4"]]);
      });

      test("recent flags come newest first, at most 200 and at least one", async () => {
        const store = openStore();
        await store.write(sampleTurns(250, "t"));
        expect((await store.recentFlags(2)).map((flag) => flag.caseNumber)).toEqual(["t-249", "t-248"]);
        expect(await store.recentFlags(1_000_000)).toHaveLength(200);
        expect(await store.recentFlags(-5)).toHaveLength(1);
      });
    });

    describe("records that no database takes as they are", () => {
      test("NUL and half surrogate pairs become U+FFFD, and spans keep pointing at the same place", async () => {
        const store = openStore();
        const text = "a\0b\uD83D 坏词 \uDE00 😀";
        const flag = sampleFlag({ text, signals: [], categories: ["a\0", "b\uD800"] });
        await store.write([
          sampleTurn({ question: text, answer: text, flags: [flag] }),
          sampleFeedback({ comment: text }),
        ]);

        const turn = await store.turnById("app:9223372036854775807");
        expect(turn?.question).toBe("a\uFFFDb\uFFFD 坏词 \uFFFD 😀");
        expect(turn?.flags[0]?.text.indexOf("坏词")).toBe(text.indexOf("坏词"));
        expect(turn?.flags[0]?.categories).toEqual(["a\0", "b\uD800"]);
        expect((await store.feedbackFor("feedback-1"))[0]?.comment).toBe(turn?.question);
      });

      test("a text over its limit is cut, and its length says so", async () => {
        const store = openStore();
        await store.write([sampleTurn({ question: "长".repeat(100_001), answer: "x".repeat(100_000) })]);
        const turn = await store.turnById("app:9223372036854775807");
        expect([turn?.question.length, turn?.questionUnits]).toEqual([100_000, 100_001]);
        expect([turn?.answer.length, turn?.answerUnits]).toEqual([100_000, 100_000]);
      });

      test("a poison record among good ones is named, the good ones are stored, and again the same", async () => {
        const store = openStore();
        await store.write([sampleTurn({ turnId: "first", flags: [sampleFlag({ caseNumber: "taken" })] })]);
        const batch = sampleTurns(40, "good") as SpooledRecord[];
        batch.splice(3, 0, sampleTurn({ turnId: "x".repeat(513) }));
        batch.splice(17, 0, sampleTurn({ turnId: "thief", flags: [sampleFlag({ caseNumber: "taken" })] }));
        batch.splice(20, 0, JSON.parse('{"kind":"turn","turnId":"half"}') as SpooledRecord);
        batch.splice(30, 0, JSON.parse("null") as SpooledRecord);
        batch.splice(31, 0, JSON.parse('{"kind":"rumour","eventId":"no such kind"}') as SpooledRecord);

        for (let round = 0; round < 2; round += 1) {
          const error = await store.write(batch).catch((thrown: unknown) => thrown);
          if (!(error instanceof RecordsRejected)) throw error;
          expect(error.rejected.map(({ index, id }) => ({ index, id: id?.slice(0, 12) ?? null }))).toEqual([
            { index: 3, id: "xxxxxxxxxxxx" },
            { index: 17, id: "thief" },
            { index: 20, id: "half" },
            { index: 30, id: null },
            { index: 31, id: "no such kind" },
          ]);
          expect(await count("turns")).toBe(41);
          expect(await store.turnById("thief")).toBeNull();
        }
      });

      test("the reason of a rejection names the field or rule, and quotes nothing", async () => {
        const store = openStore();
        await store.write([sampleTurn({ turnId: "first", flags: [sampleFlag({ caseNumber: "taken" })] })]);
        const secretive = { answer: "绝密内容", question: "绝密内容" };
        const batch = [
          sampleTurn({ turnId: "thief", ...secretive, flags: [sampleFlag({ caseNumber: "taken", text: "绝密内容" })] }),
          sampleTurn({ turnId: "late", ...secretive, receivedAtMs: 2 ** 60 }),
          sampleTurn({ turnId: "NUL", ...secretive, userId: "绝密\0内容" }),
        ];
        const error = await store.write(batch).catch((thrown: unknown) => thrown);
        if (!(error instanceof RecordsRejected)) throw error;
        expect(error.rejected.map(({ reason }) => reason)).toEqual([
          expect.stringMatching(/flags/),
          expect.stringMatching(/^receivedAtMs: /),
          expect.stringMatching(/^userId: /),
        ]);
        expect(JSON.stringify([error.message, error.details, error.rejected])).not.toContain("绝密");
        expect(error.cause).toBeUndefined();
      });
    });

    describe("a database that goes away", () => {
      test("away at start: opening works, calls say so, and the first call after its return succeeds", async () => {
        await place.away();
        const store = openStore();
        const failures = await Promise.allSettled([store.ping(), store.write([sampleTurn()]), store.cases.counts()]);
        for (const failure of failures) {
          expect(failure).toMatchObject({
            status: "rejected",
            reason: { code: "record_store_unavailable", retryable: true },
          });
        }
        await place.back();
        await store.write([sampleTurn()]);
        await store.ping();
        expect(await store.turnById("app:9223372036854775807")).not.toBeNull();
        expect(alerts).toEqual([]);
      });

      test("away in the middle: what was acknowledged is there afterwards, and writing goes on", async () => {
        const store = openStore();
        await store.write(sampleTurns(10, "before"));
        await place.away();
        await expect(store.write(sampleTurns(10, "during"))).rejects.toMatchObject({
          code: "record_store_unavailable",
        });
        await place.back();
        await store.write(sampleTurns(10, "during"));
        await store.write(sampleTurns(10, "after"));
        expect(await count("turns")).toBe(30);
        expect(await count("flags")).toBe(30);
      });

      test("emptied while open, as by a restored backup: the schema is made again", async () => {
        const store = openStore();
        await store.write(sampleTurns(3, "before"));
        await place.empty();
        await expect(store.write(sampleTurns(3, "after"))).rejects.toMatchObject({ code: "record_store_unavailable" });
        await store.write(sampleTurns(3, "after"));
        expect(await count("turns")).toBe(3);
      });

      test("a closed store refuses calls, and closing twice is fine", async () => {
        const store = openStore();
        await store.write([sampleTurn()]);
        await Promise.all([store.close(), store.close()]);
        await expect(store.write([sampleTurn()])).rejects.toMatchObject({ code: "record_store_unavailable" });
        await expect(store.cases.counts()).rejects.toMatchObject({ code: "record_store_unavailable" });
      });

      test("a store that is closed in the middle of a write loses no acknowledged row", async () => {
        const store = openStore();
        await store.ping();
        const writes = Promise.allSettled(
          Array.from({ length: 3 }, (_, index) => store.write(sampleTurns(500, `w${index}`))),
        );
        await store.close();
        const acknowledged = (await writes).filter(({ status }) => status === "fulfilled").length;
        expect(await count("turns")).toBe(acknowledged * 500);
      });
    });

    describe("several processes", () => {
      test("two that start at once on an empty database migrate once, and all their rows are there", async () => {
        const processes = [startWriter({ prefix: "a", batches: 8 }), startWriter({ prefix: "b", batches: 8 })];
        const codes = await Promise.all(processes.map(async (process) => (await once(process, "exit"))[0] as number));
        expect(codes).toEqual([0, 0]);
        await expectMigratedOnce();
        expect(await count("turns")).toBe(2 * 2 * (1 + 2 + 3 + 4));
      });

      test("twenty first calls of two stores at once migrate once", async () => {
        const [one, two] = [openStore(), openStore()];
        const writes = Array.from({ length: 20 }, (_, index) =>
          (index % 2 === 0 ? one : two).write(sampleTurns(2, `call${index}`)),
        );
        await Promise.all(writes);
        await expectMigratedOnce();
        expect(await count("turns")).toBe(40);
      });

      test("kill -9 of a writing process, ten times, loses no acknowledged row, no turn its flag and no flag its case", async () => {
        const acknowledged = new Set<string>();
        for (let round = 0; round < 10; round += 1) {
          const writer = startWriter({ prefix: `r${round}`, batches: 1_000_000 });
          if (writer.stdout === null) throw new Error("no output to read");
          let lines = 0;
          for await (const line of createInterface({ input: writer.stdout })) {
            for (const id of line.split(" ")) acknowledged.add(id);
            lines += 1;
            // Not always after the same number of batches, so that it dies in different places.
            if (lines === 3 + round * 7) writer.kill("SIGKILL");
          }
        }
        const stored = await place.sql(
          "select turns.turn_id as turn, flags.case_number as flag from turns left join flags on flags.turn_id = turns.turn_id",
        );
        const ids = new Set(stored.map((row) => row.turn));
        expect([...acknowledged].filter((id) => !ids.has(id))).toEqual([]);
        expect(stored.filter((row) => row.flag === null)).toEqual([]);
        expect(await place.sql("select case_number from flags where in_case is null")).toEqual([]);
        expect(
          await place.sql(`select case_number from cases
            where flag_count <> (select count(*) from flags where in_case = cases.case_number)`),
        ).toEqual([]);
        expect(acknowledged.size).toBeGreaterThan(500);
      });
    });

    describe("a schema newer than the program", () => {
      test("is refused in plain words, with one alert, until the program fits again", async () => {
        await openStore().ping();
        await place.sql(
          "insert into schema_migrations (version, name, applied_at_ms) values (99, 'from the future', 1)",
        );
        const store = openStore();
        for (let attempt = 0; attempt < 3; attempt += 1) {
          const error = await store.write([sampleTurn()]).catch((thrown: unknown) => thrown);
          if (!(error instanceof YingdaError)) throw error;
          expect(error).toMatchObject({
            code: "record_store_unavailable",
            retryable: true,
            details: { fault: "record_schema_newer" },
          });
          expect(error.message).toMatch(
            /schema is version 99, this program knows \d+: a newer version .* Update this one/,
          );
        }
        expect(alerts).toEqual([expect.stringMatching(/^record_schema_newer: .*version 99/)]);
        expect(await count("turns")).toBe(0);

        await place.sql("delete from schema_migrations where version = 99");
        await store.write([sampleTurn()]);
      });
    });

    describe("retention", () => {
      const days = { rawDays: 30, maskedDays: 190 };

      test("young texts stay, old ones are emptied and their figures kept", async () => {
        const store = openStore();
        const flag = (caseNumber: string) => [sampleFlag({ caseNumber })];
        await store.write([
          sampleTurn({ turnId: "old", receivedAtMs: SAMPLE_TIME_MS - 30 * DAY_MS - 1, flags: flag("old") }),
          sampleTurn({ turnId: "young", receivedAtMs: SAMPLE_TIME_MS - 30 * DAY_MS, flags: flag("young") }),
          sampleFeedback({ eventId: "old", atMs: SAMPLE_TIME_MS - 31 * DAY_MS }),
          sampleFeedback({ eventId: "young", atMs: SAMPLE_TIME_MS }),
        ]);
        await place.sql("update cases set status = 'resolved'");

        expect(await store.sweepRetention(days)).toEqual({
          turnsMasked: 1,
          caseTurnsMasked: 1,
          feedbackMasked: 1,
          turnsDeleted: 0,
          casesDeleted: 0,
          feedbackDeleted: 0,
          finished: true,
        });
        const old = await store.turnById("old");
        expect(old).toMatchObject({
          question: "",
          questionMasked: sampleTurn().question,
          questionUnits: sampleTurn().question.length,
          answer: "",
          answerMasked: sampleTurn().answer,
          maskedAtMs: SAMPLE_TIME_MS,
          userId: "ZhangSan",
          answerTokens: 64,
        });
        expect(old?.flags).toMatchObject([
          {
            text: "",
            textMasked: sampleFlag().text,
            maskedAtMs: SAMPLE_TIME_MS,
            status: "resolved",
            categories: ["pii", "insult"],
          },
        ]);
        expect(old?.flags[0]?.signals).toEqual(sampleFlag().signals);
        expect(await store.turnById("young")).toMatchObject({ question: sampleTurn().question, maskedAtMs: null });
        expect((await store.feedbackFor("feedback-1")).map(({ comment }) => comment)).toEqual(["", "年假天数不对"]);

        expect(await store.sweepRetention(days)).toMatchObject({ turnsMasked: 0, feedbackMasked: 0 });
      });

      test("a turn with an undecided flag keeps its texts until somebody decides", async () => {
        const store = openStore();
        const flags = [sampleFlag({ caseNumber: "question" }), sampleFlag({ caseNumber: "answer" })];
        await store.write([sampleTurn({ receivedAtMs: SAMPLE_TIME_MS - 100 * DAY_MS, flags })]);
        for (const status of ["new", "claimed", "escalated", "snoozed", "appealed"]) {
          await place.sql(`update cases set status = '${status}'`);
          expect(await store.sweepRetention(days)).toMatchObject({ turnsMasked: 0, caseTurnsMasked: 0 });
        }
        expect((await store.recentFlags(2)).map(({ text }) => text)).toEqual([flags[0]?.text, flags[1]?.text]);

        await place.sql("update cases set status = 'auto_closed'");
        expect(await store.sweepRetention(days)).toMatchObject({ turnsMasked: 1, caseTurnsMasked: 1 });
        expect((await store.recentFlags(2)).map(({ text }) => text)).toEqual(["", ""]);
      });

      test("after the last day rows go with their flags, decided or not, more than one batch of them", async () => {
        const store = openStore();
        await store.write(sampleTurns(1200, "old", { receivedAtMs: SAMPLE_TIME_MS - 191 * DAY_MS }));
        await store.write([sampleTurn({ turnId: "kept" }), sampleFeedback({ atMs: SAMPLE_TIME_MS - 191 * DAY_MS })]);
        expect(await store.sweepRetention(days)).toMatchObject({
          turnsDeleted: 1200,
          casesDeleted: 12,
          feedbackDeleted: 1,
          turnsMasked: 0,
          finished: true,
        });
        expect(await place.sql("select turn_id from turns")).toEqual([{ turn_id: "kept" }]);
        for (const table of ["flags", "cases", "case_turns", "feedback"]) expect(await count(table)).toBe(0);
      });

      test("two sweeps at once share the work, and writing goes on beside them", async () => {
        const [first, second] = [openStore(), openStore()];
        for (const prefix of ["a", "b", "c"]) {
          await first.write(sampleTurns(1000, prefix, { flags: [], receivedAtMs: SAMPLE_TIME_MS - 40 * DAY_MS }));
        }
        const [one, two] = await Promise.all([
          first.sweepRetention(days),
          second.sweepRetention(days),
          second.write(sampleTurns(20, "beside")),
        ]);
        expect(one.turnsMasked + two.turnsMasked).toBe(3000);
        expect(await place.sql("select count(*) as n from turns where masked_at_ms is null and answer <> ''")).toEqual([
          { n: 20 },
        ]);
      });

      test.each([
        { rawDays: 0, maskedDays: 190 },
        { rawDays: 30, maskedDays: 29 },
        { rawDays: 1.5, maskedDays: 190 },
        { rawDays: Number.NaN, maskedDays: 190 },
      ])("days that make no sense are refused: %j", async (nonsense) => {
        await expect(openStore().sweepRetention(nonsense)).rejects.toMatchObject({ code: "bad_config" });
      });
    });
  });
}
