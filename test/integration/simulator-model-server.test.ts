import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import OpenAI from "openai";
import { type DemoModel, startDemoModel } from "../../simulator/model-server.ts";
import { until } from "../support/until.ts";

/** The demo model, asked through the client that the service uses. */

let model: DemoModel;
let client: OpenAI;

beforeEach(async () => {
  await use(await startDemoModel({ tokensPerSecond: Number.POSITIVE_INFINITY }));
});
afterEach(async () => {
  await model.stop();
});

async function use(other: DemoModel, apiKey = "none"): Promise<void> {
  await model?.stop();
  model = other;
  client = new OpenAI({ baseURL: model.url, apiKey, maxRetries: 0 });
}

const ask = (text: string) => [{ role: "user" as const, content: text }];

async function streamed(text: string, change: { max_tokens?: number } = {}) {
  const stream = await client.chat.completions.create({
    model: model.model,
    messages: ask(text),
    stream: true,
    stream_options: { include_usage: true },
    ...change,
  });
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  const said = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("");
  return {
    chunks,
    said,
    finish: chunks.findLast((chunk) => chunk.choices[0]?.finish_reason)?.choices[0]?.finish_reason,
  };
}

describe("a completion", () => {
  test("says the same streamed and whole, with the same usage", async () => {
    const whole = await client.chat.completions.create({ model: model.model, messages: ask("hello") });
    const { said, finish, chunks } = await streamed("hello");
    expect(said).toBe(whole.choices[0]?.message.content);
    expect(said).toMatch(/demo model/);
    expect([finish, whole.choices[0]?.finish_reason]).toEqual(["stop", "stop"]);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: whole.usage });
    expect(whole.usage?.total_tokens).toBe((whole.usage?.prompt_tokens ?? 0) + (whole.usage?.completion_tokens ?? 0));
    expect(model.requests().map(({ outcome, stream }) => [outcome, stream])).toEqual([
      ["stop", false],
      ["stop", true],
    ]);
  });

  test("of a given length has exactly that many bytes", async () => {
    const { said } = await streamed("long 24000");
    expect(Buffer.byteLength(said)).toBe(24_000);
  });

  test("past max_tokens is cut with finish_reason length", async () => {
    const { said, finish, chunks } = await streamed("long 24000", { max_tokens: 50 });
    expect(finish).toBe("length");
    expect(said.length).toBeLessThan(500);
    expect(chunks.at(-1)?.usage?.completion_tokens).toBe(50);
  });

  test("that thinks sends its thoughts apart from its answer", async () => {
    const { chunks, said } = await streamed("think aloud");
    const thoughts = chunks.map(
      (chunk) => (chunk.choices[0]?.delta as { reasoning_content?: string })?.reasoning_content ?? "",
    );
    expect(thoughts.join("")).toMatch(/^Demo thoughts/);
    expect(said).not.toContain("Demo thoughts");
  });

  test("goes at the pace it was given", async () => {
    await use(await startDemoModel({ tokensPerSecond: 200, answer: () => ({ text: "a ".repeat(40), waitMs: 0 }) }));
    const startedMs = performance.now();
    await streamed("x");
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(180);
  });

  test("stops as soon as its reader goes away, and this is recorded", async () => {
    await use(
      await startDemoModel({ tokensPerSecond: 100, answer: () => ({ text: "word ".repeat(5_000), waitMs: 0 }) }),
    );
    const stream = await client.chat.completions.create({ model: model.model, messages: ask("x"), stream: true });
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
    await until(() => model.running() === 0);
    const [request] = model.requests();
    expect(request?.outcome).toBe("client_closed");
    expect(request?.tokensSent).toBeLessThan(1_000);
  });

  test("whose reader goes away during the silence before it is given up as well", async () => {
    const abort = new AbortController();
    const slow = client.chat.completions.create(
      { model: model.model, messages: ask("slow 100"), stream: true },
      { signal: abort.signal },
    );
    await until(() => model.running() === 1);
    abort.abort();
    await slow.then((stream) => stream.controller.abort()).catch(() => undefined);
    await until(() => model.running() === 0);
    expect(model.requests()[0]).toMatchObject({ outcome: "client_closed", tokensSent: 0 });
  });
});

describe("what is refused", () => {
  test("another model, an impossible request, a wrong key, and a prompt past the context", async () => {
    await use(await startDemoModel({ apiKey: "right", contextTokens: 100 }), "right");
    const create = (change: object) =>
      client.chat.completions.create({ model: model.model, messages: ask("hello"), ...change });
    await expect(create({ model: "other" })).rejects.toMatchObject({ status: 404, code: "model_not_found" });
    await expect(create({ messages: [] })).rejects.toMatchObject({ status: 400 });
    await expect(create({ max_tokens: 0 })).rejects.toMatchObject({ status: 400 });
    await expect(create({ messages: ask("word ".repeat(200)) })).rejects.toMatchObject({
      status: 400,
      code: "context_length_exceeded",
    });
    const stranger = new OpenAI({ baseURL: model.url, apiKey: "wrong", maxRetries: 0 });
    await expect(stranger.models.list()).rejects.toMatchObject({ status: 401 });
    expect(model.requests()).toEqual([]);
  });
});

describe("faults on demand", () => {
  test("a status, with the time to wait", async () => {
    model.fault({ effect: { kind: "status", status: 503, retryAfterSeconds: 7 }, times: 2 });
    for (const _ of [1, 2]) {
      const failed = streamed("hello");
      await expect(failed).rejects.toMatchObject({ status: 503 });
    }
    expect((await streamed("hello")).said).toMatch(/demo model/);
  });

  test("a stream cut in the middle", async () => {
    model.fault({ effect: { kind: "cut", afterTokens: 3 } });
    await expect(streamed("hello")).rejects.toThrow();
    expect(model.requests()[0]).toMatchObject({ outcome: "failed", tokensSent: 3 });
  });

  test("a stream that stalls until its reader gives up", async () => {
    model.fault({ effect: { kind: "stall", afterTokens: 2 } });
    const stream = await client.chat.completions.create({ model: model.model, messages: ask("hello"), stream: true });
    const reader = (async () => {
      for await (const _ of stream);
    })().catch(() => undefined);
    await until(() => model.requests()[0]?.tokensSent === 2);
    expect(model.running()).toBe(1);
    stream.controller.abort();
    await reader;
    await until(() => model.running() === 0);
    expect(model.requests()[0]?.outcome).toBe("client_closed");
  });
});

test("models, health and metrics are there", async () => {
  const models = await client.models.list();
  expect(models.data.map(({ id }) => id)).toEqual([model.model]);
  const base = model.url.replace("/v1", "");
  expect((await fetch(`${base}/health`)).status).toBe(200);
  expect(await (await fetch(`${base}/metrics`)).text()).toContain("vllm:num_requests_running");
  expect((await fetch(`${base}/nothing`)).status).toBe(404);
});
