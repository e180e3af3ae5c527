import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import { codeOf } from "../../src/base/errors.ts";
import { Secret } from "../../src/base/secret.ts";
import type { ChatEvent, ChatModel, ChatRequest } from "../../src/llm/chat-model.ts";
import type { ModelLimits } from "../../src/llm/model-limits.ts";
import { createModelPool, type ModelPoolOptions } from "../../src/llm/model-pool.ts";
import {
  answers,
  type FaultModelServer,
  fails,
  type RecordedRequest,
  startFaultModelServer,
  streams,
} from "../support/fault-model-server.ts";
import { until } from "../support/until.ts";

let servers: FaultModelServer[] = [];
let one: FaultModelServer;
let two: FaultModelServer;
let answered: { endpoint: string; model: string; waitedMs: number }[] = [];
const left = new AbortController();

beforeAll(async () => {
  servers = await Promise.all([startFaultModelServer(), startFaultModelServer()]);
  const [first, second] = servers;
  if (first === undefined || second === undefined) throw new Error("two servers were started");
  one = first;
  two = second;
});

beforeEach(() => {
  answered = [];
  for (const server of servers) {
    server.script([]);
    server.tell(null);
    server.requests.length = 0;
    server.metricsRequests.length = 0;
  }
});

afterEach(async () => {
  await until(() => servers.every((server) => server.running() === 0), { what: "the end of all upstream requests" });
});

afterAll(async () => {
  left.abort();
  await Promise.all(servers.map((server) => server.stop()));
});

const events = {
  modelAnswered: (e: { endpoint: string; model: string; waitedMs: number }) => void answered.push(e),
  modelFailed: () => undefined,
  alert: () => undefined,
};

/** The real time, with hours put in where a test wants them. */
class ShiftedClock implements Clock {
  aheadMs = 0;

  nowMs(): number {
    return systemClock.nowMs() + this.aheadMs;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    await systemClock.sleep(ms, signal);
  }
}

function poolOver(
  members: readonly FaultModelServer[],
  limits: Partial<ModelLimits> = {},
  options: Partial<ModelPoolOptions> = {},
): ChatModel {
  return createModelPool({
    baseUrls: members.map(({ url }) => url),
    apiKey: null,
    model: "test-model",
    events,
    clock: systemClock,
    limits: { firstTokenMs: 8_000, betweenTokensMs: 8_000, ...limits },
    ...options,
  });
}

interface Asked {
  text: string;
  waits: number[];
  error?: unknown;
}

function requestOf(overrides: Partial<ChatRequest>): ChatRequest {
  const userId = overrides.userId ?? "u";
  return {
    messages: [{ role: "user", content: userId }],
    answerTokensMax: 8,
    conversationId: `single:${userId}`,
    userId,
    traceId: "t",
    signal: left.signal,
    ...overrides,
  };
}

async function ask(model: ChatModel, overrides: Partial<ChatRequest> = {}): Promise<Asked> {
  const asked: Asked = { text: "", waits: [] };
  try {
    for await (const event of model.stream(requestOf(overrides))) {
      if (event.type === "text") asked.text += event.text;
      else if (event.type === "waiting") asked.waits.push(event.position);
    }
  } catch (error) {
    asked.error = error;
  }
  return asked;
}

const askers = (requests: readonly RecordedRequest[]) =>
  requests.map(({ body }) => bodyOf(body).messages?.[0]?.content);

function bodyOf(body: unknown): { messages?: { content: string }[]; [field: string]: unknown } {
  return body as { messages?: { content: string }[] };
}

/** One place, and an answer that takes a little. */
const ONE_PLACE = { runningStart: 1, runningMax: 1 };

describe("one member with two hundred messages", () => {
  test("delays another's first token by one turn at most", async () => {
    one.script(() => streams({ waitMs: 15 }, { text: "好" }, { finish: "stop" }, { done: true }));
    const model = poolOver([one], { ...ONE_PLACE, queueMax: 300 });
    const heavy = Array.from({ length: 200 }, (_, i) => ask(model, { userId: "heavy", conversationId: `group:${i}` }));
    await one.request(10);
    const others = ["lisi", "wangwu"].map((userId) => ask(model, { userId }));
    await Promise.all(others);
    // The tenth was running when they came; then it is their turn, one after the other.
    expect(askers(one.requests).slice(9, 12)).toEqual(["heavy", "lisi", "wangwu"]);
    const outcomes = await Promise.all(heavy);
    expect(outcomes.every(({ text }) => text === "好")).toBe(true);
  }, 30_000);

  test("does not get a second place while others have none", async () => {
    one.script(() => streams({ text: "好" }, { waitMs: 40 }, { finish: "stop" }, { done: true }));
    const model = poolOver([one], { runningStart: 4, runningMax: 4, queueMax: 300 });
    const asked = Array.from({ length: 40 }, (_, i) => ask(model, { userId: "heavy", conversationId: `group:${i}` }));
    await one.request(4);
    for (const userId of ["a", "b", "c", "d"]) asked.push(ask(model, { userId }));
    await one.request(8);
    expect(askers(one.requests).slice(4, 8).toSorted()).toEqual(["a", "b", "c", "d"]);
    await Promise.all(asked);
  }, 30_000);
});

describe("waiting for a place", () => {
  const TOLD = { ...ONE_PLACE, tellWaitAfterMs: 20, tellWaitEveryMs: 20 };

  test("is told with the position, which shrinks as others are served or leave", async () => {
    one.script([{ instead: "hang" }, answers("好")]);
    const model = poolOver([one], TOLD);
    const first = new AbortController();
    const second = new AbortController();
    const asked = [
      ask(model, { userId: "a", signal: first.signal }),
      ask(model, { userId: "b", signal: second.signal }),
    ];
    const waits: number[] = [];
    const third = (async () => {
      let text = "";
      for await (const event of model.stream(requestOf({ userId: "c" }))) {
        if (event.type === "waiting") waits.push(event.position);
        if (event.type === "text") text += event.text;
      }
      return text;
    })();
    await until(() => waits.includes(2), { what: "the second position" });
    expect(model.health()).toMatchObject({ waiting: 2, endpoints: [{ running: 1, limit: 1 }] });
    second.abort(new Error("stopped"));
    await until(() => waits.includes(1), { what: "the first position" });
    first.abort(new Error("stopped"));
    expect(await third).toBe("好");
    expect(waits).toEqual([2, 1]);
    for (const outcome of asked) expect((await outcome).error).toEqual(new Error("stopped"));
    // The one that left while it waited cost the server nothing.
    expect(askers(one.requests)).toEqual(["a", "c"]);
    expect(answered.at(-1)?.waitedMs).toBeGreaterThan(0);
  });

  test("is not told when there is a place", async () => {
    const asked = await ask(poolOver([one], { tellWaitAfterMs: 0 }));
    expect(asked).toEqual({ text: "好的。", waits: [] });
  });

  test("ends at once when the caller aborts", async () => {
    one.script({ instead: "hang" });
    const model = poolOver([one], ONE_PLACE);
    const running = new AbortController();
    const waiting = new AbortController();
    const held = ask(model, { signal: running.signal });
    const asked = ask(model, { userId: "b", signal: waiting.signal });
    await one.request(1);
    expect(model.health().waiting).toBe(1);
    const reason = new Error("stopped");
    waiting.abort(reason);
    expect((await asked).error).toBe(reason);
    expect(model.health().waiting).toBe(0);
    running.abort(reason);
    await held;
    expect(model.health().endpoints[0]?.running).toBe(0);
  });

  test("ends with a polite busy when it takes too long", async () => {
    one.script({ instead: "hang" });
    const model = poolOver([one], { ...ONE_PLACE, queueMs: 100 });
    const running = new AbortController();
    const held = ask(model, { signal: running.signal });
    const { error } = await ask(model, { userId: "b" });
    expect(error).toMatchObject({ code: "model_overloaded", details: { reason: "waited_too_long" } });
    running.abort();
    await held;
  });

  test("is refused at once when too many wait already, and the one with most waiting is the one to go", async () => {
    one.script({ instead: "hang" });
    const model = poolOver([one], { ...ONE_PLACE, queueMax: 3 });
    const running = new AbortController();
    const heavy = Array.from({ length: 5 }, (_, i) =>
      ask(model, { userId: "heavy", conversationId: `group:${i}`, signal: running.signal }),
    );
    expect(await heavy[4]).toMatchObject({ error: { code: "model_overloaded", details: { reason: "queue_full" } } });
    const light = ask(model, { userId: "light", signal: running.signal });
    expect(await heavy[3]).toMatchObject({ error: { code: "model_overloaded" } });
    expect(model.health().waiting).toBe(3);
    running.abort(new Error("over"));
    for (const outcome of [...heavy.slice(0, 3), light]) expect((await outcome).error).toEqual(new Error("over"));
  });

  test("ends when the last endpoint is left alone", async () => {
    one.script(() => fails(500, {}, {}));
    const model = poolOver([one], { ...ONE_PLACE, failuresToOpen: 2 });
    const outcomes = await Promise.all(Array.from({ length: 8 }, (_, i) => ask(model, { userId: `u${i}` })));
    expect(outcomes.map(({ error }) => codeOf(error))).toEqual(Array.from({ length: 8 }, () => "model_unreachable"));
    expect(one.requests).toHaveLength(2);
  });

  test("is over for the next as soon as the answer is, however long its reader takes over the end", async () => {
    const model = poolOver([one], ONE_PLACE);
    const slow = model.stream(requestOf({ userId: "slow" }));
    let last: ChatEvent | undefined;
    while (last?.type !== "end") last = (await slow.next()).value ?? undefined;
    expect((await ask(model, { userId: "b" })).text).toBe("好的。");
    await slow.return();
    expect(model.health().endpoints[0]?.running).toBe(0);
  });

  test("is not for what belongs to a turn that has begun", async () => {
    one.script(() => streams({ waitMs: 30 }, { text: "好" }, { finish: "stop" }, { done: true }));
    const model = poolOver([one], ONE_PLACE);
    const asked = ["a", "b", "c"].map((userId) => ask(model, { userId }));
    await one.request(1);
    asked.push(ask(model, { userId: "judge", urgent: true }));
    await Promise.all(asked);
    expect(askers(one.requests)).toEqual(["a", "judge", "b", "c"]);
  });
});

describe("the limit of an endpoint", () => {
  test("goes down when the server refuses, and up again with answers", async () => {
    const model = poolOver([one], { retryAfterMaxMs: 0, runningStart: 10 });
    one.script(fails(429, {}, { "retry-after": "30" }));
    await Promise.all(Array.from({ length: 10 }, (_, i) => ask(model, { userId: `u${i}` })));
    const cut = model.health().endpoints[0]?.limit ?? 0;
    expect(cut).toBeLessThan(10);
    one.script(() => answers("好", { everyMs: 20 }));
    await Promise.all(Array.from({ length: 120 }, (_, i) => ask(model, { userId: `u${i}` })));
    expect(model.health().endpoints[0]?.limit).toBeGreaterThan(cut);
  });
});

describe("the fallback model", () => {
  const small = () => ({ baseUrls: [two.url], apiKey: new Secret("sk-small"), model: "small" });

  test("answers while every endpoint of the main one is left alone, and is named as who answered", async () => {
    one.script(() => fails(500));
    const model = poolOver([one], { failuresToOpen: 2 }, { fallback: small() });
    for (let i = 0; i < 6; i += 1) expect((await ask(model)).text).toBe("好的。");
    expect(one.requests).toHaveLength(2);
    expect(new Set(answered.map((each) => each.model))).toEqual(new Set(["small"]));
    expect(two.requests[0]?.headers.authorization).toBe("Bearer sk-small");
    expect(bodyOf(two.requests[0]?.body).model).toBe("small");
  });

  test("answers who has waited for the main one, and nobody who has not", async () => {
    one.script(() => ({ instead: "hang" }));
    const model = poolOver([one], { ...ONE_PLACE, fallbackAfterMs: 100 }, { fallback: small() });
    const running = new AbortController();
    const held = ask(model, { userId: "a", signal: running.signal });
    await one.request(1);
    expect((await ask(model, { userId: "b" })).text).toBe("好的。");
    expect(answered.at(-1)).toMatchObject({ model: "small" });
    expect(answered.at(-1)?.waitedMs).toBeGreaterThanOrEqual(100);
    expect(model.health()).toMatchObject({ waiting: 0, endpoints: [{ running: 1 }, { running: 0, model: "small" }] });
    running.abort();
    await held;
  });

  test("answers who prefers it; the main one does when it is away", async () => {
    const model = poolOver([one], { failuresToOpen: 1 }, { fallback: small() });
    await ask(model, { prefer: "fallback" });
    expect(answered.at(-1)?.model).toBe("small");
    two.script(() => fails(500));
    expect((await ask(model, { prefer: "fallback" })).text).toBe("好的。");
    expect((await ask(model, { prefer: "fallback" })).text).toBe("好的。");
    expect(answered.map((each) => each.model)).toEqual(["small", "test-model", "test-model"]);
  });

  test("that is preferred where there is none is the main one", async () => {
    expect((await ask(poolOver([one]), { prefer: "fallback" })).text).toBe("好的。");
  });

  test("may be served where the main one is, under a name of its own", () => {
    const model = poolOver([one], {}, { fallback: { baseUrls: [one.url], apiKey: null, model: "small" } });
    const { host } = new URL(one.url);
    expect(model.health().endpoints.map(({ endpoint }) => endpoint)).toEqual([host, `${host} (small)`]);
  });
});

describe("an endpoint that is left alone while another serves", () => {
  test("is tried with a word of our own, once in a while, and used again when it answers", async () => {
    const clock = new ShiftedClock();
    one.script(() => fails(500));
    const model = poolOver(servers, { failuresToOpen: 1, openMs: 10_000 }, { clock });
    const askAll = async () => {
      for (let i = 0; i < 12; i += 1) expect((await ask(model, { userId: `u${i}` })).text).toBe("好的。");
    };
    await askAll();
    expect(one.requests).toHaveLength(1);
    clock.aheadMs += 10_001;
    await askAll();
    await until(() => one.requests.length === 2, { what: "the probe" });
    // Not a person's question.
    expect(askers(one.requests)[1]).toBe("ping");
    expect(bodyOf(one.requests[1]?.body).max_tokens).toBe(1);
    one.script([]);
    clock.aheadMs += 10_001;
    await askAll();
    await until(() => model.health().endpoints.every(({ ok }) => ok), { what: "the endpoint's return" });
    await askAll();
    expect(askers(one.requests).slice(3).length).toBeGreaterThan(0);
  });

  test("may hang: nobody waits for it", async () => {
    const clock = new ShiftedClock();
    one.script(() => fails(500));
    const model = poolOver(servers, { failuresToOpen: 1, openMs: 10_000, probeMs: 300 }, { clock });
    for (let i = 0; i < 6; i += 1) await ask(model, { userId: `u${i}` });
    one.script({ instead: "hang" });
    clock.aheadMs += 10_001;
    for (let i = 0; i < 6; i += 1) expect((await ask(model, { userId: `u${i}` })).text).toBe("好的。");
    await one.request(2);
    expect(one.requests).toHaveLength(2);
    await until(() => one.running() === 0, { what: "the probe's end" });
  });
});

describe("a slow endpoint", () => {
  test("is avoided while the other has room, and tried again after a while", async () => {
    const clock = new ShiftedClock();
    one.script(() => streams({ waitMs: 250 }, { text: "慢" }, { finish: "stop" }, { done: true }));
    const model = poolOver(servers, { slowFirstTokenMs: 100, slowAvoidedMs: 30_000 }, { clock });
    const askSome = async () => {
      for (let i = 0; i < 30; i += 1) await ask(model, { userId: `u${i}` });
      return one.requests.length;
    };
    const found = await askSome();
    expect(found).toBeLessThan(10);
    expect(model.health().endpoints.map(({ avoided }) => avoided)).toEqual([true, false]);
    expect(await askSome()).toBe(found);
    clock.aheadMs += 30_001;
    one.script([]);
    expect(await askSome()).toBeGreaterThan(found + 5);
    expect(model.health().endpoints.map(({ avoided }) => avoided)).toEqual([false, false]);
  });

  test("serves all the same when the other has no room", async () => {
    one.script(() => streams({ waitMs: 250 }, { text: "慢" }, { finish: "stop" }, { done: true }));
    const model = poolOver(servers, { ...ONE_PLACE, slowFirstTokenMs: 100 });
    for (let i = 0; i < 20; i += 1) await ask(model, { userId: `u${i}` });
    expect(model.health().endpoints.map(({ avoided }) => avoided)).toEqual([true, false]);
    two.script({ instead: "hang" });
    const running = new AbortController();
    const held = ask(model, { userId: "holder", signal: running.signal });
    await two.request(two.requests.length + 1);
    expect((await ask(model, { userId: "other" })).text).toBe("慢");
    running.abort();
    await held;
  });
});

describe("a server that tells of its load", () => {
  const busy = (running: number, waiting: number) =>
    [
      "# TYPE vllm:num_requests_running gauge",
      `vllm:num_requests_running{engine="0",model_name="m"} ${running}.0`,
      `vllm:num_requests_waiting{engine="0",model_name="m"} ${waiting}.0`,
      "",
    ].join("\n");

  test("is spared while it works for others, by conversations that belong to it too", async () => {
    one.tell(busy(40, 20));
    two.tell(busy(1, 0));
    const model = poolOver(servers, { loadEveryMs: 60_000 }, { apiKey: new Secret("sk-load") });
    await ask(model);
    await until(() => model.health().endpoints.every(({ serverLoad }) => serverLoad !== null), { what: "the figures" });
    one.requests.length = 0;
    for (let i = 0; i < 20; i += 1) await ask(model, { userId: `u${i}` });
    expect(one.requests).toHaveLength(0);
    expect(model.health().endpoints.map(({ serverLoad }) => serverLoad)).toEqual([60, 1]);
    expect(one.metricsRequests.map(({ authorization }) => authorization)).toEqual(["Bearer sk-load"]);
  });

  test("is not asked again when it has no such page", async () => {
    const model = poolOver([one], { loadEveryMs: 1 });
    for (let i = 0; i < 5; i += 1) {
      await ask(model);
      await delay(10);
    }
    expect(one.metricsRequests).toHaveLength(1);
    expect(model.health().endpoints[0]?.serverLoad).toBeNull();
  });
});

test("parameters join the request, a channel's in place of the general ones, the service's own above all", async () => {
  const general = { temperature: 0.6, top_p: 0.9, chat_template_kwargs: { enable_thinking: false } };
  const params = { general: { ...general, model: "other" }, byChannel: { app: { temperature: 0.1 } } };
  const model = poolOver([one], {}, { params });
  await ask(model, { channel: "app" });
  await ask(model, { channel: "bot" });
  await ask(model);
  const bodies = one.requests.map(({ body }) => bodyOf(body));
  expect(bodies.map(({ temperature }) => temperature)).toEqual([0.1, 0.6, 0.6]);
  for (const body of bodies) expect(body).toMatchObject({ model: "test-model", top_p: 0.9, stream: true });
  expect(bodies[0]?.chat_template_kwargs).toEqual({ enable_thinking: false });
});
