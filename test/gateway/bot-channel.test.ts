import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { answers, streams } from "../support/fault-model-server.ts";
import { until } from "../support/until.ts";
import { startWorld, type World } from "../support/world.ts";

const WAIT_MS = 20_000;
const GROUP = "wrGroupAbC";
let world: World;

beforeEach(async () => {
  world = await startWorld({
    platform: {
      bot: { name: "应答助手" },
      groups: [{ chatId: GROUP, name: "项目群", memberIds: ["zhangsan", "lisi", "wangwu"] }],
    },
  });
});
afterEach(async () => {
  expect(world.platform.violations).toEqual([]);
  await world.stop();
});

async function ask(userId: string, text: string, chatId?: string) {
  const sent = world.platform.sendBotText({ userId, text, ...(chatId === undefined ? {} : { chatId }) });
  return world.platform.waitForBubble(sent.messageId, { finished: true }, WAIT_MS);
}

function lastPrompt(): { role: string; content: string }[] {
  const body = world.model.requests.at(-1)?.body as { messages: { role: string; content: string }[] } | undefined;
  return body?.messages ?? [];
}

describe("AI bot over HTTP", () => {
  test("its URL check is answered with the bare echostr", async () => {
    await world.startGateway();
    expect(await world.platform.verifyUrl("bot")).toMatchObject({ ok: true });
  });

  test("an answer streams into one bubble, growing, never blank again, and ends finished", async () => {
    await world.startGateway();
    world.model.script([
      answers("从前有座山，山里有座庙，庙里有个老和尚在讲故事。".repeat(4), { pieceLength: 6, everyMs: 40 }),
    ]);
    const bubble = await ask("zhangsan", "讲个故事");
    const contents = bubble.snapshots.map((snapshot) => snapshot.content);
    expect(contents.length).toBeGreaterThan(3);
    for (const [i, content] of contents.entries()) expect(content.startsWith(contents[i - 1] ?? "")).toBe(true);
    expect(bubble.content).toBe("从前有座山，山里有座庙，庙里有个老和尚在讲故事。".repeat(4));
  });

  test("polls answered by two replicas in turn show the same bubble", async () => {
    await world.startGateway();
    await world.startGateway();
    world.model.script([answers("甲乙丙丁".repeat(20), { everyMs: 20 })]);
    const bubble = await ask("zhangsan", "数一数");
    expect(bubble.content).toBe("甲乙丙丁".repeat(20));
    expect(bubble.polls).toBeGreaterThan(3);
  });

  test("in a group the mention is stripped and speakers are named, and the group shares one context", async () => {
    await world.startGateway();
    await ask("zhangsan", "@应答助手 周五团建去哪？", GROUP);
    await ask("lisi", "@应答助手 那周六呢？联系 a@b", GROUP);
    const told = lastPrompt().map((message) => message.content);
    expect(told.join("\n")).not.toContain("@应答助手");
    expect(told.join("\n")).toContain("a@b");
    expect(told[1]).toContain("张三");
    expect(told[1]).toContain("周五团建去哪？");
    expect(told.at(-1)).toContain("李四");
  });

  test("with GROUP_SESSION=member one member's words do not reach another's context", async () => {
    await world.startGateway({ GROUP_SESSION: "member" });
    await ask("zhangsan", "@应答助手 我的幸运数字是七", GROUP);
    await ask("lisi", "@应答助手 幸运数字是多少？", GROUP);
    expect(JSON.stringify(lastPrompt())).not.toContain("七");
    await ask("zhangsan", "@应答助手 再说一遍", GROUP);
    expect(JSON.stringify(lastPrompt())).toContain("七");
  });

  test("quotes, mixed messages and transcripts reach the model", async () => {
    await world.startGateway();
    const quoting = world.platform.sendBotText({
      userId: "zhangsan",
      text: "这句话什么意思？",
      quote: { msgtype: "text", text: "知之为知之" },
    });
    await world.platform.waitForBubble(quoting.messageId, { finished: true }, WAIT_MS);
    expect(lastPrompt().at(-1)?.content).toContain("知之为知之");
    const mixed = world.platform.sendBotMessage({
      userId: "zhangsan",
      content: {
        type: "mixed",
        items: [
          { type: "text", text: "图里写了什么" },
          { type: "image", bytes: Buffer.alloc(64, 1) },
        ],
      },
    });
    await world.platform.waitForBubble(mixed.messageId, { finished: true }, WAIT_MS);
    expect(lastPrompt().at(-1)?.content).toContain("图里写了什么");
    expect(lastPrompt().at(-1)?.content).toContain("图片");
    const voice = world.platform.sendBotMessage({
      userId: "zhangsan",
      content: { type: "voice", transcript: "语音转写的问题" },
    });
    await world.platform.waitForBubble(voice.messageId, { finished: true }, WAIT_MS);
    expect(lastPrompt().at(-1)?.content).toContain("语音转写的问题");
  });

  test("a 24,000-byte answer arrives complete: the bubble up to its limit, the rest by response_url", async () => {
    await world.startGateway();
    const answer = Array.from({ length: 160 }, (_, i) => `${i + 1}. ${"答案内容".repeat(12)}`).join("\n");
    expect(Buffer.byteLength(answer)).toBeGreaterThan(23_500);
    world.model.script([answers(answer, { pieceLength: 200 })]);
    const bubble = await ask("zhangsan", "写一篇长文");
    const [rest] = await world.platform.waitForBotMessages(1, WAIT_MS);
    expect(Buffer.byteLength(bubble.content)).toBeLessThanOrEqual(20_480);
    const shown = bubble.content.replace(/\n\n（未完，见下一条消息）$/, "");
    expect(`${shown}\n${rest?.text}`).toBe(answer);
  });

  test("the same message delivered again gets the same stream and starts no second turn", async () => {
    await world.startGateway();
    await world.startGateway();
    world.platform.setFaults({ copies: 3 });
    const sent = world.platform.sendBotText({ userId: "zhangsan", text: "一次" });
    const bubble = await world.platform.waitForBubble(sent.messageId, { finished: true }, WAIT_MS);
    await world.platform.redeliver("bot", sent.messageId);
    expect(world.model.requests).toHaveLength(1);
    expect(bubble.content).toBe("好的。");
  });

  test("a poll for an unknown stream is finished with an apology", async () => {
    await world.startGateway();
    const answer = await world.platform.pollUnknown("zhangsan", "s1-00000000000000000000000000000000");
    expect(JSON.stringify(answer)).toMatch(/重新提问/);
    expect(JSON.stringify(answer)).toMatch(/"finish":true/);
  });

  test("/stop while an answer streams closes the model's request and keeps what was shown, marked", async () => {
    await world.startGateway();
    const endless = Array.from({ length: 400 }, () => [{ text: "继续说下去，" }, { waitMs: 50 }]).flat();
    world.model.script([streams(...endless)]);
    const long = world.platform.sendBotText({ userId: "zhangsan", text: "一直说" });
    await world.platform.waitForBubble(long.messageId, { contains: "继续" }, WAIT_MS);
    const stop = world.platform.sendBotText({ userId: "zhangsan", text: "停止" });
    const stopped = await world.platform.waitForBubble(long.messageId, { finished: true }, WAIT_MS);
    expect(stopped.content).toMatch(/继续说下去.*已按你的要求停止/s);
    expect(await world.model.requests[0]?.closed).toBe("client");
    const told = await world.platform.waitForBubble(stop.messageId, { finished: true }, WAIT_MS);
    expect(told.content).toMatch(/已停止/);
    // The next question works, and the stopped one is not in the session.
    expect((await ask("zhangsan", "在吗")).content).toBe("好的。");
    expect(JSON.stringify(lastPrompt())).not.toContain("继续说下去");
  });

  test("算了 ends a running answer, and is a message like any other when none runs", async () => {
    await world.startGateway();
    expect((await ask("zhangsan", "算了")).content).toBe("好的。");
    const endless = Array.from({ length: 400 }, () => [{ text: "继续说下去，" }, { waitMs: 50 }]).flat();
    world.model.script([streams(...endless)]);
    const long = world.platform.sendBotText({ userId: "zhangsan", text: "一直说" });
    await world.platform.waitForBubble(long.messageId, { contains: "继续" }, WAIT_MS);
    const stop = world.platform.sendBotText({ userId: "zhangsan", text: "算了" });
    const stopped = await world.platform.waitForBubble(long.messageId, { finished: true }, WAIT_MS);
    expect(stopped.content).toMatch(/已按你的要求停止/);
    const told = await world.platform.waitForBubble(stop.messageId, { finished: true }, WAIT_MS);
    expect(told.content).toMatch(/已停止/);
    expect(world.model.requests).toHaveLength(2);
  });

  test("/stop with nothing running says so", async () => {
    await world.startGateway();
    expect((await ask("zhangsan", "/stop")).content).toMatch(/没有正在写/);
  });

  test("entering the chat is welcomed in the answer itself", async () => {
    await world.startGateway();
    world.platform.enterBot("zhangsan");
    const [welcome] = await world.platform.waitForBotMessages(1, WAIT_MS);
    expect(welcome).toMatchObject({ kind: "welcome", format: "text" });
    expect(welcome?.text).toMatch(/应答助手/);
    expect(welcome?.text).toMatch(/30 天.*190 天/);
    expect(welcome?.text).toMatch(/新对话/);
  });

  test("with suggestions the welcome is a card within WeCom's limits, and its words are true", async () => {
    const file = join(world.env.DATA_DIR ?? "", "greeting.yaml");
    copyFileSync(new URL("../../deploy/greeting.example.yaml", import.meta.url), file);
    await world.startGateway({ GREETING_FILE: file });
    world.platform.enterBot("zhangsan");
    const [welcome] = await world.platform.waitForBotMessages(1, WAIT_MS);
    expect(welcome).toMatchObject({ kind: "welcome", format: "card", card: { card_type: "text_notice" } });
    expect(welcome?.text).toMatch(/30 天.*190 天/);
    expect(welcome?.text).toMatch(/IT 服务台/);
    expect(welcome?.card?.jump_list).toHaveLength(3);
    expect(world.platform.violations).toEqual([]);
  });

  test("a first /help is in both languages, later ones in the language of the conversation", async () => {
    await world.startGateway();
    const first = (await ask("zhangsan", "/help")).content;
    expect(first).toMatch(/从|重新开始/);
    expect(first).toMatch(/start over/);
    expect((await ask("zhangsan", "帮助")).content).not.toMatch(/start over/);
    await ask("zhangsan", "How are you?");
    const later = (await ask("zhangsan", "/help")).content;
    expect(later).toMatch(/start over[\s\S]*30 days/);
    expect(later).not.toMatch(/重新开始/);
  });

  test("a thumb down with reasons is kept on its turn", async () => {
    const gateway = await world.startGateway();
    const bubble = await ask("zhangsan", "问题");
    world.platform.giveFeedback({
      messageId: bubble.messageId,
      userId: "zhangsan",
      type: 2,
      reasons: [1, 3],
      comment: "不对",
    });
    const feedbackId = bubble.feedbackId ?? "";
    await until(async () => (await gateway.records.feedbackFor(feedbackId)).length === 1);
    expect(await gateway.records.feedbackFor(feedbackId)).toMatchObject([
      { verdict: "inaccurate", reasons: ["off_topic", "wrong"], comment: "不对", userId: "zhangsan" },
    ]);
  });

  test("reasoning stays out of the bubble", async () => {
    await world.startGateway();
    world.model.script([answers("答案是 42。", { reasoning: "先想一想……" })]);
    const bubble = await ask("zhangsan", "终极问题");
    expect(bubble.snapshots.map((snapshot) => snapshot.content).join("")).not.toContain("想一想");
    expect(bubble.content).toBe("答案是 42。");
  });

  test("an answer that outlives the stream finishes the bubble with a notice and comes by response_url", async () => {
    // The service's clock runs ahead, so that the five and a half minutes pass in a second.
    let aheadMs = 0;
    await world.startGateway(
      { CALLBACK_MAX_AGE_SECONDS: "86400" },
      {
        clock: {
          nowMs: () => Date.now() + aheadMs,
          sleep: async (ms, signal) => {
            const { setTimeout: delay } = await import("node:timers/promises");
            await delay(ms, undefined, signal === undefined ? {} : { signal });
          },
        },
      },
    );
    world.model.script([
      streams({ text: "很慢的开头，" }, { waitMs: 1_500 }, { text: "终于写完。" }, { finish: "stop" }, { done: true }),
    ]);
    const sent = world.platform.sendBotText({ userId: "zhangsan", text: "慢慢写" });
    await until(() => world.model.requests.length === 1);
    aheadMs = 331_000;
    const bubble = await world.platform.waitForBubble(sent.messageId, { finished: true }, WAIT_MS);
    expect(bubble.content).toMatch(/新消息/);
    const [late] = await world.platform.waitForBotMessages(1, WAIT_MS);
    expect(late?.text).toBe("很慢的开头，终于写完。");
  });
});
