import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { answers, streams } from "../support/fault-model-server.ts";
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

/** What the model was told in its nth request, from 1. */
function promptOf(number: number): { role: string; content: string }[] {
  const body = world.model.requests[number - 1]?.body as { messages: { role: string; content: string }[] } | undefined;
  return body?.messages ?? [];
}

describe("self-built app", () => {
  test("its URL check, after an administrator's Save, is answered with the bare echostr", async () => {
    await world.startGateway();
    expect(await world.platform.verifyUrl("app")).toMatchObject({ ok: true });
  });

  test("a question is answered, and a follow-up reaches the model with the first turn", async () => {
    await world.startGateway();
    world.model.script([answers("你好，张三！"), answers("你叫张三。")]);
    world.platform.sendAppText({ userId: "zhangsan", text: "我叫张三" });
    await world.platform.waitForAppMessages("zhangsan", 1, WAIT_MS);
    world.platform.sendAppText({ userId: "zhangsan", text: "我叫什么？" });
    const [first, second] = await world.platform.waitForAppMessages("zhangsan", 2, WAIT_MS);
    expect([first?.text, second?.text]).toEqual(["你好，张三！", "你叫张三。"]);
    const told = promptOf(2);
    expect(told.map((message) => message.role)).toEqual(["system", "user", "assistant", "user"]);
    expect(told[1]?.content).toContain("我叫张三");
    expect(told[2]?.content).toBe("你好，张三！");
    expect(told[3]?.content).toContain("我叫什么？");
  });

  test("the prompt's beginning is the same text from turn to turn, so that the server's prefix cache hits", async () => {
    await world.startGateway();
    for (let i = 1; i <= 3; i += 1) {
      world.platform.sendAppText({ userId: "zhangsan", text: `第${i}问` });
      await world.platform.waitForAppMessages("zhangsan", i, WAIT_MS);
    }
    expect(promptOf(2)[0]).toEqual(promptOf(1)[0]);
    expect(promptOf(3).slice(0, 3)).toEqual(promptOf(2).slice(0, 3));
  });

  test("a prompt that speaks of the person gets the name with the question, and stays the same for all", async () => {
    const file = join(world.env.DATA_DIR ?? "", "prompt.md");
    writeFileSync(file, "你是{{company}}的{{bot}}。称呼对方{{name}}。");
    await world.startGateway({ SYSTEM_PROMPT_FILE: file, COMPANY_NAME: "示例科技" });
    world.platform.sendAppText({ userId: "zhangsan", text: "在吗" });
    await world.platform.waitForAppMessages("zhangsan", 1, WAIT_MS);
    world.platform.sendAppText({ userId: "lisi", text: "在吗" });
    await world.platform.waitForAppMessages("lisi", 1, WAIT_MS);
    expect(promptOf(1)[0]).toEqual(promptOf(2)[0]);
    expect(promptOf(1)[0]?.content).toMatch(/^你是示例科技的应答助手。称呼对方<chat-context> 里的“姓名 \/ name”。/);
    expect([1, 2].map((number) => /name: (.*)/.exec(promptOf(number)[1]?.content ?? "")?.[1])).toEqual([
      "张三",
      "李四",
    ]);
  });

  test("a message delivered three times on two processes is answered once", async () => {
    await Promise.all([world.startProcess(), world.startProcess()]);
    world.platform.setFaults({ copies: 3 });
    world.platform.sendAppText({ userId: "zhangsan", text: "在吗" });
    await world.platform.waitForAppMessages("zhangsan", 1, WAIT_MS);
    world.platform.setFaults({ copies: 1 });
    world.platform.sendAppText({ userId: "zhangsan", text: "第二条" });
    const inbox = await world.platform.waitForAppMessages("zhangsan", 2, WAIT_MS);
    expect(inbox).toHaveLength(2);
    expect(world.model.requests).toHaveLength(2);
  });

  test("five quick messages are answered in order, one turn at a time", async () => {
    await world.startGateway();
    await world.startGateway();
    world.model.script((request) => {
      const { messages } = request.body as { messages: { content: string }[] };
      const number = /第(\d)条/.exec(messages.at(-1)?.content ?? "")?.[1];
      return answers(`答第${number}条`, { everyMs: number === "1" ? 400 : 1 });
    });
    let atOnceMax = 0;
    for (let i = 1; i <= 5; i += 1) {
      // Each after the one before was acknowledged, all while the first is being answered: then the order is known.
      await world.platform.sendAppText({ userId: "lisi", text: `第${i}条` }).outcome;
      if (i === 1) await world.model.request(1);
      atOnceMax = Math.max(atOnceMax, world.model.running());
    }
    expect(world.model.requests).toHaveLength(1);
    const inbox = await world.platform.waitForAppMessages("lisi", 5, WAIT_MS);
    expect(inbox.map((message) => message.text)).toEqual([1, 2, 3, 4, 5].map((number) => `答第${number}条`));
    expect(atOnceMax).toBe(1);
  });

  test("a 9,000-byte answer arrives complete, in order, in parts of at most 2,048 bytes", async () => {
    await world.startGateway();
    const answer = Array.from({ length: 60 }, (_, i) => `第${i + 1}点：${"内容".repeat(23)}。`).join("\n");
    expect(Buffer.byteLength(answer)).toBeGreaterThan(9_000);
    world.model.script([answers(answer, { pieceLength: 60 })]);
    world.platform.sendAppText({ userId: "zhangsan", text: "写长一点" });
    const parts = await world.platform.waitForAppMessages("zhangsan", 5, WAIT_MS);
    await until(
      () =>
        world.platform
          .inbox("zhangsan")
          .map((m) => m.text)
          .join("\n").length >= answer.length,
    );
    const texts = world.platform.inbox("zhangsan").map((message) => message.text);
    expect(texts.join("\n")).toBe(answer);
    expect(Math.max(...texts.map((text) => Buffer.byteLength(text)))).toBeLessThanOrEqual(2_048);
    expect(parts.length).toBeGreaterThanOrEqual(5);
  });

  test("an answer's markdown arrives as text that can be read without it", async () => {
    await world.startGateway();
    world.model.script([
      answers("## 出差\n\n**第一步：**提交[申请](https://oa.example.com/a_b_c)\n\n- 车票\n- `发票`"),
    ]);
    world.platform.sendAppText({ userId: "zhangsan", text: "怎么出差" });
    const [message] = await world.platform.waitForAppMessages("zhangsan", 1, WAIT_MS);
    expect(message?.text).toBe("【出差】\n\n第一步：提交申请 (https://oa.example.com/a_b_c)\n\n• 车票\n• `发票`");
  });

  test("a token revoked in the middle loses nothing and is fetched once", async () => {
    await world.startGateway();
    world.platform.sendAppText({ userId: "zhangsan", text: "一" });
    await world.platform.waitForAppMessages("zhangsan", 1, WAIT_MS);
    world.platform.revokeTokens();
    world.platform.sendAppText({ userId: "zhangsan", text: "二" });
    const inbox = await world.platform.waitForAppMessages("zhangsan", 2, WAIT_MS);
    expect(inbox).toHaveLength(2);
    expect(world.platform.callCount("gettoken")).toBe(2);
  });

  test("two equal answers on purpose both arrive, although WeCom drops identical requests", async () => {
    await world.startGateway();
    world.model.script(() => answers("2"));
    for (const count of [1, 2, 3, 4, 5]) {
      world.platform.sendAppText({ userId: "zhangsan", text: "1+1?" });
      await world.platform.waitForAppMessages("zhangsan", count, WAIT_MS);
    }
    const texts = world.platform.inbox("zhangsan").map((message) => message.text);
    expect(texts.map((text) => text.replace(/[\u200b\u200c]/g, ""))).toEqual(["2", "2", "2", "2", "2"]);
    expect(new Set(texts).size).toBe(5);
    expect(texts[0]).toBe("2");
    expect(world.platform.sends.every((send) => send.delivered.length === 1)).toBe(true);
  });

  test("opening the chat greets once a day, unknown events are acknowledged without a word", async () => {
    await world.startGateway();
    world.platform.enterApp("wangwu");
    await world.platform.waitForAppMessages("wangwu", 1, WAIT_MS);
    world.platform.enterApp("wangwu");
    world.platform.sendAppEvent("wangwu", { type: "view", key: "https://example.com" });
    world.platform.sendAppText({ userId: "wangwu", text: "你好" });
    const inbox = await world.platform.waitForAppMessages("wangwu", 2, WAIT_MS);
    expect(inbox[0]?.text).toMatch(/你好，我是/);
    expect(inbox).toHaveLength(2);
  });

  test("a click in the menu is the command of its key, other keys are acknowledged without a word", async () => {
    await world.startGateway();
    world.platform.sendAppEvent("wangwu", { type: "click", key: "feedback:unheard" });
    world.platform.sendAppEvent("wangwu", { type: "click", key: "/new" });
    const [forgotten] = await world.platform.waitForAppMessages("wangwu", 1, WAIT_MS);
    expect(forgotten?.text).toMatch(/重新开始/);
    world.platform.sendAppEvent("wangwu", { type: "click", key: "/help" });
    const inbox = await world.platform.waitForAppMessages("wangwu", 2, WAIT_MS);
    expect(inbox[1]?.text).toMatch(/\/appeal/);
    expect(inbox).toHaveLength(2);
  });

  test("a model that is away gives one apology, and the next message works", async () => {
    await world.startGateway();
    world.model.script([{ status: 500, body: "{}" }, { status: 500, body: "{}" }, answers("好了")]);
    world.platform.sendAppText({ userId: "zhangsan", text: "一" });
    const [apology] = await world.platform.waitForAppMessages("zhangsan", 1, WAIT_MS);
    expect(apology?.text).toMatch(/抱歉/);
    world.model.script([]);
    world.platform.sendAppText({ userId: "zhangsan", text: "二" });
    const inbox = await world.platform.waitForAppMessages("zhangsan", 2, WAIT_MS);
    expect(inbox.map((message) => message.text)).toEqual([apology?.text, "好的。"]);
    // A failed turn leaves the session as it was.
    expect(JSON.stringify(world.model.requests.at(-1)?.body)).not.toContain("抱歉");
  });

  test("an answer cut in the middle is one apology, never half an answer passed off as whole", async () => {
    await world.startGateway();
    world.model.script(() => streams({ text: "前半句，" }, { text: "还没说完" }, { reset: true }));
    world.platform.sendAppText({ userId: "zhangsan", text: "讲个故事" });
    const [message] = await world.platform.waitForAppMessages("zhangsan", 1, WAIT_MS);
    expect(message?.text).toMatch(/抱歉/);
    expect(message?.text).not.toContain("前半句");
  });

  test("/retry after a failure asks the failed question again", async () => {
    await world.startGateway();
    world.model.script(() => streams({ text: "半" }, { reset: true }));
    world.platform.sendAppText({ userId: "zhangsan", text: "法国首都是哪里？" });
    await world.platform.waitForAppMessages("zhangsan", 1, WAIT_MS);
    world.model.script([answers("巴黎。")]);
    world.platform.sendAppText({ userId: "zhangsan", text: "重试" });
    const inbox = await world.platform.waitForAppMessages("zhangsan", 2, WAIT_MS);
    expect(inbox[1]?.text).toBe("巴黎。");
    expect(JSON.stringify(world.model.requests.at(-1)?.body)).toContain("法国首都");
  });

  test("/new forgets the conversation, /retry then answers nothing old, /help explains", async () => {
    await world.startGateway();
    const say = async (text: string, count: number) => {
      world.platform.sendAppText({ userId: "zhangsan", text });
      const inbox = await world.platform.waitForAppMessages("zhangsan", count, WAIT_MS);
      // Equal answers carry invisible marks.
      return inbox.at(-1)?.text.replace(/[\u200b\u200c]/g, "") ?? "";
    };
    await say("密码是蓝鲸", 1);
    expect(await say("/new", 2)).toMatch(/忘掉/);
    await say("密码是什么", 3);
    expect(JSON.stringify(world.model.requests.at(-1)?.body)).not.toContain("蓝鲸");
    expect(await say("帮助", 4)).toMatch(/新对话/);
    expect(await say("/unknown 是什么命令", 5)).toBe("好的。");
  });

  test("60020, the missing trusted IP, is one clear alert and no hammering", async () => {
    await world.startGateway();
    world.platform.fault({ call: "message/send", effect: { kind: "errcode", errcode: 60020 }, times: "until_cleared" });
    world.platform.sendAppText({ userId: "zhangsan", text: "一" });
    world.platform.sendAppText({ userId: "zhangsan", text: "二" });
    await until(() => world.logLines.filter((line) => line.msg === "turn finished").length === 2);
    const alerts = world.logLines.filter((line) => line.alert !== undefined);
    expect(alerts).toHaveLength(1);
    expect(JSON.stringify(alerts[0])).toMatch(/\d+\.\d+\.\d+\.\d+/);
    expect(world.platform.callCount("message/send")).toBe(2);
  });
});
