import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { GuardKind } from "../../src/moderation/guard/guard.ts";
import type { Category } from "../../src/moderation/verdict.ts";
import { type ChatPart, exchangeIn, kindOf, replyOf } from "./guard-wire.ts";

/** What the server finds, in the service's own words; it answers in those of the kind that it was asked as. */
export interface ScriptedJudgement {
  level: "safe" | "controversial" | "unsafe";
  categories?: readonly Category[];
  refusal?: boolean;
  /** Silence before the answer. */
  afterMs?: number;
}

/**
 * `slow`: answers `safe` after `SLOW_MS`. `error`: 500. `overloaded`: 429. `hang`: never answers. `reset`: takes the
 * connection away before a word. `cut`: within the reply. `nonsense`: words that are no verdict. `empty`: no words.
 * `wrong-json`: JSON of another shape. `huge`: a body without an end. `html`: a page of some proxy, with status 200.
 */
export type GuardFault =
  | "slow"
  | "error"
  | "overloaded"
  | "hang"
  | "reset"
  | "cut"
  | "nonsense"
  | "empty"
  | "wrong-json"
  | "huge"
  | "html";

/** A judgement, a fault, or any response at all. */
export type GuardScript =
  | ScriptedJudgement
  | { fault: GuardFault }
  | { status?: number; headers?: Record<string, string>; body: string };

/** Longer than any deadline of a guard. */
export const SLOW_MS = 10_000;

export interface GuardServerRequest {
  /** What it was asked as, told from the request's shape. */
  kind: GuardKind;
  direction: "question" | "answer";
  /** As it arrived; empty where the kind does not send it. */
  question: string;
  answer: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: Record<string, unknown>;
  /** Who ended the exchange: `client` when it went away before the reply was complete. */
  closed: Promise<"client" | "server">;
}

export interface GuardServer {
  /** The base URL, `http://127.0.0.1:<port>/v1`. */
  url: string;
  /** All requests so far, in order of arrival. */
  requests: GuardServerRequest[];
  /** Holds for all following requests. At first everything is safe. */
  script(next: GuardScript | ((request: GuardServerRequest) => GuardScript)): void;
  /** Resolves to the request with this number, from 1, once it has arrived; rejects after 10 s. */
  request(number: number): Promise<GuardServerRequest>;
  stop(): Promise<void>;
}

/** A guard's server that finds what it is told, over real HTTP, for every kind of guard. Listens on a free port. */
export async function startGuardServer(): Promise<GuardServer> {
  const requests: GuardServerRequest[] = [];
  const waiting: { number: number; resolve: (request: GuardServerRequest) => void }[] = [];
  let script: (request: GuardServerRequest) => GuardScript = () => ({ level: "safe" });

  async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const stopped = new AbortController();
    const closed = once(outgoing, "close").then((): "client" | "server" => {
      stopped.abort();
      return outgoing.writableFinished || endedByUs.has(outgoing) ? "server" : "client";
    });
    const path = incoming.url ?? "";
    const body = await readJson(incoming);
    const kind = kindOf(path, body);
    const request = { kind, ...exchangeIn(kind, body), path, headers: incoming.headers, body, closed };
    requests.push(request);
    for (const { number, resolve } of waiting) if (number === requests.length) resolve(request);
    await perform(script(request), request, outgoing, stopped.signal);
  }

  const server = createServer((incoming, outgoing) => {
    // Whatever the client does to the connection is the test's business, never an unhandled rejection.
    answer(incoming, outgoing).catch(() => outgoing.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}/v1`,
    requests,
    script(next) {
      script = typeof next === "function" ? next : () => next;
    },
    async request(number) {
      const arrived = requests[number - 1];
      if (arrived !== undefined) return arrived;
      const signal = AbortSignal.timeout(ARRIVAL_MS_MAX);
      return new Promise((resolve, reject) => {
        waiting.push({ number, resolve });
        signal.addEventListener("abort", () => reject(new Error(`the guard server got no request number ${number}`)));
      });
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

const ARRIVAL_MS_MAX = 10_000;

/** Responses whose connection the server itself took away. */
const endedByUs = new WeakSet<ServerResponse>();

async function readJson(incoming: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString());
}

async function perform(
  script: GuardScript,
  request: GuardServerRequest,
  outgoing: ServerResponse,
  stopped: AbortSignal,
): Promise<void> {
  if ("fault" in script) return fail(script.fault, request, outgoing, stopped);
  if ("body" in script) return send(outgoing, script.status ?? 200, script.body, script.headers);
  if (script.afterMs !== undefined) await delay(script.afterMs, undefined, { signal: stopped });
  const { level, categories = [], refusal } = script;
  sendJson(outgoing, 200, replyOf(request, { level, categories, ...(refusal === undefined ? {} : { refusal }) }));
}

async function fail(
  fault: GuardFault,
  request: GuardServerRequest,
  outgoing: ServerResponse,
  stopped: AbortSignal,
): Promise<void> {
  switch (fault) {
    case "slow":
      await delay(SLOW_MS, undefined, { signal: stopped });
      return sendJson(outgoing, 200, replyOf(request, { level: "safe", categories: [] }));
    case "error":
      return sendJson(outgoing, 500, {
        error: { message: "scripted failure", type: "InternalServerError", code: 500 },
      });
    case "overloaded":
      return sendJson(outgoing, 429, { error: { message: "scripted overload", type: "rate_limit_error", code: 429 } });
    case "hang":
      return;
    case "reset":
      endedByUs.add(outgoing);
      outgoing.socket?.resetAndDestroy();
      return;
    case "cut": {
      const reply = JSON.stringify(replyOf(request, { level: "safe", categories: [] }));
      endedByUs.add(outgoing);
      outgoing.writeHead(200, { "content-type": "application/json", "content-length": reply.length });
      outgoing.write(reply.slice(0, reply.length / 2), () => outgoing.socket?.destroy());
      return;
    }
    case "nonsense":
      return sendJson(outgoing, 200, completion("It rather depends on how one looks at it, doesn't it?"));
    case "empty":
      return sendJson(outgoing, 200, completion(""));
    case "wrong-json":
      return sendJson(outgoing, 200, { object: "list", data: [] });
    case "html":
      return send(outgoing, 200, "<!doctype html><title>Please sign in</title>", { "content-type": "text/html" });
    case "huge":
      outgoing.writeHead(200, { "content-type": "application/json" });
      // Written until the client goes away.
      while (!stopped.aborted) {
        if (!outgoing.write(" ".repeat(64 * 1024))) await once(outgoing, "drain", { signal: stopped });
      }
  }
}

function completion(content: string): unknown {
  const message: ChatPart = { role: "assistant", content };
  return { object: "chat.completion", choices: [{ index: 0, message, finish_reason: "stop" }] };
}

function sendJson(outgoing: ServerResponse, status: number, body: unknown): void {
  send(outgoing, status, JSON.stringify(body), { "content-type": "application/json" });
}

function send(outgoing: ServerResponse, status: number, body: string, headers: Record<string, string> = {}): void {
  outgoing.writeHead(status, headers);
  outgoing.end(body);
}
