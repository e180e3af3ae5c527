import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { endpointOrder, loadBound } from "../../src/llm/endpoint-choice.ts";

const endpoint = (name: string, load = 0) => ({ name, load });
const names = (list: { name: string }[]) => list.map(({ name }) => name);
const conversations = Array.from({ length: 600 }, (_, i) => `bot:b1:group:${i}`);
const four = ["gpu-1", "gpu-2", "gpu-3", "gpu-4"].map((name) => endpoint(name));

describe("endpoint order", () => {
  test("is the same for the same conversation, in whatever order the endpoints are given", () => {
    for (const id of conversations.slice(0, 50)) {
      expect(names(endpointOrder([...four].reverse(), id))).toEqual(names(endpointOrder(four, id)));
    }
  });

  test("names every endpoint once", () => {
    expect(names(endpointOrder(four, "c")).sort()).toEqual(names(four));
  });

  test("spreads conversations evenly", () => {
    const counts = new Map<string, number>();
    for (const id of conversations) {
      const first = endpointOrder(four, id)[0]?.name ?? "";
      counts.set(first, (counts.get(first) ?? 0) + 1);
    }
    for (const name of names(four)) expect(counts.get(name)).toBeGreaterThan(110);
  });

  test("moves only the conversations of an endpoint that leaves, to each one's second choice", () => {
    for (const id of conversations) {
      const [first, second] = names(endpointOrder(four, id));
      const rest = four.filter(({ name }) => name !== "gpu-2");
      expect(endpointOrder(rest, id)[0]?.name).toBe(first === "gpu-2" ? second : first);
    }
  });

  test("puts an endpoint far busier than the others last", () => {
    const loaded = [endpoint("gpu-1", 60), endpoint("gpu-2", 20), endpoint("gpu-3", 20), endpoint("gpu-4", 20)];
    for (const id of conversations.slice(0, 50)) expect(endpointOrder(loaded, id).at(-1)?.name).toBe("gpu-1");
  });

  test("puts an endpoint to avoid behind all others, however busy they are", () => {
    const slow = { name: "gpu-4", load: 0, avoided: true };
    for (const id of conversations.slice(0, 50)) {
      expect(endpointOrder([endpoint("gpu-1", 90), endpoint("gpu-2"), slow], id).at(-1)).toBe(slow);
    }
  });

  test("sends nothing above the bound, and moves nobody who is within it, in whatever order requests come and go", () => {
    const step = fc.record({ conversation: fc.nat({ max: 200 }), leaves: fc.boolean() });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.array(step, { maxLength: 300 }), (count, steps) => {
        const endpoints = Array.from({ length: count }, (_, i) => ({ name: `gpu-${i}`, load: 0 }));
        const running: { load: number }[] = [];
        for (const { conversation, leaves } of steps) {
          const oldest = leaves ? running.shift() : undefined;
          if (oldest !== undefined) oldest.load -= 1;
          const bound = loadBound(endpoints);
          const idle = endpoints.map(({ name }) => ({ name, load: 0 }));
          const home = endpointOrder(idle, `c${conversation}`)[0]?.name;
          const chosen = endpointOrder(endpoints, `c${conversation}`)[0];
          if (chosen === undefined) throw new Error("there is always one");
          if (chosen.name !== home) {
            expect(endpoints.find(({ name }) => name === home)?.load).toBeGreaterThanOrEqual(bound);
          }
          chosen.load += 1;
          running.push(chosen);
          expect(chosen.load).toBeLessThanOrEqual(bound);
        }
      }),
    );
  });

  test("keeps conversations where their cache is while little runs", () => {
    const loaded = [endpoint("gpu-1", 7), ...four.slice(1)];
    for (const id of conversations.slice(0, 50)) {
      expect(endpointOrder(loaded, id)[0]?.name).toBe(endpointOrder(four, id)[0]?.name);
    }
  });

  test("gives the only endpoint however busy it is", () => {
    expect(names(endpointOrder([endpoint("gpu-1", 1_000)], "c"))).toEqual(["gpu-1"]);
  });
});
