import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "@jest/globals";
import { CATEGORY_NAMES } from "../../console/src/logic/categories.ts";
import { BINDINGS } from "../../console/src/logic/keys.ts";
import { clockOf, clockTime, roughly, shortDuration } from "../../console/src/logic/time-words.ts";
import { CATEGORIES } from "../../src/moderation/verdict.ts";

interface Dictionary {
  words: Record<string, string>;
  names: Record<string, Record<string, string>>;
}

const SOURCES = path.resolve(import.meta.dirname, "../../console/src");
const read = (language: string) =>
  JSON.parse(readFileSync(path.join(SOURCES, "words", `${language}.json`), "utf8")) as Dictionary;
const zh = read("zh");
const en = read("en");

const source = readdirSync(SOURCES, { recursive: true, encoding: "utf8" })
  .filter((name) => /\.tsx?$/.test(name))
  .map((name) => readFileSync(path.join(SOURCES, name), "utf8"))
  .join("\n");

function gaps(sentence: string): string[] {
  return [...sentence.matchAll(/\{\w+\}/g)].map(([gap]) => gap).sort();
}

describe("the console's words", () => {
  test("both languages have the same words and names", () => {
    expect(Object.keys(en.words)).toEqual(Object.keys(zh.words));
    expect(Object.keys(en.names)).toEqual(Object.keys(zh.names));
    for (const [group, names] of Object.entries(zh.names)) {
      expect(Object.keys(en.names[group] ?? {})).toEqual(Object.keys(names));
    }
  });

  test("a sentence has the same gaps in both", () => {
    for (const [word, sentence] of Object.entries(zh.words)) {
      expect([word, gaps(en.words[word] ?? "")]).toEqual([word, gaps(sentence)]);
    }
  });

  test("no word is empty, and none is there for nothing", () => {
    for (const dictionary of [zh, en]) {
      expect(Object.entries(dictionary.words).filter(([, sentence]) => sentence.trim() === "")).toEqual([]);
    }
    expect(Object.keys(zh.words).filter((word) => !source.includes(`"${word}"`))).toEqual([]);
  });

  test("every category of moderation and every key has a name", () => {
    expect([...CATEGORY_NAMES].sort()).toEqual([...CATEGORIES].sort());
    expect(Object.keys(zh.names.category ?? {}).sort()).toEqual([...CATEGORIES].sort());
    expect(Object.keys(zh.names.command ?? {})).toEqual(BINDINGS.map(({ command }) => command));
  });
});

describe("the console's icons", () => {
  test("every icon that the page may ask for is drawn, and no other", () => {
    const drawn = readFileSync(path.join(SOURCES, "icons.svg"), "utf8").matchAll(/<symbol id="(\w+)"/g);
    const asked = readFileSync(path.join(SOURCES, "parts", "icon.tsx"), "utf8").matchAll(/^ {2}\| "(\w+)"/gm);
    expect([...asked].map(([, name]) => name)).toEqual([...drawn].map(([, name]) => name));
  });
});

describe("times in words", () => {
  const minute = 60_000;
  const hour = 60 * minute;

  test("the unit grows with the time, and nothing is negative", () => {
    expect(roughly(-5)).toEqual({ count: 0, unit: "seconds" });
    expect(roughly(59_999)).toEqual({ count: 59, unit: "seconds" });
    expect(roughly(minute)).toEqual({ count: 1, unit: "minutes" });
    expect(roughly(47 * hour)).toEqual({ count: 47, unit: "hours" });
    expect(roughly(49 * hour)).toEqual({ count: 2, unit: "days" });
  });

  test("a case is calm, then soon due, then overdue", () => {
    expect(clockOf(4 * hour, 0, hour)).toMatchObject({ urgency: "calm", leftMs: 3 * hour });
    expect(clockOf(4 * hour, 0, 3.5 * hour).urgency).toBe("soon");
    expect(clockOf(4 * hour, 0, 5 * hour)).toMatchObject({ urgency: "overdue", leftMs: hour, share: 0 });
  });

  test("today has no date, another year has its year", () => {
    const now = new Date(2026, 10, 24, 18, 0).getTime();
    expect(clockTime(new Date(2026, 10, 24, 9, 5).getTime(), now, "zh-CN")).toBe("09:05");
    expect(clockTime(new Date(2026, 10, 23, 9, 5).getTime(), now, "zh-CN")).toContain("11/23");
    expect(clockTime(new Date(2025, 0, 1, 0, 0).getTime(), now, "zh-CN")).toContain("2025");
  });

  test("durations are short", () => {
    expect([0, 0.34, 860, 2400, 180_000, 5.5 * hour].map(shortDuration)).toEqual([
      "0 ms",
      "0.3 ms",
      "860 ms",
      "2.4 s",
      "3 min",
      "5.5 h",
    ]);
  });
});
