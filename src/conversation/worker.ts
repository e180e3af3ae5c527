import { codeOf, YingdaError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { ConversationDesk, ConversationLease, Conversations } from "../session/conversations.ts";
import { LEASE_DOUBT_MS, LEASE_RENEW_MS, leaseLost } from "../session/lease.ts";
import type { ShardReader, WakeUp, WakeUpSource } from "../session/wake-ups.ts";
import type { Reply } from "./reply.ts";
import { runTurn, setAside, type TurnParts } from "./turn.ts";
import { mustLeave } from "./turn-errors.ts";

/** Conversations one process holds at once. Past it, wake-ups stay in Redis for others, instead of memory here. */
const CONVERSATIONS_MAX = 400;
const READ_BLOCK_MS = 2_000;
const CLAIM_EVERY_MS = 2_000;
const FORGET_CONSUMERS_EVERY_MS = 600_000;
/** Pause after Redis failed, so that a dead Redis is not asked thousands of times a second. */
const STORE_PAUSE_MS = 500;
/** How long turns that were told to leave may take to hand over. */
const LEAVE_MS_MAX = 3_000;

export interface WorkerParts extends TurnParts {
  wakeUps: WakeUpSource;
  conversations: Conversations<Reply>;
  log: Logger;
}

/** Takes wake-ups, holds conversations, runs their turns one after another. */
export class ConversationWorker {
  readonly #parts: WorkerParts;
  readonly #held = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  readonly #leave = new AbortController();
  #loops: Promise<void>[] = [];

  constructor(parts: WorkerParts) {
    this.#parts = parts;
  }

  start(): void {
    const { readers } = this.#parts.wakeUps;
    this.#loops = [...readers.map((reader) => this.#readLoop(reader)), this.#claimLoop()];
  }

  /** Conversations held right now. */
  get busy(): number {
    return this.#held.size;
  }

  /** Takes nothing new; turns that run may finish within `graceMs`, the rest is handed over to other workers at once. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping.abort(draining());
    const { wakeUps } = this.#parts;
    // With Redis away there is nothing to interrupt: the wait has ended already.
    await wakeUps.interrupt().catch(() => undefined);
    await this.#atMost(graceMs, this.#allReleased());
    this.#leave.abort(draining());
    await this.#atMost(LEAVE_MS_MAX, this.#allReleased());
    await this.#atMost(READ_BLOCK_MS + STORE_PAUSE_MS, Promise.all(this.#loops));
  }

  async #atMost(ms: number, work: Promise<unknown>): Promise<void> {
    const done = new AbortController();
    const limit = this.#parts.clock.sleep(ms, done.signal).catch(() => undefined);
    await Promise.race([work, limit]);
    done.abort();
  }

  async #allReleased(): Promise<void> {
    while (this.#held.size > 0) await Promise.all(this.#held);
  }

  async #readLoop(reader: ShardReader): Promise<void> {
    const { wakeUps } = this.#parts;
    await this.#untilStopped(async () => {
      const room = CONVERSATIONS_MAX - this.#held.size;
      if (room <= 0) {
        await Promise.race(this.#held);
        return;
      }
      for (const wakeUp of await wakeUps.read(reader, room, READ_BLOCK_MS)) this.#hold(wakeUp);
    });
  }

  async #claimLoop(): Promise<void> {
    const { wakeUps, clock } = this.#parts;
    let forgetAtMs = clock.nowMs() + FORGET_CONSUMERS_EVERY_MS;
    await this.#untilStopped(async () => {
      await clock.sleep(CLAIM_EVERY_MS, this.#stopping.signal);
      if (this.#held.size >= CONVERSATIONS_MAX) return;
      for (const wakeUp of await wakeUps.claimAbandoned()) this.#hold(wakeUp);
      if (clock.nowMs() < forgetAtMs) return;
      forgetAtMs = clock.nowMs() + FORGET_CONSUMERS_EVERY_MS;
      await wakeUps.forgetDeadConsumers();
    });
  }

  /** Repeats `step` until the worker stops; a Redis that is away, or came back empty, only makes it pause. */
  async #untilStopped(step: () => Promise<void>): Promise<void> {
    const { wakeUps, clock, log } = this.#parts;
    let ready = false;
    while (!this.#stopping.signal.aborted) {
      try {
        if (!ready) await wakeUps.ensureGroups();
        ready = true;
        await step();
      } catch (error) {
        if (this.#stopping.signal.aborted) return;
        // NOGROUP: Redis lost its data; the groups are made anew on the next round.
        ready = false;
        log.debug({ err: error }, "the worker waits for Redis");
        await clock.sleep(STORE_PAUSE_MS);
      }
    }
  }

  #hold(wakeUp: WakeUp): void {
    const held = this.#holdConversation(wakeUp)
      .catch((error: unknown) => {
        // Whatever it was: the wake-up stays pending and is claimed again when it looks abandoned.
        this.#parts.log.warn({ err: error }, "a conversation was let go");
      })
      .finally(() => this.#held.delete(held));
    this.#held.add(held);
  }

  async #holdConversation(wakeUp: WakeUp): Promise<void> {
    const taken = await this.#parts.conversations.take(wakeUp);
    if (taken === null) return;
    const { lease, desk } = taken;
    const heartbeat = new Heartbeat(lease, this.#leave.signal, this.#parts);
    try {
      await this.#drain(lease, desk, heartbeat);
    } catch (error) {
      // Redis may take this and refuse that (out of memory): without a pause the two of us would go round in circles.
      if (codeOf(error) === "store_unavailable") await this.#parts.clock.sleep(STORE_PAUSE_MS);
      await lease.handOver();
    } finally {
      heartbeat.end();
    }
  }

  /** Turn after turn until the mailbox is empty or the worker stops. */
  async #drain(lease: ConversationLease, desk: ConversationDesk<Reply>, heartbeat: Heartbeat): Promise<void> {
    while (true) {
      this.#stopping.signal.throwIfAborted();
      const opened = await desk.open();
      if (opened === null) {
        if (await lease.release()) return;
        continue;
      }
      const stop = heartbeat.beginTurn(opened.message.id);
      try {
        await runTurn(opened, desk, { leave: heartbeat.leave, stop }, this.#parts);
      } catch (error) {
        if (mustLeave(error)) throw error;
        // A fault of ours that trying again would only repeat, for ever and at once.
        this.#parts.log.error({ err: error, traceId: opened.message.traceId }, "a turn could not be run");
        await setAside(opened, desk, error, this.#parts);
      }
    }
  }
}

/** Renews a lease while it is held, and passes on what it learns: that it is lost, or that the person wants to stop. */
class Heartbeat {
  readonly leave: AbortSignal;
  readonly #lost = new AbortController();
  readonly #ended = new AbortController();
  #turn: { messageId: string; stop: AbortController } | null = null;

  constructor(lease: ConversationLease, leave: AbortSignal, parts: WorkerParts) {
    this.leave = AbortSignal.any([leave, this.#lost.signal]);
    void this.#beat(lease, parts);
  }

  /** The signal that is aborted when a stop request arrives during this turn. */
  beginTurn(messageId: string): AbortSignal {
    const stop = new AbortController();
    this.#turn = { messageId, stop };
    return stop.signal;
  }

  end(): void {
    this.#ended.abort();
  }

  async #beat(lease: ConversationLease, parts: WorkerParts): Promise<void> {
    let renewedAtMs = parts.clock.nowMs();
    while (!this.#ended.signal.aborted) {
      try {
        await parts.clock.sleep(LEASE_RENEW_MS, this.#ended.signal);
        const stopId = await lease.renew();
        renewedAtMs = parts.clock.nowMs();
        // The stop request's own turn is not the one it is meant for.
        if (stopId !== null && this.#turn !== null && stopId !== this.#turn.messageId) {
          this.#turn.stop.abort(
            new YingdaError("turn_stopped", "The person asked to stop this answer.", { details: { stopId } }),
          );
        }
      } catch (error) {
        if (this.#ended.signal.aborted) return;
        const lost = error instanceof YingdaError && error.code === "lease_lost";
        if (lost || parts.clock.nowMs() - renewedAtMs > LEASE_DOUBT_MS) {
          this.#lost.abort(leaseLost());
          return;
        }
      }
    }
  }
}

function draining(): YingdaError {
  return new YingdaError("draining", "This process is shutting down; another worker goes on.");
}
