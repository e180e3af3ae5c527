import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { codeOf } from "../../src/base/errors.ts";
import {
  type BotCallback,
  type BotContent,
  parseBotCallback,
  readBotEnvelope,
  stripMention,
  textOfContent,
  textOfQuote,
} from "../../src/wecom/callback-json.ts";

const COMMON = { msgid: "m1", aibotid: "AIBOT", chattype: "single", from: { userid: "ZhangSan" } };
const GROUP = { ...COMMON, chattype: "group", chatid: "wrkSFfCgAA" };
const URL_1 = "https://ww-aibot-img.cos.example/1?sign=x";

function parse(body: unknown): BotCallback {
  return parseBotCallback(JSON.stringify(body));
}

function messageOf(body: unknown): Extract<BotCallback, { kind: "message" }> {
  const callback = parse(body);
  if (callback.kind !== "message") throw new Error(`a ${callback.kind}`);
  return callback;
}

function eventOf(event: unknown, over: object = {}): Extract<BotCallback, { kind: "event" }> {
  const callback = parse({ ...COMMON, msgtype: "event", create_time: 1_700_000_000, event, ...over });
  if (callback.kind !== "event") throw new Error(`a ${callback.kind}`);
  return callback;
}

function codeFrom(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return codeOf(error);
  }
  return "no error";
}

describe("readBotEnvelope", () => {
  test("the ciphertext is read, with a small or a capital e", () => {
    expect(readBotEnvelope('{"encrypt":"abc="}')).toBe("abc=");
    expect(readBotEnvelope('{"Encrypt":"abc=","other":1}')).toBe("abc=");
  });

  test.each([
    "",
    "hello",
    "null",
    "[]",
    '"abc="',
    "{}",
    '{"encrypt":""}',
    '{"encrypt":1}',
    '{"encrypt":["a"]}',
    '{"encrypt":"a"',
  ])("%j is malformed_body", (body) => {
    expect(codeFrom(() => readBotEnvelope(body))).toBe("malformed_body");
  });

  test("no text at all makes it throw anything else, nor quote what it read", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (body) => {
        try {
          readBotEnvelope(body);
        } catch (error) {
          expect(codeOf(error)).toBe("malformed_body");
          if (body.length > 12) expect(String(error)).not.toContain(body);
        }
      }),
    );
  });
});

describe("parseBotCallback and messages", () => {
  test("a text in a single chat comes back whole", () => {
    const body = {
      ...COMMON,
      response_url: "https://qyapi.weixin.qq.com/r?c=1",
      msgtype: "text",
      text: { content: "你好" },
    };
    expect(parse(body)).toEqual({
      kind: "message",
      msgId: "m1",
      botId: "AIBOT",
      userId: "ZhangSan",
      chat: { kind: "single" },
      responseUrl: "https://qyapi.weixin.qq.com/r?c=1",
      content: { type: "text", text: "你好" },
    });
  });

  test("a group message keeps the letter case of its chat id, and has no responseUrl when none came", () => {
    const message = messageOf({ ...GROUP, msgtype: "text", text: { content: "@RobotA hello" } });
    expect(message.chat).toEqual({ kind: "group", chatId: "wrkSFfCgAA" });
    expect("responseUrl" in message).toBe(false);
  });

  const contents: [string, object, BotContent][] = [
    ["text", { text: { content: "" } }, { type: "text", text: "" }],
    ["image", { image: { url: URL_1 } }, { type: "image", url: URL_1 }],
    ["image", { image: { url: URL_1, aeskey: "k" } }, { type: "image", url: URL_1, aesKey: "k" }],
    [
      "mixed",
      {
        mixed: {
          msg_item: [
            { msgtype: "text", text: { content: "see" } },
            { msgtype: "image", image: { url: URL_1 } },
          ],
        },
      },
      {
        type: "mixed",
        items: [
          { type: "text", text: "see" },
          { type: "image", url: URL_1 },
        ],
      },
    ],
    ["voice", { voice: { content: "said" } }, { type: "voice", text: "said" }],
    ["file", { file: { url: URL_1 } }, { type: "file", url: URL_1 }],
    ["video", { video: { url: URL_1 } }, { type: "video", url: URL_1 }],
  ];
  test.each(contents)("a message of type %s with %j gives its content", (msgtype, own, content) => {
    expect(messageOf({ ...COMMON, msgtype, ...own }).content).toEqual(content);
  });

  test.each(contents)("a quote of type %s with %j is read like a message", (msgtype, own, content) => {
    const body = { ...COMMON, msgtype: "text", text: { content: "this?" }, quote: { msgtype, ...own } };
    expect(messageOf(body).quote).toEqual(content);
  });

  test("a quote of a kind that is not documented is left out, and the message is still read", () => {
    const message = messageOf({
      ...COMMON,
      msgtype: "text",
      text: { content: "?" },
      quote: { msgtype: "poll", poll: {} },
    });
    expect("quote" in message).toBe(false);
    expect(message.content).toEqual({ type: "text", text: "?" });
  });

  test("a mixed item of a kind that is not documented is left out", () => {
    const msg_item = [
      { msgtype: "sticker", sticker: { id: 1 } },
      { msgtype: "text", text: { content: "a" } },
    ];
    expect(messageOf({ ...COMMON, msgtype: "mixed", mixed: { msg_item } }).content).toEqual({
      type: "mixed",
      items: [{ type: "text", text: "a" }],
    });
  });

  test("a msgtype that is not documented is unknown, not an error", () => {
    expect(parse({ ...COMMON, msgtype: "hologram" })).toEqual({ kind: "unknown", msgType: "hologram", msgId: "m1" });
    expect(parse({ msgtype: "constructor" })).toEqual({ kind: "unknown", msgType: "constructor" });
  });

  test.each([
    ["not JSON", "hello"],
    ["null", "null"],
    ["a list", "[]"],
    ["no msgtype", JSON.stringify(COMMON)],
    ["no msgid", JSON.stringify({ ...COMMON, msgid: undefined, msgtype: "text", text: { content: "a" } })],
    [
      "a numeric msgid, whose digits may be lost",
      JSON.stringify({ ...COMMON, msgid: 1, msgtype: "text", text: { content: "a" } }),
    ],
    ["no sender", JSON.stringify({ ...COMMON, from: {}, msgtype: "text", text: { content: "a" } })],
    ["no text", JSON.stringify({ ...COMMON, msgtype: "text" })],
    ["an image without url", JSON.stringify({ ...COMMON, msgtype: "image", image: {} })],
    [
      "a group without chatid",
      JSON.stringify({ ...COMMON, chattype: "group", msgtype: "text", text: { content: "a" } }),
    ],
    ["a poll without id", JSON.stringify({ ...COMMON, msgtype: "stream", stream: {} })],
    ["an event without name", JSON.stringify({ ...COMMON, msgtype: "event", event: {} })],
    [
      "more mixed items than anybody writes",
      JSON.stringify({
        ...COMMON,
        msgtype: "mixed",
        mixed: { msg_item: Array(201).fill({ msgtype: "text", text: { content: "a" } }) },
      }),
    ],
  ])("%s is malformed_body", (_name, json) => {
    expect(codeFrom(() => parseBotCallback(json))).toBe("malformed_body");
  });

  test("an error names the field at fault and never its value", () => {
    try {
      parse({ ...COMMON, msgtype: "text", text: { content: ["private words"] } });
      throw new Error("it was read");
    } catch (error) {
      expect(String(error)).toContain("text.content");
      expect(String(error)).not.toContain("private words");
    }
  });

  test("no JSON at all makes it throw anything but malformed_body", () => {
    const msgtype = fc.constantFrom("text", "image", "mixed", "voice", "file", "video", "stream", "event", "x");
    const body = fc.record({
      msgtype,
      event: fc.jsonValue(),
      mixed: fc.jsonValue(),
      from: fc.jsonValue(),
      quote: fc.jsonValue(),
    });
    fc.assert(
      fc.property(body, fc.jsonValue(), (a, b) => {
        expect(codeFrom(() => parse({ ...COMMON, ...a, text: b, stream: b }))).toMatch(/^(no error|malformed_body)$/);
      }),
      { numRuns: 1000 },
    );
  });

  test("a body of ten thousand brackets is an error and not an exhausted stack", () => {
    const deep = `${"[".repeat(10_000)}${"]".repeat(10_000)}`;
    const json = `{"msgtype":"event","msgid":"m","aibotid":"b","event":{"eventtype":"x","a":${deep}}}`;
    expect(codeFrom(() => parseBotCallback(json))).toBe("no error");
  });
});

describe("parseBotCallback and polls", () => {
  test("a poll gives its stream id, who asked, and needs no more than the id", () => {
    expect(parse({ ...COMMON, msgtype: "stream", stream: { id: "s1" } })).toEqual({
      kind: "poll",
      streamId: "s1",
      msgId: "m1",
      userId: "ZhangSan",
    });
    expect(parse({ msgtype: "stream", stream: { id: "s1" } })).toEqual({ kind: "poll", streamId: "s1" });
  });
});

describe("parseBotCallback and events", () => {
  test("enter_chat, which has no chattype, is in the single chat", () => {
    const event = eventOf({ eventtype: "enter_chat" }, { chattype: undefined });
    expect(event).toEqual({
      kind: "event",
      eventType: "enter_chat",
      msgId: "m1",
      botId: "AIBOT",
      userId: "ZhangSan",
      createTimeS: 1_700_000_000,
      chat: { kind: "single" },
    });
  });

  test("an event that is not documented, or has no sender, is an event all the same", () => {
    const event = eventOf(
      { eventtype: "auth_change_event", auth_change_event: { auth_list: [1] } },
      { from: { chat_id: "c" } },
    );
    expect([event.eventType, event.userId]).toEqual(["auth_change_event", ""]);
    expect(eventOf({ eventtype: "of_next_year" }, { from: undefined, create_time: "odd" }).userId).toBe("");
  });

  test("a feedback gives its type, words and reasons", () => {
    const feedback_event = { id: "f1", type: 2, content: "答错了", inaccurate_reason_list: [1, 3] };
    expect(eventOf({ eventtype: "feedback_event", feedback_event }).feedback).toEqual({
      id: "f1",
      type: 2,
      content: "答错了",
      reasons: [1, 3],
    });
    const thumbsUp = { eventtype: "feedback_event", feedback_event: { id: "f1", type: 1 } };
    expect(eventOf(thumbsUp).feedback).toEqual({ id: "f1", type: 1, content: "", reasons: [] });
  });

  test("a feedback of a type that is not documented is an event without details", () => {
    const event = eventOf({ eventtype: "feedback_event", feedback_event: { id: "f1", type: 9 } });
    expect("feedback" in event).toBe(false);
  });

  const card = {
    cardType: "vote_interaction",
    eventKey: "submit",
    taskId: "t1",
    selectedItems: [
      { questionKey: "q1", optionIds: ["o1", "o2"] },
      { questionKey: "q2", optionIds: ["o3"] },
    ],
  };
  test("a card click is read with the names of the samples", () => {
    const template_card_event = {
      card_type: "vote_interaction",
      event_key: "submit",
      task_id: "t1",
      selected_items: {
        selected_item: [
          { question_key: "q1", option_ids: { option_id: ["o1", "o2"] } },
          { question_key: "q2", option_ids: { option_id: ["o3"] } },
        ],
      },
    };
    const event = eventOf({ eventtype: "template_card_event", template_card_event }, { response_url: "https://r" });
    expect(event.card).toEqual(card);
    expect(event.responseUrl).toBe("https://r");
  });

  test("a card click is read with the joined names of the field table, single items included", () => {
    const template_card_event = {
      cardtype: "vote_interaction",
      eventkey: "submit",
      taskid: "t1",
      selecteditems: {
        selecteditem: [
          { questionkey: "q1", optionids: { optionid: ["o1", "o2"] } },
          { questionkey: "q2", optionids: { optionid: "o3" } },
        ],
      },
    };
    expect(eventOf({ eventtype: "template_card_event", template_card_event }).card).toEqual(card);
    const one = { taskid: "t1", selecteditems: { selecteditem: { questionkey: "q1", optionids: { optionid: "o1" } } } };
    expect(eventOf({ eventtype: "template_card_event", template_card_event: one }).card?.selectedItems).toEqual([
      { questionKey: "q1", optionIds: ["o1"] },
    ]);
  });

  test("values keep their underscores; only names lose them", () => {
    const template_card_event = { card_type: "text_notice", event_key: "a_b_c", task_id: "t_1" };
    expect(eventOf({ eventtype: "template_card_event", template_card_event }).card).toEqual({
      cardType: "text_notice",
      eventKey: "a_b_c",
      taskId: "t_1",
      selectedItems: [],
    });
  });

  test("a card click without a task is an event without a card", () => {
    expect("card" in eventOf({ eventtype: "template_card_event" })).toBe(false);
  });
});

describe("textOfContent and textOfQuote", () => {
  test("texts and transcripts are words, a mixed message its texts line by line, media nothing", () => {
    const items: BotContent = {
      type: "mixed",
      items: [
        { type: "image", url: URL_1 },
        { type: "text", text: "one" },
        { type: "image", url: URL_1 },
        { type: "text", text: "two" },
      ],
    };
    expect(textOfContent({ type: "text", text: "a" })).toBe("a");
    expect(textOfContent({ type: "voice", text: "b" })).toBe("b");
    expect(textOfContent(items)).toBe("one\ntwo");
    for (const type of ["image", "file", "video"] as const) expect(textOfContent({ type, url: URL_1 })).toBe("");
  });

  test("no quote has no words", () => {
    expect([textOfQuote(undefined), textOfQuote({ type: "text", text: "q" })]).toEqual(["", "q"]);
  });
});

describe("stripMention", () => {
  test.each([
    ["@应答助手 你好", "你好"],
    ["@应答助手\u2005你好", "你好"],
    ["@应答助手   你好", "你好"],
    ["@应答助手\n你好", "你好"],
    ["  @应答助手 你好", "你好"],
    ["@应答助手", ""],
    ["@应答助手 ", ""],
    ["@应答助手，你好", "你好"],
    ["@应答助手: 你好", "你好"],
    ["@应答助手？", "？"],
    ["@应答助手...在吗", "...在吗"],
    ["@应答助手/help", "/help"],
    ["@应答助手 /help", "/help"],
    ["@应答助手😀", "😀"],
    ["@应答助手(你好)", "@应答助手(你好)"],
    ["@应答助手 (你好)", "(你好)"],
    ["@应答助手们 你好", "@应答助手们 你好"],
    ["@应答助手2 你好", "@应答助手2 你好"],
    ["@应答助手_测试 你好", "@应答助手_测试 你好"],
    ["@应答助手-测试 你好", "@应答助手-测试 你好"],
    ["@应答助手·测试 你好", "@应答助手·测试 你好"],
    ["@应答助手 @应答助手 你好", "@应答助手 你好"],
    ["你好 @应答助手", "你好 @应答助手"],
    ["@张三 @应答助手 你好", "@张三 @应答助手 你好"],
    ["应答助手 你好", "应答助手 你好"],
    ["@应答 你好", "@应答 你好"],
    ["", ""],
  ])("%j becomes %j for the bot 应答助手", (text, stripped) => {
    expect(stripMention(text, "应答助手")).toBe(stripped);
  });

  test("a Latin name with spaces and signs is taken literally, never as a pattern", () => {
    expect(stripMention("@My.Bot (v2) hello", "My.Bot (v2)")).toBe("hello");
    expect(stripMention("@MyxBot (v2) hello", "My.Bot (v2)")).toBe("@MyxBot (v2) hello");
  });

  test("without a configured name nothing is taken away", () => {
    for (const name of [undefined, "", "  "]) expect(stripMention("@Bot hi", name)).toBe("@Bot hi");
  });

  test("a text that does not begin with the mention comes back unchanged, whatever it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ minLength: 1 }), (text, name) => {
        fc.pre(!text.trimStart().startsWith("@"));
        expect(stripMention(text, name)).toBe(text);
      }),
    );
  });

  test("what follows the mention and a space is never touched", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (question) => {
        fc.pre(question === question.trimStart() && !/^[,，:：、]/.test(question));
        expect(stripMention(`@应答助手 ${question}`, "应答助手")).toBe(question);
      }),
    );
  });
});
