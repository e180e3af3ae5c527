import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { systemClock } from "../../src/base/clock.ts";
import { YingdaError } from "../../src/base/errors.ts";
import { Secret } from "../../src/base/secret.ts";
import { CaseConflict } from "../../src/review/case-conflict.ts";
import type { DecideRequest, ReviewRules } from "../../src/review/case-decisions.ts";
import type { CaseFilter, CaseOrder } from "../../src/review/case-list.ts";
import type { CaseSummary } from "../../src/review/case-reader.ts";
import { openRecordStore, type SqlRecordStore } from "../../src/review/record-store.ts";
import type { FlagRecord, TurnRecord } from "../../src/review/records.ts";
import type { RecordPlace } from "../integration/review-places.ts";
import { SAMPLE_TIME_MS, sampleFlag, sampleTurn, sampleTurns } from "../integration/review-samples.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** When the turns of `sampleTurn` are finished, and so their flags raised. */
const RAISED_MS = SAMPLE_TIME_MS + 2100;

/** What the durable side of review owes its callers, whatever database is below. */
export function describeCases(name: string, openPlace: () => Promise<RecordPlace>): void {
  describe(`cases on ${name}`, () => {
    jest.setTimeout(60_000);
    let place: RecordPlace;
    let stores: SqlRecordStore[];
    let store: SqlRecordStore;
    let nowMs: number;
    let fourEyes: string[];

    beforeEach(async () => {
      place = await openPlace();
      stores = [];
      nowMs = RAISED_MS;
      fourEyes = [];
      store = open();
    });

    afterEach(async () => {
      for (const one of stores) await one.close();
      await place.dispose();
    });

    function open(): SqlRecordStore {
      const rules: ReviewRules = { fourEyesCategories: () => fourEyes };
      const one = openRecordStore({
        databaseUrl: place.databaseUrl === null ? null : new Secret(place.databaseUrl),
        dataDir: place.dataDir,
        clock: { ...systemClock, nowMs: () => nowMs },
        rules,
      });
      stores.push(one);
      return one;
    }

    /** A turn with one flag, `afterMs` after the first. */
    async function raise(
      caseNumber: string,
      flag: Partial<FlagRecord> = {},
      turn: Partial<TurnRecord> = {},
      afterMs = 0,
    ): Promise<void> {
      const receivedAtMs = SAMPLE_TIME_MS + afterMs;
      await store.write([
        sampleTurn({
          turnId: `turn-${caseNumber}`,
          receivedAtMs,
          flags: [sampleFlag({ caseNumber, ...flag })],
          ...turn,
        }),
      ]);
    }

    /** Cases of different members, most urgent first: they do not merge. */
    async function raiseMany(count: number, prefix = "case"): Promise<string[]> {
      const turns = Array.from({ length: count }, (_, index) => {
        const number = `${prefix}-${String(index).padStart(5, "0")}`;
        return sampleTurn({
          turnId: number,
          conversationId: `app:1000002:${number}`,
          userId: number,
          receivedAtMs: SAMPLE_TIME_MS + index,
          flags: [sampleFlag({ caseNumber: number })],
        });
      });
      for (let start = 0; start < count; start += 1000) await store.write(turns.slice(start, start + 1000));
      return turns.map(({ turnId }) => turnId);
    }

    const words = { reason: "policy-1", note: "", by: "LiLei" };

    async function versionOf(caseNumber: string): Promise<number> {
      return (await store.cases.get(caseNumber)).version;
    }

    async function resolve(caseNumber: string, changes: Partial<DecideRequest> = {}) {
      const version = await versionOf(caseNumber);
      return store.cases.decide({
        caseNumber,
        version,
        move: "resolve",
        resolution: "confirmed",
        ...words,
        ...changes,
      } as DecideRequest);
    }

    async function refusalOf(call: Promise<unknown>): Promise<CaseConflict> {
      try {
        await call;
      } catch (error) {
        if (error instanceof CaseConflict) return error;
        throw error;
      }
      throw new Error("nothing was refused");
    }

    async function list(filter: CaseFilter = {}, order: CaseOrder = "urgency"): Promise<string[]> {
      const page = await store.cases.list({ filter, order, limit: 200, cursor: null });
      return page.cases.map(({ caseNumber }) => caseNumber);
    }

    describe("flags that become cases", () => {
      test("the first flag opens a case under its own number, due by its severity", async () => {
        await raise("A", { severity: "P1", confidence: 0.5, audience: "external" });
        expect(await store.cases.get("A")).toMatchObject({
          caseNumber: "A",
          status: "new",
          version: 1,
          severity: "P1",
          score: 0.5,
          audience: "external",
          flagCount: 1,
          categories: ["insult", "pii"],
          dueAtMs: RAISED_MS + 4 * HOUR_MS,
          firstRaisedAtMs: RAISED_MS,
          assignee: null,
        });
      });

      test("flags of one member in one conversation within 30 minutes are one case, as grave as the gravest", async () => {
        await raise("A", { severity: "P3", categories: ["insult"], confidence: 0.9, action: "flag" });
        await raise(
          "B",
          { severity: "P1", categories: ["hate"], action: "refuse" },
          { userId: "zhangsan" },
          30 * MINUTE_MS,
        );
        await raise("C", { severity: "P2", categories: ["hate"] }, {}, 60 * MINUTE_MS);
        expect(await list()).toEqual(["A"]);
        const found = await store.cases.get("A");
        expect(found).toMatchObject({
          severity: "P1",
          gravestFlag: "B",
          action: "refuse",
          categories: ["hate", "insult"],
          score: 0.9,
          flagCount: 3,
          version: 3,
          dueAtMs: RAISED_MS + 30 * MINUTE_MS + 4 * HOUR_MS,
          lastRaisedAtMs: RAISED_MS + 60 * MINUTE_MS,
        });
        expect(found.flags.map((flag) => [flag.caseNumber, flag.inCase, flag.status])).toEqual([
          ["A", "A", "new"],
          ["B", "A", "new"],
          ["C", "A", "new"],
        ]);
      });

      test.each<[string, Partial<TurnRecord>, number]>([
        ["later than 30 minutes", {}, 30 * MINUTE_MS + 1],
        ["in another conversation", { conversationId: "app:1000002:other" }, 0],
        ["of another member of a group", { userId: "LiSi" }, 0],
      ])("a flag %s opens a case of its own", async (_what, turn, afterMs) => {
        await raise("A");
        await raise("B", {}, turn, afterMs);
        expect((await list()).sort()).toEqual(["A", "B"]);
      });

      test.each<[string, () => Promise<unknown>]>([
        ["was decided", () => resolve("A")],
        ["is snoozed", () => resolve("A", { move: "snooze", untilMs: nowMs + HOUR_MS })],
      ])("a case that %s takes no more flags", async (_what, change) => {
        await raise("A");
        await change();
        await raise("B", {}, {}, 1000);
        expect((await list()).sort()).toEqual(["A", "B"]);
      });

      test("a case that somebody has in hand takes flags, and a decision on what was seen before is refused", async () => {
        await raise("A");
        const { version } = await store.cases.claim({ caseNumber: "A", by: "LiLei" });
        await raise("B", {}, {}, 1000);
        const conflict = await refusalOf(
          store.cases.decide({ caseNumber: "A", version, move: "resolve", resolution: "confirmed", ...words }),
        );
        expect(conflict).toMatchObject({ current: { flagCount: 2, assignee: "LiLei" }, lastDecision: null });
      });

      test("one case takes at most 100 flags", async () => {
        await store.write(sampleTurns(250, "t"));
        const counts = await place.sql("select flag_count from cases order by first_raised_at_ms");
        expect(counts.map((row) => Number(row.flag_count))).toEqual([100, 100, 50]);
      });

      test("the same records again change no case", async () => {
        for (let round = 0; round < 3; round += 1) await raise("A");
        expect(await store.cases.get("A")).toMatchObject({ flagCount: 1, version: 1 });
      });

      test("two processes that flag the same conversation at once make one case", async () => {
        const other = open();
        await Promise.all([store.ping(), other.ping()]);
        for (let round = 0; round < 10; round += 1) {
          const turn = { conversationId: `c${round}` };
          await Promise.all([
            store.write([
              sampleTurn({ turnId: `a${round}`, flags: [sampleFlag({ caseNumber: `a${round}` })], ...turn }),
            ]),
            other.write([
              sampleTurn({ turnId: `b${round}`, flags: [sampleFlag({ caseNumber: `b${round}` })], ...turn }),
            ]),
          ]);
        }
        expect(await place.sql("select sum(flag_count) as flags, count(*) as cases from cases")).toMatchObject([
          { cases: 10 },
        ]);
      });

      test("flags that a program from before cases wrote are put into cases by the sweep", async () => {
        await store.ping();
        await place.sql(`insert into turns (turn_id, trace_id, conversation_id, channel, user_id, outcome, question,
          question_units, answer, answer_units, attempts, received_at_ms, started_at_ms, finished_at_ms, policy_version)
          values ('old', 't', 'c', 'app', 'ZhangSan', 'refused', 'q', 1, 'a', 1, 1, ${nowMs}, ${nowMs}, ${nowMs}, 'p')`);
        await place.sql(`insert into flags (case_number, turn_id, direction, severity, action, categories, signals,
          policy_version, text, text_units, status, raised_at_ms)
          values ('old', 'old', 'question', 'P2', 'refuse', '["hate"]', '[]', 'p', 'q', 1, 'new', ${nowMs})`);
        expect(await list()).toEqual([]);
        expect(await store.cases.sweep()).toMatchObject({ adopted: 1 });
        expect(await store.cases.get("old")).toMatchObject({
          flags: [{ textMasked: "q" }],
          turns: [{ turnId: "old" }],
        });
        expect(await store.cases.sweep()).toMatchObject({ adopted: 0 });
      });
    });

    describe("the snapshot", () => {
      test("holds the flagged turn with three before and three after, masked, without their raw texts", async () => {
        const turn = (index: number) =>
          sampleTurn({
            turnId: `t${index}`,
            receivedAtMs: SAMPLE_TIME_MS + index * 1000,
            question: `原文${index}`,
            questionMasked: `隐去${index}`,
            flags: index === 5 ? [sampleFlag({ caseNumber: "A", text: "原文5", textMasked: "隐去5" })] : [],
          });
        await store.write([0, 1, 2, 3, 4, 5].map(turn));
        expect((await store.cases.get("A")).turns.map(({ turnId }) => turnId)).toEqual(["t2", "t3", "t4", "t5"]);
        await store.write([6, 7, 8, 9, 10].map(turn));
        await resolve("A");
        const view = await store.cases.get("A");
        expect(view.turns.map(({ questionMasked }) => questionMasked)).toEqual([
          "隐去2",
          "隐去3",
          "隐去4",
          "隐去5",
          "隐去6",
          "隐去7",
          "隐去8",
        ]);
        expect(JSON.stringify(view)).not.toContain("原文");
      });

      test("raw texts are shown for a reason, and the look is in the audit log", async () => {
        await raise("A", { text: "原文", textMasked: "隐去" });
        const raw = await store.cases.reveal({ caseNumber: "A", by: "LiLei", reason: "appeal" });
        expect(raw).toEqual({
          flags: [{ caseNumber: "A", text: "原文" }],
          turns: [{ turnId: "turn-A", question: sampleTurn().question, answer: sampleTurn().answer }],
        });
        expect(await store.audit.recent(1)).toMatchObject([
          { by: "LiLei", action: "case.reveal", subject: "case:A", details: { reason: "appeal" } },
        ]);
        await expect(store.cases.reveal({ caseNumber: "B", by: "LiLei", reason: "" })).rejects.toMatchObject({
          code: "not_found",
        });
        expect(await store.audit.recent(10)).toHaveLength(1);
      });
    });

    describe("appeals", () => {
      const appealOf = (number: string) => ({
        action: "appeal",
        categories: [],
        signals: [{ checker: "member", category: "appeal", confidence: 1, rule: `appeal:${number}`, spans: [] }],
      });

      test("bring a decided case back, due in three days, for somebody else than the one who decided", async () => {
        await raise("A");
        await raise("B", {}, {}, 1000);
        await resolve("A");
        nowMs += DAY_MS;
        // The member was told the number of the second flag.
        await raise("X", appealOf("B"), {}, DAY_MS);
        expect(await list()).toEqual(["A"]);
        const view = await store.cases.get("A");
        expect(view).toMatchObject({
          status: "appealed",
          appealCount: 1,
          flagCount: 2,
          dueAtMs: RAISED_MS + DAY_MS + 72 * HOUR_MS,
        });
        expect(view.decisions.map(({ move, by }) => [move, by])).toEqual([
          ["resolve", "LiLei"],
          ["appeal", "ZhangSan"],
        ]);
        expect(await store.cases.claimNext({ by: "lilei" })).toBeNull();
        await refusalOf(resolve("A", { by: "LILEI" }));
        expect(await store.cases.claimNext({ by: "HanMei" })).toMatchObject({ caseNumber: "A", status: "appealed" });
        const { case: decided } = await resolve("A", { by: "HanMei", resolution: "false_positive" });
        expect(decided).toMatchObject({ status: "resolved", resolution: "false_positive", appealDecidedAtMs: nowMs });
      });

      test("a second appeal after the first was decided is counted and changes nothing else", async () => {
        await raise("A");
        await resolve("A");
        await raise("X", appealOf("A"));
        await resolve("A", { by: "HanMei" });
        await raise("Y", appealOf("A"));
        expect(await store.cases.get("A")).toMatchObject({ status: "resolved", appealCount: 2 });
      });

      test("of an open case, however many, tell the reviewer once", async () => {
        await raise("A");
        for (const number of ["X", "Y", "Z"]) await raise(number, appealOf("A"));
        const view = await store.cases.get("A");
        expect(view).toMatchObject({ status: "new", appealCount: 3 });
        expect(view.decisions).toHaveLength(1);
      });

      test.each<[string, string, string]>([
        ["somebody else's case", "A", "LiSi"],
        ["a case that is not there", "nowhere", "ZhangSan"],
      ])("of %s stand for themselves", async (_what, number, userId) => {
        await raise("A");
        await resolve("A");
        await raise("X", appealOf(number), { userId });
        expect((await list()).sort()).toEqual(["A", "X"]);
        expect(await store.cases.get("A")).toMatchObject({ status: "resolved", appealCount: 0 });
      });

      test("in the same batch as what they are about find it", async () => {
        await store.write([
          sampleTurn({ turnId: "x", flags: [sampleFlag({ caseNumber: "X", ...appealOf("A") })] }),
          sampleTurn({ turnId: "a", flags: [sampleFlag({ caseNumber: "A" })] }),
        ]);
        expect(await list()).toEqual(["A"]);
      });
    });

    describe("claims", () => {
      test("the gravest comes first, then the one due first, then the surest", async () => {
        const member = (userId: string) => ({ userId, conversationId: userId });
        await raise("old P2", {}, member("a"), 0);
        await raise("young P2, unsure", { confidence: 0.1 }, member("b"), 1000);
        await raise("young P2, sure", { confidence: 0.9 }, member("c"), 1000);
        await raise("P0", { severity: "P0" }, member("d"), 2000);
        const numbers = [];
        for (let index = 0; index < 5; index += 1) {
          numbers.push((await store.cases.claimNext({ by: "LiLei" }))?.caseNumber);
        }
        expect(numbers).toEqual(["P0", "old P2", "young P2, sure", "young P2, unsure", undefined]);
      });

      test("a reviewer of some severities or categories gets only those", async () => {
        await raise("A", { severity: "P0", categories: ["hate"] }, { conversationId: "a" });
        await raise("B", { severity: "P2", categories: ["pii"] }, { conversationId: "b" });
        expect(await store.cases.claimNext({ by: "LiLei", severities: ["P1"] })).toBeNull();
        expect(await store.cases.claimNext({ by: "LiLei", categories: [] })).toBeNull();
        expect(await store.cases.claimNext({ by: "LiLei", categories: ["pii", "cyber"] })).toMatchObject({
          caseNumber: "B",
        });
        expect(await store.cases.claimNext({ by: "LiLei", severities: ["P0"] })).toMatchObject({ caseNumber: "A" });
        const categories = Array.from({ length: 51 }, String);
        await expect(store.cases.claimNext({ by: "LiLei", categories })).rejects.toMatchObject({ code: "bad_request" });
      });

      test("20 claimers on 4,000 cases: none is handed out twice, none is left", async () => {
        await raiseMany(4000);
        const reviewers = Array.from({ length: 20 }, (_, index) => ({
          by: `reviewer-${index}`,
          on: index % 2 === 0 ? store : (stores[1] ?? open()),
        }));
        const claimed = await Promise.all(
          reviewers.map(async ({ by, on }) => {
            const numbers: string[] = [];
            for (;;) {
              const next = await on.cases.claimNext({ by });
              if (next === null) return numbers;
              numbers.push(next.caseNumber);
            }
          }),
        );
        const all = claimed.flat();
        expect(all).toHaveLength(4000);
        expect(new Set(all).size).toBe(4000);
        expect(await place.sql("select count(*) as n from cases where version <> 2")).toEqual([{ n: 0 }]);
      }, 180_000);

      test("lasts ten minutes and is kept by renewing; then another reviewer gets the case", async () => {
        await raise("A");
        await store.cases.claimNext({ by: "LiLei" });
        nowMs += 9 * MINUTE_MS;
        await store.cases.renew({ caseNumber: "A", by: "lilei" });
        nowMs += 9 * MINUTE_MS;
        expect(await store.cases.claimNext({ by: "HanMei" })).toBeNull();
        nowMs += MINUTE_MS + 1;
        expect(await store.cases.claimNext({ by: "HanMei" })).toMatchObject({ assignee: "HanMei", status: "claimed" });
        await refusalOf(store.cases.renew({ caseNumber: "A", by: "LiLei" }));
      });

      test("one that ran out still decides when nothing changed: slow readers are not punished", async () => {
        await raise("A");
        const claimed = await store.cases.claimNext({ by: "LiLei" });
        nowMs += HOUR_MS;
        const { case: decided } = await store.cases.decide({
          caseNumber: "A",
          version: claimed?.version ?? 0,
          move: "resolve",
          resolution: "confirmed",
          ...words,
        });
        expect(decided).toMatchObject({ status: "resolved", decidedBy: "LiLei", assignee: null });
      });

      test("a case in somebody's hands is a conflict that names them, unless it is taken over, which is audited", async () => {
        await raise("A");
        await store.cases.claim({ caseNumber: "A", by: "LiLei" });
        const conflict = await refusalOf(store.cases.claim({ caseNumber: "A", by: "HanMei" }));
        expect(conflict).toMatchObject({ status: 409, details: { assignee: "LiLei", status: "claimed", version: 2 } });
        expect(await store.audit.recent(10)).toEqual([]);
        const taken = await store.cases.claim({ caseNumber: "A", by: "HanMei", takeOver: true });
        expect(taken).toMatchObject({ assignee: "HanMei", version: 3 });
        expect(await store.audit.recent(1)).toMatchObject([{ action: "case.take_over", details: { from: "LiLei" } }]);
      });

      test("a case in somebody's hands is decided by nobody else, nor taken back to before", async () => {
        await raise("A");
        await resolve("A", { move: "escalate", to: null });
        await store.cases.claim({ caseNumber: "A", by: "Boss" });
        expect(await refusalOf(resolve("A"))).toMatchObject({ details: { assignee: "Boss" } });
        await refusalOf(store.cases.undo({ caseNumber: "A", by: "LiLei" }));
        expect(await store.cases.get("A")).toMatchObject({ status: "escalated", assignee: "Boss" });
        expect((await resolve("A", { by: "boss" })).case.status).toBe("resolved");
      });

      test("given back, the case is new again; somebody else's claim is not given back", async () => {
        await raise("A");
        await store.cases.claim({ caseNumber: "A", by: "LiLei" });
        expect(await store.cases.release({ caseNumber: "A", by: "HanMei" })).toMatchObject({ assignee: "LiLei" });
        expect(await store.cases.release({ caseNumber: "A", by: "LiLei" })).toMatchObject({
          status: "new",
          assignee: null,
          claimUntilMs: null,
        });
      });

      test("escalated cases are left to those who take them", async () => {
        await raise("A");
        await resolve("A", { move: "escalate", to: "senior" });
        expect(await store.cases.claimNext({ by: "LiLei", escalated: false })).toBeNull();
        expect(await store.cases.claimNext({ by: "Boss" })).toMatchObject({ status: "escalated", assignee: "Boss" });
      });
    });

    describe("decisions", () => {
      test("are appended with who, what and why, and the audit log says so in the same transaction", async () => {
        await raise("A");
        const { case: decided, decision } = await resolve("A", { note: "看过上下文" });
        expect(decided).toMatchObject({ status: "resolved", resolution: "confirmed", version: 2, decidedBy: "LiLei" });
        expect(decision).toMatchObject({
          caseNumber: "A",
          version: 2,
          move: "resolve",
          fromStatus: "new",
          toStatus: "resolved",
          resolution: "confirmed",
          reason: "policy-1",
          note: "看过上下文",
          by: "LiLei",
          atMs: nowMs,
        });
        expect(await store.audit.recent(10)).toMatchObject([
          {
            action: "case.resolve",
            subject: "case:A",
            by: "LiLei",
            details: { resolution: "confirmed", to: "resolved" },
          },
        ]);
        expect(JSON.stringify(await store.audit.recent(10))).not.toContain("上下文");
      });

      test("the second of two at once is a conflict that says who decided what", async () => {
        await raise("A");
        const version = await versionOf("A");
        const request = { caseNumber: "A", version, move: "resolve", reason: "", note: "" } as const;
        const results = await Promise.allSettled([
          store.cases.decide({ ...request, resolution: "confirmed", by: "LiLei" }),
          open().cases.decide({ ...request, resolution: "false_positive", by: "HanMei" }),
        ]);
        const won = results.find((result) => result.status === "fulfilled");
        const lost = results.find((result) => result.status === "rejected");
        expect(lost?.reason).toMatchObject({
          code: "case_conflict",
          status: 409,
          details: { decidedBy: won?.value.decision.by, resolution: won?.value.decision.resolution, version: 2 },
          current: { status: "resolved" },
          lastDecision: won?.value.decision,
        });
        expect(await store.audit.recent(10)).toHaveLength(1);
      });

      test("a move that the state does not have is refused, and nothing is written", async () => {
        await raise("A");
        await resolve("A");
        await refusalOf(resolve("A"));
        await refusalOf(resolve("A", { move: "snooze", untilMs: nowMs + HOUR_MS }));
        await refusalOf(resolve("A", { move: "wake" }));
        expect((await store.cases.get("A")).decisions).toHaveLength(1);
        expect(await store.audit.recent(10)).toHaveLength(1);
      });

      test("of a case that nobody knows: not found; words that are too long or no text: refused", async () => {
        await raise("A");
        const request = { version: 1, move: "resolve", resolution: "confirmed", ...words } as const;
        await expect(store.cases.decide({ caseNumber: "B", ...request })).rejects.toMatchObject({ code: "not_found" });
        for (const bad of [{ reason: "x".repeat(201) }, { note: "x".repeat(10_001) }, { note: "half \uD800" }]) {
          await expect(store.cases.decide({ caseNumber: "A", ...request, ...bad })).rejects.toMatchObject({
            code: "bad_request",
          });
        }
        expect(await versionOf("A")).toBe(1);
      });

      test("can be taken back within a minute by who made them, once", async () => {
        await raise("A");
        await store.cases.claim({ caseNumber: "A", by: "LiLei" });
        const before = await store.cases.get("A");
        await resolve("A");
        nowMs += MINUTE_MS;
        await refusalOf(store.cases.undo({ caseNumber: "A", by: "HanMei" }));
        const { case: undone, decision } = await store.cases.undo({ caseNumber: "A", by: "lilei" });
        expect(undone).toMatchObject({ status: "new", resolution: null, decidedBy: null, dueAtMs: before.dueAtMs });
        expect(decision).toMatchObject({ move: "undo", undoesVersion: 3, fromStatus: "resolved", toStatus: "new" });
        await refusalOf(store.cases.undo({ caseNumber: "A", by: "LiLei" }));
        expect((await store.cases.get("A")).decisions.map(({ move }) => move)).toEqual(["resolve", "undo"]);

        await resolve("A");
        nowMs += MINUTE_MS + 1;
        await refusalOf(store.cases.undo({ caseNumber: "A", by: "LiLei" }));
      });

      test("in bulk: up to 100 at once under one batch; those that changed meanwhile are left and named", async () => {
        const numbers = await raiseMany(100);
        await resolve("case-00007", { by: "HanMei" });
        const cases = numbers.map((caseNumber) => ({ caseNumber, version: 1 }));
        const bulk = { move: "resolve", resolution: "duplicate", ...words } as const;
        const unknown = { caseNumber: "nowhere", version: 1 };
        const result = await store.cases.decideMany({ cases: [...cases.slice(0, 99), unknown], ...bulk });
        expect(result.decided).toHaveLength(98);
        expect(result.refused.map(({ caseNumber, error }) => [caseNumber, error.code])).toEqual([
          ["case-00007", "case_conflict"],
          ["nowhere", "not_found"],
        ]);
        expect(new Set(result.decided.map(({ decision }) => decision.batchId))).toEqual(new Set([result.batchId]));
        await expect(store.cases.decideMany({ cases: [...cases, unknown], ...bulk })).rejects.toMatchObject({
          code: "bad_request",
        });

        const undone = await store.cases.undoMany({ caseNumbers: numbers, by: "LiLei" });
        expect([undone.decided.length, undone.refused.length]).toEqual([98, 2]);
        expect(await store.cases.counts()).toEqual([
          { status: "new", severity: "P2", count: 99, overdue: 0 },
          { status: "resolved", severity: "P2", count: 1, overdue: 0 },
        ]);
        expect(await store.audit.verify()).toMatchObject({ ok: true, rows: 1 + 98 + 98 });
      });

      test("two bulk decisions on the same cases at once: each case is decided once", async () => {
        const numbers = await raiseMany(50);
        const other = open();
        await other.ping();
        const cases = numbers.map((caseNumber) => ({ caseNumber, version: 1 }));
        const bulk = { move: "resolve", resolution: "duplicate", reason: "", note: "" } as const;
        const [one, two] = await Promise.all([
          store.cases.decideMany({ cases, ...bulk, by: "LiLei" }),
          other.cases.decideMany({ cases: [...cases].reverse(), ...bulk, by: "HanMei" }),
        ]);
        expect(one.decided.length + two.decided.length).toBe(50);
        expect(one.refused.length + two.refused.length).toBe(50);
      });

      test("notes are kept in order, at most 200, and change no version", async () => {
        await raise("A");
        for (const text of ["先看看", "已问过"]) await store.cases.addNote({ caseNumber: "A", by: "LiLei", text });
        const view = await store.cases.get("A");
        expect(view.notes.map(({ text, by }) => [text, by])).toEqual([
          ["先看看", "LiLei"],
          ["已问过", "LiLei"],
        ]);
        expect(view.version).toBe(1);
        expect(JSON.stringify(await store.audit.recent(10))).not.toContain("先看看");
        for (let index = 3; index <= 200; index += 1) {
          await place.sql(`insert into case_notes values ('A', ${index}, 'x', 1, '')`);
        }
        await expect(store.cases.addNote({ caseNumber: "A", by: "LiLei", text: "" })).rejects.toMatchObject({
          code: "bad_request",
        });
      });
    });

    describe("numbers from outside that no database takes", () => {
      test("are the caller's fault, not the database's", async () => {
        const calls = [() => store.cases.get("a\0b"), () => store.cases.claim({ caseNumber: "a\0b", by: "LiLei" })];
        for (const call of calls) {
          await expect(call()).rejects.toMatchObject({ code: expect.stringMatching(/^(bad_request|not_found)$/) });
        }
      });
    });

    describe("four eyes", () => {
      test("a named category needs two different reviewers who say the same", async () => {
        fourEyes = ["hate"];
        await raise("A", { categories: ["hate"] });
        const first = await resolve("A");
        expect(first.case).toMatchObject({
          status: "escalated",
          resolution: null,
          pendingResolution: "confirmed",
          pendingBy: "LiLei",
        });
        expect(await store.cases.claimNext({ by: "lilei" })).toBeNull();
        await refusalOf(resolve("A", { by: "LILEI" }));
        // A third opinion: now that one waits for a second.
        await resolve("A", { by: "HanMei", resolution: "false_positive" });
        const last = await resolve("A", { by: "LiLei", resolution: "false_positive" });
        expect(last.case).toMatchObject({
          status: "resolved",
          resolution: "false_positive",
          pendingResolution: null,
          pendingBy: null,
        });
      });

      test("other categories need one", async () => {
        fourEyes = ["hate"];
        await raise("A", { categories: ["insult"] });
        expect((await resolve("A")).case.status).toBe("resolved");
      });
    });

    describe("what is due", () => {
      test("overdue cases escalate, each level once, by whoever sweeps", async () => {
        await raise("A", { severity: "P0" });
        nowMs = RAISED_MS + HOUR_MS;
        expect(await store.cases.sweep()).toMatchObject({ escalated: 0 });
        nowMs += 1;
        const sweeps = await Promise.all([store.cases.sweep(), open().cases.sweep()]);
        expect(sweeps.map(({ escalated }) => escalated).sort()).toEqual([0, 1]);
        expect(await store.cases.get("A")).toMatchObject({
          status: "escalated",
          escalationLevel: 1,
          dueAtMs: nowMs + HOUR_MS,
          decisions: [{ move: "escalate", by: "system:yingda", reason: "overdue" }],
        });
        for (let hours = 0; hours < 10; hours += 1) {
          nowMs += HOUR_MS + 1;
          await store.cases.sweep();
        }
        expect(await store.cases.get("A")).toMatchObject({ escalationLevel: 3 });
        expect(await store.cases.counts()).toMatchObject([{ status: "escalated", overdue: 1 }]);
      });

      test("a case in somebody's hands is not taken away from them", async () => {
        await raise("A", { severity: "P0" });
        nowMs = RAISED_MS + HOUR_MS - MINUTE_MS;
        await store.cases.claim({ caseNumber: "A", by: "LiLei" });
        nowMs += 5 * MINUTE_MS;
        expect(await store.cases.sweep()).toMatchObject({ escalated: 0, released: 0 });
        nowMs += 6 * MINUTE_MS;
        expect(await store.cases.sweep()).toMatchObject({ released: 1, escalated: 1 });
        expect(await store.cases.get("A")).toMatchObject({ status: "escalated", assignee: null });
      });

      test("snoozed cases come back at their time", async () => {
        await raise("A");
        await resolve("A", { move: "snooze", untilMs: nowMs + HOUR_MS });
        expect(await store.cases.claimNext({ by: "LiLei" })).toBeNull();
        expect(await store.cases.sweep()).toMatchObject({ woken: 0 });
        nowMs += HOUR_MS;
        expect(await store.cases.sweep()).toMatchObject({ woken: 1 });
        expect(await store.cases.claimNext({ by: "LiLei" })).toMatchObject({ caseNumber: "A", snoozedUntilMs: null });
      });

      test("mild cases that nobody got to in two weeks after their time are closed, and can be reopened", async () => {
        await raise("A", { severity: "P3" });
        nowMs = RAISED_MS + 17 * DAY_MS;
        expect(await store.cases.sweep()).toMatchObject({ autoClosed: 0, escalated: 1 });
        nowMs += 1;
        expect(await store.cases.sweep()).toMatchObject({ autoClosed: 1, escalated: 0 });
        expect(await store.cases.get("A")).toMatchObject({ status: "auto_closed", decidedBy: "system:yingda" });
        expect((await resolve("A", { move: "reopen" })).case).toMatchObject({ status: "new", decidedBy: null });
      });

      test("more of them than one batch are all done by one sweep", async () => {
        await raiseMany(250);
        nowMs += 2 * DAY_MS;
        expect(await store.cases.sweep()).toMatchObject({ escalated: 250 });
        expect(await store.audit.verify()).toMatchObject({ ok: true, rows: 250 });
      });
    });

    describe("the list", () => {
      test.each<CaseOrder>(["urgency", "newest", "oldest", "score"])(
        "by %s: pages show every case once",
        async (order) => {
          const turns = Array.from({ length: 60 }, (_, index) =>
            sampleTurn({
              turnId: `t${index}`,
              conversationId: `c${index}`,
              receivedAtMs: SAMPLE_TIME_MS + (index % 3) * 1000,
              flags: [
                sampleFlag({
                  caseNumber: `n${index}`,
                  severity: index % 2 === 0 ? "P1" : "P3",
                  confidence: (index % 5) / 10,
                }),
              ],
            }),
          );
          await store.write(turns);
          const seen: CaseSummary[] = [];
          let cursor: string | null = null;
          do {
            const page: Awaited<ReturnType<typeof store.cases.list>> = await store.cases.list({
              filter: {},
              order,
              limit: 7,
              cursor,
            });
            seen.push(...page.cases);
            cursor = page.cursor;
          } while (cursor !== null);
          expect(new Set(seen.map(({ caseNumber }) => caseNumber)).size).toBe(60);
          expect(seen).toHaveLength(60);
          const key = {
            urgency: (one: CaseSummary) => [one.severity, one.dueAtMs, -one.score],
            newest: (one: CaseSummary) => [-one.lastRaisedAtMs],
            oldest: (one: CaseSummary) => [one.lastRaisedAtMs],
            score: (one: CaseSummary) => [-one.score],
          }[order];
          const compare = (a: CaseSummary, b: CaseSummary): number => {
            const [keyA, keyB] = [key(a), key(b)];
            const index = keyA.findIndex((value, at) => value !== keyB[at]);
            return index < 0 ? 0 : (keyA[index] ?? 0) < (keyB[index] ?? 0) ? -1 : 1;
          };
          expect(seen.map(({ caseNumber }) => caseNumber)).toEqual(
            [...seen].sort(compare).map(({ caseNumber }) => caseNumber),
          );
        },
      );

      test("filters narrow it, together and apart", async () => {
        const external: Partial<FlagRecord> = {
          audience: "external",
          categories: ["hate"],
          severity: "P0",
          action: "refuse",
        };
        await raise("A", external, { userId: "a", groupId: "g", channel: "bot", conversationId: "c1" });
        await raise("B", { categories: ["hate_speech"], audience: "internal" }, { userId: "b" }, HOUR_MS);
        await resolve("B", { resolution: "false_positive" });
        const filters: [CaseFilter, string[]][] = [
          [{}, ["A", "B"]],
          [{ statuses: ["new", "claimed"] }, ["A"]],
          [{ statuses: [] }, []],
          [{ resolutions: ["false_positive"] }, ["B"]],
          [{ severities: ["P0"] }, ["A"]],
          [{ categories: ["hate"] }, ["A"]],
          [{ categories: ["hate_speech", "none"] }, ["B"]],
          [{ categories: ["hate%"] }, []],
          [{ categories: [] }, []],
          [{ actions: ["refuse"] }, ["A"]],
          [{ audience: "internal" }, ["B"]],
          [{ channel: "bot" }, ["A"]],
          [{ place: "group" }, ["A"]],
          [{ place: "direct" }, ["B"]],
          [{ userId: "B" }, ["B"]],
          [{ conversationId: "c1" }, ["A"]],
          [{ raisedFromMs: RAISED_MS + 1 }, ["B"]],
          [{ raisedUntilMs: RAISED_MS + 1 }, ["A"]],
          [{ appealed: true }, []],
          [{ appealed: false }, ["A", "B"]],
          [{ overdueAtMs: RAISED_MS + 100 * DAY_MS }, ["A"]],
          [{ awaitsSecondReviewer: true }, []],
          [{ severities: ["P0"], audience: "internal" }, []],
        ];
        for (const [filter, expected] of filters)
          expect([filter, (await list(filter)).sort()]).toEqual([filter, expected]);
      });

      test("shows the beginning of the gravest flag's text, masked", async () => {
        await raise("A", { textMasked: "轻".repeat(500) });
        await raise("B", { severity: "P0", textMasked: "重".repeat(500), direction: "answer" });
        const { cases } = await store.cases.list({ filter: {}, order: "newest", limit: 1, cursor: null });
        expect(cases).toMatchObject([{ excerpt: "重".repeat(160), direction: "answer" }]);
      });

      test("a cursor that it did not make, or made for another order, is refused", async () => {
        const foreign = Buffer.from(JSON.stringify(["newest", 1, "A"])).toString("base64url");
        const wrong = Buffer.from(JSON.stringify(["urgency", { a: 1 }, 1, 1, "A"])).toString("base64url");
        for (const cursor of ["", "nonsense", foreign, wrong, "x".repeat(5000)]) {
          await expect(store.cases.list({ filter: {}, order: "urgency", limit: 10, cursor })).rejects.toMatchObject({
            code: "bad_request",
          });
        }
      });
    });

    describe("second reviews", () => {
      const everything = { share: 1, sinceMs: 0 };

      test("show a resolved case without its decision, to somebody who had no part in it, once", async () => {
        await raise("A", { categories: ["hate", "insult"] });
        expect(await store.secondReviews.next({ by: "Lucy", ...everything })).toBeNull();
        await resolve("A", { note: "我的理由" });
        expect(await store.secondReviews.next({ by: "LILEI", ...everything })).toBeNull();
        expect(await store.secondReviews.next({ by: "Lucy", share: 0, sinceMs: 0 })).toBeNull();
        expect(await store.secondReviews.next({ by: "Lucy", share: 1, sinceMs: nowMs + 1 })).toBeNull();
        const blind = await store.secondReviews.next({ by: "Lucy", ...everything });
        expect(blind).toMatchObject({ caseNumber: "A", flags: [{ caseNumber: "A" }], turns: [{ turnId: "turn-A" }] });
        expect(JSON.stringify(blind)).not.toMatch(/confirmed|LiLei|我的理由/);

        const judged = { caseNumber: "A", by: "Lucy", resolution: "false_positive" } as const;
        await refusalOf(store.secondReviews.record({ ...judged, by: "lilei" }));
        await store.secondReviews.record(judged);
        await refusalOf(store.secondReviews.record({ ...judged, by: "HanMei" }));
        expect(await store.secondReviews.next({ by: "HanMei", ...everything })).toBeNull();
        expect(await store.cases.get("A")).toMatchObject({ status: "resolved", resolution: "confirmed" });
        expect(await store.secondReviews.agreement({ fromMs: 0, untilMs: nowMs + 1 })).toEqual({
          pairs: 1,
          observed: 0,
          expected: 0,
          kappa: 0,
          categories: ["hate", "insult"].map((category) => ({
            category,
            pairs: 1,
            observed: 0,
            expected: 0,
            kappa: 0,
          })),
        });
        expect(await store.secondReviews.agreement({ fromMs: nowMs + 1, untilMs: nowMs + 2 })).toMatchObject({
          pairs: 0,
          kappa: null,
        });
      });

      test("take about the share of cases that was asked for, always the same ones", async () => {
        await raiseMany(2000);
        await place.sql("update cases set status = 'resolved', resolution = 'confirmed', decided_at_ms = 1");
        const [row] = await place.sql("select count(*) as n from cases where sample_bucket < 500");
        expect(Math.abs(Number(row?.n) - 100)).toBeLessThan(40);
        const first = await store.secondReviews.next({ by: "Lucy", share: 0.05, sinceMs: 0 });
        expect(first).not.toBeNull();
        expect(await store.secondReviews.next({ by: "HanMei", share: 0.05, sinceMs: 0 })).toEqual(first);
      });

      test("of a share that is none are refused", async () => {
        for (const share of [-0.1, 1.1, Number.NaN]) {
          await expect(store.secondReviews.next({ by: "Lucy", share, sinceMs: 0 })).rejects.toMatchObject({
            code: "bad_request",
          });
        }
      });
    });

    describe("any sequence of calls at once", () => {
      test("keeps what a case promises: status as the last decision left it, versions without gaps, a whole chain", async () => {
        const numbers = await raiseMany(8);
        const other = open();
        await other.ping();
        const random = randomBytes(600);
        const people = ["LiLei", "HanMei", "Lucy"];
        const calls = Array.from({ length: 200 }, (_, index) => {
          const [a = 0, b = 0, c = 0] = random.subarray(index * 3);
          const caseNumber = numbers[a % numbers.length] ?? "";
          const by = people[b % people.length] ?? "";
          const on = index % 2 === 0 ? store : other;
          return async () => {
            const { version } = await on.cases.get(caseNumber);
            const request = { caseNumber, version, reason: "", note: "", by };
            switch (c % 6) {
              case 0:
                return on.cases.claim({ caseNumber, by });
              case 1:
                return on.cases.release({ caseNumber, by });
              case 2:
                return on.cases.decide({ ...request, move: "resolve", resolution: "confirmed" });
              case 3:
                return on.cases.decide({ ...request, move: "escalate", to: null });
              case 4:
                return on.cases.decide({ ...request, move: "reopen" });
              default:
                return on.cases.undo({ caseNumber, by });
            }
          };
        });
        const lanes = Array.from({ length: 8 }, (_, lane) => calls.filter((_call, index) => index % 8 === lane));
        await Promise.all(
          lanes.map(async (lane) => {
            for (const call of lane) {
              await call().catch((error: unknown) => {
                if (!(error instanceof YingdaError) || error.code !== "case_conflict") throw error;
              });
            }
          }),
        );
        for (const caseNumber of numbers) {
          const view = await store.cases.get(caseNumber);
          const last = view.decisions.at(-1);
          const left = last?.toStatus ?? "new";
          expect([left, left === "new" ? "claimed" : left]).toContain(view.status);
          expect(view.decisions.every(({ version }) => version <= view.version)).toBe(true);
          for (const [index, decision] of view.decisions.entries()) {
            const before = view.decisions[index - 1]?.toStatus ?? "new";
            expect([before, before === "new" ? "claimed" : before]).toContain(decision.fromStatus);
          }
        }
        expect(await store.audit.verify()).toMatchObject({ ok: true });
      });
    });
  });
}
