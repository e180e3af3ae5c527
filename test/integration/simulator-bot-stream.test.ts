import { createDecipheriv } from "node:crypto";
import { afterEach, describe, expect, test } from "@jest/globals";
import type { PlatformOptions } from "../../simulator/platform-setup.ts";
import { startWeComPlatform, type WeComPlatform } from "../../simulator/wecom-platform.ts";
import {
  type BotCallback,
  type ReferenceAnswer,
  type ReferenceOptions,
  type ReferenceService,
  startReferenceService,
  stream,
} from "./simulator-reference-service.ts";

/** The AI bot over HTTP callbacks (wecom-protocol 4), seen from a service written from the protocol text. */

const WAIT_MS = 5_000;
const QUICK = { pollIntervalMs: 10 };
const GROUP = { chatId: "wrGroupAbC", name: "项目群", memberIds: ["lisi", "wangwu"] };
const running: { stop(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((part) => part.stop()));
});

async function start(
  onBot: ReferenceOptions["onBot"],
  options: PlatformOptions = {},
): Promise<{ platform: WeComPlatform; service: ReferenceService }> {
  const platform = await startWeComPlatform({
    groups: [GROUP],
    ...options,
    bot: { name: "小应", ...options.bot },
    timing: { ...QUICK, ...options.timing },
  });
  const service = await startReferenceService({ keys: platform, ...(onBot === undefined ? {} : { onBot }) });
  platform.setCallbackUrls({ bot: [`${service.url}/wecom/bot`] });
  running.push(platform, service);
  return { platform, service };
}

const rules = (platform: WeComPlatform) => platform.violations.map((violation) => violation.rule);
const isPoll = (callback: BotCallback) => callback.body.msgtype === "stream";

/** Answers a message with the first step and each poll with the next; the last one is repeated. */
function steps(...answers: ReferenceAnswer[]): NonNullable<ReferenceOptions["onBot"]> {
  let polls = 0;
  return (callback) => answers[isPoll(callback) ? Math.min(++polls, answers.length - 1) : 0] ?? {};
}

describe("a message to the bot", () => {
  test("carries what the protocol says, and a response_url of the platform's", async () => {
    const { platform, service } = await start(() => stream("s1", "done", true));
    const sent = platform.sendBotText({ userId: "lisi", text: "你好" });
    expect(await sent.outcome).toMatchObject({ result: "accepted" });
    expect(service.bot[0]?.body).toEqual({
      msgid: sent.messageId,
      aibotid: platform.bot.botId,
      chattype: "single",
      from: { userid: "lisi" },
      response_url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/cgi-bin\/aibot\/response\?response_code=.+/),
      msgtype: "text",
      text: { content: "你好" },
    });
    expect(await platform.waitForBubble(sent.messageId, { finished: true }, WAIT_MS)).toMatchObject({
      content: "done",
      polls: 0,
    });
    expect(rules(platform)).toEqual([]);
  });

  test("in a group is called back only with a mention, and keeps chatid and mention as they are", async () => {
    const { platform, service } = await start(() => stream(`s${Math.random()}`, "done", true));
    const send = (text: string) => platform.sendBotText({ userId: "lisi", chatId: GROUP.chatId, text });
    expect(await send("hello everybody").outcome).toMatchObject({ result: "not_called" });
    const picture = { type: "image" as const, bytes: Buffer.alloc(8) };
    const image = platform.sendBotMessage({ userId: "lisi", chatId: GROUP.chatId, content: picture });
    expect(await image.outcome).toMatchObject({ result: "not_called" });
    expect(service.bot).toHaveLength(0);
    await send("@小应 你好").outcome;
    expect(service.bot[0]?.body).toMatchObject({
      chattype: "group",
      chatid: "wrGroupAbC",
      text: { content: "@小应 你好" },
    });
    expect(() => platform.sendBotText({ userId: "zhangsan", chatId: GROUP.chatId, text: "@小应" })).toThrow("group");
    expect(() => platform.sendBotText({ userId: "lisi", chatId: "wrgroupabc", text: "@小应" })).toThrow("group");
  });

  test("with a quote or a file has them in the documented form, the file encrypted and for five minutes", async () => {
    let nowMs = Date.now();
    const { platform, service } = await start(() => stream(`s${Math.random()}`, "done", true), { nowMs: () => nowMs });
    await platform.sendBotText({ userId: "lisi", text: "what?", quote: { text: "earlier", author: "王五" } }).outcome;
    expect(service.bot[0]?.body.quote).toEqual({ msgtype: "text", text: { content: "earlier" } });
    const bytes = Buffer.from("a report, of no particular length");
    await platform.sendBotMessage({ userId: "lisi", content: { type: "file", bytes, name: "报告.txt" } }).outcome;
    const { url } = service.bot[1]?.body.file ?? {};
    const response = await fetch(url);
    const key = Buffer.from(`${platform.bot.aesKey}=`, "base64");
    const decipher = createDecipheriv("aes-256-cbc", key, key.subarray(0, 16)).setAutoPadding(false);
    const padded = Buffer.concat([decipher.update(Buffer.from(await response.arrayBuffer())), decipher.final()]);
    expect(padded.length % 32).toBe(0);
    expect(padded.subarray(0, -(padded.at(-1) ?? 0))).toEqual(bytes);
    nowMs += 300_001;
    expect((await fetch(url)).status).toBe(404);
  });

  test("that gets an empty packet shows nothing and is over", async () => {
    const { platform } = await start(() => ({ reply: {} }));
    const sent = platform.sendBotText({ userId: "lisi", text: "hello" });
    expect(await sent.outcome).toMatchObject({ result: "accepted" });
    expect(platform.bubble(sent.messageId)).toMatchObject({ state: "empty", content: "" });
    expect(platform.interactions("lisi")).toBe(0);
  });

  test("is not retried: a bot message that fails is lost, and its interaction is over", async () => {
    const { platform, service } = await start(() => ({ status: 503 }));
    const sent = platform.sendBotText({ userId: "lisi", text: "hello" });
    expect(await sent.outcome).toMatchObject({ result: "failed", attempts: [{ status: 503 }] });
    expect(service.bot).toHaveLength(1);
    await expect(platform.waitForBubble(sent.messageId, { finished: true }, WAIT_MS)).rejects.toThrow(
      "ended as failed",
    );
    expect(platform.interactions("lisi")).toBe(0);
  });
});

describe("the streaming loop", () => {
  test("polls until finish, with a fresh msgid and from changing addresses, and shows every snapshot", async () => {
    const { platform, service } = await start(
      steps(stream("s1", "", false), stream("s1", "1", false), stream("s1", "12", false), stream("s1", "123", true)),
    );
    const sent = platform.sendBotText({ userId: "lisi", text: "count" });
    const bubble = await platform.waitForBubble(sent.messageId, { finished: true }, WAIT_MS);
    expect(bubble).toMatchObject({ content: "123", state: "finished", streamId: "s1", polls: 3 });
    expect(bubble.snapshots.map((snapshot) => snapshot.content)).toEqual(["", "1", "12", "123"]);
    const polls = service.bot.filter(isPoll);
    expect(polls.map((poll) => poll.body.stream)).toEqual([{ id: "s1" }, { id: "s1" }, { id: "s1" }]);
    expect(polls[0]?.body.response_url).toBeUndefined();
    expect(new Set(service.bot.map((callback) => callback.body.msgid)).size).toBe(4);
    expect(new Set(polls.map((poll) => poll.callerIp)).size).toBe(3);
    expect(rules(platform)).toEqual([]);
    expect(platform.callCount("stream poll")).toBe(3);
  });

  test("waits the interval after each answer", async () => {
    const { platform, service } = await start(
      steps(stream("s1", "", false), stream("s1", "a", false), stream("s1", "b", true)),
      {
        timing: { pollIntervalMs: 60 },
      },
    );
    const sent = platform.sendBotText({ userId: "lisi", text: "hello" });
    await platform.waitForBubble(sent.messageId, { finished: true }, WAIT_MS);
    const [first = 0, second = 0, third = 0] = service.bot.map((callback) => callback.atMs);
    expect(Math.min(second - first, third - second)).toBeGreaterThanOrEqual(55);
  });

  test("ends after the stream's life, as an error for the member", async () => {
    const { platform } = await start(steps(stream("s1", "never done", false)), { timing: { streamLifeMs: 100 } });
    const sent = platform.sendBotText({ userId: "lisi", text: "hello" });
    const bubble = await platform.waitForBubble(sent.messageId, { state: "expired" }, WAIT_MS);
    expect(bubble).toMatchObject({ content: "never done", finished: false });
    expect(platform.interactions("lisi")).toBe(0);
    const polls = platform.callCount("stream poll");
    await platform.sendBotText({ userId: "lisi", text: "again" }).outcome;
    expect(polls).toBeGreaterThan(1);
  });

  test("bears a failed poll: the next one goes on", async () => {
    const { platform } = await start(steps(stream("s1", "", false), { status: 502 }, stream("s1", "done", true)));
    const sent = platform.sendBotText({ userId: "lisi", text: "hello" });
    expect(await platform.waitForBubble(sent.messageId, { finished: true }, WAIT_MS)).toMatchObject({
      content: "done",
    });
    expect(rules(platform)).toEqual([]);
  });

  test("sends overlapping polls on demand, and takes no offence at an overtaken answer", async () => {
    let polls = 0;
    const { platform, service } = await start(async (callback) => {
      if (!isPoll(callback)) return stream("s1", "", false);
      polls += 1;
      // Every odd poll answers late, with what was true when it came.
      if (polls >= 8) return stream("s1", "all of it", true);
      return {
        ...stream("s1", "all of it".slice(0, polls === 1 ? 0 : polls), false),
        delayMs: polls % 2 === 1 ? 40 : 0,
      };
    });
    platform.setFaults({ overlappingPolls: 2 });
    const sent = platform.sendBotText({ userId: "lisi", text: "hello" });
    const bubble = await platform.waitForBubble(sent.messageId, { finished: true }, WAIT_MS);
    expect(bubble.content).toBe("all of it");
    const lengths = bubble.snapshots.map((snapshot) => snapshot.content.length);
    expect(lengths).toEqual(lengths.toSorted((a, b) => a - b));
    expect(service.bot.filter(isPoll).length).toBeGreaterThanOrEqual(8);
    expect(rules(platform)).toEqual([]);
  });

  test("at most three interactions of one user are in progress; a fourth message waits for a finish", async () => {
    const finished = new Set<string>();
    const { platform, service } = await start(({ body }) => {
      const id: string = body.msgtype === "stream" ? body.stream.id : `s:${body.text.content}`;
      return stream(id, id, finished.has(id));
    });
    const sent = ["a", "b", "c", "d"].map((text) => platform.sendBotText({ userId: "lisi", text }));
    await Promise.all(sent.slice(0, 3).map(({ outcome }) => outcome));
    await platform.waitForCalls("stream poll", 9, WAIT_MS);
    expect(platform.interactions("lisi")).toBe(3);
    expect(platform.bubble(sent[3]?.messageId ?? "")).toMatchObject({ state: "waiting" });
    expect(service.bot.some(({ body }) => body.text?.content === "d")).toBe(false);
    // Somebody else is not held up.
    finished.add("s:z");
    await platform.sendBotText({ userId: "wangwu", text: "z" }).outcome;
    finished.add("s:b");
    await sent[3]?.outcome;
    expect(service.bot.filter((callback) => !isPoll(callback)).map(({ body }) => body.text.content)).toEqual([
      "a",
      "b",
      "c",
      "z",
      "d",
    ]);
  });

  test("a message delivered in copies has one loop, and its copies must name the same stream", async () => {
    let count = 0;
    const { platform } = await start((callback) =>
      isPoll(callback) ? stream(callback.body.stream.id, "done", true) : stream(`s${++count}`, "", false),
    );
    platform.setFaults({ copies: 2 });
    const sent = platform.sendBotText({ userId: "lisi", text: "hello" });
    await platform.waitForBubble(sent.messageId, { finished: true }, WAIT_MS);
    expect(rules(platform)).toEqual(["different_stream_for_repeat"]);
    platform.setFaults({ copies: 1 });
    await platform.redeliver("bot", sent.messageId);
    expect(rules(platform)).toEqual(["different_stream_for_repeat", "different_stream_for_repeat"]);
    expect(platform.callCount("stream poll")).toBe(1);
  });
});

test("a repeat of a message whose delivery failed begins the answer", async () => {
  let calls = 0;
  const { platform } = await start((callback) => {
    if (isPoll(callback)) return stream("s1", "done", true);
    calls += 1;
    return calls === 1 ? { status: 503 } : stream("s1", "", false);
  });
  const { messageId, outcome } = platform.sendBotText({ userId: "lisi", text: "hello" });
  expect(await outcome).toMatchObject({ result: "failed" });
  expect(await platform.redeliver("bot", messageId)).toMatchObject({ result: "accepted" });
  expect(await platform.waitForBubble(messageId, { finished: true }, WAIT_MS)).toMatchObject({ content: "done" });
  expect([platform.interactions("lisi"), rules(platform)]).toEqual([0, []]);
});

describe("violations of a stream", () => {
  async function after(...answers: ReferenceAnswer[]): Promise<{ platform: WeComPlatform; messageId: string }> {
    const { platform } = await start(steps(...answers));
    const { messageId } = platform.sendBotText({ userId: "lisi", text: "hello" });
    await platform.waitForBubble(messageId, { finished: true }, WAIT_MS);
    return { platform, messageId };
  }
  const end = stream("s1", "the end", true);

  test.each<[string, ReferenceAnswer[], string[]]>([
    ["blank after text", [stream("s1", "text", false), stream("s1", "", false), end], ["blank_after_text"]],
    ["spaces after text", [stream("s1", "text", false), stream("s1", " \n", false), end], ["blank_after_text"]],
    ["another stream's id", [stream("s1", "", false), stream("s2", "x", false), end], ["stream_id_changed"]],
    [
      "a feedback id that changes",
      [stream("s1", "", false, "f1"), stream("s1", "a", false, "f2"), end],
      ["feedback_id_changed"],
    ],
    [
      "a feedback id that is repeated",
      [stream("s1", "", false, "f1"), stream("s1", "a", false, "f1"), end],
      ["feedback_id_late"],
    ],
    [
      "too long a snapshot",
      [stream("s1", "", false), stream("s1", "x".repeat(20_481), false), end],
      ["stream_too_long"],
    ],
    [
      "a text reply to a poll",
      [stream("s1", "", false), { reply: { msgtype: "text", text: { content: "x" } } }, end],
      ["reply_not_allowed"],
    ],
    [
      "a poll's reply with a wrong nonce",
      [stream("s1", "", false), { ...end, tamper: (packet) => ({ ...packet, nonce: "1" }) }, end],
      ["packet_nonce"],
    ],
  ])("%s", async (_, answers, expected) => {
    const { platform, messageId } = await after(...answers);
    expect(rules(platform)).toEqual(expected);
    expect(platform.violations[0]).toMatchObject({ channel: "bot", messageId });
  });

  test.each<[string, ReferenceAnswer, string]>([
    ["text", { reply: { msgtype: "text", text: { content: "x" } } }, "reply_not_allowed"],
    [
      "a stream without id",
      { reply: { msgtype: "stream", stream: { finish: true, content: "x" } } },
      "stream_id_missing",
    ],
    ["a bare word", { raw: "success" }, "packet_not_json"],
    ["nothing in time", { silent: true }, "reply_too_slow"],
  ])("a message answered with %s", async (_, answer, rule) => {
    const { platform } = await start(() => answer, {
      timing: answer.silent === true ? { callbackTimeoutMs: 100 } : {},
    });
    const sent = platform.sendBotText({ userId: "lisi", text: "hello" });
    expect(await sent.outcome).toMatchObject({ result: "failed" });
    expect(rules(platform)).toEqual([rule]);
  });

  test("two messages with one stream id", async () => {
    const { platform } = await start(() => stream("same", "x", true));
    await platform.sendBotText({ userId: "lisi", text: "one" }).outcome;
    await platform.sendBotText({ userId: "wangwu", text: "two" }).outcome;
    expect(rules(platform)).toEqual(["stream_id_reused"]);
  });

  test("a poll after finish that is answered differently; the same answer is fine", async () => {
    const { platform, messageId } = await after(stream("s1", "", false), end);
    expect(await platform.pollAgain(messageId)).toMatchObject({ kind: "stream", stream: { content: "the end" } });
    expect(rules(platform)).toEqual([]);
    const reopened = await after(stream("s1", "", false), end, stream("s1", "more", false));
    await reopened.platform.pollAgain(reopened.messageId);
    expect(rules(reopened.platform)).toEqual(["changed_after_finish"]);
    expect(reopened.platform.bubble(reopened.messageId)?.content).toBe("the end");
  });
});

describe("events of the bot", () => {
  test("entering the chat is one event a day, and only text or a card welcomes", async () => {
    let nowMs = Date.parse("2026-11-24T23:30:00+08:00");
    const { platform, service } = await start(() => ({ reply: { msgtype: "text", text: { content: "欢迎" } } }), {
      nowMs: () => nowMs,
    });
    await platform.enterBot("lisi")?.outcome;
    expect(platform.enterBot("LISI")).toBeUndefined();
    nowMs += 3_600_000;
    await platform.enterBot("lisi")?.outcome;
    expect(service.bot.map(({ body }) => body.event)).toEqual([
      { eventtype: "enter_chat" },
      { eventtype: "enter_chat" },
    ]);
    expect(platform.botMessages.map(({ kind, text }) => [kind, text])).toEqual([
      ["welcome", "欢迎"],
      ["welcome", "欢迎"],
    ]);
    expect(rules(platform)).toEqual([]);
  });

  test("repeats of the network reach every event but a click, with one msgid, and welcome once", async () => {
    const { platform, service } = await start(() => ({ reply: { msgtype: "text", text: { content: "欢迎" } } }));
    platform.setFaults({ copies: 3 });
    await platform.enterBot("lisi")?.outcome;
    expect(service.bot).toHaveLength(3);
    expect(new Set(service.bot.map(({ body }) => body.msgid)).size).toBe(1);
    expect(platform.botMessages).toHaveLength(1);
  });

  test("a welcome by stream is a violation, and nothing is shown", async () => {
    const { platform } = await start(() => stream("s1", "welcome", true));
    expect(await platform.enterBot("lisi")?.outcome).toMatchObject({ result: "failed" });
    expect([rules(platform), platform.botMessages]).toEqual([["reply_not_allowed"], []]);
  });

  test("feedback reaches the service with the answer's feedback id; reasons only with a thumb down", async () => {
    const { platform, service } = await start((callback) =>
      callback.body.msgtype === "event" ? { reply: {} } : stream("s1", "answer", true, "fb_1"),
    );
    const { messageId, outcome } = platform.sendBotText({ userId: "lisi", text: "hello" });
    await outcome;
    const details = { messageId, userId: "lisi", reasons: [3], comment: "wrong" };
    await platform.giveFeedback({ ...details, type: 2 }).outcome;
    await platform.giveFeedback({ ...details, type: 1 }).outcome;
    expect(service.bot.slice(1).map(({ body }) => body.event.feedback_event)).toEqual([
      { id: "fb_1", type: 2, content: "wrong", inaccurate_reason_list: [3] },
      { id: "fb_1", type: 1 },
    ]);
    expect(platform.bubble(messageId)?.feedback).toBe(1);
    expect(() => platform.giveFeedback({ ...details, userId: "wangwu", type: 1 })).toThrow("cannot be seen");
  });

  test("an answer that asked for no feedback gets none", async () => {
    const { platform } = await start(() => stream("s1", "answer", true));
    const { messageId, outcome } = platform.sendBotText({ userId: "lisi", text: "hello" });
    await outcome;
    expect(() => platform.giveFeedback({ messageId, userId: "lisi", type: 1 })).toThrow("no feedback");
  });

  test("a click on a card is sent once with its task, and the card changes only under the same task_id", async () => {
    const card = (taskId: string, title: string) => ({
      card_type: "button_interaction",
      main_title: { title },
      button_list: [{ text: "OK", key: "k" }],
      task_id: taskId,
    });
    let updated = card("t_1", "after");
    const { platform, service } = await start(({ body }) =>
      body.msgtype === "event"
        ? { reply: { response_type: "update_template_card", template_card: updated } }
        : { reply: { msgtype: "template_card", template_card: card("t_1", "before") } },
    );
    const { messageId, outcome } = platform.sendBotText({ userId: "lisi", text: "card" });
    await outcome;
    await platform.clickBotCard({ messageId, userId: "lisi", key: "k", selected: { q: ["a"] } }).outcome;
    expect(service.bot[1]?.body).toMatchObject({
      response_url: expect.any(String),
      event: {
        eventtype: "template_card_event",
        template_card_event: {
          card_type: "button_interaction",
          event_key: "k",
          task_id: "t_1",
          selected_items: { selected_item: [{ question_key: "q", option_ids: { option_id: ["a"] } }] },
        },
      },
    });
    expect(platform.bubble(messageId)?.card).toMatchObject({ main_title: { title: "after" } });
    updated = card("t_2", "other");
    await platform.clickBotCard({ messageId, userId: "lisi", key: "k" }).outcome;
    expect(rules(platform)).toEqual(["card_wrong"]);
    expect(platform.bubble(messageId)?.card).toMatchObject({ main_title: { title: "after" } });
  });
});

describe("response_url", () => {
  async function responseUrl(service: ReferenceService): Promise<(body: unknown) => Promise<{ errcode: number }>> {
    const url: string = service.bot.at(-1)?.body.response_url;
    return async (body) => {
      const response = await fetch(url, { method: "POST", body: JSON.stringify(body) });
      return (await response.json()) as { errcode: number };
    };
  }
  const markdown = (content: string) => ({ msgtype: "markdown", markdown: { content } });

  test("brings one markdown message, once, into the chat of its question", async () => {
    const { platform, service } = await start(() => stream("s1", "see below", true));
    const sent = platform.sendBotText({ userId: "lisi", chatId: GROUP.chatId, text: "@小应 hello" });
    await sent.outcome;
    const respond = await responseUrl(service);
    expect(await respond(markdown("# the rest"))).toMatchObject({ errcode: 0 });
    expect(await respond(markdown("again"))).toMatchObject({ errcode: 846606 });
    const [message] = await platform.waitForBotMessages(1, WAIT_MS);
    expect(message).toMatchObject({
      kind: "response_url",
      format: "markdown",
      text: "# the rest",
      chatId: GROUP.chatId,
      messageId: sent.messageId,
    });
    expect(platform.responseUrlMessages).toHaveLength(1);
    expect(rules(platform)).toEqual([]);
    expect(JSON.stringify(platform.calls)).not.toContain(service.bot[0]?.body.response_url.split("=")[1]);
  });

  test("is over after an hour", async () => {
    let nowMs = Date.now();
    const { platform, service } = await start(() => stream("s1", "x", true), { nowMs: () => nowMs });
    await platform.sendBotText({ userId: "lisi", text: "hello" }).outcome;
    nowMs += 3_600_000;
    expect(await (await responseUrl(service))(markdown("late"))).toMatchObject({ errcode: 846605 });
    expect(platform.botMessages).toEqual([]);
  });

  test("refuses text, too much, and a card in a group; a refused try does not use it up", async () => {
    const { platform, service } = await start(() => stream("s1", "x", true));
    await platform.sendBotText({ userId: "lisi", chatId: GROUP.chatId, text: "@小应 hello" }).outcome;
    const respond = await responseUrl(service);
    expect(await respond({ msgtype: "text", text: { content: "x" } })).toMatchObject({ errcode: 40008 });
    expect(await respond(markdown("x".repeat(20_481)))).toMatchObject({ errcode: 40058 });
    expect(await respond(markdown(" "))).toMatchObject({ errcode: 44004 });
    expect(await respond({ msgtype: "template_card", template_card: {} })).toMatchObject({ errcode: 40008 });
    expect(rules(platform)).toEqual(Array.from({ length: 4 }, () => "response_url_content"));
    expect(await respond(markdown("x".repeat(20_480)))).toMatchObject({ errcode: 0 });
  });

  test("can hang up after the message went out, like any other call", async () => {
    const { platform, service } = await start(() => stream("s1", "x", true));
    await platform.sendBotText({ userId: "lisi", text: "hello" }).outcome;
    platform.fault({ call: "aibot/response", effect: { kind: "hang_up", when: "after_effect" } });
    await expect((await responseUrl(service))(markdown("arrived"))).rejects.toThrow("fetch failed");
    expect(platform.botMessages.map((message) => message.text)).toEqual(["arrived"]);
  });
});

test("a poll for a stream that nobody knows is sent as any other", async () => {
  const { platform } = await start(({ body }) => stream(body.stream.id, "sorry", true));
  expect(await platform.pollUnknown("lisi", "gone")).toEqual({
    kind: "stream",
    stream: { id: "gone", finish: true, content: "sorry", images: 0 },
  });
});

test("URL verification of the bot uses an empty receiveid", async () => {
  const { platform } = await start(undefined);
  expect(await platform.verifyUrl("bot")).toMatchObject({ ok: true });
});

test("of answers long over only the end is kept, so that a long run keeps its memory flat", async () => {
  const { platform } = await start(steps(stream("s0", "", false), stream("s0", "all", true)));
  const first = platform.sendBotText({ userId: "lisi", text: "hello" }).messageId;
  await platform.waitForBubble(first, { finished: true }, WAIT_MS);
  expect(platform.bubble(first)?.snapshots).toHaveLength(2);
  const service = await startReferenceService({ keys: platform, onBot: ({ body }) => stream(body.msgid, "x", true) });
  running.push(service);
  platform.setCallbackUrls({ bot: [`${service.url}/wecom/bot`] });
  for (let round = 0; round < 20; round += 1) {
    const sent = Array.from({ length: 10 }, (_, i) =>
      platform.sendBotText({ userId: ["lisi", "wangwu"][i % 2] ?? "", text: "x" }),
    );
    await Promise.all(sent.map(({ outcome }) => outcome));
  }
  expect(platform.bubble(first)).toMatchObject({ content: "all", snapshots: [{ content: "all", finish: true }] });
});

test("stopping ends all loops at once", async () => {
  const { platform, service } = await start(steps(stream("s1", "never", false)));
  const sent = platform.sendBotText({ userId: "lisi", text: "hello" });
  await sent.outcome;
  const startedMs = performance.now();
  await platform.stop();
  const polls = service.bot.length;
  expect(performance.now() - startedMs).toBeLessThan(1_000);
  await platform.stop();
  expect(service.bot.length - polls).toBeLessThanOrEqual(1);
});
