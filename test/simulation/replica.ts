import type { Events } from "../../src/base/events.ts";
import type { Logger } from "../../src/base/logger.ts";
import { parseCommand } from "../../src/conversation/commands.ts";
import { languageOf } from "../../src/conversation/texts.ts";
import { ConversationWorker } from "../../src/conversation/worker.ts";
import { appSink, BotSink } from "../../src/handlers/reply-sinks.ts";
import type { Conduct } from "../../src/session/conduct.ts";
import type { Kept } from "../../src/session/mailbox.ts";
import type { Message } from "../../src/session/message.ts";
import type { History } from "./history.ts";
import type { Random } from "./random.ts";
import type { Scenario } from "./scenario.ts";
import { SimulatedModel } from "./simulated-model.ts";
import { simulatedModerator } from "./simulated-moderator.ts";
import { simulatedConversations, simulatedWakeUps } from "./simulated-session.ts";
import type { SimulatedStore } from "./simulated-store.ts";
import type { SimulatedWeCom } from "./simulated-wecom.ts";
import { StoreLink } from "./store-link.ts";
import type { Life, VirtualTime } from "./virtual-time.ts";

const SESSION_TTL_MS = 3600_000;
const CONTEXT_TOKENS = 8_192;

/** Strikes have tests of their own; here nobody is ever paused. */
const BLAMELESS: Conduct = {
  standing: async () => ({ pausedUntilMs: null, restriction: null, struck: false, risk: 0 }),
  note: async () => null,
};

/** What all replicas of a world share. */
export interface Surroundings {
  time: VirtualTime;
  history: History;
  store: SimulatedStore;
  weCom: SimulatedWeCom;
  scenario: Scenario;
  isQuiet: () => boolean;
  events: Events;
  log: Logger;
}

/** One process of the service: the real worker and sinks, with everything outside it simulated. */
export class Replica {
  readonly life: Life;
  readonly #link: StoreLink;
  readonly #worker: ConversationWorker;
  readonly #surroundings: Surroundings;
  readonly #onEnd: () => void;
  #draining = false;

  /** `onEnd` is called when the process has ended, however. */
  constructor(name: string, random: Random, surroundings: Surroundings, onEnd: () => void) {
    const { time, history, store, weCom, scenario, isQuiet, events, log } = surroundings;
    this.#surroundings = surroundings;
    this.#onEnd = onEnd;
    this.life = time.life(name);
    this.#link = new StoreLink(store, this.life, random.fork());
    const { clock } = this.life;
    const wecom = weCom.clientsOf(this.life);
    const budget = {
      reserve: (userId: string) =>
        this.#link.call(`reserves a push to ${userId}`, () => {
          const waitMs = store.reference.reserve(userId);
          if (waitMs > 0) history.count("budget: no place for a push yet");
          return waitMs;
        }),
    };
    this.#worker = new ConversationWorker({
      conversations: simulatedConversations(store, this.#link, name),
      wakeUps: simulatedWakeUps(store, this.#link, name),
      moderator: simulatedModerator,
      conduct: BLAMELESS,
      model: new SimulatedModel({
        life: this.life,
        history,
        random: random.fork(),
        scenario,
        isQuiet,
        crash: () => this.crash(),
      }),
      systemPrompt: "",
      asksFor: [],
      contextTokens: CONTEXT_TOKENS,
      tokenScale: null,
      botName: "应答",
      usage: null,
      departmentOf: async () => null,
      nameOf: async (userId) => userId,
      sinkFor({ reply, receivedAtMs, text }, desk) {
        if (reply.kind === "app") return appSink(wecom, reply.toUser, budget);
        const { streamId, responseUrl } = reply;
        const language = languageOf(text);
        return new BotSink({ desk, streamId, responseUrl, responseUrls: wecom, receivedAtMs, language, clock });
      },
      memory: null,
      mergeWindowMs: 0,
      sessionTtlMs: SESSION_TTL_MS,
      turnTimeoutMs: scenario.turnTimeoutMs,
      events,
      log,
      clock,
    });
    // Woken by its start, as everything that a process does.
    this.life.wake(time.nowMs, () => this.#worker.start());
  }

  /** Whether it takes work, or will once it is not frozen any more. */
  get isWorking(): boolean {
    return !this.life.hasEnded && !this.#draining;
  }

  /** Takes a callback as the handlers do, to its very end; the answer reaches WeCom by `answered`, null for a 503. */
  takeCallback(message: Message, answered: (kept: Kept | null) => void): void {
    const { time, store, history } = this.#surroundings;
    this.life.wake(time.nowMs, () => {
      const received = { ...message, receivedAtMs: this.life.clock.nowMs() };
      const stops = parseCommand(message.text) === "stop";
      const keeping = this.#link.call(`keeps ${message.id}`, () => {
        const kept = store.reference.keep(received, { stops });
        if (kept.outcome === "kept" && !kept.repeated) history.keep(received);
        if (kept.repeated) history.count("callback: repeated");
        return kept;
      });
      keeping.then(answered, () => answered(null));
    });
  }

  /** Like kill -9. */
  crash(): void {
    if (this.life.hasEnded) return;
    this.life.endNow();
    this.#link.sever();
    this.#onEnd();
  }

  /** Like SIGTERM: stops taking callbacks, drains, exits. */
  stop(graceMs: number): void {
    if (this.#draining) return;
    this.#draining = true;
    const { time } = this.#surroundings;
    this.life.wake(time.nowMs, () => {
      void this.#worker.stop(graceMs).then(() => this.crash());
    });
  }
}
