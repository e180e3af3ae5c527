import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { join } from "node:path";
import { afterEach, expect, jest, test } from "@jest/globals";

jest.setTimeout(30_000); // a whole Node process each

const HEALTHCHECK = join(import.meta.dirname, "../../deploy/healthcheck.mjs");
const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

async function portAnswering(answer: RequestListener): Promise<number> {
  const server = createServer(answer).listen(0, "127.0.0.1");
  cleanUps.push(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("it listens on a port");
  return address.port;
}

async function exitCodeFor(port: number, env: Record<string, string> = {}): Promise<number> {
  const check = spawn(process.execPath, [HEALTHCHECK], { env: { PORT: String(port), ...env }, stdio: "ignore" });
  const [code] = await once(check, "exit");
  return code;
}

test("a service that answers /healthz with 200 is healthy, whatever address it listens on", async () => {
  const port = await portAnswering((request, response) =>
    response.writeHead(request.url === "/healthz" ? 200 : 404).end(),
  );
  expect(await exitCodeFor(port)).toBe(0);
  expect(await exitCodeFor(port, { HOST: "0.0.0.0" })).toBe(0);
  expect(await exitCodeFor(port, { HOST: "127.0.0.1" })).toBe(0);
});

test("a service that answers with another status is not", async () => {
  expect(await exitCodeFor(await portAnswering((_request, response) => response.writeHead(503).end()))).toBe(1);
});

test("a service that hangs is not, before Docker's own time-out of 5 s", async () => {
  const startedMs = performance.now();
  expect(await exitCodeFor(await portAnswering(() => {}))).toBe(1);
  expect(performance.now() - startedMs).toBeLessThan(5_000);
});

test("a port that nobody listens on is not", async () => {
  const port = await portAnswering(() => {});
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
  expect(await exitCodeFor(port)).toBe(1);
});
