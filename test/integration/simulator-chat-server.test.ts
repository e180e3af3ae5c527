import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type ChatServer, startChatServer } from "../../simulator/chat-server.ts";
import type { ChatMessage, FlagView, Packet } from "../../simulator/chat-types.ts";
import { startWeComPlatform, type WeComPlatform } from "../../simulator/wecom-platform.ts";
import { until } from "../support/until.ts";
import { type ReferenceService, startReferenceService, stream } from "./simulator-reference-service.ts";

const WAIT_MS = 5_000;
const GROUP = { chatId: "wrGroupAbC", name: "项目群", memberIds: ["lisi", "wangwu"] };
const flag: FlagView = {
  caseNumber: "C-1",
  atMs: 1,
  userId: "lisi",
  direction: "question",
  action: "flag",
  severity: "P2",
  categories: ["insult"],
  text: "…",
};

let outside: string;
let folder: string;
let platform: WeComPlatform;
let service: ReferenceService;
let chat: ChatServer;
let flags: FlagView[];
let polls: number;

beforeEach(async () => {
  outside = mkdtempSync(path.join(tmpdir(), "yingda-chat-"));
  folder = path.join(outside, "page");
  mkdirSync(folder);
  writeFileSync(path.join(outside, "outside.js"), "secret");
  writeFileSync(path.join(folder, "index.html"), "<!doctype html><title>chat</title>");
  writeFileSync(path.join(folder, "chat.js"), "export {};");
  writeFileSync(path.join(folder, "types.d.ts"), "secret");
  platform = await startWeComPlatform({ groups: [GROUP], bot: { name: "小应" }, timing: { pollIntervalMs: 10 } });
  polls = 0;
  service = await startReferenceService({
    keys: platform,
    onApp: ({ field }) => ({
      reply: `<xml><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[echo ${field("Content")}]]></Content></xml>`,
    }),
    onBot: ({ body }) => {
      if (body.msgtype === "event") {
        const welcome = { reply: { msgtype: "text", text: { content: "welcome" } } };
        return body.event.eventtype === "enter_chat" ? welcome : {};
      }
      if (body.msgtype !== "stream") return stream(`s-${body.msgid}`, "", false, "fb_1");
      polls += 1;
      return stream(body.stream.id, "**answer**".slice(0, polls * 5), polls >= 2);
    },
  });
  platform.setCallbackUrls({ app: [`${service.url}/wecom/app`], bot: [`${service.url}/wecom/bot`] });
  flags = [];
  chat = await startChatServer({ platform, staticDir: folder, inspector: { flags: async () => flags } });
});
afterEach(async () => {
  await Promise.all([chat.stop(), platform.stop(), service.stop()]);
  rmSync(outside, { recursive: true });
});

// biome-ignore lint/suspicious/noExplicitAny: the answers of the API are read field by field
type Answer = any;

async function get(route: string): Promise<Answer> {
  return (await fetch(chat.url + route)).json();
}

async function post(route: string, body: unknown): Promise<{ status: number; body: Answer }> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(chat.url + route, { method: "POST", headers, body: JSON.stringify(body) });
  const text = await response.text();
  return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
}

async function view(viewKey: string): Promise<ChatMessage[]> {
  return (await get("/api/state")).messages[viewKey] ?? [];
}

/** The server-sent events of one page, until `enough` says so. */
async function eventsUntil(
  enough: (events: { name: string; data: Answer }[]) => boolean,
  act: () => Promise<unknown>,
): Promise<{ name: string; data: Answer }[]> {
  const abort = AbortSignal.timeout(WAIT_MS);
  const response = await fetch(`${chat.url}/api/events`, { signal: abort });
  const events: { name: string; data: Answer }[] = [];
  let text = "";
  const acted = act();
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk).toString();
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const name = /^event: (.+)$/m.exec(block)?.[1];
      if (name !== undefined) events.push({ name, data: JSON.parse(/^data: (.+)$/m.exec(block)?.[1] ?? "") });
    }
    if (enough(events)) break;
  }
  await acted;
  return events;
}

describe("the state", () => {
  test("names members, chats, bot and faults", async () => {
    expect(await get("/api/state")).toEqual({
      members: [
        { userId: "zhangsan", name: "张三" },
        { userId: "lisi", name: "李四" },
        { userId: "wangwu", name: "王五" },
      ],
      chats: [
        { id: "bot", kind: "bot_single", title: "小应" },
        { id: "app", kind: "app", title: "应答" },
        { id: GROUP.chatId, kind: "bot_group", title: "项目群", members: ["lisi", "wangwu"] },
      ],
      botName: "小应",
      appName: "应答",
      faults: { duplicateDelivery: false, slowPlatformMs: 0, dropSends: false, errcode: null, tokensRevoked: 0 },
      messages: {},
    });
  });
});

describe("writing", () => {
  test("to the app shows the message at once and then the answer, in the member's own thread", async () => {
    const sent = await post("/api/messages", { chatId: "app", as: "lisi", text: "hello" });
    expect(sent).toMatchObject({
      status: 201,
      body: { message: { viewKey: "app:lisi", from: { kind: "member", userId: "lisi", name: "李四" }, text: "hello" } },
    });
    await platform.waitForAppMessages("lisi", 1, WAIT_MS);
    expect(await view("app:lisi")).toMatchObject([
      { text: "hello", state: "delivered" },
      { text: "echo hello", from: { kind: "app", name: "应答" }, format: "text", state: "delivered" },
    ]);
    expect(await view("app:wangwu")).toEqual([]);
  });

  test("to the bot streams one bubble that ends finished, open to feedback", async () => {
    const events = await eventsUntil(
      (seen) => seen.some(({ data }) => data.message?.state === "finished"),
      () => post("/api/messages", { chatId: "bot", as: "lisi", text: "hello" }),
    );
    const bubbles: ChatMessage[] = events
      .filter(({ name, data }) => name === "message" && data.message.from.kind === "bot")
      .map(({ data }) => data.message);
    expect(bubbles.map(({ text, state }) => [text, state])).toEqual([
      ["", "streaming"],
      ["**ans", "streaming"],
      ["**answer**", "finished"],
    ]);
    expect(new Set(bubbles.map(({ id }) => id)).size).toBe(1);
    const [question, answer] = await view("bot:lisi");
    expect(answer).toMatchObject({ format: "markdown", replyTo: question?.id, feedback: { possible: true } });
    const given = await post("/api/feedback", {
      messageId: answer?.id,
      as: "lisi",
      type: 2,
      reasons: [1],
      comment: "no",
    });
    expect(given.status).toBe(204);
    await platform.waitForCalls("event feedback_event", 1, WAIT_MS);
    expect((await view("bot:lisi"))[1]?.feedback).toEqual({ possible: true, given: 2 });
  });

  test("in a group is seen by all, and calls the bot only with a mention", async () => {
    const place = { chatId: GROUP.chatId, as: "lisi" };
    const plain = await post("/api/messages", { ...place, text: "hello all" });
    expect(plain.body.message).toMatchObject({ viewKey: GROUP.chatId, state: "delivered" });
    const quoteMessageId = plain.body.message.id;
    const asked = await post("/api/messages", { ...place, as: "wangwu", text: "@小应 what?", quoteMessageId });
    expect(asked.body.message.quote).toEqual({ name: "李四", text: "hello all" });
    await platform.waitForBubble(asked.body.message.id, { finished: true }, WAIT_MS);
    expect(service.bot.filter(({ body }) => body.msgtype === "text")).toHaveLength(1);
    expect(service.bot[0]?.body.quote).toEqual({ msgtype: "text", text: { content: "hello all" } });
    expect((await view(GROUP.chatId)).map((message) => message.from.name)).toEqual(["李四", "王五", "小应"]);
  });

  test.each<[string, object]>([
    ["nobody", { chatId: "app", as: "nobody", text: "x" }],
    ["no chat", { chatId: "nowhere", as: "lisi", text: "x" }],
    ["a group one is not in", { chatId: GROUP.chatId, as: "zhangsan", text: "x" }],
    ["nothing", { chatId: "app", as: "lisi", text: "  " }],
    ["too much", { chatId: "app", as: "lisi", text: "x".repeat(16_385) }],
    ["a text that is none", { chatId: "app", as: "lisi", text: 5 }],
    ["a quote from elsewhere", { chatId: "app", as: "lisi", text: "x", quoteMessageId: "none" }],
  ])("as %s is refused", async (_, body) => {
    expect(await post("/api/messages", body)).toMatchObject({
      status: 400,
      body: { error: { code: "bad_request", message: expect.any(String) } },
    });
    expect((await get("/api/state")).messages).toEqual({});
  });
});

test("opening the bot's chat welcomes once a day", async () => {
  expect((await post("/api/open", { chatId: "bot", as: "lisi" })).status).toBe(204);
  expect((await post("/api/open", { chatId: "bot", as: "lisi" })).status).toBe(204);
  await platform.waitForBotMessages(1, WAIT_MS);
  expect(await view("bot:lisi")).toMatchObject([{ text: "welcome", from: { kind: "bot" } }]);
  expect(platform.callCount("event enter_chat")).toBe(1);
});

test("packets show both sides of every exchange, decrypted, and no token or response code", async () => {
  const query = `corpid=${platform.corpId}&corpsecret=${platform.app.secret}`;
  const answer = (await (await fetch(`${platform.url}/cgi-bin/gettoken?${query}`)).json()) as { access_token: string };
  const sent = await post("/api/messages", { chatId: "bot", as: "lisi", text: "hello" });
  await platform.waitForBubble(sent.body.message.id, { finished: true }, WAIT_MS);
  const { packets }: { packets: Packet[] } = await get("/api/packets?limit=3");
  expect(packets.map(({ kind }) => kind)).toEqual(["callback text", "stream poll", "stream poll"]);
  const [callback] = packets;
  expect(callback).toMatchObject({
    direction: "to_service",
    status: 200,
    chatId: "bot",
    messageId: sent.body.message.id,
  });
  expect(JSON.parse(callback?.raw ?? "")).toEqual({ encrypt: expect.any(String) });
  expect(JSON.parse(callback?.plain ?? "")).toMatchObject({ text: { content: "hello" } });
  expect(JSON.parse(callback?.replyPlain ?? "")).toMatchObject({ msgtype: "stream" });
  const all = JSON.stringify(await get("/api/packets"));
  const responseCode = service.bot[0]?.body.response_url.split("=")[1];
  for (const hidden of [answer.access_token, platform.app.secret, responseCode]) expect(all).not.toContain(hidden);
  expect(await get("/api/packets?limit=0")).toMatchObject({ error: { code: "bad_request" } });
});

test("faults are set, announced and shown", async () => {
  const change = { duplicateDelivery: true, slowPlatformMs: 5, dropSends: true, errcode: -1, revokeToken: true };
  const events = await eventsUntil(
    (seen) => seen.some(({ name }) => name === "faults"),
    () => post("/api/faults", change),
  );
  const shown = { duplicateDelivery: true, slowPlatformMs: 5, dropSends: true, errcode: -1, tokensRevoked: 1 };
  expect(events).toEqual([{ name: "faults", data: shown }]);
  expect(await get("/api/faults")).toEqual(shown);
  expect(platform.faults).toMatchObject({ copies: 2, slowPlatformMs: 5, dropSends: true, errcode: -1 });
  expect((await post("/api/faults", { errcode: null, duplicateDelivery: false })).body).toMatchObject({
    errcode: null,
  });
  expect(await post("/api/faults", { slowPlatformMs: "soon" })).toMatchObject({ status: 400 });
  expect(await post("/api/faults", { slowPlatformMs: -1 })).toMatchObject({ status: 400 });
});

describe("flags", () => {
  test("come from the inspector, and a page hears of new ones", async () => {
    expect(await get("/api/flags")).toEqual({ flags: [] });
    const events = await eventsUntil(
      (seen) => seen.some(({ name }) => name === "flags"),
      async () => flags.push(flag),
    );
    expect(events).toEqual([{ name: "flags", data: { count: 1 } }]);
    expect(await get("/api/flags")).toEqual({ flags: [flag] });
  });

  test("are not there without an inspector", async () => {
    const blind = await startChatServer({ platform, staticDir: folder });
    expect((await fetch(`${blind.url}/api/flags`)).status).toBe(404);
    await blind.stop();
  });
});

describe("the page's files", () => {
  test("are served with their type and a strict policy, and nothing else of the folder or outside it is", async () => {
    const page = await fetch(chat.url);
    expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
    expect(page.headers.get("content-security-policy")).toContain("script-src 'self'");
    expect((await fetch(`${chat.url}/chat.js`)).headers.get("content-type")).toMatch(/javascript/);
    symlinkSync(path.join(outside, "outside.js"), path.join(folder, "link.js"));
    for (const wrong of [
      "/types.d.ts",
      "/none.js",
      "/../outside.js",
      "/%2e%2e/outside.js",
      "//etc/passwd",
      "/link.js",
      "/.js",
    ]) {
      expect([wrong, await statusOf(wrong)]).toEqual([wrong, 404]);
    }
  });
});

describe("strangers", () => {
  test("under another name, from another site, or without JSON are refused", async () => {
    const body = JSON.stringify({ chatId: "app", as: "lisi", text: "x" });
    expect(await statusOf("/api/state", { host: "evil.example" })).toBe(400);
    const json = { "content-type": "application/json" };
    expect(await statusOf("/api/messages", { ...json, origin: "https://evil.example" }, body)).toBe(400);
    expect(await statusOf("/api/messages", { "content-type": "text/plain" }, body)).toBe(400);
    expect(await statusOf("/api/messages", json, "{")).toBe(400);
    expect(await statusOf("/api/messages", json, " ".repeat(70_000))).toBe(413);
    expect(await statusOf("/api/nothing")).toBe(404);
    expect((await get("/api/state")).messages).toEqual({});
    expect(await statusOf("/api/messages", { ...json, origin: chat.url }, body)).toBe(201);
  });
});

/** A request with the path and headers exactly as given; fetch would tidy both. */
function statusOf(rawPath: string, headers: Record<string, string> = {}, body?: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(chat.url);
    const req = request(
      { hostname, port, path: rawPath, method: body === undefined ? "GET" : "POST", headers },
      (res) => {
        res.resume();
        resolve(res.statusCode ?? 0);
      },
    );
    req.once("error", reject);
    req.end(body);
  });
}

describe("files", () => {
  const PNG = Buffer.from("89504e470d0a1a0a0000000d4948445200000028", "hex");
  const upload = async (bytes: Buffer, name: string) => {
    const headers = { "content-type": "application/octet-stream" };
    const route = `${chat.url}/api/media?name=${encodeURIComponent(name)}`;
    const response = await fetch(route, { method: "POST", headers, body: new Uint8Array(bytes) });
    return { status: response.status, body: (await response.json()) as Answer };
  };

  test("are kept with their kind by what is in them, and handed out as they came", async () => {
    const { body } = await upload(PNG, "图.bin");
    expect(body.media).toMatchObject({ type: "image", name: "图.bin", contentType: "image/png", bytes: PNG.length });
    expect((await upload(Buffer.from("#!AMR\n123"), "a.amr")).body.media.type).toBe("voice");
    const response = await fetch(`${chat.url}/api/media/${body.media.id}`);
    expect(Buffer.from(await response.arrayBuffer()).equals(PNG)).toBe(true);
    expect(response.headers.get("content-type")).toBe("image/png");
    expect((await fetch(`${chat.url}/api/media/none`)).status).toBe(404);
    expect(await upload(Buffer.alloc(0), "empty")).toMatchObject({ status: 400 });
  });

  test("of a kind that a browser would run are for saving", async () => {
    const { body } = await upload(Buffer.from("<script>alert(1)</script>"), "page.html");
    const response = await fetch(`${chat.url}/api/media/${body.media.id}`);
    expect(response.headers.get("content-type")).toBe("application/octet-stream");
    expect(response.headers.get("content-disposition")).toMatch(/^attachment/);
    expect(response.headers.get("content-security-policy")).toContain("sandbox");
  });

  test("reach the bot with the text, and the app one by one", async () => {
    const { media } = (await upload(PNG, "a.png")).body;
    const say = (body: object) => post("/api/messages", { as: "zhangsan", ...body });
    const mixed = await say({ chatId: "bot", text: "这是什么？", media: [media.id, media.id] });
    expect(mixed.body.message).toMatchObject({ text: "这是什么？", media: [{ type: "image" }, { type: "image" }] });
    await until(() => service.bot.some(({ body }) => body.msgtype === "mixed"));
    expect(service.bot.find(({ body }) => body.msgtype === "mixed")?.body.mixed.msg_item).toMatchObject([
      { msgtype: "text", text: { content: "这是什么？" } },
      { msgtype: "image", image: { url: expect.stringContaining("/bot-media/") } },
      { msgtype: "image" },
    ]);
    expect(await say({ chatId: "app", text: "both", media: [media.id] })).toMatchObject({ status: 400 });
    await say({ chatId: "app", text: "", media: [media.id] });
    await until(() => service.app.some(({ field }) => field("MsgType") === "image"));
    const image = service.app.find(({ field }) => field("MsgType") === "image");
    expect(image?.field("PicUrl")).toContain("/pic/");
    expect(await say({ chatId: "bot", text: "", media: ["none"] })).toMatchObject({ status: 400 });
  });

  test("that the app's chat only shows are marked: nobody is called", async () => {
    const { media } = (await upload(Buffer.from("text"), "a.txt")).body;
    const { body } = await post("/api/messages", { as: "zhangsan", chatId: "app", text: "", media: [media.id] });
    expect(body.message).toMatchObject({ state: "delivered", called: false, media: [{ name: "a.txt" }] });
    expect(service.app).toHaveLength(0);
  });

  test("a voice is a recording for the app and its transcript for the bot", async () => {
    const { media } = (await upload(Buffer.from("#!AMR\n123"), "a.amr")).body;
    await post("/api/messages", { as: "zhangsan", chatId: "bot", text: "说的话", media: [media.id] });
    await post("/api/messages", { as: "zhangsan", chatId: "app", text: "", media: [media.id] });
    await until(() => service.app.length === 1 && service.bot.some(({ body }) => body.msgtype === "voice"));
    expect(service.bot.find(({ body }) => body.msgtype === "voice")?.body.voice).toEqual({ content: "说的话" });
    expect([service.app[0]?.field("MsgType"), service.app[0]?.field("Format")]).toEqual(["voice", "amr"]);
    const downloaded = platform.media(service.app[0]?.field("MediaId") ?? "");
    expect(downloaded?.bytes.toString()).toBe("#!AMR\n123");
  });

  test("are quoted as what they are", async () => {
    const { media } = (await upload(PNG, "a.png")).body;
    const sent = await post("/api/messages", { as: "zhangsan", chatId: "bot", text: "", media: [media.id] });
    const quoting = { as: "zhangsan", chatId: "bot", text: "看这张", quoteMessageId: sent.body.message.id };
    expect((await post("/api/messages", quoting)).body.message.quote).toEqual({ name: "张三", text: "a.png" });
    await until(() => service.bot.some(({ body }) => body.quote !== undefined));
    expect(service.bot.find(({ body }) => body.quote !== undefined)?.body.quote).toEqual({
      msgtype: "image",
      image: { url: expect.stringContaining("/bot-media/") },
    });
  });

  test("a place and a link are for the app alone", async () => {
    const location = { latitude: 39.9, longitude: 116.4, label: "东长安街" };
    const place = { as: "zhangsan", text: "", location };
    await post("/api/messages", { ...place, chatId: "app" });
    await until(() => service.app.length === 1);
    expect(service.app[0]?.field("Label")).toBe("东长安街");
    expect(await post("/api/messages", { ...place, chatId: "bot" })).toMatchObject({ status: 400 });
    const link = { title: "纪要", description: "", url: "https://example.com" };
    expect(await post("/api/messages", { as: "zhangsan", chatId: "app", text: "", link })).toMatchObject({
      status: 201,
    });
  });
});

describe("the bot with the long connection", () => {
  test("is a chat of its own where it was asked for, with its faults, and a message without connection is lost", async () => {
    const both = await startChatServer({ platform, staticDir: folder, contacts: ["socket", "app"] });
    try {
      const ask = async (route: string, body?: object) => {
        const headers = { "content-type": "application/json" };
        const init = body === undefined ? {} : { method: "POST", headers, body: JSON.stringify(body) };
        return (await (await fetch(both.url + route, init)).json()) as Answer;
      };
      const state = await ask("/api/state");
      expect(state.chats.map(({ id }: { id: string }) => id)).toEqual(["socket", "app", GROUP.chatId]);
      expect(state.faults.socket).toMatchObject({ connected: false, silence: "none" });
      await ask("/api/messages", { as: "zhangsan", chatId: "socket", text: "hello" });
      await until(async () => {
        const [message] = (await ask("/api/state")).messages["socket:zhangsan"];
        return message.state === "lost";
      });
      const change = { socket: { silence: "acks", ackDelayMs: 1_000, refuse: { errcode: 846607, times: 2 } } };
      expect((await ask("/api/faults", change)).socket).toMatchObject(change.socket);
      expect(platform.socket.faults).toMatchObject(change.socket);
      expect(await ask("/api/faults", { socket: { act: "dance" } })).toMatchObject({ error: { code: "bad_request" } });
    } finally {
      await both.stop();
    }
  });
});
