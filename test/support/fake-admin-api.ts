import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { Conflict, FakeCases, rowOf } from "./fake-admin-cases.ts";
import { FakeAudit, FakePeople, FakePolicy } from "./fake-admin-desk.ts";
import { answerRoute, type FakeUser, Refusal } from "./fake-admin-routes.ts";

/**
 * The admin API in memory, over real HTTP, with the console's page and the CSP of the real one: what the console is
 * developed against, tested in a browser with, and photographed from.
 */

const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; " +
  "base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".json": "application/json",
};
const BODY_BYTES_MAX = 5 * 1024 * 1024;

export interface FakeAdmin {
  /** `http://127.0.0.1:PORT`. */
  url: string;
  cases: FakeCases;
  policy: FakePolicy;
  people: FakePeople;
  audit: FakeAudit;
  /** Decisions as they came in, the actions beside them included. */
  decisions: unknown[];
  /** The next call of that method and path fails so. */
  failNext(method: string, pathPart: string, status: number, code: string): void;
  /** Ends all live lines, and refuses new ones until it is called with false. */
  cutLines(refuse: boolean): void;
  stop(): Promise<void>;
}

export async function startFakeAdmin({
  cases: count = 10,
  dist,
}: {
  cases?: number;
  dist: string;
}): Promise<FakeAdmin> {
  const lines = new Set<ServerResponse>();
  const sessions = new Map<string, FakeUser & { csrf: string; atMs: number }>();
  const faults: { method: string; pathPart: string; status: number; code: string }[] = [];
  let refuseLines = false;
  const tell = (event: unknown) => {
    for (const line of lines) line.write(`data: ${JSON.stringify(event)}\n\n`);
  };
  const cases = new FakeCases(count, (row) => {
    tell({ type: "case", case: row });
    tell({ type: "counts", counts: cases.counts() });
  });
  const audit = new FakeAudit();
  const policy = new FakePolicy();
  const parts = { cases, policy, people: new FakePeople(cases), audit, decisions: [] as unknown[], sessions, tell };

  const api = async (request: IncomingMessage, response: ServerResponse, url: URL) => {
    const route = url.pathname.slice("/admin/api".length);
    const method = request.method ?? "GET";
    const fault = faults.findIndex((one) => one.method === method && route.includes(one.pathPart));
    const [failing] = fault === -1 ? [] : faults.splice(fault, 1);
    if (failing !== undefined) throw new Refusal(failing.status, failing.code);
    const sid = /sid=(\w+)/.exec(request.headers.cookie ?? "")?.[1] ?? "";
    const user = sessions.get(sid);
    if (route === "/events" && user !== undefined) {
      if (refuseLines) throw new Refusal(503, "record_store_unavailable");
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
      response.write(": here\n\n");
      lines.add(response);
      response.on("close", () => lines.delete(response));
      return;
    }
    const guarded = method !== "GET" && user !== undefined && !route.startsWith("/login/");
    if (guarded && request.headers["x-csrf-token"] !== user.csrf) {
      throw new Refusal(403, "bad_csrf");
    }
    const body = await readBody(request);
    const answer = answerRoute(parts, { method, route, query: url.searchParams, body, user, sid });
    if (answer.cookie !== undefined) response.setHeader("set-cookie", answer.cookie);
    response.writeHead(answer.status, { "content-type": "application/json", "cache-control": "no-store" });
    response.end(answer.body === undefined ? undefined : JSON.stringify(answer.body));
  };

  const page = async (response: ServerResponse, pathname: string) => {
    const name = pathname.startsWith("/admin/assets/") ? pathname.slice("/admin/".length) : "index.html";
    const file = await readFile(path.join(dist, path.normalize(name))).catch(() => null);
    if (file === null) throw new Refusal(404, "not_found");
    response.writeHead(200, {
      "content-type": TYPES[path.extname(name)] ?? "application/octet-stream",
      "content-security-policy": CSP,
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cache-control": name === "index.html" ? "no-store" : "public, max-age=31536000, immutable",
    });
    response.end(file);
  };

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://localhost");
    const handled = url.pathname.startsWith("/admin/api/") ? api(request, response, url) : page(response, url.pathname);
    handled.catch((error: unknown) => refuse(response, error));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    ...parts,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    failNext(method, pathPart, status, code) {
      faults.push({ method, pathPart, status, code });
    },
    cutLines(no) {
      refuseLines = no;
      if (no) for (const line of lines) line.destroy();
    },
    stop: () => close(server),
  };
}

function refuse(response: ServerResponse, error: unknown): void {
  if (error instanceof Conflict) {
    response.writeHead(409, { "content-type": "application/json" });
    const last = error.found.decisions.findLast((one) => !one.undone) ?? null;
    const body = { error: { code: "case_conflict", message: error.message }, case: rowOf(error.found), decision: last };
    response.end(JSON.stringify(body));
    return;
  }
  const status = error instanceof Refusal ? error.status : 400;
  const code = error instanceof Refusal ? error.code : "bad_request";
  const message = error instanceof Error ? error.message : String(error);
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify({ error: { code, message } }));
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) {
    text += chunk;
    if (text.length > BODY_BYTES_MAX) throw new Refusal(413, "bad_request");
  }
  return text === "" ? {} : JSON.parse(text);
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
