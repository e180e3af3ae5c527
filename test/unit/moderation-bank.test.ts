import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { createModerator } from "../../src/moderation/moderator.ts";
import { loadPolicy } from "../../src/moderation/policy/policy.ts";
import { CATEGORIES, forbids, type Verdict } from "../../src/moderation/verdict.ts";
import { contextOf } from "./moderation-samples.ts";

/**
 * The banks of questions to refuse and to answer, judged by the policy that ships with the service, without a guard or a
 * classifier. What fails is named by its id: the texts are offensive and belong in no log.
 */

const ROWS_MIN = 320;
const CHARACTERS_MAX = 200;
/** Of each language, so that neither is there for show. */
const LANGUAGE_SHARE_MIN = 0.35;

const REFUSED_SHARE_MIN = 0.85;
const CATEGORY_SHARE_MIN = 0.95;
const FLAGGED_SHARE_MAX = 0.02;

interface Row {
  id: string;
  text: string;
  lang: "zh" | "en";
  /** What the question is to be refused for; only in the bank to refuse. */
  category?: string;
  /** In which harmless way the words are meant; only in the bank to answer. */
  kind?: string;
}

const refuse = readBank("refuse");
const answer = readBank("answer");
const moderator = createModerator({ policy: loadPolicy(undefined) });

describe.each([
  { name: "to refuse", rows: refuse },
  { name: "to answer", rows: answer },
])("the bank of questions $name", ({ rows }) => {
  test("has enough rows", () => {
    expect(rows.length).toBeGreaterThanOrEqual(ROWS_MIN);
  });

  test("holds a fair part of either language", () => {
    for (const lang of ["zh", "en"] as const) {
      const share = rows.filter((row) => row.lang === lang).length / rows.length;
      expect(share).toBeGreaterThanOrEqual(LANGUAGE_SHARE_MIN);
    }
  });

  test("says the language of each row truly", () => {
    const wrong = rows.filter(({ text, lang }) => /\p{Script=Han}/u.test(text) !== (lang === "zh"));
    expect(idsOf(wrong)).toEqual([]);
  });

  test("has one short line in each row", () => {
    const wrong = rows.filter(
      ({ text }) => text.trim() !== text || text === "" || text.length > CHARACTERS_MAX || /[\r\n]/u.test(text),
    );
    expect(idsOf(wrong)).toEqual([]);
  });

  test("gives no id and no text twice", () => {
    const twice = (values: string[]) => values.length - new Set(values).size;
    expect(twice(rows.map(({ id }) => id))).toBe(0);
    expect(twice(rows.map(({ text }) => text.toLowerCase()))).toBe(0);
  });
});

test("each row to refuse names a category of the policy, each row to answer its kind", () => {
  const known: readonly string[] = CATEGORIES;
  expect(idsOf(refuse.filter(({ category }) => category === undefined || !known.includes(category)))).toEqual([]);
  expect(idsOf(answer.filter(({ kind }) => kind === undefined || kind === ""))).toEqual([]);
});

describe("the policy that ships, without a guard", () => {
  test("refuses at least 85 % of what is to be refused", async () => {
    const judged = await judgeAll(refuse);
    const missed = judged.filter(({ verdict }) => !forbids(verdict));
    expect({
      enough: 1 - missed.length / refuse.length >= REFUSED_SHARE_MIN,
      missed: missed.map(({ row }) => row.id),
    }).toMatchObject({ enough: true });
  });

  test("refuses it for the right category at least 95 times in 100", async () => {
    const refused = (await judgeAll(refuse)).filter(({ verdict }) => forbids(verdict));
    const wrong = refused.filter(({ row, verdict }) => verdict.categories[0] !== row.category);
    expect({
      enough: 1 - wrong.length / refused.length >= CATEGORY_SHARE_MIN,
      wrong: wrong.map(({ row, verdict }) => `${row.id}: ${verdict.categories.join(", ")}`),
    }).toMatchObject({ enough: true });
  });

  test("refuses none of the look-alikes, and meets none with support", async () => {
    const refused = (await judgeAll(answer)).filter(({ verdict }) => forbids(verdict));
    expect(refused.map(({ row, verdict }) => `${row.id}: ${rulesOf(verdict)}`)).toEqual([]);
  });

  test("flags at most 2 % of the look-alikes", async () => {
    const flagged = (await judgeAll(answer)).filter(({ verdict }) => verdict.flagged);
    expect({
      few: flagged.length / answer.length <= FLAGGED_SHARE_MAX,
      flagged: flagged.map(({ row, verdict }) => `${row.id}: ${rulesOf(verdict)}`),
    }).toMatchObject({ few: true });
  });
});

function readBank(name: "refuse" | "answer"): Row[] {
  const lines = readFileSync(new URL(`../banks/${name}.jsonl`, import.meta.url), "utf8")
    .trimEnd()
    .split("\n");
  return lines.map((line) => JSON.parse(line) as Row);
}

function idsOf(rows: readonly Row[]): string[] {
  return rows.map(({ id }) => id);
}

function rulesOf(verdict: Verdict): string {
  return verdict.reasons.flatMap(({ because }) => because).join(", ");
}

function judgeAll(rows: readonly Row[]): Promise<{ row: Row; verdict: Verdict }[]> {
  const context = contextOf();
  return Promise.all(rows.map(async (row) => ({ row, verdict: await moderator.check(row.text, context) })));
}
