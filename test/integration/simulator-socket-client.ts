import { WebSocket } from "ws";

/** A client of the long connection that sends what a test wants, right or wrong. */

export interface Ack {
  cmd?: string;
  headers: { req_id: string };
  errcode: number;
  errmsg: string;
  body?: Record<string, unknown>;
}

export interface Callback {
  cmd: string;
  headers: { req_id: string };
  // biome-ignore lint/suspicious/noExplicitAny: what came over the wire, looked into by the test
  body: any;
}

export interface RawClient {
  /** Sends a frame and resolves with its ack; frames of one req_id are acked in order. */
  request(cmd: string, body?: object, reqId?: string): Promise<Ack>;
  sendText(text: string): void;
  /** The next callback with this cmd, one that came already included. */
  next(cmd: string): Promise<Callback>;
  /** Callbacks with this cmd that nobody took. */
  waiting(cmd: string): number;
  /** Resolves when the connection has ended. */
  closed: Promise<void>;
  close(): void;
}

let serial = 0;

/** Resolves once the connection is open; rejects when it is refused. */
export async function connectRaw(url: string): Promise<RawClient> {
  const socket = new WebSocket(url);
  const acks = new Map<string, ((ack: Ack) => void)[]>();
  const callbacks: Callback[] = [];
  const takers: { cmd: string; take(callback: Callback): void }[] = [];
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.on("message", (data) => {
    const frame = JSON.parse(data.toString()) as Ack | Callback;
    if (!("body" in frame) || frame.cmd === undefined) {
      acks.get(frame.headers.req_id)?.shift()?.(frame as Ack);
      return;
    }
    const callback = frame as Callback;
    const index = takers.findIndex((taker) => taker.cmd === callback.cmd);
    if (index === -1) callbacks.push(callback);
    else takers.splice(index, 1)[0]?.take(callback);
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
  });
  return {
    request(cmd, body, reqId = `own-${++serial}`) {
      return new Promise((resolve) => {
        acks.set(reqId, [...(acks.get(reqId) ?? []), resolve]);
        socket.send(JSON.stringify({ cmd, headers: { req_id: reqId }, ...(body === undefined ? {} : { body }) }));
      });
    },
    sendText: (text) => socket.send(text),
    next(cmd) {
      const index = callbacks.findIndex((callback) => callback.cmd === cmd);
      const [callback] = index === -1 ? [] : callbacks.splice(index, 1);
      if (callback !== undefined) return Promise.resolve(callback);
      return new Promise((take) => takers.push({ cmd, take }));
    },
    waiting: (cmd) => callbacks.filter((callback) => callback.cmd === cmd).length,
    closed,
    close: () => socket.terminate(),
  };
}
