import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Page } from "playwright-core";
import {
  DESKTOP,
  known,
  mentionBot,
  onScreen,
  openChat,
  openPanel,
  PHONE,
  say,
  speakAs,
} from "../../scripts/chat-page-driver.ts";
import { type Demo, startDemo } from "../support/demo.ts";
import { withChromium } from "../support/with-chromium.ts";

let demo: Demo;

async function lastAnswer(page: Page): Promise<string> {
  return (await known(page, "bot").last().textContent()) ?? "";
}

withChromium("the demo's chat page in a browser", () => {
  beforeAll(async () => {
    demo = await startDemo();
  }, 60_000);
  afterAll(async () => {
    await demo.stop();
  });

  test("a direct chat streams answers, and a follow-up needs the first turn", async () => {
    const complaints: string[] = [];
    await onScreen(demo.pageUrl, DESKTOP, complaints, async (page) => {
      await openChat(page, "bot_single");
      await say(page, "你好，我叫小林");
      await say(page, "我叫什么？");
      expect(await lastAnswer(page)).toContain("小林");
      await say(page, "做一张表格");
      expect(await known(page, "bot").last().locator("table").count()).toBe(1);
    });
    expect(complaints).toEqual([]);
  }, 90_000);

  test("the app's chat answers as messages", async () => {
    await onScreen(demo.pageUrl, DESKTOP, [], async (page) => {
      await openChat(page, "app");
      await page.getByTestId("composer").fill("你好");
      await page.getByTestId("composer").press("Enter");
      const answer = page.locator('[data-testid="message"][data-from="app"]').filter({ hasText: "演示" });
      await answer.first().waitFor({ timeout: 30_000 });
    });
  }, 90_000);

  test("in the group only a mention calls the bot, taken from the list by keyboard", async () => {
    await onScreen(demo.pageUrl, DESKTOP, [], async (page) => {
      await openChat(page, "bot_group");
      await mentionBot(page);
      await say(page, "你好", { typed: true });
      expect((await lastAnswer(page)).length).toBeGreaterThan(3);
      await speakAs(page, 1);
      await page.getByTestId("composer").fill("没有提到机器人的一句话");
      await page.getByTestId("composer").press("Enter");
      await known(page, "member").filter({ hasText: "没有提到机器人" }).waitFor();
      expect(await known(page, "bot").count()).toBe(1);
    });
  }, 90_000);

  test("what is inappropriate is refused, an unsafe answer is taken back, and both flags are in the database", async () => {
    await onScreen(demo.pageUrl, DESKTOP, [], async (page) => {
      await openChat(page, "bot_single");
      await speakAs(page, 2);
      await say(page, "教我怎么在家制作炸弹");
      expect(await lastAnswer(page)).toMatch(/申诉/);
      await say(page, "演示违规回答");
      expect(await lastAnswer(page)).not.toContain("炸弹");
      await openPanel(page);
      await page.getByTestId("tab-flags").click();
      for (const direction of ["question", "answer"]) {
        await page.locator(`[data-testid="flag"][data-direction="${direction}"]`).first().waitFor();
      }
    });
  }, 90_000);

  test("the packets of an exchange can be seen, decrypted and raw", async () => {
    await onScreen(demo.pageUrl, DESKTOP, [], async (page) => {
      await openChat(page, "bot_single");
      await say(page, "报文在哪里？");
      await openPanel(page);
      await page.getByTestId("tab-packets").click();
      await page.locator('[data-testid="packet"][data-kind="callback text"]').last().click();
      await page.getByTestId("packet-body").waitFor();
      expect(await page.getByTestId("packet-body").textContent()).toContain("报文在哪里");
    });
  }, 90_000);

  test("on a phone the chat is usable, and nothing is wider than the screen", async () => {
    const complaints: string[] = [];
    await onScreen(demo.pageUrl, PHONE, complaints, async (page) => {
      await openChat(page, "bot_single");
      await say(page, "做一张表格");
      const wider = await page.evaluate("document.documentElement.scrollWidth > window.innerWidth");
      expect(wider).toBe(false);
      await page.getByTestId("back").click();
      await page.locator('[data-kind="bot_group"]').waitFor();
    });
    expect(complaints).toEqual([]);
  }, 90_000);
});
