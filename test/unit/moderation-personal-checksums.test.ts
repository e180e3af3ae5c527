import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  creditCheckCharacter,
  isCardNumber,
  isCreditCode,
  isIdNumber,
  isOldIdNumber,
  passesLuhn,
} from "../../src/moderation/personal-data/checksums.ts";
import { cardNumber, creditCode, idNumber } from "./moderation-personal-samples.ts";

describe("check digits", () => {
  // Worked by hand from the standards' own procedures, so that maker and checker cannot be wrong together.
  test("the examples of GB 11643 and ISO/IEC 7812 pass", () => {
    expect(isIdNumber("11010519491231002X")).toBe(true);
    expect(isIdNumber("11010519491231002x")).toBe(true);
    expect(isIdNumber("440524188001010014")).toBe(false);
    expect(passesLuhn("79927398713")).toBe(true);
    expect(passesLuhn("79927398710")).toBe(false);
    expect(isCardNumber("4111111111111111")).toBe(true);
    expect(isCardNumber("371449635398431")).toBe(true);
    expect(creditCheckCharacter("91350100M000100Y4")).toBe("3");
    expect(isCreditCode("91350100M000100Y43")).toBe(true);
  });

  test.each([
    ["a province that does not exist", "99010519491231002X"],
    ["the 31st of April", "110105194904310024"],
    ["29 February of a year that has none", "110105190002290024"],
    ["month 13", "110105194913010024"],
    ["a letter inside", "1101051949A231002X"],
    ["a day in the century after next", "110105214912310020"],
  ])("an ID number with %s is none, whatever its check character", (_what, text) => {
    const all = Array.from("0123456789X", (check) => isIdNumber(text.slice(0, 17) + check));
    expect(all).not.toContain(true);
  });

  test("an old ID number needs a province and a day", () => {
    expect(isOldIdNumber("130503670401001")).toBe(true);
    expect(isOldIdNumber("130503671301001")).toBe(false);
    expect(isOldIdNumber("990503670401001")).toBe(false);
  });

  test("a card number needs an issuer's range and length, not only Luhn", () => {
    expect(passesLuhn("0000000000000000")).toBe(true);
    expect(isCardNumber("0000000000000000")).toBe(false);
    expect(isCardNumber("41111111111113")).toBe(false);
  });

  test("one wrong digit never passes", () => {
    const numbers = fc.oneof(
      idNumber.map((text): [string, (text: string) => boolean] => [text, isIdNumber]),
      cardNumber.map((text): [string, (text: string) => boolean] => [text, isCardNumber]),
      creditCode.map((text): [string, (text: string) => boolean] => [text, isCreditCode]),
    );
    fc.assert(
      fc.property(numbers, fc.nat(17), fc.integer({ min: 1, max: 9 }), ([text, check], place, shift) => {
        expect(check(text)).toBe(true);
        const digit = text.charAt(place);
        if (!/\d/.test(digit)) return;
        const wrong = text.slice(0, place) + ((Number(digit) + shift) % 10) + text.slice(place + 1);
        if (place < text.length) expect(check(wrong)).toBe(false);
      }),
    );
  });
});
