import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/**
 * A model server as the pool sees one: so many requests at once, a queue without end behind them, a prefix cache that makes a
 * conversation's next prompt cheap, and vLLM's figures on `/metrics`. Time runs ten times as fast as on a GPU.
 */
const SLOTS = 32;
const PREFILL_MS = 90;
const PREFILL_CACHED_MS = 30;
const PIECES = 8;
const PIECE_EVERY_MS = 20;

export type Health = "well" | "slow" | "dead";

export interface PoolServer {
  url: string;
  health: Health;
  requests: number;
  /** Requests whose conversation's prompt was in the cache. */
  cached: number;
  running(): number;
  stop(): Promise<void>;
}

const SLOWNESS: Record<Health, number> = { well: 1, slow: 6, dead: 1 };

export async function startPoolServer(health: Health, slots = SLOTS): Promise<PoolServer> {
  const seen = new Set<string>();
  const queue: (() => void)[] = [];
  let running = 0;

  const speak = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    incoming.resume();
    await once(incoming, "end");
    if (running >= slots) await new Promise<void>((resolve) => void queue.push(resolve));
    running += 1;
    try {
      const conversation = String(incoming.headers["x-session-id"]);
      const prefillMs = seen.has(conversation) ? PREFILL_CACHED_MS : PREFILL_MS;
      if (seen.has(conversation)) server.cached += 1;
      seen.add(conversation);
      await delay(prefillMs * SLOWNESS[server.health]);
      outgoing.writeHead(200, { "content-type": "text/event-stream" });
      for (let i = 0; i < PIECES; i += 1) {
        event(outgoing, { content: "这是一句话，" }, null);
        await delay(PIECE_EVERY_MS * SLOWNESS[server.health]);
      }
      event(outgoing, {}, "stop");
      outgoing.end("data: [DONE]\n\n");
    } finally {
      running -= 1;
      queue.shift()?.();
    }
  };

  const http = createServer((incoming, outgoing) => {
    if (server.health === "dead") {
      if (incoming.url !== "/metrics") server.requests += 1;
      incoming.socket.destroy();
      return;
    }
    if (incoming.url === "/metrics") {
      outgoing.end(`vllm:num_requests_running ${running}\nvllm:num_requests_waiting ${queue.length}\n`);
      return;
    }
    server.requests += 1;
    speak(incoming, outgoing).catch(() => outgoing.destroy());
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const { port } = http.address() as AddressInfo;
  const server: PoolServer = {
    url: `http://127.0.0.1:${port}/v1`,
    health,
    requests: 0,
    cached: 0,
    running: () => running,
    async stop() {
      http.closeAllConnections();
      http.close();
      await once(http, "close");
    },
  };
  return server;
}

function event(outgoing: ServerResponse, delta: object, finishReason: string | null): void {
  const chunk = { id: "x", object: "chat.completion.chunk", model: "bench" };
  outgoing.write(
    `data: ${JSON.stringify({ ...chunk, choices: [{ index: 0, delta, finish_reason: finishReason }] })}\n\n`,
  );
}
