import { afterAll, afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { type Browser, type Desk, flaggedTurn, openDesk, stopRedis } from "./admin-console.ts";

jest.setTimeout(60_000);

let desk: Desk;
let adam: Browser;
let ruby: Browser;

beforeEach(async () => {
  desk = await openDesk();
  [adam, ruby] = [await desk.as("adam"), await desk.as("ruby")];
  await desk.raise(flaggedTurn("AAAAA-00001", { userId: "LiSi" }), flaggedTurn("AAAAA-00002", { userId: "wangwu" }));
});
afterEach(() => desk.stop());
afterAll(stopRedis);

const actions = async () => (await desk.records.audit.recent(20)).map(({ by, action }) => `${by} ${action}`);

describe("a member", () => {
  test("is restricted, which is put in force, and freed again, only beside their own name", async () => {
    const restrict = (browser: Browser, body: object) =>
      browser.post("/admin/api/people/lisi/restrictions", { kind: "mute", hours: 2, reason: "test", ...body });
    expect((await restrict(ruby, { hours: null })).json.error.code).toBe("not_allowed");
    expect((await restrict(ruby, { hours: 24.5 })).json.error.code).toBe("not_allowed");
    const made = (await restrict(ruby, {})).json;
    expect(made).toMatchObject({ kind: "mute", by: "ruby", liftedAtMs: null });
    expect(made.untilMs).toBeGreaterThan(desk.nowMs());
    expect((await ruby.get("/admin/api/people/LISI")).json.restrictions).toHaveLength(1);

    const lift = (userId: string) =>
      ruby.post(`/admin/api/people/${userId}/restrictions/${made.restrictionId}/lift`, { reason: "over" });
    expect((await lift("wangwu")).status).toBe(404);
    expect((await lift("LiSi")).json.liftedAtMs).not.toBeNull();
    expect(desk.acted.map(({ name }) => name)).toEqual(["enforce", "enforce"]);
    expect(await actions()).toEqual(["ruby member.lift", "ruby member.mute", "ruby access.denied"]);
  });

  test("whose strikes brought a pause gets it lifted, for a reason in the audit log", async () => {
    expect((await ruby.post("/admin/api/people/LiSi/lift-pause", {})).status).toBe(400);
    expect((await ruby.post("/admin/api/people/LiSi/lift-pause", { reason: "a mistake" })).status).toBe(204);
    expect(desk.acted).toEqual([{ name: "lift", request: "LiSi" }]);
    expect(await actions()).toEqual(["ruby member.lift_pause"]);
  });

  test("gets what is kept of them as a file, and that is in the audit log", async () => {
    const { headers, json } = await adam.get("/admin/api/people/lisi/export");
    expect(headers["content-disposition"]).toBe('attachment; filename="member.json"');
    expect(json.turns).toHaveLength(1);
    expect(JSON.stringify(json)).not.toContain("wangwu");
    expect(await actions()).toEqual(["adam member.export"]);
  });

  test("is erased when the userid is typed once more, and nobody else is", async () => {
    const erase = (confirm: string) => adam.post("/admin/api/people/LiSi/erase", { reason: "asked for it", confirm });
    expect((await erase("wangwu")).json.error.code).toBe("bad_request");
    expect((await erase("lisi")).json).toEqual({
      turns: 1,
      flags: 1,
      feedback: 0,
      cases: 1,
      restrictions: 0,
      held: false,
    });
    const { people } = (await adam.get("/admin/api/people")).json;
    expect(people.map(({ userId }: { userId: string }) => userId)).toEqual(["wangwu"]);
    expect((await adam.get("/admin/api/cases/AAAAA-00001")).status).toBe(404);
  });

  test("on legal hold is not erased, and the report says so", async () => {
    await desk.records.holds.place({ subject: { kind: "member", userId: "lisi" }, reason: "court", by: "adam" });
    const report = (await adam.post("/admin/api/people/LiSi/erase", { reason: "asked", confirm: "LiSi" })).json;
    expect(report).toMatchObject({ turns: 0, flags: 0, held: true });
    expect((await adam.get("/admin/api/people/LiSi")).json).toMatchObject({ onHold: true, turns90Days: 1 });
  });
});

describe("a legal hold", () => {
  test("is placed on a member or a case, listed, and lifted, each in the audit log; a wrong subject is none", async () => {
    const place = (body: object) => adam.post("/admin/api/holds", { reason: "court", ...body });
    const member = (await place({ kind: "member", userId: "LiSi" })).json;
    expect(member).toMatchObject({ kind: "member", userId: "lisi", by: "adam", liftedAtMs: null });
    expect((await place({ kind: "case", caseNumber: "AAAAA-00002" })).json).toMatchObject({
      caseNumber: "AAAAA-00002",
    });
    for (const wrong of [{}, { kind: "case", userId: "lisi" }, { kind: "group", userId: "lisi" }]) {
      expect((await place(wrong)).json.error.code).toBe("bad_request");
    }
    expect((await ruby.post("/admin/api/holds", {})).json.error.code).toBe("not_allowed");
    const holds = async () => (await adam.get("/admin/api/holds")).json.holds;
    expect(await holds()).toHaveLength(2);
    expect((await adam.post(`/admin/api/holds/${member.holdId}/lift`, {})).json.liftedBy).toBe("adam");
    expect(await holds()).toMatchObject([{ kind: "case" }]);
    expect(await actions()).toEqual(["adam hold.lift", "ruby access.denied", "adam hold.place", "adam hold.place"]);
  });
});

describe("the audit log", () => {
  test("is shown page by page, checked as a chain, and exported, which is in it", async () => {
    for (let n = 0; n < 3; n += 1) {
      await desk.records.audit.append({ by: "ruby", action: "test", subject: `case:${n}`, details: { n } });
    }
    const { rows } = (await adam.get("/admin/api/audit?limit=2")).json;
    expect(rows.map(({ seq }: { seq: number }) => seq)).toEqual([3, 2]);
    expect((await adam.get(`/admin/api/audit?limit=2&before=${rows[1].seq}`)).json.rows).toHaveLength(1);
    expect((await adam.get("/admin/api/audit?subject=case:1")).json.rows).toMatchObject([{ details: { n: 1 } }]);
    expect((await adam.get("/admin/api/audit/verify")).json).toEqual({ ok: true, rows: 3, seq: 3, why: null });
    const lines = (await adam.get("/admin/api/audit/export")).text.trim().split("\n");
    expect(lines).toHaveLength(4);
    expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ by: "adam", action: "audit.export" });
  });
});
