import { describe, expect, test } from "@jest/globals";
import { YingdaError } from "../../src/base/errors.ts";
import { Turnstile } from "../../src/base/turnstile.ts";

const never = new AbortController().signal;

function turnstile(insideMax: number, waitingMax: number): Turnstile {
  return new Turnstile({ insideMax, waitingMax, full: () => new YingdaError("media_busy", "full") });
}

/** Work that ends when it is told to. */
function held() {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  return { work: () => promise, finish: () => resolve("done"), fail: () => reject(new Error("failed")) };
}

describe("a turnstile", () => {
  test("lets so many in, the rest in the order of their coming, also after a failure", async () => {
    const gate = turnstile(2, 10);
    const works = [held(), held(), held(), held()];
    const begun: number[] = [];
    const passed = works.map(({ work }, index) =>
      gate.pass(() => {
        begun.push(index);
        return work();
      }, never),
    );
    await Promise.resolve();
    expect(begun).toEqual([0, 1]);
    works[1]?.fail();
    await expect(passed[1]).rejects.toThrow("failed");
    expect(begun).toEqual([0, 1, 2]);
    for (const { finish } of works) finish();
    expect(await Promise.all([passed[0], passed[2], passed[3]])).toEqual(["done", "done", "done"]);
    expect(begun).toEqual([0, 1, 2, 3]);
  });

  test("sends away who finds the queue full, and has room again afterwards", async () => {
    const gate = turnstile(1, 1);
    const [first, second] = [held(), held()];
    const passed = [gate.pass(first.work, never), gate.pass(second.work, never)];
    await expect(gate.pass(() => Promise.resolve("third"), never)).rejects.toMatchObject({ code: "media_busy" });
    first.finish();
    second.finish();
    await Promise.all(passed);
    expect(await gate.pass(() => Promise.resolve("fourth"), never)).toBe("fourth");
  });

  test("who gives up while waiting leaves the queue, and does not begin", async () => {
    const gate = turnstile(1, 1);
    const first = held();
    const passed = gate.pass(first.work, never);
    const stop = new AbortController();
    let begun = false;
    const waiting = gate.pass(() => {
      begun = true;
      return Promise.resolve("");
    }, stop.signal);
    stop.abort(new YingdaError("turn_stopped", "stopped"));
    await expect(waiting).rejects.toMatchObject({ code: "turn_stopped" });
    const next = gate.pass(() => Promise.resolve("next"), never);
    first.finish();
    expect([await passed, await next, begun]).toEqual(["done", "next", false]);
    await expect(gate.pass(() => Promise.resolve(""), stop.signal)).rejects.toMatchObject({ code: "turn_stopped" });
  });
});
