import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Gateway } from "../../src/gateway.ts";
import { answers } from "../support/fault-model-server.ts";
import { until } from "../support/until.ts";
import { startWorld, type World } from "../support/world.ts";

const WAIT_MS = 20_000;
const OA_TOKEN = "oa-token-0123456789abcdef";
const TOKENS = `oa:${OA_TOKEN},monitor:monitor-token-0123456789abc`;
let world: World;
let gateway: Gateway;

beforeEach(async () => {
  world = await startWorld();
  gateway = await world.startGateway({ API_TOKENS: TOKENS });
});
afterEach(async () => {
  expect(world.platform.violations).toEqual([]);
  await world.stop();
});

interface Answer {
  status: number;
  body: { id?: string; parts?: number; error?: { code: string; message: string } };
  headers: Headers;
}

async function push(body: unknown, headers: Record<string, string> = {}, url = gateway.url): Promise<Answer> {
  const response = await fetch(`${url}/api/messages`, {
    method: "POST",
    headers: { authorization: `Bearer ${OA_TOKEN}`, "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Answer["body"], headers: response.headers };
}

const TEXT = { to: { user: "zhangsan" }, type: "text", text: "您的报销已通过。" };
const inbox = (): string[] => world.platform.inbox("zhangsan").map((message) => message.text);
const errorOf = ({ status, body }: Answer): string => `${status} ${body.error?.code}`;

const CARD = {
  card_type: "button_interaction",
  source: { desc: "报销系统", desc_color: 1 },
  main_title: { title: "报销待您审批", desc: "张三 1,280 元" },
  horizontal_content_list: [{ keyname: "事由", value: "出差" }],
  button_list: [
    { text: "查看", type: 1, url: "https://oa.example.com/r/1", key: "view" },
    { text: "知道了", style: 2, key: "seen" },
  ],
};

describe("POST /api/messages", () => {
  test("a text reaches the member as it is, and the audit log tells who, to whom, what kind and which, never the text", async () => {
    const answer = await push({ ...TEXT, text: "**不是**标记" });
    expect(answer).toMatchObject({ status: 200, body: { channel: "app", parts: 1 } });
    expect(inbox()).toEqual(["**不是**标记"]);
    const [row] = await gateway.records.audit.recent(1);
    expect(row).toMatchObject({
      by: "api:oa",
      action: "message.push",
      subject: "member:zhangsan",
      details: { id: answer.body.id, channel: "app", type: "text", again: false },
    });
    expect(JSON.stringify(await gateway.records.audit.recent(10))).not.toContain("标记");
    expect(JSON.stringify(world.logLines)).not.toContain("标记");
    expect(JSON.stringify(world.logLines)).not.toContain(OA_TOKEN);
    expect(await gateway.records.audit.verify()).toMatchObject({ ok: true });
  });

  test("markdown comes as text that can be read, a conversation's id is an address, and a long text comes in order", async () => {
    const conversation = `app:${world.platform.app.agentId}:zhangsan`;
    await push({ to: { conversation }, type: "markdown", text: "# 通知\n- **今晚**停机" });
    const long = Array.from({ length: 90 }, (_, i) => `第${i + 1}条：${"内容".repeat(12)}。`).join("\n");
    expect(await push({ ...TEXT, text: long })).toMatchObject({ status: 200 });
    const [first, ...rest] = inbox();
    expect(first).toBe("【通知】\n• 今晚停机");
    expect(rest.length).toBeGreaterThan(2);
    expect(rest.join("\n")).toBe(long);
  });

  test("a card arrives with an id of ours, and a press on it is acknowledged and does nothing", async () => {
    const { body } = await push({ to: { user: "zhangsan" }, type: "card", card: CARD });
    const [message] = world.platform.inbox("zhangsan");
    expect(message).toMatchObject({ msgtype: "template_card", content: { ...CARD, task_id: body.id } });
    const press = world.platform.clickAppCard({ messageId: message?.id ?? "", userId: "zhangsan", key: "seen" });
    expect(await press.outcome).toMatchObject({ result: "accepted" });
    expect(inbox()).toHaveLength(1);
    const notice = {
      card_type: "text_notice",
      sub_title_text: "明天放假",
      card_action: { type: 1, url: "https://a.b" },
    };
    expect(await push({ to: { user: "zhangsan" }, type: "card", card: notice })).toMatchObject({ status: 200 });
  });

  test("the same key gets the same answer for a day and sends nothing, on any process", async () => {
    const other = await world.startGateway({ API_TOKENS: TOKENS });
    const headers = { "idempotency-key": "claim-1024" };
    const first = await push(TEXT, headers);
    const again = await push(TEXT, headers, other.url);
    expect([again.status, again.body]).toEqual([first.status, first.body]);
    expect(inbox()).toHaveLength(1);
    // Equal texts on purpose both arrive.
    await push(TEXT, { "idempotency-key": "claim-1025" });
    await push(TEXT);
    expect(inbox().map((text) => text.replace(/[\u200b\u200c]/g, ""))).toEqual([TEXT.text, TEXT.text, TEXT.text]);
    expect(errorOf(await push({ ...TEXT, text: "别的" }, headers))).toBe("409 idempotency_conflict");
    // Another system's key of the same name is another key.
    const foreign = { ...headers, authorization: "Bearer monitor-token-0123456789abc" };
    expect(await push({ ...TEXT, text: "监控" }, foreign)).toMatchObject({ status: 200 });
  });

  test("sent at once twenty times with one key, it arrives once", async () => {
    const headers = { "idempotency-key": "k" };
    const answers = await Promise.all(Array.from({ length: 20 }, () => push(TEXT, headers)));
    const ids = new Set(answers.flatMap(({ body }) => body.id ?? []));
    expect(ids.size).toBe(1);
    expect(answers.every(({ status }) => status === 200 || status === 409)).toBe(true);
    expect(inbox()).toHaveLength(1);
  });

  test("a try that broke in the middle goes on with the same key: no part is lost or sent twice", async () => {
    const long = Array.from({ length: 180 }, (_, i) => `第${i + 1}条：${"内容".repeat(12)}。`).join("\n");
    const headers = { "idempotency-key": "long" };
    // Slow enough for the fault to come before the last part.
    world.platform.fault({ call: "message/send", effect: { kind: "delay", delayMs: 500 }, times: "until_cleared" });
    const sending = push({ ...TEXT, text: long }, headers);
    await until(() => inbox().length === 1);
    world.platform.fault({ call: "message/send", effect: { kind: "errcode", errcode: 45009 }, times: "until_cleared" });
    const broken = await sending;
    world.platform.clearFaults();
    expect(errorOf(broken)).toBe("502 wecom_rate_limited");
    const arrived = inbox().join("\n");
    expect(long.startsWith(arrived)).toBe(true);
    expect(arrived.length).toBeLessThan(long.length);
    expect(await push({ ...TEXT, text: long }, headers)).toMatchObject({ status: 200 });
    expect(inbox().join("\n")).toBe(long);
  });

  test("a pushed text and an answer that are the same both arrive", async () => {
    world.model.script([answers(TEXT.text)]);
    await push(TEXT);
    world.platform.sendAppText({ userId: "zhangsan", text: "报销呢？" });
    await world.platform.waitForAppMessages("zhangsan", 2, WAIT_MS);
    await push(TEXT);
    expect(inbox().map((text) => text.replace(/[\u200b\u200c]/g, ""))).toEqual([TEXT.text, TEXT.text, TEXT.text]);
    // The model learns nothing of what others said through the bot.
    expect(JSON.stringify(world.model.requests)).not.toContain(TEXT.text);
  });

  test("the member's rate is shared with answers: a message that does not fit is refused whole, with a time to wait", async () => {
    world.model.script(() => answers("好"));
    for (let i = 1; i <= 27; i += 1) await push({ ...TEXT, text: `第${i}条` });
    const long = "长文本。".repeat(400);
    const refused = await push({ ...TEXT, text: long }, { "idempotency-key": "later" });
    expect(errorOf(refused)).toBe("429 rate_limited");
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(30);
    expect(inbox()).toHaveLength(27);
    expect(await push({ ...TEXT, to: { user: "lisi" } })).toMatchObject({ status: 200 });
  });

  test("a token may ask sixty times a minute, over all processes; another one is not held up", async () => {
    const other = await world.startGateway({ API_TOKENS: TOKENS });
    const statuses: number[] = [];
    for (let i = 0; i < 61; i += 1) {
      const { status } = await push("{}", {}, i % 2 === 0 ? gateway.url : other.url);
      statuses.push(status);
    }
    expect(statuses.filter((status) => status === 400)).toHaveLength(60);
    const refused = await push(TEXT);
    expect(errorOf(refused)).toBe("429 rate_limited");
    expect(Number(refused.headers.get("retry-after"))).toBeLessThanOrEqual(60);
    expect(await push(TEXT, { authorization: "Bearer monitor-token-0123456789abc" })).toMatchObject({ status: 200 });
  });

  test("who has no token, or not this one, gets 401 and learns nothing", async () => {
    for (const authorization of [
      "",
      "Bearer ",
      `Bearer ${OA_TOKEN}x`,
      `Bearer ${OA_TOKEN.slice(0, -1)}`,
      `Basic ${OA_TOKEN}`,
    ]) {
      const answer = await push(TEXT, { authorization });
      expect(errorOf(answer)).toBe("401 bad_token");
      expect(answer.headers.get("www-authenticate")).toBe("Bearer");
    }
    expect(inbox()).toEqual([]);
  });

  test.each([
    ["nobody", { ...TEXT, to: {} }],
    ["everybody", { ...TEXT, to: { user: "@all" } }],
    ["several", { ...TEXT, to: { user: "zhangsan|lisi" } }],
    ["two addresses", { ...TEXT, to: { user: "zhangsan", conversation: "app:1:zhangsan" } }],
    ["a conversation of another app", { ...TEXT, to: { conversation: "app:999:zhangsan" } }],
    [
      "a bot's conversation through the app",
      { ...TEXT, channel: "app", to: { conversation: "bot:b:single:zhangsan" } },
    ],
    ["a blank text", { ...TEXT, text: " \n" }],
    ["a text that is too long", { ...TEXT, text: "长".repeat(7_000) }],
    ["a field too many", { ...TEXT, mood: "glad" }],
    ["a text with a card", { ...TEXT, card: CARD }],
    [
      "a card that is too long for its place",
      { to: TEXT.to, type: "card", card: { ...CARD, sub_title_text: "长".repeat(113) } },
    ],
    ["a card with a task id of their choice", { to: TEXT.to, type: "card", card: { ...CARD, task_id: "review_1" } }],
    ["a card of another kind", { to: TEXT.to, type: "card", card: { ...CARD, card_type: "vote_interaction" } }],
    [
      "a link that is none",
      { to: TEXT.to, type: "card", card: { ...CARD, card_action: { type: 1, url: "javascript:a" } } },
    ],
    ["no JSON", "{"],
  ])("%s is refused with a reason that quotes nothing, and nothing is sent", async (_what, body) => {
    const answer = await push(body);
    expect(answer.status).toBe(400);
    expect(answer.body.error?.message).not.toMatch(/glad|javascript|长长|review_1/);
    expect(world.platform.callCount("message/send")).toBe(0);
  });

  test("a member whom WeCom does not reach is an error, the same for the same key", async () => {
    const headers = { "idempotency-key": "gone" };
    const first = await push({ ...TEXT, to: { user: "nobody" } }, headers);
    expect(errorOf(first)).toBe("502 wecom_recipient");
    const before = world.platform.callCount("message/send");
    const again = await push({ ...TEXT, to: { user: "nobody" } }, headers);
    expect([again.status, again.body]).toEqual([first.status, first.body]);
    expect(world.platform.callCount("message/send")).toBe(before);
  });

  test("the channel that cannot speak first yet says so", async () => {
    expect(errorOf(await push({ ...TEXT, channel: "socket" }))).toBe("404 channel_not_configured");
  });

  test("with Redis away it is a 503 and nothing is sent", async () => {
    await world.redis.stop();
    await until(async () => (await push(TEXT)).status === 503);
    expect(world.platform.callCount("message/send")).toBe(0);
  });
});

describe("without API_TOKENS", () => {
  test("there is no such route", async () => {
    const bare = await world.startGateway();
    expect(errorOf(await push(TEXT, {}, bare.url))).toBe("404 not_found");
  });
});
