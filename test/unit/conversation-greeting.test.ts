import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { cardBreaches } from "../../simulator/card-rules.ts";
import { cardFault } from "../../simulator/cards.ts";
import type { BotFacts } from "../../src/conversation/greeting.ts";
import { readGreeting } from "../../src/conversation/greeting.ts";
import { TEXTS, welcomeWords } from "../../src/conversation/texts.ts";
import { welcomeOf } from "../../src/handlers/welcome.ts";
import { APP_TEXT_BYTES_MAX } from "../../src/wecom/payloads.ts";

const FACTS: BotFacts = { botName: "小应", rawDays: 7, maskedDays: 90, contact: null };
const EXAMPLE = readFileSync(new URL("../../deploy/greeting.example.yaml", import.meta.url), "utf8");

describe("the greeting file", () => {
  test("nothing set is the plain greeting", () => {
    expect(readGreeting(undefined)).toEqual({ contact: null, link: null, suggestions: [] });
    expect(readGreeting(" \n")).toEqual(readGreeting(undefined));
  });

  test("the example that ships can be used, and gives a card", () => {
    expect(JSON.parse(welcomeOf(FACTS, readGreeting(EXAMPLE)))).toMatchObject({ msgtype: "template_card" });
  });

  test.each([
    [
      "four suggestions",
      "link: https://a.example\nsuggestions: [{title: a, question: a}, {title: b, question: b}, {title: c, question: c}, {title: d, question: d}]",
      /suggestions/,
    ],
    [
      "a title of 14 characters",
      `link: https://a.example\nsuggestions: [{title: ${"字".repeat(14)}, question: a}]`,
      /line 2.*13 characters/,
    ],
    [
      "a question of 201 bytes",
      `link: https://a.example\nsuggestions: [{title: a, question: ${"字".repeat(67)}}]`,
      /line 2.*200 bytes/,
    ],
    ["suggestions without an address", "suggestions: [{title: a, question: a}]", /link: is needed/],
    ["an address that no client opens", "link: javascript:alert(1)", /line 1.*https/],
    ["a contact of two lines", 'contact: "a\\nb"', /one line/],
    ["a field that nobody knows", "welcome: hi", /welcome/],
  ])("%s is named with its place", (_, source, fault) => {
    expect(() => readGreeting(source)).toThrow(fault);
  });
});

describe("the greeting's words", () => {
  test("say in three lines what it does, what is recorded and who sees it, and how to start over", () => {
    for (const [language, texts] of Object.entries(TEXTS)) {
      const [does, recorded, startOver, ...more] = texts.greeting({ ...FACTS, contact: "IT 服务台" }).split("\n");
      expect(does).toMatch(/小应/);
      expect(recorded).toMatch(/7 .*90 .*(审核员|reviewers).*IT 服务台/);
      expect(startOver).toMatch(/新对话|\/new/);
      // In Chinese, which strangers get, a line for those who read none.
      expect(more).toHaveLength(language === "zh" ? 1 : 0);
    }
  });

  test("are short enough for one message of the app, with any name and contact, and so is /help in both languages", () => {
    const longest = { botName: "名".repeat(30), rawDays: 3650, maskedDays: 3650, contact: "人".repeat(26) };
    expect(Buffer.byteLength(TEXTS.zh.greeting(longest))).toBeLessThan(APP_TEXT_BYTES_MAX);
    expect(Buffer.byteLength(`${TEXTS.zh.help(longest)}\n\n${TEXTS.en.help(longest)}`)).toBeLessThan(
      APP_TEXT_BYTES_MAX,
    );
  });

  test("help says the same facts and lists every command", () => {
    for (const { help } of Object.values(TEXTS)) {
      expect(help(FACTS)).toMatch(/7 .*90 /);
      for (const command of ["/new", "/stop", "/retry", "/appeal", "/help"]) expect(help(FACTS)).toContain(command);
    }
  });
});

describe("the welcome card", () => {
  test("keeps WeCom's rules, and nothing of it but a long name is cut", () => {
    const days = fc.integer({ min: 1, max: 3650 });
    const facts = fc.record({
      botName: fc.string({ unit: "grapheme", maxLength: 40 }),
      rawDays: days,
      maskedDays: days,
      contact: fc.option(fc.constantFrom("IT 服务台", "人".repeat(26))),
    });
    fc.assert(
      fc.property(facts, (each) => {
        const { template_card: card } = JSON.parse(welcomeOf(each, readGreeting(EXAMPLE))) as {
          template_card: Record<string, unknown>;
        };
        expect(cardFault(card)).toBeUndefined();
        expect(cardBreaches(card, { update: false })).toEqual([]);
        const words = welcomeWords(each);
        expect(card).toMatchObject({ sub_title_text: words.text, main_title: { desc: words.subtitle } });
        expect(card.horizontal_content_list).toEqual(
          words.facts.map(({ name: keyname, value }) => ({ keyname, value })),
        );
      }),
    );
  });

  test("a text takes its place where nothing can be tapped", () => {
    expect(JSON.parse(welcomeOf({ ...FACTS, contact: "IT" }, readGreeting("contact: IT")))).toMatchObject({
      msgtype: "text",
      text: { content: expect.stringContaining("IT") },
    });
  });
});
