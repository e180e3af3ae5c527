import { timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { newMsgId } from "./bot-channel.ts";
import { Refusal } from "./errcodes.ts";
import type { Journal } from "./journal.ts";
import type { PlatformTiming, SocketBotCredentials } from "./platform-types.ts";
import type { SocketFaultSwitches } from "./socket-faults.ts";
import {
  ackText,
  type FrameNote,
  frameText,
  newReqId,
  readFrame,
  recordedText,
  type SocketCommand,
  type SocketFrame,
} from "./socket-frames.ts";
import { SocketLink } from "./socket-link.ts";
import { stringOr } from "./values.ts";

export interface SocketServerParts {
  bot: SocketBotCredentials;
  timing: PlatformTiming;
  faults: SocketFaultSwitches;
  journal: Journal;
  /** By cmd; `aibot_subscribe` and `ping` are the server's own. */
  commands: ReadonlyMap<string, SocketCommand>;
  nowMs: () => number;
}

/** Where the service connects, on the platform's port. The real one is the host's root (wecom-protocol 5.1). */
export const SOCKET_PATH = "/aibot";
/** Above a chunk of 512 KB in base64; a client cannot fill our memory with one frame. */
const FRAME_BYTES_MAX = 1024 * 1024;
/** Connections at a time; a client that leaks them is refused. */
const LINKS_MAX = 100;

/** The long connection's server (wecom-protocol 5.1 to 5.3): subscribes, heartbeats, one live connection for the bot, acks. */
export class SocketServer {
  readonly #parts: SocketServerParts;
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: FRAME_BYTES_MAX });
  readonly #links = new Set<SocketLink>();
  #live: SocketLink | undefined;

  constructor(parts: SocketServerParts) {
    this.#parts = parts;
  }

  /** Whether a connection is subscribed: only then messages go anywhere. */
  get connected(): boolean {
    return this.#live !== undefined;
  }

  /** Open connections, those without a subscription and those that were pushed out included. */
  get connections(): number {
    return this.#links.size;
  }

  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { pathname } = new URL(req.url ?? "/", "http://platform");
    if (pathname !== SOCKET_PATH || this.#links.size >= LINKS_MAX) {
      socket.end(`HTTP/1.1 ${pathname === SOCKET_PATH ? 503 : 404} Refused\r\nconnection: close\r\n\r\n`);
      return;
    }
    this.#server.handleUpgrade(req, socket, head, (webSocket) => {
      const link = new SocketLink(webSocket, this.#parts.timing.heartbeatTimeoutMs, {
        onText: (text) => this.#take(link, text),
        onClose: () => this.#forget(link),
      });
      this.#links.add(link);
    });
  }

  /** Sends a request to the live connection and records it. False when there is none: the message is lost (5.3). */
  deliver(frame: SocketFrame, kind: string, note: FrameNote): boolean {
    const link = this.#live;
    this.#record("to_service", kind, frameText(frame), link !== undefined, note);
    if (link === undefined) return false;
    if (this.#parts.faults.standing.silence !== "all") link.send(frameText(frame));
    return true;
  }

  /** Another process connects with the bot's secret: the live connection is told at once and closed later (5.3). */
  kick(): void {
    const link = this.#live;
    if (link === undefined) return;
    this.#setLive(undefined);
    const body = {
      msgid: newMsgId(),
      create_time: Math.floor(this.#parts.nowMs() / 1000),
      aibotid: this.#parts.bot.botId,
      msgtype: "event",
      event: { eventtype: "disconnected_event" },
    };
    const text = frameText({ cmd: "aibot_event_callback", reqId: newReqId(), body });
    this.#record("to_service", "event disconnected_event", text, true, {});
    if (this.#parts.faults.standing.silence !== "all") link.send(text);
    link.closeAfter(this.#parts.timing.kickCloseDelayMs);
  }

  /** Cuts every connection without a word. */
  drop(): void {
    if (this.connected) this.#setLive(undefined);
    for (const link of this.#links) link.terminate();
  }

  close(): void {
    this.drop();
    this.#server.close();
  }

  #setLive(link: SocketLink | undefined): void {
    this.#live = link;
    this.#parts.journal.emit({ type: "connection", connected: link !== undefined });
    this.#parts.journal.changed("socket");
  }

  #forget(link: SocketLink): void {
    this.#links.delete(link);
    if (this.#live !== link) return;
    this.#setLive(undefined);
  }

  #take(link: SocketLink, text: string): void {
    const { faults, journal } = this.#parts;
    if (faults.standing.silence === "all") return;
    const frame = readFrame(text);
    if (frame === undefined) {
      journal.violate("socket", "frame_malformed", "a frame is no JSON object with cmd and headers.req_id");
      return;
    }
    const startedMs = performance.now();
    const note: FrameNote = {};
    const { errcode, ack } = this.#answer(link, frame, note);
    if (frame.cmd === "ping") link.beat();
    const acked = faults.standing.silence === "none";
    const reply = { errcode, ...(acked ? { ack } : {}), tookMs: performance.now() - startedMs };
    this.#record("to_platform", frame.cmd, text, true, note, reply);
    if (acked) link.send(ack, faults.standing.ackDelayMs);
  }

  #answer(link: SocketLink, frame: SocketFrame, note: FrameNote): { errcode: number; ack: string } {
    try {
      const body = this.#command(link, frame, note);
      return { errcode: 0, ack: ackText(frame.reqId, 0, undefined, body) };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { errcode, fields } = error;
      const errmsg = typeof fields.errmsg === "string" ? fields.errmsg : undefined;
      return { errcode, ack: ackText(frame.reqId, errcode, errmsg, undefined) };
    }
  }

  #command(link: SocketLink, frame: SocketFrame, note: FrameNote): ReturnType<SocketCommand> {
    if (frame.cmd === "ping") return undefined;
    if (frame.cmd === "aibot_subscribe") {
      this.#subscribe(link, frame);
      return undefined;
    }
    if (this.#live !== link) throw new Refusal(846609);
    const struck = this.#parts.faults.strike();
    if (struck !== undefined) throw new Refusal(struck);
    const command = this.#parts.commands.get(frame.cmd);
    if (command !== undefined) return command(frame, note);
    this.#parts.journal.violate("socket", "frame_unknown", `there is no cmd ${frame.cmd.slice(0, 40)}`);
    throw new Refusal(40058);
  }

  #subscribe(link: SocketLink, frame: SocketFrame): void {
    const { bot, faults, journal } = this.#parts;
    const right = sameText(stringOr(frame.body.bot_id), bot.botId) && sameText(stringOr(frame.body.secret), bot.secret);
    if (!right || faults.standing.badCredentials) throw new Refusal(853000);
    if (this.#live === link) {
      journal.violate("socket", "subscribe_repeated", "a live connection subscribes once more");
      return;
    }
    this.kick();
    this.#setLive(link);
  }

  #record(
    direction: "to_service" | "to_platform",
    kind: string,
    text: string,
    went: boolean,
    note: FrameNote,
    reply?: { errcode: number; ack?: string; tookMs: number },
  ): void {
    const raw = recordedText(text);
    this.#parts.journal.record({
      atMs: this.#parts.nowMs(),
      direction,
      channel: "socket",
      kind,
      method: "WS",
      url: SOCKET_PATH,
      status: went ? 200 : 0,
      outcome: went ? "answered" : "unreachable",
      tookMs: reply?.tookMs ?? 0,
      raw,
      plain: raw,
      ...note,
      ...(reply === undefined ? {} : { errcode: reply.errcode }),
      ...(reply?.ack === undefined ? {} : { replyRaw: reply.ack, replyPlain: reply.ack }),
    });
  }
}

function sameText(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
