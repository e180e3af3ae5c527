import { beforeEach, describe, expect, test } from "@jest/globals";
import type { BotAnswer } from "../../simulator/bot-replies.ts";
import { Bubbles } from "../../simulator/bubbles.ts";
import { Journal } from "../../simulator/journal.ts";
import type { Bubble } from "../../simulator/platform-types.ts";

let bubbles: Bubbles;
let bubble: Bubble;
let ended: string[];

beforeEach(() => {
  ended = [];
  bubbles = new Bubbles(
    new Journal(Date.now, 10),
    Date.now,
    100,
    (over) => ended.push(over.state),
    () => {
      throw new Error("no picture here");
    },
  );
  bubble = bubbles.open("m1", "lisi", undefined);
});

const answer = (content: string, finish = false): BotAnswer => ({
  kind: "stream",
  stream: { id: "s1", content, finish, images: 0 },
});
/** The reply to a poll that was sent now, or so many milliseconds ago. */
const step = (reply: BotAnswer, agoMs = 0) =>
  bubbles.step(bubble, reply, performance.now() - agoMs).map((breach) => breach.rule);

describe("a bubble", () => {
  test("ends once, whatever comes after", () => {
    bubbles.begin(bubble, answer("a"), performance.now());
    expect(step(answer("ab", true))).toEqual([]);
    bubbles.end(bubble, "expired");
    expect([bubble.state, bubble.finished, ended]).toEqual(["finished", true, ["finished"]]);
  });

  test("takes no offence at polls that were under way when it finished, and shows nothing of them", () => {
    bubbles.begin(bubble, answer("a"), performance.now());
    step(answer("abc", true));
    expect(step(answer("ab"), 1_000)).toEqual([]);
    expect(bubble).toMatchObject({ content: "abc", finished: true });
    expect(step(answer("abc", true))).toEqual([]);
    expect(step(answer("abcd", true))).toEqual(["changed_after_finish"]);
    expect(step(answer("ab"))).toEqual(["changed_after_finish"]);
    expect(bubble.content).toBe("abc");
  });

  test("may be blank in the reply to a poll that was sent before there was text, not after", () => {
    bubbles.begin(bubble, answer(""), performance.now() - 2_000);
    expect(step(answer("text"), 500)).toEqual([]);
    expect(step(answer(""), 1_000)).toEqual([]);
    expect(bubble.content).toBe("text");
    expect(step(answer(""))).toEqual(["blank_after_text"]);
  });

  test("shows no older snapshot after a newer one, but always the end", () => {
    bubbles.begin(bubble, answer(""), performance.now() - 3_000);
    step(answer("123"), 500);
    step(answer("12"), 1_000);
    expect(bubble.content).toBe("123");
    step(answer("1234", true), 2_000);
    expect(bubble).toMatchObject({ content: "1234", finished: true });
  });

  test("keeps a bounded history of a long answer, with the newest snapshot", () => {
    bubbles.begin(bubble, answer(""), performance.now());
    for (let count = 1; count <= 1_000; count += 1) step(answer("x".repeat(count * 20)));
    const characters = bubble.snapshots.reduce((sum, { content }) => sum + content.length, 0);
    expect(characters).toBeLessThanOrEqual(500_000);
    expect(bubble.snapshots.at(-1)?.content).toHaveLength(20_000);
  });
});
