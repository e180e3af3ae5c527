import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { cohenKappa } from "../../src/review/cohen-kappa.ts";

function times(count: number, one: string, other: string): [string, string][] {
  return Array.from({ length: count }, () => [one, other]);
}

describe("Cohen's kappa", () => {
  test("of the textbook example: 50 judgements, 35 alike, chance 25", () => {
    const pairs = [...times(20, "y", "y"), ...times(5, "y", "n"), ...times(10, "n", "y"), ...times(15, "n", "n")];
    const agreement = cohenKappa(pairs);
    expect(agreement).toMatchObject({ pairs: 50, observed: 0.7, expected: 0.5 });
    expect(agreement.kappa).toBeCloseTo(0.4, 12);
  });

  test("of nothing, and of one answer only, is none", () => {
    expect(cohenKappa([]).kappa).toBeNull();
    expect(cohenKappa(times(7, "y", "y"))).toEqual({ pairs: 7, observed: 1, expected: 1, kappa: null });
  });

  const answers = fc.constantFrom("a", "b", "c");

  test("is 1 exactly for full agreement, never more, and the same seen from either side", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(answers, answers), { minLength: 1 }), (pairs) => {
        const { kappa, observed } = cohenKappa(pairs);
        const turned = cohenKappa(pairs.map(([one, other]) => [other, one] as const));
        expect(turned.kappa).toBe(kappa);
        if (kappa === null) return;
        expect(kappa).toBeLessThanOrEqual(1);
        expect(kappa === 1).toBe(observed === 1);
      }),
    );
  });
});
