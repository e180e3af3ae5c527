import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type GateEvent, gate } from "../../src/conversation/output-gate.ts";
import type { ChatEvent, ChatResult } from "../../src/llm/chat-model.ts";
import type { Signal, StreamChecker, Verdict } from "../../src/moderation/verdict.ts";

const RESULT: ChatResult = { finishReason: "stop", model: "m", endpoint: "e", firstTokenMs: 1 };

/** A checker with one forbidden word and one word to redact, plain enough to be checked by eye. */
function checkerFor(forbidden: string, redact: string): StreamChecker {
  let text = "";
  const judge = (): Verdict => {
    const at = text.indexOf(redact);
    const signals: Signal[] =
      at < 0
        ? []
        : [
            {
              checker: "test",
              category: "pii",
              confidence: 1,
              rule: "r",
              spans: [{ start: at, end: at + redact.length }],
            },
          ];
    const action = text.includes(forbidden) ? "refuse" : at < 0 ? "allow" : "redact";
    return {
      action,
      categories: [],
      severity: null,
      signals,
      redactions: signals.flatMap((signal) => signal.spans),
      policyVersion: "test",
    };
  };
  return {
    holdBackUnits: () => Math.max(forbidden.length, redact.length) - 1,
    push(delta) {
      text += delta;
      return judge();
    },
    finish: () => Promise.resolve(judge()),
  };
}

async function* streamOf(deltas: string[], closed: { upstream: boolean }): AsyncGenerator<ChatEvent, void, undefined> {
  try {
    for (const text of deltas) yield { type: "text", text };
    yield { type: "end", result: RESULT };
  } finally {
    closed.upstream = true;
  }
}

async function collect(deltas: string[], forbidden = "炸弹", redact = "13800000000") {
  const closed = { upstream: false };
  const events: GateEvent[] = [];
  for await (const event of gate(streamOf(deltas, closed), checkerFor(forbidden, redact))) events.push(event);
  return { events, closed, shown: events.flatMap((event) => (event.type === "show" ? [event.text] : [])) };
}

describe("output gate", () => {
  test("a harmless answer comes out whole, growing, and ends with the model's result", async () => {
    const { events, shown } = await collect(["今天", "天气", "不错，适合出去走走。"]);
    expect(shown.every((text, i) => i === 0 || text.startsWith(shown[i - 1] ?? ""))).toBe(true);
    expect(events.at(-1)).toMatchObject({ type: "end", text: "今天天气不错，适合出去走走。", result: RESULT });
  });

  test("a forbidden word cut by a chunk edge is withheld, nothing of it was shown, and upstream is closed", async () => {
    const { events, shown, closed } = await collect(["先准备材料，然后做炸", "弹，步骤如下：第一步", "还有更多"]);
    expect(shown.join("")).not.toContain("炸");
    expect(events.at(-1)).toMatchObject({ type: "withhold", withheldText: "先准备材料，然后做炸弹，步骤如下：第一步" });
    expect(closed.upstream).toBe(true);
  });

  test("what the policy redacts is masked in every snapshot and in the end", async () => {
    const { events, shown } = await collect(["电话是138000", "00000，请拨打", "。谢谢配合，祝你愉快。"]);
    expect(shown.join("")).not.toMatch(/138/);
    expect(events.at(-1)).toMatchObject({
      type: "end",
      text: `电话是${"＊".repeat(11)}，请拨打。谢谢配合，祝你愉快。`,
    });
  });

  test("leaving the loop early closes upstream", async () => {
    const closed = { upstream: false };
    for await (const _ of gate(streamOf(["长".repeat(50), "更多"], closed), checkerFor("炸弹", "x"))) break;
    expect(closed.upstream).toBe(true);
  });

  test("for every text and every cut: never more than is safe, no half characters, and the same end", async () => {
    const piece = fc.constantFrom("炸", "弹", "a", "😀", "好", "，", "炸药");
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(piece, { maxLength: 5 }), { maxLength: 8 }), async (pieces) => {
        const deltas = pieces.map((chunk) => chunk.join("")).filter((delta) => delta !== "");
        const whole = deltas.join("");
        const { events, shown } = await collect(deltas, "炸弹", "绝无此词");
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
