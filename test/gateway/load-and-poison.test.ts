import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import { DeadLetters } from "../../src/session/dead-letters.ts";
import { conversationKeys } from "../../src/session/keys.ts";
import { MAILBOX_MESSAGES_MAX } from "../../src/session/mailbox.ts";
import { answers, streams } from "../support/fault-model-server.ts";
import { until } from "../support/until.ts";
import { startWorld, type World } from "../support/world.ts";

const WAIT_MS = 30_000;
let world: World;
let redis: Redis;

beforeEach(async () => {
  world = await startWorld();
  redis = new Redis(world.redis.url);
});
afterEach(async () => {
  expect(world.platform.violations).toEqual([]);
  redis.disconnect();
  await world.stop();
});

describe("overload", () => {
  test("a member who writes more than the mailbox holds is told busy at once; the rest is answered in order", async () => {
    const gateway = await world.startGateway();
    let open = false;
    world.model.script(() =>
      open ? answers("答") : streams({ text: "答" }, { waitMs: 3_000 }, { finish: "stop" }, { done: true }),
    );
    const extra = 4;
    const sent = [];
    for (let i = 0; i < MAILBOX_MESSAGES_MAX + extra; i += 1) {
      sent.push(world.platform.sendAppText({ userId: "zhangsan", text: `第${i}条` }).outcome);
    }
    for (const outcome of await Promise.all(sent)) expect(outcome.result).toBe("accepted");
    await until(() => world.platform.inbox("zhangsan").some((m) => m.text.includes("消息有点多")));
    open = true;
    const kept = async (): Promise<number> => {
      const text = await (await fetch(`${gateway.url}/metrics`)).text();
      return Number(/yingda_messages_total\{channel="app",outcome="kept"\} (\d+)/.exec(text)?.[1]);
    };
    const answered = (): string[] =>
      world.platform
        .inbox("zhangsan")
        .map((m) => m.text.replace(/[\u200b\u200c]/g, ""))
        .filter((one) => one === "答");
    await until(async () => answered().length === (await kept()), { timeoutMs: WAIT_MS });
    expect(await kept()).toBeLessThan(MAILBOX_MESSAGES_MAX + extra);
    // One notice is enough: each is a push, and WeCom drops a member's 31st within a minute without a word.
    expect(world.platform.inbox("zhangsan").filter((m) => m.text.includes("消息有点多"))).toHaveLength(1);
    expect(world.platform.sends.every((send) => send.dropped.length === 0)).toBe(true);
  }, 60_000);

  test("stop is heard also when the mailbox is full", async () => {
    await world.startGateway();
    world.model.script([streams({ text: "没完" }, { hang: true }), answers("答")]);
    world.platform.sendAppText({ userId: "lisi", text: "第一条" });
    await world.model.request(1);
    const waiting = Array.from({ length: MAILBOX_MESSAGES_MAX + 2 }, (_, i) =>
      world.platform.sendAppText({ userId: "lisi", text: `再来${i}` }),
    );
    await Promise.all(waiting.map((sent) => sent.outcome));
    world.platform.sendAppText({ userId: "lisi", text: "停止" });
    expect(await world.model.requests[0]?.closed).toBe("client");
  }, 30_000);

  test("a push beyond a minute's quota waits for its place instead of being dropped by WeCom", async () => {
    const times = Array.from({ length: 28 }, () => String(Date.now() - 57_000));
    await redis.lpush(`yingda:{sends:${world.platform.app.agentId}:lisi}`, ...times);
    await world.startGateway();
    const startedMs = performance.now();
    world.platform.sendAppText({ userId: "lisi", text: "你好" });
    await world.platform.waitForAppMessages("lisi", 1, WAIT_MS);
    expect(performance.now() - startedMs).toBeGreaterThan(2_000);
  }, 30_000);

  test("one conversation that hangs does not hold up others", async () => {
    await world.startGateway();
    world.model.script((request) =>
      JSON.stringify(request.body).includes("挂住") ? streams({ text: "…" }, { hang: true }) : answers("快"),
    );
    world.platform.sendAppText({ userId: "zhangsan", text: "挂住" });
    await world.model.request(1);
    const startedMs = performance.now();
    world.platform.sendAppText({ userId: "lisi", text: "你好" });
    await world.platform.waitForAppMessages("lisi", 1, WAIT_MS);
    expect(performance.now() - startedMs).toBeLessThan(2_000);
  });
});

describe("poison", () => {
  test("a message that ended its workers three times is set aside with its reason, the person told, neighbours unharmed", async () => {
    // Kept while no worker is there, with three tries behind it.
    const web = await world.startGateway({ ROLE: "web" });
    world.platform.sendAppText({ userId: "zhangsan", text: "毒" });
    world.platform.sendAppText({ userId: "zhangsan", text: "下一条" });
    const keys = conversationKeys(`app:${world.platform.app.agentId}:zhangsan`);
    await until(async () => (await redis.llen(keys.mail)) === 2);
    const head = JSON.parse((await redis.lindex(keys.mail, 0)) ?? "{}") as { id: string };
    await redis.hset(keys.journal, { id: head.id, attempts: 3 });
    world.forget(web.url);
    await world.startGateway();
    const inbox = await world.platform.waitForAppMessages("zhangsan", 2, WAIT_MS);
    expect(inbox[0]?.text).toMatch(/抱歉/);
    expect(inbox[1]?.text).toBe("好的。");
    const letters = new DeadLetters(redis);
    expect(await letters.list()).toMatchObject([{ reason: "internal", message: { id: head.id } }]);
    expect(world.logLines.some((line) => line.alert === "message_set_aside")).toBe(true);

    // It can be sent again, once.
    expect(await letters.sendAgain(head.id)).toBe(true);
    expect(await letters.sendAgain(head.id)).toBe(false);
    const again = await world.platform.waitForAppMessages("zhangsan", 3, WAIT_MS);
    expect(again[2]?.text.replace(/[\u200b\u200c]/g, "")).toBe("好的。");
    expect(await letters.list()).toEqual([]);
  });

  test("a message whose channel is not configured any more is set aside, not tried in a circle", async () => {
    const web = await world.startGateway({ ROLE: "web" });
    world.platform.sendAppText({ userId: "lisi", text: "给应用的话" });
    await until(() => world.logLines.some((line) => line.msg === "message taken"));
    world.forget(web.url);
    await web.stop();
    for (const name of Object.keys(world.env)) if (name.startsWith("WECOM_APP")) delete world.env[name];
    await world.startGateway();
    const letters = new DeadLetters(redis);
    await until(async () => (await letters.list()).length === 1);
    expect(await letters.list()).toMatchObject([{ reason: "channel_not_configured" }]);
    expect(world.logLines.filter((line) => line.msg === "turn started")).toHaveLength(1);
  });

  test("with Redis out of memory a waiting turn pauses instead of spinning, and is answered when there is room", async () => {
    const web = await world.startGateway({ ROLE: "web" });
    world.platform.sendAppText({ userId: "lisi", text: "等一等" });
    await until(() => world.logLines.some((line) => line.msg === "message taken"));
    await redis.config("SET", "maxmemory", "1");
    world.forget(web.url);
    await web.stop();
    await world.startGateway();
    const commands = async (): Promise<number> =>
      Number(/total_commands_processed:(\d+)/.exec(await redis.info("stats"))?.[1]);
    const before = await commands();
    const fromMs = performance.now();
    await until(() => performance.now() - fromMs > 3_000, { what: "three seconds" });
    expect((await commands()) - before).toBeLessThan(1_500);
    await redis.config("SET", "maxmemory", "0");
    await world.platform.waitForAppMessages("lisi", 1, WAIT_MS);
  }, 60_000);

  test("an answer that WeCom refuses for good is set aside, and /retry asks its question again", async () => {
    await world.startGateway();
    world.platform.fault({ call: "message/send", effect: { kind: "errcode", errcode: 60020 } });
    world.platform.sendAppText({ userId: "lisi", text: "重要问题" });
    const letters = new DeadLetters(redis);
    await until(async () => (await letters.list()).length === 1);
    expect(await letters.list()).toMatchObject([{ reason: "wecom_ip_not_allowed" }]);
    world.platform.sendAppText({ userId: "lisi", text: "重试" });
    await world.platform.waitForAppMessages("lisi", 1, WAIT_MS);
    expect(JSON.stringify(world.model.requests.at(-1)?.body)).toContain("重要问题");
  });
});
