import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import { codeOf, YingdaError } from "../../src/base/errors.ts";
import type { ChatModel, ChatRequest } from "../../src/llm/chat-model.ts";
import type { ModelLimits } from "../../src/llm/model-limits.ts";
import { createModelPool } from "../../src/llm/model-pool.ts";
import {
  answers,
  type FaultModelServer,
  fails,
  startFaultModelServer,
  streams,
} from "../support/fault-model-server.ts";

let servers: FaultModelServer[] = [];
let failedAt: { endpoint: string; code: string }[] = [];
let answeredBy: string[] = [];

beforeAll(async () => {
  servers = await Promise.all([startFaultModelServer(), startFaultModelServer(), startFaultModelServer()]);
});

beforeEach(() => {
  failedAt = [];
  answeredBy = [];
  for (const server of servers) {
    server.script([]);
    server.requests.length = 0;
  }
});

afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
});

const events = {
  modelAnswered: (e: { endpoint: string }) => void answeredBy.push(e.endpoint),
  modelFailed: (e: { endpoint: string; error: unknown }) =>
    void failedAt.push({ endpoint: e.endpoint, code: codeOf(e.error) }),
  alert: () => undefined,
};

/** Time that moves only when somebody sleeps or a test moves it. Deadlines on the network are real all the same. */
class HandClock implements Clock {
  now = 1_000_000;
  readonly slept: number[] = [];

  nowMs(): number {
    return this.now;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.slept.push(ms);
    this.now += ms;
  }
}

function poolOver(
  members: readonly FaultModelServer[],
  { clock = new HandClock(), limits = {} }: { clock?: Clock; limits?: Partial<ModelLimits> } = {},
): ChatModel {
  return createModelPool({
    baseUrls: members.map(({ url }) => url),
    apiKey: null,
    model: "test-model",
    events,
    clock,
    limits: { firstTokenMs: 8_000, betweenTokensMs: 8_000, ...limits },
  });
}

async function ask(model: ChatModel, overrides: Partial<ChatRequest> = {}): Promise<{ text: string; error?: unknown }> {
  let text = "";
  try {
    const signal = new AbortController().signal;
    const request = {
      messages: [],
      answerTokensMax: 8,
      conversationId: "c",
      userId: "u",
      traceId: "t",
      signal,
      ...overrides,
    };
    for await (const event of model.stream(request)) if (event.type === "text") text += event.text;
    return { text };
  } catch (error) {
    return { text, error };
  }
}

function requestsInAll(): number {
  return servers.reduce((sum, { requests }) => sum + requests.length, 0);
}

function hostOf(server: FaultModelServer): string {
  return new URL(server.url).host;
}

describe("choosing an endpoint", () => {
  test("a conversation keeps to one, and conversations spread over all", async () => {
    const model = poolOver(servers);
    for (let conversation = 0; conversation < 48; conversation += 1) {
      for (let turn = 0; turn < 2; turn += 1) await ask(model, { conversationId: `c${conversation}` });
      expect(answeredBy.at(-1)).toBe(answeredBy.at(-2));
    }
    expect(new Set(answeredBy).size).toBe(3);
  });

  test("when one leaves, only its own conversations move", async () => {
    const conversations = Array.from({ length: 24 }, (_, i) => `c${i}`);
    const homes = async (model: ChatModel) => {
      answeredBy = [];
      for (const conversationId of conversations) await ask(model, { conversationId });
      return answeredBy;
    };
    const before = await homes(poolOver(servers));
    const after = await homes(poolOver(servers.slice(0, 2)));
    const third = servers.slice(2).map(hostOf);
    for (const [i, home] of before.entries()) if (!third.includes(home)) expect(after[i]).toBe(home);
  });
});

describe("failing over", () => {
  test.each([
    ["500", fails(500)],
    ["503", fails(503)],
    ["401", fails(401)],
    ["a reset before the headers", { instead: "reset" as const }],
    ["a cut before any text", streams({ reasoning: "想" }, { end: true })],
    ["silence", { instead: "hang" as const }],
    ["an empty answer", streams({ finish: "stop" })],
  ])("%s at every endpoint but one is answered by that one", async (_fault, behaviour) => {
    const [one, two, three] = servers;
    one?.script(behaviour);
    two?.script(behaviour);
    three?.script(answers("好"));
    const model = poolOver(servers, { limits: { firstTokenMs: 600 } });
    for (const conversationId of ["a", "b", "c"]) expect(await ask(model, { conversationId })).toEqual({ text: "好" });
  });

  test("a server that is not there is passed over", async () => {
    const gone = await startFaultModelServer();
    await gone.stop();
    const model = poolOver([gone, ...servers.slice(0, 1)]);
    for (const conversationId of ["a", "b", "c", "d"])
      expect((await ask(model, { conversationId })).text).toBe("好的。");
    expect(failedAt.every(({ endpoint, code }) => endpoint === hostOf(gone) && code === "model_unreachable")).toBe(
      true,
    );
  });

  test("never happens once text is out", async () => {
    for (const server of servers) server.script(streams({ text: "说到" }, { waitMs: 50 }, { reset: true }));
    const { text, error } = await ask(poolOver(servers));
    expect(text).toBe("说到");
    expect(codeOf(error)).toBe("model_cut_short");
    expect(requestsInAll()).toBe(1);
  });

  test("never happens for a request that is invalid everywhere", async () => {
    for (const server of servers) server.script(fails(400));
    expect(codeOf((await ask(poolOver(servers))).error)).toBe("model_refused_request");
    expect(requestsInAll()).toBe(1);
  });

  test("ends with the last endpoint: one request each, the last failure told", async () => {
    for (const server of servers) server.script(fails(500));
    expect(codeOf((await ask(poolOver(servers))).error)).toBe("model_unreachable");
    expect(servers.map(({ requests }) => requests.length)).toEqual([1, 1, 1]);
    expect(failedAt).toHaveLength(3);
  });

  test("ends when the time for all tries is over", async () => {
    for (const server of servers) server.script({ instead: "hang" });
    const model = poolOver(servers, { clock: systemClock, limits: { firstTokenMs: 500, allTriesMs: 900 } });
    const from = performance.now();
    expect(codeOf((await ask(model)).error)).toBe("model_timeout");
    expect(performance.now() - from).toBeLessThan(4_000);
    expect(requestsInAll()).toBe(2);
  });

  test("stops at once when the caller aborts", async () => {
    for (const server of servers) server.script({ instead: "hang" });
    const controller = new AbortController();
    const asked = ask(poolOver(servers.slice(0, 1)), { signal: controller.signal });
    await servers[0]?.request(1);
    controller.abort(new Error("stop"));
    expect((await asked).error).toEqual(new Error("stop"));
    expect(failedAt).toEqual([]);
  });
});

describe("trying once more", () => {
  test("an overloaded server is asked again after the time that it named", async () => {
    const [server] = servers;
    const clock = new HandClock();
    server?.script([fails(429, {}, { "retry-after": "2" }), answers("好")]);
    expect(await ask(poolOver(servers.slice(0, 1), { clock }))).toEqual({ text: "好" });
    expect(clock.slept).toHaveLength(1);
    expect(clock.slept[0]).toBeGreaterThanOrEqual(2_000);
    expect(clock.slept[0]).toBeLessThan(2_600);
  });

  test.each([
    ["retry-after-ms", "1500", 1_500],
    ["retry-after", new Date(Date.now() + 3_600_000).toUTCString(), 600_000],
    ["retry-after", "30", 30_000],
    ["retry-after", "soon", undefined],
  ])("%s: %s is told to the caller as milliseconds", async (header, value, retryAfterMs) => {
    servers[0]?.script(fails(503, {}, { [header]: value }));
    const { error } = await ask(poolOver(servers.slice(0, 1)));
    expect(error).toMatchObject({ code: "model_overloaded", retryable: true, retryAfterMs });
  });

  test("a wait longer than the limit is not waited", async () => {
    const clock = new HandClock();
    servers[0]?.script(fails(429, {}, { "retry-after": "60" }));
    const { error } = await ask(poolOver(servers.slice(0, 1), { clock }));
    expect(error).toMatchObject({ code: "model_overloaded", retryAfterMs: 60_000 });
    expect(clock.slept).toEqual([]);
    expect(requestsInAll()).toBe(1);
  });

  test("a server that stays overloaded gets two requests and no more", async () => {
    servers[0]?.script(fails(529));
    expect(codeOf((await ask(poolOver(servers.slice(0, 1)))).error)).toBe("model_overloaded");
    expect(requestsInAll()).toBe(2);
  });

  test("three overloaded servers get four requests in all", async () => {
    for (const server of servers) server.script(fails(503));
    expect(codeOf((await ask(poolOver(servers))).error)).toBe("model_overloaded");
    expect(requestsInAll()).toBe(4);
  });

  test("a connection that was lost is tried once more", async () => {
    servers[0]?.script([{ instead: "reset" }, answers("好")]);
    expect(await ask(poolOver(servers.slice(0, 1)))).toEqual({ text: "好" });
  });

  test("is given up when the caller aborts while waiting", async () => {
    servers[0]?.script(fails(429, {}, { "retry-after": "5" }));
    const controller = new AbortController();
    const sleeping = Promise.withResolvers<void>();
    const clock: Clock = {
      nowMs: () => Date.now(),
      async sleep(ms, signal) {
        sleeping.resolve();
        await systemClock.sleep(ms, signal);
      },
    };
    const asked = ask(poolOver(servers.slice(0, 1), { clock }), { signal: controller.signal });
    await sleeping.promise;
    const reason = new YingdaError("turn_stopped", "stopped");
    controller.abort(reason);
    expect((await asked).error).toBe(reason);
    expect(requestsInAll()).toBe(1);
  });
});

describe("a dead endpoint", () => {
  const limits = { failuresToOpen: 3, openMs: 10_000 };

  async function openedPool(clock: HandClock): Promise<ChatModel> {
    const model = poolOver(servers.slice(0, 1), { clock, limits });
    servers[0]?.script(fails(500));
    for (let i = 0; i < 3; i += 1) await ask(model);
    return model;
  }

  test("is left alone after three failures in a row, and readiness says so", async () => {
    const clock = new HandClock();
    const model = poolOver(servers.slice(0, 1), { clock, limits });
    expect(model.health().endpoints).toMatchObject([{ endpoint: servers.map(hostOf)[0], ok: true }]);
    await openedPool(clock);
    const opened = await openedPool(clock);
    const before = requestsInAll();
    const { error } = await ask(opened);
    expect(error).toMatchObject({ code: "model_unreachable", retryable: true });
    expect(error instanceof YingdaError ? error.retryAfterMs : 0).toBeGreaterThan(0);
    expect(requestsInAll()).toBe(before);
    expect(opened.health().endpoints).toMatchObject([{ endpoint: servers.map(hostOf)[0], ok: false }]);
  });

  test("gets one request when its time is over, and all again when that one is answered", async () => {
    const clock = new HandClock();
    const model = await openedPool(clock);
    clock.now += 10_001;
    servers[0]?.script(answers("好".repeat(40), { everyMs: 5 }));
    const before = requestsInAll();
    const outcomes = await Promise.all([ask(model), ask(model), ask(model)]);
    expect(outcomes.map(({ error }) => (error === undefined ? "answered" : codeOf(error)))).toEqual([
      "answered",
      "model_unreachable",
      "model_unreachable",
    ]);
    expect(requestsInAll()).toBe(before + 1);
    expect(model.health().endpoints[0]?.ok).toBe(true);
    expect((await ask(model)).error).toBeUndefined();
  });

  test("is left alone again when that one request fails", async () => {
    const clock = new HandClock();
    const model = await openedPool(clock);
    clock.now += 10_001;
    await ask(model);
    const before = requestsInAll();
    await ask(model);
    expect(requestsInAll()).toBe(before);
  });

  test("that was asked by somebody who then left may be asked by the next", async () => {
    const clock = new HandClock();
    const model = await openedPool(clock);
    clock.now += 10_001;
    servers[0]?.script([{ instead: "hang" }, answers("好")]);
    const controller = new AbortController();
    const asked = ask(model, { signal: controller.signal });
    await servers[0]?.request(requestsInAll() + 1);
    controller.abort(new Error("left"));
    await asked;
    expect((await ask(model)).text).toBe("好");
  });

  test("is no reason to leave an overloaded one alone, nor one that refuses a request", async () => {
    const model = poolOver(servers.slice(0, 1), { limits });
    servers[0]?.script(fails(503));
    for (let i = 0; i < 4; i += 1) await ask(model);
    servers[0]?.script(fails(400));
    for (let i = 0; i < 4; i += 1) await ask(model);
    servers[0]?.script(answers("好"));
    expect((await ask(model)).text).toBe("好");
  });

  test("does not slow the conversations of the others", async () => {
    const model = poolOver(servers.slice(0, 2), { limits });
    servers[0]?.script(fails(500));
    for (let i = 0; i < 30; i += 1) expect((await ask(model, { conversationId: `c${i}` })).error).toBeUndefined();
    expect(servers[0]?.requests).toHaveLength(3);
  });
});

test.each(["", "not a url", "ftp://gpu/v1", "http://user:pass@gpu/v1", "http://gpu/v1?key=1"])(
  "the base URL %j is refused before the service starts, without being quoted",
  (url) => {
    const make = () => createModelPool({ baseUrls: [url], apiKey: null, model: "m", events, clock: systemClock });
    expect(make).toThrow(expect.objectContaining({ code: "bad_config" }));
    expect(make).not.toThrow(/user:|key=1/);
  },
);

test("no base URL at all is refused", () => {
  expect(() => createModelPool({ baseUrls: [], apiKey: null, model: "m", events, clock: systemClock })).toThrow(
    /names no endpoint/,
  );
});

test("the same address twice is one endpoint, and names say no more than is needed", () => {
  const baseUrls = ["http://gpu-1:8000/v1", "http://gpu-1:8000/v1/", "https://proxy.example/qwen/v1"];
  const model = createModelPool({ baseUrls, apiKey: null, model: "m", events, clock: systemClock });
  expect(model.health().endpoints.map(({ endpoint }) => endpoint)).toEqual(["gpu-1:8000", "proxy.example/qwen"]);
});
