import { afterAll, afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { onScreen } from "../../scripts/chat-page-driver.ts";
import { builtConsole, DESK, openedCase } from "../support/console-page.ts";
import { until } from "../support/until.ts";
import { BOOTSTRAP_TOKEN, type Desk, flaggedTurn, openDesk, stopRedis } from "./admin-console.ts";

jest.setTimeout(120_000);

let desk: Desk;

beforeEach(async () => {
  desk = await openDesk({ changes: { pageFolder: await builtConsole() } });
});
afterEach(() => desk.stop());
afterAll(stopRedis);

test("the built page and the real API in a real browser: sign in once, claim a case, see another reviewer's claim, read every page", async () => {
  await desk.raise(flaggedTurn("AAAAA-00001", {}, { severity: "P0" }), flaggedTurn("AAAAA-00002"));
  const complaints: string[] = [];
  await onScreen(`${desk.url}/admin/`, DESK, complaints, async (page) => {
    await page.getByTestId("token").fill(BOOTSTRAP_TOKEN);
    await page.keyboard.press("Enter");
    await page.locator(".shell").waitFor();
    await page.locator('[data-testid="line"][data-state="live"]').waitFor({ state: "attached" });
    await page.goto(`${desk.url}/admin/cases/AAAAA-00001`);
    expect(await openedCase(page, "AAAAA-00001")).toBe("AAAAA-00001");
    await page.keyboard.press("c");
    await until(async () => (await desk.records.cases.get("AAAAA-00001")).assignee === "adam", { what: "the claim" });
    await (await desk.as("ruby")).post("/admin/api/cases/AAAAA-00002/claim");
    await page.getByText("ruby", { exact: false }).first().waitFor();
    for (const name of ["people", "policy", "dashboard", "audit", "settings"]) {
      await page.goto(`${desk.url}/admin/${name}`);
      await page.locator(".shell").waitFor();
      await page.waitForLoadState("networkidle").catch(() => undefined);
    }
    const cookies = await page.context().cookies();
    expect(cookies).toEqual([expect.objectContaining({ name: "yingda-session", httpOnly: true, sameSite: "Lax" })]);
    expect(await page.evaluate("document.cookie")).toBe("");
  });
  // The browser itself complains of the 401 by which the page learns that nobody is signed in.
  expect(complaints.filter((complaint) => !complaint.includes("status of 401"))).toEqual([]);
});
