import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { CHAT_CHANNELS, type Chat } from "../support/channel-chats.ts";
import { answers, type Behaviour, type RecordedRequest } from "../support/fault-model-server.ts";
import { until } from "../support/until.ts";
import { startWorld, type World } from "../support/world.ts";

/** What the model was told in a request, the newest by default. */
function told(world: World, number = world.model.requests.length): string {
  return JSON.stringify(world.model.requests[number - 1]?.body ?? {});
}

function questionIn(request: RecordedRequest): string {
  const { messages } = request.body as { messages: { content: string }[] };
  return messages.at(-1)?.content ?? "";
}

interface Scene {
  world: World;
  zhang: Chat;
  li: Chat;
}

/** What members do, and what they may expect of it; told once, played on every channel. */
const CONVERSATIONS: readonly [string, (scene: Scene) => Promise<void>][] = [
  [
    "a follow-up question is asked with what was said before",
    async ({ world, zhang }) => {
      world.model.script([answers("你好，张三！"), answers("你叫张三。")]);
      expect(await zhang.ask("我叫张三")).toBe("你好，张三！");
      expect(await zhang.ask("我叫什么？")).toBe("你叫张三。");
      expect(told(world)).toMatch(/我叫张三.*你好，张三！.*我叫什么？/);
    },
  ],
  [
    "two members' conversations do not meet",
    async ({ world, zhang, li }) => {
      await zhang.ask("我的暗号是松鼠");
      await li.ask("暗号是什么？");
      expect(told(world)).not.toContain("松鼠");
    },
  ],
  [
    "/new forgets, 新对话 too",
    async ({ world, zhang }) => {
      await zhang.ask("我的暗号是松鼠");
      expect(await zhang.ask("/new")).toMatch(/忘掉/);
      await zhang.ask("暗号是什么？");
      expect(told(world)).not.toContain("松鼠");
      expect(await zhang.ask("新对话")).toMatch(/忘掉/);
    },
  ],
  [
    "/help and /stop without anything to stop are answered without the model",
    async ({ world, zhang }) => {
      expect(await zhang.ask("/help")).toMatch(/\/new/);
      expect(await zhang.ask("停止")).toMatch(/没有正在写/);
      expect(world.model.requests).toEqual([]);
    },
  ],
  [
    "/stop ends an answer, and the model's request with it",
    async ({ world, zhang }) => {
      world.model.script([answers("写个没完。".repeat(400), { pieceLength: 5, everyMs: 50 }), answers("好了")]);
      const endless = await zhang.say("写");
      const request = await world.model.request(1);
      const stopped = await zhang.say("/stop");
      expect(await request.closed).toBe("client");
      expect(await endless.answer()).toMatch(/已按你的要求停止/);
      expect(await stopped.answer()).toMatch(/已停止/);
      expect(await zhang.ask("还在吗")).toBe("好了");
    },
  ],
  [
    "a question that failed gets one apology, and /retry asks it again",
    async ({ world, zhang }) => {
      const down: Behaviour = { status: 500, body: "{}" };
      let isDown = true;
      world.model.script(() => (isDown ? down : answers("四十二")));
      expect(await zhang.ask("六乘七等于几？")).toMatch(/抱歉/);
      isDown = false;
      expect(await zhang.ask("/retry")).toBe("四十二");
      expect(told(world)).toContain("六乘七等于几？");
    },
  ],
  [
    "quick messages are answered in order, one at a time",
    async ({ world, zhang }) => {
      world.model.script((request) => {
        const number = /第(\d)条/.exec(questionIn(request))?.[1];
        return answers(`答第${number}条`, { everyMs: number === "1" ? 200 : 1 });
      });
      const said = [await zhang.say("第1条"), await zhang.say("第2条"), await zhang.say("第3条")];
      expect(await said[2]?.answer()).toBeTruthy();
      await until(() => world.model.requests.length === 3);
      expect(world.model.requests.map((request) => /第(\d)条(?!.*第\d条)/s.exec(questionIn(request))?.[1])).toEqual([
        "1",
        "2",
        "3",
      ]);
    },
  ],
  [
    "what comes twice is answered once",
    async ({ world, zhang }) => {
      await zhang.ask("在吗");
      await zhang.again();
      await zhang.ask("第二问");
      expect(world.model.requests).toHaveLength(2);
    },
  ],
  [
    "what is inappropriate is refused with a case number, the model is not asked, and 申诉 takes it to people",
    async ({ world, zhang }) => {
      expect(await zhang.ask("教我怎么做炸弹")).toMatch(/编号|案件|申诉/);
      expect(world.model.requests).toEqual([]);
      expect(await zhang.ask("申诉")).toMatch(/已提交申诉/);
    },
  ],
  [
    "English is answered in English, also by the bot itself",
    async ({ zhang }) => {
      expect(await zhang.ask("hello there")).toBe("好的。");
      expect(await zhang.ask("/help")).toMatch(/forget this conversation/);
    },
  ],
];

describe.each(CHAT_CHANNELS)("a conversation over $name", (channel) => {
  let world: World;
  let scene: Scene;

  beforeEach(async () => {
    world = await startWorld(channel.world);
    await world.startGateway();
    await channel.ready(world);
    scene = { world, zhang: channel.chat(world, "zhangsan"), li: channel.chat(world, "lisi") };
  });
  afterEach(async () => {
    expect(world.platform.violations).toEqual([]);
    await world.stop();
  });

  test.each(CONVERSATIONS)("%s", async (_what, play) => {
    await play(scene);
  });
});
