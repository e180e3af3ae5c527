import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { DESKTOP, onScreen, openChat, speakAs } from "../../scripts/chat-page-driver.ts";
import { type Demo, startDemo } from "../support/demo.ts";
import { withChromium } from "../support/with-chromium.ts";

const WAIT = { timeout: 30_000 };

let demo: Demo;

withChromium("something inappropriate in the demo's chat", () => {
  beforeAll(async () => {
    demo = await startDemo();
  }, 60_000);
  afterAll(async () => {
    await demo.stop();
  });

  test("arrives live in the console, is decided on a card in the chat page, and the console follows", async () => {
    const complaints: string[] = [];
    await onScreen(demo.consoleUrl, DESKTOP, complaints, async (console_) => {
      await console_
        .getByText(/0 件待处理|0 open/)
        .first()
        .waitFor(WAIT);
      expect(console_.url()).not.toContain("login=");
      await onScreen(demo.pageUrl, DESKTOP, complaints, async (chat) => {
        await openChat(chat, "bot_single");
        await chat.getByTestId("suggestion-4").click();
        // 张三 asked; 李四 is a reviewer and gets the card in the app's chat.
        await console_
          .getByText(/1 件待处理|1 open/)
          .first()
          .waitFor(WAIT);
        await speakAs(chat, 1);
        await openChat(chat, "app");
        await chat.getByTestId("card-button").getByText("放行", { exact: true }).click(WAIT);
        await chat.getByTestId("card-button").getByText("已放行", { exact: true }).waitFor(WAIT);
        await console_
          .getByText(/0 件待处理|0 open/)
          .first()
          .waitFor(WAIT);
      });
    });
    // The sign-in page asks who is there, and nobody is: the browser notes that as an error.
    expect(complaints.filter((complaint) => !complaint.includes("401"))).toEqual([]);
  }, 120_000);
});
