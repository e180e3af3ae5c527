import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { systemClock } from "../../src/base/clock.ts";
import { createLogger } from "../../src/base/logger.ts";
import { LivePolicyDesk } from "../../src/conversation/policy-desk.ts";
import { policyAnswer } from "../../src/handlers/admin/api-schema.ts";
import { createModerator } from "../../src/moderation/moderator.ts";
import { loadPolicy } from "../../src/moderation/policy/policy.ts";
import { until } from "../support/until.ts";
import { recordedEvents } from "../support/wecom-api-server.ts";
import { type Browser, type Desk, flaggedTurn, openDesk, stopRedis } from "./admin-console.ts";

jest.setTimeout(60_000);

let desk: Desk;
let adam: Browser;

beforeEach(async () => {
  desk = await openDesk();
  adam = await desk.as("adam");
});
afterEach(() => desk.stop());
afterAll(stopRedis);

const inForce = async () => policyAnswer.parse((await adam.get("/admin/api/policy")).json);
/** The policy that ships, with a word of its own that is refused. */
async function draftWith(word: string): Promise<{ text: string; baseVersion: string }> {
  const { text, version } = await inForce();
  const list = `\nlexicon:\n  - id: company\n    category: ip_secret\n    tier: T0\n    terms: ["${word}"]\n`;
  expect(text).not.toMatch(/^lexicon:/m);
  return { text: text + list, baseVersion: version };
}
const save = (draft: object, note = "a new word") =>
  adam.send("PUT", "/admin/api/policy", { body: { ...draft, note } });

describe("the policy", () => {
  test("a draft is checked: its version, or its faults with their places", async () => {
    const { text } = await draftWith("蓝鲸计划");
    const good = (await adam.post("/admin/api/policy/check", { text })).json;
    expect(good).toEqual({ ok: true, version: expect.stringMatching(/^2026\.1\+[0-9a-f]{8}$/), faults: [] });
    const bad = (await adam.post("/admin/api/policy/check", { text: text.replace("tier: T0", "tier: T9") })).json;
    expect(bad).toMatchObject({ ok: false, version: null });
    expect(bad.faults).toEqual([expect.stringMatching(/^line \d+: lexicon\.0\.tier/)]);
    const broken = (await adam.post("/admin/api/policy/check", { text: "a: [" })).json;
    expect(broken.faults.length).toBeGreaterThan(0);
  });

  test("a message is tried on a draft and on the policy in force", async () => {
    const { text } = await draftWith("蓝鲸计划");
    const message = "请介绍一下蓝鲸计划";
    const now = (await adam.post("/admin/api/policy/try", { message })).json;
    expect(now).toMatchObject({ action: "allow", flagged: false, severity: null });
    const then = (await adam.post("/admin/api/policy/try", { message, text })).json;
    expect(then.categories).toEqual(["ip_secret"]);
    expect(then.action).not.toBe("allow");
    const [signal] = then.signals;
    expect(message.slice(signal.spans[0].start, signal.spans[0].end)).toBe("蓝鲸计划");
  });

  test("a dry run says what a draft would have done to the last days, masked", async () => {
    const mild = { question: "今天天气怎么样", answer: "晴", flags: [] };
    await desk.raise(
      { ...mild, turnId: "t1" },
      { ...mild, turnId: "t2", question: "蓝鲸计划是什么", questionMasked: "蓝鲸计划是什么" },
      { ...mild, turnId: "t3", receivedAtMs: desk.nowMs() - 3 * 86_400_000, question: "蓝鲸计划" },
      { ...mild, turnId: "t4", outcome: "command" },
    );
    const { text } = await draftWith("蓝鲸计划");
    const run = (await adam.post("/admin/api/policy/dry-run", { text, days: 2 })).json;
    expect(run).toMatchObject({ turns: 2, cut: false, changes: { stricter: 1, milder: 0, same: 1 } });
    expect(run.samples).toEqual([
      expect.objectContaining({ turnId: "t2", before: "allow", direction: "question", text: "蓝鲸计划是什么" }),
    ]);
    expect((await adam.post("/admin/api/policy/dry-run", { text: "a: [", days: 2 })).json.error.code).toBe(
      "bad_request",
    );
  });

  test("a saved draft is in force at once, with a way back to the one that ships", async () => {
    const draft = await draftWith("蓝鲸计划");
    const saved = policyAnswer.parse((await save(draft)).json);
    expect(saved).toMatchObject({ source: "console", text: draft.text });
    expect(saved.versions.map(({ id, note, active }) => [id, note, active])).toEqual([
      [2, "a new word", true],
      [1, "as shipped", false],
    ]);
    const judged = (await adam.post("/admin/api/policy/try", { message: "蓝鲸计划" })).json;
    expect(judged.categories).toEqual(["ip_secret"]);
    expect((await adam.get("/admin/api/policy/versions/1")).json).toMatchObject({ id: 1, version: draft.baseVersion });

    const back = await adam.post("/admin/api/policy/versions/1/activate", { reason: "too strict" });
    expect(policyAnswer.parse(back.json).version).toBe(draft.baseVersion);
    expect((await adam.post("/admin/api/policy/try", { message: "蓝鲸计划" })).json.action).toBe("allow");
    const rows = await desk.records.audit.recent(10);
    expect(rows.map(({ action, subject, by }) => [action, subject, by])).toEqual([
      ["policy.activate", `policy:${draft.baseVersion}`, "adam"],
      ["policy.save", `policy:${saved.version}`, "adam"],
    ]);
    const { policyChanges } = (await adam.get("/admin/api/dashboard")).json;
    expect(policyChanges).toMatchObject([{ version: saved.version }, { version: draft.baseVersion }]);
  });

  test("saved in one process is in force in another within seconds, and after a restart", async () => {
    const { events } = recordedEvents();
    const log = createLogger("silent");
    const versions = desk.records.policies;
    const moderator = createModerator({ policy: loadPolicy(undefined) });
    const parts = { versions, records: desk.records.console, policyFile: null, clock: systemClock, events, log };
    const other = new LivePolicyDesk({ ...parts, moderator });
    await other.start();
    expect(other.source).toBe("built-in");
    const saved = policyAnswer.parse((await save(await draftWith("蓝鲸计划"))).json);
    await until(() => other.version === saved.version, { what: "the other process's policy" });
    expect(other.source).toBe("console");
    await other.stop();

    const late = new LivePolicyDesk({ ...parts, moderator: createModerator({ policy: loadPolicy(undefined) }) });
    await late.start();
    expect(late.version).toBe(saved.version);
    await late.stop();
  });

  test("with POLICY_FILE is that file's: shown, tried, and not saved here", async () => {
    const folder = await mkdtemp(join(tmpdir(), "yingda-policy-"));
    const policyFile = join(folder, "policy.yaml");
    await writeFile(policyFile, "# ours");
    const { events } = recordedEvents();
    const filed = new LivePolicyDesk({
      versions: desk.records.policies,
      records: desk.records.console,
      moderator: createModerator({ policy: loadPolicy(undefined) }),
      policyFile,
      clock: systemClock,
      events,
      log: createLogger("silent"),
    });
    await filed.start();
    expect(await filed.inForce()).toMatchObject({ source: "file", text: "# ours" });
    const refused = { code: "bad_request", message: expect.stringContaining("POLICY_FILE") };
    const draft = { text: "x", baseVersion: filed.version, by: "adam", note: "" };
    await expect(filed.save(draft)).rejects.toMatchObject(refused);
    await expect(filed.activate({ id: 1, by: "adam", reason: "" })).rejects.toMatchObject(refused);
    await filed.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test("two who edit at once: the second is told, and nothing is lost or mixed", async () => {
    const [one, other] = [await draftWith("蓝鲸计划"), await draftWith("白鲸计划")];
    expect((await save(one)).status).toBe(200);
    const late = await save(other);
    expect(late.status).toBe(409);
    expect(late.json.error.code).toBe("policy_conflict");
    expect((await inForce()).text).toBe(one.text);
    const again = await save({ ...one, baseVersion: (await inForce()).version });
    expect(again.json.error.code).toBe("bad_request");
  });

  test("a faulty draft is not saved", async () => {
    const { text, baseVersion } = await draftWith("蓝鲸计划");
    expect((await save({ text: text.replace("tier: T0", "tier: T9"), baseVersion })).status).toBe(400);
    expect(await inForce()).toMatchObject({ source: "built-in", versions: [] });
  });

  test("a draft of megabytes is answered in its own thread, and other requests meanwhile", async () => {
    const words = Array.from({ length: 30_000 }, (_, n) => `"词汇${n.toString(36)}号"`).join(", ");
    const { text } = await draftWith("蓝鲸计划");
    const long = text.replace('terms: ["蓝鲸计划"]', `terms: [${words}]`);
    const checking = adam.post("/admin/api/policy/check", { text: long });
    const waits: number[] = [];
    let done = false;
    const both = checking.finally(() => {
      done = true;
    });
    while (!done) {
      const startMs = performance.now();
      expect((await adam.get("/admin/api/session")).status).toBe(200);
      waits.push(performance.now() - startMs);
    }
    expect((await both).json.ok).toBe(true);
    expect(waits.length).toBeGreaterThan(5);
    const tooLong = await adam.post("/admin/api/policy/check", { text: "x".repeat(4 * 1024 * 1024) });
    expect(tooLong.status).toBe(413);
  });

  test("an aborted dry run ends, and the next one may begin", async () => {
    await desk.raise(
      ...Array.from({ length: 600 }, (_, n) => ({ turnId: `t${n}`, question: "今天天气怎么样", flags: [] })),
    );
    const { text } = await draftWith("蓝鲸计划");
    const gone = new AbortController();
    const first = desk.policy.dryRun({ policy: text, days: 1, signal: gone.signal });
    await expect(desk.policy.dryRun({ policy: text, days: 1, signal: gone.signal })).rejects.toMatchObject({
      message: expect.stringContaining("Another dry run"),
    });
    gone.abort(new Error("the page was closed"));
    await expect(first).rejects.toThrow("the page was closed");
    const second = await desk.policy.dryRun({ policy: text, days: 1, signal: new AbortController().signal });
    expect(second.turns).toBe(600);
  });
});

test("a restricted member is listed by what is kept of them", async () => {
  await desk.raise(flaggedTurn("AAAAA-00001", { userId: "Lisi" }), flaggedTurn("AAAAA-00002", { userId: "wangwu" }));
  await adam.post("/admin/api/people/Lisi/restrictions", { kind: "mute", hours: 2, reason: "test" });
  const people = async (query: string) =>
    (await adam.get(`/admin/api/people?${query}`)).json.people.map(({ userId }: { userId: string }) => userId);
  expect(await people("")).toEqual(["Lisi", "wangwu"]);
  expect(await people("restricted=true")).toEqual(["Lisi"]);
  expect(await people("restricted=false")).toEqual(["wangwu"]);
  expect(await people("q=WANG")).toEqual(["wangwu"]);
  expect(await people("q=%25")).toEqual([]);
  const first = (await adam.get("/admin/api/people?limit=1")).json;
  expect(await people(`limit=1&cursor=${first.cursor}`)).toEqual(["wangwu"]);
});
