import { setImmediate } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import { codeOf, YingdaError } from "../../src/base/errors.ts";
import { Events } from "../../src/base/events.ts";
import { createLogger } from "../../src/base/logger.ts";
import { Secret } from "../../src/base/secret.ts";
import {
  createGuard,
  createJudgeOf,
  GUARD_KINDS,
  type Guard,
  type GuardKind,
  type GuardOptions,
  type GuardRequest,
} from "../../src/moderation/guard/guard.ts";
import type { GuardLimits } from "../../src/moderation/guard/guard-limits.ts";
import { type GuardFault, type GuardServer, startGuardServer } from "../support/guard-server.ts";
import { until } from "../support/until.ts";

const KEY = "sk-guard-secret";
const WORDS = "年终奖发多少";
/** Far longer than anything on loopback takes, on a busy machine too; tests of deadlines set their own. */
const PATIENT: Partial<GuardLimits> = { questionMs: 8_000, answerMs: 8_000 };
const SHORT_MS = 200;

let server: GuardServer;
let logged = "";
const intoLog = {
  write(line: string) {
    logged += line;
  },
};
let events = newEvents();

function newEvents(): Events {
  return new Events(createLogger("debug", intoLog));
}

beforeAll(async () => {
  server = await startGuardServer();
});

beforeEach(() => {
  logged = "";
  events = newEvents();
  server.requests.length = 0;
  server.script({ level: "safe" });
});

afterEach(() => {
  // Whatever went wrong, no line has the key or a word of the text.
  expect(logged).not.toContain(KEY);
  expect(logged).not.toContain(WORDS);
});

afterAll(async () => {
  await server.stop();
});

function modelOf(kind: GuardKind): string {
  return kind === "llama-guard" ? "meta-llama/Llama-Guard-3-8B" : `test-${kind}`;
}

function guardOf(kind: GuardKind, options: Partial<GuardOptions> = {}): Guard {
  const { limits, ...rest } = options;
  return createGuard({
    kind,
    baseUrl: server.url,
    apiKey: new Secret(KEY),
    model: modelOf(kind),
    events,
    clock: systemClock,
    limits: { ...PATIENT, ...limits },
    ...rest,
  });
}

function asking(request: Partial<GuardRequest> = {}): GuardRequest {
  const { signal } = new AbortController();
  return { direction: "question", question: WORDS, audience: "internal", traceId: "t-1", signal, ...request };
}

async function failureOf(judgement: Promise<unknown>): Promise<Record<string, unknown>> {
  try {
    return { code: "none", judgement: await judgement };
  } catch (error) {
    if (!(error instanceof YingdaError)) return { thrown: error };
    expect(error.message).not.toContain(WORDS);
    return { code: error.code, ...error.details };
  }
}

async function metric(name: string): Promise<string[]> {
  const text = await events.registry.getSingleMetricAsString(name);
  return text.split("\n").filter((line) => line.startsWith(name));
}

/** Time that moves only by hand; who sleeps wakes when it has come. */
class HandClock implements Clock {
  now = 1_000_000;
  readonly #sleepers = new Set<{ atMs: number; wake: () => void }>();

  nowMs(): number {
    return this.now;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      const sleeper = { atMs: this.now + ms, wake: resolve };
      this.#sleepers.add(sleeper);
      signal?.addEventListener("abort", () => {
        this.#sleepers.delete(sleeper);
        reject(signal.reason);
      });
    });
  }

  sleeping(): number {
    return this.#sleepers.size;
  }

  advance(ms: number): void {
    this.now += ms;
    for (const sleeper of this.#sleepers) {
      if (sleeper.atMs > this.now) continue;
      this.#sleepers.delete(sleeper);
      sleeper.wake();
    }
  }
}

describe("a guard of each kind, over HTTP", () => {
  test.each(GUARD_KINDS)(
    "%s: the request has the key, the model, the text; unsafe comes back as our category",
    async (kind) => {
      server.script({ level: "unsafe", categories: ["hate"] });
      const judgement = await guardOf(kind).judge(asking());
      expect(judgement).toMatchObject({ level: "unsafe", categories: ["hate"], model: modelOf(kind) });
      expect(judgement.tookMs).toBeGreaterThanOrEqual(0);
      const [request] = server.requests;
      expect(request).toMatchObject({ kind, direction: "question", question: WORDS, answer: "" });
      expect(request?.body.model).toBe(modelOf(kind));
      expect(request?.headers.authorization).toBe(`Bearer ${KEY}`);
      expect(request?.headers["x-request-id"]).toMatch(/^t-1-guard-1-/);
    },
  );

  test.each(GUARD_KINDS)(
    "%s: an answer is judged, with its question where the kind has a place for it",
    async (kind) => {
      server.script({ level: "safe" });
      const answer = "按公司制度来。";
      const judgement = await guardOf(kind).judge(asking({ direction: "answer", answer }));
      expect(judgement).toMatchObject({ level: "safe", categories: [] });
      const [request] = server.requests;
      const expected =
        kind === "openai-moderation" ? { question: answer } : { question: WORDS, answer, direction: "answer" };
      expect(request).toMatchObject(expected);
    },
  );

  test.each(["qwen3guard", "nemoguard", "judge"] as const)("%s: doubt comes back as controversial", async (kind) => {
    server.script({ level: "controversial", categories: ["illegal"] });
    expect(await guardOf(kind).judge(asking())).toMatchObject({ level: "controversial", categories: ["illegal"] });
  });

  test.each([
    ["qwen3guard", 0.96],
    ["llama-guard", 0.98],
  ] as const)("%s: the score comes from the log-probabilities", async (kind, score) => {
    server.script({ level: "unsafe", categories: ["illegal"] });
    expect((await guardOf(kind).judge(asking())).score).toBeCloseTo(score, 5);
  });

  test("a server without a key gets no authorization header", async () => {
    await guardOf("qwen3guard", { apiKey: null }).judge(asking());
    expect(server.requests[0]?.headers.authorization).toBeUndefined();
  });

  test("a long question is cut from the middle, and the question beside an answer to its beginning and end", async () => {
    const question = "a".repeat(9_000) + "b".repeat(9_000);
    const guard = guardOf("qwen3guard");
    await guard.judge(asking({ question }));
    await guard.judge(asking({ direction: "answer", question, answer: "c".repeat(20_000) }));
    expect(server.requests.map((one) => [one.question.length, one.answer.length])).toEqual([
      [8_000, 0],
      [500, 8_000],
    ]);
    expect(server.requests[0]?.question).toMatch(/^a+\n\[…\]\nb+$/);
  });

  test("blank text is safe without asking", async () => {
    const guard = guardOf("openai-moderation");
    expect(await guard.judge(asking({ question: " \n　" }))).toMatchObject({ level: "safe", categories: [] });
    expect(await guard.judge(asking({ direction: "answer", answer: "" }))).toMatchObject({ level: "safe" });
    expect(server.requests).toEqual([]);
  });

  test("an answer that was forgotten is a fault of ours, not a safe answer", async () => {
    expect(await failureOf(guardOf("qwen3guard").judge(asking({ direction: "answer" })))).toMatchObject({
      code: "internal",
    });
  });

  test("a lone surrogate in the text arrives as U+FFFD, since some servers fall over it", async () => {
    await guardOf("qwen3guard").judge(asking({ question: "a\ud800b" }));
    expect(server.requests[0]?.question).toBe("a\ufffdb");
  });

  test.each(["ftp://guard/v1", "http://user:pw@guard/v1", "http://guard/v1?key=1", "guard:8000"])(
    "%s as an address is refused",
    (baseUrl) => {
      expect(() => guardOf("qwen3guard", { baseUrl })).toThrow(expect.objectContaining({ code: "bad_config" }));
    },
  );
});

describe("a guard that fails", () => {
  const DEADLINE = { questionMs: SHORT_MS, answerMs: SHORT_MS };

  test.each<[GuardFault, Record<string, unknown>, number]>([
    ["error", { code: "guard_unreachable", reason: "server_error", status: 500 }, 2],
    ["overloaded", { code: "guard_overloaded", reason: "overloaded", status: 429 }, 2],
    ["reset", { code: "guard_unreachable", reason: "connection" }, 2],
    ["cut", { code: "guard_unreachable", reason: "connection" }, 2],
    ["nonsense", { code: "guard_nonsense", reason: "not_a_verdict" }, 1],
    ["empty", { code: "guard_nonsense", reason: "empty" }, 1],
    ["wrong-json", { code: "guard_nonsense", reason: "not_a_completion" }, 1],
    ["html", { code: "guard_nonsense", reason: "not_json" }, 1],
    ["huge", { code: "guard_nonsense", reason: "too_long" }, 1],
  ])("%s: an error with its code after the tries that help, and counted", async (fault, failure, tries) => {
    server.script({ fault });
    expect(await failureOf(guardOf("qwen3guard").judge(asking()))).toMatchObject(failure);
    expect(server.requests).toHaveLength(tries);
    expect(await metric("yingda_guard_calls_total")).toEqual([
      `yingda_guard_calls_total{kind="qwen3guard",direction="question",result="${String(failure.code)}"} 1`,
    ]);
    expect(logged).toContain('"guard failed"');
  });

  test.each<[GuardFault]>([["slow"], ["hang"]])(
    "%s: guard_timeout at the deadline, and the request is closed",
    async (fault) => {
      server.script({ fault });
      const guard = guardOf("qwen3guard", { limits: DEADLINE });
      expect(await failureOf(guard.judge(asking()))).toMatchObject({ code: "guard_timeout", reason: "late" });
      expect(await server.requests[0]?.closed).toBe("client");
    },
  );

  test.each([
    ["qwen3guard", "question", 1_500],
    ["qwen3guard", "answer", 800],
    ["judge", "question", 5_000],
    ["judge", "answer", 3_000],
  ] as const)("%s: a %s has %i ms unless the limits say otherwise", async (kind, direction, ms) => {
    server.script({ fault: "hang" });
    const clock = new HandClock();
    const guard = createGuard({ kind, baseUrl: server.url, apiKey: null, model: modelOf(kind), events, clock });
    let over = false;
    const failure = failureOf(guard.judge(asking({ direction, answer: "x" }))).finally(() => {
      over = true;
    });
    await server.request(1);
    clock.advance(ms - 1);
    await setImmediate();
    expect(over).toBe(false);
    clock.advance(1);
    expect(await failure).toMatchObject({ code: "guard_timeout", reason: "late" });
  });

  test("the deadline of an answer is its own", async () => {
    server.script({ fault: "hang" });
    const guard = guardOf("qwen3guard", { limits: { answerMs: SHORT_MS } });
    const judgement = guard.judge(asking({ direction: "answer", answer: "x" }));
    expect(await failureOf(judgement)).toMatchObject({ code: "guard_timeout" });
  });

  test("a body without an end is left after its limit", async () => {
    server.script({ fault: "huge" });
    await failureOf(guardOf("qwen3guard").judge(asking()));
    expect(await server.requests[0]?.closed).toBe("client");
  });

  test.each([
    [400, "guard_refused_request", "bad_request"],
    [401, "guard_refused_request", "credentials"],
    [404, "guard_refused_request", "unknown_model"],
    [307, "guard_refused_request", "redirected"],
    [503, "guard_overloaded", "overloaded"],
    [504, "guard_timeout", "gateway_timeout"],
  ])("status %i is %s", async (status, code, reason) => {
    server.script({ status, headers: { location: "http://127.0.0.1:1/" }, body: `{"error":"${WORDS}"}` });
    expect(await failureOf(guardOf("qwen3guard").judge(asking()))).toMatchObject({ code, reason, status });
  });

  test("nobody listening is guard_unreachable, with the network's word", async () => {
    const gone = await startGuardServer();
    await gone.stop();
    const guard = guardOf("qwen3guard", { baseUrl: gone.url });
    expect(await failureOf(guard.judge(asking()))).toMatchObject({ code: "guard_unreachable", hint: "ECONNREFUSED" });
  });

  test.each<[GuardFault]>([["error"], ["overloaded"], ["reset"], ["cut"]])(
    "%s once: the second try within the deadline brings the judgement",
    async (fault) => {
      server.script(() => (server.requests.length === 1 ? { fault } : { level: "unsafe", categories: ["illegal"] }));
      expect(await guardOf("llama-guard").judge(asking())).toMatchObject({ level: "unsafe" });
      expect(server.requests.map((one) => one.headers["x-request-id"])).toEqual([
        expect.stringMatching(/^t-1-guard-1-/),
        expect.stringMatching(/^t-1-guard-2-/),
      ]);
    },
  );

  test("a wait that the server asks for and the deadline has no room for is not begun", async () => {
    server.script({ status: 429, headers: { "retry-after": "60" }, body: "{}" });
    expect(await failureOf(guardOf("qwen3guard").judge(asking()))).toMatchObject({ code: "guard_overloaded" });
    expect(server.requests).toHaveLength(1);
  });

  test("a field that the server does not know is left out from then on", async () => {
    server.script(({ body }) =>
      "logprobs" in body || "top_logprobs" in body
        ? { status: 400, body: '{"error":{"message":"logprobs and top_logprobs are not supported"}}' }
        : { level: "unsafe", categories: ["hate"] },
    );
    const guard = guardOf("qwen3guard");
    expect(await guard.judge(asking())).toMatchObject({ level: "unsafe" });
    expect(await guard.judge(asking())).toMatchObject({ level: "unsafe" });
    expect(server.requests.map(({ body }) => "logprobs" in body)).toEqual([true, false, false]);
  });

  test("a field that the server only seems to name, since it quotes the text, is sent again the next time", async () => {
    server.script(({ question }) =>
      question.includes("top_logprobs")
        ? { status: 422, body: JSON.stringify({ detail: [{ msg: "no", input: question }] }) }
        : { level: "safe" },
    );
    const guard = guardOf("qwen3guard");
    const hostile = asking({ question: "top_logprobs" });
    expect(await failureOf(guard.judge(hostile))).toMatchObject({ reason: "bad_request", status: 422 });
    await guard.judge(asking());
    expect(server.requests.at(-1)?.body).toMatchObject({ logprobs: true, top_logprobs: 5 });
  });

  test("a server that refuses every field in turn ends in an error", async () => {
    server.script({ status: 400, body: "response_format, chat_template_kwargs, temperature and all else" });
    expect(await failureOf(guardOf("judge").judge(asking()))).toMatchObject({ code: "guard_refused_request" });
    expect(server.requests).toHaveLength(2);
  });
});

describe("the caller's signal", () => {
  test("aborting it closes the request upstream and throws its reason, uncounted", async () => {
    server.script({ fault: "hang" });
    const caller = new AbortController();
    const guard = guardOf("qwen3guard");
    const judgement = guard.judge(asking({ signal: caller.signal }));
    const request = await server.request(1);
    const reason = new YingdaError("turn_stopped", "stopped by the member");
    caller.abort(reason);
    await expect(judgement).rejects.toBe(reason);
    expect(await request.closed).toBe("client");
    expect(await metric("yingda_guard_calls_total")).toEqual([]);
    expect(guard.health().ok).toBe(true);
  });

  test("when it is aborted already nothing is sent", async () => {
    const reason = new Error("too late");
    await expect(guardOf("qwen3guard").judge(asking({ signal: AbortSignal.abort(reason) }))).rejects.toBe(reason);
    expect(server.requests).toEqual([]);
  });

  test("aborts, however many, do not open the breaker", async () => {
    server.script({ fault: "hang" });
    const guard = guardOf("qwen3guard");
    for (let number = 1; number <= 8; number += 1) {
      const caller = new AbortController();
      const judgement = guard.judge(asking({ signal: caller.signal }));
      await server.request(number);
      caller.abort(new Error("gone"));
      await expect(judgement).rejects.toThrow("gone");
    }
    expect(guard.health().ok).toBe(true);
  });
});

describe("the breaker", () => {
  function failing(kind: GuardKind = "qwen3guard") {
    const clock = new HandClock();
    const guard = guardOf(kind, { clock, limits: { questionMs: 1_500 } });
    const codeOfNext = async () => String((await failureOf(guard.judge(asking()))).code);
    return { clock, guard, codeOfNext };
  }

  test("five failures open it: it fails at once, shows it, alerts once; a good probe after 15 s closes it", async () => {
    const { clock, guard, codeOfNext } = failing();
    events.watchGuard(() => guard.health());
    const endpoint = new URL(server.url).host;
    server.script({ fault: "html" });
    for (let number = 0; number < 5; number += 1) expect(await codeOfNext()).toBe("guard_nonsense");
    expect(guard.health()).toEqual({ endpoint, ok: false });
    expect(await metric("yingda_guard_ok")).toEqual([`yingda_guard_ok{endpoint="${endpoint}"} 0`]);
    expect(await metric("yingda_alerts_total")).toEqual(['yingda_alerts_total{code="guard_away"} 1']);

    expect(await failureOf(guard.judge(asking()))).toMatchObject({ code: "guard_unreachable", reason: "left_alone" });
    expect(server.requests).toHaveLength(5);

    clock.advance(15_000);
    expect(await codeOfNext()).toBe("guard_nonsense");
    expect(await codeOfNext()).toBe("guard_unreachable");
    expect(server.requests).toHaveLength(6);

    clock.advance(15_000);
    server.script({ level: "safe" });
    expect(await codeOfNext()).toBe("none");
    expect(guard.health().ok).toBe(true);
    expect(await metric("yingda_alerts_total")).toEqual(['yingda_alerts_total{code="guard_away"} 1']);
    expect(await metric("yingda_guard_ok")).toEqual([`yingda_guard_ok{endpoint="${endpoint}"} 1`]);
  });

  test("a probe is one request without a second try, and nothing goes out beside it", async () => {
    const { clock, guard, codeOfNext } = failing();
    server.script({ fault: "wrong-json" });
    for (let number = 0; number < 5; number += 1) await codeOfNext();
    clock.advance(15_000);
    server.script({ fault: "error" });
    const probe = failureOf(guard.judge(asking()));
    expect(await codeOfNext()).toBe("guard_unreachable");
    expect(await probe).toMatchObject({ reason: "server_error" });
    expect(server.requests).toHaveLength(6);
  });

  test("time-outs count", async () => {
    const { clock, guard, codeOfNext } = failing();
    server.script({ fault: "hang" });
    for (let number = 1; number <= 5; number += 1) {
      const code = codeOfNext();
      await server.request(number);
      clock.advance(1_500);
      expect(await code).toBe("guard_timeout");
    }
    expect(guard.health().ok).toBe(false);
  });

  test("words that are no verdict do not open it: a text can bring them about, and would switch the guard off for all", async () => {
    const { guard, codeOfNext } = failing("judge");
    server.script({ fault: "nonsense" });
    for (let number = 0; number < 12; number += 1) expect(await codeOfNext()).toBe("guard_nonsense");
    expect(guard.health().ok).toBe(true);
  });
});

describe("many at once", () => {
  test("more than the limit under way fail at once and the others go on", async () => {
    const guard = guardOf("qwen3guard", { limits: { inFlightMax: 3 } });
    server.script(() => (server.requests.length <= 3 ? { fault: "hang" } : { level: "safe" }));
    const caller = new AbortController();
    const underWay = Array.from({ length: 3 }, () => guard.judge(asking({ signal: caller.signal })));
    await server.request(3);
    expect(await failureOf(guard.judge(asking()))).toMatchObject({
      code: "guard_overloaded",
      reason: "too_many_at_once",
    });
    caller.abort(new Error("enough"));
    const ends = await Promise.allSettled(underWay);
    expect(ends.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
    expect(await guard.judge(asking())).toMatchObject({ level: "safe" });
  });

  test("hundreds of judgements in a row leave no timer behind", async () => {
    const clock = new HandClock();
    const guard = guardOf("qwen3guard", { clock });
    for (let number = 0; number < 100; number += 1) await guard.judge(asking());
    await until(() => clock.sleeping() === 0, { what: "no deadline is left" });
  });
});

describe("a judge made of a chat model", () => {
  function judgeOf(complete: Parameters<typeof createJudgeOf>[0], limits: Partial<GuardLimits> = {}): Guard {
    return createJudgeOf(complete, { model: "main", events, clock: systemClock, limits });
  }

  test("gets the messages and is read as the kind `judge`", async () => {
    const seen: string[] = [];
    const guard = judgeOf(async (messages) => {
      seen.push(...messages.map(({ role }) => role));
      return '{"level":"unsafe","categories":["cyber"]}';
    });
    expect(guard.health()).toEqual({ endpoint: "chat-model", ok: true });
    expect(await guard.judge(asking())).toMatchObject({ level: "unsafe", categories: ["cyber"], model: "main" });
    expect(seen).toEqual(["system", "user"]);
    expect(await metric("yingda_guard_calls_total")).toEqual([
      'yingda_guard_calls_total{kind="judge",direction="question",result="unsafe"} 1',
    ]);
  });

  test.each([
    ["model_unreachable", "guard_unreachable"],
    ["model_overloaded", "guard_overloaded"],
    ["model_timeout", "guard_timeout"],
    ["model_refused_request", "guard_refused_request"],
    ["model_cut_short", "guard_nonsense"],
    ["model_empty", "guard_nonsense"],
  ] as const)("%s becomes %s", async (given, code) => {
    const guard = judgeOf(() => Promise.reject(new YingdaError(given, "the model failed")));
    expect(await failureOf(guard.judge(asking()))).toMatchObject({ code });
  });

  test("the model is asked once", async () => {
    let asked = 0;
    const guard = judgeOf(() => {
      asked += 1;
      return Promise.reject(new YingdaError("model_overloaded", "busy"));
    });
    await failureOf(guard.judge(asking()));
    expect(asked).toBe(1);
  });

  test("an error that is none of a model's is passed on as it is", async () => {
    const fault = new TypeError("a fault of ours");
    const thrown = await judgeOf(() => Promise.reject(fault))
      .judge(asking())
      .catch((error: unknown) => error);
    expect([thrown, codeOf(thrown)]).toEqual([fault, "internal"]);
  });

  test("a model that does not heed the signal is left at the deadline all the same", async () => {
    const guard = judgeOf(() => new Promise(() => undefined), { questionMs: SHORT_MS });
    expect(await failureOf(guard.judge(asking()))).toMatchObject({ code: "guard_timeout", reason: "late" });
  });

  test("its signal is aborted at the deadline and when the caller leaves", async () => {
    const reasons: unknown[] = [];
    const stopsWhenTold = (_messages: unknown, signal: AbortSignal) =>
      new Promise<string>((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          reasons.push(codeOf(signal.reason));
          reject(signal.reason);
        });
      });
    await failureOf(judgeOf(stopsWhenTold, { questionMs: SHORT_MS }).judge(asking()));
    const signal = AbortSignal.timeout(SHORT_MS);
    await failureOf(judgeOf(stopsWhenTold).judge(asking({ signal })));
    expect(reasons).toEqual(["guard_timeout", "internal"]);
  });
});
