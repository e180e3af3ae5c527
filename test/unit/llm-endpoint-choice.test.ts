import { describe, expect, test } from "@jest/globals";
import { endpointOrder } from "../../src/llm/endpoint-choice.ts";

const endpoint = (name: string, running = 0) => ({ name, running });
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
