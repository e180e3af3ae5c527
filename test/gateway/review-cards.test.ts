import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { AppMessage } from "../../simulator/platform-types.ts";
import { Events } from "../../src/base/events.ts";
import { createLogger } from "../../src/base/logger.ts";
import { Secret } from "../../src/base/secret.ts";
import { taskIdOf } from "../../src/handlers/review-cards/card-keys.ts";
import { GroupRobot } from "../../src/wecom/group-robot.ts";
import { type ReviewReplica, type ReviewTeam, startReviewTeam } from "../support/review-team.ts";
import { until } from "../support/until.ts";

const WAIT_MS = 15_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

let team: ReviewTeam;
let one: ReviewReplica;
let expectedViolations: unknown[];

beforeEach(async () => {
  expectedViolations = [];
  team = await startReviewTeam();
  one = await team.startReplica();
});
afterEach(async () => {
  // Unknown fields, texts beyond their room and task ids used twice are among them.
  expect(team.platform.violations).toEqual(expectedViolations);
  await team.stop();
});

interface Shown {
  card_type: string;
  task_id: string;
  source: { desc: string; desc_color: number };
  main_title: { title: string; desc: string };
  sub_title_text: string;
  horizontal_content_list: { keyname: string; value: string; userid?: string }[];
  jump_list: { url: string }[];
  button_list: { text: string; key: string }[];
}

function cardOf(message: AppMessage | undefined): Shown {
  if (message?.msgtype !== "template_card") throw new Error(`no card but ${message?.msgtype ?? "nothing"}`);
  return message.content as unknown as Shown;
}

function lastCard(userId: string): Shown {
  return cardOf(team.platform.inbox(userId).at(-1));
}

function keyTo(text: string, card = lastCard("LiSi")): string {
  const key = card.button_list.find((button) => button.text === text)?.key;
  if (key === undefined || key === "") throw new Error(`no button ${text}`);
  return key;
}

function factOf(card: Shown, name: string): string | undefined {
  return card.horizontal_content_list.find(({ keyname }) => keyname === name)?.value;
}

async function press(userId: string, key: string): Promise<void> {
  const messageId = team.platform.inbox(userId).findLast(({ msgtype }) => msgtype === "template_card")?.id ?? "";
  expect((await team.platform.clickAppCard({ messageId, userId, key }).outcome).result).toBe("accepted");
}

async function cardUpdated(text: string, userId = "LiSi"): Promise<Shown> {
  await until(() => lastCard(userId).button_list[0]?.text === text, {
    timeoutMs: WAIT_MS,
    what: `${text} on the card`,
  });
  return lastCard(userId);
}

async function audited(action: string): Promise<{ by: string; details: Record<string, unknown> }[]> {
  return (await team.records.audit.recent(100)).filter((row) => row.action === action);
}

describe("a grave case", () => {
  test("reaches every reviewer once as a card, from two replicas, with masked text and what a decision needs", async () => {
    const other = await team.startReplica();
    const textMasked = `我的手机号是【手机号】，${"很长的内容".repeat(40)}`;
    await team.raise("AAAAA-00001", { text: `我的手机号是 13800000000，${"很长的内容".repeat(40)}`, textMasked });
    await team.raise("AAAAA-00002", { severity: "P2" });
    await Promise.all([one.dispatcher.round(), other.dispatcher.round()]);
    await Promise.all([one.dispatcher.round(), other.dispatcher.round()]);
    expect(team.platform.callCount("message/send")).toBe(1);
    for (const userId of ["LiSi", "ZhaoLiu"]) expect(team.platform.inbox(userId)).toHaveLength(1);
    for (const userId of ["WangWu", "ZhangSan"]) expect(team.platform.inbox(userId)).toEqual([]);
    const card = lastCard("LiSi");
    expect(card.card_type).toBe("button_interaction");
    expect(card.task_id).toBe(taskIdOf("AAAAA-00001", 1));
    expect(card.main_title).toEqual({ title: "P0 待审 AAAAA-00001", desc: "未成年人 · 已拒绝" });
    expect(card.source.desc_color).toBe(2);
    expect(card.sub_title_text).toMatch(/^提问：我的手机号是【手机号】/);
    expect(card.sub_title_text).not.toContain("13800000000");
    expect(Array.from(card.sub_title_text).length).toBeLessThanOrEqual(103);
    expect(card.horizontal_content_list[0]).toMatchObject({ value: "张三", userid: "ZhangSan" });
    expect(factOf(card, "时间")).toMatch(/^刚刚 · \d\d-\d\d \d\d:\d\d$/);
    expect(card.button_list.map(({ text }) => text)).toEqual(["放行", "确认违规", "升级"]);
    expect(card.jump_list[0]?.url).toBe("https://bot.example.com/admin/cases/AAAAA-00001");
  });

  test("of a member with an odd text is a card that WeCom shows as it was meant", async () => {
    const text = `\u202e绕过\u0000\n\n<a href="x">点我</a>\ud83d${"👨‍👩‍👧‍👦".repeat(60)}`;
    await team.raise("AAAAA-00001", {
      textMasked: text,
      categories: Array.from({ length: 20 }, (_, i) => `category_${i}`),
    });
    await one.dispatcher.round();
    const card = lastCard("LiSi");
    expect(card.sub_title_text).toContain('<a href="x">点我</a>');
    for (const odd of ["\u202e", "\u0000", "\n"]) expect(card.sub_title_text).not.toContain(odd);
    expect(card.sub_title_text.isWellFormed()).toBe(true);
  });

  test("decided by a press is decided as in the console, and everybody's card says by whom", async () => {
    await team.raise("AAAAA-00001");
    await one.dispatcher.round();
    await press("LiSi", keyTo("放行"));
    for (const userId of ["LiSi", "ZhaoLiu"]) {
      const card = await cardUpdated("已放行", userId);
      expect(card.button_list).toEqual([expect.objectContaining({ text: "已放行", key: "" })]);
      expect(card.main_title.title).toBe("已放行 AAAAA-00001");
      expect(factOf(card, "结论")).toMatch(/^已放行 · 李四 \d\d-\d\d \d\d:\d\d$/);
    }
    const view = await team.view("AAAAA-00001");
    expect(view).toMatchObject({ status: "resolved", resolution: "false_positive", decidedBy: "lisi", version: 2 });
    expect(await audited("case.resolve")).toMatchObject([{ by: "lisi", details: { reason: "card" } }]);
    expect(await audited("card.click")).toMatchObject([
      { by: "lisi", details: { channel: "card", move: "dismiss", version: 1, decided: true } },
    ]);
    expect(await team.records.audit.verify()).toMatchObject({ ok: true });
  });

  test("pressed by a second reviewer whose card was not changed yet shows the first one's decision", async () => {
    await team.raise("AAAAA-00001");
    await one.dispatcher.round();
    const [confirm, dismiss] = [keyTo("确认违规"), keyTo("放行")];
    await press("LiSi", confirm);
    await press("ZhaoLiu", dismiss);
    await until(async () => (await audited("card.click")).length === 2, { what: "both presses" });
    expect(await team.view("AAAAA-00001")).toMatchObject({ resolution: "confirmed", decidedBy: "lisi", version: 2 });
    const card = await cardUpdated("已确认违规", "ZhaoLiu");
    expect(factOf(card, "结论")).toContain("李四");
    expect((await audited("card.click")).map(({ by, details }) => [by, details.decided])).toEqual([
      ["zhaoliu", false],
      ["lisi", true],
    ]);
  });

  test("that grew since its card was sent is not decided on the old one: the card shows it anew, and then it is", async () => {
    await team.raise("AAAAA-00001");
    await one.dispatcher.round();
    const stale = keyTo("确认违规");
    await team.raise("AAAAA-00002", {}, { conversationId: "app:1:AAAAA-00001" });
    await press("LiSi", stale);
    await until(() => factOf(lastCard("LiSi"), "条数") === "本案共 2 条", { what: "the card shows both" });
    expect(await team.view("AAAAA-00001")).toMatchObject({ status: "new", version: 2 });
    expect(lastCard("LiSi").task_id).toBe(taskIdOf("AAAAA-00001", 1));
    await press("LiSi", keyTo("确认违规"));
    await cardUpdated("已确认违规");
    expect(await team.view("AAAAA-00001")).toMatchObject({ status: "resolved", version: 3 });
  });

  test("escalated on a card says by whom, and can still be decided by an admin", async () => {
    await team.raise("AAAAA-00001");
    await one.dispatcher.round();
    await press("LiSi", keyTo("升级"));
    await until(() => factOf(lastCard("ZhaoLiu"), "进展")?.startsWith("已升级 · 李四") === true, {
      what: "the escalation",
    });
    expect(lastCard("ZhaoLiu").button_list.map(({ text }) => text)).toEqual(["放行", "确认违规"]);
    expect(await team.view("AAAAA-00001")).toMatchObject({ status: "escalated", escalationLevel: 1 });
    await press("ZhaoLiu", keyTo("确认违规", lastCard("ZhaoLiu")));
    expect(factOf(await cardUpdated("已确认违规"), "结论")).toContain("赵六");
  });

  test("pressed by somebody who may not decide stays as it is, its card too, and only they are told", async () => {
    await team.raise("AAAAA-00001");
    await one.dispatcher.round();
    const before = lastCard("LiSi");
    const elements: [string, string][] = [
      ["EventKey", keyTo("放行")],
      ["TaskId", before.task_id],
      ["CardType", "button_interaction"],
      ["ResponseCode", "forwarded"],
    ];
    for (const userId of ["WangWu", "ZhangSan"]) {
      const event = { type: "other" as const, event: "template_card_event", elements };
      await team.platform.sendAppEvent(userId, event).outcome;
      const [told] = await team.platform.waitForAppMessages(userId, 1, WAIT_MS);
      expect(told?.text).toContain("没有审核权限");
    }
    expect(await team.view("AAAAA-00001")).toMatchObject({ status: "new", version: 1 });
    expect(lastCard("LiSi")).toEqual(before);
    expect(team.platform.callCount("message/update_template_card")).toBe(0);
    expect((await audited("card.denied")).map(({ by }) => by).sort()).toEqual(["wangwu", "zhangsan"]);
    expect(await audited("card.click")).toEqual([]);
  });

  test("whose press is delivered three times, to two replicas, is decided and written down once for each process at most", async () => {
    await team.startReplica();
    await team.raise("AAAAA-00001");
    await one.dispatcher.round();
    team.platform.setFaults({ copies: 3 });
    await press("LiSi", keyTo("确认违规"));
    await cardUpdated("已确认违规");
    await until(async () => (await audited("card.click")).length === 2);
    expect(await team.view("AAAAA-00001")).toMatchObject({ version: 2, decidedBy: "lisi" });
    expect(await audited("case.resolve")).toHaveLength(1);
    // The repeat found the code used up, took the spare one, and showed the same.
    expect(lastCard("LiSi").button_list[0]?.text).toBe("已确认违规");
    expect(team.platform.inbox("LiSi")).toHaveLength(1);
  });

  test("decided in the console changes the card for everybody, and an undo brings its buttons back", async () => {
    await team.raise("AAAAA-00001");
    await one.dispatcher.round();
    await team.records.cases.decide({
      caseNumber: "AAAAA-00001",
      version: 1,
      move: "resolve",
      resolution: "benign_true_hit",
      reason: "",
      note: "",
      by: "zhaoliu",
    });
    // The press that may have decided it changes its card itself.
    await one.dispatcher.round();
    expect(lastCard("LiSi").button_list).toHaveLength(3);
    team.pass(5_000);
    await one.dispatcher.round();
    expect(factOf(await cardUpdated("已判无害"), "结论")).toContain("赵六");
    expect(team.platform.callCount("message/update_template_card")).toBe(1);
    await team.raise("AAAAA-00002");
    await one.dispatcher.round();
    await press("LiSi", keyTo("放行"));
    await cardUpdated("已放行");
    await until(async () => (await team.cards.claimChanges()).length === 0);
    await team.records.cases.undo({ caseNumber: "AAAAA-00002", by: "lisi" });
    await one.dispatcher.round();
    expect(lastCard("LiSi").button_list.map(({ text }) => text)).toEqual(["放行", "确认违规", "升级"]);
  });

  test("whose card cannot be changed any more is decided all the same, and the one who pressed it is told", async () => {
    await team.raise("AAAAA-00001");
    await one.dispatcher.round();
    team.pass(73 * HOUR_MS);
    expect(await team.cards.claimCode("AAAAA-00001")).toBeNull();
    const effect = { kind: "errcode", errcode: 40035 } as const;
    team.platform.fault({ call: "message/update_template_card", effect, times: "until_cleared" });
    await press("LiSi", keyTo("放行"));
    const inbox = await team.platform.waitForAppMessages("LiSi", 2, WAIT_MS);
    expect(inbox[1]?.text).toMatch(/^案件 AAAAA-00001：已放行 · 李四 .*（卡片已无法更新，以此为准。）$/);
    expect(await team.view("AAAAA-00001")).toMatchObject({ status: "resolved" });
  });

  test("decided elsewhere three days after its card is left alone: the code is over", async () => {
    await team.raise("AAAAA-00001");
    await one.dispatcher.round();
    team.pass(73 * HOUR_MS);
    const decision = { move: "resolve", resolution: "confirmed", reason: "", note: "", by: "zhaoliu" } as const;
    await team.records.cases.decide({ caseNumber: "AAAAA-00001", version: 1, ...decision });
    team.pass(5_000);
    await one.dispatcher.round();
    expect(team.platform.callCount("message/update_template_card")).toBe(0);
  });

  test("that is gone by the time of the press leaves a word for the one who pressed", async () => {
    await team.raise("AAAAA-00001");
    await one.dispatcher.round();
    const key = keyTo("放行");
    await team.records.people.erase({ userId: "ZhangSan", by: "zhaoliu", reason: "test" });
    await press("LiSi", key);
    const inbox = await team.platform.waitForAppMessages("LiSi", 2, WAIT_MS);
    expect(inbox[1]?.text).toContain("已不存在");
  });

  test("needing two pairs of eyes asks on the card for the second one, and takes no second press of the first", async () => {
    team.fourEyes.push("minors");
    await team.raise("AAAAA-00001");
    await one.dispatcher.round();
    await press("LiSi", keyTo("确认违规"));
    await until(() => factOf(lastCard("ZhaoLiu"), "进展") === "李四：确认违规，待第二人", {
      what: "the first one's word",
    });
    expect(await team.view("AAAAA-00001")).toMatchObject({ status: "escalated", pendingBy: "lisi" });
    await press("LiSi", keyTo("确认违规"));
    await until(async () => (await audited("card.click")).length === 2);
    expect(await team.view("AAAAA-00001")).toMatchObject({ status: "escalated", pendingBy: "lisi" });
    await press("ZhaoLiu", keyTo("确认违规", lastCard("ZhaoLiu")));
    expect(factOf(await cardUpdated("已确认违规"), "结论")).toContain("赵六");
    expect(await team.view("AAAAA-00001")).toMatchObject({ status: "resolved", decidedBy: "zhaoliu" });
  });

  test("pressed with a key or task that we never gave out is not decided", async () => {
    await team.raise("AAAAA-00001");
    await one.dispatcher.round();
    for (const key of ["rv:confirm:99", "rv:delete:1", "rv:confirm:1 ", "confirm"]) await press("LiSi", key);
    const event = (taskId: string) => ({
      type: "other" as const,
      event: "template_card_event",
      elements: [
        ["EventKey", "rv:confirm:1"],
        ["TaskId", taskId],
      ] as [string, string][],
    });
    await team.platform.sendAppEvent("LiSi", event("review-AAAAA-00001-2")).outcome;
    const inbox = await team.platform.waitForAppMessages("LiSi", 2, WAIT_MS);
    expect(inbox[1]?.text).toContain("已不存在");
    await one.desk.stop();
    expect(await team.view("AAAAA-00001")).toMatchObject({ status: "new", version: 1 });
  });
});

describe("many grave cases", () => {
  test("within a minute become one digest, and the next ones wait for the next digest", async () => {
    for (let i = 0; i < 3; i += 1) await team.raise(`AAAAA-0000${i}`);
    for (let i = 0; i < 9; i += 1) await team.raise(`BBBBB-0000${i}`, { severity: "P1" });
    await one.dispatcher.round();
    const [digest] = team.platform.inbox("LiSi");
    expect(digest?.msgtype).toBe("text");
    expect(digest?.text).toMatch(
      /12 条新的待审，最高 P0（P0 3 条，P1 9 条）。请到审核后台处理：https:\/\/bot\.example\.com\/admin\/queue$/,
    );
    for (let i = 0; i < 6; i += 1) await team.raise(`CCCCC-0000${i}`, { severity: "P1" });
    await one.dispatcher.round();
    expect(team.platform.inbox("LiSi")).toHaveLength(1);
    team.pass(61_000);
    await one.dispatcher.round();
    expect(team.platform.inbox("LiSi")[1]?.text).toContain("6 条新的待审，最高 P1");
    await one.dispatcher.round();
    expect(team.platform.inbox("LiSi")).toHaveLength(2);
  });

  test("five are five cards, the sixth of the same minute is a digest", async () => {
    for (let i = 0; i < 5; i += 1) await team.raise(`AAAAA-0000${i}`);
    await one.dispatcher.round();
    await team.raise("AAAAA-00009");
    await one.dispatcher.round();
    expect(team.platform.inbox("ZhaoLiu").map(({ msgtype }) => msgtype)).toEqual([
      ...Array(5).fill("template_card"),
      "text",
    ]);
    expect(team.platform.inbox("ZhaoLiu").at(-1)?.text).toContain("1 条新的待审");
  });
});

describe("sending that fails", () => {
  test("with a no from WeCom is tried again after a minute, and then arrives once", async () => {
    await team.raise("AAAAA-00001");
    await team.raise("AAAAA-00002");
    team.platform.fault({ call: "message/send", effect: { kind: "errcode", errcode: 45009 }, times: "until_cleared" });
    await one.dispatcher.round();
    await one.dispatcher.round();
    team.platform.clearFaults();
    expect(team.platform.inbox("LiSi")).toEqual([]);
    await one.dispatcher.round();
    expect(team.platform.inbox("LiSi")).toEqual([]);
    team.pass(61_000);
    await one.dispatcher.round();
    expect(team.platform.inbox("LiSi")).toHaveLength(2);
  }, 30_000);

  test("in the dark is not tried again: no reviewer gets a card twice, and the operators are told", async () => {
    await team.raise("AAAAA-00001");
    team.platform.fault({ call: "message/send", effect: { kind: "hang_up", when: "after_effect" }, times: 3 });
    await one.dispatcher.round();
    team.pass(10 * MINUTE_MS);
    await one.dispatcher.round();
    // Repeated requests were the same to WeCom's duplicate check.
    expect(team.platform.inbox("LiSi")).toHaveLength(1);
    expect(team.logLines.filter((line) => line.alert === "card_lost")).toHaveLength(1);
    await press("LiSi", keyTo("放行"));
    await cardUpdated("已放行");
  }, 30_000);

  test("because the process died before it is made up for by another, and after it is not", async () => {
    await team.raise("AAAAA-00001");
    const request = { severities: ["P0"] as const, cardsPerMinuteMax: 5, taskIdOf };
    expect(await team.cards.claimNew(request)).toMatchObject({ kind: "cards", cases: [{ caseNumber: "AAAAA-00001" }] });
    await one.dispatcher.round();
    expect(team.platform.inbox("LiSi")).toEqual([]);
    team.pass(6 * MINUTE_MS);
    const again = await team.cards.claimNew(request);
    if (again.kind !== "cards") throw new Error("not claimed again");
    expect(await team.cards.attempt(again.cases)).toBe(true);
    team.pass(6 * MINUTE_MS);
    await one.dispatcher.round();
    expect(team.platform.inbox("LiSi")).toEqual([]);
  });

  test("a process that was too slow finds its claim gone and sends nothing", async () => {
    await team.raise("AAAAA-00001");
    const request = { severities: ["P0"] as const, cardsPerMinuteMax: 5, taskIdOf };
    const slow = await team.cards.claimNew(request);
    if (slow.kind !== "cards") throw new Error("nothing claimed");
    team.pass(6 * MINUTE_MS);
    await one.dispatcher.round();
    expect(await team.cards.attempt(slow.cases)).toBe(false);
    await team.cards.release(slow.cases);
    await one.dispatcher.round();
    expect(team.platform.inbox("LiSi")).toHaveLength(1);
  });
});

describe("P0 cases that nobody decided in time", () => {
  test("are told to the operators' group once, decided ones not", async () => {
    const posts: { url: string; body: { text: { content: string } } }[] = [];
    const group = createServer((req, res) => {
      let text = "";
      req.on("data", (chunk: Buffer) => (text += chunk.toString()));
      req.on("end", () => {
        posts.push({ url: req.url ?? "", body: JSON.parse(text) });
        res.end('{"errcode":0,"errmsg":"ok"}');
      });
    });
    const listening = Promise.withResolvers<void>();
    group.listen(0, "127.0.0.1", listening.resolve);
    await listening.promise;
    const { port } = group.address() as AddressInfo;
    const webhookUrl = new Secret(`http://127.0.0.1:${port}/cgi-bin/webhook/send?key=k`);
    const events = new Events(createLogger("silent"));
    const robot = new GroupRobot({ webhookUrl, events, clock: team.clock });
    const watcher = await team.startReplica({ robot });
    for (const number of ["AAAAA-00001", "AAAAA-00002"]) await team.raise(number);
    await team.raise("BBBBB-00001", { severity: "P1" });
    await watcher.dispatcher.round();
    await team.records.cases.decide({
      caseNumber: "AAAAA-00001",
      version: 1,
      move: "resolve",
      resolution: "confirmed",
      reason: "",
      note: "",
      by: "zhaoliu",
    });
    team.pass(HOUR_MS + MINUTE_MS);
    await watcher.dispatcher.round();
    team.pass(MINUTE_MS);
    await watcher.dispatcher.round();
    group.closeAllConnections();
    group.close();
    expect(posts).toHaveLength(1);
    expect(posts[0]?.url).toBe("/cgi-bin/webhook/send?key=k");
    expect(posts[0]?.body.text.content).toContain("P0 案件超过 1 小时无人决定：AAAAA-00002，请尽快处理");
  });
});

describe("a press on the AI bot's card", () => {
  test("is answered with the decided card, and one by a stranger with nothing", async () => {
    await team.raise("AAAAA-00001");
    await one.dispatcher.round();
    const { task_id, button_list } = lastCard("LiSi");
    const details = { card_type: "button_interaction", event_key: button_list[0]?.key ?? "", task_id };
    const press_ = async (userId: string) => {
      const { messageId, outcome } = team.platform.sendBotEvent(userId, "template_card_event", details);
      // The platform sent no such card as a bot: it takes the answer for one that does not belong there, and shows it to us.
      await outcome;
      return team.platform.calls.findLast((call) => call.messageId === messageId)?.replyPlain ?? "";
    };
    expect(await press_("WangWu")).toBe("{}");
    expect(await team.view("AAAAA-00001")).toMatchObject({ status: "new" });
    const reply = JSON.parse(await press_("LiSi"));
    expect(reply.response_type).toBe("update_template_card");
    expect(reply.template_card).toMatchObject({ task_id, button_list: [{ text: "已放行" }] });
    expect(reply.template_card).not.toHaveProperty("replace_text");
    expect(await team.view("AAAAA-00001")).toMatchObject({ status: "resolved", decidedBy: "lisi" });
    expectedViolations = team.platform.violations.filter(({ rule }) => rule === "reply_not_allowed");
  });
});
