import type { WebSocket } from "ws";

export interface SocketLinkEvents {
  onText(text: string): void;
  onClose(): void;
}

/** One connection: it ends when its heartbeat is missing, and what it still had to send ends with it. */
export class SocketLink {
  readonly #socket: WebSocket;
  readonly #heartbeatTimeoutMs: number;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #heartbeat: ReturnType<typeof setTimeout>;

  constructor(socket: WebSocket, heartbeatTimeoutMs: number, events: SocketLinkEvents) {
    this.#socket = socket;
    this.#heartbeatTimeoutMs = heartbeatTimeoutMs;
    this.#heartbeat = this.#awaitBeat();
    socket.on("message", (data) => events.onText(data.toString()));
    // A broken frame or a reset ends in "close" too; without a listener it would end the process.
    socket.on("error", () => socket.terminate());
    socket.once("close", () => {
      clearTimeout(this.#heartbeat);
      for (const timer of this.#timers) clearTimeout(timer);
      events.onClose();
    });
  }

  /** A ping came. */
  beat(): void {
    clearTimeout(this.#heartbeat);
    if (this.#socket.readyState === this.#socket.OPEN) this.#heartbeat = this.#awaitBeat();
  }

  send(text: string, delayMs = 0): void {
    if (delayMs === 0) this.#socket.send(text);
    else this.#later(delayMs, () => this.#socket.send(text));
  }

  closeAfter(delayMs: number): void {
    this.#later(delayMs, () => this.#socket.close());
  }

  terminate(): void {
    this.#socket.terminate();
  }

  #awaitBeat(): ReturnType<typeof setTimeout> {
    return setTimeout(() => this.#socket.terminate(), this.#heartbeatTimeoutMs);
  }

  #later(delayMs: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, delayMs);
    this.#timers.add(timer);
  }
}
