import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type DiffLine, diffLines, withContext } from "../../console/src/logic/line-diff.ts";
import { faultOf, offsetsOfLine } from "../../console/src/logic/line-faults.ts";

const written = (lines: readonly (DiffLine | null)[]) =>
  lines.map((line) => (line === null ? "…" : `${{ same: " ", added: "+", removed: "-" }[line.kind]}${line.text}`));

describe("the difference of two texts", () => {
  test("a changed line is taken away and put in, with its numbers", () => {
    const lines = diffLines("a\nb\nc", "a\nB\nc");
    expect(written(lines)).toEqual([" a", "-b", "+B", " c"]);
    expect(lines.map(({ before, after }) => [before, after])).toEqual([
      [1, 1],
      [2, null],
      [null, 2],
      [3, 3],
    ]);
  });

  test("from and to nothing", () => {
    expect(written(diffLines("", "a"))).toEqual(["-", "+a"]);
    expect(written(diffLines("a", "a"))).toEqual([" a"]);
  });

  test("whatever the texts, both can be read off it, and it is the shortest for an insertion", () => {
    const text = fc.array(fc.constantFrom("a", "b", "c", ""), { minLength: 1, maxLength: 25 });
    fc.assert(
      fc.property(text, text, (older, newer) => {
        const lines = diffLines(older.join("\n"), newer.join("\n"));
        expect(lines.filter(({ kind }) => kind !== "added").map((line) => line.text)).toEqual(older);
        expect(lines.filter(({ kind }) => kind !== "removed").map((line) => line.text)).toEqual(newer);
      }),
    );
    expect(written(diffLines("a\nb\nd", "a\nb\nc\nd"))).toEqual([" a", " b", "+c", " d"]);
  });

  test("two texts with nothing in common end in time", () => {
    const many = (word: string) => Array.from({ length: 6000 }, (_, index) => `${word} ${index}`).join("\n");
    const lines = diffLines(many("old"), many("new"));
    expect(lines).toHaveLength(12_000);
  });

  test("only what changed is shown, with a little around it", () => {
    const older = Array.from({ length: 20 }, (_, index) => `line ${index}`);
    const newer = older.with(10, "changed");
    expect(written(withContext(diffLines(older.join("\n"), newer.join("\n")), 1))).toEqual([
      "…",
      " line 9",
      "-line 10",
      "+changed",
      " line 11",
      "…",
    ]);
    expect(withContext(diffLines("a\nb", "a\nb"))).toEqual([]);
  });
});

describe("faults of a policy", () => {
  test("the checker's line leads, YAML's stands inside, some have none", () => {
    expect(faultOf("line 12: categories.pii: must be one of allow")).toEqual({
      line: 12,
      text: "categories.pii: must be one of allow",
    });
    expect(faultOf("  line 3: version: too long").line).toBe(3);
    expect(faultOf("Map keys must be unique at line 7, column 1:").line).toBe(7);
    expect(faultOf("packs: there is no pack x")).toEqual({ line: null, text: "packs: there is no pack x" });
  });

  test("a line's place in the text, past the end too", () => {
    const text = "ab\ncd\n\nef";
    expect(offsetsOfLine(text, 2)).toEqual({ start: 3, end: 5 });
    expect(offsetsOfLine(text, 3)).toEqual({ start: 6, end: 6 });
    expect(offsetsOfLine(text, 99)).toEqual({ start: 7, end: 9 });
  });
});
