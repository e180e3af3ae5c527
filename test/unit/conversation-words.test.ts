import { describe, expect, test } from "@jest/globals";
import { caseNumberOf } from "../../src/conversation/case-number.ts";
import { commandOf, isStopWord, parseCommand } from "../../src/conversation/commands.ts";
import { languageOf, TEXTS } from "../../src/conversation/texts.ts";
import { botGroupConversation, botSingleConversation } from "../../src/session/conversation-id.ts";
import { SHARDS, shardOf, snapshotKey, streamIdOf } from "../../src/session/keys.ts";

describe("commands", () => {
  test.each([
    ["/new", "new"],
    ["  新对话\n", "new"],
    ["/STOP", "stop"],
    ["停止", "stop"],
    ["／help", "help"],
    ["重试", "retry"],
    ["申诉", "appeal"],
  ])("%j is the command %s", (text, command) => {
    expect(parseCommand(text)).toBe(command);
  });

  test.each(["/newer", "/etc/hosts 是什么", "新对话怎么开", "请停止", "", "/"])("%j is a normal message", (text) => {
    expect(parseCommand(text)).toBeNull();
  });
});

describe("words that end a running answer", () => {
  test.each(["算了", " 算了吧\n", "不用了", "停", "STOP"])("%j is one, and no command by itself", (text) => {
    expect(isStopWord(text)).toBe(true);
    expect(parseCommand(text)).toBeNull();
    expect(commandOf({ text })).toBeNull();
    expect(commandOf({ text, stops: true })).toBe("stop");
  });

  test.each(["算了算", "停一下", "不用了谢谢", "stop it", "停车场在哪", ""])("%j is none", (text) => {
    expect(isStopWord(text)).toBe(false);
  });
});

describe("the bot's own words", () => {
  test("a Chinese question gets Chinese, an English one English, a doubtful one Chinese", () => {
    expect([languageOf("你好 hello"), languageOf("How are you?"), languageOf("123"), languageOf("😀")]).toEqual([
      "zh",
      "en",
      "zh",
      "zh",
    ]);
  });

  test("both languages say something for every kind of failure, without the code", () => {
    for (const texts of Object.values(TEXTS)) {
      for (const code of ["model_timeout", "model_unreachable", "internal", "turn_timeout"] as const) {
        expect(texts.failed(code).length).toBeGreaterThan(20);
        expect(texts.failed(code)).not.toContain(code);
      }
    }
  });

  test("a case number is short, readable aloud, and the same for the same message", () => {
    expect(caseNumberOf("app:1:2", "question")).toMatch(/^[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$/);
    expect(caseNumberOf("app:1:2", "question")).toBe(caseNumberOf("app:1:2", "question"));
    expect(caseNumberOf("app:1:2", "question")).not.toBe(caseNumberOf("app:1:2", "answer"));
  });
});

describe("ids", () => {
  test("userids are compared without case, chat ids with it", () => {
    expect(botSingleConversation("B", "ZhangSan")).toBe(botSingleConversation("B", "zhangsan"));
    expect(botGroupConversation("B", "wrX", "a", "group")).not.toBe(botGroupConversation("B", "wrx", "a", "group"));
  });

  test("per group all members share a conversation, per member they do not", () => {
    expect(botGroupConversation("B", "c", "a", "group")).toBe(botGroupConversation("B", "c", "b", "group"));
    expect(botGroupConversation("B", "c", "a", "member")).not.toBe(botGroupConversation("B", "c", "b", "member"));
  });

  test("a stream id leads back to its conversation's shard, and conversations spread over all shards", () => {
    const shards = new Set<number>();
    for (let i = 0; i < 200; i += 1) {
      const conversationId = `app:1:user${i}`;
      shards.add(shardOf(conversationId));
      expect(snapshotKey(streamIdOf(conversationId, `m${i}`))).toContain(`{${shardOf(conversationId)}}`);
    }
    expect(shards.size).toBe(SHARDS);
  });
});
