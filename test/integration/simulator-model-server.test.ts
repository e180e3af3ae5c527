import { createHash } from "node:crypto";
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

describe("a picture", () => {
  // A PNG of 40 × 30 pixels as far as its header goes.
  const png = Buffer.concat([
    Buffer.from("89504e470d0a1a0a0000000d49484452", "hex"),
    Buffer.from([0, 0, 0, 40, 0, 0, 0, 30]),
    Buffer.alloc(20),
  ]);
  const see = (bytes: Buffer, question: string, type = "image/png") =>
    client.chat.completions.create({
      model: model.model,
      messages: [
        {
          role: "user",
          content: [
            { type: "text", text: question },
            { type: "image_url", image_url: { url: `data:${type};base64,${bytes.toString("base64")}` } },
          ],
        },
      ],
    });

  test("is named by its kind and size, with the question, and stands in the log by its sum", async () => {
    const answer = await see(png, "图里是什么？");
    const said = answer.choices[0]?.message.content ?? "";
    expect(said).toContain("PNG，40×30 像素");
    expect(said).toContain("图里是什么？");
    const sha256 = createHash("sha256").update(png).digest("hex");
    expect(model.requests().at(-1)?.messages).toEqual([
      {
        role: "user",
        content: "图里是什么？",
        images: [{ contentType: "image/png", bytes: png.length, sha256, width: 40, height: 30 }],
      },
    ]);
    expect(answer.usage?.prompt_tokens).toBeGreaterThan(256);
  });

  test.each([
    ["jpeg", Buffer.from("ffd8ffe000044a46ffc0001108001e002803012200021101031101", "hex")],
    ["gif", Buffer.concat([Buffer.from("GIF89a"), Buffer.from([40, 0, 30, 0, 0, 0, 0])])],
    [
      "webp",
      Buffer.concat([
        Buffer.from("RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0", "latin1"),
        Buffer.from([39, 0, 0, 29, 0, 0]),
      ]),
    ],
  ])("of the kind %s tells its size too", async (kind, bytes) => {
    const answer = await see(bytes, "what is it?");
    expect(answer.choices[0]?.message.content).toContain(`${kind.toUpperCase()}, 40×30 pixels`);
  });

  test("with a torn header is still answered", async () => {
    const answer = await see(png.subarray(0, 17), "what is it?");
    expect(answer.choices[0]?.message.content).toContain("PNG, size unreadable");
  });

  test("is refused by a model that cannot see, a text in parts is not", async () => {
    await use(await startDemoModel({ textOnly: true }));
    await expect(see(png, "?")).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining("yingda-demo is not a multimodal model"),
    });
    const content = [{ type: "text" as const, text: "hello" }];
    const answer = await client.chat.completions.create({ model: model.model, messages: [{ role: "user", content }] });
    expect(answer.choices[0]?.message.content).toMatch(/demo model/);
  });

  test("behind an address is refused: nothing is fetched", async () => {
    const image = { type: "image_url" as const, image_url: { url: "http://127.0.0.1/a.png" } };
    const asking = client.chat.completions.create({
      model: model.model,
      messages: [{ role: "user", content: [image] }],
    });
    await expect(asking).rejects.toMatchObject({ status: 400 });
  });
});

test("a document is named by its first line and the pages that were given", async () => {
  const document = "--- 第 1 页 ---\n季度总结\n收入增长\n--- 第 2 页 ---\n附表";
  const marked = `<chat-file name="总结.pdf">\n${document}\n</chat-file>\n讲了什么？`;
  const answer = await client.chat.completions.create({ model: model.model, messages: ask(marked) });
  expect(answer.choices[0]?.message.content).toMatch(/总结\.pdf.*2 页[\s\S]*季度总结[\s\S]*讲了什么？/);
});

test("a recording is answered by an honest transcript that names its size, and stands in the log", async () => {
  const file = new File([Buffer.alloc(1_234)], "voice.amr", { type: "audio/amr" });
  const { text } = await client.audio.transcriptions.create({ file, model: "whisper-1", language: "zh" });
  expect(text).toContain("1234 字节");
  expect(model.transcriptions()).toMatchObject([
    { fileName: "voice.amr", contentType: "audio/amr", bytes: 1_234, model: "whisper-1", language: "zh" },
  ]);
  const nothing = await fetch(`${model.url}/audio/transcriptions`, { method: "POST", body: new FormData() });
  expect(nothing.status).toBe(400);
});

test("tokens are counted as completions count them", async () => {
  const base = model.url.replace("/v1", "");
  const tokenize = async (body: object) => {
    const response = await fetch(`${base}/tokenize`, { method: "POST", body: JSON.stringify(body) });
    return { status: response.status, body: await response.json() };
  };
  const { usage } = await client.chat.completions.create({ model: model.model, messages: ask("你好，世界 hello") });
  const counted = await tokenize({ model: model.model, prompt: "你好，世界 hello" });
  expect(counted.body).toMatchObject({ count: usage?.prompt_tokens, max_model_len: 32_768 });
  expect(await tokenize({ messages: ask("你好，世界 hello") })).toMatchObject({
    body: { count: usage?.prompt_tokens },
  });
  expect(await tokenize({})).toMatchObject({ status: 400 });
});
