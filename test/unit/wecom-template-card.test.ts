import { describe, expect, test } from "@jest/globals";
import { cardBreaches } from "../../simulator/card-rules.ts";
import { appCardBody, botCardUpdate, cardUpdateBody } from "../../src/wecom/payloads.ts";
import { type ButtonCard, fit, templateCard } from "../../src/wecom/template-card.ts";

const CARD: ButtonCard = {
  taskId: "review-1",
  source: { text: "应答审核", colour: "red" },
  title: "P0 待审",
  subtitle: "暴恐",
  text: "提问：……",
  facts: [{ name: "成员", value: "张三", userId: "zhangsan" }],
  links: [{ title: "打开", url: "https://a.example/" }],
  buttons: [
    { text: "放行", key: "a", style: 1 },
    { text: "升级", key: "b", style: 2 },
  ],
};

describe("a card with buttons", () => {
  test("is WeCom's object, complete", () => {
    expect(templateCard(CARD)).toEqual({
      card_type: "button_interaction",
      source: { desc: "应答审核", desc_color: 2 },
      main_title: { title: "P0 待审", desc: "暴恐" },
      sub_title_text: "提问：……",
      horizontal_content_list: [{ keyname: "成员", value: "张三", type: 3, userid: "zhangsan" }],
      jump_list: [{ type: 1, title: "打开", url: "https://a.example/" }],
      button_list: [
        { text: "放行", style: 1, key: "a" },
        { text: "升级", style: 2, key: "b" },
      ],
      task_id: "review-1",
    });
  });

  test.each([
    ["no task id", { taskId: "" }],
    ["a task id with a space", { taskId: "a b" }],
    ["a task id of 129 characters", { taskId: "a".repeat(129) }],
    ["no title", { title: " " }],
    ["no buttons", { buttons: [] }],
    [
      "seven buttons",
      { buttons: Array.from({ length: 7 }, (_, i) => ({ text: "x", key: `${i}`, style: 1 as const })) },
    ],
    ["two buttons with one key", { buttons: [...CARD.buttons, { text: "x", key: "a", style: 1 as const }] }],
    ["a key of 1025 bytes", { buttons: [{ text: "x", key: "k".repeat(1025), style: 1 as const }] }],
    ["seven facts", { facts: Array.from({ length: 7 }, () => ({ name: "a", value: "b" })) }],
    ["four links", { links: Array.from({ length: 4 }, () => ({ title: "a", url: "https://a.example/" })) }],
  ] satisfies [string, Partial<ButtonCard>][])("with %s is refused here, not by WeCom", (_, changes) => {
    expect(() => templateCard({ ...CARD, ...changes })).toThrow(expect.objectContaining({ code: "internal" }));
  });

  test("sent twice with the same words is the same bytes, and asks WeCom to check for that", () => {
    const message = { toUser: "a|b", agentId: 7, card: CARD, duplicateCheckSeconds: 99_999 };
    expect(appCardBody(message)).toBe(appCardBody(message));
    expect(JSON.parse(appCardBody(message))).toMatchObject({
      touser: "a|b",
      msgtype: "template_card",
      agentid: 7,
      enable_duplicate_check: 1,
      duplicate_check_interval: 14_400,
    });
  });

  test("updated in the app is for everybody, by its code; the bot's has the words on its button instead", () => {
    const decided = { ...CARD, replaceText: "已放行" };
    expect(JSON.parse(cardUpdateBody({ agentId: 7, responseCode: "c", card: decided }))).toMatchObject({
      atall: 1,
      agentid: 7,
      response_code: "c",
      template_card: { replace_text: "已放行", task_id: "review-1" },
    });
    const { response_type, template_card, userids } = JSON.parse(botCardUpdate(decided));
    expect([response_type, userids, template_card.replace_text]).toEqual([
      "update_template_card",
      undefined,
      undefined,
    ]);
    expect(template_card.button_list).toEqual([{ text: "已放行", style: 1, key: "a" }]);
  });
});

describe("a text in its place", () => {
  test("is one line of so many characters, none torn, none that turns or hides others", () => {
    expect(fit("  a\r\n\tb\u2028c  ", 10)).toBe("a b c");
    expect(fit("\u202eabc\u2066d\u0000", 10)).toBe("abcd");
    expect(fit("😀".repeat(11), 10)).toBe(`${"😀".repeat(9)}…`);
    expect(fit("a".repeat(10), 10)).toBe("a".repeat(10));
    expect(fit("\ud83d", 10)).toBe("\ufffd");
  });
});

describe("the simulator's rules for cards", () => {
  test("name fields that WeCom does not know and texts beyond their room, without the card's words", () => {
    const card = { ...templateCard(CARD), nonsense: 1, sub_title_text: "长".repeat(113), replace_text: "x" };
    const breaches = cardBreaches(
      { ...card, button_list: [{ text: "一二三四五六七八九十一", kye: "a" }] },
      { update: false },
    );
    expect(breaches.sort()).toEqual([
      "a card has no field nonsense",
      "button_list has no field kye",
      "button_list.text has 11 characters, 10 are shown",
      "replace_text belongs into an update only",
      "sub_title_text has 113 characters, 112 are shown",
    ]);
  });
});
