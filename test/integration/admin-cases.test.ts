import { afterAll, afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { caseDetail, conflictAnswer, decisionAnswer } from "../../src/handlers/admin/api-schema.ts";
import { sampleBucket } from "../../src/review/second-reviews.ts";
import { type Browser, type Desk, flaggedTurn, openDesk, stopRedis, unreachable } from "./admin-console.ts";

jest.setTimeout(60_000);

const NUMBER = "AAAAA-00001";
const RAW = "请打我电话 13800000000，谢谢";
const MASKED = "请打我电话 [手机号]，谢谢";

let desk: Desk;
let ruby: Browser;
let adam: Browser;

beforeEach(async () => {
  desk = await openDesk();
  [ruby, adam] = [await desk.as("ruby"), await desk.as("adam")];
});
afterEach(() => desk.stop());
afterAll(stopRedis);

const raisePersonal = () =>
  desk.raise(
    flaggedTurn(
      NUMBER,
      { question: RAW, questionMasked: MASKED },
      {
        text: RAW,
        textMasked: MASKED,
        signals: [
          { checker: "personal", category: "pii", confidence: 1, rule: "pii/phone", spans: [{ start: 6, end: 17 }] },
        ],
      },
    ),
  );
const decide = (browser: Browser, body: object, number = NUMBER) =>
  browser.post(`/admin/api/cases/${number}/decisions`, {
    version: 1,
    move: "resolve",
    resolution: "confirmed",
    ...body,
  });
const audit = async () => (await desk.records.audit.recent(50)).map(({ action, by }) => `${by} ${action}`);

describe("a second review", () => {
  const sampled = Array.from({ length: 9_999 }, (_, n) => `AAAAA-${String(n).padStart(5, "0")}`).find(
    (number) => sampleBucket(number) < 500,
  ) as string;
  const next = async (browser: Browser) => (await browser.get("/admin/api/second-reviews/next")).json.case;

  test("is by somebody else, who sees neither the decision nor personal data; agreement is told", async () => {
    await desk.raise(
      flaggedTurn(sampled, { question: RAW, questionMasked: MASKED }, { text: RAW, textMasked: MASKED }),
    );
    expect(await next(adam)).toBeNull();
    await decide(ruby, { note: "so I judged" }, sampled);
    expect(await next(ruby)).toBeNull();
    const blind = await next(adam);
    expect(blind).toMatchObject({ caseNumber: sampled, turns: [{ question: MASKED, flags: [{ text: MASKED }] }] });
    expect(JSON.stringify(blind)).not.toMatch(/ruby|confirmed|so I judged|13800000000/u);

    const judge = (browser: Browser, body: object) => browser.post(`/admin/api/second-reviews/${sampled}`, body);
    expect((await judge(ruby, { resolution: "confirmed" })).status).toBe(409);
    expect((await judge(adam, {})).status).toBe(400);
    expect((await judge(adam, { resolution: "false_positive" })).status).toBe(204);
    expect((await judge(adam, { resolution: "confirmed" })).status).toBe(409);
    expect(await next(adam)).toBeNull();
    expect((await ruby.get(`/admin/api/cases/${sampled}`)).json.decisions).toHaveLength(1);
    const agreement = (await ruby.get("/admin/api/second-reviews/agreement")).json;
    expect(agreement).toMatchObject({ pairs: 1, observed: 0, kappa: 0 });
    expect(await audit()).toContain("adam case.second_review");
  });
});

describe("the queue", () => {
  test("is paged, filtered and counted, and says whose a case is", async () => {
    await desk.raise(
      flaggedTurn("AAAAA-00001", {}, { severity: "P0" }),
      flaggedTurn("AAAAA-00002", { userId: "lisi" }),
      flaggedTurn("AAAAA-00003", { channel: "bot" }),
    );
    const first = (await ruby.get("/admin/api/cases?limit=2")).json;
    expect(first.cases.map(({ caseNumber }: { caseNumber: string }) => caseNumber)).toEqual([
      "AAAAA-00001",
      "AAAAA-00002",
    ]);
    const second = (await ruby.get(`/admin/api/cases?limit=2&cursor=${first.cursor}`)).json;
    expect(second).toMatchObject({ cases: [{ caseNumber: "AAAAA-00003" }], cursor: null });
    expect((await ruby.get("/admin/api/cases?userId=LiSi")).json.cases).toHaveLength(1);
    expect((await ruby.get("/admin/api/cases?severity=P0&channel=bot")).json.cases).toEqual([]);
    await ruby.post("/admin/api/cases/AAAAA-00002/claim");
    const mine = (await ruby.get("/admin/api/cases?assignee=me")).json.cases;
    expect(mine).toMatchObject([{ caseNumber: "AAAAA-00002", assignee: "ruby", userName: "name of lisi" }]);
    expect((await ruby.get("/admin/api/cases/counts")).json).toEqual({
      open: 3,
      overdue: 0,
      byStatus: { new: 2, claimed: 1 },
      bySeverity: { P0: 1, P2: 2 },
    });
  });

  test("finds a case by two Chinese characters of its masked text, and by nothing that was masked", async () => {
    await raisePersonal();
    const found = async (q: string) =>
      (await ruby.get(`/admin/api/cases?q=${encodeURIComponent(q)}`)).json.cases.length;
    expect(await found("电话")).toBe(1);
    expect(await found("13800000000")).toBe(0);
  });

  test("hands out the most urgent free case, each to one reviewer", async () => {
    await desk.raise(...[1, 2, 3].map((n) => flaggedTurn(`AAAAA-0000${n}`, {}, { severity: n === 3 ? "P0" : "P2" })));
    const rob = await desk.as("rob");
    const next = async (browser: Browser, body = {}) =>
      (await browser.post("/admin/api/cases/next", body)).json.case?.caseNumber ?? null;
    expect(await next(ruby)).toBe("AAAAA-00003");
    expect(await next(rob, { severity: "P0" })).toBeNull();
    expect(await next(rob, { severity: "P2", category: "pii" })).toBe("AAAAA-00001");
    expect(await next(ruby, { category: "insult" })).toBe("AAAAA-00002");
    expect(await next(rob)).toBeNull();
    const taken = await rob.post("/admin/api/cases/AAAAA-00003/claim");
    expect(taken.status).toBe(409);
    expect((await rob.post("/admin/api/cases/AAAAA-00003/claim", { takeOver: true })).json.assignee).toBe("rob");
    expect((await ruby.post("/admin/api/cases/AAAAA-00003/renew")).status).toBe(409);
    expect((await rob.post("/admin/api/cases/AAAAA-00003/release")).json).toMatchObject({
      status: "new",
      assignee: null,
    });
  });
});

describe("a case", () => {
  test("is shown masked, with evidence marked where the masked text has it", async () => {
    await raisePersonal();
    const answer = await ruby.get(`/admin/api/cases/${NUMBER}`);
    const detail = caseDetail.parse(answer.json);
    const flag = detail.turns[0]?.flags[0];
    expect(flag?.text).toBe(MASKED);
    const [span] = flag?.signals[0]?.spans ?? [];
    expect(MASKED.slice(span?.start, span?.end)).toBe("[手机号]");
    expect(answer.text).not.toContain("13800000000");
    expect(detail.excerpt).toBe(MASKED);
    expect(detail.today).toMatchObject({ policyVersion: desk.policy.version, categories: ["pii"] });
    expect(detail.member).toMatchObject({ userId: "ZhangSan", turns90Days: 1, confirmed90Days: 0 });
  });

  test("is revealed for a reason, which is in the audit log with who looked", async () => {
    await raisePersonal();
    expect((await ruby.post(`/admin/api/cases/${NUMBER}/reveal`, {})).status).toBe(400);
    const { turns } = (await ruby.post(`/admin/api/cases/${NUMBER}/reveal`, { reason: "appeal" })).json;
    const { text, signals } = turns[0].flags[0];
    expect(text.slice(signals[0].spans[0].start, signals[0].spans[0].end)).toBe("13800000000");
    const [row] = await desk.records.audit.recent(1);
    expect(row).toMatchObject({
      by: "ruby",
      action: "case.reveal",
      subject: `case:${NUMBER}`,
      details: { reason: "appeal" },
    });
    expect(JSON.stringify(row)).not.toContain("1380000");
  });

  test("whose texts retention emptied still opens, and nobody judges it any more", async () => {
    await raisePersonal();
    await decide(ruby, {});
    desk.shiftMs(31 * 86_400_000);
    [ruby, adam] = [await desk.as("ruby"), await desk.as("adam")];
    await desk.records.sweepRetention({ rawDays: 30, maskedDays: 190 });
    const { today, turns } = caseDetail.parse((await ruby.get(`/admin/api/cases/${NUMBER}`)).json);
    expect(today).toBeNull();
    expect(turns[0]?.flags[0]).toMatchObject({ text: MASKED, signals: [{ spans: [] }] });
    const raw = (await ruby.post(`/admin/api/cases/${NUMBER}/reveal`, { reason: "late" })).json;
    expect(raw.turns[0].question).toBe(MASKED);
  });
});

describe("deciding", () => {
  beforeEach(() => desk.raise(flaggedTurn(NUMBER)));

  test("on a version that is not the last gives the other's decision, and changes nothing", async () => {
    const rob = await desk.as("rob");
    const done = decisionAnswer.parse((await decide(rob, { reason: "clear", note: "seen twice" })).json);
    expect(done.case).toMatchObject({ status: "resolved", resolution: "confirmed", version: 2 });
    const late = await decide(ruby, { resolution: "false_positive", note: "my own words" });
    expect(late.status).toBe(409);
    const conflict = conflictAnswer.parse(late.json);
    expect(conflict.error.code).toBe("case_conflict");
    expect(conflict.case).toMatchObject({ status: "resolved", version: 2, excerpt: "我的手机号是 13800000000" });
    expect(conflict.decision).toMatchObject({ by: "rob", resolution: "confirmed", note: "seen twice" });
  });

  test("does what was asked beside it, notes each outcome, and says what could not be done", async () => {
    desk.broken.set("recall", unreachable());
    const actions = {
      warn: "请注意用语",
      answer: "这是答复",
      allowPhrase: "杀死进程",
      recall: true,
      restrict: { kind: "ban", hours: null },
    };
    const answer = decisionAnswer.parse((await decide(adam, { reason: "again", actions })).json);
    expect(answer.case.status).toBe("resolved");
    expect(answer.problems).toEqual([expect.stringMatching(/^recall: WeCom did not answer/)]);
    expect(desk.acted).toEqual([
      { name: "enforce", request: expect.objectContaining({ kind: "ban", untilMs: null, userId: "ZhangSan" }) },
      { name: "allowPhrase", request: { caseNumber: NUMBER, phrase: "杀死进程", by: "adam" } },
      { name: "warn", request: { caseNumber: NUMBER, text: "请注意用语", by: "adam" } },
      { name: "answer", request: { caseNumber: NUMBER, text: "这是答复", by: "adam" } },
    ]);
    const rows = await desk.records.audit.recent(50);
    expect(rows.map(({ action, details }) => `${action} ${details.ok ?? ""}`.trim()).reverse()).toEqual([
      "case.resolve",
      "action.recall false",
      "member.ban",
      "action.restrict true",
      "action.allow_phrase true",
      "action.warn true",
      "action.answer true",
    ]);
    expect(JSON.stringify(rows) + desk.logLines.join()).not.toContain("请注意用语");
  });

  test.each([
    ["a ban of more than a day", { restrict: { kind: "ban", hours: 25 } }],
    ["a mute until it is lifted", { restrict: { kind: "mute", hours: null } }],
    ["a recall", { recall: true }],
  ])("with %s takes an admin; a reviewer's whole request is refused, and written down", async (_, actions) => {
    const refused = await decide(ruby, { actions });
    expect(refused.json.error.code).toBe("not_allowed");
    expect((await desk.records.cases.get(NUMBER)).status).toBe("new");
    expect(desk.acted).toEqual([]);
    expect(await audit()).toEqual(["ruby access.denied"]);
  });

  test("is undone within a minute by whoever decided, with the restriction that came with it", async () => {
    const { json } = await decide(ruby, { actions: { restrict: { kind: "mute", hours: 24 } } });
    expect(json.undoUntilMs).toBeGreaterThan(desk.nowMs());
    expect((await (await desk.as("rob")).post(`/admin/api/cases/${NUMBER}/undo`)).status).toBe(409);
    expect((await ruby.post(`/admin/api/cases/${NUMBER}/undo`)).json).toMatchObject({
      status: "new",
      resolution: null,
    });
    expect(desk.restrictions.map(({ liftedAtMs }) => liftedAtMs !== null)).toEqual([false, true]);
    expect(await desk.records.restrictions.inForceFor("zhangsan")).toEqual([]);
    const { decisions } = (await ruby.get(`/admin/api/cases/${NUMBER}`)).json;
    expect(decisions.map(({ move, undone }: { move: string; undone: boolean }) => [move, undone])).toEqual([
      ["resolve", true],
      ["undo", false],
    ]);
  });

  test.each([
    ["resolve without saying how", { move: "resolve", resolution: undefined }],
    ["snooze without a time", { move: "snooze" }],
    ["a move that there is not", { move: "delete" }],
    ["no version", { version: undefined }],
    ["a reason of 201 characters", { reason: "x".repeat(201) }],
    ["an empty warning", { actions: { warn: " " } }],
    ["a restriction of no time", { actions: { restrict: { kind: "ban", hours: 0 } } }],
  ])("%s is a bad request", async (_, body) => {
    expect((await decide(ruby, body)).json.error.code).toBe("bad_request");
    expect((await desk.records.cases.get(NUMBER)).version).toBe(1);
  });

  test("in bulk leaves out what changed meanwhile and names it, and is undone together", async () => {
    await desk.raise(flaggedTurn("AAAAA-00002"), flaggedTurn("AAAAA-00003"));
    await decide(await desk.as("rob"), {}, "AAAAA-00003");
    const cases = [NUMBER, "AAAAA-00002", "AAAAA-00003", "ZZZZZ-99999"].map((caseNumber) => ({
      caseNumber,
      version: 1,
    }));
    const body = { cases, move: "resolve", resolution: "false_positive", reason: "same phrase" };
    const { json } = await ruby.post("/admin/api/cases/bulk", body);
    expect(json.decided).toEqual([NUMBER, "AAAAA-00002"]);
    expect(json.failed.map(({ caseNumber }: { caseNumber: string }) => caseNumber)).toEqual([
      "AAAAA-00003",
      "ZZZZZ-99999",
    ]);
    const undone = (await ruby.post("/admin/api/cases/bulk/undo", { caseNumbers: json.decided })).json;
    expect(undone.decided).toEqual(json.decided);
  });

  test("while the database is away tells so, and the code", async () => {
    await desk.records.close();
    const answer = await decide(ruby, {});
    expect(answer.status).toBe(503);
    expect(answer.json.error).toEqual({
      code: "record_store_unavailable",
      message: expect.stringContaining("try again"),
    });
    expect(answer.text).not.toMatch(/sqlite|yingda-admin/i);
  });
});

describe("text that somebody wrote", () => {
  const NASTY = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "</title><svg/onload=alert(1)>",
    "{{constructor.constructor('alert(1)')()}}",
    "[x](javascript:alert(1))",
    '=HYPERLINK("http://evil.example")',
    "\u202e<b>\u0000".replace("\u0000", ""),
  ];

  test("comes back from every field as the same text, in JSON that no browser takes for a page", async () => {
    const nasty = NASTY.join(" ");
    await desk.raise(
      flaggedTurn(
        NUMBER,
        { question: nasty, answer: nasty, userId: "<b>user</b>", model: nasty.slice(0, 100), traceId: "<i>trace</i>" },
        { text: nasty, categories: ["<u>category</u>"], action: "<s>flag</s>", policyVersion: "<p>1</p>" },
      ),
    );
    const note = await ruby.post(`/admin/api/cases/${NUMBER}/notes`, { text: nasty });
    expect(note.json.text).toBe(nasty);
    await decide(ruby, { note: nasty, reason: NASTY[0] });
    const seen = [
      await ruby.get(`/admin/api/cases/${NUMBER}`),
      await ruby.get("/admin/api/cases?status=all"),
      await ruby.post(`/admin/api/cases/${NUMBER}/reveal`, { reason: NASTY[1] }),
      await ruby.get("/admin/api/people"),
      await ruby.get(`/admin/api/people/${encodeURIComponent("<b>user</b>")}`),
      await adam.get("/admin/api/audit"),
      await ruby.post(`/admin/api/cases/${encodeURIComponent("<img src=x>")}/notes`, { text: "x" }),
      await ruby.get(`/admin/api/${encodeURIComponent("<script>")}`),
    ];
    for (const { headers } of seen) {
      expect(headers["content-type"]).toBe("application/json; charset=utf-8");
      expect(headers["x-content-type-options"]).toBe("nosniff");
    }
    const [detail, , raw] = seen;
    expect(detail?.json.turns[0]).toMatchObject({ question: nasty, answer: nasty });
    expect(detail?.json.decisions[0]).toMatchObject({ note: nasty, reason: NASTY[0] });
    expect(raw?.json.turns[0].flags[0].text).toBe(nasty);
    expect(seen[3]?.json.people[0].userId).toBe("<b>user</b>");
    // What did not fit is not repeated in what is said about it.
    for (const { text } of seen.slice(-2)) expect(text).not.toMatch(/[<>]/);
  });

  test("is no formula in an exported audit log", async () => {
    await desk.records.audit.append({ by: "=cmd()", action: "test", subject: "@x", details: {} });
    const { text, headers } = await adam.get("/admin/api/audit/export?format=csv");
    expect(headers["content-disposition"]).toBe('attachment; filename="audit.csv"');
    expect(text).toContain(`"'=cmd()"`);
    expect(await audit()).toContain("adam audit.export");
  });
});
