import { readdirSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { z } from "zod";
import { YingdaError } from "../../src/base/errors.ts";
import { TextScan } from "../../src/moderation/phrases/text-scan.ts";
import { packNames, readCommonWords, readPack } from "../../src/moderation/policy/packs.ts";
import { compilePolicy, loadPolicy, type Policy } from "../../src/moderation/policy/policy.ts";
import { policySchema } from "../../src/moderation/policy/policy-schema.ts";
import { badPolicy, parseYaml } from "../../src/moderation/policy/policy-yaml.ts";
import { exampleSteps, rulesetSteps, type Source } from "../../src/moderation/policy/ruleset.ts";
import { finished } from "../../src/moderation/steps.ts";
import { samplePolicyText } from "./moderation-samples.ts";

/** The lines of a refusal, its head included. */
function faultsOf(load: () => unknown): string[] {
  try {
    load();
  } catch (error) {
    if (error instanceof YingdaError && error.code === "bad_config") return error.message.split("\n");
    throw error;
  }
  throw new Error("nothing was refused");
}

const HEAD = "The moderation policy cannot be used:";
const form = z.strictObject({ a: z.number(), list: z.array(z.strictObject({ b: z.string() })).optional() });

describe("reading YAML", () => {
  test("gives what it says, aliases included", () => {
    expect(parseYaml("a: &x 1", form)).toEqual({ a: 1 });
    expect(parseYaml("- &x 1\n- *x", z.array(z.number()))).toEqual([1, 1]);
  });

  test("names each fault of form with its line and place; a thing left out with its place alone", () => {
    expect(faultsOf(() => parseYaml("a: one\nlist:\n  - b: x\n  - b: 3", form))).toEqual([
      HEAD,
      "  line 1: a: Invalid input: expected number, received string",
      "  line 4: list.1.b: Invalid input: expected string, received number",
    ]);
    expect(faultsOf(() => parseYaml("list: []", form))).toEqual([
      HEAD,
      "  a: Invalid input: expected number, received undefined",
    ]);
    expect(faultsOf(() => parseYaml("a: 1\nlist:\n  - c: x", form))).toEqual([
      HEAD,
      "  line 3: list.0.b: Invalid input: expected string, received undefined",
      '  line 3: list.0: Unrecognized key: "c"',
    ]);
  });

  test("a fault of the whole is one of the file", () => {
    expect(faultsOf(() => parseYaml("3", form, "pack x"))).toEqual([
      "The pack x cannot be used:",
      "  the file: Invalid input: expected object, received number",
    ]);
  });

  test("what is no YAML is told by the reader, in a line each", () => {
    const [head, first, ...others] = faultsOf(() => parseYaml("a: [1\nb: }", form));
    expect(head).toBe(HEAD);
    expect(first).toMatch(/^ {2}\S.* at line \d+, column \d+:$/u);
    for (const line of others) expect(line).toMatch(/^ {2}\S/u);
    const [, alias] = faultsOf(() => parseYaml("a: *b", form));
    expect(alias).toMatch(/^ {2}.*b/u);
  });

  test("aliases inside aliases are not unfolded", () => {
    const bomb = Array.from(
      { length: 9 },
      (_, at) => `a${at}: &a${at} [${Array(10).fill(at === 0 ? "x" : `*a${at - 1}`)}]`,
    );
    expect(faultsOf(() => parseYaml(bomb.join("\n"), form))).toEqual([
      HEAD,
      "  Excessive alias count indicates a resource exhaustion attack",
    ]);
  });

  test("a text at the limit is read, one over it is not", () => {
    const limit = 16 * 1024 * 1024;
    expect(parseYaml(`a: 1\n#${"x".repeat(limit - 6)}`, form)).toEqual({ a: 1 });
    expect(faultsOf(() => parseYaml(`a: 1\n#${"x".repeat(limit - 5)}`, form))).toEqual([
      HEAD,
      "  the file is larger than 16777216 characters",
    ]);
  });

  test("fifty faults are told, of more their number", () => {
    const faults = (count: number) => Array.from({ length: count }, (_, at) => `fault ${at}`);
    expect(badPolicy(faults(50)).message.split("\n")).toEqual([HEAD, ...faults(50).map((fault) => `  ${fault}`)]);
    expect(badPolicy(faults(52)).message.split("\n").slice(50)).toEqual(["  fault 49", "  … and 2 more"]);
  });
});

describe("the packs that ship", () => {
  const files = readdirSync(new URL("../../src/moderation/policy/packs/", import.meta.url));

  test("are the files of the folder, sorted, without the words that all share", () => {
    const names = files.filter((file) => file !== "common.yaml").map((file) => file.replace(/\.yaml$/u, ""));
    expect(packNames()).toEqual(names.sort());
    expect(packNames().length).toBeGreaterThan(8);
    for (const name of packNames()) expect(name).toMatch(/^[a-z-]+$/u);
  });

  test("are found by name only; the shared words are no pack", () => {
    expect(readPack("no-such-pack")).toBeNull();
    expect(readPack("common")).toBeNull();
    const found = readPack("cyber");
    expect(found?.pack.rules.length).toBeGreaterThan(0);
    expect(found?.source).toContain("rules:");
    const { words, source } = readCommonWords();
    expect(Object.keys(words)).toEqual(expect.arrayContaining(["ask", "defend"]));
    expect(source).toContain("words:");
  });
});

const RULE = {
  id: "own.rule",
  category: "cyber" as const,
  direction: "question" as const,
  confidence: 1,
  within: 30,
  all: [["@act", "beschaffen"], ["@thing"]],
  unless: ["@safe"],
  hits: ["拿走 紫薯"],
  passes: ["拿走 芋头"],
};
const WORDS = { act: "拿走, 取走，带走\n 搬走 ,", thing: "紫薯", safe: "菜谱" };

function sourceOf(parts: Partial<Source> = {}): Source {
  return { name: "own", allow: [], lexicon: [], rules: [], words: {}, ...parts };
}

function compiled(sources: Source[], stages: Record<string, "shadow" | "warn" | "enforce" | "off"> = {}, common = {}) {
  const faults: string[] = [];
  const ruleset = finished(rulesetSteps(sources, stages, common, faults));
  return { ruleset, faults };
}

function signalsIn(ruleset: Policy["ruleset"], text: string, direction: "question" | "answer" = "question") {
  const scan = new TextScan(ruleset, direction);
  scan.push(text);
  scan.end();
  return scan.signals();
}

const LIST = {
  id: "own-list",
  category: "hate" as const,
  tier: "T1" as const,
  direction: "both" as const,
  terms: ["紫薯蛋糕"],
};

describe("putting words and rules together", () => {
  test("a list named with @ stands for its words, those of the pack before those of all", () => {
    const { ruleset, faults } = compiled(
      [sourceOf({ rules: [RULE], words: { act: WORDS.act } })],
      {},
      { ...WORDS, act: "送走" },
    );
    expect(faults).toEqual([]);
    for (const act of ["拿走", "取走", "带走", "搬走", "beschaffen"]) {
      expect(signalsIn(ruleset, `${act} 紫薯`)).toMatchObject([{ rule: "own.rule" }]);
    }
    expect(signalsIn(ruleset, "送走 紫薯")).toEqual([]);
    expect(signalsIn(ruleset, "拿走 紫薯，按菜谱")).toEqual([]);
    expect(ruleset.rules[0]?.all[0]).toEqual(["拿走", "取走", "带走", "搬走", "beschaffen"]);
  });

  test("a list that nobody knows is a fault of the rule that names it, and of the allow-phrases", () => {
    const { faults } = compiled([
      sourceOf({ rules: [RULE], allow: ["@friends"], words: { act: "拿走", thing: "紫薯" } }),
    ]);
    expect(faults).toEqual([
      "allow: there is no list of words @friends",
      "rules.own.rule: there is no list of words @safe",
    ]);
  });

  test("rules and lists without a stage of their own have none; a stage by id is theirs from then on", () => {
    const sources = [sourceOf({ rules: [RULE], words: WORDS, lexicon: [LIST] })];
    const plain = compiled(sources);
    expect(plain.ruleset.rules[0]).not.toHaveProperty("stage");
    expect(signalsIn(plain.ruleset, "紫薯蛋糕")[0]).not.toHaveProperty("stage");
    const staged = compiled(sources, { "own.rule": "warn", "own-list": "shadow" });
    expect(staged.faults).toEqual([]);
    expect(staged.ruleset.rules[0]).toMatchObject({ id: "own.rule", stage: "warn" });
    expect(signalsIn(staged.ruleset, "紫薯蛋糕")).toMatchObject([{ category: "hate", tier: "T1", stage: "shadow" }]);
    expect(signalsIn(staged.ruleset, "拿走 紫薯")).toMatchObject([{ rule: "own.rule", stage: "warn" }]);
  });

  test("what is switched off is not looked for, and its id may still be named", () => {
    const { ruleset, faults } = compiled([sourceOf({ rules: [RULE], words: WORDS, lexicon: [LIST] })], {
      "own.rule": "off",
      "own-list": "off",
    });
    expect(faults).toEqual([]);
    expect(ruleset.rules).toEqual([]);
    expect(ruleset.index.phrases).toBe(0);
    expect(signalsIn(ruleset, "拿走 紫薯蛋糕")).toEqual([]);
  });

  test("a stage for an id that nothing has is a fault", () => {
    const { faults } = compiled([sourceOf({ rules: [RULE], words: WORDS, lexicon: [LIST] })], {
      "own.rule": "warn",
      "own-list": "warn",
      "no.such": "warn",
    });
    expect(faults).toEqual(["stages: there is no rule or list no.such"]);
  });

  test("an id given twice is a fault, over all packs", () => {
    const one = sourceOf({ rules: [RULE], words: WORDS, lexicon: [LIST] });
    expect(compiled([one, { ...one, name: "other" }]).faults).toEqual([
      "lexicon: the id own-list is given twice",
      "rules: the id own.rule is given twice",
    ]);
  });

  test("a phrase that cannot be matched is told with its place and its beginning", () => {
    const long = "紫".repeat(65);
    const { faults } = compiled([
      sourceOf({
        allow: ["!!"],
        lexicon: [{ ...LIST, terms: ["毒", long] }],
        rules: [{ ...RULE, all: [["拿走"], ["薯"]], unless: [] }],
      }),
    ]);
    expect(faults).toEqual([
      'allow: "!!" has fewer than two letters, which would hit by chance; use a longer phrase',
      'lexicon.own-list: "毒" has fewer than two letters, which would hit by chance; use a longer phrase',
      expect.stringMatching(new RegExp(`^lexicon\\.own-list: "${"紫".repeat(20)}" is longer than 64 letters`, "u")),
      'rules.own.rule: "薯" has fewer than two letters, which would hit by chance; use a longer phrase',
    ]);
  });

  test("an allow-phrase takes away the hits inside it", () => {
    const { ruleset } = compiled([sourceOf({ lexicon: [LIST], allow: ["紫薯蛋糕店"] })]);
    expect(signalsIn(ruleset, "紫薯蛋糕店")).toEqual([]);
    expect(signalsIn(ruleset, "紫薯蛋糕")).toHaveLength(1);
  });
});

describe("trying a rule on its examples", () => {
  const faultsFor = (rule: Partial<Source["rules"][number]>) => {
    const { ruleset } = compiled([sourceOf({ rules: [{ ...RULE, ...rule }], words: WORDS })]);
    const faults: string[] = [];
    finished(exampleSteps(ruleset, faults));
    return faults;
  };

  test("says nothing of one that hits and passes as it should, whichever direction it looks at", () => {
    expect(faultsFor({})).toEqual([]);
    expect(faultsFor({ direction: "answer" })).toEqual([]);
    expect(faultsFor({ direction: "both" })).toEqual([]);
  });

  test("names each example that does not go as it says", () => {
    expect(faultsFor({ hits: ["拿走 紫薯", "拿走 芋头"], passes: ["芋头", "取走 紫薯"] })).toEqual([
      "rules.own.rule.hits.1: the rule does not hit this example",
      "rules.own.rule.passes.1: the rule hits this example, which must pass",
    ]);
  });
});

describe("a policy", () => {
  test("that names packs has their rules beside its own; its version names all that it is made of", () => {
    const none = loadPolicy(samplePolicyText());
    const one = loadPolicy(samplePolicyText({ packs: ["hate"] }));
    const other = loadPolicy(samplePolicyText({ packs: ["insult"] }));
    expect(none.ruleset.rules).toEqual([]);
    expect(one.ruleset.rules.length).toBeGreaterThan(0);
    expect(one.ruleset.rules.every(({ id }) => id.startsWith("hate"))).toBe(true);
    expect(new Set([none.version, one.version, other.version]).size).toBe(3);
    expect(one.version).toMatch(/^test\+[0-9a-f]{8}$/u);
    expect(loadPolicy(samplePolicyText({ packs: ["hate"] })).version).toBe(one.version);
  });

  test("that names a pack which is not there is refused with those that are", () => {
    expect(faultsOf(() => loadPolicy(samplePolicyText({ packs: ["nope"] })))).toEqual([
      HEAD,
      `  packs: there is no pack nope; there are ${packNames().join(", ")}`,
    ]);
  });

  test("with faults is not tried on its examples as well", () => {
    const rule = { id: "r", category: "cyber", all: ["foo", "薯"], hits: ["bar"], passes: ["x"] };
    const lines = faultsOf(() => loadPolicy(samplePolicyText({ rules: [rule] })));
    expect(lines).toHaveLength(2);
    expect(lines[1]).toContain('rules.r: "薯"');
  });

  test("whose example fails is refused", () => {
    const rule = { id: "r", category: "cyber", all: ["foo"], hits: ["bar"], passes: ["x"] };
    expect(faultsOf(() => loadPolicy(samplePolicyText({ rules: [rule] })))).toEqual([
      HEAD,
      "  rules.r.hits.0: the rule does not hit this example",
    ]);
  });

  test("put together gently is the same policy", async () => {
    const text = samplePolicyText({ packs: ["hate"] });
    const gently = await compilePolicy(text, parseYaml(text, policySchema));
    const atOnce = loadPolicy(text);
    expect(gently.version).toBe(atOnce.version);
    expect(gently.ruleset.index.phrases).toBe(atOnce.ruleset.index.phrases);
    expect(gently.categories).toEqual(atOnce.categories);
  });

  test("has its settings where it says so, and those of a careful company where it does not", () => {
    const policy = loadPolicy(samplePolicyText());
    expect(policy).toMatchObject({
      audience: "internal",
      label: "footer",
      retention: { rawDays: 30, maskedDays: 190 },
      guard: { stage: "enforce", unset: "off", unsafe: 0.95, controversial: 0.65 },
      strikes: { inARow: 3, perDay: 5, pauseHours: 24, expireDays: 30 },
      risk: { halfLifeMinutes: 30, high: 3 },
      faults: { internal: "flag", external: "refuse" },
    });
    expect(policy.categories.cyber).toEqual({
      severity: "P2",
      stage: "enforce",
      question: { internal: "refuse", external: "refuse" },
      answer: { internal: "refuse", external: "refuse" },
      strikes: 1,
    });
    const other = loadPolicy(samplePolicyText({ stage: "warn", audience: "external", label: "off" }));
    expect(other).toMatchObject({ audience: "external", label: "off" });
    expect(other.categories.cyber.stage).toBe("warn");
    expect(policy.messages.label.zh).toBe("AI 生成");
  });

  test("that ships is the one that is used when none is given", () => {
    const shipped = loadPolicy(undefined);
    expect(shipped.version).toMatch(/^20\d\d\.\d\+[0-9a-f]{8}$/u);
    expect(shipped.ruleset.rules.length).toBeGreaterThan(50);
  });
});
