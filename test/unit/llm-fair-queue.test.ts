import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { FairQueue } from "../../src/llm/fair-queue.ts";

interface Asked {
  userId: string;
  conversationId: string;
  number: number;
}

let numbers = 0;

function asked(userId: string, conversationId = userId): Asked {
  numbers += 1;
  return { userId, conversationId, number: numbers };
}

/** Takes the next and lets it run, as a pool does. */
function serve(queue: FairQueue<Asked>): Asked | undefined {
  const item = queue.take();
  if (item !== undefined) queue.started(item.userId);
  return item;
}

/** Some that wait of a few members in a few conversations, after some have been served and some have ended. */
const history = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ does: fc.constant("ask" as const), who: fc.nat(4), where: fc.nat(2) }) },
    { weight: 2, arbitrary: fc.record({ does: fc.constant("serve" as const), who: fc.nat(4), where: fc.nat(2) }) },
    { weight: 1, arbitrary: fc.record({ does: fc.constant("end" as const), who: fc.nat(4), where: fc.nat(2) }) },
    { weight: 1, arbitrary: fc.record({ does: fc.constant("leave" as const), who: fc.nat(4), where: fc.nat(2) }) },
  ),
  { maxLength: 60 },
);

/** The queue after that history, what waits in it, and how many run of each member. */
function after(steps: typeof history extends fc.Arbitrary<infer Steps> ? Steps : never) {
  const queue = new FairQueue<Asked>(1_000);
  const waiting: Asked[] = [];
  const running = new Map<string, number>();
  const count = (userId: string, by: number) => running.set(userId, (running.get(userId) ?? 0) + by);
  for (const { does, who, where } of steps) {
    const userId = `u${who}`;
    if (does === "ask") {
      const item = asked(userId, `${userId}:${where}`);
      expect(queue.push(item)).toBeNull();
      waiting.push(item);
    } else if (does === "serve") {
      const item = serve(queue);
      if (item === undefined) continue;
      waiting.splice(waiting.indexOf(item), 1);
      count(item.userId, 1);
    } else if (does === "end") {
      if ((running.get(userId) ?? 0) === 0) continue;
      queue.ended(userId);
      count(userId, -1);
    } else {
      const item = waiting.find((one) => one.userId === userId);
      if (item === undefined) continue;
      expect(queue.remove(item)).toBe(true);
      waiting.splice(waiting.indexOf(item), 1);
    }
  }
  return { queue, waiting, running };
}

describe("the fair queue", () => {
  test("a newcomer is next, however many messages of another wait", () => {
    const queue = new FairQueue<Asked>(300);
    for (let i = 0; i < 200; i += 1) queue.push(asked("heavy", `group${i}`));
    for (let i = 0; i < 5; i += 1) expect(serve(queue)?.userId).toBe("heavy");
    const light = asked("light");
    queue.push(light);
    expect(queue.positionOf(light)).toBe(1);
    expect(serve(queue)).toBe(light);
    expect(serve(queue)?.userId).toBe("heavy");
  });

  test("members with as much running take turns, and so do the conversations of one", () => {
    const queue = new FairQueue<Asked>(300);
    for (const conversation of ["g1", "g1", "g1", "g2", "g2", "g3"]) queue.push(asked("a", conversation));
    for (let i = 0; i < 3; i += 1) queue.push(asked("b"));
    const order: string[] = [];
    for (let item = serve(queue); item !== undefined; item = serve(queue)) {
      order.push(item.conversationId);
      queue.ended(item.userId);
    }
    expect(order).toEqual(["g1", "b", "g2", "b", "g3", "b", "g1", "g2", "g1"]);
  });

  test("in one conversation, first come is first served", () => {
    const queue = new FairQueue<Asked>(300);
    const items = Array.from({ length: 5 }, () => asked("a"));
    for (const item of items) queue.push(item);
    expect(items.map(() => serve(queue))).toEqual(items);
  });

  test("whoever has most waiting loses its last when the queue is full; nobody gains by sending more", () => {
    const queue = new FairQueue<Asked>(4);
    const items = Array.from({ length: 4 }, () => asked("heavy"));
    for (const item of items) expect(queue.push(item)).toBeNull();
    const more = asked("heavy");
    expect(queue.push(more)).toBe(more);
    expect(queue.push(asked("light"))).toBe(items[3]);
    expect(queue.push(asked("light"))).toBe(items[2]);
    const third = asked("light");
    expect(queue.push(third)).toBe(third);
    expect(queue.size).toBe(4);
    expect(queue.positionOf(more)).toBe(0);
  });

  test("the next is always of a member with the fewest running, and everybody is served once", () => {
    fc.assert(
      fc.property(history, (steps) => {
        const { queue, waiting, running } = after(steps);
        const served: Asked[] = [];
        for (let item = serve(queue); item !== undefined; item = serve(queue)) {
          const of = (userId: string) => running.get(userId) ?? 0;
          const left = waiting.filter((one) => !served.includes(one));
          for (const { userId } of left) expect(of(item.userId)).toBeLessThanOrEqual(of(userId));
          running.set(item.userId, of(item.userId) + 1);
          served.push(item);
        }
        expect(served.toSorted((a, b) => a.number - b.number)).toEqual(waiting.toSorted((a, b) => a.number - b.number));
      }),
    );
  });

  test("the positions that are told are the order in which places are given", () => {
    fc.assert(
      fc.property(history, (steps) => {
        const { queue, waiting } = after(steps);
        const told = new Map(waiting.map((item) => [item, queue.positionOf(item)]));
        let place = 0;
        for (let item = serve(queue); item !== undefined; item = serve(queue)) {
          place += 1;
          expect(told.get(item)).toBe(place);
        }
      }),
      { numRuns: 500 },
    );
  });
});
