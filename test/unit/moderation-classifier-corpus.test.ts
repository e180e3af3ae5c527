import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  balanced,
  COLLECTIONS,
  DECISIONS,
  madeUpRows,
  type Row,
  readCollections,
  readDecisions,
  withoutRepeats,
} from "../../scripts/classifier/corpus.ts";
import type { Part } from "../../scripts/classifier/train.ts";

describe("the corpus of the classifier", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "yingda-classifier-"));
    for (const { name } of COLLECTIONS) {
      const lines = Array.from({ length: 60 }, (_, at) =>
        JSON.stringify({
          id: `${name}-${at}`,
          text: `${name} 第 ${at} 条`,
          label: at % 2 === 0 ? "safe" : "unsafe",
          category: `kind${Math.floor(at / 3)}`,
          lang: "zh",
          split: at < 40 ? "train" : at < 50 ? "dev" : "test",
        }),
      );
      writeFileSync(join(folder, `${name}.jsonl`), `${lines.join("\n")}\n`);
    }
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test("collections that only test: no row of them is learned from", () => {
    const rows = readCollections(folder);
    for (const name of ["office_benign", "harmbench", "injection_zh_en", "evasion_zh", "pii_zh_synth"]) {
      const parts = new Set(rows.filter(({ set }) => set === name).map(({ part }) => part));
      expect([name, ...parts]).toEqual([name, "test"]);
    }
  });

  test("JailBench: seeds and the jailbreaks around them fall into one part by category", () => {
    const parts = new Map<string, Set<Part>>();
    for (const { source, text, part } of readCollections(folder)) {
      if (source !== "jailbench") continue;
      const kind = String(Math.floor(Number(/\d+(?= 条)/.exec(text)?.[0]) / 3));
      parts.set(kind, (parts.get(kind) ?? new Set()).add(part));
    }
    expect(parts.size).toBe(20);
    expect([...parts.values()].filter(({ size }) => size > 1)).toEqual([]);
    expect(new Set([...parts.values()].flatMap((part) => [...part]))).toContain("test");
  });

  test("COLD keeps the parts that it came with", () => {
    const parts = readCollections(folder)
      .filter(({ set }) => set === "cold")
      .map(({ part }) => part);
    expect(parts.filter((part) => part === "learn")).toHaveLength(40);
    expect(parts.filter((part) => part === "test")).toHaveLength(10);
  });

  test("a folder without a collection: named, with the cure", () => {
    expect(() => readCollections(join(folder, "nowhere"))).toThrow(/cold\.jsonl is missing.*--data/);
  });

  test("texts that read alike are kept once: a reviewer's decision first, then the test's row", () => {
    const row = (text: string, set: string, part: Part): Row => ({
      text,
      set,
      source: set,
      part,
      harmful: true,
      weight: 1,
    });
    const kept = withoutRepeats([
      row("会议室在哪", "one", "learn"),
      row("會議室 在哪？", "two", "test"),
      row("打印机坏了", "one", "test"),
      row("打印机 坏了！", DECISIONS, "learn"),
      row("……", "one", "learn"),
    ]);
    expect(kept.map(({ text }) => text).sort()).toEqual(["會議室 在哪？", "打印机 坏了！"].sort());
  });

  test("made-up sentences: different ones, always the same, none harmful", () => {
    const rows = madeUpRows();
    expect(new Set(rows.map(({ text }) => text)).size).toBe(rows.length);
    expect(rows.length).toBeGreaterThan(4000);
    expect(rows.some(({ text, harmful }) => harmful || text.includes("{") || text.includes("}"))).toBe(false);
    expect(madeUpRows()).toEqual(rows);
  });

  test("decisions: read with blank lines and further fields; a bad line is named and not quoted", () => {
    const file = join(folder, "decisions.jsonl");
    writeFileSync(file, '{"text":"会议室在哪","label":"safe","case":"C1"}\n\n{"text":"气人","label":"unsafe"}\n');
    expect(readDecisions(file)).toMatchObject([
      { text: "会议室在哪", harmful: false, set: DECISIONS },
      { text: "气人", harmful: true, set: DECISIONS },
    ]);
    for (const line of [
      '{"text":"机密"',
      '{"text":"机密","label":"maybe"}',
      '["机密"]',
      "null",
      '{"text":7,"label":"safe"}',
    ]) {
      writeFileSync(file, `{"text":"会议室在哪","label":"safe"}\n${line}\n`);
      expect(() => readDecisions(file)).toThrow(/line 2/);
      expect(() => readDecisions(file)).not.toThrow(/机密/);
    }
  });

  test("decisions of uneven number: both kinds count alike; too few of one: refused", () => {
    const decisions = (harmful: number, harmless: number): Row[] =>
      Array.from({ length: harmful + harmless }, (_, at) => ({
        text: `第 ${at} 条`,
        harmful: at < harmful,
        weight: 8,
        set: DECISIONS,
        source: DECISIONS,
        part: "learn",
      }));
    const rows = balanced(decisions(300, 60));
    const weightOf = (harmful: boolean) =>
      rows.filter((row) => row.harmful === harmful).reduce((sum, { weight }) => sum + weight, 0);
    expect(weightOf(true)).toBeCloseTo(180, 6);
    expect(weightOf(false)).toBeCloseTo(180, 6);
    expect(() => balanced(decisions(300, 49))).toThrow(/300 unsafe and 49 safe/);
  });
});
