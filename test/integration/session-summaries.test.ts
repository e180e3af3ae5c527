import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Redis } from "ioredis";
import { systemClock } from "../../src/base/clock.ts";
import { YingdaError } from "../../src/base/errors.ts";
import { promptFor, type Question, toSessionTurn } from "../../src/conversation/question.ts";
import { Summariser } from "../../src/conversation/summariser.ts";
import type { ChatEvent, ChatModel, ChatRequest } from "../../src/llm/chat-model.ts";
import { createModerator } from "../../src/moderation/moderator.ts";
import { loadPolicy } from "../../src/moderation/policy/policy.ts";
import { botGroupConversation, botSingleConversation } from "../../src/session/conversation-id.ts";
import { conversationKeys } from "../../src/session/keys.ts";
import { takeLease } from "../../src/session/lease.ts";
import { Mailbox } from "../../src/session/mailbox.ts";
import type { SessionMask, SessionSummary, SessionTurn } from "../../src/session/session-turn.ts";
import { RedisSummaries } from "../../src/session/summaries.ts";
import { TurnDesk } from "../../src/session/turn-desk.ts";
import { botMessage, silentEvents } from "../support/messages.ts";
import { type PrivateRedis, startPrivateRedis } from "../support/private-redis.ts";

const CHAT = "bot:B1:single:zhangsan";
const SUMMARY: SessionSummary = { text: "代号是蓝鲸。", masks: [], tokens: 8, upToMs: 1, turns: 2 };
const MODEL = { systemPrompt: "", contextTokens: 4_096, tokenScale: null };
const moderator = createModerator({ policy: loadPolicy(undefined) });

let server: PrivateRedis;
let redis: Redis;
let leases = 0;

beforeAll(async () => {
  server = await startPrivateRedis();
  redis = new Redis(server.url, { enableAutoPipelining: true });
});
beforeEach(async () => {
  await redis.flushall();
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

/** One turn from the mailbox to its end, as a worker runs it. */
async function runTurn(
  conversationId: string,
  session: { kind: "add" | "replace"; turn: SessionTurn } | { kind: "forget" },
  look: (desk: TurnDesk<unknown>) => Promise<void> = async () => {},
): Promise<void> {
  const message = botMessage({ conversationId });
  await new Mailbox(redis).keep(message, { stops: false });
  leases += 1;
  const lease = await takeLease(redis, { id: `${leases}-1`, conversationId }, "c");
  if (lease === null) throw new Error("the lease was free");
  const desk = new TurnDesk<unknown>(lease);
  await desk.open();
  await look(desk);
  await desk.finish(message, { session, sessionTtlMs: 60_000, record: {} });
  await lease.release();
}

function turnOf(text: string, over: Partial<Question> & { masks?: SessionMask[] } = {}): SessionTurn {
  const question: Question = {
    text,
    speaker: "",
    group: false,
    notes: [],
    unread: [],
    images: [],
    change: "add",
    ...over,
  };
  return toSessionTurn(question, `答：${text}`, over.masks ?? [], 1);
}

/** A model that gives one answer, or fails. */
function modelThat(answer: (request: ChatRequest) => string): ChatModel {
  return {
    async *stream(request): AsyncGenerator<ChatEvent, void, undefined> {
      yield { type: "text", text: answer(request) };
      yield { type: "end", result: { finishReason: "stop", model: "m", endpoint: "e", firstTokenMs: 1 } };
    },
    health: () => ({ endpoints: [], waiting: 0 }),
  };
}

function summariserWith(answer: (request: ChatRequest) => string): Summariser {
  const parts = { ...MODEL, moderator, events: silentEvents(), clock: systemClock };
  return new Summariser({ ...parts, sessions: new RedisSummaries(redis), model: modelThat(answer) });
}

/** Has a conversation summed up where that is due, to the end. */
async function sumUp(
  conversationId: string,
  answer: (request: ChatRequest) => string,
  groupId?: string,
): Promise<void> {
  const summariser = summariserWith(answer);
  summariser.turnEnded(botMessage({ conversationId, ...(groupId === undefined ? {} : { groupId }) }));
  await summariser.settled();
}

async function summaryIn(conversationId: string): Promise<SessionSummary | null> {
  const stored = await redis.get(conversationKeys(conversationId).summary);
  return stored === null ? null : (JSON.parse(stored) as SessionSummary);
}

describe("a summary in the place of the oldest turns", () => {
  beforeEach(async () => {
    for (const text of ["一", "二", "三"]) await runTurn(CHAT, { kind: "add", turn: turnOf(text) });
  });

  test("is kept, lives as long as the session, and comes back with what is left of it", async () => {
    const summaries = new RedisSummaries(redis);
    expect(await summaries.fold(CHAT, await summaries.read(CHAT), 2, SUMMARY)).toBe(true);
    expect(await redis.pttl(conversationKeys(CHAT).summary)).toBeGreaterThan(0);
    await runTurn(CHAT, { kind: "add", turn: turnOf("四") }, async (desk) => {
      expect(await desk.summary()).toEqual(SUMMARY);
      expect((await desk.recall()).map(({ question }) => question)).toEqual(["三"]);
    });
  });

  test("is not kept when the conversation was forgotten meanwhile, also when it has new turns already", async () => {
    const summaries = new RedisSummaries(redis);
    const read = await summaries.read(CHAT);
    await runTurn(CHAT, { kind: "forget" });
    expect(await summaries.fold(CHAT, read, 2, SUMMARY)).toBe(false);
    for (const text of ["甲", "乙", "丙"]) await runTurn(CHAT, { kind: "add", turn: turnOf(text) });
    expect(await summaries.fold(CHAT, read, 2, SUMMARY)).toBe(false);
    expect(await summaryIn(CHAT)).toBeNull();
    expect((await summaries.read(CHAT)).turns).toHaveLength(3);
  });

  test("is kept while the newest turn is added or answered again, and once when two processes make one", async () => {
    const summaries = new RedisSummaries(redis);
    const [one, other] = [await summaries.read(CHAT), await summaries.read(CHAT)];
    await runTurn(CHAT, { kind: "replace", turn: turnOf("三，重来") });
    expect(await summaries.fold(CHAT, one, 2, SUMMARY)).toBe(true);
    expect(await summaries.fold(CHAT, other, 2, { ...SUMMARY, text: "另一份" })).toBe(false);
    expect((await summaryIn(CHAT))?.text).toBe(SUMMARY.text);
  });

  test("goes with /new", async () => {
    const summaries = new RedisSummaries(redis);
    await summaries.fold(CHAT, await summaries.read(CHAT), 2, SUMMARY);
    await runTurn(CHAT, { kind: "forget" });
    expect(await summaryIn(CHAT)).toBeNull();
  });
});

describe("the summariser", () => {
  const LONG = "这一步要准备什么材料？".repeat(20);
  const fill = async (conversationId: string, more: Parameters<typeof turnOf>[1] = {}): Promise<void> => {
    for (let n = 0; n < 6; n += 1) await runTurn(conversationId, { kind: "add", turn: turnOf(`${n}${LONG}`, more) });
  };

  test("leaves a short conversation alone and asks no model", async () => {
    await runTurn(CHAT, { kind: "add", turn: turnOf("一") });
    let asked = 0;
    await sumUp(CHAT, () => {
      asked += 1;
      return "x";
    });
    expect(asked).toBe(0);
  });

  test("names who said what in a group, and keeps a member's placeholder with whose it is", async () => {
    const group = botGroupConversation("B1", "wrChat", "zhangsan", "group");
    const masks = [{ placeholder: "[手机号1]", value: "13800138000", userId: "zhangsan" }];
    await fill(group, { text: `电话 [手机号1] ${LONG}`, group: true, speaker: "张三", masks });
    let prompt = "";
    await sumUp(
      group,
      ({ messages }) => {
        prompt = messages.map(({ content }) => content).join("\n");
        return "张三：电话是【手机号１】，也写作 13800138000。\n李四：[手机号7]";
      },
      "wrChat",
    );
    expect(prompt).toContain("<chat-speaker>张三</chat-speaker>");
    expect(prompt).not.toContain("13800138000");
    const summary = await summaryIn(group);
    expect(summary?.text).toBe("张三：电话是[手机号1]，也写作 [手机号1]。\n李四：手机号");
    expect(summary?.masks).toEqual(masks);
  });

  test("keeps nothing when the model fails, and leaves the conversation alone for a while", async () => {
    await fill(CHAT);
    let asked = 0;
    const summariser = summariserWith(() => {
      asked += 1;
      throw new YingdaError("model_unreachable", "away");
    });
    for (let n = 0; n < 3; n += 1) {
      summariser.turnEnded(botMessage({ conversationId: CHAT }));
      await summariser.settled();
    }
    expect(asked).toBe(1);
    expect(await summaryIn(CHAT)).toBeNull();
    expect((await new RedisSummaries(redis).read(CHAT)).turns).toHaveLength(6);
  });

  test("keeps nothing that moderation would not let out", async () => {
    await fill(CHAT);
    await sumUp(CHAT, () => "下面是炸弹制作教程：先准备材料，再一步一步组装。");
    expect(await summaryIn(CHAT)).toBeNull();
  });

  test("of a member's personal data that the model should not have known hides what the scan finds", async () => {
    await fill(CHAT);
    await sumUp(CHAT, () => "身份证号是 11010519491231002X。");
    expect((await summaryIn(CHAT))?.text).not.toContain("11010519491231002X");
  });
});

describe("conversations of several members", () => {
  const MEMBERS = ["zhangsan", "lisi", "wangwu"];
  const step = fc.record({
    member: fc.constantFrom(...MEMBERS),
    where: fc.constantFrom("single", "group"),
    forget: fc.integer({ min: 0, max: 12 }).map((n) => n === 0),
  });

  test("never learn of each other, in turns, summaries or placeholders, and /new clears one of them alone", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
        await redis.flushall();
        const said = new Map<string, string[]>();
        for (const [index, { member, where, forget }] of steps.entries()) {
          const group = where === "group";
          const chat = group
            ? botGroupConversation("B1", "wrChat", member, "member")
            : botSingleConversation("B1", member);
          if (forget) {
            await runTurn(chat, { kind: "forget" });
            said.set(chat, []);
            continue;
          }
          const secret = `秘密${index}号`;
          const masks = [{ placeholder: `[手机号${index + 1}]`, value: `1380000${1000 + index}`, userId: member }];
          const question: Question = {
            text: `${secret}，电话 [手机号${index + 1}]，${"细节".repeat(60)}`,
            speaker: group ? member : "",
            group,
            notes: [],
            unread: [],
            images: [],
            change: "add",
          };
          const turn = toSessionTurn(question, "好的，".repeat(40), masks, index);
          await runTurn(chat, { kind: "add", turn }, async (desk) => {
            const prompt = promptFor(question, await desk.recall(), MODEL, 0, await desk.summary());
            const text = JSON.stringify(prompt);
            const known = text.match(/秘密\d+号/g) ?? [];
            expect([...(said.get(chat) ?? []), secret]).toEqual(expect.arrayContaining(known));
            expect(text).not.toMatch(/1380000\d{4}/);
          });
          said.set(chat, [...(said.get(chat) ?? []), secret]);
          await sumUp(chat, ({ messages }) =>
            [...new Set((messages.at(-1)?.content ?? "").match(/秘密\d+号/g))].join("\n"),
          );
          const owners = new Set((await summaryIn(chat))?.masks.map(({ userId }) => userId));
          expect([...owners].filter((owner) => owner !== member)).toEqual([]);
        }
      }),
      { numRuns: 15 },
    );
  }, 60_000);
});
