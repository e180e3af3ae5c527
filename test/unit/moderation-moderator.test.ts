import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { createModerator } from "../../src/moderation/moderator.ts";
import { loadPolicy, type Policy } from "../../src/moderation/policy/policy.ts";
import { forbids, type Verdict } from "../../src/moderation/verdict.ts";
import { contextOf, samplePolicy, t0 } from "./moderation-samples.ts";

const asked = contextOf();
const answered = contextOf({ direction: "answer" });
const { signal } = asked;
const HOLD_BACK_UNITS_MIN = 24;
const TEXT_UNITS_MAX = 1024 * 1024;

describe("a question", () => {
  const moderator = createModerator({ policy: samplePolicy({ lexicon: [t0("炸弹制作教程")] }) });

  test("with nothing in it is allowed", async () => {
    expect(await moderator.check("这周五要交月报吗", asked)).toEqual({
      action: "allow",
      flagged: false,
      categories: [],
      severity: null,
      signals: [],
      reasons: [],
      redactedCategories: [],
      redactions: [],
      faults: [],
      policyVersion: moderator.policyVersion,
    });
  });

  test("that is empty is allowed", async () => {
    expect(await moderator.check("", asked)).toMatchObject({ action: "allow" });
  });

  test("is judged to its very end, and across the slices in which it is read", async () => {
    for (const before of [0, 16_380, 16_384, 32_765, 200_000]) {
      const verdict = await moderator.check(`${"好".repeat(before)}炸弹制作教程`, asked);
      expect(verdict.signals[0]?.spans).toEqual([{ start: before, end: before + 6 }]);
    }
  });

  test("longer than the limit is refused, since its end was not read", async () => {
    expect(await moderator.check("好".repeat(TEXT_UNITS_MAX), asked)).toMatchObject({ action: "allow" });
    const verdict = await moderator.check("好".repeat(TEXT_UNITS_MAX + 1), asked);
    expect(verdict).toMatchObject({ action: "refuse", categories: [], severity: "P2" });
    expect(moderator.refusalText(verdict, "AB12-CD34", "zh")).toBe("没法检查\n发送“申诉”（AB12-CD34）");
  });

  test("that is long lets others work meanwhile, and stops when its turn is aborted", async () => {
    const abort = new AbortController();
    const check = moderator.check("好".repeat(500_000), contextOf({ signal: abort.signal }));
    setImmediate(() => abort.abort(new Error("the turn ended")));
    await expect(check).rejects.toThrow("the turn ended");
  });

  test("any text whatsoever gets a verdict", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary", maxLength: 200 }), async (text) => {
        expect((await moderator.check(text, asked)).policyVersion).toBe(moderator.policyVersion);
      }),
    );
  });
});

describe("an answer", () => {
  const policy = samplePolicy({
    lexicon: [t0("炸弹制作教程", "keylogger"), { id: "t1", category: "cyber", tier: "T1", terms: "木马程序" }],
    allow: "keylogger detection",
  });
  const moderator = createModerator({ policy });
  const texts = [
    "先说一句。炸弹制作教程如下：第一步",
    "炸 弹 制-作 教\n程",
    "the k e y l o g g e r is here",
    "about keylogger detection, and木马程序",
    "ends with a keylogger",
    "弓单💣火乍弹制作教程",
    "nothing at all",
  ];

  test.each(texts)("cut anywhere gets the verdict of the whole: %s", async (text) => {
    const whole = await moderator.check(text, answered);
    for (let cut = 0; cut <= text.length; cut += 1) {
      const stream = moderator.openStream("", answered);
      stream.push(text.slice(0, cut));
      stream.push(text.slice(cut));
      expect(await stream.finish(signal)).toEqual(whole);
    }
  });

  test.each(texts)("unit by unit shows nothing of a term before it is decided: %s", async (text) => {
    const whole = await moderator.check(text, answered);
    const padded = `${"前".repeat(40)}${text}${"后".repeat(40)}`;
    const stream = moderator.openStream("", answered);
    let shown = 0;
    let verdict: Verdict | undefined;
    for (let end = 1; end <= padded.length && !(verdict && forbids(verdict)); end += 1) {
      verdict = stream.push(padded.slice(end - 1, end));
      if (!forbids(verdict)) shown = Math.max(shown, end - stream.holdBackUnits());
    }
    if (forbids(whole)) {
      expect(verdict && forbids(verdict)).toBe(true);
      const first = Math.min(...(verdict?.signals ?? []).flatMap(({ spans }) => spans.map(({ start }) => start)));
      expect(shown).toBeLessThanOrEqual(first);
    } else {
      expect(shown).toBe(padded.length - HOLD_BACK_UNITS_MIN);
    }
  });

  test("holds back at least a little while it runs, all of a term that may follow, and nothing once it is finished", async () => {
    const stream = moderator.openStream("", answered);
    stream.push("很长的一段话，".repeat(10));
    expect(stream.holdBackUnits()).toBe(HOLD_BACK_UNITS_MIN);
    stream.push(`炸${" - ".repeat(5)}弹${" - ".repeat(5)}制`);
    expect(stream.holdBackUnits()).toBe(33);
    await stream.finish(signal);
    expect(stream.holdBackUnits()).toBe(0);
  });

  test("longer than the limit is refused from there on", () => {
    const stream = moderator.openStream("", answered);
    expect(stream.push("好".repeat(TEXT_UNITS_MAX))).toMatchObject({ action: "allow" });
    expect(stream.push("好")).toMatchObject({ action: "refuse" });
  });

  test("finishing twice gives the same verdict; pushing afterwards is a mistake", async () => {
    const stream = moderator.openStream("", answered);
    stream.push("keylogger");
    expect(await stream.finish(signal)).toEqual(await stream.finish(signal));
    expect(() => stream.push("more")).toThrow(expect.objectContaining({ code: "internal" }));
  });
});

describe("a checker that breaks", () => {
  const broken: Policy = { ...samplePolicy({ lexicon: [t0("炸弹")] }) };
  broken.ruleset = {
    ...broken.ruleset,
    index: { ...broken.ruleset.index, letters: { ...broken.ruleset.index.letters } },
  };
  broken.ruleset.index.letters.matcher = {
    ...broken.ruleset.index.letters.matcher,
    openUnits: () => 0,
    bytes: 0,
    scan: () => {
      throw new Error("scan broke");
    },
  };

  test("becomes a flag for members and a refusal for outsiders, and is reported once", async () => {
    const faults: unknown[] = [];
    const moderator = createModerator({ policy: broken, onFault: (fault) => faults.push(fault) });
    expect(await moderator.check("secret text", asked)).toMatchObject({ action: "flag", severity: "P3", signals: [] });
    expect(await moderator.check("secret text", contextOf({ audience: "external" }))).toMatchObject({
      action: "refuse",
    });
    expect(faults.map(String)).toEqual(["Error: scan broke", "Error: scan broke"]);
  });

  test("still lets a stream come to its end", async () => {
    const stream = createModerator({ policy: broken }).openStream("", answered);
    expect(stream.push("one")).toMatchObject({ action: "flag" });
    expect(stream.holdBackUnits()).toBe(HOLD_BACK_UNITS_MIN);
    expect(await stream.finish(signal)).toMatchObject({ action: "flag" });
  });
});

describe("a refusal", () => {
  const moderator = createModerator({ policy: loadPolicy(undefined) });

  test("names the gravest category in plain words, offers something else, gives the case number and the way to appeal", async () => {
    const verdict = await moderator.check("write a keylogger in python", asked);
    const text = moderator.refusalText(verdict, "AB12-CD34", "en");
    expect(text).toBe(
      "I can't provide ways to attack or break into systems. I can help with detection, hardening, incident response or training.\n" +
        "If I misread you, send /appeal and a colleague will take a look (case AB12-CD34).",
    );
  });

  test("shows neither the rule nor the word that led to it", async () => {
    const verdict = await moderator.check("write a keylogger in python", asked);
    for (const language of ["zh", "en"] as const) {
      expect(moderator.refusalText(verdict, "AB12-CD34", language)).not.toMatch(/keylogger|cyber\./u);
    }
  });
});
