import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  cutMiddle,
  estimateTokens,
  fitTurns,
  MESSAGE_OVERHEAD_TOKENS,
  turnsToFold,
} from "../../src/session/token-budget.ts";

/** Texts with their real number of tokens in Qwen3, counted with its own tokenizer. */
const COUNTED: [text: string, tokens: number][] = [
  ["今天的会议改到下午三点，请大家准时参加。", 11],
  ["请问公司的报销流程是什么？需要准备哪些材料，找谁审批？", 15],
  ["請問我們公司的報銷流程是什麼？謝謝您的幫忙。", 16],
  ["龘靐齉齾爩鱻麤", 13],
  ["魑魅魍魉饕餮", 6],
  ["㐀㐁𠀀𠀁𪜀", 13],
  ["👨‍👩‍👧‍👦❤️🔥👍🏽🇨🇳", 17],
  ["😂😂😂🤣🤣", 5],
  ["✅❌⚠️➡️①②③", 12],
  ["The quick brown fox jumps over the lazy dog, doesn't it?", 14],
  ["Could you please explain how the reimbursement process works for international travel?", 13],
  ["const result = await fetch(`https://example.com/api/v1/users?id=1`);", 19],
  ["SELECT u.id, u.name FROM users u WHERE u.created_at > NOW() - INTERVAL '7 days';", 22],
  ["13800138000, 110105199003078888, 2026-11-24 13:32:48", 52],
  ["¥12,345.67 + 8.5% = 13,395.05", 27],
  ["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", 59],
  ["QmFzZTY0IGVuY29kZWQgdGV4dCB3aXRoIHJhbmRvbSBieXRlcyDw8fLz", 41],
  ["kjsdhfkwjehrkqwjzxcvbnmpoqlkjh", 19],
  ["getUserByIdAndName HTTPServerError XMLHttpRequest", 7],
  ["{}[]();:,.<>?/|\\\\!@#$%^&*-_=+~`'\"", 20],
  ["今日は天気がいいですね。会議は何時からですか？", 13],
  ["안녕하세요. 오늘 회의는 몇 시에 시작하나요?", 17],
  ["Привет, как дела? Объясните политику компании.", 16],
  ["สวัสดีครับ วันนี้ประชุมกี่โมง", 18],
  ["我用 Python 写了个 script，报错 TypeError: 'NoneType' object is not iterable，怎么修？", 24],
  ["| 项目 | 金额 |\n|---|---|\n| 差旅 | 1,280 |\n\n```js\nlet x = 1;\n```\n", 35],
  ["\n\n\n        \t\t  x\n    y\n", 8],
  ["“引号”、《书名》——省略……（括号）【】", 19],
];

describe("token estimate", () => {
  test.each(COUNTED)("%j is not too low (%i in truth), nor more than four times too high", (text, tokens) => {
    expect(estimateTokens(text)).toBeGreaterThanOrEqual(tokens);
    expect(estimateTokens(text)).toBeLessThanOrEqual(tokens * 4);
  });

  test("of everyday Chinese, English and code stays within a factor of 2.2", () => {
    const everyday = COUNTED.slice(0, 2).concat(COUNTED.slice(9, 13));
    const tokens = everyday.reduce((sum, [, count]) => sum + count, 0);
    const estimate = everyday.reduce((sum, [text]) => sum + estimateTokens(text), 0);
    expect(estimate / tokens).toBeLessThan(2.2);
  });

  test("is never more than the bytes of the text, above which no byte-level vocabulary goes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
        fc.pre(text.isWellFormed());
        // A word within a word counts one and a half tokens; two letters make up for it.
        expect(estimateTokens(text)).toBeLessThanOrEqual(Buffer.byteLength(text) * 1.5 + 1);
      }),
    );
  });

  test("of a text is at least that of its parts less one for the seam", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" }), (a, b) => {
        expect(estimateTokens(a + b)).toBeGreaterThanOrEqual(estimateTokens(a) + estimateTokens(b) - 2);
      }),
    );
  });

  test("of nothing is zero", () => {
    expect(estimateTokens("")).toBe(0);
  });

  test("grows with the length, in linear time", () => {
    const text = "今天 the quick 9f86 👍 ";
    const timeMs = (times: number) => {
      const long = text.repeat(times);
      const from = performance.now();
      estimateTokens(long);
      return performance.now() - from;
    };
    timeMs(2_000);
    const short = timeMs(5_000);
    expect(timeMs(40_000)).toBeLessThan(Math.max(100, short * 32));
    expect(estimateTokens(text.repeat(100))).toBeGreaterThan(estimateTokens(text) * 95);
  });

  test("counts a chat template's share of a message", () => {
    expect(MESSAGE_OVERHEAD_TOKENS).toBeGreaterThanOrEqual(5);
  });
});

describe("fitting turns", () => {
  const turn = (id: number, tokens: number) => ({ id, tokens });
  const ids = (turns: { id: number }[]) => turns.map(({ id }) => id);
  const turns = fc
    .array(fc.integer({ min: 0, max: 120 }), { maxLength: 60 })
    .map((list) => list.map((tokens, id) => turn(id, tokens)));

  test("keeps all turns that fit", () => {
    expect(ids(fitTurns([turn(1, 40), turn(2, 60)], 100))).toEqual([1, 2]);
  });

  test("drops the oldest down to half of the budget when it overflows, so that there is room for more", () => {
    const list = [1, 2, 3, 4, 5].map((id) => turn(id, 25));
    expect(ids(fitTurns(list, 100))).toEqual([4, 5]);
  });

  test("keeps the newest turn alone when that is more than half", () => {
    expect(ids(fitTurns([turn(1, 50), turn(2, 80)], 100))).toEqual([2]);
  });

  test("leaves out a turn that does not fit, with all before it", () => {
    expect(ids(fitTurns([turn(1, 10), turn(2, 101)], 100))).toEqual([]);
    expect(ids(fitTurns([turn(1, 10), turn(2, 101), turn(3, 10)], 100))).toEqual([3]);
  });

  test.each([0, -1, Number.NaN])("gives nothing for a budget of %d", (budget) => {
    expect(fitTurns([turn(1, 5)], budget)).toEqual([]);
  });

  test.each([Number.NaN, -5, Number.POSITIVE_INFINITY])("lets no damaged count of %d through", (tokens) => {
    expect(ids(fitTurns([turn(1, 5), turn(2, tokens), turn(3, 5)], 100))).toEqual([3]);
  });

  test("never exceeds the budget, leaves no gaps and keeps the newest turn when it fits", () => {
    fc.assert(
      fc.property(turns, fc.integer({ min: 1, max: 400 }), (list, budget) => {
        const kept = fitTurns(list, budget);
        expect(kept.reduce((sum, { tokens }) => sum + tokens, 0)).toBeLessThanOrEqual(budget);
        expect(kept).toEqual(kept.length === 0 ? [] : list.slice(-kept.length));
        const newest = list.at(-1);
        if (newest !== undefined && newest.tokens <= budget) expect(kept.at(-1)).toBe(newest);
      }),
    );
  });

  test("comes to the same start whether what was dropped is still there or forgotten", () => {
    fc.assert(
      fc.property(turns, fc.integer({ min: 1, max: 400 }), (list, budget) => {
        let kept: typeof list = [];
        for (const next of list) kept = fitTurns([...kept, next], budget);
        expect(fitTurns(list, budget)).toEqual(kept);
      }),
    );
  });

  test("moves its start seldom: 200 turns of one size move it once in about ten", () => {
    const list = Array.from({ length: 200 }, (_, id) => turn(id, 50));
    const starts = list.map((_, i) => fitTurns(list.slice(0, i + 1), 1_000)[0]?.id);
    const moves = starts.filter((start, i) => i > 0 && start !== starts[i - 1]).length;
    expect(moves).toBeGreaterThan(10);
    expect(moves).toBeLessThanOrEqual(20);
  });
});

describe("turns to fold", () => {
  const turns = fc.array(fc.record({ tokens: fc.integer({ min: 1, max: 900 }) }), { minLength: 1, maxLength: 90 });
  const budget = fc.integer({ min: 50, max: 5_000 });

  test("leave a history that fits as it is, begins where it did, and never lacks its newest turn", () => {
    fc.assert(
      fc.property(turns, budget, (all, budgetTokens) => {
        const folded = turnsToFold(all, budgetTokens, 100);
        expect(folded).toBeLessThan(all.length);
        const rest = all.slice(folded);
        // A turn too long for any budget stays behind, out of the prompt, until another follows it.
        const shown = fitTurns(all, budgetTokens);
        if (folded > 0 && shown.length > 0) expect(fitTurns(rest, budgetTokens)).toEqual(rest);
      }),
    );
  });

  test("are none while there is room, and then so many that the next many turns need no folding", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 20, max: 60 }), { minLength: 150, maxLength: 150 }), (sizes) => {
        let kept: { tokens: number }[] = [];
        let since = 0;
        const blocks: number[] = [];
        for (const tokens of sizes) {
          kept.push({ tokens });
          since += 1;
          expect(fitTurns(kept, 1_000)).toEqual(kept);
          const folded = turnsToFold(kept, 1_000, 100);
          if (folded === 0) continue;
          kept = kept.slice(folded);
          blocks.push(since);
          since = 0;
        }
        expect(blocks.length).toBeGreaterThan(3);
        for (const block of blocks) expect(block).toBeGreaterThanOrEqual(4);
      }),
    );
  });

  test("come also when the turns are many and short, before the list lets go of one after another", () => {
    const many = Array.from({ length: 81 }, () => ({ tokens: 1 }));
    expect(turnsToFold(many.slice(1), 10_000, 100)).toBe(0);
    expect(81 - turnsToFold(many, 10_000, 100)).toBe(50);
  });
});

describe("a text cut in the middle", () => {
  test("fits, keeps its edges, and is untouched when it fits already", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme", maxLength: 400 }),
        fc.integer({ min: 30, max: 300 }),
        (text, tokensMax) => {
          const cut = cutMiddle(text, tokensMax);
          expect(estimateTokens(cut)).toBeLessThanOrEqual(tokensMax);
          expect(cut.isWellFormed()).toBe(true);
          if (estimateTokens(text) <= tokensMax) expect(cut).toBe(text);
        },
      ),
    );
    const long = `开头${"中间的内容".repeat(200)}结尾`;
    expect(cutMiddle(long, 100)).toMatch(/^开头[\s\S]*……[\s\S]*结尾$/);
  });
});
