import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { AccessTokens } from "./access-tokens.ts";
import { type FaultEffect, type Faults, suffer } from "./api-faults.ts";
import { errcodeBody, Refusal } from "./errcodes.ts";
import { readBody } from "./http-kit.ts";
import type { Journal } from "./journal.ts";
import type { MediaAnswer } from "./media-api.ts";
import type { Channel, Exchange } from "./platform-types.ts";
import type { JsonObject } from "./values.ts";

/** One call of the active API on its way through. */
export interface ApiCall {
  query: URLSearchParams;
  headers: IncomingMessage["headers"];
  body: Buffer;
  /** What the route found out, for the record of the call. */
  note: {
    channel?: Channel;
    errcode?: number;
    tokenSerial?: number;
    messageId?: string;
    userId?: string;
    chatId?: string;
  };
}

export interface ApiRoute {
  method: "GET" | "POST";
  /** Whether the call carries `access_token`. */
  token: boolean;
  bodyBytesMax: number;
  /** Fields of a successful JSON answer, or bytes. Throws Refusal for another errcode. */
  answer(call: ApiCall): JsonObject | MediaAnswer | Promise<JsonObject | MediaAnswer>;
}

export interface ApiServerParts {
  /** By the path below `/cgi-bin/`. */
  routes: ReadonlyMap<string, ApiRoute>;
  /** Everything outside `/cgi-bin/`: the files that callbacks link to. */
  file(path: string): MediaAnswer | undefined;
  tokens: AccessTokens;
  faults: Faults;
  journal: Journal;
  concurrentCallsMax: number;
  nowMs: () => number;
  signal: AbortSignal;
}

type Answer = { status: number; headers: Record<string, string | number>; bytes: Buffer };

/** Seen by the caller of a 60020; an address of the documentation range. */
const REFUSED_IP = "203.0.113.7";

/** The active API's HTTP side: HTTP status 200 whatever the errcode, faults on demand, and a record of every call. */
export class ApiServer {
  readonly #parts: ApiServerParts;
  #inProgress = 0;

  constructor(parts: ApiServerParts) {
    this.#parts = parts;
  }

  async handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const url = new URL(req.url ?? "/", "http://platform");
    const name = /^\/cgi-bin\/(.+)$/.exec(url.pathname)?.[1];
    const route = name === undefined ? undefined : this.#parts.routes.get(name);
    if (name === undefined || route === undefined) {
      const file = req.method === "GET" ? this.#parts.file(url.pathname) : undefined;
      respond(res, file ?? { status: 404, headers: {}, bytes: Buffer.alloc(0) });
      return;
    }
    this.#inProgress += 1;
    try {
      await this.#serve(req, res, url, name, route);
    } finally {
      this.#inProgress -= 1;
    }
  }

  async #serve(req: IncomingMessage, res: ServerResponse, url: URL, name: string, route: ApiRoute): Promise<void> {
    const startedMs = performance.now();
    const atMs = this.#parts.nowMs();
    const body = await readBody(req, route.bodyBytesMax);
    const call: ApiCall = { query: url.searchParams, headers: req.headers, body, note: {} };
    const answer = await this.#answer(req.method ?? "", name, route, call);
    const text = bodyText(req.headers["content-type"], body);
    const exchange: Omit<Exchange, "id"> = {
      atMs,
      direction: "to_platform",
      channel: name.startsWith("aibot/") ? "bot" : "app",
      kind: name,
      method: req.method ?? "",
      url: `${url.pathname}${url.search}`,
      status: answer?.status ?? 0,
      outcome: answer === undefined ? "cut" : "answered",
      tookMs: performance.now() - startedMs,
      raw: text === "" ? `${req.method} ${url.pathname}${url.search}` : text,
      plain: text,
      ...call.note,
    };
    if (answer === undefined) {
      // The caller sees its connection die, before or after the effect: it cannot know which.
      res.destroy();
      this.#parts.journal.record(exchange);
      return;
    }
    const reply = bodyText(String(answer.headers["content-type"] ?? ""), answer.bytes);
    this.#parts.journal.record({ ...exchange, replyRaw: reply, replyPlain: reply });
    respond(res, answer);
  }

  /** The answer to send, or `undefined` when the connection is to be cut. */
  async #answer(method: string, name: string, route: ApiRoute, call: ApiCall): Promise<Answer | undefined> {
    const { faults, signal } = this.#parts;
    const effects = faults.strike(name);
    if (faults.standing.slowPlatformMs > 0) await delay(faults.standing.slowPlatformMs, undefined, { signal });
    const before = await suffer(effects, "before_effect", signal);
    if (before !== undefined) return this.#faulty(before, call);
    if (name === "message/send" && faults.standing.errcode !== null) {
      return this.#refused(faults.standing.errcode, {}, call);
    }
    const answer = await this.#effect(method, route, call);
    const after = await suffer(effects, "after_effect", signal);
    return after === undefined ? answer : this.#faulty(after, call);
  }

  async #effect(method: string, route: ApiRoute, call: ApiCall): Promise<Answer> {
    try {
      if (this.#inProgress > this.#parts.concurrentCallsMax) throw new Refusal(45033);
      if (method !== route.method) throw new Refusal(route.method === "GET" ? 43001 : 43002);
      if (route.token) {
        call.note.tokenSerial = this.#parts.tokens.check(call.query.get("access_token"), this.#parts.nowMs());
      }
      const answer = await route.answer(call);
      if (isBytes(answer)) return answer;
      call.note.errcode = 0;
      return json({ ...errcodeBody(0, this.#parts.nowMs()), ...answer });
    } catch (error) {
      if (error instanceof Refusal) return this.#refused(error.errcode, error.fields, call);
      throw error;
    }
  }

  #refused(errcode: number, fields: JsonObject, call: ApiCall): Answer {
    call.note.errcode = errcode;
    const ip = errcode === 60020 ? REFUSED_IP : undefined;
    return json({ ...errcodeBody(errcode, this.#parts.nowMs(), ip), ...fields });
  }

  #faulty(effect: Exclude<FaultEffect, { kind: "delay" }>, call: ApiCall): Answer | undefined {
    switch (effect.kind) {
      case "hang_up":
        return undefined;
      case "http_status":
        return { status: effect.status, headers: { "content-type": "text/html" }, bytes: Buffer.from("<html></html>") };
      case "errcode":
        return this.#refused(effect.errcode, effect.errmsg === undefined ? {} : { errmsg: effect.errmsg }, call);
    }
  }
}

function json(body: JsonObject): Answer {
  return {
    status: 200,
    headers: { "content-type": "application/json; charset=UTF-8" },
    bytes: Buffer.from(JSON.stringify(body)),
  };
}

function respond(res: ServerResponse, answer: Answer): void {
  res.writeHead(answer.status, { ...answer.headers, "content-length": answer.bytes.length });
  res.end(answer.bytes);
}

function isBytes(answer: JsonObject | MediaAnswer): answer is MediaAnswer {
  return Buffer.isBuffer(answer.bytes);
}

/** Text bodies as they are, others by their size: the record is for people. */
function bodyText(contentType: string | undefined, bytes: Buffer): string {
  if (bytes.length === 0) return "";
  if (/json|text|xml/.test(contentType ?? "")) return bytes.toString();
  return /multipart|octet|image|audio|video/.test(contentType ?? "") ? `[${bytes.length} bytes]` : bytes.toString();
}
