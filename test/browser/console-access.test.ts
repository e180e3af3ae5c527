import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Page } from "playwright-core";
import { builtConsole, DESK, openedCase, PHONE, press, reviewing, widerThanScreen } from "../support/console-page.ts";
import { type FakeAdmin, startFakeAdmin } from "../support/fake-admin-api.ts";
import { until } from "../support/until.ts";
import { withChromium } from "../support/with-chromium.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const JS_BYTES_MAX = 60 * 1024;

const PAGES = {
  queue: "queue",
  case: "cases/00000-CASES",
  people: "people",
  person: "people?user=li.si",
  policy: "policy",
  dashboard: "dashboard",
  audit: "audit",
  settings: "settings",
};

/** What gets through where texts are put into a page as HTML. */
const HOSTILE = [
  '<img src=x onerror="window.hacked=1">',
  "<script>window.hacked=1</script>",
  '"><svg onload=window.hacked=1>',
  '<a href="javascript:window.hacked=1">点我</a>',
  "{{constructor.constructor('window.hacked=1')()}}",
  "<iframe srcdoc='<script>parent.hacked=1</script>'></iframe>",
  "![x](javascript:window.hacked=1) **粗体** <b>b</b>",
  "\u202Egnp.exe\u2066 ‮翻转",
];

let dist: string;
let admin: FakeAdmin;

async function violations(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const found = await page.evaluate(
    `axe.run(document, { runOnly: ${JSON.stringify(RULES)} }).then(({ violations }) =>
       violations.flatMap(({ id, nodes }) => nodes.map((node) => id + ": " + node.target.join(" ") + " " + node.any.map((one) => one.message).join("; "))))`,
  );
  return found as string[];
}

/** Also what waits for data: a page is judged when it is complete. */
async function settled(page: Page): Promise<void> {
  await page.locator(".shell").waitFor();
  await page.locator(".skeleton").first().waitFor({ state: "detached" });
  await page.locator("h1:visible, h2:visible").first().waitFor();
}

withChromium("the review console for everybody", () => {
  beforeAll(async () => {
    dist = await builtConsole();
    admin = await startFakeAdmin({ cases: 10, dist });
  }, 120_000);
  afterAll(async () => {
    await admin.stop();
  });

  test.each(["light", "dark"] as const)(
    "no page breaks a rule of WCAG 2.2 AA that axe knows, %s",
    async (colorScheme) => {
      const complaints: string[] = [];
      await reviewing(admin, { as: "admin" }, complaints, async (page) => {
        await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        for (const [name, at] of Object.entries(PAGES)) {
          await page.goto(`${admin.url}/admin/${at}`);
          await settled(page);
          expect([name, await violations(page)]).toEqual([name, []]);
        }
      });
      expect(complaints).toEqual([]);
    },
    120_000,
  );

  test("the dialogs and the door break none either", async () => {
    await reviewing(admin, { as: "admin", at: PAGES.case }, [], async (page) => {
      await page.emulateMedia({ reducedMotion: "reduce" });
      await openedCase(page);
      for (const key of ["m", "e", "z", "v", "?"]) {
        await press(page, key);
        await page.locator("dialog[open]").waitFor();
        expect([key, await violations(page)]).toEqual([key, []]);
        await press(page, "Escape");
        await page.locator("dialog").waitFor({ state: "detached" });
      }
      await page.getByTestId("extras").click();
      expect(await violations(page)).toEqual([]);
      await press(page, "Escape");
      await page.getByTestId("sign-out").click();
      await page.getByTestId("sign-in").waitFor();
      await page.getByTestId("token").waitFor();
      expect(await violations(page)).toEqual([]);
    });
  }, 60_000);

  test("on a phone every page fits, and a case is read, decided and left by touch", async () => {
    const complaints: string[] = [];
    await reviewing(admin, { as: "admin", screen: PHONE }, complaints, async (page) => {
      for (const language of ["en", "zh"]) {
        await page.evaluate(`localStorage.setItem("console language", "${language}")`);
        for (const [name, at] of Object.entries(PAGES)) {
          await page.goto(`${admin.url}/admin/${at}`);
          await settled(page);
          expect([name, language, await widerThanScreen(page)]).toEqual([name, language, false]);
          const bar = await page
            .getByTestId("decision-bar")
            .evaluateAll((bars) => bars.map((one) => one.scrollWidth <= one.clientWidth));
          expect([name, language, bar.includes(false)]).toEqual([name, language, false]);
          if (language === "zh") expect([name, await violations(page)]).toEqual([name, []]);
        }
      }
      await page.goto(`${admin.url}/admin/queue`);
      await page.locator('[data-testid="row"][data-case="00003-CASES"] a').tap();
      await openedCase(page, "00003-CASES");
      expect(await page.getByTestId("list").isVisible()).toBe(false);
      await page.getByTestId("do-allow").tap();
      await until(() => admin.cases.get("00003-CASES")?.resolution === "false_positive");
      await page.getByTestId("case").waitFor();
      await page.getByTestId("back").tap();
      await page.getByTestId("row").first().waitFor();
    });
    expect(complaints).toEqual([]);
  }, 90_000);

  test("what looks like script or markup is shown as text, in list, case, mark and note", async () => {
    const complaints: string[] = [];
    for (const hostile of HOSTILE) {
      const { caseNumber } = admin.cases.raise(`看这个 ${hostile.replaceAll(/[[\]]/g, "")}`);
      admin.cases.get(caseNumber)?.notes.push({ by: hostile, atMs: Date.now(), text: hostile });
    }
    await reviewing(admin, { as: "admin", at: "queue?q=%E7%9C%8B%E8%BF%99%E4%B8%AA" }, complaints, async (page) => {
      await until(async () => (await page.getByTestId("row").count()) === HOSTILE.length);
      const numbers = await page
        .getByTestId("row")
        .evaluateAll((rows) => rows.map((row) => row.getAttribute("data-case")));
      for (const caseNumber of numbers) {
        await page.goto(`${admin.url}/admin/cases/${caseNumber}`);
        await openedCase(page, caseNumber ?? "");
        const text = admin.cases.get(caseNumber ?? "")?.excerpt ?? "";
        expect(await page.getByTestId("flagged").textContent()).toContain(text);
      }
      expect(await page.evaluate("window.hacked")).toBeUndefined();
    });
    expect(complaints).toEqual([]);
  }, 90_000);

  test("Chinese and English, light and dark are chosen on the page and remembered", async () => {
    await reviewing(admin, { screen: DESK }, [], async (page) => {
      await page.getByTestId("language").click();
      await page.getByRole("heading", { name: "Queue" }).waitFor();
      expect(await page.evaluate("document.documentElement.lang")).toBe("en");
      await page.getByTestId("theme").click();
      await page.getByTestId("theme").click();
      const ground = () => page.evaluate("getComputedStyle(document.body).backgroundColor");
      expect(await ground()).toBe("rgb(15, 19, 24)");
      await page.reload();
      await page.getByRole("heading", { name: "Queue" }).waitFor();
      expect(await ground()).toBe("rgb(15, 19, 24)");
      await page.emulateMedia({ colorScheme: "light" });
      expect(await ground()).toBe("rgb(15, 19, 24)");
    });
  }, 60_000);

  test("the scripts weigh at most 60 KiB in all, compressed, and the page has none inline", () => {
    const assets = path.join(dist, "assets");
    const scripts = readdirSync(assets).filter((name) => name.endsWith(".js"));
    const bytes = scripts.map((name) => gzipSync(readFileSync(path.join(assets, name)), { level: 9 }).length);
    expect(bytes.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(JS_BYTES_MAX);
    const html = readFileSync(path.join(dist, "index.html"), "utf8");
    expect(html).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=/);
  });
});
