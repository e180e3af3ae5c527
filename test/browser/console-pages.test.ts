import { afterEach, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { builtConsole, press, reviewing } from "../support/console-page.ts";
import { type FakeAdmin, startFakeAdmin } from "../support/fake-admin-api.ts";
import { until } from "../support/until.ts";
import { withChromium } from "../support/with-chromium.ts";

let dist: string;
let admin: FakeAdmin;

withChromium("the review console's other pages in a browser", () => {
  beforeAll(async () => {
    dist = await builtConsole();
  }, 120_000);
  beforeEach(async () => {
    admin = await startFakeAdmin({ cases: 10, dist });
  });
  afterEach(async () => {
    await admin.stop();
  });

  test("a policy is checked, tried, run on history, saved and rolled back", async () => {
    const complaints: string[] = [];
    await reviewing(admin, { as: "admin", at: "policy" }, complaints, async (page) => {
      const editor = page.getByTestId("policy-text");
      await editor.waitFor();
      const before = await editor.inputValue();
      const first = admin.policy.version;

      await editor.fill(
        before.replace("insult: { severity: P3, question: flag", "insult: { severity: P3, question: refuze"),
      );
      await page.getByTestId("check").click();
      await page.getByTestId("fault").click();
      expect(await page.getByTestId("faults").textContent()).toContain("第 13 行");
      // The choice follows the click in a later turn of the page.
      await page.waitForFunction(
        "(() => { const e = document.activeElement; return e.value?.slice(e.selectionStart, e.selectionEnd).includes('insult:') })()",
      );

      await editor.fill(
        before.replace("insult: { severity: P3, question: flag", "insult: { severity: P3, question: refuse"),
      );
      await page.getByTestId("try-message").fill("你怎么这么笨");
      await page.getByTestId("try").click();
      await page.getByTestId("tried").waitFor();
      expect(await page.getByTestId("tried").textContent()).toContain("拒绝");
      expect(await page.getByTestId("tried").locator("mark").textContent()).toBe("这么笨");

      await page.getByTestId("run-dry").click();
      await page.getByTestId("dry-run-result").waitFor();
      expect(await page.locator('[data-testid="dry-run-result"] dd').allTextContents()).toEqual(["1", "0", "1247"]);

      await page.getByTestId("save").click();
      await page.getByTestId("diff").waitFor();
      await page.getByTestId("version-note").fill("辱骂改为拒绝");
      await press(page, "Enter");
      await until(() => admin.policy.version !== first);
      await page.getByTestId("save-dialog").waitFor({ state: "detached" });
      expect(await page.getByTestId("policy-version").textContent()).toBe(admin.policy.version);

      await page.getByTestId("rollback").click();
      await page.getByTestId("reason").fill("误拒太多");
      await page.getByTestId("dialog-submit").click();
      await until(() => admin.policy.version === first);
      await until(async () => (await editor.inputValue()) === before);
    });
    expect(complaints).toEqual([]);
  }, 90_000);

  test("a policy that somebody else changed meanwhile is not overwritten, and one's own text is kept", async () => {
    await reviewing(admin, { as: "admin", at: "policy" }, [], async (page) => {
      const editor = page.getByTestId("policy-text");
      await editor.waitFor();
      const mine = `${await editor.inputValue()}# mine\n`;
      await editor.fill(mine);
      const theirs = { text: `${admin.policy.answer().text}# theirs\n`, baseVersion: admin.policy.version, note: "x" };
      admin.policy.save(theirs, "somebody");
      await page.getByTestId("save").click();
      await page.getByTestId("version-note").fill("我的");
      await page.getByTestId("dialog-submit").click();
      await page.getByTestId("overtaken").waitFor();
      expect(await editor.inputValue()).toBe(mine);
      expect(admin.policy.answer().text).toContain("# theirs");
      await page.reload();
      await editor.waitFor();
      expect(await editor.inputValue()).toBe(mine);
      await page.getByTestId("overtaken").waitFor();
    });
  }, 60_000);

  test("a policy from a file can be read and tried, not changed", async () => {
    admin.policy.source = "file";
    await reviewing(admin, { as: "admin", at: "policy" }, [], async (page) => {
      await page.getByTestId("read-only").waitFor();
      expect(await page.getByTestId("policy-text").isEditable()).toBe(false);
      expect(await page.getByTestId("save").count()).toBe(0);
      expect(await page.getByTestId("bench").isVisible()).toBe(true);
    });
  }, 60_000);

  test("a member is restricted for a day and let go again; more than a day is not a reviewer's to set", async () => {
    await reviewing(admin, { at: "people?user=li.si" }, [], async (page) => {
      await page.getByTestId("restrict").click();
      expect(await page.locator('[data-testid="restrict-dialog"] input[value="168"]').isDisabled()).toBe(true);
      await page.getByTestId("reason").fill("反复发送");
      await press(page, "Enter");
      await page.getByTestId("lift").waitFor();
      expect(admin.people.detail("li.si")?.restrictions[0]).toMatchObject({ kind: "mute", liftedAtMs: null });
      await page.getByTestId("lift").click();
      await page.getByTestId("reason").fill("已沟通");
      await press(page, "Enter");
      await page.getByTestId("lift").waitFor({ state: "detached" });
      expect(admin.people.detail("li.si")?.restrictions[0]?.liftedAtMs).not.toBeNull();
      expect(await page.getByTestId("erase").count()).toBe(0);
    });
  }, 60_000);

  test("a member's data is erased only after the userid was typed", async () => {
    await reviewing(admin, { as: "admin", at: "people?user=li.si" }, [], async (page) => {
      await page.getByTestId("erase").click();
      await page.getByTestId("reason").fill("本人要求");
      await page.getByTestId("erase-confirm").fill("li.s");
      expect(await page.getByTestId("dialog-submit").isDisabled()).toBe(true);
      await page.getByTestId("erase-confirm").fill("Li.Si");
      await page.getByTestId("dialog-submit").click();
      await page.getByTestId("toast").waitFor();
      expect(await page.getByTestId("toast").textContent()).toContain("已删除 64 次提问");
    });
  }, 60_000);

  test("a member's records are put on hold, which the page says, and the hold is lifted", async () => {
    await reviewing(admin, { as: "admin", at: "people?user=li.si" }, [], async (page) => {
      await page.getByTestId("hold").click();
      expect(await page.getByTestId("dialog-submit").isDisabled()).toBe(true);
      await page.getByTestId("reason").fill("诉讼 12 号");
      await page.getByTestId("dialog-submit").click();
      await page.getByText("处于法律保留中").waitFor();
      expect(await page.getByTestId("hold").count()).toBe(0);
      await page.getByTestId("lift-hold").click();
      await page.getByTestId("dialog-submit").click();
      await page.getByTestId("hold").waitFor();
      expect(await page.getByText("处于法律保留中").count()).toBe(0);
    });
  }, 60_000);

  test("a decided case is judged blindly, from the dashboard, without a mouse", async () => {
    await reviewing(admin, { as: "reviewer", at: "dashboard" }, [], async (page) => {
      await page.getByText("κ 0.80").waitFor();
      await page.getByTestId("judge-again").press("Enter");
      const dialog = page.getByTestId("second-review");
      await dialog.getByTestId("flagged").first().waitFor();
      expect(await page.getByTestId("dialog-submit").isDisabled()).toBe(true);
      await dialog.getByRole("radio", { name: /误报/ }).focus();
      await page.keyboard.press("Space");
      await page.keyboard.press("Control+Enter");
      await page.getByTestId("toast").getByText("已记录").waitFor();
      await dialog.waitFor({ state: "detached" });
      expect(admin.audit.list({ limit: 5 }).rows[0]?.action).toBe("case.second_review");
    });
  }, 60_000);

  test("the audit chain is verified, and the pages are reached by keys", async () => {
    await reviewing(admin, { as: "admin" }, [], async (page) => {
      await press(page, "g", "a");
      await page.getByTestId("audit-row").first().waitFor();
      await page.getByTestId("verify").click();
      await page.locator('[data-testid="audit-verdict"].good').waitFor();
      await press(page, "g", "d");
      await page.locator(".plot canvas").first().waitFor();
      await press(page, "?");
      await page.getByTestId("sheet").waitFor();
      await press(page, "Escape");
      await page.getByTestId("sheet").waitFor({ state: "detached" });
    });
  }, 60_000);

  test("a viewer looks and decides nothing; an expired session asks to sign in and keeps the note", async () => {
    await reviewing(admin, { as: "viewer", at: "cases/00001-CASES" }, [], async (page) => {
      await page.getByTestId("case").waitFor();
      expect(await page.getByTestId("decision-bar").count()).toBe(0);
      await press(page, "a");
      await page.getByTestId("toast").waitFor();
      expect(admin.decisions).toHaveLength(0);
    });
    await reviewing(admin, { at: "cases/00001-CASES" }, [], async (page) => {
      await page.getByTestId("note").fill("还没写完");
      admin.failNext("POST", "/decisions", 401, "not_signed_in");
      await press(page, "Escape", "r");
      await page.getByTestId("token").fill("token-reviewer");
      await press(page, "Enter");
      await page.getByTestId("case").waitFor();
      expect(await page.getByTestId("note").inputValue()).toBe("还没写完");
    });
  }, 60_000);
});
