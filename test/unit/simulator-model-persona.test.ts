import { describe, expect, test } from "@jest/globals";
import { languageOf, personaAnswer } from "../../simulator/model-persona.ts";

const user = (content: string) => ({ role: "user", content });
const assistant = (content: string) => ({ role: "assistant", content });
const system = (content: string) => ({ role: "system", content });

/** What it says to these questions of one conversation, the last one asked now. */
function say(...questions: string[]): string {
  const earlier = questions.slice(0, -1).flatMap((question) => [user(question), assistant("ok")]);
  return personaAnswer([...earlier, user(questions.at(-1) ?? "")]).text;
}

describe("the demo model's memory", () => {
  test.each([
    [["我叫小明", "我叫什么？"], "小明"],
    [["你好，我叫李雷，你呢？", "今天如何", "你还记得我叫什么吗"], "李雷"],
    [["My name is Ann.", "What is my name?"], "Ann"],
    [["call me Bob please", "do you remember my name"], "Bob"],
    [["我叫小明", "不对，我叫小红", "我叫什么"], "小红"],
  ])("holds the name told in %j", (questions, name) => {
    expect(say(...questions)).toContain(name);
  });

  test("knows no name that was not told, and takes none from its own words", () => {
    expect(say("我叫什么？")).toMatch(/还没有告诉我/);
    const answer = personaAnswer([user("hi"), assistant("My name is Eve"), user("what's my name?")]);
    expect(answer.text).toMatch(/have not told me/);
  });

  test("reads a name out of a summary that the service keeps", () => {
    const summary = personaAnswer([user("我叫小明"), assistant("好"), user("请总结以上对话")]).text;
    expect(summary).toContain("用户的名字是小明");
    const answer = personaAnswer([system(`你是助手。\n${summary}`), user("我叫什么？")]);
    expect(answer.text).toContain("小明");
    expect(personaAnswer([system("你叫应答，帮助用户。"), user("我叫什么？")]).text).toMatch(/还没有告诉我/);
  });

  test("counts and repeats questions from the messages alone", () => {
    expect(say("一", "二", "我问了几个问题？")).toContain("3 条");
    expect(say("how tall is it?", "What was my previous question?")).toContain("how tall is it?");
    expect(say("上一个问题是什么？")).toMatch(/第一个问题/);
  });

  test("keeps what it is asked to keep", () => {
    expect(say("记住：周五交报告", "我让你记住了什么？")).toContain("周五交报告");
    expect(say("remember that I like tea", "What did I ask you to remember?")).toContain("I like tea");
  });
});

describe("what the demo model shows on request", () => {
  test.each([
    ["长文 24000", 24_000],
    ["long 24000", 24_000],
    ["写一篇 5001 字节的长文", 5_001],
    ["long 20481", 20_481],
    ["写一篇长文", 6_000],
    ["long 9999999", 200_000],
  ])("%s is exactly %i bytes, without a torn character", (question, bytes) => {
    const { text } = personaAnswer([user(question)]);
    expect(Buffer.byteLength(text)).toBe(bytes);
    expect(text).not.toContain("\ufffd");
  });

  test("markdown in both languages", () => {
    expect(say("给我一个表格")).toMatch(/^\|---/m);
    expect(say("give me a table")).toMatch(/^\|---/m);
    expect(say("列表")).toMatch(/^1\. /m);
    expect(say("写段代码")).toMatch(/```ts\n/);
  });

  test("thinking apart, thinking in tags, and silence", () => {
    expect(personaAnswer([user("边想边答")]).reasoning).toBeTruthy();
    expect(say("用 think 标签")).toMatch(/^<think>.+<\/think>./);
    expect(personaAnswer([user("慢答 10")]).waitMs).toBe(10_000);
    expect(personaAnswer([user("slow 9999")]).waitMs).toBe(120_000);
  });

  test("an unsafe answer only with the phrase it was given, in the middle of harmless words", () => {
    const { text } = personaAnswer([user("演示违规回答")], { unsafeText: "THE PHRASE" });
    expect(text).toMatch(/^好的.+\n\nTHE PHRASE\n\n.+/s);
    expect(say("演示违规回答")).toMatch(/没有配置/);
  });
});

describe("an ordinary question", () => {
  test.each([
    "今天天气怎么样？",
    "how long is the Nile?",
    "why is the code slow?",
    "is there a table in the room",
    "对不对",
  ])("%s gets an honest answer in its language", (question) => {
    const answer = say(question);
    expect(answer).toMatch(
      languageOf(question) === "zh" ? /演示模型，不是语言模型/ : /demo model, not a language model/,
    );
    expect(answer).toContain(question);
  });

  test("of any length is quoted by its beginning only", () => {
    expect(say("很长的问题".repeat(500)).length).toBeLessThan(400);
  });

  test("that is empty, or no question at all, does no harm", () => {
    expect(say("")).toMatch(/demo model/);
    expect(personaAnswer([]).text).toMatch(/demo model/);
  });
});
