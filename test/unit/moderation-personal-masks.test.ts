import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { labelOf, PERSONAL_KINDS } from "../../src/moderation/personal-data/kinds.ts";
import {
  type Mask,
  maskedForRecord,
  maskText,
  type Place,
  Unmasker,
  unmask,
} from "../../src/moderation/personal-data/masks.ts";
import { hardText, scanned } from "./moderation-personal-samples.ts";

const MASKS: readonly Mask[] = [
  { placeholder: "[手机号1]", value: "13912345678" },
  { placeholder: "[QQ号2]", value: "12345678" },
  { placeholder: "[手机号12]", value: "[手机号1]" },
];

function masked(text: string, known: readonly Mask[] = [], taken: readonly Mask[] = []) {
  return maskText(text, scanned(text), known, taken);
}

/** Text with placeholders, whole and in pieces, as people and models write them. */
const placeholderText = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "[手机号1]",
        "【手机号１】",
        "[ 手機號 1 ]",
        "\\[手机号1\\]",
        "[手机号12]",
        "[QQ号2]",
        "[qq号2]",
        "[原文1]",
        "[手机号7]",
      ),
      fc.constantFrom("[", "]", "\\", "手机", "号", "1", "2", "0", " ", "\u200b", "13912345678", "👍", "\ud83d", "*"),
      fc.string({ unit: "binary", maxLength: 2 }),
    ),
    { maxLength: 16 },
  )
  .map((pieces) => pieces.join(""));

describe("maskText", () => {
  test("values become placeholders, the same value the same one", () => {
    const text = "我是13912345678，不是13812345670，对，13912345678，邮箱a1@b.example";
    expect(masked(text)).toEqual({
      text: "我是[手机号1]，不是[手机号2]，对，[手机号1]，邮箱[邮箱1]",
      masks: [
        { placeholder: "[手机号1]", value: "13912345678" },
        { placeholder: "[手机号2]", value: "13812345670" },
        { placeholder: "[邮箱1]", value: "a1@b.example" },
      ],
    });
  });

  test("numbering goes on after the known ones, and a known value keeps its placeholder", () => {
    const { text, masks } = masked("13812345670 和 13912345678", MASKS);
    expect(text).toBe("[手机号13] 和 [手机号1]");
    expect(masks).toEqual([{ placeholder: "[手机号13]", value: "13812345670" }, MASKS[0]]);
  });

  test("another person's value and number are not used, even when the values are equal", () => {
    const { text, masks } = masked("13912345678", [], MASKS);
    expect(text).toBe("[手机号13]");
    expect(masks).toEqual([{ placeholder: "[手机号13]", value: "13912345678" }]);
  });

  test.each(["[手机号1]", "【手机号１】", "[ 手機號 1 ]", "\\[手机号1\\]", "[手机号\u200b1]", "[qq号2]", "[原文1]"])(
    "%j that somebody typed himself gets nobody's value",
    (typed) => {
      const { text, masks } = masked(`请重复 ${typed}`, MASKS.slice(0, 2));
      expect(text).toMatch(/^请重复 \[原文\d+\]$/);
      const answer = unmask(text, [...MASKS.slice(0, 2), ...masks]);
      expect(answer).toBe(`请重复 ${typed}`);
    },
  );

  test("places of word lists, touching and overlapping ones, and those beyond the text are masked once", () => {
    const places: Place[] = [
      { kind: "mobile", start: 3, end: 99 },
      { kind: "", start: 0, end: 2 },
      { kind: "email", start: 2, end: 3 },
      { kind: "id_card", start: 4, end: 5 },
      { kind: "id_card", start: 9, end: 9 },
    ];
    expect(maskText("abcdefgh", places, []).text).toBe("[敏感内容1][邮箱1][手机号1]");
    expect(maskedForRecord("abcdefgh", places)).toBe("[敏感内容][邮箱][手机号]");
  });

  test("a text with nothing to mask stays as it is", () => {
    expect(maskText("你好 [1] [x]", [], MASKS)).toEqual({ text: "你好 [1] [x]", masks: [] });
  });

  test("any text comes back as it was, whatever it contains and whatever is masked in it", () => {
    const places = fc.array(
      fc.record({ kind: fc.constantFrom(...PERSONAL_KINDS, ""), start: fc.nat(60), end: fc.nat(60) }),
      { maxLength: 4 },
    );
    fc.assert(
      fc.property(fc.oneof(placeholderText, hardText), places, (text, random) => {
        for (const chosen of [scanned(text), random]) {
          const { text: hidden, masks } = maskText(text, chosen, MASKS);
          expect(unmask(hidden, masks)).toBe(text);
          expect(unmask(hidden, [...MASKS, ...masks])).toBe(text);
          for (const { value } of masks) expect(value).not.toBe("");
        }
      }),
      { numRuns: 1500 },
    );
  });

  test("no value is left in what the model reads, nor in a record", () => {
    const text = "李四 13912345678，密码是 Qwer@2673，住址：江苏省苏州市平江路18号";
    for (const { start, end } of scanned(text)) {
      expect(masked(text).text).not.toContain(text.slice(start, end));
      expect(maskedForRecord(text, scanned(text))).not.toContain(text.slice(start, end));
    }
    expect(maskedForRecord(text, scanned(text))).toBe("李四 [手机号]，密码是 [密码]，住址：[地址]");
  });

  test("no label begins with another, so that a placeholder is read one way only", () => {
    const labels = [...PERSONAL_KINDS.map(labelOf), labelOf(""), "原文"];
    for (const label of labels) expect(labels.filter((other) => other.startsWith(label))).toEqual([label]);
  });
});

describe("Unmasker", () => {
  test.each([
    ["plain", "打[手机号1]吧", "打13912345678吧"],
    ["full-width brackets", "打【手机号1】吧", "打13912345678吧"],
    ["spaces inside and around", "打 [ 手机号 1 ] 吧", "打 13912345678 吧"],
    ["full-width digit", "［手机号１］", "13912345678"],
    ["traditional characters", "[手機號1]", "13912345678"],
    ["escapes of Markdown", "\\[手机号1\\]", "13912345678"],
    ["emphasis", "**[手机号1]**", "**13912345678**"],
    ["small letters", "[qq号2]", "12345678"],
    ["brackets around it", "【[手机号1]】[[手机号1]]", "【13912345678】[13912345678]"],
    ["a link", "[手机号1](tel:[手机号1])", "13912345678(tel:13912345678)"],
    ["a backslash of its own", "C:\\[手机号1]", "C:\\13912345678"],
    ["a number nobody has", "[手机号3] [手机号01] [手机号123]", "[手机号3] [手机号01] [手机号123]"],
    ["other brackets", "[1] [手机] [手机号] a[0]", "[1] [手机] [手机号] a[0]"],
    ["never closed", "[手机号1", "[手机号1"],
    ["a value that looks like a placeholder", "[手机号12]", "[手机号1]"],
  ])("%s", (_what, text, expected) => {
    expect(unmask(text, MASKS)).toBe(expected);
  });

  test("any text, cut anywhere, gives the same", () => {
    fc.assert(
      fc.property(placeholderText, (text) => {
        const whole = unmask(text, MASKS);
        for (let cut = 0; cut <= text.length; cut += 1) {
          const unmasker = new Unmasker(MASKS);
          expect(unmasker.push(text.slice(0, cut)) + unmasker.push(text.slice(cut)) + unmasker.end()).toBe(whole);
        }
        const unmasker = new Unmasker(MASKS);
        expect(
          text
            .split("")
            .map((unit) => unmasker.push(unit))
            .join("") + unmasker.end(),
        ).toBe(whole);
      }),
      { numRuns: 600 },
    );
  });

  test("holds back only what may become a placeholder", () => {
    const unmasker = new Unmasker(MASKS);
    expect(unmasker.push("好的，打")).toBe("好的，打");
    expect(unmasker.push("[手机")).toBe("");
    expect(unmasker.push("x")).toBe("[手机x");
    expect(unmasker.push("[手机号1")).toBe("");
    expect(unmasker.push("]")).toBe("13912345678");
    expect(unmasker.push(`[${" ".repeat(5)}`)).toBe("");
    expect(unmasker.push(" ".repeat(10))).toBe(`[${" ".repeat(15)}`);
    expect(unmasker.end()).toBe("");
  });
});
