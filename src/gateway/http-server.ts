import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Requests under way when the listener closes; a callback takes milliseconds, unless Redis is slow. */
const CLOSE_MS = 3_000;
/** An idle keep-alive socket; longer than the usual proxy's 60 s, so that the proxy closes first. */
const KEEP_ALIVE_MS = 65_000;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 15_000;
/** How often Node looks for sockets past those two; its own 30 s would let a slow sender keep one for 40 s. */
const TIMEOUT_CHECK_MS = 2_000;

export function createHttpServer(answer: (incoming: IncomingMessage, outgoing: ServerResponse) => unknown): Server {
  return createServer(
    {
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
    },
    (incoming, outgoing) => void answer(incoming, outgoing),
  );
}

/** Resolves with the address to call it at. */
export async function listen(server: Server, host: string, port: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(port, host, resolve);
  await promise;
  const address = server.address() as AddressInfo;
  const shown = address.address === "0.0.0.0" || address.address === "::" ? "127.0.0.1" : address.address;
  return `http://${shown.includes(":") ? `[${shown}]` : shown}:${address.port}`;
}

/** Takes no new connections; requests under way may finish, for a while. */
export async function closeServer(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeIdleConnections();
  const hard = setTimeout(() => server.closeAllConnections(), CLOSE_MS);
  await promise;
  clearTimeout(hard);
}
