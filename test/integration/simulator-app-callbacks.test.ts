import { afterEach, describe, expect, test } from "@jest/globals";
import type { PlatformOptions } from "../../simulator/platform-setup.ts";
import { startWeComPlatform, type WeComPlatform } from "../../simulator/wecom-platform.ts";
import { type ReferenceOptions, type ReferenceService, startReferenceService } from "./simulator-reference-service.ts";

/** Callbacks of the self-built app (wecom-protocol 2), seen from a service written from the protocol text. */

const WAIT_MS = 5_000;
const QUICK = { appRetryIntervalMs: 60 };
const running: { stop(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((part) => part.stop()));
});

async function start(
  options: { platform?: PlatformOptions; service?: Omit<ReferenceOptions, "keys"> } = {},
): Promise<{ platform: WeComPlatform; service: ReferenceService }> {
  const platform = await startWeComPlatform({ ...options.platform, timing: { ...QUICK, ...options.platform?.timing } });
  const service = await startService(platform, options.service);
  platform.setCallbackUrls({ app: [`${service.url}/wecom/app`] });
  running.push(platform);
  return { platform, service };
}

async function startService(
  platform: WeComPlatform,
  options: Omit<ReferenceOptions, "keys"> = {},
): Promise<ReferenceService> {
  const service = await startReferenceService({ ...options, keys: platform });
  running.push(service);
  return service;
}

const rules = (platform: WeComPlatform) => platform.violations.map((violation) => violation.rule);

describe("URL verification", () => {
  test("passes for a service that echoes the decrypted echostr", async () => {
    const { platform } = await start();
    expect(await platform.verifyUrl("app")).toMatchObject({ ok: true, status: 200 });
  });

  test("tells an administrator what is wrong with another", async () => {
    const { platform, service } = await start();
    platform.setCallbackUrls({ app: [`${service.url}/wecom/bot`] });
    expect(await platform.verifyUrl("app")).toMatchObject({ ok: false });
    platform.setCallbackUrls({ app: ["http://127.0.0.1:1/wecom/app"] });
    expect(await platform.verifyUrl("app")).toMatchObject({ ok: false, problem: "the address cannot be reached" });
  });
});

describe("a message", () => {
  test("arrives once, with a MsgId that no double can hold, and the text exactly as written", async () => {
    const { platform, service } = await start();
    const text = "1 < 2 && ]]> 你好 👋\n<xml>";
    const sent = platform.sendAppText({ userId: "LISI", text });
    expect(await sent.outcome).toMatchObject({ result: "accepted", attempts: [{ attempt: 1, status: 200 }] });
    const [callback] = service.app;
    expect(callback?.xml.replaceAll("]]]]><![CDATA[>", "]]>")).toContain(`<Content><![CDATA[${text}]]></Content>`);
    expect(callback?.field("FromUserName")).toBe("lisi");
    expect(callback?.field("ToUserName")).toBe(platform.corpId);
    expect(callback?.field("AgentID")).toBe(String(platform.app.agentId));
    expect(callback?.field("MsgId")).toBe(sent.messageId);
    expect(BigInt(sent.messageId)).toBeGreaterThan(2n ** 53n);
    expect(String(Number(sent.messageId))).not.toBe(sent.messageId);
    expect(rules(platform)).toEqual([]);
  });

  test("is delivered four times in all to a service that is silent, sealed anew each time, and then given up", async () => {
    const { platform, service } = await start({
      platform: { timing: { callbackTimeoutMs: 100 } },
      service: { onApp: () => ({ silent: true }) },
    });
    const sent = platform.sendAppText({ userId: "lisi", text: "hello" });
    const { result, attempts } = await sent.outcome;
    expect(result).toBe("failed");
    expect(attempts.map(({ attempt, outcome }) => [attempt, outcome])).toEqual(
      [1, 2, 3, 4].map((attempt) => [attempt, "timed_out"]),
    );
    expect(new Set(service.app.map((callback) => callback.field("MsgId")))).toEqual(new Set([sent.messageId]));
    const seals = service.app.map((callback) => callback.query.get("nonce"));
    expect(new Set(seals).size).toBe(4);
    expect(new Set(service.app.map((callback) => callback.query.get("msg_signature"))).size).toBe(4);
    expect(rules(platform)).toEqual(Array.from({ length: 4 }, () => "reply_too_slow"));
  });

  test("is retried after a 503 until the first 200, at the retry's interval", async () => {
    let calls = 0;
    const { platform, service } = await start({ service: { onApp: () => ({ status: ++calls < 3 ? 503 : 200 }) } });
    const { result, attempts } = await platform.sendAppText({ userId: "lisi", text: "hello" }).outcome;
    expect([result, ...attempts.map((attempt) => attempt.status)]).toEqual(["accepted", 503, 503, 200]);
    const [first, second] = service.app.map((callback) => callback.atMs);
    expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(50);
    expect(rules(platform)).toEqual([]);
  });

  test("is retried when the service cannot be reached, and arrives once it is there", async () => {
    const { platform, service } = await start({ platform: { timing: { appRetryIntervalMs: 100 } } });
    platform.setCallbackUrls({ app: ["http://127.0.0.1:1/wecom/app"] });
    const sent = platform.sendAppText({ userId: "lisi", text: "hello" });
    await platform.waitForCalls("callback text", 1, WAIT_MS);
    platform.setCallbackUrls({ app: [`${service.url}/wecom/app`] });
    const { attempts } = await sent.outcome;
    expect(attempts.map((attempt) => attempt.outcome)).toEqual(["unreachable", "answered"]);
  });

  test("goes to the service's addresses in turn, and passes over one that is down", async () => {
    const { platform, service } = await start();
    const other = await startService(platform);
    platform.setCallbackUrls({ app: [`${service.url}/wecom/app`, "http://127.0.0.1:1/", `${other.url}/wecom/app`] });
    for (let count = 0; count < 4; count += 1) {
      expect(await platform.sendAppText({ userId: "lisi", text: "hello" }).outcome).toMatchObject({
        result: "accepted",
        attempts: [{ attempt: 1 }],
      });
    }
    expect([service.app.length, other.app.length]).toEqual([2, 2]);
  });

  test("is delivered several times at once on demand, over the replicas", async () => {
    const { platform, service } = await start();
    const other = await startService(platform);
    platform.setCallbackUrls({ app: [service, other].map(({ url }) => `${url}/wecom/app`) });
    platform.setFaults({ copies: 3 });
    const { attempts } = await platform.sendAppText({ userId: "lisi", text: "hello" }).outcome;
    expect(attempts.map((attempt) => attempt.copy)).toEqual([1, 2, 3]);
    expect([service.app.length, other.app.length]).toEqual([2, 1]);
    const ids = [...service.app, ...other.app].map((callback) => callback.field("MsgId"));
    expect(new Set(ids).size).toBe(1);
  });

  test("comes again much later when the network repeats it, with the same MsgId", async () => {
    const { platform, service } = await start();
    const sent = platform.sendAppText({ userId: "lisi", text: "hello" });
    await sent.outcome;
    expect(await platform.redeliver("app", sent.messageId)).toMatchObject({ result: "accepted" });
    expect(service.app.map((callback) => callback.field("MsgId"))).toEqual([sent.messageId, sent.messageId]);
    expect(() => platform.redeliver("app", "none")).toThrow("never delivered");
  });

  test("of every other kind carries its own elements", async () => {
    const { platform, service } = await start();
    const bytes = Buffer.from("a picture");
    await platform.sendAppMessage({ userId: "lisi", content: { type: "image", bytes } }).outcome;
    await platform.sendAppMessage({
      userId: "lisi",
      content: { type: "location", latitude: 39.9, longitude: 116.4, label: "北京" },
    }).outcome;
    await platform.sendAppMessage({
      userId: "lisi",
      content: { type: "other", msgtype: "hologram", elements: [["Depth", 3]] },
    }).outcome;
    const [image, location, other] = service.app;
    const picture = await fetch(image?.field("PicUrl") ?? "");
    expect(Buffer.from(await picture.arrayBuffer())).toEqual(bytes);
    expect([location?.field("Location_X"), location?.field("Label")]).toEqual(["39.9", "北京"]);
    expect([other?.field("MsgType"), other?.field("Depth")]).toEqual(["hologram", "3"]);
  });
});

describe("an event", () => {
  test("has no MsgId, and opening the chat is one each time", async () => {
    const { platform, service } = await start();
    await platform.enterApp("lisi").outcome;
    await platform.enterApp("lisi").outcome;
    await platform.sendAppEvent("lisi", { type: "click", key: "menu_1" }).outcome;
    expect(service.app.map((callback) => [callback.field("Event"), callback.field("EventKey")])).toEqual([
      ["enter_agent", ""],
      ["enter_agent", ""],
      ["click", "menu_1"],
    ]);
    expect(service.app.every((callback) => !callback.xml.includes("MsgId"))).toBe(true);
  });

  test("of a clicked card carries task, key and choices, and a passive reply greys its buttons", async () => {
    const { platform, service } = await start({
      service: {
        onApp: () => ({
          reply:
            "<xml><MsgType><![CDATA[update_button]]></MsgType><Button><ReplaceName><![CDATA[已通过]]></ReplaceName></Button></xml>",
        }),
      },
    });
    const card = {
      card_type: "button_interaction",
      main_title: { title: "审核" },
      button_list: [{ text: "通过", key: "rv:ok" }],
      task_id: "t_1",
    };
    const base = `${platform.url}/cgi-bin`;
    const query = `corpid=${platform.corpId}&corpsecret=${platform.app.secret}`;
    const { access_token } = (await (await fetch(`${base}/gettoken?${query}`)).json()) as { access_token: string };
    const message = {
      touser: "lisi",
      msgtype: "template_card",
      agentid: platform.app.agentId,
      template_card: card,
    };
    const sent = await fetch(`${base}/message/send?access_token=${access_token}`, {
      method: "POST",
      body: JSON.stringify(message),
    });
    const { msgid } = (await sent.json()) as { msgid: string };
    const click = { messageId: msgid, userId: "lisi", key: "rv:ok", selected: { reason: ["a", "b"] } };
    await platform.clickAppCard(click).outcome;
    const [callback] = service.app;
    expect(["Event", "TaskId", "EventKey", "QuestionKey"].map((name) => callback?.field(name))).toEqual([
      "template_card_event",
      "t_1",
      "rv:ok",
      "reason",
    ]);
    expect(callback?.xml.match(/<OptionId>/g)).toHaveLength(2);
    expect(platform.inbox("lisi")[0]?.text).toBe("审核\n[已通过]");
    expect(() => platform.clickAppCard({ ...click, userId: "wangwu" })).toThrow("no such card");
  });
});

describe("the answer to a callback", () => {
  test("may be a passive text, which lands in the chat, cut at 2048 bytes", async () => {
    const content = "好".repeat(700);
    const { platform } = await start({
      service: {
        onApp: ({ field }) => ({
          reply: `<xml><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[${field("Content") === "long" ? content : "你好"}]]></Content></xml>`,
        }),
      },
    });
    platform.sendAppText({ userId: "lisi", text: "short" });
    const [short] = await platform.waitForAppMessages("lisi", 1, WAIT_MS);
    expect([short?.text, short?.via]).toEqual(["你好", "passive"]);
    expect(rules(platform)).toEqual([]);
    platform.sendAppText({ userId: "lisi", text: "long" });
    const [, long] = await platform.waitForAppMessages("lisi", 2, WAIT_MS);
    expect(long?.text).toBe("好".repeat(682));
    expect(rules(platform)).toEqual(["text_cut"]);
  });

  test.each([
    ["the word success", "success", []],
    ["any other word", "ok", ["packet_not_xml"]],
    ["half a packet", "<xml><Encrypt>abc</Encrypt></xml>", ["packet_fields_missing"]],
    [
      "a forged packet",
      "<xml><Encrypt>abc</Encrypt><MsgSignature>0</MsgSignature><TimeStamp>1</TimeStamp><Nonce>n</Nonce></xml>",
      ["packet_signature"],
    ],
  ])("that is %s is judged", async (_, raw, expected) => {
    const { platform } = await start({ service: { onApp: () => ({ raw }) } });
    expect(await platform.sendAppText({ userId: "lisi", text: "hello" }).outcome).toMatchObject({ result: "accepted" });
    expect(rules(platform)).toEqual(expected);
    expect(platform.inbox("lisi")).toEqual([]);
  });
});

test("a wait that is never fulfilled ends in time and says what was seen", async () => {
  const { platform } = await start({ service: { onApp: () => ({ raw: "nonsense" }) } });
  await platform.sendAppText({ userId: "lisi", text: "hello" }).outcome;
  await expect(platform.waitForAppMessages("lisi", 1, 50)).rejects.toThrow(
    /50 ms for 1 app messages, saw 0.*packet_not_xml/,
  );
});

test("stopping in the middle of retries ends at once and leaves no delivery behind", async () => {
  const platform = await startWeComPlatform({ appCallbackUrls: ["http://127.0.0.1:1/wecom/app"] });
  const sent = platform.sendAppText({ userId: "lisi", text: "hello" });
  const startedMs = performance.now();
  await platform.stop();
  expect((await sent.outcome).result).toBe("failed");
  expect(performance.now() - startedMs).toBeLessThan(1_000);
});
