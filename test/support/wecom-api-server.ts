import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Clock } from "../../src/base/clock.ts";
import { Events } from "../../src/base/events.ts";
import { createLogger } from "../../src/base/logger.ts";

export interface ApiRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  /** The body's characters as they came. */
  body: string;
  contentType: string | undefined;
}

/** A JSON object is answered with status 200; a function writes what it likes, or nothing at all. */
export type ApiAnswer = Record<string, unknown> | ((response: ServerResponse) => void);

export interface ApiServer {
  /** `http://127.0.0.1:<port>` */
  url: string;
  requests: ApiRequest[];
  /** How many requests for this path came so far. */
  count(path: string): number;
  /** Decides the answer; the `nth` request for its path is the first with 1. May be replaced at any time. */
  answer: (request: ApiRequest, nth: number) => ApiAnswer | Promise<ApiAnswer>;
  stop(): Promise<void>;
}

/** A bare HTTP server on a free port, for what only a real socket shows: time-outs, resets, endless answers. */
export async function startApiServer(): Promise<ApiServer> {
  const requests: ApiRequest[] = [];
  const server = createServer((incoming, response) => {
    void answerOne(incoming, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const count = (path: string) => requests.filter((request) => request.path === path).length;
  const api: ApiServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    count,
    answer: () => ({ errcode: 0 }),
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };

  async function answerOne(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(incoming.url ?? "/", api.url);
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const request = {
      method: incoming.method ?? "",
      path: url.pathname,
      query: url.searchParams,
      body: Buffer.concat(chunks).toString("utf8"),
      contentType: incoming.headers["content-type"],
    };
    requests.push(request);
    const answer = await api.answer(request, count(request.path));
    if (typeof answer === "function") answer(response);
    else response.setHeader("content-type", "application/json").end(JSON.stringify(answer));
  }

  return api;
}

/** A clock that a test moves; a sleep moves it on at once and is written down. */
export function steppedClock(startMs = 1_700_000_000_000): Clock & { now: number; slept: number[] } {
  const clock = {
    now: startMs,
    slept: [] as number[],
    nowMs: () => clock.now,
    async sleep(ms: number, signal?: AbortSignal) {
      signal?.throwIfAborted();
      clock.slept.push(ms);
      clock.now += ms;
      // Lets sockets and timers have their turn, so that a loop of sleeps does not starve what it waits for.
      await new Promise(setImmediate);
    },
  };
  return clock;
}

/** Events whose log lines are kept, for counting alerts and for looking whether a secret got into them. */
export function recordedEvents(): { events: Events; lines: string[]; alerts(): string[] } {
  const lines: string[] = [];
  const log = createLogger("trace", {
    write(line: string) {
      lines.push(line);
    },
  });
  return {
    events: new Events(log),
    lines,
    alerts: () => lines.map((line) => JSON.parse(line).alert).filter((alert) => alert !== undefined),
  };
}
