import { randomUUID } from "node:crypto";
import { WSClient, type WsFrame } from "@wecom/aibot-node-sdk";
import type { Clock } from "../base/clock.ts";
import { YingdaError } from "../base/errors.ts";
import type { Events } from "../base/events.ts";
import type { Logger } from "../base/logger.ts";
import type { Secret } from "../base/secret.ts";
import { BAD_SECRET, NOT_SUBSCRIBED, socketFailure } from "./socket-errors.ts";

export interface SocketPatience {
  /** From the open socket to the subscription; the vendor's client has no limit of its own (wecom-protocol 5.9, pitfall 7). */
  authMs: number;
  /** Before the first try to connect again; doubled each time, up to half a minute. */
  reconnectMs: number;
}

const PATIENCE: SocketPatience = { authMs: 10_000, reconnectMs: 1_000 };
const HEARTBEAT_MS = 30_000;
/** Bad credentials do not mend themselves; a few tries for a platform that was only confused. */
const AUTH_FAILURES_MAX = 3;
/** The vendor's client gives an ack so long; one that comes later would be taken for the next frame's (pitfall 4). */
const ACK_MS_MAX = 5_000;
/** After a missing ack nothing goes out on that req_id for so long, so that a late one meets nobody. */
const QUARANTINE_MS = 10_000;
/** So many frames in a row without an ack: the link is dead, though nobody said so. */
const SILENT_ACKS_MAX = 3;
/** Frames of one req_id that may wait for their turn: one under way, and the few parts of one answer. */
const REPLIES_WAITING_MAX = 50;
/** req_ids in quarantine at once; older ones are let go first. */
const QUARANTINED_MAX = 10_000;

export type SocketCommand =
  | "aibot_respond_msg"
  | "aibot_respond_welcome_msg"
  | "aibot_respond_update_msg"
  | "aibot_send_msg"
  | "aibot_upload_media_init"
  | "aibot_upload_media_chunk"
  | "aibot_upload_media_finish";

export interface SocketListener {
  /** A callback: its req_id, by which it is answered, and its body as of wecom-protocol 4.3 to 4.6. */
  callback(reqId: string, body: unknown): void;
  /** Subscribed: frames can be sent. */
  up(): void;
  /** Not any more; the connection is tried again by itself. */
  down(): void;
  /** Another connection of this bot took over (5.3). This one has ended and stays so until `connect`. */
  kicked(): void;
  /** WeCom does not take the bot's id or secret; nothing is tried until `connect`. */
  refused(): void;
}

export interface BotSocketOptions {
  url: string;
  botId: string;
  secret: Secret;
  events: Events;
  log: Logger;
  clock: Clock;
  listener: SocketListener;
  patience?: SocketPatience;
}

/**
 * The AI bot's long connection (wecom-protocol 5), through the vendor's client, with what that client leaves out: a limit
 * for authentication, acks that belong to their frame, errors that are errors, links that went silent, and no word of
 * anybody in the log. Which process may connect is decided elsewhere.
 */
export class BotSocket {
  readonly #options: BotSocketOptions;
  readonly #patience: SocketPatience;
  #client: WSClient | null = null;
  #ready = false;
  #authTimer: NodeJS.Timeout | null = null;
  #silentAcks = 0;
  #subscribeErrcode: number | null = null;
  readonly #quarantine = new Map<string, number>();

  constructor(options: BotSocketOptions) {
    this.#options = options;
    this.#patience = options.patience ?? PATIENCE;
  }

  /** Subscribed: frames are taken. */
  get isReady(): boolean {
    return this.#ready;
  }

  /** Begins to connect, and keeps trying. Does nothing on a connection that is there or under way. */
  connect(): void {
    if (this.#client !== null) return;
    const { url, botId, secret, log } = this.#options;
    const client = new WSClient({
      botId,
      secret: secret.reveal(),
      wsUrl: url,
      heartbeatInterval: HEARTBEAT_MS,
      reconnectInterval: this.#patience.reconnectMs,
      maxReconnectAttempts: -1,
      maxAuthFailureAttempts: AUTH_FAILURES_MAX,
      maxReplyQueueSize: REPLIES_WAITING_MAX,
      wsOptions: { maxPayload: FRAME_BYTES_MAX, handshakeTimeout: this.#patience.authMs },
      logger: quiet(log),
    });
    this.#client = client;
    this.#listen(client);
    client.connect();
  }

  /** Ends the connection; nothing is tried again until `connect`. */
  close(): void {
    const client = this.#client;
    this.#client = null;
    this.#stopAuthTimer();
    this.#setDown();
    if (client === null) return;
    client.removeAllListeners();
    // A closing client still reports errors of its socket; without a listener they would vanish anyway (pitfall 14).
    client.disconnect();
  }

  /** A req_id for a frame that answers no callback. */
  static newReqId(): string {
    return `yd-${randomUUID()}`;
  }

  /** Whether a frame on this req_id would go out at once: nothing waits for its ack, none was missed lately. */
  isFree(reqId: string): boolean {
    if (!this.#ready || this.#client === null) return false;
    return !this.#client.hasPendingReplyAck({ headers: { req_id: reqId } }) && !this.#isQuarantined(reqId);
  }

  /**
   * Sends one frame and resolves with its ack's body once WeCom has taken it.
   * @throws YingdaError `wecom_unreachable` (retryable; `details.sent` says whether WeCom may have it), `wecom_rate_limited`,
   *   `wecom_refused` with `details.errcode`.
   */
  async send(command: SocketCommand, reqId: string, body: Record<string, unknown>): Promise<unknown> {
    const client = this.#client;
    if (client === null || !this.#ready) throw notSent("the long connection is not there");
    if (this.#isQuarantined(reqId)) {
      throw notSent("an earlier frame of this answer got no ack; the next one waits", QUARANTINE_MS);
    }
    const { clock } = this.#options;
    const beganMs = clock.nowMs();
    try {
      const ack = await client.reply({ headers: { req_id: reqId } }, body, command);
      this.#silentAcks = 0;
      this.#told(command, 0, beganMs);
      return ack.body;
    } catch (error) {
      throw this.#failureOf(error, command, reqId, beganMs);
    }
  }

  #listen(client: WSClient): void {
    const { listener, log } = this.#options;
    const mine = (): boolean => this.#client === client;
    // An exception in a handler would be swallowed by the client (pitfall 2).
    const guarded = (what: string, run: () => void): void => {
      if (!mine()) return;
      try {
        run();
      } catch (error) {
        log.error({ err: error, what }, "a handler of the long connection failed");
      }
    };
    client.on("connected", () => guarded("connected", () => this.#awaitAuth(client)));
    client.on("authenticated", () => guarded("authenticated", () => this.#setUp()));
    client.on("disconnected", () =>
      guarded("disconnected", () => {
        this.#stopAuthTimer();
        this.#setDown();
      }),
    );
    // Only the general event: the one of the type fires as well (pitfall 1).
    client.on("message", (frame) => guarded("message", () => this.#take(frame)));
    client.on("event", (frame) => guarded("event", () => this.#take(frame)));
    client.on("event.disconnected_event", () =>
      guarded("disconnected_event", () => {
        this.close();
        listener.kicked();
      }),
    );
    client.on("error", (error) => guarded("error", () => this.#failed(error)));
  }

  #take(frame: WsFrame): void {
    const body: unknown = frame.body;
    if (isDisconnectedEvent(body)) return;
    this.#options.listener.callback(String(frame.headers.req_id), body);
  }

  #awaitAuth(client: WSClient): void {
    this.#stopAuthTimer();
    this.#authTimer = setTimeout(() => {
      if (this.#client !== client || this.#ready) return;
      this.#options.log.warn("the long connection was not authenticated in time; connecting again");
      this.#reconnect();
    }, this.#patience.authMs);
    this.#authTimer.unref();
  }

  #stopAuthTimer(): void {
    if (this.#authTimer !== null) clearTimeout(this.#authTimer);
    this.#authTimer = null;
  }

  #setUp(): void {
    this.#stopAuthTimer();
    this.#ready = true;
    this.#silentAcks = 0;
    this.#quarantine.clear();
    this.#options.listener.up();
  }

  #setDown(): void {
    if (!this.#ready) return;
    this.#ready = false;
    this.#options.listener.down();
  }

  #failed(error: Error): void {
    const { log, listener, events } = this.#options;
    const code = (error as { code?: unknown }).code;
    const refusedWith = /\(code: (-?\d+)\)/.exec(error.message)?.[1];
    if (refusedWith !== undefined) this.#subscribeErrcode = Number(refusedWith);
    if (code === "WS_AUTH_FAILURE_EXHAUSTED" && this.#subscribeErrcode !== BAD_SECRET) {
      // Busy, or too often: the client counts that as wrong credentials and gives up, we do not.
      log.warn({ errcode: this.#subscribeErrcode }, "the long connection's subscription was refused; connecting again");
      this.#reconnect();
      return;
    }
    if (code === "WS_AUTH_FAILURE_EXHAUSTED") {
      const advice =
        "WeCom does not accept the bot's id or secret; compare WECOM_BOT_ID and WECOM_BOT_SECRET with the console.";
      events.alert("wecom_bot_credentials", advice, { errcode: BAD_SECRET });
      this.close();
      listener.refused();
      return;
    }
    log.warn(
      { reason: typeof code === "string" ? code : error.name },
      "the long connection had a fault; it is tried again",
    );
  }

  /** The vendor's client, told to begin anew: `connect` on a client that thinks it is connected does nothing (pitfall 6). */
  #reconnect(): void {
    this.close();
    this.connect();
  }

  #failureOf(error: unknown, command: SocketCommand, reqId: string, beganMs: number): YingdaError {
    // A refusal rejects with the ack's frame, everything else with an Error (pitfall 3).
    const errcode = errcodeOf(error);
    if (errcode !== null) {
      this.#silentAcks = 0;
      this.#told(command, errcode, beganMs);
      // The subscription has died on a connection that lives (5.8): the sender's next try finds a new one.
      if (errcode === NOT_SUBSCRIBED) this.#reconnect();
      return socketFailure(command, errcode);
    }
    const late = this.#options.clock.nowMs() - beganMs >= ACK_MS_MAX;
    this.#told(command, late ? "no_ack" : "closed", beganMs);
    if (late) this.#missedAck(reqId);
    return new YingdaError("wecom_unreachable", "WeCom did not acknowledge a frame of the long connection", {
      retryable: true,
      ...(late ? { retryAfterMs: QUARANTINE_MS } : {}),
      details: { call: command, sent: "perhaps" },
    });
  }

  #missedAck(reqId: string): void {
    const [oldest] = this.#quarantine.keys();
    if (this.#quarantine.size >= QUARANTINED_MAX && oldest !== undefined) this.#quarantine.delete(oldest);
    this.#quarantine.set(reqId, this.#options.clock.nowMs() + QUARANTINE_MS);
    this.#silentAcks += 1;
    if (this.#silentAcks < SILENT_ACKS_MAX) return;
    this.#options.log.warn("the long connection acknowledges nothing any more; connecting again");
    this.#reconnect();
  }

  #isQuarantined(reqId: string): boolean {
    const untilMs = this.#quarantine.get(reqId);
    if (untilMs === undefined) return false;
    if (this.#options.clock.nowMs() < untilMs) return true;
    this.#quarantine.delete(reqId);
    return false;
  }

  #told(command: SocketCommand, errcode: number | string, beganMs: number): void {
    const { events, clock } = this.#options;
    events.wecomCalled({ call: command, errcode, tookMs: clock.nowMs() - beganMs });
  }
}

/** A callback is a few kilobytes; what is longer is not WeCom's and not worth the memory. */
const FRAME_BYTES_MAX = 4 * 1024 * 1024;

/** The client's words without anything that a frame holds: at debug level it would print whole messages (pitfall 11). */
function quiet(log: Logger) {
  const say = (message: string): string => message.split(/[:,{]/, 1)[0]?.slice(0, 120) ?? "";
  return {
    debug() {
      // Whole frames.
    },
    info: (message: string) => log.debug({ client: say(message) }, "long connection"),
    warn: (message: string) => log.info({ client: say(message) }, "long connection"),
    error: (message: string) => log.warn({ client: say(message) }, "long connection"),
  };
}

function isDisconnectedEvent(body: unknown): boolean {
  return (body as { event?: { eventtype?: unknown } } | null)?.event?.eventtype === "disconnected_event";
}

function errcodeOf(error: unknown): number | null {
  if (error instanceof Error || typeof error !== "object" || error === null || !("errcode" in error)) return null;
  return typeof error.errcode === "number" ? error.errcode : null;
}

function notSent(why: string, retryAfterMs?: number): YingdaError {
  return new YingdaError("wecom_unreachable", why, {
    retryable: true,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    details: { sent: "no" },
  });
}
