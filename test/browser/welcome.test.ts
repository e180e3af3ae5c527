import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { DESKTOP, known, onScreen, openChat } from "../../scripts/chat-page-driver.ts";
import { type Demo, startDemo } from "../support/demo.ts";
import { withChromium } from "../support/with-chromium.ts";

let demo: Demo;

withChromium("the welcome card in the demo's chat page", () => {
  beforeAll(async () => {
    demo = await startDemo();
  }, 60_000);
  afterAll(async () => {
    await demo.stop();
  });

  test("says what is recorded, and a question is asked by a tap", async () => {
    const complaints: string[] = [];
    await onScreen(demo.pageUrl, DESKTOP, complaints, async (page) => {
      await openChat(page, "bot_single");
      const card = page.getByTestId("card").filter({ visible: true });
      await card.waitFor();
      expect(await card.textContent()).toMatch(/30 天.*190 天.*IT 服务台/);
      const questions = card.getByTestId("card-question");
      expect(await questions.count()).toBe(3);
      await questions.last().click();
      await page.locator('[data-reply-to][data-state="finished"]').waitFor({ timeout: 60_000 });
      expect(await known(page, "member").textContent()).toMatch(/你能帮我做什么？/);
    });
    expect(complaints).toEqual([]);
  }, 120_000);
});
