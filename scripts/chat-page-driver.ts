import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type BrowserContext, chromium, type Locator, type Page } from "playwright-core";

/** Drives the simulator's chat page in a real Chromium: for the documentation's pictures and for the browser test. */

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

export const DESKTOP: Screen = { width: 1280, height: 800, scale: 1.25 };
export const PHONE: Screen = { width: 390, height: 844, scale: 2, touch: true };

export async function openChat(page: Page, kind: "app" | "bot_single" | "bot_group"): Promise<void> {
  await page.locator(`[data-testid^="chat-"][data-kind="${kind}"]`).click();
  await page.getByTestId("composer").waitFor();
}

export async function speakAs(page: Page, index: number): Promise<void> {
  // the radio button itself is hidden behind the member's face
  await page.locator('label:has([data-testid^="member-"])').nth(index).click();
}

/** Writes `@` and takes the first of the list, which is the bot. */
export async function mentionBot(page: Page): Promise<void> {
  const input = page.getByTestId("composer");
  await input.pressSequentially("@");
  await page.getByTestId("mention-option").first().waitFor();
  await input.press("Enter");
}

/** Sends a message (`typed`: after what stands in the box) and waits until its answer is complete. */
export async function say(page: Page, text: string, { typed = false } = {}): Promise<void> {
  const input = page.getByTestId("composer");
  if (typed) await input.pressSequentially(text);
  else await input.fill(text);
  const before = await known(page, "member").count();
  await input.press("Enter");
  const id = await known(page, "member").nth(before).getAttribute("data-message-id");
  await page.locator(`[data-reply-to="${id}"][data-state="finished"]`).waitFor({ timeout: ANSWER_MS });
}

/** Messages that the simulator has taken; one that is still on its way there has an id of the page's own. */
export function known(page: Page, from: "member" | "bot"): Locator {
  return page.locator(`[data-testid="message"][data-from="${from}"]:not([data-message-id^="pending-"])`);
}

export async function openPanel(page: Page): Promise<void> {
  if (!(await page.getByTestId("panel").isVisible())) await page.getByTestId("panel-toggle").click();
  await page.getByTestId("panel").waitFor();
}

export async function closePanel(page: Page): Promise<void> {
  if (await page.getByTestId("panel").isVisible()) await page.getByTestId("panel-close").click();
  await page.getByTestId("panel").waitFor({ state: "hidden" });
}

/** Runs `story` in a browser of its own, and notes every error and warning of its console. */
export async function onScreen(
  baseUrl: string,
  screen: Screen,
  complaints: string[],
  story: (page: Page) => Promise<void>,
): Promise<void> {
  const executablePath = findChromium();
  if (executablePath === null) throw new Error("No Chromium here: install Debian's `chromium`, or set CHROMIUM_PATH.");
  const profile = await mkdtemp(path.join(tmpdir(), "yingda-chromium-"));
  let context: BrowserContext | undefined;
  try {
    context = await chromium.launchPersistentContext(profile, {
      executablePath,
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

/** A Chromium of this machine, or null. */
export function findChromium(): string | null {
  return [process.env.CHROMIUM_PATH, ...CHROMIUMS].find((file) => file !== undefined && existsSync(file)) ?? null;
}
