import path from "node:path";
import type { Page } from "playwright-core";
import { onScreen } from "../../scripts/chat-page-driver.ts";
import { buildConsole, consoleInPlace } from "../../scripts/setup/console.mjs";
import { withLock } from "../../scripts/setup/lock.mjs";
import { runStep } from "../../scripts/setup/tether.mjs";
import type { FakeAdmin } from "./fake-admin-api.ts";

/** Drives the review console's page in a browser. */

const CHECKOUT = path.resolve(import.meta.dirname, "../..");
const DIST = path.join(CHECKOUT, "console", "dist");

export const WIDE = { width: 1920, height: 1080, scale: 1 };
export const DESK = { width: 1280, height: 800, scale: 1 };
export const PHONE = { width: 390, height: 844, scale: 2, touch: true };

/** Builds the page when its sources are newer than what was built; test files that start together build it once. */
export async function builtConsole(): Promise<string> {
  if (consoleInPlace(CHECKOUT)) return DIST;
  await withLock(path.join(CHECKOUT, ".yingda", "console-lock"), silent, async () => {
    if (!consoleInPlace(CHECKOUT)) await buildConsole(CHECKOUT, process.env, { say: silent, step: runStep });
  });
  return DIST;
}

function silent(): void {}

export type Role = "admin" | "reviewer" | "viewer";

/** Opens the console signed in as one of the fake's people, in a browser of its own. */
export async function reviewing(
  admin: FakeAdmin,
  { as = "reviewer", screen = DESK, at = "" }: { as?: Role; screen?: typeof DESK; at?: string },
  complaints: string[],
  story: (page: Page) => Promise<void>,
): Promise<void> {
  await onScreen(`${admin.url}/admin/${at}`, screen, complaints, async (page) => {
    await page.getByTestId("token").fill(`token-${as}`);
    await page.keyboard.press("Enter");
    await page.locator(".shell").waitFor();
    // the browser itself complains of the 401 by which the page learns that nobody is signed in
    const others = complaints.filter((complaint) => !complaint.includes("status of 401"));
    complaints.splice(0, complaints.length, ...others);
    await page.locator('[data-testid="line"][data-state="live"]').waitFor({ state: "attached" });
    await story(page);
  });
}

/** Waits until that case lies on the desk. */
export async function openedCase(page: Page, caseNumber?: string): Promise<string> {
  const open =
    caseNumber === undefined
      ? page.getByTestId("case")
      : page.locator(`[data-testid="case"][data-case="${caseNumber}"]`);
  await open.waitFor();
  return (await open.getAttribute("data-case")) ?? "";
}

/** Presses a key where no field has the focus, as somebody who reads a case does. */
export async function press(page: Page, ...keys: string[]): Promise<void> {
  for (const key of keys) await page.keyboard.press(key);
}

/** What runs in the page is text: it is not checked by the types of this side. */
export function widerThanScreen(page: Page): Promise<boolean> {
  return page.evaluate("document.documentElement.scrollWidth > window.innerWidth");
}
