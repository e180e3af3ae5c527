import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";

/** A frame of the long connection, either way (wecom-protocol 5.1). */
export interface WireFrame {
  cmd?: string;
  headers: { req_id: string };
  body?: Record<string, unknown>;
  errcode?: number;
  errmsg?: string;
}

/** What the server does with one frame; the default acknowledges it. */
export type Reaction = (
  frame: WireFrame,
  link: WebSocket,
) => "ack" | "silence" | { errcode: number } | { lateMs: number };

export interface ScriptedSocketServer {
  url: string;
  /** Every frame that came, pings left out. */
  frames: WireFrame[];
  links: WebSocket[];
  /** From now on. */
  react(reaction: Reaction): void;
  /** Sends a callback over the newest connection. */
  callback(cmd: "aibot_msg_callback" | "aibot_event_callback", reqId: string, body: Record<string, unknown>): void;
  stop(): Promise<void>;
}

/** A long connection's other end that does what a test says, right or wrong: the simulator only ever does what is right. */
export async function startSocketServer(): Promise<ScriptedSocketServer> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  let reaction: Reaction = () => "ack";
  const frames: WireFrame[] = [];
  const links: WebSocket[] = [];
  server.on("connection", (link) => {
    links.push(link);
    link.on("message", (data) => {
      const frame = JSON.parse(String(data)) as WireFrame;
      const ack = (errcode: number): void =>
        link.send(JSON.stringify({ headers: frame.headers, errcode, errmsg: errcode === 0 ? "ok" : "no" }));
      if (frame.cmd === "ping") return ack(0);
      frames.push(frame);
      const what = reaction(frame, link);
      if (what === "ack") ack(0);
      else if (what === "silence") return;
      else if ("errcode" in what) ack(what.errcode);
      else setTimeout(() => ack(0), what.lateMs);
    });
  });
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    frames,
    links,
    react(next) {
      reaction = next;
    },
    callback(cmd, reqId, body) {
      links.at(-1)?.send(JSON.stringify({ cmd, headers: { req_id: reqId }, body }));
    },
    async stop() {
      for (const link of links) link.terminate();
      server.close();
      await once(server, "close");
    },
  };
}
