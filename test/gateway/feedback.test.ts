import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Gateway } from "../../src/gateway.ts";
import { answers } from "../support/fault-model-server.ts";
import { until } from "../support/until.ts";
import { startWorld, type World } from "../support/world.ts";

const WAIT_MS = 20_000;
let world: World;

beforeEach(async () => {
  world = await startWorld();
});
afterEach(async () => {
  expect(world.platform.violations).toEqual([]);
  await world.stop();
});

async function say(text: string, count: number, userId = "zhangsan"): Promise<string> {
  world.platform.sendAppText({ userId, text });
  const inbox = await world.platform.waitForAppMessages(userId, count, WAIT_MS);
  return inbox[count - 1]?.text ?? "";
}

/** The recorded turn of a question in the app's chat. */
async function turnOf(gateway: Gateway, question: string, userId = "zhangsan") {
  const conversation = `app:${world.platform.app.agentId}:${userId}`;
  const found = async () =>
    (await gateway.records.turnsOfConversation(conversation, 50)).find((turn) => turn.question === question);
  await until(async () => (await found()) !== undefined);
  const turn = await found();
  if (turn === undefined) throw new Error("the turn was there a moment ago");
  return turn;
}

async function feedbackOn(gateway: Gateway, question: string, count: number) {
  const { feedbackId } = await turnOf(gateway, question);
  await until(async () => (await gateway.records.feedbackFor(feedbackId ?? "")).length >= count);
  return gateway.records.feedbackFor(feedbackId ?? "");
}

describe("feedback in the self-built app", () => {
  test("a thumb with a reason is kept on the last answered turn, thanked in one line, and never told to the model", async () => {
    const gateway = await world.startGateway();
    await say("第一问", 1);
    await say("第二问", 2);
    await say("/help", 3);
    const thanks = await say("👎 数据不对", 4);
    expect(thanks).toMatch(/^谢谢.*$/);
    expect(await feedbackOn(gateway, "第二问", 1)).toMatchObject([
      { verdict: "inaccurate", comment: "数据不对", reasons: [], userId: "zhangsan" },
    ]);
    expect(await feedbackOn(gateway, "第一问", 0)).toEqual([]);
    await say("第三问", 5);
    expect(JSON.stringify(world.model.requests)).not.toContain("👎");
    expect(world.model.requests).toHaveLength(3);
  });

  test("delivered three times to two processes it is one feedback and one thank-you", async () => {
    const [gateway] = await Promise.all([world.startGateway(), world.startGateway()]);
    await say("问题", 1);
    world.platform.setFaults({ copies: 3 });
    await say("👍", 2);
    world.platform.setFaults({ copies: 1 });
    await say("下一问", 3);
    expect(world.platform.inbox("zhangsan")).toHaveLength(3);
    await turnOf(gateway, "下一问");
    expect(await feedbackOn(gateway, "问题", 1)).toMatchObject([{ verdict: "accurate", comment: "" }]);
  });

  test("a process killed with a thumb in hand loses it not, and thanks once", async () => {
    const first = await world.startProcess();
    await say("问题", 1);
    // The thank-you cannot go out until the process is gone: it is killed in the middle of its turn.
    world.platform.fault({ call: "message/send", effect: { kind: "delay", delayMs: 60_000 }, times: 1 });
    const before = world.platform.callCount("message/send");
    await world.platform.sendAppText({ userId: "zhangsan", text: "👍" }).outcome;
    await until(() => world.platform.callCount("message/send") > before || world.platform.inbox("zhangsan").length > 1);
    await first.kill();
    world.forget(first.url);
    const gateway = await world.startGateway();
    await world.platform.waitForAppMessages("zhangsan", 2, 40_000);
    expect(await feedbackOn(gateway, "问题", 1)).toHaveLength(1);
    expect(world.platform.inbox("zhangsan")).toHaveLength(2);
  }, 60_000);

  test("the thanks are in the language that the member speaks", async () => {
    await world.startGateway();
    await say("How many days of leave do I have?", 1);
    expect(await say("👍🏻", 2)).toMatch(/^Thank you/);
    expect(await say("👎 wrong number", 3)).toMatch(/^Thank you/);
    expect(await say("👎 数字错了", 4)).toMatch(/^谢谢/);
  });

  test("clicks in the app's menu count as thumbs; before any answer they are told so", async () => {
    const gateway = await world.startGateway();
    world.platform.sendAppEvent("zhangsan", { type: "click", key: "feedback:accurate" });
    const [none] = await world.platform.waitForAppMessages("zhangsan", 1, WAIT_MS);
    expect(none?.text).toMatch(/还没有/);
    await say("问题", 2);
    world.platform.sendAppEvent("zhangsan", { type: "click", key: "feedback:inaccurate" });
    await world.platform.waitForAppMessages("zhangsan", 3, WAIT_MS);
    world.platform.sendAppEvent("zhangsan", { type: "click", key: "weather" });
    expect(await feedbackOn(gateway, "问题", 1)).toMatchObject([{ verdict: "inaccurate", comment: "" }]);
    expect(world.model.requests).toHaveLength(1);
  });

  test("a thumb before any answer, and one that goes on with a question, are messages like others", async () => {
    await world.startGateway();
    world.model.script([answers("你好！"), answers("可以申请。")]);
    expect(await say("👍", 1)).toBe("你好！");
    expect(await say("👍 那怎么申请年假？", 2)).toBe("可以申请。");
  });

  test("a thumb after a failure speaks of the last answer, not of the apology", async () => {
    const gateway = await world.startGateway();
    await say("成功的", 1);
    world.model.script([{ status: 400, body: "{}" }]);
    await say("失败的", 2);
    await say("👎", 3);
    expect(await feedbackOn(gateway, "成功的", 1)).toHaveLength(1);
  });
});

describe("feedback as a text to the AI bot", () => {
  test("a written thumb is kept on the bubble's own feedback id, beside its buttons", async () => {
    const gateway = await world.startGateway();
    const { messageId } = world.platform.sendBotText({ userId: "zhangsan", text: "问题" });
    const bubble = await world.platform.waitForBubble(messageId, { finished: true }, WAIT_MS);
    const thumb = world.platform.sendBotText({ userId: "zhangsan", text: "👎 太短" });
    const thanks = await world.platform.waitForBubble(thumb.messageId, { finished: true }, WAIT_MS);
    expect(thanks.content).toMatch(/^谢谢/);
    const feedbackId = bubble.feedbackId ?? "";
    await until(async () => (await gateway.records.feedbackFor(feedbackId)).length === 1);
    expect(await gateway.records.feedbackFor(feedbackId)).toMatchObject([{ verdict: "inaccurate", comment: "太短" }]);
    expect(world.model.requests).toHaveLength(1);
  });
});
