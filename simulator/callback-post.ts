import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";

export interface CallbackReply {
  status: number;
  contentType: string;
  body: Buffer;
}

export type CallbackResult = { url: string; tookMs: number } & (
  | { outcome: "answered"; reply: CallbackReply }
  /** The platform cut the connection after its time limit. */
  | { outcome: "timed_out" }
  | { outcome: "unreachable" }
);

export interface CallbackPostOptions {
  /**
   * Addresses of the service, as a load balancer in front of its replicas has them: every request takes the next one in
   * turn, and one that cannot be connected to is passed over.
   */
  urls(): readonly string[];
  /** `new` for every request, as from WeCom's changing addresses; `kept` spares a benchmark the handshakes. */
  connections: "new" | "kept";
  signal: AbortSignal;
}

export interface CallbackRequest {
  method: "GET" | "POST";
  query: string;
  contentType?: string;
  body?: string;
  timeoutMs: number;
}

/** A stream reply may carry ten pictures of 10 MB in base64 (wecom-protocol 4.7); anything past this is cut. */
const REPLY_BYTES_MAX = 160 * 1024 * 1024;
/** Callbacks come from changing addresses (4.8); these are of a documentation range, seen in `x-forwarded-for`. */
const CALLER_NETWORK = "198.51.100.";
const CALLERS = 250;
const SOCKETS_MAX = 512;

/** Sends one callback at a time limit, over the service's addresses in turn. */
export class CallbackPost {
  readonly #options: CallbackPostOptions;
  readonly #agents: { http: HttpAgent; https: HttpsAgent };
  #turn = 0;
  #caller = 0;

  constructor(options: CallbackPostOptions) {
    this.#options = options;
    const agentOptions = { keepAlive: options.connections === "kept", maxSockets: SOCKETS_MAX };
    this.#agents = { http: new HttpAgent(agentOptions), https: new HttpsAgent(agentOptions) };
  }

  async send(request: CallbackRequest): Promise<CallbackResult> {
    const urls = this.#options.urls();
    const startedMs = performance.now();
    let url = urls[0] ?? "";
    for (let passedOver = 0; passedOver < urls.length; passedOver += 1) {
      url = urls[this.#turn++ % urls.length] ?? url;
      const leftMs = request.timeoutMs - (performance.now() - startedMs);
      if (leftMs <= 0) break;
      const result = await this.#sendTo(url, request, leftMs);
      const tookMs = performance.now() - startedMs;
      if (result === "timed_out") return { outcome: "timed_out", url, tookMs };
      if (result === "broken") return { outcome: "unreachable", url, tookMs };
      if (result !== "refused") return { outcome: "answered", url, tookMs, reply: result };
    }
    return { outcome: "unreachable", url, tookMs: performance.now() - startedMs };
  }

  close(): void {
    this.#agents.http.destroy();
    this.#agents.https.destroy();
  }

  /** `refused`: not connected, another address may take it. `broken`: the service may have it, so no other address may. */
  #sendTo(
    url: string,
    request: CallbackRequest,
    timeoutMs: number,
  ): Promise<CallbackReply | "timed_out" | "refused" | "broken"> {
    const target = new URL(url);
    target.search = target.search === "" ? request.query : `${target.search.slice(1)}&${request.query}`;
    const secure = target.protocol === "https:";
    return new Promise((resolve) => {
      const req = (secure ? httpsRequest : httpRequest)(target, {
        method: request.method,
        agent: secure ? this.#agents.https : this.#agents.http,
        signal: this.#options.signal,
        headers: {
          accept: "*/*",
          "user-agent": "Mozilla/4.0",
          "x-forwarded-for": `${CALLER_NETWORK}${1 + (this.#caller++ % CALLERS)}`,
          ...(request.body === undefined ? {} : { "content-length": Buffer.byteLength(request.body) }),
          ...(request.contentType === undefined ? {} : { "content-type": request.contentType }),
        },
      });
      let timedOut = false;
      let settled = false;
      const cut = () => {
        timedOut = !settled;
        if (timedOut) req.destroy();
      };
      // A reply that waits in our own socket was in time: a busy machine must not make the service look slow.
      const timer = setTimeout(() => setImmediate(cut), timeoutMs);
      const settle = (result: CallbackReply | "timed_out" | "refused" | "broken") => {
        settled = true;
        clearTimeout(timer);
        resolve(timedOut ? "timed_out" : result);
      };
      req.on("error", (error: NodeJS.ErrnoException) => {
        const notConnected =
          error.code === "ECONNREFUSED" || error.syscall === "connect" || error.syscall === "getaddrinfo";
        settle(notConnected ? "refused" : "broken");
      });
      req.once("response", (res) => {
        readReply(res).then(
          (body) => settle({ status: res.statusCode ?? 0, contentType: res.headers["content-type"] ?? "", body }),
          () => settle("broken"),
        );
      });
      req.end(request.body);
    });
  }
}

async function readReply(res: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of res as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > REPLY_BYTES_MAX) throw new Error("the reply is too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
