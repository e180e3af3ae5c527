import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { WSClient, type WsFrame } from "@wecom/aibot-node-sdk";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { DESKTOP, known, onScreen, openPanel, PHONE } from "../../scripts/chat-page-driver.ts";
import { type ChatServer, startChatServer } from "../../simulator/chat-server.ts";
import { startWeComPlatform, type WeComPlatform } from "../../simulator/wecom-platform.ts";
import { withChromium } from "../support/with-chromium.ts";

/** Files in the chat page, with a bot behind it that only says what it was sent. */

const QUIET = { debug() {}, info() {}, warn() {}, error() {} };
let platform: WeComPlatform;
let chat: ChatServer;
let bot: WSClient;
let picture: Buffer;

async function openSocketChat(page: Page): Promise<void> {
  await page.getByTestId("chat-socket").click();
  await page.getByTestId("composer").waitFor();
}

async function attach(page: Page, ...files: { name: string; mimeType: string; buffer: Buffer }[]): Promise<void> {
  const before = await page.getByTestId("attachment").count();
  await page.getByTestId("attach-input").setInputFiles(files);
  await page
    .getByTestId("attachment-remove")
    .nth(before + files.length - 1)
    .waitFor();
  await page.locator('[data-testid="attachment"] .spinner').first().waitFor({ state: "detached" });
}

withChromium("files in the chat page", () => {
  beforeAll(async () => {
    const fill = { width: 320, height: 200, channels: 3 as const, background: "#4a7bd0" };
    picture = await sharp({ create: fill }).png().toBuffer();
    platform = await startWeComPlatform({ socketBot: { name: "应答" } });
    chat = await startChatServer({ platform, contacts: ["socket", "app"], inspector: { flags: async () => [] } });
    const { botId, secret } = platform.socket.credentials;
    bot = new WSClient({ botId, secret, wsUrl: platform.socket.url, logger: QUIET });
    bot.on("message", (frame: WsFrame) => {
      const { msgtype } = frame.body as { msgtype: string };
      void bot.replyStream(frame, `s-${frame.headers.req_id}`, `收到 ${msgtype}`, true).catch(() => undefined);
    });
    bot.connect();
    await platform.socket.waitForConnection(10_000);
  }, 60_000);
  afterAll(async () => {
    bot.disconnect();
    await chat.stop();
    await platform.stop();
  });

  test("a picture is chosen, seen, sent with a text, and shown in the list", async () => {
    const complaints: string[] = [];
    await onScreen(chat.url, DESKTOP, complaints, async (page) => {
      await openSocketChat(page);
      await attach(page, { name: "蓝.png", mimeType: "image/png", buffer: picture });
      await page.getByTestId("composer").fill("这是什么颜色？");
      await page.getByTestId("composer").press("Enter");
      const sent = known(page, "member").last();
      await sent.getByTestId("media-image").waitFor();
      expect(await sent.textContent()).toContain("这是什么颜色？");
      await known(page, "bot").filter({ hasText: "收到 mixed" }).waitFor();
      const image = sent.locator("img");
      expect(await image.evaluate((node) => (node as unknown as { naturalWidth: number }).naturalWidth)).toBe(320);
      expect(await page.getByTestId("attachments").isVisible()).toBe(false);
    });
    expect(complaints).toEqual([]);
  }, 60_000);

  test("a file is pasted, one is dropped, one is taken away again, all by keyboard or pointer", async () => {
    await onScreen(chat.url, DESKTOP, [], async (page) => {
      await openSocketChat(page);
      for (const [event, target] of [
        ["paste", "#input"],
        ["drop", "#conversation"],
      ] as const) {
        await page.evaluate(
          `(() => {
            const data = new DataTransfer();
            data.items.add(new File(["the text"], ${JSON.stringify(`${event}.txt`)}));
            const init = { bubbles: true, cancelable: true };
            const event = ${event === "paste"}
              ? new ClipboardEvent("paste", { ...init, clipboardData: data })
              : new DragEvent("drop", { ...init, dataTransfer: data });
            document.querySelector(${JSON.stringify(target)}).dispatchEvent(event);
          })()`,
        );
        await page
          .getByTestId("media-file")
          .filter({ hasText: `${event}.txt` })
          .waitFor();
      }
      await page.getByTestId("attachment-remove").first().focus();
      await page.keyboard.press("Enter");
      expect(await page.getByTestId("attachment").count()).toBe(1);
      await page.getByTestId("composer").press("Enter");
      const sent = known(page, "member").last();
      await sent.getByTestId("media-file").filter({ hasText: "drop.txt" }).waitFor();
      await known(page, "bot").filter({ hasText: "收到 file" }).waitFor();
    });
  }, 60_000);

  test("a voice is sent with its transcript, and what the bot pushes is shown, also on a phone", async () => {
    const complaints: string[] = [];
    await onScreen(chat.url, PHONE, complaints, async (page) => {
      await openSocketChat(page);
      await attach(page, { name: "说话.amr", mimeType: "audio/amr", buffer: Buffer.from("#!AMR\n0123456789") });
      expect(await page.getByTestId("composer").getAttribute("placeholder")).toContain("转写");
      await page.getByTestId("composer").fill("明天几点开会");
      await page.getByTestId("send").click();
      await known(page, "bot").filter({ hasText: "收到 voice" }).waitFor();
      const { media_id: mediaId } = await bot.uploadMedia(picture, { type: "image", filename: "answer.png" });
      await bot.sendMediaMessage("zhangsan", "image", mediaId);
      await known(page, "bot").last().getByTestId("media-image").waitFor();
      const wide = await page.evaluate("document.documentElement.scrollWidth > innerWidth");
      expect(wide).toBe(false);
    });
    expect(complaints).toEqual([]);
  }, 60_000);

  test("the panel pushes the bot out, and a message after it is shown as lost", async () => {
    await onScreen(chat.url, DESKTOP, [], async (page) => {
      await openSocketChat(page);
      await openPanel(page);
      await page.getByTestId("tab-faults").click();
      await page.getByTestId("fault-kick").click();
      await page.locator("#chat-kind").filter({ hasText: "未建立" }).waitFor();
      await page.getByTestId("composer").fill("有人吗？");
      await page.getByTestId("composer").press("Enter");
      await page.locator('[data-testid="message"][data-state="lost"]').filter({ hasText: "丢了" }).waitFor();
    });
  }, 60_000);
});
