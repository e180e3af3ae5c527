import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { answers, type Behaviour, fails, streams } from "../support/fault-model-server.ts";
import { until } from "../support/until.ts";
import { startWorld, type World } from "../support/world.ts";

const WAIT_MS = 20_000;
/** As in production, but the waits of seconds are fractions of one. */
const LIMITS = {
  firstTokenMs: 600,
  betweenTokensMs: 400,
  retryAfterMaxMs: 300,
  answerBytesMax: 20_000,
  failuresToOpen: 3,
  openMs: 800,
};
let world: World;

beforeEach(async () => {
  world = await startWorld();
});
afterEach(async () => {
  expect(world.platform.violations).toEqual([]);
  await world.stop();
});

/** Every way in which a model fails, what the person is told, and how many requests it may cost. */
const FAULTS: [name: string, behaviour: Behaviour, told: RegExp, requestsMax: number][] = [
  ["500", fails(500), /抱歉/, 2],
  ["429 with retry-after", fails(429, {}, { "retry-after": "30" }), /忙不过来/, 1],
  ["503", fails(503), /忙不过来|连不上/, 2],
  ["a hang before the first token", { instead: "hang" }, /太久没有回应/, 2],
  ["a stall in the middle", streams({ text: "前半句" }, { hang: true }), /中断|太久没有回应/, 1],
  ["a cut in the middle", streams({ text: "前半句" }, { reset: true }), /中断/, 1],
  ["an early end without a finish reason", streams({ text: "前半句" }, { end: true }), /中断/, 1],
  ["malformed events", streams({ raw: "data: {not json}\n\n" }, { end: true }), /抱歉/, 2],
  ["an error body with status 200", { body: '{"object":"error","message":"queue full","code":503}' }, /抱歉/, 2],
  ["an error event in the middle", streams({ text: "前半句" }, { event: { error: { message: "x" } } }), /中断|抱歉/, 1],
  ["an empty answer", streams({ finish: "stop" }, { done: true }), /没有给出内容/, 2],
  ["an endless answer", answers("没完没了。".repeat(3_000), { pieceLength: 500 }), /抱歉/, 1],
  ["a refused connection", { instead: "reset" }, /连不上|抱歉/, 3],
];

describe("model faults", () => {
  test.each(FAULTS)(
    "%s: one clear message, no half answer, no hammering, the next message works",
    async (_, behaviour, told, requestsMax) => {
      await world.startGateway({}, { modelLimits: LIMITS });
      world.model.script(() => behaviour);
      const sent = world.platform.sendBotText({ userId: "zhangsan", text: "问题" });
      const bubble = await world.platform.waitForBubble(sent.messageId, { finished: true }, WAIT_MS);
      expect(bubble.content).toMatch(told);
      expect(bubble.content).not.toContain("前半句");
      expect(bubble.content).not.toContain("没完没了");
      expect(world.model.requests.length).toBeLessThanOrEqual(requestsMax);
      await until(() => world.model.running() === 0, { what: "the end of all upstream requests" });
      world.model.script([]);
      const next = world.platform.sendBotText({ userId: "zhangsan", text: "还在吗" });
      expect((await world.platform.waitForBubble(next.messageId, { finished: true }, WAIT_MS)).content).toBe("好的。");
      // A failed turn leaves the session as it was.
      expect(JSON.stringify(world.model.requests.at(-1)?.body)).not.toContain("抱歉");
    },
  );

  test("a dead endpoint is left alone after failures in a row, tried with one request, and used again; metrics show it", async () => {
    const gateway = await world.startGateway({}, { modelLimits: LIMITS });
    const isUsed = async (): Promise<string | undefined> => {
      const text = await (await fetch(`${gateway.url}/metrics`)).text();
      return /^yingda_model_endpoint_ok\{.*\} (\d)$/m.exec(text)?.[1];
    };
    const ask = async (userId: string): Promise<string> => {
      const sent = world.platform.sendBotText({ userId, text: "问题" });
      return (await world.platform.waitForBubble(sent.messageId, { finished: true }, WAIT_MS)).content;
    };
    expect(await ask("zhangsan")).toBe("好的。");
    expect(await isUsed()).toBe("1");
    world.model.script(() => fails(500));
    for (let i = 0; i < 4; i += 1) await ask("zhangsan");
    expect(await isUsed()).toBe("0");
    const before = world.model.requests.length;
    for (let i = 0; i < 5; i += 1) await ask("lisi");
    // At most the probe goes out while it is left alone.
    expect(world.model.requests.length - before).toBeLessThanOrEqual(1);
    world.model.script([]);
    await until(async () => (await ask("wangwu")) === "好的。", { what: "the endpoint's return" });
    expect(await isUsed()).toBe("1");
  }, 60_000);
});
