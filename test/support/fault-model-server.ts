import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** One thing that the server does in the middle of a stream. Everything but `raw` is framed as a server-sent event. */
export type Step =
  /** A delta of the answer. */
  | { text: string }
  /** A delta of reasoning; `field` is what the server calls it. */
  | { reasoning: string; field?: "reasoning" | "reasoning_content" }
  /** A finish reason; `finish: "stop"` is a whole answer. */
  | { finish: string }
  /** The chunk without choices that carries the figures. */
  | { usage: { prompt_tokens: number; completion_tokens: number } }
  /** Any event, as JSON. */
  | { event: unknown; name?: string }
  /** Bytes as they are. */
  | { raw: string | Uint8Array }
  | { waitMs: number }
  /** `data: [DONE]` */
  | { done: true }
  /** Says nothing more and keeps the connection until the client, or `stop`, closes it. */
  | { hang: true }
  /** Ends the response in good order, whether or not it is complete. */
  | { end: true }
  /** Resets the TCP connection. */
  | { reset: true };

/** How the server answers one request. */
export interface Behaviour {
  /** Default 200. */
  status?: number;
  headers?: Record<string, string>;
  /** Silence before the status line. */
  headersAfterMs?: number;
  /** Never answers; or takes the connection away instead. */
  instead?: "hang" | "reset";
  /** A plain body instead of a stream. */
  body?: string;
  /** A stream; ends in good order after the last step. */
  steps?: readonly Step[];
}

export interface RecordedRequest {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  /** The parsed JSON body; null for none. */
  body: unknown;
  /**
   * Resolves when the exchange is over: `client` when the client closed it before the answer was complete, else
   * `server`.
   */
  closed: Promise<"client" | "server">;
}

type Script = Behaviour | readonly Behaviour[] | ((request: RecordedRequest) => Behaviour);

export interface FaultModelServer {
  /** The base URL, `http://127.0.0.1:<port>/v1`. */
  url: string;
  /** All chat requests so far, in order of arrival. */
  requests: RecordedRequest[];
  /**
   * What comes next. One behaviour, or a function of the request, holds for all following requests; a list holds for
   * one request each and then the server answers normally again.
   */
  script(next: Script): void;
  /**
   * Resolves to the request with this number, from 1, once it has arrived; rejects after 10 s, so that a test fails
   * instead of hanging.
   */
  request(number: number): Promise<RecordedRequest>;
  /** Chat requests whose answer is still under way. */
  running(): number;
  /** The text of `/metrics`; null, as at the start, for a server that has no such page. */
  tell(metrics: string | null): void;
  /** Requests for `/metrics` so far. */
  metricsRequests: IncomingHttpHeaders[];
  stop(): Promise<void>;
}

/** A whole answer, in pieces of `pieceLength` characters. */
export function answers(
  text: string,
  options: { pieceLength?: number; everyMs?: number; reasoning?: string } = {},
): Behaviour {
  const pieceLength = options.pieceLength ?? 4;
  const steps: Step[] = options.reasoning === undefined ? [] : [{ reasoning: options.reasoning }];
  const characters = [...text];
  for (let at = 0; at < characters.length; at += pieceLength) {
    steps.push({ text: characters.slice(at, at + pieceLength).join("") });
    if (options.everyMs !== undefined) steps.push({ waitMs: options.everyMs });
  }
  const usage = { prompt_tokens: 12, completion_tokens: characters.length };
  return { steps: [...steps, { finish: "stop" }, { usage }, { done: true }] };
}

/** An HTTP error in the form of vLLM and OpenAI. */
export function fails(
  status: number,
  error: Record<string, unknown> = {},
  headers: Record<string, string> = {},
): Behaviour {
  const body = JSON.stringify({ error: { message: "scripted failure", type: "Scripted", code: status, ...error } });
  return { status, headers: { "content-type": "application/json", ...headers }, body };
}

/** A stream of exactly these steps. */
export function streams(...steps: Step[]): Behaviour {
  return { steps };
}

/**
 * A model server that does what it is told, over real HTTP: it speaks OpenAI's streaming chat completions and has all
 * the faults that vLLM, SGLang and the proxies before them show. Listens on a free port of 127.0.0.1.
 */
export async function startFaultModelServer(): Promise<FaultModelServer> {
  const requests: RecordedRequest[] = [];
  const waiting: { number: number; resolve: (request: RecordedRequest) => void }[] = [];
  let script: Script = [];
  const metricsRequests: IncomingHttpHeaders[] = [];
  let metrics: string | null = null;
  let running = 0;

  function nextBehaviour(request: RecordedRequest): Behaviour {
    if (typeof script === "function") return script(request);
    if (!isList(script)) return script;
    const [next, ...rest] = script;
    script = rest;
    return next ?? answers("好的。");
  }

  async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const path = incoming.url ?? "";
    if (path === "/metrics") metricsRequests.push(incoming.headers);
    if (path === "/metrics" && metrics !== null) {
      outgoing.writeHead(200, { "content-type": "text/plain; version=0.0.4" }).end(metrics);
      return;
    }
    if (path !== "/v1/chat/completions") {
      const models = { object: "list", data: [{ id: "test-model", object: "model" }] };
      outgoing.writeHead(path === "/v1/models" ? 200 : 404, { "content-type": "application/json" });
      outgoing.end(JSON.stringify(path === "/v1/models" ? models : { detail: "Not Found" }));
      return;
    }
    const stopped = new AbortController();
    const closed = new Promise<"client" | "server">((resolve) => {
      outgoing.once("close", () => {
        running -= 1;
        stopped.abort();
        resolve(outgoing.writableFinished || resetByUs.has(outgoing) ? "server" : "client");
      });
    });
    running += 1;
    const body = await readJson(incoming);
    const request = { method: incoming.method ?? "", path, headers: incoming.headers, body, closed };
    requests.push(request);
    for (const { number, resolve } of waiting) if (number === requests.length) resolve(request);
    await perform(nextBehaviour(request), outgoing, stopped.signal);
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
      script = next;
    },
    async request(number) {
      const arrived = requests[number - 1];
      if (arrived !== undefined) return arrived;
      const signal = AbortSignal.timeout(ARRIVAL_MS_MAX);
      return new Promise<RecordedRequest>((resolve, reject) => {
        waiting.push({ number, resolve });
        signal.addEventListener("abort", () => reject(new Error(`the model server got no request number ${number}`)));
      });
    },
    running: () => running,
    metricsRequests,
    tell(text) {
      metrics = text;
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
const resetByUs = new WeakSet<ServerResponse>();

function isList(script: Behaviour | readonly Behaviour[]): script is readonly Behaviour[] {
  return Array.isArray(script);
}

async function readJson(incoming: IncomingMessage): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  return text === "" ? null : JSON.parse(text);
}

async function perform(behaviour: Behaviour, outgoing: ServerResponse, stopped: AbortSignal): Promise<void> {
  if (behaviour.headersAfterMs !== undefined) await delay(behaviour.headersAfterMs, undefined, { signal: stopped });
  if (behaviour.instead === "hang") return;
  if (behaviour.instead === "reset") return reset(outgoing);
  const isStream = behaviour.body === undefined;
  outgoing.writeHead(behaviour.status ?? 200, {
    "content-type": isStream ? "text/event-stream" : "text/plain",
    ...behaviour.headers,
  });
  if (behaviour.body !== undefined) {
    outgoing.end(behaviour.body);
    return;
  }
  outgoing.flushHeaders();
  for (const step of behaviour.steps ?? []) {
    if ("waitMs" in step) await delay(step.waitMs, undefined, { signal: stopped });
    else if ("hang" in step) return;
    else if ("reset" in step) return reset(outgoing);
    else if ("end" in step) break;
    else if (!outgoing.write(bytesOf(step))) await once(outgoing, "drain", { signal: stopped });
  }
  outgoing.end();
}

function reset(outgoing: ServerResponse): void {
  resetByUs.add(outgoing);
  outgoing.socket?.resetAndDestroy();
}

function bytesOf(step: Exclude<Step, { waitMs: number } | { hang: true } | { end: true } | { reset: true }>) {
  if ("raw" in step) return step.raw;
  if ("done" in step) return "data: [DONE]\n\n";
  if ("event" in step) {
    const name = step.name === undefined ? "" : `event: ${step.name}\n`;
    return `${name}data: ${JSON.stringify(step.event)}\n\n`;
  }
  return `data: ${JSON.stringify(chunkOf(step))}\n\n`;
}

function chunkOf(
  step: Extract<Step, { text: string } | { reasoning: string } | { finish: string } | { usage: object }>,
) {
  const chunk = { id: "chatcmpl-1", object: "chat.completion.chunk", created: 1_790_000_000, model: "test-model" };
  if ("usage" in step) return { ...chunk, choices: [], usage: step.usage };
  const delta =
    "text" in step
      ? { content: step.text }
      : "reasoning" in step
        ? { [step.field ?? "reasoning"]: step.reasoning }
        : { content: "" };
  return { ...chunk, choices: [{ index: 0, delta, finish_reason: "finish" in step ? step.finish : null }] };
}
