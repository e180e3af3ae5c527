import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import { answers } from "../support/fault-model-server.ts";
import { until } from "../support/until.ts";
import { startWorld, type World } from "../support/world.ts";

const WAIT_MS = 30_000;
let world: World;

beforeEach(async () => {
  world = await startWorld({ bot: "socket", packs: false });
});
afterEach(async () => {
  expect(world.platform.violations).toEqual([]);
  await world.stop();
});

async function connected(): Promise<void> {
  await world.platform.socket.waitForConnection(WAIT_MS);
}

function say(text: string, userId = "zhangsan"): string {
  return world.platform.socket.sendText({ userId, text }).messageId;
}

async function answerTo(messageId: string) {
  return world.platform.waitForBubble(messageId, { finished: true }, WAIT_MS);
}

describe("AI bot over the long connection", () => {
  test("an answer grows in one bubble, frame by frame, and ends finished", async () => {
    await world.startGateway();
    await connected();
    world.model.script([answers("从前有座山，山里有座庙。".repeat(8), { pieceLength: 6, everyMs: 120 })]);
    const bubble = await answerTo(say("讲个故事"));
    const contents = bubble.snapshots.map(({ content }) => content);
    expect(contents.length).toBeGreaterThan(2);
    for (const [i, content] of contents.entries()) expect(content.startsWith(contents[i - 1] ?? "")).toBe(true);
    expect(bubble.content).toBe("从前有座山，山里有座庙。".repeat(8));
    expect(world.platform.socket.interactions("zhangsan")).toBe(0);
  });

  test("the member is welcomed, and a thumb on an answer is kept on its turn", async () => {
    const gateway = await world.startGateway();
    await connected();
    world.platform.socket.enter("zhangsan");
    const [welcome] = await world.platform.waitForBotMessages(1, WAIT_MS);
    expect(welcome?.text).toMatch(/你好/);
    const messageId = say("在吗");
    const { feedbackId = "" } = await answerTo(messageId);
    world.platform.socket.giveFeedback({ userId: "zhangsan", messageId, type: 2, reasons: [3] });
    await until(async () => (await gateway.records.feedbackFor(feedbackId)).length === 1);
    expect(await gateway.records.feedbackFor(feedbackId)).toMatchObject([
      { verdict: "inaccurate", reasons: ["wrong"] },
    ]);
  });

  test("a message that comes twice is answered once", async () => {
    await world.startGateway();
    await connected();
    world.platform.setFaults({ copies: 3 });
    const messageId = say("在吗");
    await answerTo(messageId);
    await world.platform.socket.redeliver(messageId);
    world.platform.setFaults({ copies: 1 });
    await answerTo(say("第二条"));
    expect(world.model.requests).toHaveLength(2);
  });

  test("a minute's places are kept for the last text: with most of them used up, an answer is finished all the same", async () => {
    await world.startGateway();
    await connected();
    const redis = new Redis(world.redis.url);
    const { botId } = world.platform.socket.credentials;
    await redis.lpush(`yingda:{sends:socket:${botId}:single:zhangsan}`, ...Array(18).fill(Date.now()));
    redis.disconnect();
    world.model.script([answers("字".repeat(200), { pieceLength: 5, everyMs: 100 })]);
    const bubble = await answerTo(say("慢慢写"));
    expect(bubble.content).toBe("字".repeat(200));
    // Two growing frames had a place, and the last one had its own.
    expect(bubble.snapshots.length).toBeLessThanOrEqual(3);
  });

  test("when the bubble takes no more text, the whole answer comes as a message of its own", async () => {
    await world.startGateway();
    await connected();
    world.platform.socket.setFaults({ streamLifeMs: 500 });
    const answer = "从前有座山，山里有座庙。".repeat(10);
    world.model.script([answers(answer, { pieceLength: 6, everyMs: 100 })]);
    say("讲个故事");
    const [message] = await world.platform.waitForBotMessages(1, WAIT_MS);
    expect(message?.text).toBe(answer);
    expect(world.platform.botMessages).toHaveLength(1);
  });

  test("an answer of 50,000 bytes arrives whole: the bubble, and messages behind it", async () => {
    await world.startGateway();
    await connected();
    const answer = Array.from({ length: 340 }, (_, i) => `${i + 1}. ${"答案内容".repeat(12)}`).join("\n");
    world.model.script([answers(answer, { pieceLength: 500 })]);
    const bubble = await answerTo(say("写一篇长文"));
    const rest = await world.platform.waitForBotMessages(2, WAIT_MS);
    const texts = [bubble.content, ...rest.map(({ text }) => text)];
    expect(texts.map((text) => text.replace(/\n\n（未完，见下一条消息）$/, "")).join("\n")).toBe(answer);
  });

  test("other systems speak through it where somebody wrote before, and nowhere else", async () => {
    const token = "oa-token-0123456789abcdef";
    const gateway = await world.startGateway({ API_TOKENS: `oa:${token}` });
    await connected();
    await answerTo(say("在吗"));
    const push = async (body: unknown, key = "k1") => {
      const response = await fetch(`${gateway.url}/api/messages`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json", "idempotency-key": key },
        body: JSON.stringify(body),
      });
      return { status: response.status, body: await response.json() };
    };
    const known = { to: { user: "ZhangSan" }, channel: "socket", type: "text", text: "a*b 已通过" };
    expect(await push(known)).toMatchObject({ status: 200, body: { channel: "socket", parts: 1 } });
    const [message] = await world.platform.waitForBotMessages(1, WAIT_MS);
    expect(message).toMatchObject({ userId: "zhangsan", text: "a\\*b 已通过" });
    // The same key again sends nothing.
    expect(await push(known)).toMatchObject({ status: 200 });
    expect(world.platform.botMessages).toHaveLength(1);
    expect(await push({ ...known, to: { user: "lisi" } }, "k2")).toMatchObject({ status: 400 });
  });

  test("with two replicas one is connected, and what the other writes goes out by it", async () => {
    await world.startGateway({ ROLE: "web" });
    await connected();
    await world.startGateway({ ROLE: "worker" });
    world.model.script([answers("甲乙丙丁".repeat(20), { everyMs: 20 })]);
    expect((await answerTo(say("数一数"))).content).toBe("甲乙丙丁".repeat(20));
    expect(world.platform.socket.connections).toBe(1);
  });

  test("the holder is killed in the middle of an answer: another connects, and the answer arrives once", async () => {
    const first = await world.startProcess();
    await connected();
    await world.startProcess();
    const [ofTheSecond, again] = ["写到底的回答".repeat(40), "重新写的回答"];
    world.model.script([answers(ofTheSecond, { pieceLength: 4, everyMs: 100 }), answers(again, { everyMs: 50 })]);
    const messageId = say("写吧");
    await until(() => (world.platform.bubble(messageId)?.snapshots.length ?? 0) > 1);
    const killedAtMs = performance.now();
    await first.kill();
    await world.platform.socket.waitForDisconnection(WAIT_MS);
    await connected();
    expect(performance.now() - killedAtMs).toBeLessThan(10_000);
    // The turn may have run in either of them: it goes on over the new connection, or is begun again.
    const { content } = await answerTo(messageId);
    expect(content).toBe(world.model.requests.length === 1 ? ofTheSecond : again);
    expect(world.platform.botMessages).toEqual([]);
    await answerTo(say("还在吗"));
  }, 90_000);

  test("a holder that is asked to stop hands over, and finishes what it was writing", async () => {
    const first = await world.startProcess();
    await connected();
    await world.startProcess();
    world.model.script([answers("写到底".repeat(20), { pieceLength: 6, everyMs: 50 })]);
    const messageId = say("写吧");
    await until(() => (world.platform.bubble(messageId)?.snapshots.length ?? 0) > 0);
    expect(await first.terminate()).toBe(0);
    expect((await answerTo(messageId)).content).toBe("写到底".repeat(20));
    await connected();
    expect((await answerTo(say("还在吗"))).content).toBe("好的。");
  }, 90_000);

  test("a kick from outside is answered by nobody, and an operator is told", async () => {
    await world.startGateway();
    await connected();
    await world.startGateway();
    world.platform.socket.kick();
    await until(() => world.logLines.some((line) => line.alert === "bot_kicked"));
    const subscribed = world.platform.callCount("aibot_subscribe");
    await new Promise((resolve) => setTimeout(resolve, 8_000));
    expect(world.platform.callCount("aibot_subscribe")).toBe(subscribed);
    expect(world.platform.socket.connected).toBe(false);
    // Whoever is started after that connects.
    await world.startGateway();
    await connected();
    await answerTo(say("又好了"));
  }, 60_000);

  test("a network that breaks costs no answer", async () => {
    await world.startGateway();
    await connected();
    world.model.script([answers("断线也写完".repeat(20), { pieceLength: 5, everyMs: 60 })]);
    const messageId = say("写吧");
    await until(() => (world.platform.bubble(messageId)?.snapshots.length ?? 0) > 0);
    world.platform.socket.drop();
    expect((await answerTo(messageId)).content).toBe("断线也写完".repeat(20));
  }, 60_000);
});
