import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Clock } from "../../src/base/clock.ts";
import { type GateEvent, gate } from "../../src/conversation/output-gate.ts";
import type { ChatEvent, ChatResult } from "../../src/llm/chat-model.ts";
import type { Guard } from "../../src/moderation/guard/guard.ts";
import { createModerator } from "../../src/moderation/moderator.ts";
import { loadPolicy } from "../../src/moderation/policy/policy.ts";
import { forbids, type Redaction, type StreamChecker, type Verdict } from "../../src/moderation/verdict.ts";

const RESULT: ChatResult = { finishReason: "stop", model: "m", endpoint: "e", firstTokenMs: 1 };
const ALLOW: Verdict = {
  action: "allow",
  flagged: false,
  categories: [],
  severity: null,
  signals: [],
  reasons: [],
  redactedCategories: [],
  redactions: [],
  faults: [],
  policyVersion: "test",
};
const REFUSE: Verdict = { ...ALLOW, action: "refuse", flagged: true, categories: ["cyber"] };

/** A clock whose sleepers wake when they are told to. */
class HandClock implements Clock {
  readonly #sleepers = new Set<() => void>();

  nowMs(): number {
    return 0;
  }

  sleep(_ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#sleepers.add(resolve);
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  }

  wakeAll(): void {
    for (const wake of this.#sleepers) wake();
    this.#sleepers.clear();
  }
}

interface Words {
  forbidden?: string;
  redact?: string;
  /** What only the guard knows; without it there is no guard. */
  guarded?: string;
}

/** A checker with a word for each layer, plain enough to be checked by eye. */
class WordChecker implements StreamChecker {
  readonly guarded: boolean;
  readonly windows: { from: number; to: number }[] = [];
  readonly #words: Words;
  #text = "";
  /** What the guard has found; it stays found. */
  #found = false;
  answering: Promise<void> = Promise.resolve();

  constructor(words: Words) {
    this.#words = words;
    this.guarded = words.guarded !== undefined;
  }

  holdBackUnits(): number {
    return Math.max(this.#words.forbidden?.length ?? 1, this.#words.redact?.length ?? 1) - 1;
  }

  push(delta: string): Verdict {
    this.#text += delta;
    return this.#verdict();
  }

  async judge(from: number, to: number, signal: AbortSignal): Promise<Verdict> {
    this.windows.push({ from, to });
    await this.answering;
    signal.throwIfAborted();
    return this.#read(this.#text.slice(Math.max(0, from - 200), to));
  }

  async finish(signal: AbortSignal): Promise<Verdict> {
    signal.throwIfAborted();
    return this.#read(this.#text);
  }

  verdict(): Verdict {
    return this.#verdict();
  }

  #read(text: string): Verdict {
    if (this.#words.guarded !== undefined && text.includes(this.#words.guarded)) this.#found = true;
    return this.#verdict();
  }

  #verdict(): Verdict {
    const { forbidden, redact } = this.#words;
    if (this.#found || (forbidden !== undefined && this.#text.includes(forbidden))) return REFUSE;
    const at = redact === undefined ? -1 : this.#text.indexOf(redact);
    if (redact === undefined || at < 0) return ALLOW;
    const redactions: Redaction[] = [{ start: at, end: at + redact.length, category: "pii", kind: "mobile" }];
    return { ...ALLOW, action: "redact", redactedCategories: ["pii"], redactions };
  }
}

/** A model whose deltas are given, or given by hand. */
async function* streamOf(deltas: AsyncIterable<string> | string[], closed: { upstream: boolean }) {
  try {
    for await (const text of deltas) yield { type: "text", text } satisfies ChatEvent;
    yield { type: "end", result: RESULT } satisfies ChatEvent;
  } finally {
    closed.upstream = true;
  }
}

interface Run {
  checker: WordChecker;
  clock: HandClock;
  closed: { upstream: boolean; signal: AbortSignal | null };
  events: AsyncGenerator<GateEvent, void, undefined>;
}

function run(
  deltas: AsyncIterable<string> | string[],
  words: Words,
  question: Promise<Verdict> | null = null,
  signal = new AbortController().signal,
): Run {
  const checker = new WordChecker(words);
  const clock = new HandClock();
  const closed: Run["closed"] = { upstream: false, signal: null };
  const ask = (upstream: AbortSignal) => {
    closed.signal = upstream;
    return streamOf(deltas, closed);
  };
  return { checker, clock, closed, events: gate({ ask, checker, question, clock, signal }) };
}

async function collect(deltas: string[], words: Words, question: Promise<Verdict> | null = null) {
  const { events: source, ...parts } = run(deltas, words, question);
  const events: GateEvent[] = [];
  for await (const event of source) events.push(event);
  return { ...parts, events, shown: events.flatMap((event) => (event.type === "show" ? [event.text] : [])) };
}

/** Deltas given one after the other by the test. */
class Feed implements AsyncIterable<string> {
  readonly #waiting: ((step: IteratorResult<string>) => void)[] = [];
  readonly #ready: IteratorResult<string>[] = [];

  give(text: string): void {
    this.#put({ done: false, value: text });
  }

  end(): void {
    this.#put({ done: true, value: undefined });
  }

  #put(step: IteratorResult<string>): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#ready.push(step);
    else next(step);
  }

  [Symbol.asyncIterator](): AsyncIterator<string> {
    return {
      next: () => {
        const step = this.#ready.shift();
        return step === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(step);
      },
    };
  }
}

/** Lets everything that can happen now happen. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

describe("what the local layers find", () => {
  test("a harmless answer comes out whole, growing, and ends with the model's result", async () => {
    const { events, shown } = await collect(["今天", "天气", "不错，适合出去走走。"], { forbidden: "炸弹" });
    expect(shown.every((text, i) => i === 0 || text.startsWith(shown[i - 1] ?? ""))).toBe(true);
    expect(events.at(-1)).toMatchObject({ type: "end", text: "今天天气不错，适合出去走走。", result: RESULT });
  });

  test("a forbidden word cut by a chunk edge is withheld, nothing of it was shown, and upstream is closed", async () => {
    const deltas = ["先准备材料，然后做炸", "弹，步骤如下：第一步", "还有更多"];
    const { events, shown, closed } = await collect(deltas, { forbidden: "炸弹" });
    expect(shown.join("")).not.toContain("炸");
    expect(events.at(-1)).toMatchObject({ type: "withhold", withheldText: "先准备材料，然后做炸弹，步骤如下：第一步" });
    expect(closed.signal?.aborted).toBe(true);
  });

  test("what the policy redacts is masked in every snapshot and in the end", async () => {
    const deltas = ["电话是138000", "00000，请拨打", "。谢谢配合，祝你愉快。"];
    const { events, shown } = await collect(deltas, { redact: "13800000000" });
    expect(shown.join("")).not.toMatch(/138/);
    const text = `电话是${"＊".repeat(11)}，请拨打。谢谢配合，祝你愉快。`;
    expect(events.at(-1)).toMatchObject({ type: "end", text });
  });

  test("leaving the loop early closes upstream", async () => {
    const { events, closed } = run(["长".repeat(50), "更多"], { forbidden: "炸弹" });
    for await (const _ of events) break;
    await settled();
    expect(closed).toMatchObject({ upstream: true, signal: { aborted: true } });
  });

  test("for every text and every cut: never more than is safe, no half characters, and the same end", async () => {
    const piece = fc.constantFrom("炸", "弹", "a", "😀", "好", "，", "炸药");
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(piece, { maxLength: 5 }), { maxLength: 8 }), async (pieces) => {
        const deltas = pieces.map((chunk) => chunk.join("")).filter((delta) => delta !== "");
        const whole = deltas.join("");
        const { events, shown } = await collect(deltas, { forbidden: "炸弹" });
        for (const text of shown) {
          expect(text.isWellFormed()).toBe(true);
          expect(whole.startsWith(text)).toBe(true);
          expect(text).not.toContain("炸弹");
        }
        const last = events.at(-1);
        if (whole.includes("炸弹")) expect(last?.type).toBe("withhold");
        else expect(last).toMatchObject({ type: "end", text: whole });
      }),
      { numRuns: 300 },
    );
  });
});

describe("with the service's own layers", () => {
  const policy = loadPolicy(undefined);
  const listed = "炸弹制作教程";

  /** Everything that was let out of an answer in these pieces, and how it ended. */
  async function letOut(
    deltas: string[],
    guard: Guard | null,
  ): Promise<{ shown: string[]; last: GateEvent | undefined }> {
    const { signal } = new AbortController();
    const context = { direction: "answer", audience: "internal", traceId: "t", signal } as const;
    const checker = createModerator({ policy, guard }).openStream("问题", context);
    const ask = () => streamOf(deltas, { upstream: false });
    const shown: string[] = [];
    let last: GateEvent | undefined;
    for await (const event of gate({ ask, checker, question: null, clock: new HandClock(), signal })) {
      if (event.type === "show") shown.push(event.text);
      last = event;
    }
    return { shown, last };
  }

  /** Answers each time a little later, so that text is pushed while it reads. */
  const slowGuard = (): Guard => {
    let calls = 0;
    return {
      health: () => ({ endpoint: "test", ok: true }),
      async judge() {
        calls += 1;
        for (let turn = 0; turn < calls % 4; turn += 1) await Promise.resolve();
        return { level: "safe", categories: [], model: "test", tookMs: 0 };
      },
    };
  };

  test("what is shown is always the beginning of what comes in the end, whatever the pieces and the guard's pace", async () => {
    const piece = fc.constantFrom(
      "请联系",
      "13912345678",
      "，",
      "身份证11010519491231002X",
      "好".repeat(30),
      "。",
      "1391234",
      "5678",
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 14 }), fc.boolean(), async (pieces, guarded) => {
        const { shown, last } = await letOut(pieces, guarded ? slowGuard() : null);
        const end = last?.type === "end" ? last.text : "";
        for (const text of shown) expect(end.startsWith(text)).toBe(true);
      }),
      { numRuns: 400 },
    );
  });

  test.each([0, 10, 30, 60])(
    "a listed word in the last %i characters is never shown, not even at the end",
    async (behind) => {
      const text = `${"好".repeat(50)}${listed}${"好".repeat(behind)}`;
      for (let size = 1; size <= text.length; size += 7) {
        const pieces = text.match(new RegExp(`.{1,${size}}`, "gu")) ?? [];
        for (const guard of [null, slowGuard()]) {
          const { shown, last } = await letOut(pieces, guard);
          expect(last?.type).toBe("withhold");
          for (const one of shown) expect(one).not.toContain(listed);
        }
      }
    },
  );
});

describe("while the guard reads the question", () => {
  test("the model writes, and nothing is shown before the word", async () => {
    const word = Promise.withResolvers<Verdict>();
    const { events, closed } = run(["好的，", "这是回答。"], {}, word.promise);
    const first = events.next();
    await settled();
    expect(closed.signal).not.toBeNull();
    word.resolve(ALLOW);
    expect((await first).value).toMatchObject({ type: "end", text: "好的，这是回答。" });
  });

  test("a question that must not be answered ends it: nothing was shown, upstream is closed", async () => {
    const { events, shown, closed } = await collect(["第一步，", "第二步。"], {}, Promise.resolve(REFUSE));
    expect(shown).toEqual([]);
    expect(events).toEqual([{ type: "refuse", verdict: REFUSE }]);
    expect(closed.signal?.aborted).toBe(true);
  });

  test("a word that fails fails the answer", async () => {
    const { events } = run(["好"], {}, Promise.reject(new Error("the turn ended")));
    await expect(events.next()).rejects.toThrow("the turn ended");
  });
});

describe("with a guard on the answer", () => {
  const filler = `${"好".repeat(39)}。`;

  test("nothing is shown that it has not read, and each window goes on where the last one ended", async () => {
    const feed = new Feed();
    const { events, checker } = run(feed, { guarded: "有害" });
    const first = events.next();
    feed.give("好".repeat(30));
    await settled();
    expect(checker.windows).toEqual([]);
    feed.give(`${"好".repeat(9)}。尾巴`);
    expect((await first).value).toMatchObject({ type: "show", text: filler });
    expect(checker.windows).toEqual([{ from: 0, to: 40 }]);
    const second = events.next();
    feed.give(filler.repeat(2));
    expect((await second).value).toMatchObject({ type: "show" });
    expect(checker.windows[1]).toMatchObject({ from: 40 });
    await events.return();
  });

  test("only one call is under way; what piled up meanwhile is judged together", async () => {
    const feed = new Feed();
    const { events, checker } = run(feed, { guarded: "有害" });
    const answer = Promise.withResolvers<void>();
    checker.answering = answer.promise;
    const first = events.next();
    for (let n = 0; n < 5; n += 1) feed.give(filler);
    await settled();
    expect(checker.windows).toHaveLength(1);
    answer.resolve();
    expect((await first).value).toMatchObject({ type: "show", text: filler });
    expect((await events.next()).value).toMatchObject({ type: "show", text: filler.repeat(5) });
    expect(checker.windows).toEqual([
      { from: 0, to: 40 },
      { from: 40, to: 200 },
    ]);
    await events.return();
  });

  test("a harmful window is never shown; the whole answer is withheld and upstream closed", async () => {
    const { events, shown, closed } = await collect([filler, filler, "有害的做法。", filler.repeat(5)], {
      guarded: "有害",
    });
    expect(shown.join("")).not.toContain("有害");
    expect(events.at(-1)).toMatchObject({ type: "withhold", verdict: REFUSE });
    expect(closed.signal?.aborted).toBe(true);
  });

  test("harm that shows only in the whole is found before the end", async () => {
    const deltas = [filler, filler, "有", filler.repeat(6), "害"];
    const split = await collect(deltas, { guarded: `有${filler.repeat(6)}害` });
    expect(split.events.at(-1)).toMatchObject({ type: "withhold" });
  });

  test("a model that pauses has its last words judged as they are", async () => {
    const feed = new Feed();
    const { events, checker, clock } = run(feed, { guarded: "有害" });
    const first = events.next();
    feed.give("稍等，");
    await settled();
    expect(checker.windows).toEqual([]);
    clock.wakeAll();
    expect((await first).value).toMatchObject({ type: "show", text: "稍等，" });
    await events.return();
  });

  test("a short answer needs one call, the final one", async () => {
    const { events, checker } = await collect(["好的。"], { guarded: "有害" });
    expect(checker.windows).toEqual([]);
    expect(events).toMatchObject([{ type: "end", text: "好的。" }]);
  });

  test("the turn's end ends the guard's call and the model's", async () => {
    const ending = new AbortController();
    const feed = new Feed();
    const { events, closed, checker } = run(feed, { guarded: "有害" }, null, ending.signal);
    const never = Promise.withResolvers<void>();
    checker.answering = never.promise;
    const first = events.next();
    feed.give(filler);
    await settled();
    ending.abort(new Error("stopped"));
    never.resolve();
    await expect(first).rejects.toThrow("stopped");
    expect(closed.signal?.aborted).toBe(true);
  });

  test("for every text and every cut the end is that of the text given whole, and no harm is shown", async () => {
    const piece = fc.constantFrom("有", "害", "好".repeat(20), "。", "a b. ", "😀");
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(piece, { maxLength: 4 }), { maxLength: 12 }), async (pieces) => {
        const deltas = pieces.map((chunk) => chunk.join("")).filter((delta) => delta !== "");
        const { events, shown } = await collect(deltas, { guarded: "有害" });
        const whole = await collect([deltas.join("")].filter(Boolean), { guarded: "有害" });
        expect(events.at(-1)?.type).toBe(whole.events.at(-1)?.type);
        for (const text of shown) expect(text).not.toContain("有害");
        const last = events.at(-1);
        if (last?.type === "withhold") expect(forbids(last.verdict)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});
