import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { ERROR_STATUS } from "../../src/base/errors.ts";
import { ADMIN_ERROR_STATUS } from "../../src/handlers/admin/admin-errors.ts";

const DOCUMENT = readFileSync(join(resolve(import.meta.dirname, "../.."), "docs/errors.md"), "utf8");

/** Rows of the tables of codes: code, status, meaning, who sees it, cure. */
function readCodes(document: string): { code: string; status: string; cells: string[] }[] {
  return document.split("\n").flatMap((line) => {
    const match = /^\| `([a-z_]+)` \| (\d{3}) \| (.+) \|$/.exec(line);
    if (match === null) return [];
    const [, code = "", status = "", rest = ""] = match;
    return [{ code, status, cells: rest.split(" | ") }];
  });
}

describe("docs/errors.md", () => {
  const rows = readCodes(DOCUMENT);

  test("the tables name every error code once, with its status, and no other", () => {
    const documented = rows.map(({ code, status }) => `${code} ${status}`).sort();
    const defined = Object.entries({ ...ERROR_STATUS, ...ADMIN_ERROR_STATUS }).map(
      ([code, status]) => `${code} ${status}`,
    );
    expect(documented).toEqual(defined.sort());
  });

  test("every code says what it means, who sees it and what to do", () => {
    const incomplete = rows.filter(({ cells }) => cells.length !== 3 || cells.some((cell) => cell.trim().length < 4));
    expect(incomplete).toEqual([]);
  });

  test("a code that is missing or misspelt would be found", () => {
    const planted = readCodes("| `bad_signatur` | 403 | one | two | three |\n| not a row |");
    expect(planted).toEqual([{ code: "bad_signatur", status: "403", cells: ["one", "two", "three"] }]);
  });
});
