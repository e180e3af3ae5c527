import { describe, expect, test } from "@jest/globals";
import { describe as describeError } from "../../src/base/errors.ts";
import { foreignFacts } from "../../src/base/foreign-errors.ts";

const CANARY = "canary-of-somebody";

function thrownBy(call: () => unknown): Error {
  try {
    call();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error("it did not throw");
}

describe("an error that is not ours", () => {
  test.each([
    [
      "the engine",
      thrownBy(() => (undefined as unknown as { getAll(): void }).getAll()),
      "TypeError: Cannot read properties of undefined (reading 'getAll')",
    ],
    ["the engine", new RangeError("Invalid array length"), "RangeError: Invalid array length"],
    [
      "the system",
      Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:6379"), { code: "ECONNREFUSED" }),
      "Error: connect ECONNREFUSED 127.0.0.1:6379",
    ],
    [
      "PostgreSQL",
      Object.assign(new Error('password authentication failed for user "yingda"'), { code: "28P01" }),
      'Error: password authentication failed for user "yingda"',
    ],
  ])("from %s says what it has to say", (_whose, error, told) => {
    expect(describeError(error)).toBe(told);
  });

  test.each([
    ["a library's own words", new Error(`bad prompt: ${CANARY}`)],
    ["words over several lines", new Error(`bad prompt:\n${CANARY}\n    at ${CANARY}:1:1`)],
    ["JSON that does not parse", thrownBy(() => JSON.parse(`${CANARY} is no JSON`))],
    ["an argument that Node quotes", thrownBy(() => Buffer.from(Object.assign(() => 0, { [CANARY]: 1 }) as never))],
    ["a quoted text", new TypeError(`cannot use "${CANARY} said so" here`)],
    ["a text with quotation marks of its own", new TypeError(`cannot use "he said "${CANARY}" and left" here`)],
    ["a URL's query and user", new TypeError(`bad: https://u:${CANARY}@a.example/p?access_token=${CANARY}`)],
    ["a second line", new TypeError(`first line\n${CANARY}`)],
    ["letters that no code has", new TypeError(`密码 ${CANARY}`)],
    ["its name", Object.assign(new Error("x"), { name: `Error of ${CANARY} \n` })],
    ["its code", Object.assign(new Error("x"), { code: `E_${CANARY}` })],
  ])("never tells %s", (_what, error) => {
    expect(JSON.stringify(foreignFacts(error))).not.toContain(CANARY);
    expect(describeError(error)).not.toContain(CANARY);
  });

  test("tells its name and where it was thrown even when its message is withheld", () => {
    const { name, message, stack } = foreignFacts(new SyntaxError(`${CANARY}\n${CANARY}`));
    expect([name, message]).toEqual(["SyntaxError", "[message withheld]"]);
    expect(stack).toMatch(/base-foreign-errors\.test\.ts:\d+:\d+/);
  });
});
