import type { Clock } from "../../base/clock.ts";
import { codeOf } from "../../base/errors.ts";
import type { Events } from "../../base/events.ts";
import type { Logger } from "../../base/logger.ts";
import { Rounds } from "../../base/rounds.ts";
import type { RedisConnection } from "../../session/redis.ts";
import type { SendBudget } from "../../session/send-budget.ts";
import type { Snapshots } from "../../session/snapshots.ts";
import type { SocketOutbox } from "../../session/socket-outbox.ts";
import { SEAT_RENEW_MS, SEAT_TTL_MS, type SocketSeat } from "../../session/socket-seat.ts";
import type { BotSocket, SocketListener } from "../../wecom/bot-socket.ts";
import type { SocketJob } from "./jobs.ts";
import { type CallbackParts, SocketCallbacks } from "./socket-callbacks.ts";
import { SocketSender } from "./socket-sender.ts";

/** WeCom did not take the bot's secret: tried again after this, in case the console was what was wrong. */
const REFUSED_REST_MS = 10 * 60_000;
/** An ack takes half a second (wecom-protocol 5.4); the shutdown's own time is short. */
const DRAIN_MS = 4_000;

/** What an operator is told of this process's part in the long connection. */
export type SocketState = "connected" | "connecting" | "standby" | "kicked" | "refused";

export interface SocketChannelParts extends Omit<CallbackParts, "socket"> {
  /** Makes the connection for a listener. */
  connectWith(listener: SocketListener): BotSocket;
  seat: SocketSeat;
  outbox: SocketOutbox<SocketJob>;
  reader: RedisConnection;
  snapshots: Snapshots;
  budget: SendBudget;
  clock: Clock;
  events: Events;
  log: Logger;
}

/**
 * The AI bot's long connection in this process: asks for the seat each second, connects as long as it has it, takes
 * callbacks in and sends the outbox. Of all processes one is connected; when it dies another has the seat within seconds.
 * A kick from outside is answered by nobody (wecom-protocol 5.3).
 */
export class SocketChannel {
  readonly #parts: SocketChannelParts;
  readonly #socket: BotSocket;
  readonly #callbacks: SocketCallbacks;
  readonly #sender: SocketSender;
  readonly #rounds: Rounds;
  #state: SocketState = "standby";
  /** While this process has the seat. */
  #sitting: { leave: AbortController; done: Promise<void> } | null = null;
  /** The connection was taken from us, and it is not known yet by whom. */
  #wasKicked = false;
  #refusedUntilMs = 0;
  #heldAtMs = Number.NEGATIVE_INFINITY;

  constructor(parts: SocketChannelParts) {
    const { clock } = parts;
    this.#parts = parts;
    this.#socket = parts.connectWith({
      callback: (reqId, body) => this.#callbacks.take(reqId, body),
      up: () => this.#connected(),
      down: () => {
        this.#setState("connecting");
        this.#yield();
      },
      kicked: () => {
        this.#wasKicked = true;
      },
      refused: () => {
        this.#refusedUntilMs = clock.nowMs() + REFUSED_REST_MS;
        this.#setState("refused");
      },
    });
    this.#sender = new SocketSender({ ...parts, socket: this.#socket });
    this.#callbacks = new SocketCallbacks({ ...parts, socket: this.#socket }, (address) => this.#sender.open(address));
    this.#rounds = new Rounds({ firstAfterMs: 0, everyMs: SEAT_RENEW_MS, clock, round: async () => this.#round() });
  }

  get state(): SocketState {
    return this.#state;
  }

  start(): void {
    this.#rounds.start();
  }

  /** Ends the connection and gives up the seat, so that another process connects at once. */
  async stop(): Promise<void> {
    await this.#callbacks.settle();
    await this.#sender.drain(DRAIN_MS);
    await this.#rounds.stop();
    this.#leave();
    await this.#parts.seat.standUp().catch(() => undefined);
  }

  async #round(): Promise<void> {
    try {
      if (this.#wasKicked) await this.#askWhoKicked();
      const seat = await this.#parts.seat.sit();
      if (seat === "held") this.#heldAtMs = this.#parts.clock.nowMs();
      // Thrown out while we asked: to connect now would be the answer that nobody may give.
      if (this.#wasKicked) return;
      if (seat === "held") this.#sit();
      else this.#leave();
      if (seat === "taken") this.#setState("standby");
      if (seat === "kicked") this.#setState("kicked");
    } catch (error) {
      // Redis is away: whoever is connected stays so, since WeCom lets one connection live only and messages keep coming.
      this.#yield();
      this.#parts.log.debug({ code: codeOf(error) }, "the seat at the long connection could not be renewed");
    }
  }

  async #askWhoKicked(): Promise<void> {
    const fromOutside = await this.#parts.seat.wasKickedFromOutside();
    this.#wasKicked = false;
    this.#leave();
    if (!fromOutside) return;
    this.#setState("kicked");
    const advice =
      "Another program connected with this bot's id and secret, and WeCom closed our connection. Nothing here connects again, " +
      "or both would throw each other out for ever: find and stop the other one, then restart the service.";
    this.#parts.events.alert("bot_kicked", advice);
  }

  #sit(): void {
    const { seat, clock } = this.#parts;
    if (this.#sitting === null) {
      const leave = new AbortController();
      this.#sitting = { leave, done: this.#sender.run(seat.token, leave.signal) };
      this.#setState("connecting");
    }
    if (clock.nowMs() >= this.#refusedUntilMs) this.#socket.connect();
  }

  /** Whose seat may be another's by now must not connect again on its own: it would throw that one out. */
  #yield(): void {
    if (this.#socket.isReady || this.#parts.clock.nowMs() - this.#heldAtMs < SEAT_TTL_MS) return;
    this.#socket.close();
  }

  #leave(): void {
    this.#socket.close();
    this.#sitting?.leave.abort();
    this.#sitting = null;
  }

  #connected(): void {
    this.#setState("connected");
    this.#sender.isUp();
  }

  #setState(state: SocketState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#parts.events.botSocketIs(state);
  }
}
