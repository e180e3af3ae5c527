import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { codeOf, describe, YingdaError } from "./errors.ts";
import type { Logger } from "./logger.ts";

/** What a model pool tells of itself. */
export interface ModelState {
  endpoints: {
    endpoint: string;
    ok: boolean;
    running: number;
    limit: number;
    serverLoad: number | null;
    avoided: boolean;
  }[];
  waiting: number;
}

/**
 * One method for each thing that happens in the business: it moves the metric (few labels) and writes the log line
 * (details, never message text). Nothing else in the service counts or logs these.
 */
export class Events {
  readonly registry = new Registry();
  readonly #log: Logger;

  readonly #callbacks = this.#counter("yingda_callbacks_total", "Callbacks answered", ["channel", "kind", "status"]);
  readonly #callbackSeconds = this.#histogram(
    "yingda_callback_seconds",
    "Time from a callback's arrival to its answer",
    ["channel"],
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
  );
  readonly #kept = this.#counter("yingda_messages_total", "Messages by what became of them on arrival", [
    "channel",
    "outcome",
  ]);
  readonly #turns = this.#counter("yingda_turns_total", "Turns finished", ["channel", "outcome"]);
  readonly #stageSeconds = this.#histogram(
    "yingda_turn_stage_seconds",
    "Time of a turn's stages: wait (receipt to start), moderate, first_token, generate, deliver, total",
    ["stage"],
    [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
  );
  readonly #running = this.#gauge("yingda_turns_running", "Turns running in this process", []);
  readonly #queueAge = this.#gauge("yingda_queue_age_seconds", "Age of the last message taken, at its start", []);
  readonly #recovered = this.#counter("yingda_turns_recovered_total", "Turns taken over from a dead worker", []);
  readonly #modelTokens = this.#counter("yingda_model_tokens_total", "Tokens", ["model", "direction"]);
  readonly #modelCalls = this.#counter("yingda_model_calls_total", "Model requests by result", ["endpoint", "result"]);
  readonly #modelFirstToken = this.#histogram(
    "yingda_model_first_token_seconds",
    "Time to the first answer token",
    ["endpoint"],
    [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60],
  );
  readonly #modelWait = this.#histogram(
    "yingda_model_wait_seconds",
    "Wait for a place at the model, of requests that were answered",
    [],
    [0.001, 0.1, 0.5, 1, 3, 10, 30, 90],
  );
  readonly #guardCalls = this.#counter("yingda_guard_calls_total", "Guard judgements by result", [
    "kind",
    "direction",
    "result",
  ]);
  readonly #guardSeconds = this.#histogram(
    "yingda_guard_seconds",
    "Time of a guard's judgement, a second try included",
    ["kind", "direction"],
    [0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3, 5],
  );
  readonly #summaries = this.#counter("yingda_summaries_total", "Summaries of conversations by result", ["result"]);
  readonly #budgets = this.#counter("yingda_token_budget_turns_total", "Turns by what their token budget said", [
    "result",
  ]);
  readonly #verdicts = this.#counter("yingda_verdicts_total", "Moderation verdicts", ["direction", "action"]);
  readonly #sends = this.#counter("yingda_wecom_calls_total", "Calls to WeCom's API by errcode", ["call", "errcode"]);
  readonly #socketUp = this.#gauge("yingda_bot_socket_up", "1: this process holds the bot's long connection", []);
  readonly #pushes = this.#counter("yingda_pushes_total", "Messages of other systems by what became of them", [
    "channel",
    "type",
    "result",
  ]);
  readonly #records = this.#counter("yingda_records_total", "Records by result", ["result"]);
  readonly #recordsWaiting = this.#gauge("yingda_records_waiting", "Records in Redis, not yet in the database", []);
  readonly #alerts = this.#counter("yingda_alerts_total", "Things an operator must look at", ["code"]);

  #readGuard: (() => { endpoint: string; ok: boolean }) | null = null;

  constructor(log: Logger) {
    this.#log = log;
    const readGuard = () => this.#readGuard?.();
    new Gauge({
      name: "yingda_guard_ok",
      help: "1: the guard is used; 0: it failed several times and is left alone for a while",
      labelNames: ["endpoint"],
      registers: [this.registry],
      collect() {
        const state = readGuard();
        if (state !== undefined) this.set({ endpoint: state.endpoint }, state.ok ? 1 : 0);
      },
    });
  }

  callbackAnswered(e: { channel: string; kind: string; status: number; tookMs: number; error?: YingdaError }): void {
    this.#callbacks.inc({ channel: e.channel, kind: e.kind, status: String(e.status) });
    this.#callbackSeconds.observe({ channel: e.channel }, e.tookMs / 1000);
    const level = e.status >= 500 ? "error" : e.status >= 400 ? "warn" : "debug";
    const { error, ...facts } = e;
    const why = error === undefined ? {} : { code: error.code, why: error.message, ...error.details };
    this.#log[level]({ ...facts, ...why }, "callback answered");
  }

  messageTaken(e: { channel: string; outcome: "kept" | "repeated" | "busy"; traceId: string }): void {
    this.#kept.inc({ channel: e.channel, outcome: e.outcome });
    this.#log.info(e, "message taken");
  }

  turnStarted(e: { traceId: string; channel: string; attempt: number; waitedMs: number }): void {
    this.#running.inc();
    this.#queueAge.set(e.waitedMs / 1000);
    this.#stageSeconds.observe({ stage: "wait" }, e.waitedMs / 1000);
    if (e.attempt > 1) this.#recovered.inc();
    this.#log.info(e, "turn started");
  }

  turnStage(e: { traceId: string; stage: "moderate" | "first_token" | "generate" | "deliver"; tookMs: number }): void {
    this.#stageSeconds.observe({ stage: e.stage }, e.tookMs / 1000);
    this.#log.debug(e, "turn stage");
  }

  /** Every started turn ends here or in `turnLeft`. */
  turnFinished(e: { traceId: string; channel: string; outcome: string; code?: string; tookMs: number }): void {
    this.#running.dec();
    this.#turns.inc({ channel: e.channel, outcome: e.outcome });
    this.#stageSeconds.observe({ stage: "total" }, e.tookMs / 1000);
    this.#log.info(e, "turn finished");
  }

  /** A turn that could not be run to its end (it was left before) and never will be. */
  turnSetAside(e: { traceId: string; channel: string; code: string }): void {
    this.#turns.inc({ channel: e.channel, outcome: "failed" });
    this.#log.info({ ...e, outcome: "failed" }, "turn set aside");
  }

  /** The turn goes on in another process, or later: lease lost, shutdown, store away. */
  turnLeft(e: { traceId: string; error: unknown }): void {
    this.#running.dec();
    this.#log.warn(
      { traceId: e.traceId, code: codeOf(e.error), why: describe(e.error) },
      "turn left to another worker",
    );
  }

  /** Shows the state of the model endpoints, and how many requests wait for a place at them, as of each scrape. */
  watchModelEndpoints(read: () => ModelState): void {
    const show = (
      name: string,
      help: string,
      figureOf: (endpoint: ModelState["endpoints"][number]) => number,
    ): void => {
      new Gauge({
        name,
        help,
        labelNames: ["endpoint"],
        registers: [this.registry],
        collect() {
          for (const endpoint of read().endpoints) this.set({ endpoint: endpoint.endpoint }, figureOf(endpoint));
        },
      });
    };
    show(
      "yingda_model_endpoint_ok",
      "1: the endpoint is used; 0: it failed in a row and is left alone for a while",
      ({ ok }) => (ok ? 1 : 0),
    );
    show("yingda_model_running", "Requests of this process at the endpoint", ({ running }) => running);
    show("yingda_model_limit", "The most requests that this process sends there at once", ({ limit }) => limit);
    show("yingda_model_avoided", "1: much slower than the others, used when they have no room", ({ avoided }) =>
      avoided ? 1 : 0,
    );
    show(
      "yingda_model_server_load",
      "Requests at the endpoint as its server tells, its own queue included; -1: it does not tell",
      ({ serverLoad }) => serverLoad ?? -1,
    );
    new Gauge({
      name: "yingda_model_waiting",
      help: "Requests of this process that wait for a place at the model",
      registers: [this.registry],
      collect() {
        this.set(read().waiting);
      },
    });
  }

  modelAnswered(e: {
    traceId: string;
    endpoint: string;
    model: string;
    /** For a place at an endpoint. */
    waitedMs: number;
    firstTokenMs: number;
    promptTokens?: number;
    answerTokens?: number;
    /** Of the prompt's, those in the server's prefix cache. */
    cachedTokens?: number;
  }): void {
    this.#modelCalls.inc({ endpoint: e.endpoint, result: "ok" });
    this.#modelWait.observe(e.waitedMs / 1000);
    this.#modelFirstToken.observe({ endpoint: e.endpoint }, e.firstTokenMs / 1000);
    this.#modelTokens.inc({ model: e.model, direction: "prompt" }, e.promptTokens ?? 0);
    this.#modelTokens.inc({ model: e.model, direction: "cached" }, e.cachedTokens ?? 0);
    this.#modelTokens.inc({ model: e.model, direction: "answer" }, e.answerTokens ?? 0);
    this.#log.info(e, "model answered");
  }

  modelFailed(e: { traceId: string; endpoint: string; error: unknown }): void {
    const code = codeOf(e.error);
    this.#modelCalls.inc({ endpoint: e.endpoint, result: code });
    const details = e.error instanceof YingdaError ? e.error.details : {};
    this.#log.warn(
      { ...details, traceId: e.traceId, endpoint: e.endpoint, code, why: describe(e.error) },
      "model failed",
    );
  }

  /** Shows whether the guard is used (1) or left alone by its breaker (0), as of each scrape. */
  watchGuard(read: () => { endpoint: string; ok: boolean }): void {
    this.#readGuard = read;
  }

  guardAnswered(e: {
    traceId: string;
    endpoint: string;
    kind: string;
    direction: string;
    level: string;
    categories: string[];
    tookMs: number;
  }): void {
    this.#guardCalls.inc({ kind: e.kind, direction: e.direction, result: e.level });
    this.#guardSeconds.observe({ kind: e.kind, direction: e.direction }, e.tookMs / 1000);
    this.#log[e.level === "safe" ? "debug" : "info"](e, "guard answered");
  }

  guardFailed(e: {
    traceId: string;
    endpoint: string;
    kind: string;
    direction: string;
    tookMs: number;
    error: unknown;
  }): void {
    const { error, ...facts } = e;
    const code = codeOf(error);
    this.#guardCalls.inc({ kind: e.kind, direction: e.direction, result: code });
    this.#guardSeconds.observe({ kind: e.kind, direction: e.direction }, e.tookMs / 1000);
    const details = error instanceof YingdaError ? error.details : {};
    this.#log.warn({ ...details, ...facts, code, why: describe(error) }, "guard failed");
  }

  verdictGiven(e: {
    traceId: string;
    direction: string;
    action: string;
    categories: string[];
    rules: string[];
    caseNumber?: string;
  }): void {
    this.#verdicts.inc({ direction: e.direction, action: e.action });
    this.#log[e.action === "allow" ? "debug" : "info"](e, "verdict given");
  }

  /** `soft`: the smaller model answers; `member` and `department`: their budget of the day is spent, nobody answers. */
  budgetAsked(e: { traceId: string; result: "ok" | "soft" | "member" | "department"; tokens: number }): void {
    this.#budgets.inc({ result: e.result });
    this.#log[e.result === "ok" ? "debug" : "info"](e, "token budget asked");
  }

  /** `outdated`: the conversation had changed meanwhile; `refused`: moderation did not let it pass. */
  summaryMade(e: {
    traceId: string;
    result: "kept" | "outdated" | "refused" | "failed";
    turns: number;
    tookMs: number;
    error?: unknown;
  }): void {
    const { error, ...facts } = e;
    this.#summaries.inc({ result: e.result });
    const why = error === undefined ? {} : { code: codeOf(error), why: describe(error) };
    this.#log[e.result === "kept" ? "info" : "warn"]({ ...facts, ...why }, "conversation summed up");
  }

  wecomCalled(e: { call: string; errcode: number | string; tookMs: number; traceId?: string }): void {
    this.#sends.inc({ call: e.call, errcode: String(e.errcode) });
    this.#log[e.errcode === 0 ? "debug" : "warn"](e, "wecom called");
  }

  /** What this process has of the AI bot's long connection: `connected`, `connecting`, `standby`, `kicked`, `refused`. */
  botSocketIs(state: string): void {
    this.#socketUp.set(state === "connected" ? 1 : 0);
    this.#log.info({ state }, "long connection");
  }

  /** `by`: the system's name. `result`: `sent`, `repeated` (answered as before, nothing sent) or the error code. */
  pushAnswered(e: { by: string; id?: string; channel: string; type: string; result: string; error?: unknown }): void {
    const { error, ...facts } = e;
    this.#pushes.inc({ channel: e.channel, type: e.type, result: e.result });
    const details = error instanceof YingdaError ? error.details : {};
    const why = error === undefined ? {} : { ...details, why: describe(error) };
    this.#log[error === undefined ? "info" : "warn"]({ ...facts, ...why }, "push answered");
  }

  recordsWritten(count: number): void {
    this.#records.inc({ result: "written" }, count);
  }

  recordsDelayed(e: { waiting: number; error: unknown }): void {
    this.#records.inc({ result: "delayed" });
    this.#log.warn({ waiting: e.waiting, why: describe(e.error) }, "database away, records wait in Redis");
  }

  recordsWaiting(count: number): void {
    this.#recordsWaiting.set(count);
  }

  /** Something that only a person can mend. `code` is stable, `message` says what to do. */
  alert(code: string, message: string, details: Record<string, string | number> = {}): void {
    this.#alerts.inc({ code });
    this.#log.error({ alert: code, ...details }, message);
  }

  #counter<L extends string>(name: string, help: string, labelNames: L[]): Counter<L> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  #gauge<L extends string>(name: string, help: string, labelNames: L[]): Gauge<L> {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }

  #histogram<L extends string>(name: string, help: string, labelNames: L[], buckets: number[]): Histogram<L> {
    return new Histogram({ name, help, labelNames, buckets, registers: [this.registry] });
  }
}
