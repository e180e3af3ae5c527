import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { answers, streams } from "../support/fault-model-server.ts";
import { until } from "../support/until.ts";
import { startWorld, type World } from "../support/world.ts";

const WAIT_MS = 20_000;
/** As in production, but waits of seconds are fractions of one. */
const LIMITS = { runningStart: 1, runningMax: 1, tellWaitAfterMs: 100, tellWaitEveryMs: 100 };
let world: World;

beforeEach(async () => {
  world = await startWorld();
});
afterEach(async () => {
  expect(world.platform.violations).toEqual([]);
  await world.stop();
});

describe("a model without a free place", () => {
  test("the bubble tells the position, readiness and metrics the queue; then the answer takes its place", async () => {
    const gateway = await world.startGateway({}, { modelLimits: LIMITS });
    let open = false;
    world.model.script(() => (open ? answers("轮到了。") : streams({ text: "先来的" }, { hang: true })));
    const first = world.platform.sendBotText({ userId: "zhangsan", text: "第一个问题" });
    await world.model.request(1);
    const second = world.platform.sendBotText({ userId: "lisi", text: "第二个问题" });
    const waiting = (): string => world.platform.bubble(second.messageId)?.content ?? "";
    await until(() => waiting().includes("马上轮到"), { what: "the position in the bubble" });
    const third = world.platform.sendBotText({ userId: "wangwu", text: "What about me?" });
    await until(() => (world.platform.bubble(third.messageId)?.content ?? "").includes("1 ahead"), {
      what: "the position in the third bubble",
    });
    const ready: unknown = await (await fetch(`${gateway.url}/readyz`)).json();
    expect(ready).toMatchObject({ modelWaiting: 2, model: [{ ok: true, running: 1, limit: 1, avoided: false }] });
    expect(await (await fetch(`${gateway.url}/metrics`)).text()).toMatch(/^yingda_model_waiting 2$/m);
    open = true;
    world.platform.sendBotText({ userId: "zhangsan", text: "/stop" });
    for (const { messageId } of [second, third]) {
      const bubble = await world.platform.waitForBubble(messageId, { finished: true }, WAIT_MS);
      expect(bubble.content).toBe("轮到了。");
    }
    const stopped = await world.platform.waitForBubble(first.messageId, { finished: true }, WAIT_MS);
    expect(stopped.content).toContain("停止");
  }, 60_000);

  test("who stops while waiting is out of the queue, and no word about waiting stays in the bubble", async () => {
    await world.startGateway({}, { modelLimits: LIMITS });
    world.model.script(() => streams({ text: "先来的" }, { hang: true }));
    world.platform.sendBotText({ userId: "zhangsan", text: "第一个问题" });
    await world.model.request(1);
    const sent = world.platform.sendBotText({ userId: "lisi", text: "第二个问题" });
    await until(() => (world.platform.bubble(sent.messageId)?.content ?? "").includes("马上轮到"));
    world.platform.sendBotText({ userId: "lisi", text: "/stop" });
    const bubble = await world.platform.waitForBubble(sent.messageId, { finished: true }, WAIT_MS);
    expect(bubble.content).not.toContain("轮到");
    expect(bubble.content).toContain("停止");
    expect(world.model.requests).toHaveLength(1);
  }, 60_000);
});

test("parameters of the channel reach the model with its messages", async () => {
  await world.startGateway({
    MODEL_PARAMS: '{"temperature":0.6,"chat_template_kwargs":{"enable_thinking":false}}',
    MODEL_PARAMS_APP: '{"temperature":0.2}',
  });
  const sent = world.platform.sendBotText({ userId: "zhangsan", text: "你好" });
  await world.platform.waitForBubble(sent.messageId, { finished: true }, WAIT_MS);
  await world.platform.sendAppText({ userId: "zhangsan", text: "你好" }).outcome;
  await world.model.request(2);
  expect(world.model.requests.map(({ body }) => body)).toMatchObject([
    { temperature: 0.6, chat_template_kwargs: { enable_thinking: false } },
    { temperature: 0.2, chat_template_kwargs: { enable_thinking: false } },
  ]);
});
