import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Page } from "playwright-core";
import {
  builtConsole,
  DESK,
  openedCase,
  PHONE,
  press,
  type Role,
  reviewing,
  WIDE,
} from "../test/support/console-page.ts";
import { type FakeAdmin, startFakeAdmin } from "../test/support/fake-admin-api.ts";

/**
 * Takes the documentation's pictures of the review console, with made-up cases: `node scripts/console-screenshots.ts`.
 * With `--all FOLDER` every page at every width, by day and by night, for looking over a change of the style sheets. Ends
 * with 1 when a state does not come, when the browser's console has something to say, or when a picture is too heavy.
 */

const IMAGES = path.join(import.meta.dirname, "..", "docs", "images");
const PNG_BYTES_MAX = 250 * 1024;
const CASES = 14;

interface Picture {
  name: string;
  at: string;
  screen: typeof DESK;
  as?: Role;
  scheme?: "light" | "dark";
  english?: boolean;
  story?: (page: Page) => Promise<void>;
}

const PICTURES: readonly Picture[] = [
  { name: "console-queue", at: "queue", screen: DESK, story: claimedByTwo },
  { name: "console-case", at: "cases/00000-CASES", screen: DESK, story: prepared },
  { name: "console-case-dark", at: "cases/00005-CASES", screen: DESK, scheme: "dark" },
  { name: "console-phone", at: "cases/00001-CASES", screen: PHONE },
  { name: "console-policy", at: "policy", screen: DESK, as: "admin", story: triedPolicy },
  { name: "console-dashboard", at: "dashboard", screen: WIDE, as: "admin", story: drawn },
  { name: "console-keys", at: "queue", screen: DESK, english: true, story: keySheet },
];

async function claimedByTwo(page: Page): Promise<void> {
  await page.getByTestId("row").nth(2).waitFor();
  await press(page, "j", "j", "b", "j", "b");
}

async function prepared(page: Page): Promise<void> {
  await openedCase(page);
  await press(page, "c");
  await page.getByText("你正在处理").first().waitFor();
  await press(page, "m");
  await page.getByTestId("restrict-dialog").waitFor();
  await press(page, "Enter");
  await page.getByTestId("note").fill("连续第三次尝试套取系统提示词，先禁言一天。");
  await press(page, "Escape");
}

async function triedPolicy(page: Page): Promise<void> {
  const editor = page.getByTestId("policy-text");
  await editor.waitFor();
  await editor.fill(
    (await editor.inputValue()).replace(
      "insult: { severity: P3, question: flag",
      "insult: { severity: P3, question: refuse",
    ),
  );
  await page.getByTestId("check").click();
  await page.getByTestId("try-message").fill("你怎么这么笨，重新算一遍");
  await page.getByTestId("try").click();
  await page.getByTestId("tried").waitFor();
  await page.getByTestId("run-dry").click();
  await page.getByTestId("dry-run-result").waitFor();
}

async function drawn(page: Page): Promise<void> {
  await page.locator(".plot canvas").nth(3).waitFor();
}

async function keySheet(page: Page): Promise<void> {
  await press(page, "?");
  await page.getByTestId("sheet").waitFor();
}

async function take(admin: FakeAdmin, picture: Picture, folder: string, complaints: string[]): Promise<void> {
  const { name, at, screen, as = "reviewer", scheme = "light", english = false, story } = picture;
  await reviewing(admin, { as, screen, at }, complaints, async (page) => {
    await page.emulateMedia({ colorScheme: scheme });
    if (english) await page.getByTestId("language").click();
    await page.locator(".skeleton").first().waitFor({ state: "detached" });
    await page.locator("h1:visible, h2:visible").first().waitFor();
    await story?.(page);
    // the pointer, passing words and what stands below them are no part of the picture
    await page.mouse.move(0, 0);
    await page.getByTestId("toast").first().waitFor({ state: "detached" });
    const png = await page.screenshot({ animations: "disabled", caret: "hide" });
    if (folder === IMAGES && png.length > PNG_BYTES_MAX) {
      throw new Error(`${name} has ${png.length} bytes, more than the ${PNG_BYTES_MAX} that a README should load`);
    }
    await writeFile(path.join(folder, `${name}.png`), png);
    process.stdout.write(`${name}.png  ${Math.round(png.length / 1024)} KiB\n`);
  });
}

function everything(): Picture[] {
  const pages = [
    "queue",
    "cases/00000-CASES",
    "people",
    "people?user=li.si",
    "policy",
    "dashboard",
    "audit",
    "settings",
  ];
  const screens = { 1280: DESK, 1920: WIDE, 390: PHONE };
  return Object.entries(screens).flatMap(([width, screen]) =>
    (["light", "dark"] as const).flatMap((scheme) =>
      pages.map((at) => ({
        name: `${at.replaceAll(/\W/g, "-")}-${width}-${scheme}`,
        at,
        screen,
        scheme,
        as: "admin" as const,
      })),
    ),
  );
}

async function main(folder: string, pictures: readonly Picture[]): Promise<void> {
  const complaints: string[] = [];
  const dist = await builtConsole();
  await mkdir(folder, { recursive: true });
  for (const picture of pictures) {
    const admin = await startFakeAdmin({ cases: CASES, dist });
    try {
      await take(admin, picture, folder, complaints);
    } finally {
      await admin.stop();
    }
  }
  if (complaints.length > 0) throw new Error(`the browser's console says:\n${complaints.join("\n")}`);
}

const [option, folder] = process.argv.slice(2);
if (option !== undefined && (option !== "--all" || folder === undefined)) {
  process.stderr.write("usage: node scripts/console-screenshots.ts [--all FOLDER]\n");
  process.exitCode = 2;
} else {
  try {
    if (folder === undefined) await main(IMAGES, PICTURES);
    else await main(folder, everything());
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
