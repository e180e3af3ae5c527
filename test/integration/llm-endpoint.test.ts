import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { systemClock } from "../../src/base/clock.ts";
import { codeOf, YingdaError } from "../../src/base/errors.ts";
import { Events } from "../../src/base/events.ts";
import { createLogger } from "../../src/base/logger.ts";
import { Secret } from "../../src/base/secret.ts";
import type { ChatModel, ChatRequest, ChatResult } from "../../src/llm/chat-model.ts";
import type { ModelLimits } from "../../src/llm/model-limits.ts";
import { createModelPool } from "../../src/llm/model-pool.ts";
import {
  answers,
  type Behaviour,
  type FaultModelServer,
  fails,
  type RecordedRequest,
  startFaultModelServer,
  streams,
} from "../support/fault-model-server.ts";

const KEY = "sk-very-secret-key";
const PROMPT_WORDS = "年终奖发多少";
/** Far longer than anything on loopback takes, on a busy machine too; tests of deadlines set their own. */
const PATIENCE_MS = 8_000;
/** What a test of a deadline waits for it. */
const SHORT_MS = 300;

let server: FaultModelServer;
let logged = "";

beforeAll(async () => {
  server = await startFaultModelServer();
});

afterEach(() => {
  server.requests.length = 0;
  logged = "";
});

afterAll(async () => {
  await server.stop();
});

const intoLog = {
  write(line: string) {
    logged += line;
  },
};

function poolWith(limits: Partial<ModelLimits> = {}, apiKey: Secret | null = new Secret(KEY)): ChatModel {
  const events = new Events(createLogger("debug", intoLog));
  return createModelPool({
    baseUrls: [server.url],
    apiKey,
    model: "test-model",
    events,
    clock: systemClock,
    limits: { firstTokenMs: PATIENCE_MS, betweenTokensMs: PATIENCE_MS, afterFinishMs: SHORT_MS, ...limits },
  });
}

function request(overrides: Partial<ChatRequest> = {}): ChatRequest {
  return {
    messages: [{ role: "user", content: PROMPT_WORDS }],
    answerTokensMax: 64,
    conversationId: "app:1:zhangsan",
    userId: "zhangsan",
    traceId: "trace-1",
    signal: new AbortController().signal,
    ...overrides,
  };
}

interface Outcome {
  text: string;
  result?: ChatResult;
  error?: unknown;
}

/** Everything that came out, and how it ended. */
async function collect(model: ChatModel, overrides: Partial<ChatRequest> = {}): Promise<Outcome> {
  const outcome: Outcome = { text: "" };
  try {
    for await (const event of model.stream(request(overrides))) {
      if (event.type === "text") outcome.text += event.text;
      else if (event.type === "end") outcome.result = event.result;
    }
  } catch (error) {
    outcome.error = error;
  }
  return outcome;
}

async function ask(behaviour: Behaviour, limits: Partial<ModelLimits> = {}): Promise<Outcome> {
  server.script([behaviour]);
  return collect(poolWith(limits));
}

function reasonOf(error: unknown): unknown {
  return error instanceof YingdaError ? error.details.reason : undefined;
}

const finish = { finish: "stop" } as const;
const done = { done: true } as const;

describe("a whole answer", () => {
  test("comes out piece by piece and ends with its figures", async () => {
    const { text, result, error } = await ask(answers("年终奖请以人事通知为准。"));
    expect(error).toBeUndefined();
    expect(text).toBe("年终奖请以人事通知为准。");
    expect(result).toMatchObject({
      finishReason: "stop",
      model: "test-model",
      endpoint: new URL(server.url).host,
      usage: { promptTokens: 12, answerTokens: 12 },
    });
    expect(result?.firstTokenMs).toBeLessThan(PATIENCE_MS);
    expect(logged).toContain("model answered");
  });

  test("is asked for with the fields that every server knows, the key and ids for tracing", async () => {
    await ask(answers("好"));
    const [sent] = server.requests;
    expect(sent?.body).toEqual({
      model: "test-model",
      messages: [{ role: "user", content: PROMPT_WORDS }],
      max_tokens: 64,
      stream: true,
      stream_options: { include_usage: true },
    });
    expect(sent?.headers.authorization).toBe(`Bearer ${KEY}`);
    expect(sent?.headers["x-request-id"]).toMatch(/^trace-1-1-/);
    expect(sent?.headers["x-session-id"]).toMatch(/^[0-9a-f]{32}$/);
    expect(JSON.stringify(sent?.headers)).not.toContain("zhangsan");
  });

  test("is asked for without a key when there is none", async () => {
    server.script([answers("好")]);
    expect((await collect(poolWith({}, null))).text).toBe("好");
    expect(server.requests[0]?.headers.authorization).toBeUndefined();
  });

  test("that is written one byte at a time comes out whole, and no piece is empty or half a character", async () => {
    const whole = answers("多字节：👨‍👩‍👧 完");
    const bytes = Buffer.from(
      (whole.steps ?? []).flatMap((step) => ("text" in step ? [chunkText(step.text)] : [])).join(""),
    );
    const slow = [...bytes].map((byte) => ({ raw: Uint8Array.of(byte) }));
    server.script([streams(...slow, finish, done)]);
    const pieces: string[] = [];
    for await (const event of poolWith().stream(request())) if (event.type === "text") pieces.push(event.text);
    expect(pieces.join("")).toBe("多字节：👨‍👩‍👧 完");
    expect(pieces.every((piece) => piece !== "" && piece.isWellFormed())).toBe(true);
  });

  test.each<[string, Behaviour]>([
    [
      "without the blank line after its last event",
      streams({ text: "好" }, { raw: chunkJson({ finish_reason: "stop" }) }),
    ],
    ["without [DONE] and without figures", streams({ text: "好" }, finish)],
    [
      "with CRLF line ends and comments between",
      streams({ raw: `: ping\r\n\r\n${chunkText("好").replaceAll("\n", "\r\n")}` }, finish),
    ],
    [
      "with chunks that have no choices or others than the first",
      streams(
        { event: { choices: [] } },
        { event: { choices: [{ index: 1, delta: { content: "坏" } }] } },
        { text: "好" },
        finish,
        done,
      ),
    ],
    [
      "whose connection breaks after the finish reason",
      streams({ text: "好" }, finish, { waitMs: 50 }, { reset: true }),
    ],
    ["whose server goes silent after the finish reason", streams({ text: "好" }, finish, { hang: true })],
    ["that says more after its finish reason", streams({ text: "好" }, finish, { text: "坏" }, done)],
    ["ended by another server's word for stop", streams({ text: "好" }, { finish: "eos" })],
  ])("%s counts as whole", async (_how, behaviour) => {
    const { text, result, error } = await ask(behaviour);
    expect({ text, finishReason: result?.finishReason, error }).toEqual({
      text: "好",
      finishReason: "stop",
      error: undefined,
    });
  });

  test("whose server keeps the socket open after [DONE] ends at once", async () => {
    const from = performance.now();
    const { text } = await ask(streams({ text: "好" }, finish, done, { hang: true }), { afterFinishMs: PATIENCE_MS });
    expect(text).toBe("好");
    expect(performance.now() - from).toBeLessThan(PATIENCE_MS / 2);
  });

  test("cut by its token limit says so", async () => {
    const { text, result } = await ask(streams({ text: "说到一半" }, { finish: "length" }, done));
    expect(text).toBe("说到一半");
    expect(result?.finishReason).toBe("length");
  });

  test("withheld by the upstream's own filter is an end, not a failure", async () => {
    const { text, result, error } = await ask(streams({ finish: "content_filter" }, done));
    expect({ text, finishReason: result?.finishReason, error }).toEqual({
      text: "",
      finishReason: "content_filter",
      error: undefined,
    });
  });
});

describe("reasoning", () => {
  test.each<[string, Behaviour]>([
    ["in the field `reasoning`", streams({ reasoning: "他问好" }, { text: "你好" }, finish)],
    [
      "in the field `reasoning_content`",
      streams({ reasoning: "他问好", field: "reasoning_content" }, { text: "你好" }, finish),
    ],
    [
      "in the content, its tag cut in pieces",
      streams({ text: "<th" }, { text: "ink>他问好</thi" }, { text: "nk>\n\n你好" }, finish),
    ],
  ])("%s stays out of the answer", async (_where, behaviour) => {
    expect((await ask(behaviour)).text).toBe("你好");
  });

  test("counts as a sign of life, before the first token and between two", async () => {
    const slow = Array.from({ length: 8 }, () => [{ reasoning: "想" }, { waitMs: 200 }]).flat();
    const limits = { firstTokenMs: 1_000, betweenTokensMs: 1_000 };
    const { text, error } = await ask(streams(...slow, { text: "好" }, finish), limits);
    expect(error).toBeUndefined();
    expect(text).toBe("好");
  });

  test("that goes on for too long is stopped, however lively", async () => {
    const endless = Array.from({ length: 200 }, () => [{ reasoning: "想" }, { waitMs: 20 }]).flat();
    const { error } = await ask(streams(...endless), { reasoningMs: 150 });
    expect([codeOf(error), reasonOf(error)]).toEqual(["model_timeout", "reasoning_too_long"]);
    expect(await server.requests[0]?.closed).toBe("client");
  });

  test("alone is no answer", async () => {
    const { error } = await ask(streams({ reasoning: "想" }, { finish: "length" }, done));
    expect([codeOf(error), reasonOf(error)]).toEqual(["model_empty", "empty"]);
  });

  test("let out by a server whose template opens the block is kept back from the second answer on, and told once", async () => {
    const model = poolWith();
    const content = streams({ text: "他问好。\n</think>\n\n" }, { text: "你好" }, finish);
    server.script(content);
    expect((await collect(model)).text).toContain("</think>");
    expect((await collect(model)).text).toBe("你好");
    expect((await collect(model)).text).toBe("你好");
    expect(logged.match(/model_reasoning_in_answer/g)).toHaveLength(1);
    server.script(answers("不想了"));
    expect((await collect(model)).text).toBe("不想了");
  });
});

describe("a stream that goes wrong", () => {
  const flat = (code: number, message = `Your prompt was: ${PROMPT_WORDS}`) => ({
    event: { object: "error", message, type: "ServerError", param: null, code },
  });
  const pages = "<html><body>Bad Gateway</body></html>";

  test.each<[what: string, code: string, reason: string, behaviour: Behaviour]>([
    ["that ends without a finish reason", "model_cut_short", "cut", streams({ text: "说到" }, { end: true })],
    ["that ends with [DONE] but no finish reason", "model_cut_short", "cut", streams({ text: "说到" }, done)],
    ["that is reset", "model_cut_short", "cut", streams({ text: "说到" }, { waitMs: 50 }, { reset: true })],
    [
      "with an error event",
      "model_cut_short",
      "gave_up",
      streams({ text: "说到" }, { event: { error: { message: PROMPT_WORDS, type: "X" } } }),
    ],
    [
      "with an error event that is only a sentence",
      "model_cut_short",
      "gave_up",
      streams({ text: "说到" }, { event: { error: PROMPT_WORDS } }),
    ],
    [
      "with an error event of a strange type",
      "model_cut_short",
      "gave_up",
      streams({ text: "说到" }, { event: { error: { message: PROMPT_WORDS, type: "constructor" } } }),
    ],
    [
      "with an error event of a known type",
      "model_overloaded",
      "overloaded",
      streams({ text: "说到" }, { event: { error: { message: PROMPT_WORDS, type: "rate_limit_error" } } }),
    ],
    [
      "with an event named error",
      "model_cut_short",
      "gave_up",
      streams({ text: "说到" }, { name: "error", event: { message: PROMPT_WORDS } }),
    ],
    [
      "with an error event that carries a status",
      "model_unreachable",
      "server_error",
      streams({ text: "说到" }, { event: { error: { message: PROMPT_WORDS, code: 500 } } }),
    ],
    ["with a flat error in the middle", "model_overloaded", "overloaded", streams({ text: "说到" }, flat(503))],
    ["aborted by the server", "model_cut_short", "gave_up", streams({ text: "说到" }, { finish: "abort" })],
    [
      "that ends by asking for a tool",
      "model_cut_short",
      "gave_up",
      streams({ text: "说到" }, { finish: "tool_calls" }),
    ],
    [
      "with broken JSON",
      "model_cut_short",
      "malformed",
      streams({ text: "说到" }, { raw: `data: {"choices":[{"${PROMPT_WORDS}\n\n` }),
    ],
    [
      "with JSON that is no chunk",
      "model_cut_short",
      "malformed",
      streams({ text: "说到" }, { raw: "data: null\n\n" }),
    ],
    ["that stalls", "model_timeout", "stalled", streams({ text: "说到" }, { hang: true })],
    ["that stalls but for comments", "model_timeout", "stalled", streams({ text: "说到" }, ...pings(40))],
    [
      "that answers for ever",
      "model_cut_short",
      "answer_too_long",
      streams({ text: "说到" }, ...Array.from({ length: 40 }, () => ({ text: "说".repeat(100) }))),
    ],
  ])("%s throws %s (%s), after the text that came", async (_what, code, reason, behaviour) => {
    const { text, error } = await ask(behaviour, {
      answerBytesMax: 4_096,
      betweenTokensMs: reason === "stalled" ? SHORT_MS : PATIENCE_MS,
    });
    expect([codeOf(error), reasonOf(error)]).toEqual([code, reason]);
    expect(text.slice(0, 2)).toBe("说到");
    expect(server.requests).toHaveLength(1);
    expect(logged.match(/"model failed"/g)).toHaveLength(1);
  });

  test.each<[what: string, code: string, reason: string, behaviour: Behaviour]>([
    ["an empty answer", "model_empty", "empty", streams(finish, done)],
    ["an answer of white space", "model_empty", "empty", streams({ text: " \n " }, finish, done)],
    ["no event at all", "model_cut_short", "cut", streams({ end: true })],
    [
      "a flat error as its first event",
      "model_refused_request",
      "prompt_too_long",
      streams(flat(400, "The input (9000 tokens) is longer than the model's context length (8192 tokens).")),
    ],
    [
      "an HTML page with status 200",
      "model_unreachable",
      "not_a_stream",
      { body: pages, headers: { "content-type": "text/html" } },
    ],
    [
      "a JSON error with status 200",
      "model_unreachable",
      "not_a_stream",
      { body: '{"error":"x"}', headers: { "content-type": "application/json" } },
    ],
    ["204 without a body", "model_unreachable", "not_a_stream", { status: 204, body: "" }],
    ["plain text with status 200", "model_cut_short", "cut", { body: "busy" }],
    [
      "a line that never ends",
      "model_cut_short",
      "answer_too_long",
      streams({ raw: `data: "${"x".repeat(80_000)}` }, { hang: true }),
    ],
    ["silence after the headers", "model_timeout", "no_first_token", streams({ hang: true })],
    [
      "nothing but role and keep-alive chunks",
      "model_timeout",
      "no_first_token",
      streams({ event: { choices: [{ index: 0, delta: { role: "assistant", content: "" } }] } }, ...pings(40)),
    ],
    ["silence before the headers", "model_timeout", "no_first_token", { instead: "hang" }],
    ["an error whose body never ends", "model_timeout", "no_first_token", { ...streams({ hang: true }), status: 500 }],
    ["400 with another complaint", "model_refused_request", "bad_request", fails(400, { message: PROMPT_WORDS })],
    [
      "400 for a prompt that is too long",
      "model_refused_request",
      "prompt_too_long",
      fails(400, { message: "This model's maximum context length is 8192 tokens." }),
    ],
    [
      "400 with OpenAI's code for it",
      "model_refused_request",
      "prompt_too_long",
      fails(400, { code: "context_length_exceeded" }),
    ],
    ["413", "model_refused_request", "prompt_too_long", { status: 413, body: pages }],
    ["401", "model_refused_request", "credentials", fails(401)],
    ["404", "model_refused_request", "unknown_model", fails(404)],
    [
      "a redirect",
      "model_refused_request",
      "redirected",
      { status: 307, headers: { location: "/v1/elsewhere" }, body: "" },
    ],
    ["429 for a quota", "model_overloaded", "quota", fails(429, { code: "insufficient_quota" })],
    ["500", "model_unreachable", "server_error", { status: 500, body: pages }],
    ["504", "model_timeout", "no_first_token", { status: 504, body: pages }],
  ])("%s throws %s (%s) after one request", async (_what, code, reason, behaviour) => {
    const { text, error } = await ask(behaviour, {
      streamBytesMax: 64_000,
      firstTokenMs: reason === "no_first_token" ? SHORT_MS : PATIENCE_MS,
    });
    expect([codeOf(error), reasonOf(error)]).toEqual([code, reason]);
    expect(text).toBe("");
    expect(server.requests).toHaveLength(1);
  });

  test("keeps key, prompt and the server's words out of errors, logs and the console", async () => {
    const consoles = (["log", "info", "warn", "error", "debug"] as const).map((method) => jest.spyOn(console, method));
    // What an operator may have set for other programs: the client library would obey both.
    process.env.OPENAI_LOG = "debug";
    process.env.OPENAI_ORG_ID = "org-elsewhere";
    try {
      const leaks = { message: `${PROMPT_WORDS} ${KEY}`, type: PROMPT_WORDS, param: PROMPT_WORDS };
      for (const behaviour of [
        fails(400, leaks),
        fails(500, leaks, { "x-request-id": "r1" }),
        streams({ event: { error: leaks } }),
        streams({ event: { ...leaks, object: "error" } }),
        streams({ raw: `data: {${PROMPT_WORDS}\n\n` }),
        streams({ finish: PROMPT_WORDS }),
      ]) {
        const { error } = await ask(behaviour);
        expect(error).toBeInstanceOf(YingdaError);
        createLogger("debug", intoLog).error({ err: error }, "seen");
        logged += String(error) + (error instanceof Error ? `${error.stack} ${String(error.cause)}` : "");
      }
      expect(logged).not.toContain(PROMPT_WORDS);
      expect(logged).not.toContain(KEY);
      for (const spy of consoles) expect(spy).not.toHaveBeenCalled();
      expect(JSON.stringify(server.requests.map(({ headers }) => headers))).not.toContain("org-elsewhere");
    } finally {
      delete process.env.OPENAI_LOG;
      delete process.env.OPENAI_ORG_ID;
      for (const spy of consoles) spy.mockRestore();
    }
  });
});

describe("a server that does not know a field", () => {
  const refusing = (field: string, complaint: Behaviour) => (sent: RecordedRequest) =>
    JSON.stringify(sent.body).includes(`"${field}"`) ? complaint : answers("好");
  const fastApi = {
    detail: [{ loc: ["body", "stream_options"], msg: "Extra inputs are not permitted", input: PROMPT_WORDS }],
  };

  test.each<[string, Behaviour]>([
    ["in OpenAI's form", fails(400, { message: "Unrecognized request argument supplied: stream_options" })],
    [
      "in FastAPI's form",
      { status: 422, body: JSON.stringify(fastApi), headers: { "content-type": "application/json" } },
    ],
    [
      "in SGLang's flat form",
      { status: 400, body: JSON.stringify({ object: "error", message: "stream_options is not supported", code: 400 }) },
    ],
  ])("and says so %s is asked again without it, and never again with it", async (_form, complaint) => {
    const model = poolWith();
    server.script(refusing("stream_options", complaint));
    expect((await collect(model)).text).toBe("好");
    expect(server.requests).toHaveLength(2);
    expect((await collect(model)).text).toBe("好");
    expect(server.requests).toHaveLength(3);
  });

  test("is asked again by every conversation that had begun before the first complaint", async () => {
    const model = poolWith();
    server.script(refusing("stream_options", fails(400, { param: "stream_options" })));
    const outcomes = await Promise.all([collect(model), collect(model), collect(model)]);
    expect(outcomes.map(({ text }) => text)).toEqual(["好", "好", "好"]);
  });

  test("named max_tokens gets max_completion_tokens", async () => {
    server.script(
      refusing(
        "max_tokens",
        fails(400, { message: "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead." }),
      ),
    );
    expect((await collect(poolWith())).text).toBe("好");
    expect(server.requests[1]?.body).toMatchObject({ max_completion_tokens: 64 });
  });
});

describe("leaving a stream", () => {
  const slow = answers("慢慢说".repeat(50), { everyMs: 10 });

  test("by break closes the request upstream", async () => {
    server.script([slow]);
    for await (const event of poolWith().stream(request())) {
      expect(event.type).toBe("text");
      break;
    }
    expect(await server.requests[0]?.closed).toBe("client");
  });

  test("by a throw closes the request upstream and passes the error on", async () => {
    server.script([slow]);
    const consume = async () => {
      for await (const _event of poolWith().stream(request())) throw new Error("mine");
    };
    await expect(consume()).rejects.toThrow("mine");
    expect(await server.requests[0]?.closed).toBe("client");
    expect(logged).not.toContain("model failed");
  });

  test.each<[string, Behaviour, number]>([
    ["before the headers", { instead: "hang" }, 0],
    ["before the first token", streams({ hang: true }), 0],
    ["while an error's body is read", { ...streams({ hang: true }), status: 400 }, 0],
    ["between two tokens", streams({ text: "好" }, { hang: true }), 1],
    ["after the finish reason", streams({ text: "好" }, finish, { hang: true }), 1],
  ])("by the signal %s throws its reason and closes the request upstream", async (_when, behaviour, texts) => {
    const controller = new AbortController();
    const reason = new YingdaError("turn_stopped", "the member stopped it");
    server.script([behaviour]);
    const stream = poolWith({ afterFinishMs: PATIENCE_MS }).stream(request({ signal: controller.signal }));
    for (let i = 0; i < texts; i += 1) await stream.next();
    const next = stream.next();
    const sent = await server.request(1);
    controller.abort(reason);
    await expect(next).rejects.toBe(reason);
    expect(await sent.closed).toBe("client");
    expect(logged).not.toContain("model failed");
  });

  test("by a signal that was aborted before sends nothing", async () => {
    const { error } = await collect(poolWith(), { signal: AbortSignal.abort(new Error("too late")) });
    expect(error).toEqual(new Error("too late"));
    expect(server.requests).toHaveLength(0);
  });

  test("while holding a piece of text throws the signal's reason at the next step", async () => {
    const controller = new AbortController();
    server.script([slow]);
    const stream = poolWith().stream(request({ signal: controller.signal }));
    await stream.next();
    controller.abort(new Error("stop"));
    expect(await server.requests[0]?.closed).toBe("client");
    await expect(stream.next()).rejects.toThrow("stop");
  });

  test("never begun sends nothing", async () => {
    poolWith().stream(request());
    await new Promise((resolve) => setImmediate(resolve));
    expect(server.requests).toHaveLength(0);
    expect(server.running()).toBe(0);
  });
});

test("a caller that takes its time over a piece does not make the model late", async () => {
  server.script([streams({ text: "一" }, { text: "二" }, finish, done)]);
  let text = "";
  for await (const event of poolWith({ betweenTokensMs: SHORT_MS }).stream(request())) {
    if (event.type !== "text") continue;
    text += event.text;
    await systemClock.sleep(SHORT_MS * 2);
  }
  expect(text).toBe("一二");
});

function chunkJson(choice: Record<string, unknown>): string {
  return `data: ${JSON.stringify({ object: "chat.completion.chunk", choices: [{ index: 0, delta: {}, ...choice }] })}`;
}

function chunkText(content: string): string {
  return `${chunkJson({ delta: { content }, finish_reason: null })}\n\n`;
}

function pings(count: number) {
  return Array.from({ length: count }, () => [{ raw: ": keep-alive\n\n" }, { waitMs: 50 }]).flat();
}
