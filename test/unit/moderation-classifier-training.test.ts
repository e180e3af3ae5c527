import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { DECISIONS, type Row } from "../../scripts/classifier/corpus.ts";
import { figuresOf } from "../../scripts/classifier/figures.ts";
import { auc, f1, reliability, shareOf, thresholdAt } from "../../scripts/classifier/metrics.ts";
import { withFigures } from "../../scripts/classifier/report.ts";
import {
  DEFAULT_REFINING,
  DEFAULT_TRAINING,
  type Example,
  type Part,
  refine,
  scoresOf,
  train,
  vectorsOf,
} from "../../scripts/classifier/train.ts";
import { loadClassifier } from "../../src/moderation/classifier/classifier.ts";
import { decodeWeights, encodeWeights } from "../../src/moderation/classifier/weights-file.ts";

const SMALL = { ...DEFAULT_TRAINING, bucketBits: 12 };
const DRINKS = ["咖啡", "红茶", "绿茶", "豆浆", "牛奶", "果汁", "汽水", "米酒", "可可", "柠檬水", "cocoa", "matcha"];
const PLACES = ["食堂", "会议室", "前台", "仓库", "三楼", "车间", "门口", "大厅"];

/** Mild stand-ins: complaints are the harmful kind, plain remarks the harmless one; two sources word them differently. */
function remarks(): Example[] {
  const parts: Part[] = ["learn", "learn", "learn", "calibrate", "test"];
  return DRINKS.flatMap((drink, one) =>
    PLACES.flatMap((place, other) => {
      const part = parts[(one * PLACES.length + other) % parts.length] ?? "learn";
      const row = (source: string, harmful: boolean, text: string) => ({ text, harmful, weight: 1, source, part });
      return [
        row("visitors", true, `${place}的${drink}难喝死了，气人`),
        row("visitors", false, `${place}有${drink}供应`),
        row("staff", true, `谁又把${place}弄得一团糟，${drink}也难喝，气人`),
        row("staff", false, `请问${place}几点送${drink}`),
      ];
    }),
  );
}

describe("training", () => {
  const examples = remarks();
  const vectors = vectorsOf(
    examples.map(({ text }) => text),
    SMALL.bucketBits,
  );
  const trained = train(vectors, examples, new Set(), SMALL);
  const tested = [...examples.keys()].filter((row) => examples[row]?.part === "test");

  test("rows it was not trained on: told apart", () => {
    const scores = scoresOf(vectors, trained.weights, tested);
    const of = (harmful: boolean) => scores.filter((_, at) => examples[tested[at] ?? -1]?.harmful === harmful);
    expect(of(true).length).toBeGreaterThan(10);
    expect(Math.min(...of(true))).toBeGreaterThan(Math.max(...of(false)));
    expect(Math.min(...of(true))).toBeGreaterThan(0.5);
  });

  test("written to a file and loaded: the same bytes again, and the service scores as the training did", () => {
    const bytes = encodeWeights(trained.weights);
    expect(Buffer.from(encodeWeights(decodeWeights(bytes))).equals(bytes)).toBe(true);
    const classifier = loadClassifier(bytes);
    const scores = scoresOf(vectors, trained.weights, tested);
    for (const [at, row] of tested.entries()) {
      // Vectors are kept in 32 bits.
      expect(classifier.score(examples[row]?.text ?? "")).toBeCloseTo(scores[at] ?? Number.NaN, 5);
    }
  });

  test("the same rows: the same file, bit for bit; another seed: another file", () => {
    const again = encodeWeights(train(vectors, examples, new Set(), SMALL).weights);
    expect(Buffer.from(again).equals(encodeWeights(trained.weights))).toBe(true);
    const other = train(vectors, examples, new Set(), { ...SMALL, seed: 1 }).weights;
    expect(Buffer.from(encodeWeights(other)).equals(again)).toBe(false);
  });

  test("each source is left out once, one's own never", () => {
    expect([...trained.without.keys()].sort()).toEqual(["staff", "visitors"]);
    const own = train(vectors, examples, new Set(["staff"]), SMALL);
    expect([...own.without.keys()]).toEqual(["visitors"]);
    expect(trained.without.get("staff")?.levels).not.toEqual(trained.weights.levels);
  });

  test("a test row's label: makes no difference to the weights", () => {
    const turned = examples.map((row) => (row.part === "test" ? { ...row, harmful: !row.harmful } : row));
    const weights = train(vectors, turned, new Set(), SMALL).weights;
    expect(Buffer.from(encodeWeights(weights)).equals(encodeWeights(trained.weights))).toBe(true);
  });

  test("rows of one kind only: refused", () => {
    const harmless = examples.map((row) => ({ ...row, harmful: false }));
    expect(() => train(vectors, harmless, new Set(), SMALL)).toThrow(RangeError);
  });
});

describe("going on from trained weights", () => {
  test("decisions change what they are about, and leave the rest where it was", () => {
    const examples = remarks();
    const before = train(
      vectorsOf(
        examples.map(({ text }) => text),
        SMALL.bucketBits,
      ),
      examples,
      new Set(),
      SMALL,
    ).weights;
    const decisions = DRINKS.flatMap((drink) =>
      PLACES.flatMap((place): Example[] => [
        { text: `请问${place}几点能把${drink}倒进花盆`, harmful: true, weight: 1, source: DECISIONS, part: "learn" },
        {
          text: `请问${place}的花盆几点换土，有${drink}吗`,
          harmful: false,
          weight: 1,
          source: DECISIONS,
          part: "learn",
        },
      ]),
    );
    const vectors = vectorsOf(
      decisions.map(({ text }) => text),
      SMALL.bucketBits,
    );
    const after = refine(before, vectors, decisions, DEFAULT_REFINING);
    const [old, renewed] = [loadClassifier(encodeWeights(before)), loadClassifier(encodeWeights(after))];
    expect(old.score("请问茶水间几点能把凉茶倒进花盆")).toBeLessThan(0.5);
    expect(renewed.score("请问茶水间几点能把凉茶倒进花盆")).toBeGreaterThan(0.5);
    expect(renewed.score("请问食堂几点送凉茶")).toBeLessThan(0.5);
    expect(renewed.score("食堂的凉茶难喝死了，气人")).toBeGreaterThan(0.5);
    expect({ slope: after.slope, offset: after.offset }).toEqual({ slope: before.slope, offset: before.offset });
  });
});

describe("figures", () => {
  test("a share: Wilson's interval, and nothing known of nothing", () => {
    const { low, high } = shareOf(1, 10);
    expect(low).toBeCloseTo(0.0179, 4);
    expect(high).toBeCloseTo(0.4042, 4);
    expect(shareOf(0, 0)).toMatchObject({ low: 0, high: 1 });
    expect(shareOf(0, 50).low).toBe(0);
  });

  test("AUC: all above, all below, ties half", () => {
    expect(auc([0.9, 0.8], [0.1, 0.2])).toBe(1);
    expect(auc([0.1], [0.2, 0.3])).toBe(0);
    expect(auc([0.5, 0.5], [0.5])).toBe(0.5);
    expect(auc([0.9, 0.3], [0.3, 0.1])).toBe(0.875);
  });

  test("F1: of precision and recall", () => {
    expect(f1([0.9, 0.1], [0.8, 0.2], 0.5)).toBeCloseTo(0.5, 9);
    expect(f1([0.1], [0.2], 0.5)).toBe(0);
  });

  test("a threshold for a share of harmless rows: no more of them reach it", () => {
    const harmless = Array.from({ length: 200 }, (_, at) => at / 200);
    for (const share of [0, 0.005, 0.01, 0.05]) {
      const threshold = thresholdAt(harmless, share);
      expect(harmless.filter((score) => score >= threshold)).toHaveLength(200 * share);
    }
    expect(thresholdAt([0.7, 0.7, 0.7], 0.4)).toBeGreaterThan(0.7);
  });

  test("calibration: rows weigh what they weigh, a score of 1 falls into the last bin", () => {
    const { error, bins } = reliability([
      { score: 1, harmful: true, weight: 1 },
      { score: 0.75, harmful: true, weight: 3 },
      { score: 0.75, harmful: false, weight: 1 },
      { score: 0.2, harmful: false, weight: 5 },
    ]);
    expect(bins[9]).toMatchObject({ rows: 1, predicted: 1, observed: 1 });
    expect(bins[7]).toMatchObject({ rows: 2, predicted: 0.75, observed: 0.75 });
    expect(error).toBeCloseTo(0.1, 9);
  });

  test("a set with no harmless rows is measured against its language's, and only on test rows", () => {
    const row = (text: string, set: string, harmful: boolean, part: Part): Row => ({
      ...{ text, set, source: set, harmful, part },
      weight: 1,
    });
    const rows = remarks().map(({ text, harmful, part }) =>
      row(text, harmful ? "complaints" : "questions", harmful, part),
    );
    const vectors = vectorsOf(
      rows.map(({ text }) => text),
      SMALL.bucketBits,
    );
    const { weights } = train(vectors, rows, new Set(["complaints", "questions"]), SMALL);
    const figures = figuresOf(rows, vectors, { weights, without: new Map() });
    const count = rows.filter(({ set, part }) => set === "complaints" && part === "test").length;
    expect(figures.harmful).toMatchObject([{ set: "complaints", rows: count, against: "zh", auc: 1, f1: null }]);
    expect(figures.harmless).toMatchObject([{ set: "questions", atStyle: { hits: 0 } }]);
  });

  test("the model card: figures are replaced, the rest stays; a card without a place for them is refused", () => {
    const begin = "<!-- figures: written by scripts/train-classifier.ts -->";
    const card = `# Card\n${begin}\nold\n<!-- end of figures -->\nmore\n`;
    expect(withFigures(card, "new")).toBe(`# Card\n${begin}\nnew\n<!-- end of figures -->\nmore\n`);
    expect(() => withFigures("# Card\n", "new")).toThrow(/model card lacks/);
  });
});

describe("the command", () => {
  const script = fileURLToPath(new URL("../../scripts/train-classifier.ts", import.meta.url));
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [script, ...args], { encoding: "utf8", timeout: 60_000 });
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "yingda-train-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test("decisions alone: weights that the service loads, and not a word of the texts in what it prints", () => {
    const [decisions, out] = [join(folder, "decisions.jsonl"), join(folder, "new.weights")];
    const lines = remarks().map(({ text, harmful }) => JSON.stringify({ text, label: harmful ? "unsafe" : "safe" }));
    writeFileSync(decisions, lines.join("\n"));
    const { status, stdout, stderr } = run("--decisions", decisions, "--out", out);
    expect({ status, stderr }).toEqual({ status: 0, stderr: expect.stringContaining("version style.") });
    expect(stdout).toMatch(/\| decisions, after \|/);
    expect(stdout + stderr).not.toMatch(/难喝|食堂|cocoa/);
    const classifier = loadClassifier(readFileSync(out));
    expect(classifier.score("食堂的凉茶难喝死了，气人")).toBeGreaterThan(classifier.score("请问食堂几点送凉茶") + 0.3);
  }, 60_000);

  test.each([
    ["nothing to learn from", [], /usage:/],
    ["an option that it does not know", ["--dats", "x"], /--dats/],
    ["a file that is not there", ["--decisions", "nowhere.jsonl"], /nowhere\.jsonl/],
  ])("%s: a line that says so, no weights", (_what, args, line) => {
    const out = join(folder, "none.weights");
    const { status, stderr } = run(...args, "--out", out);
    expect(status).toBe(1);
    expect(stderr).toMatch(line);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(existsSync(out)).toBe(false);
  });
});
