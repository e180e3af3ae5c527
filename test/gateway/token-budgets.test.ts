import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import { answers, fails } from "../support/fault-model-server.ts";
import { until } from "../support/until.ts";
import { startWorld, type World } from "../support/world.ts";

const WAIT_MS = 20_000;
let world: World;
let redis: Redis;

beforeAll(async () => {
  world = await startWorld();
  redis = new Redis(world.redis.url);
});
beforeEach(async () => {
  world.model.script(() => answers("好的。"));
  await redis.flushall();
});
afterEach(() => {
  expect(world.platform.violations).toEqual([]);
});
afterAll(async () => {
  redis.disconnect();
  await world.stop();
});

async function ask(text: string, userId = "zhangsan"): Promise<string> {
  const sent = world.platform.sendBotText({ userId, text });
  return (await world.platform.waitForBubble(sent.messageId, { finished: true }, WAIT_MS)).content;
}

async function withService(env: Record<string, string>, run: () => Promise<void>): Promise<void> {
  const gateway = await world.startGateway(env);
  try {
    await run();
  } finally {
    world.forget(gateway.url);
    await gateway.stop();
  }
}

/** The figure of today, as it stands in Redis. */
async function usedBy(owner: string): Promise<number> {
  const [key] = await redis.keys(`yingda:{usage}:*:${owner}`);
  return Number(key === undefined ? 0 : await redis.get(key));
}

describe("daily token budgets in the chat", () => {
  test("an answer counts as the model server counted it, against the member and the department", async () => {
    await withService({ MEMBER_DAILY_TOKENS: "100000", DEPARTMENT_DAILY_TOKENS: "100000" }, async () => {
      expect(await ask("你好")).toBe("好的。");
      await expectSettled();
      expect(await usedBy("member:zhangsan")).toBe(12 + 3);
      expect(await usedBy("department:1")).toBe(12 + 3);
    });
  });

  test("a spent budget gets a notice with the time of the next day, in the member's language, and no model call", async () => {
    await withService({ MEMBER_DAILY_TOKENS: "100" }, async () => {
      const before = world.model.requests.length;
      expect(await ask("你好")).toMatch(/你今天的用量已经用完，\d+月\d+日 00:00 恢复/);
      expect(await ask("hello there", "lisi")).toMatch(/Your allowance for today is used up; .* 00:00/);
      expect(await ask("/help")).toContain("/new");
      expect(world.model.requests).toHaveLength(before);
      expect(await usedBy("member:zhangsan")).toBe(0);
    });
  });

  test("a model that cannot be reached costs nothing", async () => {
    await withService({ MEMBER_DAILY_TOKENS: "100000" }, async () => {
      world.model.script(() => fails(400));
      expect(await ask("你好")).toMatch(/抱歉/);
      await expectSettled();
      expect(await usedBy("member:zhangsan")).toBe(0);
    });
  });

  test("without budgets nothing about them is written", async () => {
    await withService({}, async () => {
      expect(await ask("你好")).toBe("好的。");
      expect(await redis.keys("yingda:{usage}*")).toEqual([]);
    });
  });
});

/** The bubble is finished before the turn is: its settlement comes last. */
async function expectSettled(): Promise<void> {
  await until(async () => {
    const [key] = await redis.keys("yingda:{usage}:turn:*");
    return key !== undefined && (await redis.get(key)) === "settled";
  });
}
