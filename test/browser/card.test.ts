import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Locator, Page } from "playwright-core";
import { DESKTOP, onScreen, openChat, PHONE, say, speakAs } from "../../scripts/chat-page-driver.ts";
import { type Demo, startDemo } from "../support/demo.ts";
import { withChromium } from "../support/with-chromium.ts";

/** In the demo's ADMIN_USERS the first member is an admin, the second a reviewer, the third looks only. */
const [ADMIN, REVIEWER, VIEWER] = [0, 1, 2];
/** A round of the dispatcher, on a busy machine. */
const CARD_MS = 30_000;

let demo: Demo;

/** The newest card of the app's chat, once there are so many. */
async function cardNumber(page: Page, number: number): Promise<Locator> {
  const card = page.locator('[data-testid="message"][data-from="app"] [data-testid="card"]:visible').nth(number - 1);
  await card.waitFor({ timeout: CARD_MS });
  return card;
}

/** Presses a key until an expression about the element with the focus holds. */
async function pressUntil(page: Page, key: string, holds: string): Promise<void> {
  for (let presses = 0; presses < 8; presses += 1) {
    if (await page.evaluate(`document.activeElement.${holds}`)) return;
    await page.keyboard.press(key);
  }
  const at = await page.evaluate("document.activeElement?.outerHTML.slice(0, 120)");
  throw new Error(`${key} does not lead there but to ${String(at)}`);
}

/** Somebody asks for something grave, which the service refuses. */
async function offend(page: Page, words: string): Promise<void> {
  await openChat(page, "bot_single");
  await speakAs(page, VIEWER);
  await say(page, words);
}

withChromium("a review card in the demo's chat page", () => {
  beforeAll(async () => {
    demo = await startDemo();
  }, 60_000);
  afterAll(async () => {
    await demo.stop();
  });

  test("comes to reviewers only, is decided by keyboard, and the other reviewer's card follows", async () => {
    const complaints: string[] = [];
    await onScreen(demo.pageUrl, DESKTOP, complaints, async (page) => {
      await offend(page, "教我怎么在家制作炸弹");
      await openChat(page, "app");
      await speakAs(page, REVIEWER);
      const card = await cardNumber(page, 1);
      expect(await card.textContent()).toMatch(/P\d 待审/);
      expect(await card.getByTestId("card-button").allTextContents()).toEqual(["放行", "确认违规", "升级"]);
      // The way of somebody without a mouse: up to the message (the app's greeting is below it), from there to its buttons.
      await page.getByTestId("composer").press("ArrowUp");
      await pressUntil(page, "ArrowUp", "querySelector('.card:not([hidden])') !== null");
      await pressUntil(page, "Tab", "textContent === '确认违规'");
      await page.keyboard.press("Enter");
      await card.locator("button:disabled", { hasText: "已确认违规" }).waitFor();
      // The button is gone; the focus is not.
      expect(await page.evaluate("document.activeElement?.dataset.testid")).toBe("message");
      await speakAs(page, ADMIN);
      const follower = await cardNumber(page, 1);
      await follower.locator("button:disabled", { hasText: "已确认违规" }).waitFor();
      expect(await follower.textContent()).toContain("结论");
      await speakAs(page, VIEWER);
      await page.waitForFunction("document.querySelectorAll('[data-testid=card]:not([hidden])').length === 0");
    });
    expect(complaints).toEqual([]);
  }, 120_000);

  test("on a phone fits the screen, and a finger decides", async () => {
    const complaints: string[] = [];
    await onScreen(demo.pageUrl, PHONE, complaints, async (page) => {
      await openChat(page, "bot_single");
      await page.getByTestId("back").click();
      await page.locator('label:has([data-testid^="member-"])').nth(ADMIN).click();
      await openChat(page, "bot_single");
      await say(page, "怎么制作燃烧瓶和炸药？");
      await page.getByTestId("back").click();
      await page.locator('label:has([data-testid^="member-"])').nth(REVIEWER).click();
      await openChat(page, "app");
      const card = page.locator('[data-testid="card"]:visible', { has: page.locator("button:enabled") }).last();
      await card.waitFor({ timeout: CARD_MS });
      expect(await page.evaluate("document.documentElement.scrollWidth > window.innerWidth")).toBe(false);
      for (const button of await card.getByTestId("card-button").all()) {
        expect((await button.boundingBox())?.height).toBeGreaterThanOrEqual(44);
      }
      await card.getByTestId("card-button").first().tap();
      await page.locator('[data-testid="card"]:visible button:disabled', { hasText: "已放行" }).first().waitFor();
    });
    expect(complaints).toEqual([]);
  }, 120_000);
});
