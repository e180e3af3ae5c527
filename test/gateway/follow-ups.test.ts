import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { answers } from "../support/fault-model-server.ts";
import { until } from "../support/until.ts";
import { startWorld, type World } from "../support/world.ts";

const WAIT_MS = 30_000;
const POINTER = /和你的下一条消息一起回答/;
let world: World;

beforeEach(async () => {
  world = await startWorld({ packs: false });
  world.model.script(() => answers("好的。"));
});
afterEach(async () => {
  expect(world.platform.violations).toEqual([]);
  await world.stop();
});

const send = (text: string, userId = "zhangsan") => world.platform.sendBotText({ userId, text }).messageId;

/** One after the other: the next goes out when the service has the one before, so that their order is known. */
async function sendInOrder(...texts: string[]): Promise<string[]> {
  const sent: string[] = [];
  for (const text of texts) {
    const { messageId, outcome } = world.platform.sendBotText({ userId: "zhangsan", text });
    // The outcome comes with the end of the bubble; to have been taken is enough.
    await Promise.race([outcome, world.platform.waitForBubble(messageId, { state: "streaming" }, WAIT_MS)]);
    sent.push(messageId);
  }
  return sent;
}

async function bubble(messageId: string): Promise<string> {
  return (await world.platform.waitForBubble(messageId, { finished: true }, WAIT_MS)).content;
}

function lastPrompt(): string[] {
  const { messages = [] } = (world.model.requests.at(-1)?.body ?? {}) as { messages?: { content: string }[] };
  return messages.map(({ content }) => content);
}

function questions(): string[] {
  return world.model.requests.map(({ body }) => {
    const { messages } = body as { messages: { content: string }[] };
    return messages.at(-1)?.content.split("</chat-context>\n")[1] ?? "";
  });
}

describe("messages sent one right after another", () => {
  test("are answered as one by the last of them; each earlier bubble ends with a word that says so", async () => {
    await world.startGateway({ MERGE_WINDOW_SECONDS: "1" });
    const sent = await sendInOrder("我想问一下", "报销要什么材料", "差旅的那种");
    const [first, second, third] = await Promise.all(sent.map(bubble));
    expect(first).toMatch(POINTER);
    expect(second).toMatch(POINTER);
    expect(third).toBe("好的。");
    expect(questions()).toEqual(["我想问一下\n报销要什么材料\n差旅的那种"]);
    // The words are used once: the next question is itself alone, and knows the one before as one turn.
    expect(await bubble(send("谢谢"))).toBe("好的。");
    expect(lastPrompt().slice(1, 3)).toEqual(["我想问一下\n报销要什么材料\n差旅的那种", "好的。"]);
  });

  test("of different members, commands, and messages that come later are not merged", async () => {
    await world.startGateway({ MERGE_WINDOW_SECONDS: "1" });
    const [one, other] = [send("甲"), send("乙", "lisi")];
    expect(await Promise.all([bubble(one), bubble(other)])).toEqual(["好的。", "好的。"]);
    const [question = "", help = ""] = await sendInOrder("丙", "/help");
    expect(await bubble(question)).toBe("好的。");
    expect(await bubble(help)).toContain("/new");
    expect(await bubble(send("丁"))).toBe("好的。");
    expect(questions().toSorted()).toEqual(["丁", "丙", "乙", "甲"]);
  });

  test("that end in 算了 are stopped before the model is asked", async () => {
    await world.startGateway({ MERGE_WINDOW_SECONDS: "10" });
    const question = send("帮我写个通知");
    await until(async () => world.logLines.some(({ msg }) => msg === "turn started"));
    const stop = send("算了");
    expect(await bubble(question)).toMatch(/已按你的要求停止/);
    expect(await bubble(stop)).toMatch(/已停止/);
    expect(world.model.requests).toHaveLength(0);
  });

  test("in the app's chat get one push, with the answer", async () => {
    await world.startGateway({ MERGE_WINDOW_SECONDS: "1" });
    for (const text of ["我想问一下", "报销要什么材料"]) world.platform.sendAppText({ userId: "zhangsan", text });
    await world.platform.waitForAppMessages("zhangsan", 1, WAIT_MS);
    expect(questions()).toEqual(["我想问一下\n报销要什么材料"]);
    world.platform.sendAppText({ userId: "zhangsan", text: "谢谢" });
    const pushes = await world.platform.waitForAppMessages("zhangsan", 2, WAIT_MS);
    // WeCom's duplicate check would drop an equal text: the second carries a mark that nobody sees.
    expect(pushes.map(({ text = "" }) => text.replace(/[\u200b\u200c]/g, ""))).toEqual(["好的。", "好的。"]);
  });

  test("are answered each by itself where nothing is set", async () => {
    await world.startGateway();
    const sent = await sendInOrder("一", "二");
    expect(await Promise.all(sent.map(bubble))).toEqual(["好的。", "好的。"]);
  });

  test("survive the end of the process that waited: one answer, with the words of all", async () => {
    const killed = await world.startProcess({ MERGE_WINDOW_SECONDS: "3" });
    const [first = "", second = ""] = await sendInOrder("我想问一下", "报销要什么材料");
    expect(await bubble(first)).toMatch(POINTER);
    await killed.kill();
    world.forget(killed.url);
    await world.startProcess({ MERGE_WINDOW_SECONDS: "3" });
    expect(await bubble(second)).toBe("好的。");
    expect(questions()).toEqual(["我想问一下\n报销要什么材料"]);
  }, 60_000);
});
