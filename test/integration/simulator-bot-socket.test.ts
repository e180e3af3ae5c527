import { createDecipheriv } from "node:crypto";
import { afterEach, describe, expect, test } from "@jest/globals";
import { WSClient, type WsFrame } from "@wecom/aibot-node-sdk";
import type { PlatformOptions } from "../../simulator/platform-setup.ts";
import { startWeComPlatform, type WeComPlatform } from "../../simulator/wecom-platform.ts";
import { until } from "../support/until.ts";
import { type Ack, connectRaw, type RawClient } from "./simulator-socket-client.ts";

/** The AI bot over the long connection (wecom-protocol 5): the vendor's client, and bare frames for what it never sends. */

const WAIT_MS = 5_000;
const GROUP = { chatId: "wrGroupAbC", name: "项目群", memberIds: ["lisi", "wangwu"] };
const CARD = {
  card_type: "button_interaction",
  main_title: { title: "复核" },
  button_list: [{ text: "通过", style: 1, key: "ok" }],
  task_id: "task_1",
};
const QUIET = { debug() {}, info() {}, warn() {}, error() {} };
const running: (() => unknown)[] = [];

afterEach(async () => {
  for (const stop of running.splice(0).reverse()) await stop();
});

async function start(options: PlatformOptions = {}): Promise<WeComPlatform> {
  const platform = await startWeComPlatform({ groups: [GROUP], ...options, socketBot: { name: "小应" } });
  running.push(() => platform.stop());
  return platform;
}

async function connect(platform: WeComPlatform): Promise<RawClient> {
  const client = await connectRaw(platform.socket.url);
  running.push(() => client.close());
  return client;
}

async function subscribe(platform: WeComPlatform): Promise<RawClient> {
  const client = await connect(platform);
  const { botId, secret } = platform.socket.credentials;
  expect(await client.request("aibot_subscribe", { bot_id: botId, secret })).toMatchObject({ errcode: 0 });
  return client;
}

async function startWithClient(options: PlatformOptions = {}): Promise<{ platform: WeComPlatform; client: RawClient }> {
  const platform = await start(options);
  return { platform, client: await subscribe(platform) };
}

async function vendorClient(platform: WeComPlatform, options: object = {}): Promise<WSClient> {
  const { botId, secret } = platform.socket.credentials;
  const client = new WSClient({ botId, secret, wsUrl: platform.socket.url, logger: QUIET, ...options });
  running.push(() => client.disconnect());
  const authenticated = new Promise<void>((resolve) => client.once("authenticated", resolve));
  client.connect();
  await authenticated;
  return client;
}

/** A message of 李四 and the req_id under which the service may answer it. */
async function ask(platform: WeComPlatform, client: RawClient, text = "你好", chatId?: string) {
  const sent = platform.socket.sendText({ userId: "lisi", text, ...(chatId === undefined ? {} : { chatId }) });
  const frame = await client.next("aibot_msg_callback");
  expect(frame.body.msgid).toBe(sent.messageId);
  return { messageId: sent.messageId, reqId: frame.headers.req_id, frame };
}

function stream(client: RawClient, reqId: string, content: string, finish = false, id = "s1"): Promise<Ack> {
  return client.request("aibot_respond_msg", { msgtype: "stream", stream: { id, finish, content } }, reqId);
}

const markdown = (content: string) => ({ msgtype: "markdown", markdown: { content } });
const rules = (platform: WeComPlatform) => platform.violations.map((violation) => violation.rule);

describe("the vendor's client", () => {
  test("subscribes, gets a message and streams an answer to it", async () => {
    const platform = await start();
    const client = await vendorClient(platform);
    const acked = new Promise((resolve, reject) => {
      client.on("message", (frame: WsFrame) => {
        client
          .replyStream(frame, "s1", "<think>想</think>", false, undefined, { id: "f1" })
          .then(() => client.replyStream(frame, "s1", "你好，李四", true))
          .then(resolve, reject);
      });
    });
    const { messageId, outcome } = platform.socket.sendText({ userId: "lisi", text: "你好" });
    expect(await outcome).toMatchObject({ result: "accepted" });
    const bubble = await platform.waitForBubble(messageId, { finished: true }, WAIT_MS);
    expect(bubble).toMatchObject({ channel: "socket", content: "你好，李四", feedbackId: "f1", state: "finished" });
    expect(await acked).toMatchObject({ errcode: 0 });
    expect(platform.socket.interactions("lisi")).toBe(0);
    expect(rules(platform)).toEqual([]);
  });

  test("uploads a picture in chunks, sends it, and loads and opens one of a member", async () => {
    const platform = await start();
    const client = await vendorClient(platform);
    const got = new Promise<Buffer>((resolve, reject) => {
      client.on("message.image", (frame: WsFrame) => {
        const { url, aeskey } = (frame.body as { image: { url: string; aeskey: string } }).image;
        client.downloadFile(url, aeskey).then(({ buffer }) => resolve(buffer), reject);
      });
    });
    const picture = Buffer.alloc(1_300_000, "picture");
    platform.socket.sendMessage({ userId: "lisi", content: { type: "image", bytes: picture } });
    expect((await got).equals(picture)).toBe(true);
    const { media_id: mediaId } = await client.uploadMedia(picture, { type: "image", filename: "a.png" });
    await client.sendMediaMessage("lisi", "image", mediaId);
    expect(platform.botMessages).toMatchObject([
      {
        kind: "push",
        userId: "lisi",
        format: "media",
        media: [{ type: "image", name: "a.png", bytes: picture.length }],
      },
    ]);
    expect(platform.callCount("aibot_upload_media_chunk")).toBe(3);
    expect(rules(platform)).toEqual([]);
  });

  test("is told when another process connects, and stays away", async () => {
    const platform = await start({ timing: { kickCloseDelayMs: 50 } });
    const client = await vendorClient(platform);
    const told = new Promise<void>((resolve) => client.once("event.disconnected_event", () => resolve()));
    platform.socket.kick();
    await told;
    await until(() => platform.socket.connections === 0);
    expect(await platform.socket.sendText({ userId: "lisi", text: "?" }).outcome).toMatchObject({ result: "lost" });
  });

  test("connects again by itself after the line was cut", async () => {
    const platform = await start();
    await vendorClient(platform, { reconnectInterval: 10 });
    platform.socket.drop();
    await platform.socket.waitForDisconnection(WAIT_MS);
    await platform.socket.waitForConnection(WAIT_MS);
    expect(platform.callCount("aibot_subscribe")).toBe(2);
  });

  test("gives up when the credentials are refused", async () => {
    const platform = await start();
    platform.socket.setFaults({ badCredentials: true });
    const { botId, secret } = platform.socket.credentials;
    const options = { reconnectInterval: 10, maxAuthFailureAttempts: 1, logger: QUIET };
    const client = new WSClient({ botId, secret, wsUrl: platform.socket.url, ...options });
    running.push(() => client.disconnect());
    const failed = new Promise<Error>((resolve) =>
      client.on("error", (error) => {
        if ("code" in error) resolve(error);
      }),
    );
    client.connect();
    expect(await failed).toMatchObject({ code: "WS_AUTH_FAILURE_EXHAUSTED" });
    expect(platform.socket.connected).toBe(false);
  });
});

describe("a connection", () => {
  test("with a wrong secret is refused and stays open without a subscription", async () => {
    const platform = await start();
    const client = await connect(platform);
    const { botId } = platform.socket.credentials;
    const refused = await client.request("aibot_subscribe", { bot_id: botId, secret: "wrong" });
    expect(refused).toMatchObject({ errcode: 853000, errmsg: "invalid bot_id or secret" });
    expect(refused.cmd).toBeUndefined();
    expect(await client.request("ping")).toMatchObject({ errcode: 0 });
    expect(await client.request("aibot_send_msg", { chatid: "lisi", ...markdown("hi") })).toMatchObject({
      errcode: 846609,
    });
    expect(platform.socket.connected).toBe(false);
    expect(platform.socket.connections).toBe(1);
    expect(JSON.stringify(platform.calls)).not.toContain("wrong");
  });

  test("that subscribes twice goes on, and is noted for it", async () => {
    const { platform, client } = await startWithClient();
    const { botId, secret } = platform.socket.credentials;
    expect(await client.request("aibot_subscribe", { bot_id: botId, secret })).toMatchObject({ errcode: 0 });
    expect(platform.socket.connected).toBe(true);
    expect(rules(platform)).toEqual(["subscribe_repeated"]);
  });

  test("is pushed out by a newer one: told at once, closed later, unsubscribed meanwhile", async () => {
    const { platform, client } = await startWithClient({ timing: { kickCloseDelayMs: 200 } });
    const newer = await subscribe(platform);
    const told = await client.next("aibot_event_callback");
    expect(told.body).toMatchObject({ msgtype: "event", event: { eventtype: "disconnected_event" } });
    expect(await client.request("aibot_send_msg", { chatid: "lisi", ...markdown("hi") })).toMatchObject({
      errcode: 846609,
    });
    await client.closed;
    await ask(platform, newer);
  });

  test("without a heartbeat is closed", async () => {
    const { platform, client } = await startWithClient({ timing: { heartbeatTimeoutMs: 100 } });
    await client.closed;
    await until(() => !platform.socket.connected);
  });

  test("to another address of the platform is refused", async () => {
    const platform = await start();
    await expect(connectRaw(`${platform.socket.url}/other`)).rejects.toThrow("404");
  });

  test("that sends something else than frames is noted and goes on", async () => {
    const { platform, client } = await startWithClient();
    client.sendText("no JSON");
    client.sendText('{"cmd":"ping"}');
    await until(() => platform.violations.length === 2);
    expect(rules(platform)).toEqual(["frame_malformed", "frame_malformed"]);
    expect(await client.request("aibot_dance", {})).toMatchObject({ errcode: 40058 });
    expect(await client.request("ping")).toMatchObject({ errcode: 0 });
  });
});

describe("a message", () => {
  test("has the documented body with a response_url, and no ack is expected", async () => {
    const { platform, client } = await startWithClient();
    const { messageId, frame } = await ask(platform, client);
    expect(frame.body).toEqual({
      msgid: messageId,
      aibotid: platform.socket.credentials.botId,
      chattype: "single",
      from: { userid: "lisi" },
      response_url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/cgi-bin\/aibot\/response\?response_code=.+/),
      msgtype: "text",
      text: { content: "你好" },
    });
    const response = await fetch(frame.body.response_url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(markdown("later")),
    });
    expect(await response.json()).toMatchObject({ errcode: 0 });
    expect(platform.botMessages).toMatchObject([{ channel: "socket", kind: "response_url", text: "later", messageId }]);
  });

  test("with files names an address and a key of its own for each, for five minutes", async () => {
    let nowMs = Date.now();
    const { platform, client } = await startWithClient({ nowMs: () => nowMs });
    const pictures = [Buffer.from("first picture"), Buffer.from("second picture")];
    const items = [
      { type: "text" as const, text: "看" },
      ...pictures.map((bytes) => ({ type: "image" as const, bytes })),
    ];
    platform.socket.sendMessage({ userId: "lisi", content: { type: "mixed", items } });
    const { body } = await client.next("aibot_msg_callback");
    const images = body.mixed.msg_item.slice(1).map((item: { image: object }) => item.image);
    expect(new Set(images.map((image: { aeskey: string }) => image.aeskey)).size).toBe(2);
    for (const [index, { url, aeskey }] of images.entries()) {
      const key = Buffer.from(aeskey, "base64");
      const decipher = createDecipheriv("aes-256-cbc", key, key.subarray(0, 16)).setAutoPadding(false);
      const sealed = Buffer.from(await (await fetch(url)).arrayBuffer());
      const padded = Buffer.concat([decipher.update(sealed), decipher.final()]);
      expect(padded.subarray(0, -(padded.at(-1) ?? 0)).equals(pictures[index] ?? Buffer.alloc(0))).toBe(true);
    }
    nowMs += 300_001;
    expect((await fetch(images[0].url)).status).toBe(404);
    expect(JSON.stringify(platform.calls)).not.toContain(images[0].aeskey);
  });

  test("of a group comes with the mention only", async () => {
    const { platform, client } = await startWithClient();
    const silent = platform.socket.sendText({ userId: "lisi", chatId: GROUP.chatId, text: "hello" });
    expect(await silent.outcome).toMatchObject({ result: "not_called" });
    const { frame } = await ask(platform, client, "@小应 你好", GROUP.chatId);
    expect(frame.body).toMatchObject({ chattype: "group", chatid: GROUP.chatId, text: { content: "@小应 你好" } });
  });

  test("while nobody is connected is lost, and does not come later", async () => {
    const platform = await start();
    const states: string[] = [];
    platform.subscribe((event) => {
      if (event.type === "member_message") states.push(event.message.state);
    });
    const lost = platform.socket.sendText({ userId: "lisi", text: "one" });
    expect(await lost.outcome).toMatchObject({ result: "lost" });
    expect(states.at(-1)).toBe("lost");
    expect(platform.bubble(lost.messageId)).toMatchObject({ state: "failed" });
    expect(platform.socket.interactions("lisi")).toBe(0);
    const client = await subscribe(platform);
    await ask(platform, client, "two");
  });

  test("waits behind three that are not answered", async () => {
    const { platform, client } = await startWithClient();
    const first = await ask(platform, client, "1");
    await ask(platform, client, "2");
    await ask(platform, client, "3");
    platform.socket.sendText({ userId: "lisi", text: "4" });
    expect(platform.socket.interactions("lisi")).toBe(3);
    expect(platform.callCount("callback text")).toBe(3);
    await stream(client, first.reqId, "done", true);
    expect((await client.next("aibot_msg_callback")).body.text.content).toBe("4");
  });

  test("is delivered again under another req_id and the same msgid", async () => {
    const { platform, client } = await startWithClient();
    const { messageId, reqId } = await ask(platform, client);
    await platform.socket.redeliver(messageId);
    const again = await client.next("aibot_msg_callback");
    expect(again.body.msgid).toBe(messageId);
    expect(again.headers.req_id).not.toBe(reqId);
  });
});

describe("a reply", () => {
  test("replaces the stream's content with each frame; a second stream on the message is a bubble of its own", async () => {
    const { platform, client } = await startWithClient();
    const { messageId, reqId } = await ask(platform, client);
    expect(await stream(client, reqId, "1")).toMatchObject({ errcode: 0, errmsg: "ok" });
    expect(await stream(client, reqId, "123")).toMatchObject({ errcode: 0 });
    expect(await stream(client, reqId, "12345", true)).toMatchObject({ errcode: 0 });
    expect(await stream(client, reqId, "more", true, "s2")).toMatchObject({ errcode: 0 });
    expect(platform.bubble(messageId)).toMatchObject({ content: "12345", finished: true });
    expect(platform.bubble(messageId)?.snapshots.map((snapshot) => snapshot.content)).toEqual(["1", "123", "12345"]);
    expect(platform.bubble(`${messageId}#2`)).toMatchObject({ content: "more", finished: true });
    expect(rules(platform)).toEqual([]);
    expect(await stream(client, reqId, "changed", true)).toMatchObject({ errcode: 0 });
    expect(rules(platform)).toEqual(["changed_after_finish"]);
  });

  test.each([
    ["a text", { msgtype: "text", text: { content: "hi" } }, 40008, "reply_not_allowed"],
    ["a stream with a card", { msgtype: "stream_with_template_card", stream: {} }, 40008, "reply_not_allowed"],
    [
      "pictures in a stream",
      { msgtype: "stream", stream: { id: "s", finish: true, content: "", msg_item: [{ msgtype: "image" }] } },
      40058,
      "images_wrong",
    ],
    [
      "20481 bytes in a stream",
      { msgtype: "stream", stream: { id: "s", finish: true, content: "a".repeat(20_481) } },
      40058,
      "stream_too_long",
    ],
    ["20481 bytes of markdown", markdown("a".repeat(20_481)), 40058, "stream_too_long"],
    ["a stream without id", { msgtype: "stream", stream: { finish: true, content: "a" } }, 40058, "stream_id_missing"],
    ["a broken card", { msgtype: "template_card", template_card: { card_type: "none" } }, 40035, "card_wrong"],
  ])("of %s is refused and noted", async (_name, body, errcode, rule) => {
    const { platform, client } = await startWithClient();
    const { reqId, messageId } = await ask(platform, client);
    expect(await client.request("aibot_respond_msg", body, reqId)).toMatchObject({ errcode });
    expect(rules(platform)).toEqual([rule]);
    expect(platform.bubble(messageId)).toMatchObject({ state: "waiting" });
  });

  test("of 20480 bytes is accepted", async () => {
    const { platform, client } = await startWithClient();
    const { reqId } = await ask(platform, client);
    expect(await stream(client, reqId, "a".repeat(20_480), true)).toMatchObject({ errcode: 0 });
    expect(rules(platform)).toEqual([]);
  });

  test("of markdown ends the interaction and may be followed; of a card spends the req_id", async () => {
    const { platform, client } = await startWithClient();
    const { reqId, messageId } = await ask(platform, client);
    expect(await client.request("aibot_respond_msg", markdown("**one**"), reqId)).toMatchObject({ errcode: 0 });
    expect(platform.socket.interactions("lisi")).toBe(0);
    expect(await stream(client, reqId, "two", true)).toMatchObject({ errcode: 0 });
    expect(platform.bubble(`${messageId}#2`)).toMatchObject({ content: "two" });
    const card = { msgtype: "template_card", template_card: CARD };
    expect(await client.request("aibot_respond_msg", card, reqId)).toMatchObject({ errcode: 0 });
    expect(await stream(client, reqId, "three", true)).toMatchObject({
      errcode: 846606,
      errmsg: "request already responded, cannot respond again",
    });
    expect(platform.botMessages).toMatchObject([
      { kind: "reply", format: "markdown", text: "**one**", messageId },
      { kind: "reply", format: "card", messageId },
    ]);
  });

  test("comes within 24 hours, and its stream lives ten minutes whatever is refreshed", async () => {
    let nowMs = Date.now();
    const { platform, client } = await startWithClient({ nowMs: () => nowMs, limits: { socketPerHour: 10_000 } });
    const { reqId, messageId } = await ask(platform, client);
    nowMs += 120_000;
    expect(await stream(client, reqId, "late")).toMatchObject({ errcode: 0 });
    for (let minute = 0; minute < 10; minute += 1) {
      nowMs += 60_000;
      expect(await stream(client, reqId, `minute ${minute}`)).toMatchObject({ errcode: 0 });
    }
    nowMs += 1;
    expect(await stream(client, reqId, "over", true)).toMatchObject({
      errcode: 846608,
      errmsg: "stream message update expired (>10 minutes), cannot update",
    });
    expect(platform.bubble(messageId)).toMatchObject({ state: "expired", content: "minute 9" });
    expect(platform.socket.interactions("lisi")).toBe(0);
    nowMs += 24 * 3_600_000;
    expect(await client.request("aibot_respond_msg", markdown("too late"), reqId)).toMatchObject({ errcode: 846605 });
    expect(rules(platform)).toEqual([]);
  });

  test("with a req_id of an event, or of nothing, is refused", async () => {
    const { platform, client } = await startWithClient();
    platform.socket.enter("lisi");
    const event = await client.next("aibot_event_callback");
    expect(await stream(client, event.headers.req_id, "hi", true)).toMatchObject({ errcode: 846605 });
    expect(await stream(client, "made-up", "hi", true)).toMatchObject({ errcode: 846605 });
    const { reqId } = await ask(platform, client);
    const welcome = { msgtype: "text", text: { content: "hi" } };
    expect(await client.request("aibot_respond_welcome_msg", welcome, reqId)).toMatchObject({ errcode: 846605 });
  });
});

describe("a welcome and a click", () => {
  test("are answered once within five seconds", async () => {
    let nowMs = Date.now();
    const { platform, client } = await startWithClient({ nowMs: () => nowMs });
    const sent = platform.socket.enter("lisi");
    expect(platform.socket.enter("lisi")).toBeUndefined();
    const { headers, body } = await client.next("aibot_event_callback");
    expect(body).toMatchObject({ event: { eventtype: "enter_chat" }, from: { userid: "lisi" } });
    const welcome = { msgtype: "text", text: { content: "欢迎" } };
    expect(await client.request("aibot_respond_welcome_msg", markdown("#"), headers.req_id)).toMatchObject({
      errcode: 40008,
    });
    expect(await client.request("aibot_respond_welcome_msg", welcome, headers.req_id)).toMatchObject({ errcode: 0 });
    expect(await sent?.outcome).toMatchObject({ result: "accepted" });
    expect(await client.request("aibot_respond_welcome_msg", welcome, headers.req_id)).toMatchObject({
      errcode: 846606,
    });
    expect(platform.botMessages).toMatchObject([{ channel: "socket", kind: "welcome", text: "欢迎" }]);
    platform.socket.enter("wangwu");
    const late = await client.next("aibot_event_callback");
    nowMs += 5_001;
    expect(await client.request("aibot_respond_welcome_msg", welcome, late.headers.req_id)).toMatchObject({
      errcode: 846605,
    });
  });

  test("a click changes the card of the same task alone", async () => {
    const { platform, client } = await startWithClient();
    const { reqId, messageId } = await ask(platform, client);
    await client.request("aibot_respond_msg", { msgtype: "template_card", template_card: CARD }, reqId);
    platform.socket.clickCard({ userId: "lisi", messageId, key: "ok" });
    const { headers, body } = await client.next("aibot_event_callback");
    expect(body).toMatchObject({
      chattype: "single",
      response_url: expect.stringContaining("response_code="),
      event: { eventtype: "template_card_event", template_card_event: { event_key: "ok", task_id: "task_1" } },
    });
    const update = (task: string, more = {}) =>
      client.request(
        "aibot_respond_update_msg",
        { response_type: "update_template_card", template_card: { ...CARD, task_id: task }, ...more },
        headers.req_id,
      );
    expect(await update("task_2")).toMatchObject({ errcode: 40035 });
    expect(await update("task_1", { msgtype: "template_card" })).toMatchObject({ errcode: 40058 });
    expect(await update("task_1")).toMatchObject({ errcode: 0 });
    expect(await update("task_1")).toMatchObject({ errcode: 846606 });
    expect(rules(platform)).toEqual(["card_wrong", "reply_malformed"]);
  });

  test("feedback comes for an answer that asked for it", async () => {
    const { platform, client } = await startWithClient();
    const { reqId, messageId } = await ask(platform, client);
    const answer = { msgtype: "stream", stream: { id: "s", finish: true, content: "a", feedback: { id: "f1" } } };
    await client.request("aibot_respond_msg", answer, reqId);
    expect(
      await platform.socket.giveFeedback({ userId: "lisi", messageId, type: 2, reasons: [3] }).outcome,
    ).toMatchObject({
      result: "accepted",
    });
    expect((await client.next("aibot_event_callback")).body.event).toEqual({
      eventtype: "feedback_event",
      feedback_event: { id: "f1", type: 2, inaccurate_reason_list: [3] },
    });
  });
});

describe("a push", () => {
  const push = (client: RawClient, body: object) => client.request("aibot_send_msg", body);

  test("goes only where somebody wrote before", async () => {
    const { platform, client } = await startWithClient();
    expect(await push(client, { chatid: "lisi", chat_type: 1, ...markdown("hi") })).toMatchObject({ errcode: 846607 });
    await ask(platform, client);
    expect(await push(client, { chatid: "lisi", chat_type: 1, ...markdown("hi") })).toMatchObject({ errcode: 0 });
    expect(await push(client, { chatid: "lisi", ...markdown("hi") })).toMatchObject({ errcode: 0 });
    expect(await push(client, { chatid: GROUP.chatId, ...markdown("hi") })).toMatchObject({ errcode: 846607 });
    await ask(platform, client, "@小应 hi", GROUP.chatId);
    expect(await push(client, { chatid: GROUP.chatId, ...markdown("hi") })).toMatchObject({ errcode: 0 });
    expect(await push(client, { chatid: "wrgroupabc", chat_type: 2, ...markdown("hi") })).toMatchObject({
      errcode: 93006,
    });
    expect(platform.botMessages.map(({ kind, chatId }) => [kind, chatId])).toEqual([
      ["push", undefined],
      ["push", undefined],
      ["push", GROUP.chatId],
    ]);
  });

  test("is no text, no card in a group, no unknown file", async () => {
    const { platform, client } = await startWithClient();
    await ask(platform, client, "@小应 hi", GROUP.chatId);
    await ask(platform, client);
    const card = { msgtype: "template_card", template_card: CARD };
    expect(await push(client, { chatid: "lisi", msgtype: "text", text: { content: "hi" } })).toMatchObject({
      errcode: 40008,
    });
    expect(await push(client, { chatid: GROUP.chatId, ...card })).toMatchObject({ errcode: 40008 });
    expect(await push(client, { chatid: "lisi", ...card })).toMatchObject({ errcode: 0 });
    expect(await push(client, { chatid: "lisi", msgtype: "file", file: { media_id: "none" } })).toMatchObject({
      errcode: 40007,
    });
  });
});

describe("the quota of a conversation", () => {
  test("counts replies and pushes together, 30 a minute, frames of a stream included", async () => {
    let nowMs = Date.now();
    const { platform, client } = await startWithClient({ nowMs: () => nowMs });
    const { reqId } = await ask(platform, client);
    for (let frame = 0; frame < 29; frame += 1) {
      expect(await stream(client, reqId, `${frame}`)).toMatchObject({ errcode: 0 });
    }
    expect(await client.request("aibot_send_msg", { chatid: "lisi", ...markdown("30") })).toMatchObject({ errcode: 0 });
    expect(await stream(client, reqId, "31")).toMatchObject({ errcode: 846607 });
    const group = await ask(platform, client, "@小应 hi", GROUP.chatId);
    expect(await stream(client, group.reqId, "other", true, "s2")).toMatchObject({ errcode: 0 });
    nowMs += 60_001;
    expect(await stream(client, reqId, "32", true)).toMatchObject({ errcode: 0 });
  });

  test("counts a stream once when the switch says so", async () => {
    const { platform, client } = await startWithClient({ limits: { streamFramesCount: false, socketPerMinute: 2 } });
    const { reqId } = await ask(platform, client);
    for (let frame = 0; frame < 40; frame += 1) {
      expect(await stream(client, reqId, `${frame}`)).toMatchObject({ errcode: 0 });
    }
    expect(await stream(client, reqId, "second", true, "s2")).toMatchObject({ errcode: 0 });
    expect(await stream(client, reqId, "third", true, "s3")).toMatchObject({ errcode: 846607 });
  });

  test("has an hour's limit too", async () => {
    let nowMs = Date.now();
    const { platform, client } = await startWithClient({ nowMs: () => nowMs, limits: { socketPerHour: 3 } });
    const { reqId } = await ask(platform, client);
    for (let frame = 0; frame < 3; frame += 1) {
      expect(await stream(client, reqId, `${frame}`)).toMatchObject({ errcode: 0 });
      nowMs += 61_000;
    }
    expect(await stream(client, reqId, "4")).toMatchObject({ errcode: 846607 });
  });
});

describe("an upload", () => {
  const begin = (client: RawClient, body: object = {}) =>
    client.request("aibot_upload_media_init", {
      type: "file",
      filename: "a.txt",
      total_size: 10,
      total_chunks: 2,
      ...body,
    });
  const chunk = (client: RawClient, uploadId: unknown, index: number, text: string) =>
    client.request("aibot_upload_media_chunk", {
      upload_id: uploadId,
      chunk_index: index,
      base64_data: Buffer.from(text).toString("base64"),
    });

  test("takes chunks in any order, repeats, and goes on after a new connection", async () => {
    const { platform, client } = await startWithClient();
    const uploadId = (await begin(client)).body?.upload_id;
    expect(await chunk(client, uploadId, 1, "world")).toMatchObject({ errcode: 0 });
    const newer = await subscribe(platform);
    expect(await chunk(newer, uploadId, 0, "hello")).toMatchObject({ errcode: 0 });
    expect(await chunk(newer, uploadId, 0, "again")).toMatchObject({ errcode: 0 });
    const done = await newer.request("aibot_upload_media_finish", { upload_id: uploadId });
    expect(done).toMatchObject({ errcode: 0, body: { type: "file", media_id: expect.any(String) } });
    expect(await newer.request("aibot_upload_media_finish", { upload_id: uploadId })).toMatchObject({ errcode: 40058 });
    expect(JSON.stringify(platform.calls)).not.toContain(Buffer.from("hello").toString("base64"));
  });

  test.each([
    ["a type that is none", { type: "sticker" }, 40004],
    ["a name of 257 bytes", { filename: "a".repeat(257) }, 40058],
    ["4 bytes", { total_size: 4 }, 40058],
    ["a picture over 2 MB", { type: "image", total_size: 2 * 1024 * 1024 + 1 }, 40006],
    ["a file over 20 MB", { total_size: 20 * 1024 * 1024 + 1 }, 40006],
    ["101 chunks", { total_chunks: 101 }, 40058],
    ["no chunk", { total_chunks: 0 }, 40058],
  ])("of %s is refused", async (_name, body, errcode) => {
    const { platform, client } = await startWithClient();
    expect(await begin(client, body)).toMatchObject({ errcode });
    expect(rules(platform)).toEqual(["upload_wrong"]);
  });

  test("with a chunk missing, a wrong sum, a wrong index or after half an hour is refused", async () => {
    let nowMs = Date.now();
    const { client } = await startWithClient({ nowMs: () => nowMs });
    const finish = (uploadId: unknown) => client.request("aibot_upload_media_finish", { upload_id: uploadId });
    const one = (await begin(client)).body?.upload_id;
    expect(await chunk(client, one, 2, "hello")).toMatchObject({ errcode: 40058 });
    await chunk(client, one, 0, "hello");
    expect(await finish(one)).toMatchObject({ errcode: 40058 });
    await chunk(client, one, 1, "wor");
    expect(await finish(one)).toMatchObject({ errcode: 40006 });
    const two = (await begin(client, { md5: "0".repeat(32), total_size: 5, total_chunks: 1 })).body?.upload_id;
    await chunk(client, two, 0, "hello");
    expect(await finish(two)).toMatchObject({ errcode: 40058 });
    nowMs += 1_800_001;
    expect(await chunk(client, two, 0, "hello")).toMatchObject({ errcode: 40058 });
  });

  test("is one of thirty a minute", async () => {
    const { client } = await startWithClient();
    for (let upload = 0; upload < 30; upload += 1) expect(await begin(client)).toMatchObject({ errcode: 0 });
    expect(await begin(client)).toMatchObject({ errcode: 45009 });
  });
});

describe("a fault on demand", () => {
  test("refuses the next frames with its code, and no more", async () => {
    const { platform, client } = await startWithClient();
    const { reqId, messageId } = await ask(platform, client);
    platform.socket.refuseNext(2, 846607);
    expect(await stream(client, reqId, "1")).toMatchObject({ errcode: 846607 });
    expect(await client.request("ping")).toMatchObject({ errcode: 0 });
    expect(await stream(client, reqId, "2")).toMatchObject({ errcode: 846607 });
    expect(platform.bubble(messageId)).toMatchObject({ state: "waiting" });
    expect(await stream(client, reqId, "3", true)).toMatchObject({ errcode: 0 });
  });

  test("loses acks after the effect, delays them, or loses everything", async () => {
    const { platform, client } = await startWithClient();
    const { reqId, messageId } = await ask(platform, client);
    platform.socket.setFaults({ silence: "acks" });
    void stream(client, reqId, "seen");
    await platform.waitForBubble(messageId, { contains: "seen" }, WAIT_MS);
    platform.socket.setFaults({ silence: "all" });
    void stream(client, reqId, "never");
    await platform.socket.sendText({ userId: "lisi", text: "into nothing" }).outcome;
    platform.socket.setFaults({ silence: "none", ackDelayMs: 50 });
    await until(async () => (await client.request("ping")).errcode === 0);
    expect(client.waiting("aibot_msg_callback")).toBe(0);
    platform.socket.clearFaults();
    expect(platform.socket.faults.ackDelayMs).toBe(0);
  });

  test("ends streams early", async () => {
    const { platform, client } = await startWithClient();
    platform.socket.setFaults({ streamLifeMs: 30 });
    const { reqId, messageId } = await ask(platform, client);
    await stream(client, reqId, "1");
    await platform.waitForBubble(messageId, { state: "expired" }, WAIT_MS);
    expect(await stream(client, reqId, "2")).toMatchObject({ errcode: 846608 });
  });

  test("with a figure that makes no sense is not taken", async () => {
    const platform = await start();
    expect(() => platform.socket.setFaults({ ackDelayMs: -1 })).toThrow("ackDelayMs");
    expect(() => platform.socket.refuseNext(0, 40058)).toThrow("refuse.times");
  });
});
