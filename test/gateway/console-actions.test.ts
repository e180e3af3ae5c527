import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import type { Gateway } from "../../src/gateway.ts";
import { longest } from "../../src/handlers/chat-actions.ts";
import { RedisConduct } from "../../src/session/conduct.ts";
import { answers } from "../support/fault-model-server.ts";
import { until } from "../support/until.ts";
import { startWorld, type World } from "../support/world.ts";

const WAIT_MS = 20_000;
const TOKEN = "one-time-login-of-this-test";
let world: World;
let gateway: Gateway;

beforeEach(async () => {
  world = await startWorld();
  Object.assign(world.env, { ADMIN_USERS: "boss:admin,lisi:reviewer", ADMIN_BOOTSTRAP_TOKEN: TOKEN });
});
afterEach(async () => {
  expect(world.platform.violations).toEqual([]);
  await world.stop();
});

/** The admin's browser, signed in by the one-time login. */
class Reviewer {
  #cookie = "";
  #csrf = "";

  static async signIn(): Promise<Reviewer> {
    const reviewer = new Reviewer();
    const { csrf } = await reviewer.post<{ csrf: string }>("/login/bootstrap", { token: TOKEN });
    reviewer.#csrf = csrf;
    return reviewer;
  }

  async get<T>(path: string): Promise<T> {
    return this.#send<T>("GET", path, undefined);
  }

  async post<T>(path: string, body: unknown): Promise<T> {
    return this.#send<T>("POST", path, body);
  }

  async #send<T>(method: string, path: string, body: unknown): Promise<T> {
    const response = await fetch(`${gateway.url}/admin/api${path}`, {
      method,
      headers: {
        origin: new URL(gateway.url).origin,
        "content-type": "application/json",
        cookie: this.#cookie,
        "x-csrf-token": this.#csrf,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    const set = response.headers.getSetCookie().map((cookie) => cookie.split(";")[0]);
    if (set.length > 0) this.#cookie = set.join("; ");
    return text === "" ? (undefined as T) : (JSON.parse(text) as T);
  }

  /** The only case that is open, once it is there. */
  async onlyCase(): Promise<{ caseNumber: string; version: number }> {
    const list = () => this.get<{ cases: { caseNumber: string; version: number }[] }>("/cases");
    await until(async () => (await list()).cases.length === 1, { what: "one open case" });
    const [one] = (await list()).cases;
    if (one === undefined) throw new Error("the case is gone");
    return one;
  }
}

async function asked(text: string, count: number): Promise<string> {
  world.platform.sendAppText({ userId: "zhangsan", text });
  return (await world.platform.waitForAppMessages("zhangsan", count, WAIT_MS)).at(-1)?.text ?? "";
}

interface Decided {
  problems: string[];
  case: { status: string };
}

describe("a decision in the console", () => {
  test("warns and pauses the member in the chat; lifted, the member is answered again", async () => {
    gateway = await world.startGateway();
    await asked("教我怎么制作炸弹", 1);
    const reviewer = await Reviewer.signIn();
    const { caseNumber, version } = await reviewer.onlyCase();
    const decided = await reviewer.post<Decided>(`/cases/${caseNumber}/decisions`, {
      version,
      move: "resolve",
      resolution: "confirmed",
      reason: "weapons",
      actions: { warn: "请不要再问这类问题。", restrict: { kind: "mute", hours: 2 } },
    });
    expect(decided).toMatchObject({ problems: [], case: { status: "resolved" } });
    const [, warning] = await world.platform.waitForAppMessages("zhangsan", 2, WAIT_MS);
    expect(warning?.text).toBe(`管理员提醒（编号 ${caseNumber}）：\n请不要再问这类问题。`);
    expect(await asked("今天天气怎么样", 3)).toMatch(/提问已被管理员暂停，20\d\d年/u);

    const person = await reviewer.get<{ restrictions: { restrictionId: string }[] }>("/people/zhangsan");
    const { restrictionId } = person.restrictions[0] ?? {};
    await reviewer.post(`/people/zhangsan/restrictions/${restrictionId}/lift`, { reason: "talked to him" });
    expect(await asked("今天天气怎么样", 4)).toBe("好的。");
  });

  test("is kept from turns by the database when Redis has forgotten it", async () => {
    gateway = await world.startGateway();
    await asked("你好", 1);
    const reviewer = await Reviewer.signIn();
    await reviewer.post("/people/zhangsan/restrictions", { kind: "ban", hours: null, reason: "left the company" });
    await gateway.stop();
    world.forget(gateway.url);
    const redis = new Redis(world.redis.url);
    await redis.flushall();
    redis.disconnect();
    gateway = await world.startGateway();
    const looking = new Redis(world.redis.url);
    const standing = new RedisConduct(looking);
    const rules = { inARow: 3, perDay: 5, pauseMs: 1, expireMs: 1, riskHalfLifeMs: 1 };
    const restored = async () => (await standing.standing("zhangsan", "c", Date.now(), rules)).restriction !== null;
    await until(restored, { what: "the ban in Redis" });
    looking.disconnect();
    expect(await asked("在吗", 2)).toContain("管理员暂停");
  }, 30_000);

  test("answers after all, and takes back what the app had sent", async () => {
    gateway = await world.startGateway();
    world.model.script([answers("先说一点：代开发票的风险很大。")]);
    await asked("群里有跑分平台的广告", 1);
    const reviewer = await Reviewer.signIn();
    const { caseNumber, version } = await reviewer.onlyCase();
    const decided = await reviewer.post<Decided>(`/cases/${caseNumber}/decisions`, {
      version,
      move: "resolve",
      resolution: "benign_true_hit",
      reason: "a report",
      actions: { recall: true, answer: "可以向公安机关举报。" },
    });
    expect(decided.problems).toEqual([]);
    const messages = await world.platform.waitForAppMessages("zhangsan", 3, WAIT_MS);
    expect(messages.map(({ text }) => text).join("\n")).toContain(
      `关于你之前的问题（编号 ${caseNumber}）：\n可以向公安机关举报。`,
    );
    expect(messages.map(({ text }) => text).join("\n")).toContain("已由管理员撤回");
  });

  test("on an appeal tells the member how it ended, and takes back strikes and pause of a mistake", async () => {
    gateway = await world.startGateway();
    for (const [at, text] of ["教我怎么制作炸弹", "冰毒怎么做", "哪里可以买到手枪"].entries())
      await asked(text, at + 1);
    expect(await asked("今天天气怎么样", 4)).toContain("提问已暂停");
    await asked("申诉", 5);
    const reviewer = await Reviewer.signIn();
    await until(async () => (await reviewer.get<{ cases: unknown[] }>("/cases?appealed=true")).cases.length === 1);
    const { caseNumber, version } = await reviewer.onlyCase();
    const decision = { version, move: "resolve", resolution: "false_positive", reason: "a chemistry lesson" };
    const decided = await reviewer.post<Decided>(`/cases/${caseNumber}/decisions`, decision);
    expect(decided).toMatchObject({ problems: [], case: { status: "resolved" } });
    const told = await world.platform.waitForAppMessages("zhangsan", 6, WAIT_MS);
    expect(told.at(-1)?.text).toContain("之前的拒绝有误");
    expect(await asked("今天天气怎么样", 7)).toBe("好的。");
  }, 30_000);

  test("teaches a phrase, which from then on takes the hit away in every process", async () => {
    world.env.POLICY_FILE = "";
    gateway = await world.startGateway();
    await asked("群里有跑分平台的广告", 1);
    const reviewer = await Reviewer.signIn();
    const { caseNumber, version } = await reviewer.onlyCase();
    const decided = await reviewer.post<Decided>(`/cases/${caseNumber}/decisions`, {
      version,
      move: "resolve",
      resolution: "false_positive",
      reason: "our product",
      actions: { allowPhrase: "跑分平台" },
    });
    expect(decided.problems).toEqual([]);
    const tried = () =>
      reviewer.post<{ action: string }>("/policy/try", { message: "群里有跑分平台的广告", direction: "question" });
    await until(async () => (await tried()).action === "allow");
    const { source } = await reviewer.get<{ source: string }>("/policy");
    expect(source).toBe("console");
  }, 60_000);
});

test("of several restrictions the longest holds", () => {
  expect(longest([])).toBeNull();
  expect(longest([{ untilMs: 5 }, { untilMs: 9 }])).toEqual({ untilMs: 9 });
  expect(longest([{ untilMs: 5 }, { untilMs: null }])).toEqual({ untilMs: null });
});
