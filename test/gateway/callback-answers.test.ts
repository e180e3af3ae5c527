import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { seal } from "../../simulator/platform-crypto.ts";
import type { Gateway } from "../../src/gateway.ts";
import { startWorld, type World } from "../support/world.ts";

/** The table "What a caller gets" of the contract, row by row, over real HTTP. */

let world: World;
let gateway: Gateway;

beforeAll(async () => {
  world = await startWorld();
  gateway = await world.startGateway();
});
afterAll(async () => {
  await world.stop();
});

const APP_XML = "<xml><MsgType><![CDATA[event]]></MsgType></xml>";

function appKeys(receiveId = world.platform.corpId) {
  const { token, aesKey } = world.platform.app;
  return { token, aesKey, receiveId };
}

function botKeys(receiveId = "") {
  const { token, aesKey } = world.platform.bot;
  return { token, aesKey, receiveId };
}

type Keys = ReturnType<typeof appKeys>;

/** A POST as WeCom would send it; `over` changes what is signed about it. */
async function post(
  channel: "app" | "bot",
  plain: string,
  over: { keys?: Keys; atMs?: number; signature?: string; body?: (encrypt: string) => string } = {},
): Promise<{ status: number; text: string; type: string | null }> {
  const sealed = seal(over.keys ?? (channel === "app" ? appKeys() : botKeys()), plain, over.atMs ?? Date.now());
  const query = new URLSearchParams({
    msg_signature: over.signature ?? sealed.signature,
    timestamp: sealed.timestamp,
    nonce: sealed.nonce,
  });
  const envelope =
    channel === "app"
      ? `<xml><ToUserName><![CDATA[x]]></ToUserName><Encrypt><![CDATA[${sealed.ciphertext}]]></Encrypt></xml>`
      : JSON.stringify({ encrypt: sealed.ciphertext });
  const body = over.body === undefined ? envelope : over.body(sealed.ciphertext);
  const response = await fetch(`${gateway.url}/wecom/${channel}?${query}`, { method: "POST", body });
  return { status: response.status, text: await response.text(), type: response.headers.get("content-type") };
}

function codeOf(answer: { text: string }): string {
  return (JSON.parse(answer.text) as { error: { code: string } }).error.code;
}

describe("answers to callbacks", () => {
  test("an unknown event of the app, rightly signed, gets 200 and an empty body", async () => {
    expect(
      await post(
        "app",
        APP_XML.replace(
          "</xml>",
          "<Event>brand_new</Event><FromUserName>u</FromUserName><CreateTime>1</CreateTime></xml>",
        ),
      ),
    ).toMatchObject({
      status: 200,
      text: "",
    });
  });

  test("an unknown event of the bot gets 200 and an encrypted packet as text/plain", async () => {
    const body = {
      msgtype: "event",
      msgid: "m",
      aibotid: "b",
      from: { userid: "u" },
      event: { eventtype: "brand_new" },
    };
    const answer = await post("bot", JSON.stringify(body));
    expect(answer).toMatchObject({ status: 200, type: "text/plain; charset=utf-8" });
    expect(Object.keys(JSON.parse(answer.text) as object).sort()).toEqual([
      "encrypt",
      "msgsignature",
      "nonce",
      "timestamp",
    ]);
  });

  test.each(["app", "bot"] as const)("%s: a wrong signature is 403 bad_signature", async (channel) => {
    const answer = await post(channel, APP_XML, { signature: "0".repeat(40) });
    expect([answer.status, codeOf(answer)]).toEqual([403, "bad_signature"]);
  });

  test.each(["app", "bot"] as const)(
    "%s: a missing signature is 403 bad_signature, on GET and POST",
    async (channel) => {
      for (const method of ["GET", "POST"]) {
        const response = await fetch(`${gateway.url}/wecom/${channel}`, { method });
        expect(response.status).toBe(403);
        expect(codeOf({ text: await response.text() })).toBe("bad_signature");
      }
    },
  );

  test.each([-302, 310])("a timestamp %i seconds off is 403 stale_timestamp, in both directions", async (seconds) => {
    const answer = await post("app", APP_XML, { atMs: Date.now() + seconds * 1000 });
    expect([answer.status, codeOf(answer)]).toEqual([403, "stale_timestamp"]);
  });

  test("a message for another receiver is 403 wrong_receiver, also for the bot, whose receiver is empty", async () => {
    const app = await post("app", APP_XML, { keys: appKeys("wwsomebodyelse") });
    const bot = await post("bot", "{}", { keys: botKeys("wwsomebody") });
    expect([app.status, codeOf(app), bot.status, codeOf(bot)]).toEqual([403, "wrong_receiver", 403, "wrong_receiver"]);
  });

  test("what was encrypted with another key is 403 bad_ciphertext", async () => {
    const keys = { ...appKeys(), aesKey: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8" };
    const answer = await post("app", APP_XML, { keys });
    expect([answer.status, codeOf(answer)]).toEqual([403, "bad_ciphertext"]);
  });

  test("a body over 1 MiB is 413 body_too_large, and the server goes on", async () => {
    const answer = await post("app", APP_XML, { body: () => "x".repeat(1024 * 1024 + 1) });
    expect([answer.status, codeOf(answer)]).toEqual([413, "body_too_large"]);
    expect((await fetch(`${gateway.url}/healthz`)).status).toBe(200);
  });

  test.each([
    ["app", "not xml"],
    ["app", "<xml><ToUserName>x</ToUserName></xml>"],
    ["app", ""],
    ["bot", "not json"],
    ["bot", "{}"],
    ["bot", '{"encrypt":7}'],
  ] as const)("%s: the body %j is 400 malformed_body", async (channel, body) => {
    const answer = await post(channel, APP_XML, { body: () => body });
    expect([answer.status, codeOf(answer)]).toEqual([400, "malformed_body"]);
  });

  test("a channel that is not configured is 404 channel_not_configured", async () => {
    const other = await startWorld();
    try {
      for (const name of Object.keys(other.env)) if (name.startsWith("WECOM_BOT")) delete other.env[name];
      const appOnly = await other.startGateway();
      for (const method of ["GET", "POST"]) {
        const response = await fetch(`${appOnly.url}/wecom/bot?msg_signature=a`, { method });
        expect([response.status, codeOf({ text: await response.text() })]).toEqual([404, "channel_not_configured"]);
      }
    } finally {
      await other.stop();
    }
  });

  test("an unknown route is 404 not_found, a wrong method 405, both as JSON", async () => {
    const unknown = await fetch(`${gateway.url}/nothing`);
    const wrong = await fetch(`${gateway.url}/wecom/app`, { method: "DELETE" });
    expect([unknown.status, codeOf({ text: await unknown.text() })]).toEqual([404, "not_found"]);
    expect([wrong.status, codeOf({ text: await wrong.text() })]).toEqual([405, "method_not_allowed"]);
  });

  test("no answer carries a stack, a secret or somebody's text", async () => {
    const secret = "这是谁都不该看到的一句话";
    const answers = [
      await post("app", secret),
      await post("bot", secret),
      await post("app", secret, { signature: "f".repeat(40) }),
      await post("app", secret, { body: () => `<xml>${secret}</xml>` }),
    ];
    for (const { text, status } of answers) {
      expect(text).not.toContain(secret);
      expect(text).not.toMatch(/\bat .+:\d+|node:|\.ts/);
      expect(text).not.toContain(world.platform.app.token);
      expect(status).toBeLessThan(500);
    }
  });
});
