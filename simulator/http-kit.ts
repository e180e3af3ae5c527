import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { YingdaError } from "../src/base/errors.ts";

export interface LoopbackServer {
  port: number;
  /** `http://127.0.0.1:<port>`, without a slash at the end. */
  url: string;
  /** Stops listening and cuts what is still open, so that a hanging client cannot keep a test or a demo alive. */
  close(): Promise<void>;
}

export type Handler = (req: IncomingMessage, res: ServerResponse) => Promise<void>;

/** Takes a request that wants to become another protocol; whoever takes it closes its socket before the server ends. */
export type UpgradeHandler = (req: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** Far above what a laptop or a benchmark opens; a client that leaks connections is refused instead of exhausting us. */
const CONNECTIONS_MAX = 5_000;

/** Listens on 127.0.0.1 only: a simulator has no business on the network. `port` 0 takes a free one. */
export async function listenOnLoopback(handle: Handler, port = 0, upgrade?: UpgradeHandler): Promise<LoopbackServer> {
  const server = createServer((req, res) => {
    handle(req, res).catch((error: unknown) => answerFailure(res, error));
  });
  if (upgrade !== undefined) server.on("upgrade", upgrade);
  server.maxConnections = CONNECTIONS_MAX;
  server.headersTimeout = 10_000;
  server.requestTimeout = 60_000;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  const bound = (server.address() as AddressInfo).port;
  return {
    port: bound,
    url: `http://127.0.0.1:${bound}`,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Reads a whole body. Throws `body_too_large` past `bytesMax`, so that no client can fill our memory. */
export function readBody(req: IncomingMessage, bytesMax: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    req.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= bytesMax) {
        chunks.push(chunk);
        return;
      }
      req.removeAllListeners("data");
      // The rest flows into nothing while the answer goes out; the connection is closed after it.
      req.resume();
      reject(new YingdaError("body_too_large", `A body here may have ${bytesMax} bytes at most.`));
    });
    req.once("end", () => resolve(Buffer.concat(chunks)));
    req.once("error", reject);
    req.once("close", () => {
      if (!req.complete) reject(new YingdaError("malformed_body", "The client went away within its body."));
    });
  });
}

export function sendJson(res: ServerResponse, status: number, body: unknown, contentType = "application/json"): void {
  const bytes = Buffer.from(JSON.stringify(body));
  res.writeHead(status, { "content-type": `${contentType}; charset=utf-8`, "content-length": bytes.length });
  res.end(bytes);
}

/** The error form of the chat page's API (and of the service's): `{error: {code, message}}`; never a stack. */
export function answerFailure(res: ServerResponse, error: unknown): void {
  if (res.headersSent || res.destroyed) {
    res.destroy();
    return;
  }
  const known = error instanceof YingdaError ? error : new YingdaError("internal", "The simulator failed.");
  if (known.code === "body_too_large") res.setHeader("connection", "close");
  sendJson(res, known.status, { error: { code: known.code, message: known.message } });
}
