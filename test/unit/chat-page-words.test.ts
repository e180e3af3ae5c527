import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { initials } from "../../simulator/chat/avatar.js";
import { en } from "../../simulator/chat/i18n-en.js";
import { zh } from "../../simulator/chat/i18n-zh.js";
import { completeMention, matchCandidates, mentionAt } from "../../simulator/chat/mention.js";
import { formatBody, outcomeOf } from "../../simulator/chat/packet-format.js";
import { nextUnits } from "../../simulator/chat/reveal.js";

const CANDIDATES = [
  { userId: "", name: "应答助手", isBot: true },
  { userId: "lisi", name: "李四", isBot: false },
  { userId: "wangxiaoming", name: "王小明", isBot: false },
];

describe("mention in the chat page", () => {
  test("an @ at the start, after a space or after Chinese opens the list, with what follows as its query", () => {
    expect(mentionAt("@", 1)).toEqual({ from: 0, query: "" });
    expect(mentionAt("请 @李", 4)).toEqual({ from: 2, query: "李" });
    expect(mentionAt("请@li", 4)).toEqual({ from: 1, query: "li" });
  });

  test("an e-mail address, a finished mention and an @ after the caret open none", () => {
    expect(mentionAt("me@example", 10)).toBeNull();
    expect(mentionAt("@李四 你好", 6)).toBeNull();
    expect(mentionAt("a @", 1)).toBeNull();
    expect(mentionAt(`@${"长".repeat(40)}`, 41)).toBeNull();
  });

  test("people are found by name and by userid, the beginnings first", () => {
    expect(matchCandidates(CANDIDATES, "").map(({ name }) => name)).toEqual(["应答助手", "李四", "王小明"]);
    expect(matchCandidates(CANDIDATES, "WANG").map(({ name }) => name)).toEqual(["王小明"]);
    expect(matchCandidates(CANDIDATES, "小").map(({ name }) => name)).toEqual(["王小明"]);
    expect(matchCandidates(CANDIDATES, "赵")).toEqual([]);
  });

  test("a chosen name is written out with one space behind it", () => {
    expect(completeMention("请@li看", 4, 1, "李四")).toEqual({ text: "请@李四 看", caret: 5 });
    expect(completeMention("@l 看", 2, 0, "李四")).toEqual({ text: "@李四 看", caret: 4 });
  });
});

describe("bodies of packets", () => {
  const text = (body: string) =>
    formatBody(body)
      .map((token) => token.text)
      .join("");

  test("JSON is set out, and numbers keep every digit", () => {
    expect(text('{"MsgId":4561255354251345929,"a":[],"b":{"c":"\\u4f60"},"d":[1,null]}')).toBe(
      '{\n  "MsgId": 4561255354251345929,\n  "a": [],\n  "b": {\n    "c": "\\u4f60"\n  },\n  "d": [\n    1,\n    null\n  ]\n}',
    );
  });

  test("XML is set out with text beside its tags", () => {
    expect(text("<xml><A><![CDATA[a<b]]></A><B><C>1</C><D/></B></xml>")).toBe(
      "<xml>\n  <A><![CDATA[a<b]]></A>\n  <B>\n    <C>1</C>\n    <D/>\n  </B>\n</xml>",
    );
  });

  test("what is neither, or is cut short, is shown as it came", () => {
    for (const body of ["a=b&c=d", '{"a":', "[1,]", "<xml", ""]) expect(text(body)).toBe(body);
  });
});

describe("what became of a packet", () => {
  test("is WeCom's errcode where it refused, else the HTTP status", () => {
    expect(outcomeOf({ status: 200, replyPlain: '{"errcode":45009,"errmsg":"x"}' })).toEqual({
      text: "45009",
      good: false,
    });
    expect(outcomeOf({ status: 200, replyPlain: '{"errcode":0}' })).toEqual({ text: "200", good: true });
    expect(outcomeOf({ status: 503 })).toEqual({ text: "503", good: false });
    expect(outcomeOf({ status: 0 })).toEqual({ text: "—", good: false });
  });
});

describe("text that flows in", () => {
  test("a step is longer when more is left, never backwards, and ends at the end", () => {
    const long = "字".repeat(1_000);
    expect(nextUnits(long, 0, 33, false)).toBeGreaterThan(nextUnits(long, 900, 33, false) - 900);
    expect(nextUnits(long, 999, 33, false)).toBe(1_000);
    let shown = 0;
    for (let step = 0; step < 200; step += 1) shown = nextUnits(long, shown, 33, true);
    expect(shown).toBe(1_000);
  });

  test("a character of two units is shown whole", () => {
    const text = `a${"😀".repeat(50)}`;
    let shown = 0;
    while (shown < text.length) {
      shown = nextUnits(text, shown, 10, false);
      expect(text.slice(0, shown).isWellFormed()).toBe(true);
    }
  });
});

describe("words of the chat page", () => {
  const page = (file: string) => readFileSync(new URL(`../../simulator/chat/${file}`, import.meta.url), "utf8");

  test("both languages have the same words with the same places for values", () => {
    const places = (words: Record<string, string>) =>
      Object.entries(words).map(([word, text]) => [
        word,
        [...text.matchAll(/\{\w+\}/g)].map(([place]) => place).toSorted(),
      ]);
    expect(places(en.words)).toEqual(places(zh.words));
    expect(en.suggestions).toHaveLength(zh.suggestions.length);
  });

  test("every word that index.html asks for exists", () => {
    const asked = [...page("index.html").matchAll(/data-t(?:-label|-title)?="(\w+)"/g)].map(([, word]) => word);
    expect(asked.length).toBeGreaterThan(20);
    for (const word of asked) expect(Object.keys(zh.words)).toContain(word);
  });

  test("the page holds nothing that a strict content policy would refuse", () => {
    expect(page("index.html")).not.toMatch(/<script(?![^>]*src=)|<style|\sstyle=|\son\w+=/);
  });

  test("initials are the end of a Chinese name and the letters of another", () => {
    expect(["王小明", "李四", "Ann Lee", "bob", ""].map(initials)).toEqual(["小明", "李四", "AL", "B", "?"]);
  });
});
