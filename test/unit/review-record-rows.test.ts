import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { idOf, type Prepared, prepare } from "../../src/review/record-rows.ts";
import type { SpooledRecord } from "../../src/review/records.ts";
import { sampleFeedback, sampleFlag, sampleTurn } from "../integration/review-samples.ts";

function rowsOf(prepared: Prepared) {
  if (!prepared.ok) throw new Error(prepared.reason);
  return prepared.rows;
}

describe("preparing a record for the database", () => {
  test("any text becomes one that PostgreSQL takes, unit for unit, never over its limit", () => {
    const unit = fc.oneof(fc.constantFrom("\0", "\uD800", "\uDFFF", "😀", "坏", "\n"), fc.string({ unit: "binary" }));
    fc.assert(
      fc.property(fc.array(unit), fc.boolean(), (units, long) => {
        const text = units.join("") + (long ? "😀".repeat(50_000) : "");
        const { turn } = rowsOf(prepare(sampleTurn({ question: text })));
        const stored = turn?.question ?? "";
        expect(stored.length).toBe(Math.min(text.length, 100_000));
        expect(stored.isWellFormed()).toBe(true);
        expect(stored).not.toContain("\0");
        expect(turn?.question_units).toBe(text.length);
      }),
      { numRuns: 200 },
    );
  });

  test("evidence beyond what anybody reads is left out, the first is kept", () => {
    const spans = Array.from({ length: 500 }, (_, index) => ({ start: index, end: index + 1 }));
    const signals = Array.from({ length: 1000 }, (_, index) => ({
      checker: "lexicon",
      category: "insult",
      confidence: 1,
      rule: `rule-${index}`,
      spans,
    }));
    const [flag] = rowsOf(prepare(sampleTurn({ flags: [sampleFlag({ signals })] }))).flags;
    const kept = JSON.parse(flag?.signals ?? "") as typeof signals;
    expect([kept.length, kept[0]?.rule, kept[199]?.rule]).toEqual([200, "rule-0", "rule-199"]);
    expect(kept[0]?.spans).toEqual(spans.slice(0, 100));
  });

  test("a record of a newer program is taken, without the fields that this one does not know", () => {
    const newer = { ...sampleFeedback(), mood: "new in 2027" } as SpooledRecord;
    expect(prepare(newer)).toEqual(prepare(sampleFeedback()));
  });

  test.each<[string, unknown, string]>([
    ["nothing", null, "record"],
    ["a text", "turn", "record"],
    ["an unknown kind", { kind: "rumour" }, "kind"],
    ["a turn without an id", { ...sampleTurn(), turnId: undefined }, "turnId"],
    ["an empty id", sampleTurn({ turnId: "" }), "turnId"],
    ["an id as a number, which JSON would round", { ...sampleTurn(), turnId: 12 }, "turnId"],
    ["an id over 512 units", sampleTurn({ conversationId: "c".repeat(513) }), "conversationId"],
    ["half a surrogate pair in an id", sampleTurn({ userId: "a\uD83D" }), "userId"],
    ["a time that is no whole number", sampleTurn({ startedAtMs: 1.5 }), "startedAtMs"],
    ["a time before 1970", sampleFeedback({ atMs: -1 }), "atMs"],
    ["a count that is not finite", sampleTurn({ promptTokens: Number.POSITIVE_INFINITY }), "promptTokens"],
    [
      "more flags than a turn can raise",
      sampleTurn({ flags: Array.from({ length: 51 }, () => sampleFlag()) }),
      "flags",
    ],
    [
      "a fault inside a flag",
      sampleTurn({ flags: [sampleFlag(), sampleFlag({ caseNumber: "" })] }),
      "flags.1.caseNumber",
    ],
  ])("%s is refused, and the reason begins with the field", (_name, record, field) => {
    const prepared = prepare(record as SpooledRecord);
    expect(prepared).toEqual({ ok: false, reason: expect.stringMatching(new RegExp(`^${field}: .`)) });
  });

  test("a record is known by its id where it has one", () => {
    expect(idOf(sampleTurn({ turnId: "t" }))).toBe("t");
    expect(idOf(sampleFeedback({ eventId: "e" }))).toBe("e");
    for (const none of [null, "turn", 7, {}, { turnId: 7 }]) expect(idOf(none as unknown as SpooledRecord)).toBeNull();
  });
});
