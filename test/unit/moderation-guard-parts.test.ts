import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  categoriesOf,
  keyOf,
  LLAMA_GUARD_CATEGORIES,
  NEMOGUARD_CATEGORIES,
  NEMOGUARD_NAMES,
  namesIn,
  OPENAI_CATEGORIES,
  OWN_CATEGORIES,
  QWEN3GUARD_CATEGORIES,
  UNNAMED_HARM,
} from "../../src/moderation/guard/category-map.ts";
import { cutMiddle } from "../../src/moderation/guard/cut-middle.ts";
import { GuardBreaker } from "../../src/moderation/guard/guard-breaker.ts";
import { CATEGORIES } from "../../src/moderation/verdict.ts";

describe("the category map", () => {
  test.each([
    [
      "Qwen3Guard",
      QWEN3GUARD_CATEGORIES,
      [
        "Violent",
        "Non-violent Illegal Acts",
        "Sexual Content or Sexual Acts",
        "PII",
        "Personally Identifiable Information",
        "Suicide & Self-Harm",
        "Unethical Acts",
        "Politically Sensitive Topics",
        "Copyright Violation",
        "Jailbreak",
      ],
    ],
    ["Llama Guard and PolyGuard", LLAMA_GUARD_CATEGORIES, Array.from({ length: 14 }, (_, index) => `S${index + 1}`)],
    ["NemoGuard", NEMOGUARD_CATEGORIES, [...NEMOGUARD_NAMES]],
    [
      "OpenAI",
      OPENAI_CATEGORIES,
      [
        ...["harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent"],
        ...["self-harm", "self-harm/intent", "self-harm/instructions", "sexual", "sexual/minors"],
        ...["violence", "violence/graphic"],
      ],
    ],
    ["the judge", OWN_CATEGORIES, [...CATEGORIES]],
  ])("%s: every name of the model card is one of ours, and the table has no other", (_guard, map, names) => {
    expect([...map.keys()].sort()).toEqual(names.map(keyOf).sort());
    for (const name of names) {
      const ours = map.get(keyOf(name)) ?? [];
      expect(ours.length).toBeGreaterThan(0);
      for (const category of ours) expect(CATEGORIES).toContain(category);
    }
  });

  test("NemoGuard's names are its 23, in the order of their codes", () => {
    expect(NEMOGUARD_NAMES).toHaveLength(23);
    expect([NEMOGUARD_NAMES[6], NEMOGUARD_NAMES[13], NEMOGUARD_NAMES[22]]).toEqual([
      "Sexual (minor)",
      "Other",
      "Immoral/Unethical",
    ]);
  });

  test("an unknown name or none at all keeps the force of the verdict, also beside a name that is known", () => {
    expect(categoriesOf(["Weather Control"], QWEN3GUARD_CATEGORIES)).toEqual([UNNAMED_HARM]);
    expect(categoriesOf([], QWEN3GUARD_CATEGORIES)).toEqual([UNNAMED_HARM]);
    expect(categoriesOf(["S6", "S77"], LLAMA_GUARD_CATEGORIES)).toEqual([UNNAMED_HARM, "advice"]);
  });

  test("case, spaces and a final point do not matter, and doubles are one", () => {
    expect(categoriesOf([" violent", "VIOLENT.", "Suicide  &  Self-Harm"], QWEN3GUARD_CATEGORIES)).toEqual([
      "terror_violence",
      "self_harm",
    ]);
    expect(namesIn(" S1 ,, s2, None")).toEqual(["S1", "s2"]);
    expect(namesIn("N/A")).toEqual([]);
  });
});

describe("cutMiddle", () => {
  test("a text within the limit is unchanged, control words and quotes included", () => {
    const text = '<|im_end|>"\\\n</text>';
    expect(cutMiddle(text, text.length)).toBe(text);
  });

  test("a longer text keeps 60 % head and 40 % tail", () => {
    const text = "a".repeat(5_000) + "b".repeat(5_000);
    expect(cutMiddle(text, 1_005)).toBe(`${"a".repeat(600)}\n[…]\n${"b".repeat(400)}`);
  });

  test("the result is within the limit, well formed, and made of the two ends", () => {
    const unit = fc.oneof(fc.constantFrom("a", "中", "😀", "\ud83d", "\ude00"), fc.string({ unit: "binary" }));
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 60 }), fc.integer({ min: 5, max: 40 }), (units, unitsMax) => {
        const text = units.join("");
        const cut = cutMiddle(text, unitsMax);
        expect(cut.length).toBeLessThanOrEqual(unitsMax);
        expect(cut.isWellFormed()).toBe(true);
        if (text.length <= unitsMax) expect(cut).toBe(text.toWellFormed());
        else {
          const [head = "", tail = ""] = cut.split("\n[…]\n");
          const whole = text.toWellFormed();
          expect(whole.startsWith(head) && whole.endsWith(tail)).toBe(true);
        }
      }),
    );
  });

  test("an emoji at either cut goes whole or stays whole", () => {
    expect(cutMiddle("😀".repeat(100), 16)).toBe("😀😀😀\n[…]\n😀😀");
  });
});

describe("GuardBreaker", () => {
  function breakerAt() {
    const time = { nowMs: 1_000_000 };
    const clock = { nowMs: () => time.nowMs, sleep: () => Promise.resolve() };
    const limits = { failuresToOpen: 5, outcomesMax: 10, failuresWithinMs: 30_000, openMs: 15_000 };
    const breaker = new GuardBreaker({ ...limits, clock });
    const report = (outcomes: string) =>
      Array.from(outcomes, (outcome) => {
        const pass = breaker.enter();
        if (pass === null) return null;
        return outcome === "x" ? pass.failed() : pass.succeeded();
      });
    return { breaker, time, report };
  }

  test("the fifth failure within 30 s opens it, and it says so once", () => {
    const { breaker, report } = breakerAt();
    expect(report("xxxx")).toEqual([false, false, false, false]);
    expect(breaker.isClosed).toBe(true);
    expect(report("x")).toEqual([true]);
    expect(breaker.isClosed).toBe(false);
    expect(breaker.enter()).toBeNull();
    expect(breaker.waitMs).toBe(15_000);
  });

  test("failures that lie 30 s back do not count", () => {
    const { breaker, time, report } = breakerAt();
    report("xxxx");
    time.nowMs += 30_001;
    report("xxxx");
    expect(breaker.isClosed).toBe(true);
    report("x");
    expect(breaker.isClosed).toBe(false);
  });

  test("a guard that fails every second time is left alone, one that fails rarely is not, however busy", () => {
    const flapping = breakerAt();
    flapping.report("x.x.x.x.x");
    expect(flapping.breaker.isClosed).toBe(false);
    const busy = breakerAt();
    busy.report("x...........".repeat(50));
    expect(busy.breaker.isClosed).toBe(true);
  });

  test("after 15 s one probe goes out and nothing beside it; its success closes", () => {
    const { breaker, time, report } = breakerAt();
    report("xxxxx");
    time.nowMs += 14_999;
    expect(breaker.enter()).toBeNull();
    time.nowMs += 1;
    const probe = breaker.enter();
    expect(probe?.isProbe).toBe(true);
    expect(breaker.enter()).toBeNull();
    probe?.succeeded();
    expect(breaker.isClosed).toBe(true);
    expect(breaker.enter()?.isProbe).toBe(false);
  });

  test("a failed probe leaves it open for another 15 s, without a second announcement", () => {
    const { breaker, time, report } = breakerAt();
    report("xxxxx");
    time.nowMs += 15_000;
    expect(report("x")).toEqual([false]);
    time.nowMs += 14_999;
    expect(breaker.enter()).toBeNull();
    time.nowMs += 1;
    expect(breaker.enter()?.isProbe).toBe(true);
  });

  test("a probe that was aborted makes room for the next at once", () => {
    const { breaker, time, report } = breakerAt();
    report("xxxxx");
    time.nowMs += 15_000;
    breaker.enter()?.abstained();
    expect(breaker.enter()?.isProbe).toBe(true);
  });

  test("requests from before the opening have no say after it", () => {
    const { breaker, time, report } = breakerAt();
    const early = [breaker.enter(), breaker.enter(), breaker.enter()];
    report("xxxxx");
    early[0]?.succeeded();
    expect(breaker.isClosed).toBe(false);
    time.nowMs += 15_000;
    const probe = breaker.enter();
    early[1]?.abstained();
    expect(early[2]?.failed()).toBe(false);
    expect(breaker.enter()).toBeNull();
    probe?.succeeded();
    expect(breaker.isClosed).toBe(true);
  });
});
