import type { Clock } from "../base/clock.ts";
import { YingdaError } from "../base/errors.ts";
import type { ChatEvent, ChatResult } from "../llm/chat-model.ts";
import { forbids, redacted, type StreamChecker, type Verdict } from "../moderation/verdict.ts";
import { GateWindows, wholeCharacters } from "./gate-windows.ts";

export type GateEvent =
  /** Before any text: the model has no place yet. Not a word of the answer. */
  | { type: "waiting"; position: number }
  /** The checked text so far: longer each time, safe to show. */
  | { type: "show"; text: string }
  /** The question turned out to be one that must not be answered; nothing was shown. Last event. */
  | { type: "refuse"; verdict: Verdict }
  /** The answer must not be shown, also not what was shown already; the upstream request is closed. Last event. */
  | { type: "withhold"; verdict: Verdict; withheldText: string }
  /** The whole, finally checked answer. Last event. */
  | { type: "end"; text: string; verdict: Verdict; result: ChatResult };

export interface GateParts {
  /** Begins the answer; aborting the signal closes the upstream request. */
  ask(signal: AbortSignal): AsyncIterable<ChatEvent>;
  checker: StreamChecker;
  /** The guard's word on the question, while the model begins to write; null when nobody was asked. */
  question: Promise<Verdict> | null;
  clock: Clock;
  signal: AbortSignal;
}

/** A model that pauses so long has its last words judged as they are, so that a slow sentence is not kept from its reader. */
const IDLE_MS = 400;

type Arrival =
  | { from: "model"; event: ChatEvent | null }
  | { from: "question"; verdict: Verdict }
  | { from: "guard"; judgedTo: number }
  | { from: "final"; verdict: Verdict }
  | { from: "clock" };

/**
 * Lets a streamed answer out only after it was checked. The model writes while the guard still reads the question; nothing is
 * shown before its word. Each delta is scanned at once, the tail that may still become part of a hit stays behind, spans
 * that the policy redacts are masked. Where there is a guard, it reads the answer in windows, one call at a time, and the
 * whole of it at the end. Leaving the loop, for whatever reason, closes the upstream request and the guard's.
 */
export async function* gate(parts: GateParts): AsyncGenerator<GateEvent, void, undefined> {
  const run = new GateRun(parts);
  try {
    for (;;) {
      const event = run.take(await run.next());
      if (event === null) continue;
      yield event;
      if (event.type !== "show" && event.type !== "waiting") return;
    }
  } finally {
    run.close();
  }
}

class GateRun {
  readonly #checker: StreamChecker;
  readonly #clock: Clock;
  readonly #closing = new AbortController();
  readonly #signal: AbortSignal;
  readonly #answer: AsyncIterator<ChatEvent>;
  readonly #windows = new GateWindows();
  #text = "";
  #shownUnits = 0;
  #judgedUnits = 0;
  #result: ChatResult | null = null;
  #verdict: Verdict | null = null;
  /** What is under way. */
  #model: Promise<Arrival> | null = null;
  #question: Promise<Arrival> | null;
  #guard: Promise<Arrival> | null = null;
  #idle: { wait: Promise<Arrival>; cancel(): void } | null = null;

  constructor({ ask, checker, question, clock, signal }: GateParts) {
    this.#checker = checker;
    this.#clock = clock;
    this.#signal = AbortSignal.any([signal, this.#closing.signal]);
    this.#answer = ask(this.#signal)[Symbol.asyncIterator]();
    this.#question = question === null ? null : question.then((verdict) => ({ from: "question", verdict }));
    this.#pull();
  }

  /** The next thing that happens. Throws what the model throws, and the signal's reason. */
  async next(): Promise<Arrival> {
    const waiting = [this.#model, this.#question, this.#guard, this.#idle?.wait ?? null].filter((one) => one !== null);
    return Promise.race(waiting);
  }

  /** What follows from it, if anything is to be said. */
  take(arrival: Arrival): GateEvent | null {
    switch (arrival.from) {
      case "model":
        return this.#takeModel(arrival.event);
      case "question":
        this.#question = null;
        if (forbids(arrival.verdict)) return { type: "refuse", verdict: arrival.verdict };
        break;
      case "guard":
        this.#guard = null;
        // Not the one that came with it: text may have been pushed since that was made.
        this.#verdict = this.#checker.verdict();
        this.#judgedUnits = arrival.judgedTo;
        break;
      case "final":
        this.#guard = null;
        this.#verdict = arrival.verdict;
        return this.#finish(arrival.verdict);
      case "clock":
        this.#idle = null;
        this.#judge(true);
        return null;
    }
    return this.#goOn();
  }

  close(): void {
    this.#closing.abort();
    this.#idle?.cancel();
    for (const open of [this.#model, this.#question, this.#guard]) open?.catch(() => undefined);
    void this.#answer.return?.().catch(() => undefined);
  }

  #takeModel(event: ChatEvent | null): GateEvent | null {
    this.#model = null;
    this.#idle?.cancel();
    this.#idle = null;
    if (event?.type === "waiting") {
      this.#pull();
      return event;
    }
    if (event?.type === "text") {
      this.#text += event.text;
      this.#verdict = this.#checker.push(event.text);
      this.#pull();
    } else if (event?.type === "end") this.#result = event.result;
    else
      throw new YingdaError("model_cut_short", "The model's stream ended without an end event.", { retryable: true });
    return this.#goOn();
  }

  /** After anything has changed: withhold, ask the guard on, show. */
  #goOn(): GateEvent | null {
    if (this.#verdict !== null && forbids(this.#verdict)) return this.#withhold(this.#verdict);
    this.#judge(false);
    return this.#show();
  }

  /** Begins the next call of the guard where one is due: one window, or at the end the whole. */
  #judge(pressed: boolean): void {
    if (this.#guard !== null) return;
    if (this.#result !== null) {
      // Nothing of a question that is still judged may be shown, so its end can wait for that word.
      if (this.#question === null) {
        this.#guard = this.#checker.finish(this.#signal).then((verdict) => ({ from: "final", verdict }));
      }
      return;
    }
    if (!this.#checker.guarded) return;
    const from = this.#judgedUnits;
    const judgedTo = this.#windows.next(this.#text, from, pressed);
    if (judgedTo !== null) {
      const judging = this.#checker.judge(from, judgedTo, this.#signal);
      this.#guard = judging.then(() => ({ from: "guard", judgedTo }));
    } else if (this.#text.length > from && this.#idle === null) this.#idle = this.#waitIdle();
  }

  #show(): GateEvent | null {
    // Once the model has ended nothing is held back any more: what is left is shown by the final check or not at all.
    if (this.#question !== null || this.#result !== null || this.#verdict === null) return null;
    const free = this.#text.length - this.#checker.holdBackUnits();
    const checked = this.#checker.guarded ? Math.min(free, this.#judgedUnits) : free;
    const units = wholeCharacters(this.#text, checked);
    if (units <= this.#shownUnits) return null;
    this.#shownUnits = units;
    return { type: "show", text: redacted(this.#text, this.#verdict.redactions).slice(0, units) };
  }

  #finish(verdict: Verdict): GateEvent {
    if (forbids(verdict) || this.#result === null) return this.#withhold(verdict);
    return { type: "end", text: redacted(this.#text, verdict.redactions), verdict, result: this.#result };
  }

  #withhold(verdict: Verdict): GateEvent {
    return { type: "withhold", verdict, withheldText: this.#text };
  }

  #pull(): void {
    this.#model = this.#answer
      .next()
      .then((step): Arrival => ({ from: "model", event: step.done === true ? null : step.value }));
  }

  #waitIdle(): { wait: Promise<Arrival>; cancel(): void } {
    const cancelled = new AbortController();
    const signal = AbortSignal.any([this.#signal, cancelled.signal]);
    const wait = this.#clock.sleep(IDLE_MS, signal).then((): Arrival => ({ from: "clock" }));
    wait.catch(() => undefined);
    return { wait, cancel: () => cancelled.abort() };
  }
}
