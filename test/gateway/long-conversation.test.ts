import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import { conversationKeys } from "../../src/session/keys.ts";
import type { SessionSummary } from "../../src/session/session-turn.ts";
import { estimateTokens, MESSAGE_OVERHEAD_TOKENS } from "../../src/session/token-budget.ts";
import { answers, type Behaviour, type RecordedRequest } from "../support/fault-model-server.ts";
import { until } from "../support/until.ts";
import { startWorld, type World } from "../support/world.ts";

const WAIT_MS = 20_000;
const TURNS = 200;
const CONTEXT_TOKENS = 8_192;
const PHONE = "13800138000";

interface Request {
  messages: { role: string; content: string }[];
  max_tokens: number;
}

let world: World;
let redis: Redis;
beforeAll(async () => {
  world = await startWorld({ packs: false });
  redis = new Redis(world.redis.url);
  world.model.script(speak);
  await world.startGateway({ MODEL_CONTEXT_TOKENS: String(CONTEXT_TOKENS) });
}, 60_000);
afterAll(async () => {
  redis.disconnect();
  await world.stop();
});

function read(request: RecordedRequest): Request {
  return request.body as Request;
}

function isForSummary(request: RecordedRequest): boolean {
  return read(request).messages[0]?.content.startsWith("你为一段聊天写摘要") === true;
}

/** A model that does as it is told: of a chat it keeps what it was asked to remember, and it answers at some length. */
function speak(request: RecordedRequest): Behaviour {
  const last = read(request).messages.at(-1)?.content ?? "";
  if (isForSummary(request)) {
    const facts = last.split("\n").filter((line) => line.includes("请记住") && !line.startsWith("助手"));
    return answers([...new Set(facts)].join("\n") || "没有要记住的。", { pieceLength: 400 });
  }
  if (last.endsWith("我的电话是多少？")) return answers("你的电话是 [手机号1]。", { pieceLength: 40 });
  const number = /第(\d+)轮/.exec(last.split("\n").at(-1) ?? "")?.[1] ?? "0";
  return answers(
    `第${number}轮的回答：${"这件事按流程办理，先找负责人确认，再提交材料。".repeat(1 + (Number(number) % 5))}`,
    {
      pieceLength: 400,
    },
  );
}

async function ask(text: string, userId = "zhangsan"): Promise<string> {
  const sent = world.platform.sendBotText({ userId, text });
  return (await world.platform.waitForBubble(sent.messageId, { finished: true }, WAIT_MS)).content;
}

/** What a model server reads, in order. */
function textOf({ messages }: Request): string {
  return messages.map(({ role, content }) => `<|${role}|>${content}`).join("\n");
}

function sharedLength(one: string, other: string): number {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length += 1;
  return length;
}

function beginningOf({ messages }: Request): string {
  return messages.length < 4 ? "" : (messages[1]?.content ?? "");
}

describe("a conversation of 200 turns", () => {
  test("never exceeds the window, remembers turn 3, and keeps the beginning that the server's cache knows", async () => {
    for (let turn = 1; turn <= TURNS; turn += 1) {
      const fact = `请记住：项目代号是蓝鲸，评审在周五下午，我的电话是 ${PHONE}。`;
      await ask(`第${turn}轮：${turn === 3 ? fact : "这一步具体要准备什么材料，找谁审批？".repeat(1 + (turn % 3))}`);
    }
    expect(await ask("我的电话是多少？")).toContain(PHONE);

    const all = world.model.requests;
    const turns = all.filter((request) => !isForSummary(request)).map(read);
    const summaries = all.filter(isForSummary).map(read);
    expect(turns).toHaveLength(TURNS + 1);
    expect(summaries.length).toBeGreaterThan(5);

    let largest = 0;
    for (const { messages, max_tokens } of [...turns, ...summaries]) {
      const tokens = messages.reduce((sum, { content }) => sum + estimateTokens(content) + MESSAGE_OVERHEAD_TOKENS, 0);
      largest = Math.max(largest, tokens + max_tokens);
    }
    expect(largest).toBeLessThanOrEqual(CONTEXT_TOKENS);

    const last = turns.at(-1)?.messages[1]?.content ?? "";
    expect(last).toMatch(
      /^<chat-summary>\n[\s\S]*项目代号是蓝鲸，评审在周五下午，我的电话是 \[手机号1\][\s\S]*<\/chat-summary>/,
    );
    expect(JSON.stringify(all.map(({ body }) => body))).not.toContain(PHONE);

    let cuts = 0;
    const shares: number[] = [];
    for (const [index, request] of turns.entries()) {
      const before = turns[index - 1];
      if (before === undefined) continue;
      if (beginningOf(before) !== "" && beginningOf(before) !== beginningOf(request)) {
        cuts += 1;
        continue;
      }
      const [one, other] = [textOf(before), textOf(request)];
      shares.push(sharedLength(one, other) / Math.min(one.length, other.length));
    }
    const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
    const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
    process.stdout.write(
      `${TURNS} turns: ${cuts} cuts, ${summaries.length} summaries, largest request ${largest} of ${CONTEXT_TOKENS} tokens; ` +
        `shared beginning outside of cuts: ${percent(Math.min(...shares))} at least, ${percent(mean)} on average\n`,
    );
    expect(Math.min(...shares)).toBeGreaterThanOrEqual(0.9);
    // One cut a block: its summary is there when the history's beginning moves, not a turn later.
    expect(cuts).toBeLessThanOrEqual(summaries.length + 1);
  }, 240_000);

  test("is forgotten whole by /new: turns and summary", async () => {
    const { session, summary } = conversationKeys((await redis.keys("*:summary:*"))[0]?.split(":summary:")[1] ?? "");
    const kept = JSON.parse((await redis.get(summary)) ?? "null") as SessionSummary;
    expect(kept.turns).toBeGreaterThan(TURNS / 2);
    expect(await redis.pttl(summary)).toBeGreaterThan(0);
    await ask("/new");
    await until(async () => (await redis.exists(session, summary)) === 0);
    await ask("第1轮：你好");
    expect(JSON.stringify(world.model.requests.at(-1)?.body)).not.toContain("蓝鲸");
  });
});
