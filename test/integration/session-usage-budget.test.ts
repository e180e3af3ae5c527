import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Redis } from "ioredis";
import { RedisUsageBudget, type UsageLimits, type UsageRequest } from "../../src/session/usage-budget.ts";
import { type PrivateRedis, startPrivateRedis } from "../support/private-redis.ts";
import type { SpendingPlan, SpendingReport } from "../support/usage-process.ts";

const HOUR_MS = 3_600_000;
/** Ten in the morning in China. */
const MORNING_MS = Date.UTC(2026, 10, 24, 2);
const MIDNIGHT_MS = Date.UTC(2026, 10, 24, 16);
const NO_LIMITS: UsageLimits = {
  memberTokens: null,
  memberSoftTokens: null,
  departmentTokens: null,
  holdMs: HOUR_MS,
};

let server: PrivateRedis;
let redis: Redis;
let clock = { nowMs: MORNING_MS };
let turns = 0;

beforeAll(async () => {
  server = await startPrivateRedis();
  redis = new Redis(server.url);
});
beforeEach(async () => {
  await redis.flushall();
  clock = { nowMs: MORNING_MS };
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

function budgetOf(limits: Partial<UsageLimits>): RedisUsageBudget {
  return new RedisUsageBudget(redis, { ...NO_LIMITS, ...limits }, () => clock.nowMs);
}

function request(over: Partial<UsageRequest> = {}): UsageRequest {
  turns += 1;
  return { turnId: `t${turns}`, userId: "zhangsan", departmentId: "7", tokens: 100, ...over };
}

describe("daily token budgets", () => {
  test("what was reserved counts until it is settled; what was not used is free again", async () => {
    const budget = budgetOf({ memberTokens: 250 });
    const first = request();
    expect(await budget.reserve(first)).toEqual({ granted: true, soft: false });
    expect(await budget.reserve(request())).toEqual({ granted: true, soft: false });
    expect(await budget.reserve(request())).toEqual({ granted: false, spentBy: "member", resetAtMs: MIDNIGHT_MS });
    await budget.settle(first.turnId, 30);
    expect(await budget.reserve(request())).toMatchObject({ granted: true });
    expect(await budget.reserve(request({ tokens: 21 }))).toMatchObject({ granted: false });
    expect(await budget.reserve(request({ tokens: 20 }))).toMatchObject({ granted: true });
  });

  test("a member's budget is one however the userid is written, and nobody else's", async () => {
    const budget = budgetOf({ memberTokens: 100 });
    expect(await budget.reserve(request({ userId: "ZhangSan" }))).toMatchObject({ granted: true });
    expect(await budget.reserve(request())).toMatchObject({ granted: false });
    expect(await budget.reserve(request({ userId: "lisi" }))).toMatchObject({ granted: true });
  });

  test("a department's budget is shared by its members, and a refused turn takes from no budget", async () => {
    const budget = budgetOf({ memberTokens: 300, departmentTokens: 150 });
    expect(await budget.reserve(request())).toMatchObject({ granted: true });
    const refused = await budget.reserve(request({ userId: "lisi" }));
    expect(refused).toEqual({ granted: false, spentBy: "department", resetAtMs: MIDNIGHT_MS });
    // Nothing of the refused turn counts against lisi: all 300 are there in another department.
    expect(await budget.reserve(request({ userId: "lisi", departmentId: "8", tokens: 150 }))).toMatchObject({
      granted: true,
    });
    expect(await budget.reserve(request({ userId: "lisi", departmentId: null, tokens: 150 }))).toMatchObject({
      granted: true,
    });
  });

  test("above the soft limit turns are granted and told so", async () => {
    const budget = budgetOf({ memberTokens: 300, memberSoftTokens: 150 });
    expect(await budget.reserve(request())).toEqual({ granted: true, soft: false });
    expect(await budget.reserve(request())).toEqual({ granted: true, soft: true });
  });

  test("a turn that is begun again after a crash reserves once, and is settled once", async () => {
    const budget = budgetOf({ memberTokens: 200 });
    const turn = request();
    await budget.reserve(turn);
    await budget.reserve(turn);
    await budget.settle(turn.turnId, 60);
    await budget.settle(turn.turnId, 60);
    expect(await budget.reserve(request({ tokens: 140 }))).toMatchObject({ granted: true });
    expect(await budget.reserve(request({ tokens: 1 }))).toMatchObject({ granted: false });
  });

  test("a settled turn that was lost before its reply was noted and is asked again counts both answers", async () => {
    const budget = budgetOf({ memberTokens: 200 });
    const turn = request();
    await budget.reserve(turn);
    await budget.settle(turn.turnId, 50);
    await budget.reserve(turn);
    await budget.settle(turn.turnId, 70);
    expect(await budget.reserve(request({ tokens: 81 }))).toMatchObject({ granted: false });
    expect(await budget.reserve(request({ tokens: 80 }))).toMatchObject({ granted: true });
  });

  test("a reservation that nobody settled runs out; settled later it takes what room is left", async () => {
    const budget = budgetOf({ memberTokens: 100 });
    const lost = request();
    await budget.reserve(lost);
    clock.nowMs += HOUR_MS;
    const next = request({ tokens: 80 });
    expect(await budget.reserve(next)).toMatchObject({ granted: true });
    await budget.settle(lost.turnId, 90);
    await budget.settle(next.turnId, 80);
    expect(await budget.reserve(request({ tokens: 1 }))).toMatchObject({ granted: false });
    const [used] = await redis.keys("*member:zhangsan");
    expect(await redis.get(used ?? "")).toBe("100");
  });

  test("a new day begins at midnight in China; a turn from before it is settled to its own day", async () => {
    const budget = budgetOf({ memberTokens: 100 });
    clock.nowMs = MIDNIGHT_MS - 1;
    const late = request();
    await budget.reserve(late);
    expect(await budget.reserve(request())).toMatchObject({ granted: false, resetAtMs: MIDNIGHT_MS });
    clock.nowMs = MIDNIGHT_MS;
    expect(await budget.reserve(request())).toMatchObject({ granted: true });
    await budget.settle(late.turnId, 100);
    expect(await budget.reserve(request({ tokens: 1 }))).toMatchObject({ granted: false });
    clock.nowMs += 24 * HOUR_MS;
    expect(await budget.reserve(request())).toMatchObject({ granted: true });
  });

  test("every key ends by itself", async () => {
    const budget = budgetOf({ memberTokens: 1000, departmentTokens: 1000 });
    const turn = request();
    await budget.reserve(turn);
    await budget.reserve(request());
    await budget.settle(turn.turnId, 10);
    const lives = await Promise.all((await redis.keys("*")).map((key) => redis.pttl(key)));
    expect(lives).toHaveLength(6);
    expect(lives.filter((ms) => ms <= 0)).toEqual([]);
  });
});

describe("two processes that spend at once", () => {
  const spenders: ChildProcess[] = [];
  const answers: AsyncIterator<string>[] = [];
  beforeAll(() => {
    const program = new URL("../support/usage-process.ts", import.meta.url).pathname;
    for (let n = 0; n < 2; n += 1) {
      const child = spawn(process.execPath, [program], { stdio: ["pipe", "pipe", "inherit"] });
      spenders.push(child);
      if (child.stdout !== null) answers.push(createInterface({ input: child.stdout })[Symbol.asyncIterator]());
    }
  });
  afterAll(() => {
    for (const child of spenders) child.kill();
  });

  async function spend(index: number, plan: SpendingPlan): Promise<SpendingReport> {
    spenders[index]?.stdin?.write(`${JSON.stringify(plan)}\n`);
    const line = await answers[index]?.next();
    return JSON.parse(String(line?.value)) as SpendingReport;
  }

  const turn = fc.record({
    member: fc.integer({ min: 0, max: 3 }),
    tokens: fc.integer({ min: 1, max: 400 }),
    usedShare: fc.double({ min: 0, max: 1.3, noNaN: true }),
    settles: fc.integer({ min: 0, max: 2 }),
  });

  test("never take more than a budget has, settle each turn once, and refuse only what does not fit", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(turn, { minLength: 2, maxLength: 40 }),
        fc.integer({ min: 100, max: 1_500 }),
        fc.integer({ min: 100, max: 3_000 }),
        async (drawn, memberTokens, departmentTokens) => {
          await redis.flushall();
          const limits = { ...NO_LIMITS, memberTokens, departmentTokens };
          const planned = drawn.map(({ member, tokens, usedShare, settles }, index) => ({
            turnId: `t${index}`,
            userId: `m${member}`,
            // m3's department is not known.
            departmentId: member === 3 ? null : "7",
            tokens,
            used: Math.round(tokens * usedShare),
            settles,
          }));
          const plan = { redisUrl: server.url, limits, nowMs: MORNING_MS };
          const reports = await Promise.all(
            [0, 1].map((index) => spend(index, { ...plan, turns: planned.filter((_, n) => n % 2 === index) })),
          );
          const granted = new Set(reports.flatMap((report) => report.granted));
          const takenBy = (counts: (one: (typeof planned)[number]) => boolean): number =>
            planned
              .filter((one) => granted.has(one.turnId) && counts(one))
              .reduce((sum, { tokens, used, settles }) => sum + (settles === 0 ? tokens : Math.min(tokens, used)), 0);
          const inRedis = async (owner: string): Promise<number> => {
            const [used, held] = await Promise.all([
              redis.keys(`*:${owner}`).then(([key]) => (key === undefined ? null : redis.get(key))),
              redis.keys(`*:${owner}:held`).then(([key]) => (key === undefined ? [] : redis.hvals(key))),
            ]);
            return Number(used ?? 0) + held.reduce((sum, one) => sum + Number(one.split("|")[0]), 0);
          };
          for (let m = 0; m < 4; m += 1) {
            expect(await inRedis(`member:m${m}`)).toBe(takenBy(({ userId }) => userId === `m${m}`));
            expect(await inRedis(`member:m${m}`)).toBeLessThanOrEqual(memberTokens);
          }
          const department = await inRedis("department:7");
          expect(department).toBe(takenBy(({ departmentId }) => departmentId === "7"));
          expect(department).toBeLessThanOrEqual(departmentTokens);
          // What was refused would not fit now either, unless others settled below what they had reserved.
          const budget = new RedisUsageBudget(redis, limits, () => MORNING_MS);
          const everything = planned.reduce((sum, { tokens }) => sum + tokens, 0);
          if (everything <= Math.min(memberTokens, departmentTokens)) expect(granted.size).toBe(planned.length);
          const again = planned.filter(({ turnId, settles }) => granted.has(turnId) && settles > 0);
          for (const { turnId, used } of again) await budget.settle(turnId, used + 1_000);
          expect(await inRedis("department:7")).toBe(department);
        },
      ),
      { numRuns: 25 },
    );
  }, 60_000);
});
