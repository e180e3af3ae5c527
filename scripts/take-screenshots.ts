import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type BrowserContext, chromium, type Locator, type Page } from "playwright-core";

/**
 * Takes the documentation's pictures of the chat page: `node scripts/take-screenshots.ts http://127.0.0.1:PORT`, with
 * the address that `npm run demo` prints. Chinese, as most readers are. Ends with 1 when a state does not come, when
 * the browser's console has something to say, or when a picture is too heavy for a README.
 */

const IMAGES = path.join(import.meta.dirname, "..", "docs", "images");
const PNG_BYTES_MAX = 250 * 1024;
/** For the page itself; a state that takes longer is a fault of the page. */
const STATE_MS = 10_000;
/** For an answer: a real model on a busy machine may be behind the demo. */
const ANSWER_MS = 90_000;
const CHROMIUMS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const CHROMIUM_FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

interface Screen {
  width: number;
  height: number;
  scale: number;
  touch?: boolean;
}

const DESKTOP: Screen = { width: 1280, height: 800, scale: 1.25 };
const PHONE: Screen = { width: 390, height: 844, scale: 2, touch: true };

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

async function openChat(page: Page, kind: "app" | "bot_single" | "bot_group"): Promise<void> {
  await page.locator(`[data-testid^="chat-"][data-kind="${kind}"]`).click();
  await page.getByTestId("composer").waitFor();
}

async function speakAs(page: Page, index: number): Promise<void> {
  // the radio button itself is hidden behind the member's face
  await page.locator('label:has([data-testid^="member-"])').nth(index).click();
}

/** Writes `@` and takes the first of the list, which is the bot. */
async function mentionBot(page: Page): Promise<void> {
  const input = page.getByTestId("composer");
  await input.pressSequentially("@");
  await page.getByTestId("mention-option").first().waitFor();
  await input.press("Enter");
}

/** Sends a message (`typed`: after what stands in the box) and waits until its answer is complete. */
async function say(page: Page, text: string, { typed = false } = {}): Promise<void> {
  const input = page.getByTestId("composer");
  if (typed) await input.pressSequentially(text);
  else await input.fill(text);
  const before = await known(page, "member").count();
  await input.press("Enter");
  const id = await known(page, "member").nth(before).getAttribute("data-message-id");
  await page.locator(`[data-reply-to="${id}"][data-state="finished"]`).waitFor({ timeout: ANSWER_MS });
}

/** Messages that the simulator has taken; one that is still on its way there has an id of the page's own. */
function known(page: Page, from: "member" | "bot"): Locator {
  return page.locator(`[data-testid="message"][data-from="${from}"]:not([data-message-id^="pending-"])`);
}

async function openPanel(page: Page): Promise<void> {
  if (!(await page.getByTestId("panel").isVisible())) await page.getByTestId("panel-toggle").click();
  await page.getByTestId("panel").waitFor();
}

async function closePanel(page: Page): Promise<void> {
  if (await page.getByTestId("panel").isVisible()) await page.getByTestId("panel-close").click();
  await page.getByTestId("panel").waitFor({ state: "hidden" });
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

/** Runs `story` in a browser of its own, and notes every error and warning of its console. */
async function onScreen(
  baseUrl: string,
  screen: Screen,
  complaints: string[],
  story: (page: Page) => Promise<void>,
): Promise<void> {
  const profile = await mkdtemp(path.join(tmpdir(), "yingda-screenshots-"));
  let context: BrowserContext | undefined;
  try {
    context = await chromium.launchPersistentContext(profile, {
      executablePath: chromiumPath(),
      args: CHROMIUM_FLAGS,
      locale: "zh-CN",
      colorScheme: "light",
      viewport: { width: screen.width, height: screen.height },
      deviceScaleFactor: screen.scale,
      hasTouch: screen.touch === true,
    });
    context.setDefaultTimeout(STATE_MS);
    const page = context.pages()[0] ?? (await context.newPage());
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
    });
    await page.goto(baseUrl);
    await story(page);
  } finally {
    await context?.close();
    await rm(profile, { recursive: true, force: true });
  }
}

function chromiumPath(): string {
  const found = [process.env.CHROMIUM_PATH, ...CHROMIUMS].find((file) => file !== undefined && existsSync(file));
  if (found === undefined) throw new Error("No Chromium here: install Debian's `chromium`, or set CHROMIUM_PATH.");
  return found;
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
