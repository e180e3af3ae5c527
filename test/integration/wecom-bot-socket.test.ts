import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { systemClock } from "../../src/base/clock.ts";
import { Events } from "../../src/base/events.ts";
import { createLogger } from "../../src/base/logger.ts";
import { Secret } from "../../src/base/secret.ts";
import { BotSocket } from "../../src/wecom/bot-socket.ts";
import { type ScriptedSocketServer, startSocketServer } from "../support/socket-server.ts";
import { until } from "../support/until.ts";

const SECRET = "a-secret-that-nobody-may-read";
const SAID = "只有对方能看的话";
let server: ScriptedSocketServer;
let socket: BotSocket;
let told: string[];
let logLines: string[];

beforeEach(async () => {
  server = await startSocketServer();
  told = [];
  logLines = [];
  const log = createLogger("debug", { write: (line) => void logLines.push(line) });
  socket = new BotSocket({
    url: server.url,
    botId: "bot1",
    secret: new Secret(SECRET),
    events: new Events(log),
    log,
    clock: systemClock,
    patience: { authMs: 1_000, reconnectMs: 100 },
    listener: {
      callback: (reqId) => told.push(`callback ${reqId}`),
      up: () => told.push("up"),
      down: () => told.push("down"),
      kicked: () => told.push("kicked"),
      refused: () => told.push("refused"),
    },
  });
});
afterEach(async () => {
  socket.close();
  await server.stop();
  expect(logLines.join("")).not.toContain(SECRET);
  expect(logLines.join("")).not.toContain(SAID);
});

async function connected(): Promise<void> {
  socket.connect();
  await until(() => socket.isReady);
}

const say = async (reqId: string, content = SAID) =>
  socket.send("aibot_respond_msg", reqId, { msgtype: "markdown", markdown: { content } });

describe("the AI bot's long connection", () => {
  test("subscribes once with id and secret; frames resolve with their ack", async () => {
    await connected();
    await say("r1");
    expect(server.frames.map(({ cmd }) => cmd)).toEqual(["aibot_subscribe", "aibot_respond_msg"]);
    expect(server.frames[0]?.body).toMatchObject({ bot_id: "bot1", secret: SECRET });
    socket.connect();
    await systemClock.sleep(50);
    expect(server.links).toHaveLength(1);
    expect(told).toEqual(["up"]);
  });

  test("a callback is told once, though the client fires it twice", async () => {
    await connected();
    server.callback("aibot_msg_callback", "r1", { msgtype: "text", text: { content: SAID } });
    server.callback("aibot_event_callback", "r2", { msgtype: "event", event: { eventtype: "enter_chat" } });
    server.callback("aibot_msg_callback", "r3", { msgtype: "of_tomorrow" });
    await until(() => told.includes("callback r3"));
    expect(told).toEqual(["up", "callback r1", "callback r2", "callback r3"]);
  });

  test("a refusal is an error with its errcode and what it means", async () => {
    await connected();
    for (const [errcode, code, retryable] of [
      [846_608, "wecom_refused", false],
      [846_607, "wecom_rate_limited", true],
      [45_009, "wecom_rate_limited", true],
      [846_609, "wecom_unreachable", true],
    ] as const) {
      server.react(() => ({ errcode }));
      await expect(say("r1")).rejects.toMatchObject({ code, retryable, details: { errcode } });
    }
    // The last one says that the subscription has died: another is made.
    server.react(() => "ack");
    await until(() => told.filter((what) => what === "up").length === 2);
  });

  test("bad credentials end in an alert, and nothing is tried again", async () => {
    server.react(() => ({ errcode: 853_000 }));
    socket.connect();
    await until(() => told.includes("refused"), { timeoutMs: 20_000 });
    const tries = server.frames.length;
    expect(tries).toBeLessThanOrEqual(4);
    expect(logLines.join("")).toContain("wecom_bot_credentials");
    await systemClock.sleep(1_500);
    expect(server.frames).toHaveLength(tries);
    expect(told).not.toContain("up");
  }, 40_000);

  test("a server that never answers the subscription is connected to anew", async () => {
    server.react(() => "silence");
    socket.connect();
    await until(() => server.links.length > 0);
    server.react(() => "ack");
    await until(() => socket.isReady, { timeoutMs: 15_000 });
    expect(server.links.length).toBeGreaterThan(1);
  }, 30_000);

  test("a connection that breaks comes back by itself; what was under way is told as perhaps sent", async () => {
    await connected();
    server.react((frame) => (frame.cmd === "aibot_subscribe" ? "ack" : "silence"));
    const underWay = say("r1");
    await until(() => server.frames.length === 2);
    server.links[0]?.terminate();
    await expect(underWay).rejects.toMatchObject({ code: "wecom_unreachable", details: { sent: "perhaps" } });
    await expect(say("r1")).rejects.toMatchObject({ details: { sent: "no" } });
    await until(() => socket.isReady);
    expect(told).toEqual(["up", "down", "up"]);
  });

  test("an ack that comes too late is taken for no other frame's", async () => {
    await connected();
    server.react(() => ({ lateMs: 6_000 }));
    await expect(say("r1")).rejects.toMatchObject({ code: "wecom_unreachable", details: { sent: "perhaps" } });
    // Within its quarantine nothing waits on r1 that the late ack could answer; others go on.
    await expect(say("r1")).rejects.toMatchObject({ details: { sent: "no" } });
    expect(socket.isFree("r1")).toBe(false);
    server.react(() => ({ errcode: 846_608 }));
    await expect(say("r2")).rejects.toMatchObject({ details: { errcode: 846_608 } });
  }, 20_000);

  test("three frames in a row without an ack: the line is dead, and another is made", async () => {
    await connected();
    server.react((frame) => (frame.cmd === "aibot_subscribe" ? "ack" : "silence"));
    await Promise.allSettled([say("r1"), say("r2"), say("r3")]);
    await until(() => told.filter((what) => what === "up").length === 2);
    expect(server.links).toHaveLength(2);
  }, 20_000);

  test("pushed out by another connection it stays away until it is told to connect", async () => {
    await connected();
    server.callback("aibot_event_callback", "e1", { msgtype: "event", event: { eventtype: "disconnected_event" } });
    await until(() => told.includes("kicked"));
    server.links[0]?.terminate();
    await systemClock.sleep(1_500);
    expect(server.links).toHaveLength(1);
    expect(told).toEqual(["up", "down", "kicked"]);
    socket.connect();
    await until(() => socket.isReady);
    expect(server.links).toHaveLength(2);
  });

  test("of a frame too large for any of WeCom's the connection ends, and comes back", async () => {
    await connected();
    server.links[0]?.send(Buffer.alloc(5 * 1024 * 1024, 0x20).toString());
    await until(() => told.filter((what) => what === "up").length === 2);
    expect(told).toEqual(["up", "down", "up"]);
  });
});
