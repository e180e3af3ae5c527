import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import sharp from "sharp";
import { systemClock } from "../../src/base/clock.ts";
import { answers, streams } from "../support/fault-model-server.ts";
import { until } from "../support/until.ts";
import { startWorld, type World } from "../support/world.ts";

const WAIT_MS = 30_000;
let world: World;
let png: Buffer;
let dataUrl: string;

beforeEach(async () => {
  png = await sharp({ create: { width: 60, height: 40, channels: 3, background: "#1e50c8" } })
    .png()
    .toBuffer();
  dataUrl = `data:image/png;base64,${png.toString("base64")}`;
});
afterEach(async () => {
  expect(world.platform.violations).toEqual([]);
  await world.stop();
});

/** The model draws; each piece of its stream is shorter than the picture. */
function drawing(text = `画好了：![一座山](${dataUrl})\n喜欢吗？`) {
  return [answers(text, { pieceLength: 40, everyMs: 5 })];
}

async function sizeOf(bytes: Buffer | undefined): Promise<{ width?: number; height?: number; format?: string }> {
  const { width, height, format } = await sharp(bytes).metadata();
  return { width, height, format };
}

const SIZE = { width: 60, height: 40, format: "png" };
const TEXT = "画好了：[图片：一座山]\n喜欢吗？";

/** No session, no record and no log line holds the picture as the model wrote it. */
async function expectNotKept(): Promise<void> {
  const redis = new Redis(world.redis.url);
  try {
    const keys = (await redis.keys("*")).filter((key) => /session|spool|record/i.test(key));
    expect(keys.length).toBeGreaterThan(0);
    for (const key of keys) expect((await redis.dump(key))?.includes("data:image")).toBe(false);
  } finally {
    redis.disconnect();
  }
  const files = () => readdirSync(world.dataDir).map((name) => readFileSync(join(world.dataDir, name)));
  await until(() => files().some((bytes) => bytes.includes("一座山")));
  expect(files().some((bytes) => bytes.includes("data:image"))).toBe(false);
  expect(JSON.stringify(world.logLines)).not.toContain("data:image");
}

describe("pictures in an answer", () => {
  test("the AI bot's bubble never shows the data, and ends with the picture below its text", async () => {
    world = await startWorld({ packs: false });
    await world.startGateway();
    world.model.script(drawing());
    const { messageId } = world.platform.sendBotText({ userId: "zhangsan", text: "画一座山" });
    const bubble = await world.platform.waitForBubble(messageId, { finished: true }, WAIT_MS);
    expect(bubble.content).toBe(TEXT);
    expect(JSON.stringify(bubble.snapshots)).not.toContain("data:");
    expect(bubble.images).toBe(1);
    const [shown] = bubble.media ?? [];
    expect(await sizeOf(world.platform.media(shown?.id ?? "")?.bytes)).toEqual(SIZE);
    await expectNotKept();

    // The next question finds the words in the session, and no picture.
    const next = world.platform.sendBotText({ userId: "zhangsan", text: "再说说" });
    await world.platform.waitForBubble(next.messageId, { finished: true }, WAIT_MS);
    const asked = JSON.stringify(world.model.requests.at(-1)?.body);
    expect(asked).toContain("[图片：一座山]");
    expect(asked).not.toContain("data:image");
  });

  test("an answer that outlives its bubble comes as markdown, and says that its picture does not", async () => {
    world = await startWorld({ packs: false });
    let aheadMs = 0;
    const nowMs = () => Date.now() + aheadMs;
    await world.startGateway({ CALLBACK_MAX_AGE_SECONDS: "86400" }, { clock: { ...systemClock, nowMs } });
    world.model.script([
      streams(
        { text: "很慢的开头，" },
        { waitMs: 1_500 },
        { text: `![山](${dataUrl})` },
        { finish: "stop" },
        { done: true },
      ),
    ]);
    world.platform.sendBotText({ userId: "zhangsan", text: "慢慢画" });
    await world.model.request(1);
    aheadMs = 331_000;
    const [late] = await world.platform.waitForBotMessages(1, WAIT_MS);
    expect(late?.text).toBe("很慢的开头，[图片：山]\n\n（图片没能发出：回答得太晚了）");
  });

  test("over the long connection the picture is uploaded and follows the finished bubble, once", async () => {
    world = await startWorld({ bot: "socket", packs: false });
    await world.startGateway();
    await world.platform.socket.waitForConnection(WAIT_MS);
    world.model.script(drawing());
    const { messageId } = world.platform.socket.sendText({ userId: "zhangsan", text: "画一座山" });
    const bubble = await world.platform.waitForBubble(messageId, { finished: true }, WAIT_MS);
    expect(bubble.content).toBe(TEXT);
    const pictures = () => world.platform.botMessages.filter(({ format }) => format === "media");
    await until(async () => pictures().length === 1);
    expect(pictures()).toMatchObject([{ kind: "reply", messageId }]);
    expect(await sizeOf(world.platform.media(pictures()[0]?.media?.[0]?.id ?? "")?.bytes)).toEqual(SIZE);
    const next = world.platform.socket.sendText({ userId: "zhangsan", text: "谢谢" });
    await world.platform.waitForBubble(next.messageId, { finished: true }, WAIT_MS);
    expect(pictures()).toHaveLength(1);
  });

  test("in the app's chat the picture follows the text as a message of its own", async () => {
    world = await startWorld({ packs: false });
    await world.startGateway();
    world.model.script(drawing());
    world.platform.sendAppText({ userId: "lisi", text: "画一座山" });
    const [text, picture] = await world.platform.waitForAppMessages("lisi", 2, WAIT_MS);
    expect(text?.text).toBe(TEXT);
    expect(picture?.msgtype).toBe("image");
    const mediaId = String(picture?.content.media_id);
    expect(await sizeOf(world.platform.media(mediaId)?.bytes)).toEqual(SIZE);
  });

  test("a picture of the app whose send got no answer is sent again as the same request, and arrives once", async () => {
    world = await startWorld({ packs: false });
    await world.startGateway();
    world.platform.fault({ call: "message/send", effect: { kind: "hang_up", when: "after_effect" }, after: 1 });
    world.model.script(drawing());
    world.platform.sendAppText({ userId: "lisi", text: "画一座山" });
    await until(() => world.platform.sends.some((send) => send.duplicate), { timeoutMs: WAIT_MS });
    expect(world.platform.inbox("lisi").map(({ msgtype }) => msgtype)).toEqual(["text", "image"]);
    expect(world.platform.callCount("media/upload")).toBe(1);
  });

  test("a worker killed while it uploads: the next one sends the picture of the journal, and the text is not repeated", async () => {
    world = await startWorld({ packs: false });
    const doomed = await world.startProcess();
    world.platform.fault({ call: "media/upload", effect: { kind: "delay", delayMs: 60_000 } });
    world.model.script(drawing());
    world.platform.sendAppText({ userId: "lisi", text: "画一座山" });
    await until(() => world.platform.callCount("media/upload") === 1, { timeoutMs: WAIT_MS });
    await doomed.kill();
    world.forget(doomed.url);
    await world.startProcess();
    const messages = await world.platform.waitForAppMessages("lisi", 2, WAIT_MS);
    expect(messages.map(({ msgtype }) => msgtype)).toEqual(["text", "image"]);
    expect(world.model.requests).toHaveLength(1);
  }, 60_000);

  test("a picture that WeCom does not take costs the answer nothing but the picture", async () => {
    world = await startWorld({ packs: false });
    await world.startGateway();
    world.platform.fault({ call: "media/upload", effect: { kind: "errcode", errcode: 40_004 } });
    world.model.script(drawing());
    world.platform.sendAppText({ userId: "lisi", text: "画一座山" });
    await world.platform.waitForAppMessages("lisi", 1, WAIT_MS);
    world.platform.sendAppText({ userId: "lisi", text: "再问一句" });
    const messages = await world.platform.waitForAppMessages("lisi", 2, WAIT_MS);
    expect(messages.map(({ msgtype }) => msgtype)).toEqual(["text", "text"]);
    expect(JSON.stringify(world.model.requests.at(-1)?.body)).toContain("[图片：一座山]");
  });
});

describe("pictures that an answer names by their address", () => {
  let server: Server;
  let host: string;

  beforeEach(async () => {
    server = createServer((req, res) => {
      if (req.url === "/hill.png") res.end(png);
      else res.writeHead(404).end();
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    server.close();
    await once(server, "close");
  });

  test("are sent from a host that is named; all others stay links", async () => {
    world = await startWorld({ packs: false });
    await world.startGateway({ ANSWER_IMAGE_HOSTS: host });
    const others = `![二](http://${host}/gone.png) ![三](https://elsewhere.example/3.png)`;
    world.model.script([answers(`![一](http://${host}/hill.png) ${others}`)]);
    const { messageId } = world.platform.sendBotText({ userId: "zhangsan", text: "有图吗" });
    const bubble = await world.platform.waitForBubble(messageId, { finished: true }, WAIT_MS);
    expect(bubble.content).toBe(`[图片：一] ${others}`);
    expect(bubble.images).toBe(1);
  });

  test("stay links where no host is named", async () => {
    world = await startWorld({ packs: false });
    await world.startGateway();
    const text = `![一](http://${host}/hill.png)`;
    world.model.script([answers(text)]);
    const { messageId } = world.platform.sendBotText({ userId: "zhangsan", text: "有图吗" });
    const bubble = await world.platform.waitForBubble(messageId, { finished: true }, WAIT_MS);
    expect(bubble).toMatchObject({ content: text, images: 0 });
  });
});
