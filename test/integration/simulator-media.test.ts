import { createDecipheriv, createHash } from "node:crypto";
import { afterEach, describe, expect, test } from "@jest/globals";
import type { MemberPlace } from "../../simulator/member-media.ts";
import { startWeComPlatform, type WeComPlatform } from "../../simulator/wecom-platform.ts";
import {
  type ReferenceOptions,
  type ReferenceService,
  startReferenceService,
  stream,
} from "./simulator-reference-service.ts";

/** What members send besides text, and the pictures of an answer (wecom-protocol 2.2, 4.4, 4.5, 4.7). */

const WAIT_MS = 5_000;
const PNG = Buffer.from("89504e470d0a1a0a0000000d4948445200000028", "hex");
const running: { stop(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((part) => part.stop()));
});

async function start(
  onBot: ReferenceOptions["onBot"] = ({ body }) => stream(body.msgid, "done", true),
): Promise<{ platform: WeComPlatform; service: ReferenceService }> {
  const platform = await startWeComPlatform({ timing: { pollIntervalMs: 10 } });
  const service = await startReferenceService({ keys: platform, onBot: onBot ?? (() => ({})) });
  platform.setCallbackUrls({ app: [`${service.url}/wecom/app`], bot: [`${service.url}/wecom/bot`] });
  running.push(platform, service);
  return { platform, service };
}

const inApp: MemberPlace = { channel: "app", userId: "lisi" };
const withBot: MemberPlace = { channel: "bot", userId: "lisi" };

async function decrypted(platform: WeComPlatform, url: string): Promise<Buffer> {
  const key = Buffer.from(`${platform.bot.aesKey}=`, "base64");
  const decipher = createDecipheriv("aes-256-cbc", key, key.subarray(0, 16)).setAutoPadding(false);
  const sealed = Buffer.from(await (await fetch(url)).arrayBuffer());
  const padded = Buffer.concat([decipher.update(sealed), decipher.final()]);
  return padded.subarray(0, -(padded.at(-1) ?? 0));
}

describe("to the app", () => {
  test("a picture has a MediaId that media/get serves, with its kind and name", async () => {
    const { platform, service } = await start();
    expect(await platform.sendMedia.image(inApp, PNG, "图.png").outcome).toMatchObject({ result: "accepted" });
    const [callback] = service.app;
    expect(callback?.field("MsgType")).toBe("image");
    const { corpId, app, url } = platform;
    const tokenUrl = `${url}/cgi-bin/gettoken?corpid=${corpId}&corpsecret=${app.secret}`;
    const { access_token: token } = (await (await fetch(tokenUrl)).json()) as { access_token: string };
    const mediaId = callback?.field("MediaId");
    const response = await fetch(`${url}/cgi-bin/media/get?access_token=${token}&media_id=${mediaId}`);
    expect(Buffer.from(await response.arrayBuffer()).equals(PNG)).toBe(true);
    expect(response.headers.get("content-type")).toBe("image/png");
    expect(decodeURIComponent(response.headers.get("content-disposition") ?? "")).toContain("图.png");
    expect(Buffer.from(await (await fetch(callback?.field("PicUrl") ?? "")).arrayBuffer()).equals(PNG)).toBe(true);
  });

  test("a voice names its format, and a file calls nobody", async () => {
    const { platform, service } = await start();
    await platform.sendMedia.voice(inApp, Buffer.from("#!AMR\n12"), "").outcome;
    expect([service.app[0]?.field("MsgType"), service.app[0]?.field("Format")]).toEqual(["voice", "amr"]);
    const file = platform.sendMedia.file(inApp, Buffer.from("report"), "报告.txt");
    expect(await file.outcome).toEqual({ result: "not_called", attempts: [] });
    expect(service.app).toHaveLength(1);
    expect(() => platform.sendMedia.mixed(inApp, [])).toThrow("app's chat");
  });
});

describe("to the bot with callbacks", () => {
  test("pictures with text are one message, each encrypted with the callback's key", async () => {
    const { platform, service } = await start();
    const items = [
      { type: "text" as const, text: "看" },
      { type: "image" as const, bytes: PNG },
    ];
    await platform.sendMedia.mixed(withBot, items).outcome;
    const [text, image] = service.bot[0]?.body.mixed.msg_item ?? [];
    expect(text).toEqual({ msgtype: "text", text: { content: "看" } });
    expect(Object.keys(image.image)).toEqual(["url"]);
    expect((await decrypted(platform, image.image.url)).equals(PNG)).toBe(true);
  });

  test("a voice is its transcript, a quoted picture comes along", async () => {
    const { platform, service } = await start();
    await platform.sendMedia.voice(withBot, Buffer.from("#!AMR\n12"), "明天开会").outcome;
    expect(service.bot[0]?.body.voice).toEqual({ content: "明天开会" });
    const quote = { text: "图.png", content: { type: "image" as const, bytes: PNG } };
    await platform.sendBotText({ userId: "lisi", text: "这是什么", quote }).outcome;
    const { quote: quoted } = service.bot[1]?.body ?? {};
    expect(quoted.msgtype).toBe("image");
    expect((await decrypted(platform, quoted.image.url)).equals(PNG)).toBe(true);
  });

  test("what is sent is shown to the member as it was", async () => {
    const { platform } = await start();
    const shown = new Promise((resolve) => {
      platform.subscribe((event) => event.type === "member_message" && resolve(event.message));
    });
    platform.sendMedia.file(withBot, Buffer.from("report"), "报告.txt");
    expect(await shown).toMatchObject({ text: "", media: [{ type: "file", name: "报告.txt", bytes: 6 }] });
  });
});

test("pictures that come with the end of a stream are shown", async () => {
  const md5 = createHash("md5").update(PNG).digest("hex");
  const image = { msgtype: "image", image: { base64: PNG.toString("base64"), md5 } };
  const { platform } = await start(({ body }) => ({
    reply: { msgtype: "stream", stream: { id: body.msgid, finish: true, content: "见图", msg_item: [image] } },
  }));
  const { messageId } = platform.sendBotText({ userId: "lisi", text: "画一张" });
  const bubble = await platform.waitForBubble(messageId, { finished: true }, WAIT_MS);
  expect(bubble).toMatchObject({ images: 1, media: [{ type: "image", contentType: "image/png" }] });
  expect(platform.media(bubble.media?.[0]?.id ?? "")?.bytes.equals(PNG)).toBe(true);
  expect(platform.violations).toEqual([]);
});
