import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import { systemClock } from "../../src/base/clock.ts";
import { Secret } from "../../src/base/secret.ts";
import { openRecordStore, type SqlRecordStore } from "../../src/review/record-store.ts";
import type { FlagRecord, TurnRecord } from "../../src/review/records.ts";
import type { RecordPlace } from "../integration/review-places.ts";
import { SAMPLE_TIME_MS, sampleFeedback, sampleFlag, sampleTurn } from "../integration/review-samples.ts";

const HOUR_MS = 3600_000;
const DAY_MS = 24 * HOUR_MS;

/** Audit log, search, restrictions, legal holds and what is kept about a member, whatever database is below. */
export function describeKeeping(name: string, openPlace: () => Promise<RecordPlace>): void {
  describe(`keeping on ${name}`, () => {
    jest.setTimeout(60_000);
    let place: RecordPlace;
    let stores: SqlRecordStore[];
    let store: SqlRecordStore;
    let nowMs: number;

    beforeEach(async () => {
      place = await openPlace();
      stores = [];
      nowMs = SAMPLE_TIME_MS;
      store = open();
    });

    afterEach(async () => {
      for (const one of stores) await one.close();
      await place.dispose();
    });

    function open(): SqlRecordStore {
      const one = openRecordStore({
        databaseUrl: place.databaseUrl === null ? null : new Secret(place.databaseUrl),
        dataDir: place.dataDir,
        clock: { ...systemClock, nowMs: () => nowMs },
      });
      stores.push(one);
      return one;
    }

    async function raise(
      caseNumber: string,
      flag: Partial<FlagRecord> = {},
      turn: Partial<TurnRecord> = {},
    ): Promise<void> {
      await store.write([
        sampleTurn({
          turnId: `turn-${caseNumber}`,
          conversationId: `conversation-${caseNumber}`,
          flags: [sampleFlag({ caseNumber, ...flag })],
          ...turn,
        }),
      ]);
    }

    async function count(table: string): Promise<number> {
      const [row] = await place.sql(`select count(*) as n from ${table}`);
      return Number(row?.n);
    }

    async function lines(pieces: AsyncGenerator<string>): Promise<string> {
      let text = "";
      for await (const piece of pieces) text += piece;
      return text;
    }

    describe("the audit log", () => {
      const login = { by: "LiLei", action: "login", subject: "member:lilei", details: { from: "console" } };

      test("keeps who, what, whose and when, each row chained to the one before", async () => {
        expect(await store.audit.head()).toEqual({ seq: 0, hash: "" });
        const first = await store.audit.append(login);
        nowMs += 1;
        const second = await store.audit.append({
          ...login,
          by: "HanMei",
          details: { tries: 2, late: true, way: null },
        });
        expect(second).toMatchObject({ seq: 2, atMs: nowMs, prevHash: first.hash, details: { tries: 2, late: true } });
        expect(first.hash).toMatch(/^[0-9a-f]{64}$/);
        expect(await store.audit.recent(10)).toEqual([second, first]);
        expect(await store.audit.recent(10, 2)).toEqual([first]);
        expect(await store.audit.recent(10, undefined, { fromMs: nowMs })).toEqual([second]);
        expect(await store.audit.recent(10, undefined, { untilMs: nowMs, subject: "member:lilei" })).toEqual([first]);
        expect(await store.audit.head()).toEqual({ seq: 2, hash: second.hash });
        expect(await store.audit.verify()).toEqual({ ok: true, rows: 2, head: await store.audit.head() });
      });

      test("written by two processes at once stays one chain", async () => {
        const other = open();
        await Promise.all([store.ping(), other.ping()]);
        await Promise.all(
          Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? store : other).audit.append(login)),
        );
        expect(await store.audit.verify()).toMatchObject({ ok: true, rows: 40 });
      });

      test("is verified while it grows", async () => {
        for (let index = 0; index < 20; index += 1) await store.audit.append(login);
        const other = open();
        const [verdict] = await Promise.all([
          store.audit.verify(),
          ...Array.from({ length: 20 }, () => other.audit.append(login)),
        ]);
        expect(verdict.ok).toBe(true);
      });

      test("the database itself refuses to change or delete rows", async () => {
        await store.audit.append(login);
        for (const statement of ["update audit set by_user = 'x'", "delete from audit"]) {
          await expect(place.sql(statement)).rejects.toThrow(/audit rows are never/);
        }
      });

      /** As somebody does who owns the database. */
      async function unguarded(...statements: string[]): Promise<void> {
        const on = place.databaseUrl === null ? "" : " on audit";
        await place.sql(`drop trigger audit_keeps_rows${on}`);
        if (place.databaseUrl === null) await place.sql("drop trigger audit_loses_none");
        for (const statement of statements) await place.sql(statement);
      }

      test.each<[string, string[], object]>([
        ["a changed actor", ["update audit set by_user = 'Nobody' where seq = 3"], { seq: 3, why: "changed" }],
        ["changed details", ["update audit set details = '{}' where seq = 3"], { seq: 3, why: "changed" }],
        ["a changed time", ["update audit set at_ms = at_ms + 1 where seq = 3"], { seq: 3, why: "changed" }],
        ["details that are no JSON", ["update audit set details = '{' where seq = 3"], { seq: 3, why: "changed" }],
        ["a removed row", ["delete from audit where seq = 3"], { seq: 3, why: "missing" }],
        ["a removed first row", ["delete from audit where seq = 1"], { seq: 1, why: "missing" }],
        ["removed last rows", ["delete from audit where seq > 3"], { seq: 4, why: "cut_off" }],
        [
          "a removed row with all later ones moved up",
          [
            "delete from audit where seq = 3",
            "update audit set seq = 3 where seq = 4",
            "update audit set seq = 4 where seq = 5",
          ],
          { seq: 3, why: "changed" },
        ],
        [
          "two rows in each other's place",
          [
            "update audit set seq = 99 where seq = 2",
            "update audit set seq = 2 where seq = 3",
            "update audit set seq = 3 where seq = 99",
          ],
          { seq: 2, why: "changed" },
        ],
        ["a row put before the first", ["insert into audit values (0, 1, 'x', 'x', 'x', '{}', '', '')"], { seq: 1 }],
        ["a row put behind the last", ["insert into audit values (6, 1, 'x', 'x', 'x', '{}', '', '')"], { seq: 6 }],
        ["a removed head", ["delete from audit_head"], { seq: 6, why: "cut_off" }],
      ])("%s is found", async (_what, statements, expected) => {
        for (let index = 0; index < 5; index += 1) {
          nowMs += 1000;
          await store.audit.append({ ...login, details: { index } });
        }
        expect(await store.audit.verify()).toMatchObject({ ok: true });
        await unguarded(...statements);
        expect(await store.audit.verify()).toMatchObject({ ok: false, ...expected });
        // Whoever looks at the rows meanwhile still sees them.
        expect((await store.audit.recent(10)).length).toBeGreaterThan(2);
      });

      test("a cut that hides itself is found by a head that was noted elsewhere", async () => {
        for (let index = 0; index < 5; index += 1) await store.audit.append(login);
        const noted = await store.audit.head();
        expect(await store.audit.verify(noted)).toMatchObject({ ok: true });
        await unguarded(
          "delete from audit where seq > 3",
          "update audit_head set seq = 3, hash = (select hash from audit where seq = 3)",
        );
        expect(await store.audit.verify()).toMatchObject({ ok: true });
        expect(await store.audit.verify(noted)).toMatchObject({ ok: false, why: "cut_off" });
        await store.audit.append(login);
        await store.audit.append({ ...login, by: "other" });
        expect(await store.audit.verify(noted)).toMatchObject({ ok: false, seq: 5, why: "not_the_noted_head" });
      });

      test.each([
        { ...login, action: "no spaces" },
        { ...login, by: "" },
        { ...login, details: { text: "x".repeat(513) } },
        { ...login, details: { text: "half \uD800" } },
        { ...login, details: Object.fromEntries(Array.from({ length: 21 }, (_, index) => [`k${index}`, 1])) },
      ])("an entry that is none is refused: %#", async (entry) => {
        await expect(store.audit.append(entry)).rejects.toMatchObject({ code: "bad_request" });
        expect(await store.audit.head()).toMatchObject({ seq: 0 });
      });

      test("is exported as lines of JSON and as CSV that no spreadsheet runs", async () => {
        await store.audit.append({ by: "=cmd()", action: "login", subject: '"quoted",\nline', details: { n: 1 } });
        await store.audit.append(login);
        const rows = (await store.audit.recent(10)).reverse();
        const json = await lines(store.audit.export("jsonl"));
        expect(
          json
            .trimEnd()
            .split("\n")
            .map((line) => JSON.parse(line) as unknown),
        ).toEqual(rows);
        const csv = await lines(store.audit.export("csv"));
        expect(csv.split("\r\n")[0]).toBe("seq,at,by,action,subject,details,prev_hash,hash");
        expect(csv).toContain(`"1","2026-11-02T08:00:00.000Z","'=cmd()","login","""quoted"",\nline","{""n"":1}","",`);
        expect(await lines(store.audit.export("jsonl", { subject: "member:lilei" }))).toBe(
          `${JSON.stringify(rows[1])}\n`,
        );
      });
    });

    describe("search", () => {
      async function found(text: string): Promise<string[]> {
        const page = await store.cases.list({ filter: { text }, order: "newest", limit: 200, cursor: null });
        return page.cases.map(({ caseNumber }) => caseNumber).sort();
      }

      test.each<[string, string[]]>([
        ["越狱", ["A"]],
        ["越狱咒语", ["A"]],
        ["狱咒", ["A"]],
        ["咒越", []],
        ["语", ["A", "B"]],
        ["越", ["A"]],
        ["言", ["B"]],
        ["jailbreak", ["A"]],
        ["JAIL", ["A"]],
        ["ailbreak", []],
        ["GPT4", ["B"]],
        ["用gpt4写", ["B"]],
        ["越狱 jail", ["A"]],
        ["越狱 语言", []],
        ["越狱，咒语", ["A"]],
        ["ＧＰＴ４", ["B"]],
        ["問", []],
        ["'); drop table cases; --", []],
        ['" OR "', []],
        ["* ^ NEAR( : & | !", []],
        ["", []],
        ["😀", []],
      ])("for %j finds %j", async (query, expected) => {
        await raise("A", { textMasked: "这是越狱咒语, Jailbreak prompt!" });
        await raise("B", { textMasked: "请用GPT4写一段语言" });
        expect(await found(query)).toEqual(expected);
      });

      test("finds words of every script by themselves, and no text is one that cannot be made findable", async () => {
        const texts = [
          "𰀀𰀁",
          "𠮷野家",
          "नमस्ते",
          "مرحبا",
          "ภาษาไทย",
          "한국어",
          "ｶﾞｷﾞ",
          "ß",
          "İstanbul",
          "ǅ",
          "ⅷ",
          "٣٤",
          "々",
          "ー",
        ];
        for (const [index, text] of texts.entries()) await raise(`n${index}`, { textMasked: `, ${text} ;` });
        for (const [index, text] of texts.entries()) expect([text, await found(text)]).toEqual([text, [`n${index}`]]);

        const nonsense = fc.sample(fc.string({ unit: "binary", maxLength: 2000 }), { numRuns: 100, seed: 7 });
        const flags = nonsense.map((text, index) => sampleFlag({ caseNumber: `f${index}`, text, textMasked: text }));
        await store.write(flags.map((flag) => sampleTurn({ turnId: flag.caseNumber, flags: [flag] })));
        await store.write([
          sampleTurn({ turnId: "long", flags: [sampleFlag({ caseNumber: "long", text: "abc龘".repeat(25_000) })] }),
        ]);
        expect(await count("flag_search")).toBe(texts.length + 101);
      });

      test("is over the masked text, and the question to a judged answer", async () => {
        const texts = { text: "电话一三八", textMasked: "电话[手机号]", direction: "answer" as const };
        await raise("A", texts, { questionMasked: "怎么联系他" });
        expect([await found("一三八"), await found("手机号"), await found("联系")]).toEqual([[], ["A"], ["A"]]);
      });

      test("of a case finds it by each of its flags, and goes on over pages with other filters", async () => {
        await raise("A", { textMasked: "第一句" });
        await raise("B", { textMasked: "第二句" }, { conversationId: "conversation-A" });
        expect([await found("第二"), await found("第一 第二")]).toEqual([["A"], []]);
        for (let index = 0; index < 10; index += 1)
          await raise(`n${index}`, { textMasked: "相同的话", severity: "P1" });
        const request = { filter: { text: "相同", severities: ["P1" as const] }, order: "urgency" as const, limit: 6 };
        const first = await store.cases.list({ ...request, cursor: null });
        const second = await store.cases.list({ ...request, cursor: first.cursor });
        expect([first.cases.length, second.cases.length, second.cursor]).toEqual([6, 4, null]);
      });

      test("forgets what retention or an erasure deletes", async () => {
        await raise("A", { textMasked: "越狱" }, { receivedAtMs: SAMPLE_TIME_MS - 200 * DAY_MS });
        await raise("B", { textMasked: "越狱" }, { userId: "LiSi" });
        await store.sweepRetention({ rawDays: 30, maskedDays: 190 });
        expect(await found("越狱")).toEqual(["B"]);
        await store.people.erase({ userId: "LISI", by: "Admin", reason: "asked" });
        expect(await found("越狱")).toEqual([]);
        expect(await count("flag_search")).toBe(0);
        if (place.databaseUrl === null) {
          expect(await place.sql("select rowid from flag_grams where flag_grams match '越狱'")).toEqual([]);
        }
      });
    });

    describe("restrictions", () => {
      const ban = {
        userId: "ZhangSan",
        kind: "ban" as const,
        untilMs: null,
        caseNumber: "A",
        reason: "r",
        by: "LiLei",
      };

      test("are in force until their time or until they are lifted, and audited", async () => {
        const muted = await store.restrictions.impose({ ...ban, kind: "mute", untilMs: nowMs + HOUR_MS });
        nowMs += 1;
        const banned = await store.restrictions.impose(ban);
        expect(await store.restrictions.inForceFor("zhangsan")).toEqual([banned, muted]);
        expect(await store.restrictions.inForce()).toEqual([muted, banned]);
        expect(await store.restrictions.inForce(muted)).toEqual([banned]);
        nowMs += HOUR_MS;
        expect(await store.restrictions.inForceFor("ZHANGSAN")).toEqual([banned]);
        const lift = { restrictionId: banned.restrictionId, by: "HanMei", reason: "appeal" };
        const lifted = await store.restrictions.lift(lift);
        expect(lifted).toMatchObject({ liftedAtMs: nowMs, liftedBy: "HanMei", liftReason: "appeal" });
        nowMs += 1;
        expect(await store.restrictions.lift({ ...lift, by: "Lucy" })).toEqual(lifted);
        expect(await store.restrictions.inForce()).toEqual([]);
        expect((await store.audit.recent(10)).map(({ action, subject }) => [action, subject])).toEqual([
          ["member.lift", "member:zhangsan"],
          ["member.ban", "member:zhangsan"],
          ["member.mute", "member:zhangsan"],
        ]);
        await expect(store.restrictions.lift({ ...lift, restrictionId: "none" })).rejects.toMatchObject({
          code: "not_found",
        });
      });

      test.each([{ untilMs: 1 }, { untilMs: SAMPLE_TIME_MS }, { untilMs: Number.NaN }, { reason: "x".repeat(201) }])(
        "that make no sense are refused: %j",
        async (change) => {
          await expect(store.restrictions.impose({ ...ban, ...change })).rejects.toMatchObject({ code: "bad_request" });
          expect(await store.restrictions.inForce()).toEqual([]);
        },
      );
    });

    describe("legal holds", () => {
      const days = { rawDays: 30, maskedDays: 190 };

      test.each<[string, () => Promise<unknown>]>([
        ["a case", () => store.holds.place({ subject: { kind: "case", caseNumber: "A" }, reason: "r", by: "Admin" })],
        [
          "a member",
          () => store.holds.place({ subject: { kind: "member", userId: "ZHANGSAN" }, reason: "r", by: "Admin" }),
        ],
      ])("on %s keep rows and texts from retention and erasure, until they are lifted", async (_what, place_) => {
        const old = { receivedAtMs: SAMPLE_TIME_MS - 200 * DAY_MS };
        await raise("A", {}, old);
        await raise("B", {}, { ...old, userId: "LiSi" });
        await place.sql("update cases set status = 'resolved'");
        await place_();
        await store.sweepRetention(days);
        expect((await place.sql("select case_number from cases")).map((row) => row.case_number)).toEqual(["A"]);
        expect(await store.turnById("turn-A")).toMatchObject({ question: sampleTurn().question, maskedAtMs: null });
        expect(await store.cases.get("A")).toMatchObject({ held: true, turns: [{ maskedAtMs: null }] });
        const report = await store.people.erase({ userId: "ZhangSan", by: "Admin", reason: "asked" });
        expect(report).toMatchObject({ turns: 0, cases: 0, kept: { turns: 1, cases: 1 } });

        const [hold] = await store.holds.inForce();
        await store.holds.lift({ holdId: hold?.holdId ?? "", by: "Admin" });
        expect(await store.holds.inForce()).toEqual([]);
        await store.sweepRetention(days);
        expect([await count("cases"), await count("turns"), await count("case_turns")]).toEqual([0, 0, 0]);
        expect((await store.audit.recent(10)).map(({ action }) => action)).toEqual([
          "hold.lift",
          "member.erase",
          "hold.place",
        ]);
      });

      test("that nobody placed cannot be lifted", async () => {
        await expect(store.holds.lift({ holdId: "none", by: "Admin" })).rejects.toMatchObject({ code: "not_found" });
      });
    });

    describe("what is kept about a member", () => {
      test("their history counts cases by category and time, with how they ended", async () => {
        const at = (days: number) => ({ receivedAtMs: SAMPLE_TIME_MS - days * DAY_MS });
        await raise("A", { categories: ["hate", "insult"] }, { ...at(1), userId: "zhangsan" });
        await raise("B", { categories: ["hate"] }, at(60));
        await raise("C", { categories: ["hate"] }, at(150));
        await raise("D", { categories: ["sexual"] }, { userId: "LiSi" });
        for (const [caseNumber, resolution] of [
          ["A", "confirmed"],
          ["B", "false_positive"],
        ] as const) {
          await store.cases.decide({
            caseNumber,
            version: 1,
            move: "resolve",
            resolution,
            reason: "",
            note: "",
            by: "LiLei",
          });
        }
        const history = await store.people.history("ZHANGSAN");
        expect(history.categories).toEqual([
          { category: "hate", last30Days: 1, last90Days: 2, total: 3, confirmed: 1, falsePositive: 1 },
          { category: "insult", last30Days: 1, last90Days: 1, total: 1, confirmed: 1, falsePositive: 0 },
        ]);
        expect(history.cases.map(({ caseNumber }) => caseNumber)).toEqual(["A", "B", "C"]);
        expect(history).toMatchObject({ restrictions: [], held: false });
        expect(await store.people.history("nobody")).toMatchObject({ categories: [], cases: [] });
      });

      test("their export is one JSON document of everything, without the words of reviewers, and audited", async () => {
        await store.write(
          Array.from({ length: 1100 }, (_, index) =>
            sampleTurn({ turnId: `t${index}`, userId: index % 2 === 0 ? "ZhangSan" : "zhangsan", flags: [] }),
          ),
        );
        await raise("A");
        await store.write([sampleTurn({ turnId: "other", userId: "LiSi", question: "别人的话" }), sampleFeedback()]);
        const words = { reason: "r", note: "审核员的话", by: "LiLei" };
        await store.cases.decide({ caseNumber: "A", version: 1, move: "resolve", resolution: "confirmed", ...words });
        await store.restrictions.impose({
          userId: "ZhangSan",
          kind: "mute",
          untilMs: null,
          caseNumber: "A",
          reason: "r",
          by: "LiLei",
        });
        const text = await lines(store.people.export({ userId: "zhangSAN", by: "Admin" }));
        const document = JSON.parse(text) as Record<string, unknown[]>;
        expect(Object.entries(document).map(([key, list]) => [key, Array.isArray(list) ? list.length : list])).toEqual([
          ["userId", "zhangSAN"],
          ["exportedAtMs", nowMs],
          ["turns", 1101],
          ["feedback", 1],
          ["cases", 1],
          ["restrictions", 1],
        ]);
        expect(new Set(document.turns?.map((turn) => (turn as { turnId: string }).turnId)).size).toBe(1101);
        expect(text).not.toMatch(/审核员的话|别人的话|LiLei/);
        expect(await store.audit.recent(1)).toMatchObject([{ action: "member.export", subject: "member:zhangsan" }]);
      });

      test("of a member whom nobody knows the export is empty", async () => {
        const text = await lines(store.people.export({ userId: "nobody", by: "Admin" }));
        expect(JSON.parse(text)).toMatchObject({ turns: [], feedback: [], cases: [], restrictions: [] });
      });

      test("their erasure deletes all of it, also from others' cases, and reports what and what not", async () => {
        const group = { conversationId: "bot:1:group:g", groupId: "g" };
        await raise("A", {}, { receivedAtMs: SAMPLE_TIME_MS + 1000 });
        await store.cases.addNote({ caseNumber: "A", by: "LiLei", text: "note" });
        await store.write([sampleTurn({ turnId: "theirs", ...group }), sampleFeedback()]);
        await raise("B", {}, { ...group, userId: "LiSi", receivedAtMs: SAMPLE_TIME_MS + 1000 });
        const over = await store.restrictions.impose({
          userId: "ZhangSan",
          kind: "mute",
          untilMs: nowMs + 1,
          caseNumber: null,
          reason: "r",
          by: "LiLei",
        });
        nowMs += HOUR_MS;
        const ban = {
          userId: "zhangsan",
          kind: "ban" as const,
          untilMs: null,
          caseNumber: "A",
          reason: "r",
          by: "LiLei",
        };
        const inForce = await store.restrictions.impose(ban);
        expect((await store.cases.get("B")).turns).toHaveLength(2);

        const report = await store.people.erase({ userId: "ZHANGSAN", by: "Admin", reason: "asked" });
        expect(report).toEqual({
          userId: "ZHANGSAN",
          atMs: nowMs,
          turns: 2,
          feedback: 1,
          cases: 1,
          caseTurns: 1,
          restrictions: 1,
          kept: { turns: 0, cases: 0, restrictions: 1, memberOnHold: false },
          auditSeq: (await store.audit.head()).seq,
        });
        expect(over.restrictionId).not.toBe(inForce.restrictionId);
        expect((await store.people.history("ZhangSan")).restrictions).toEqual([inForce]);
        expect((await store.cases.get("B")).turns.map(({ userId }) => userId)).toEqual(["LiSi"]);
        expect([await count("turns"), await count("case_notes")]).toEqual([1, 0]);
        expect(await store.audit.verify()).toMatchObject({ ok: true });
        expect(await store.people.erase({ userId: "ZhangSan", by: "Admin", reason: "" })).toMatchObject({ turns: 0 });
      });
    });
  });
}
