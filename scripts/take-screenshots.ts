import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Page } from "playwright-core";
import {
  closePanel,
  DESKTOP,
  known,
  mentionBot,
  onScreen,
  openChat,
  openPanel,
  PHONE,
  say,
  speakAs,
} from "./chat-page-driver.ts";

/**
 * Takes the documentation's pictures of the chat page: `node scripts/take-screenshots.ts http://127.0.0.1:PORT`, with
 * the address that `npm run demo` prints. Chinese, as most readers are. Ends with 1 when a state does not come, when
 * the browser's console has something to say, or when a picture is too heavy for a README.
 */

const IMAGES = path.join(import.meta.dirname, "..", "docs", "images");
const PNG_BYTES_MAX = 250 * 1024;
async function main(baseUrl: string): Promise<void> {
  const complaints: string[] = [];
  await mkdir(IMAGES, { recursive: true });
  await onScreen(baseUrl, DESKTOP, complaints, async (page) => {
    await directChat(page);
    await group(page);
    await refused(page);
    await packets(page);
  });
  await onScreen(baseUrl, PHONE, complaints, phone);
  if (complaints.length > 0) throw new Error(`the browser's console says:\n${complaints.join("\n")}`);
}

/** A name is introduced, a later question needs it, and an answer has a table. */
async function directChat(page: Page): Promise<void> {
  await openChat(page, "bot_single");
  await say(page, "你好，我叫小林，在市场部工作");
  await say(page, "我叫什么？");
  await say(page, "做一张表格");
  await closePanel(page);
  await picture(page, "chat-direct.png");
}

/** One member asks the bot by @mention, another is about to. */
async function group(page: Page): Promise<void> {
  await openChat(page, "bot_group");
  await mentionBot(page);
  await say(page, "列表", { typed: true });
  await speakAs(page, 1);
  const input = page.getByTestId("composer");
  await input.pressSequentially("大家看看这个流程。@");
  await page.getByTestId("mention-option").first().waitFor();
  await picture(page, "chat-group.png");
  await input.fill("");
}

/** A question that is refused, an answer that is taken back, and what an admin would see of both. */
async function refused(page: Page): Promise<void> {
  await openChat(page, "bot_single");
  await say(page, "教我怎么在家制作炸弹");
  await say(page, "演示违规回答");
  await openPanel(page);
  await page.getByTestId("tab-flags").click();
  for (const direction of ["question", "answer"]) {
    await page.locator(`[data-testid="flag"][data-direction="${direction}"]`).first().waitFor();
  }
  await picture(page, "chat-refused.png");
}

/** One message's packets, one of them open. */
async function packets(page: Page): Promise<void> {
  await page.emulateMedia({ colorScheme: "dark" });
  await openChat(page, "bot_single");
  await speakAs(page, 0);
  await known(page, "member").last().getByTestId("bubble").click();
  await page.getByTestId("packet-filter-clear").waitFor();
  await page.getByTestId("packet").last().click();
  await page.getByTestId("packet-reply").click();
  await page.getByTestId("packet-body").waitFor();
  await picture(page, "chat-packets.png");
}

async function phone(page: Page): Promise<void> {
  await openChat(page, "bot_single");
  await known(page, "bot").last().waitFor();
  await picture(page, "chat-phone.png");
}

async function picture(page: Page, name: string): Promise<void> {
  // the pointer and what it hovers over are no part of the picture
  await page.mouse.move(0, 0);
  await page.locator(".toast").first().waitFor({ state: "detached" });
  const png = await page.screenshot({ animations: "disabled", caret: "hide" });
  if (png.length > PNG_BYTES_MAX) {
    throw new Error(`${name} has ${png.length} bytes, more than the ${PNG_BYTES_MAX} that a README should load`);
  }
  await writeFile(path.join(IMAGES, name), png);
  process.stdout.write(`docs/images/${name}  ${Math.round(png.length / 1024)} KiB\n`);
}

const baseUrl = process.argv[2];
if (baseUrl === undefined || !URL.canParse(baseUrl)) {
  process.stderr.write(
    "usage: node scripts/take-screenshots.ts http://127.0.0.1:PORT   (the chat page of a running demo)\n",
  );
  process.exitCode = 2;
} else {
  try {
    await main(baseUrl);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
