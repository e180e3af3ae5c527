import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { GateWindows } from "../../src/conversation/gate-windows.ts";

/** The ends of all windows of a text that is there at once, none of them pressed but the last. */
function endsOf(text: string): number[] {
  const windows = new GateWindows();
  const ends: number[] = [];
  for (let from = 0; from < text.length; ) {
    const end = windows.next(text, from, false) ?? windows.next(text, from, true) ?? text.length;
    ends.push(end);
    from = end;
  }
  return ends;
}

/** The ends of windows while the text grows by one unit at a time. */
function endsWhileGrowing(text: string): number[] {
  const windows = new GateWindows();
  const ends: number[] = [];
  let from = 0;
  for (let length = 1; length <= text.length; length += 1) {
    const end = windows.next(text.slice(0, length), from, false);
    if (end === null) continue;
    ends.push(end);
    from = end;
  }
  return ends;
}

describe("windows of an answer", () => {
  test("grow from 40 over 60 and 100 to 150 where no sentence ends, a fifth longer", () => {
    const ends = endsWhileGrowing("好".repeat(1000));
    expect(ends.map((end, at) => end - (ends[at - 1] ?? 0))).toEqual([48, 72, 120, 180, 180, 180, 180]);
  });

  test("end with a sentence that ends near their size, of either script", () => {
    const chinese = `${"好".repeat(34)}。${"好".repeat(200)}`;
    expect(endsWhileGrowing(chinese)[0]).toBe(35);
    const english = `${"word ".repeat(7)}end. ${"word ".repeat(40)}`;
    expect(endsWhileGrowing(english)[0]).toBe(39);
  });

  test("do not take the point of a number or a name for the end of a sentence", () => {
    expect(endsWhileGrowing(`${"好".repeat(36)}3.5${"好".repeat(60)}`)[0]).toBe(48);
  });

  test("too short a text waits, until it is pressed", () => {
    const windows = new GateWindows();
    expect(windows.next("好的。", 0, false)).toBeNull();
    expect(windows.next("好的。", 0, true)).toBe(3);
    expect(windows.next("好的。", 3, true)).toBeNull();
  });

  test("text that piled up while the guard was busy is taken together, up to a limit", () => {
    const windows = new GateWindows();
    const sentence = `${"好".repeat(49)}。`;
    expect(windows.next(sentence.repeat(6), 0, false)).toBe(300);
    expect(windows.next(sentence.repeat(40), 300, false)).toBe(900);
  });

  test("any text: windows follow each other without a gap, cut no character in two, and none is empty", () => {
    const piece = fc.constantFrom("好", "。", "a", ". ", "😀", "\n", "3.5", "！？");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 400 }), (pieces) => {
        const text = pieces.join("");
        let from = 0;
        for (const end of endsOf(text)) {
          expect(end).toBeGreaterThan(from);
          expect(text.slice(from, end).isWellFormed()).toBe(true);
          from = end;
        }
        expect(from).toBe(text.length);
      }),
    );
  });
});
