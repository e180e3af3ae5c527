import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Koa from "koa";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import { YingdaError } from "../../src/base/errors.ts";
import { Events } from "../../src/base/events.ts";
import { createLogger } from "../../src/base/logger.ts";
import { Secret } from "../../src/base/secret.ts";
import { LivePolicyDesk } from "../../src/conversation/policy-desk.ts";
import { type Admin, createAdmin } from "../../src/handlers/admin/admin-app.ts";
import type { AdminParts } from "../../src/handlers/admin/admin-parts.ts";
import type { Role } from "../../src/handlers/admin/api-schema.ts";
import { createModerator } from "../../src/moderation/moderator.ts";
import { loadPolicy, type Policy } from "../../src/moderation/policy/policy.ts";
import { openRecordStore, type SqlRecordStore } from "../../src/review/record-store.ts";
import type { FlagRecord, TurnRecord } from "../../src/review/records.ts";
import type { Restriction } from "../../src/review/restrictions.ts";
import { AdminSessions } from "../../src/session/admin-sessions.ts";
import { connectRedis, readyWithin } from "../../src/session/redis.ts";
import { type PrivateRedis, startPrivateRedis } from "../support/private-redis.ts";
import { sampleFlag, sampleTurn } from "./review-samples.ts";

export const BOOTSTRAP_TOKEN = "bootstrap-token-of-this-test-0123456789";
export const USERS = [
  { userId: "vivian", role: "viewer" },
  { userId: "ruby", role: "reviewer" },
  { userId: "rob", role: "reviewer" },
  { userId: "adam", role: "admin" },
] as const;

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  /** The body read as JSON; undefined for another one. */
  json: Json;
}

// biome-ignore lint/suspicious/noExplicitAny: what an answer holds is what the tests look at
export type Json = any;

export interface SendOptions {
  body?: unknown;
  /** Instead of JSON of `body`. */
  raw?: string | Buffer;
  headers?: Record<string, string | undefined>;
}

/** A browser of one person: keeps cookies, sends what browsers send. */
export interface Browser {
  cookies: Map<string, string>;
  csrf: string;
  send(method: string, path: string, options?: SendOptions): Promise<Answer>;
  get(path: string): Promise<Answer>;
  post(path: string, body?: unknown): Promise<Answer>;
}

export interface Desk {
  url: string;
  records: SqlRecordStore;
  policy: LivePolicyDesk;
  sessions: AdminSessions;
  logLines: string[];
  /** What was asked of the chat, in order. */
  acted: { name: string; request: unknown }[];
  /** Makes the named action fail. */
  broken: Map<string, Error>;
  restrictions: Restriction[];
  /** Moved by tests; a real clock otherwise. */
  shiftMs(ms: number): void;
  nowMs(): number;
  anonymous(): Browser;
  /** Signed in with this role, without going through the login. */
  as(userId: string): Promise<Browser>;
  /** Writes turns with flags; returns their case numbers. */
  raise(...turns: Partial<TurnRecord>[]): Promise<void>;
  stop(): Promise<void>;
}

export interface DeskOptions {
  databaseUrl?: Secret;
  changes?: Partial<AdminParts>;
}

let redisServer: PrivateRedis | null = null;
/** Compiled once for all desks of a file. */
let shipped: Policy | undefined;

/** The console's API on a real port, over a real Redis and a real database; only the chat is a notebook. */
export async function openDesk(options: DeskOptions = {}): Promise<Desk> {
  redisServer ??= await startPrivateRedis();
  const logLines: string[] = [];
  const log = createLogger("debug", { write: (line) => void logLines.push(line) });
  const events = new Events(log);
  const redis = connectRedis(redisServer.url, events);
  await readyWithin(redis, 5_000);
  await redis.flushall();
  const dataDir = await mkdtemp(join(tmpdir(), "yingda-admin-"));
  let shift = 0;
  const clock: Clock = { ...systemClock, nowMs: () => Date.now() + shift };
  const records = openRecordStore({ databaseUrl: options.databaseUrl ?? null, dataDir, clock, events });
  shipped ??= loadPolicy(undefined);
  const moderator = createModerator({ policy: shipped, classifier: null });
  const policy = new LivePolicyDesk({
    versions: records.policies,
    records: records.console,
    moderator,
    policyFile: null,
    clock,
    events,
    log,
  });
  await policy.start();
  const acted: Desk["acted"] = [];
  const broken: Desk["broken"] = new Map();
  const restrictions: Restriction[] = [];
  const act = (name: string) => async (asked: unknown) => {
    const error = broken.get(name);
    if (error !== undefined) throw error;
    acted.push({ name, request: asked });
  };
  const parts: AdminParts = {
    redis,
    records,
    policy,
    actions: {
      warn: act("warn"),
      answer: act("answer"),
      recall: act("recall"),
      allowPhrase: act("allowPhrase"),
      settled: act("settled"),
      async enforce(restriction) {
        restrictions.push(restriction);
        await act("enforce")(restriction);
      },
    },
    pauses: { pausedUntilMs: async () => null, lift: act("lift") },
    nameOf: async (userId) => `name of ${userId}`,
    users: USERS,
    bootstrapToken: new Secret(BOOTSTRAP_TOKEN),
    publicUrl: null,
    wecomLogin: null,
    settings: () => ({
      serviceVersion: "0.1.0",
      channels: ["app"],
      model: "test-model",
      guard: null,
      retention: { rawDays: 30, maskedDays: 190 },
      policySource: policy.source,
    }),
    clock,
    events,
    log,
    ...options.changes,
  };
  const admin: Admin = createAdmin(parts);
  const koa = new Koa();
  koa.use(admin.middleware);
  koa.use((ctx) => {
    ctx.body = "not the console";
  });
  const answer = koa.callback();
  const server = createServer((incoming, outgoing) => void answer(incoming, outgoing));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const sessions = new AdminSessions(redis, clock);
  const secure = parts.publicUrl?.startsWith("https:") === true;
  const anonymous = (): Browser => openBrowser(url, parts.publicUrl ?? url);
  return {
    url,
    records,
    policy,
    sessions,
    logLines,
    acted,
    broken,
    restrictions,
    shiftMs(ms) {
      shift += ms;
    },
    nowMs: () => clock.nowMs(),
    anonymous,
    async as(userId) {
      const browser = anonymous();
      const { token, session } = await sessions.open(userId, "wecom");
      browser.cookies.set(secure ? "__Host-yingda" : "yingda-session", token);
      browser.csrf = session.csrf;
      return browser;
    },
    async raise(...turns) {
      await records.write(turns.map((turn) => sampleTurn({ receivedAtMs: clock.nowMs(), ...turn })));
    },
    async stop() {
      await admin.stop();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
      await policy.stop();
      await records.close();
      redis.disconnect();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

export async function stopRedis(): Promise<void> {
  await redisServer?.stop();
  redisServer = null;
}

function openBrowser(url: string, origin: string): Browser {
  const browser: Browser = {
    cookies: new Map(),
    csrf: "",
    async send(method, path, { body, raw, headers = {} } = {}) {
      const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body));
      const all: Record<string, string | undefined> = {
        ...(method === "GET" ? {} : { origin, "x-csrf-token": browser.csrf }),
        "sec-fetch-site": "same-origin",
        ...(payload === undefined ? {} : { "content-type": "application/json" }),
        cookie: [...browser.cookies].map(([name, value]) => `${name}=${value}`).join("; "),
        ...headers,
      };
      const given = Object.entries(all).flatMap(([name, value]) => (value ? [[name, value]] : []));
      const answer = await exchange(`${url}${path}`, method, Object.fromEntries(given), payload);
      for (const line of answer.headers["set-cookie"] ?? []) {
        const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
        if (value === "") browser.cookies.delete(name);
        else browser.cookies.set(name, value);
      }
      return answer;
    },
    get: (path) => browser.send("GET", path),
    post: (path, body = {}) => browser.send("POST", path, { body }),
  };
  return browser;
}

async function exchange(
  url: string,
  method: string,
  headers: Record<string, string>,
  payload: string | Buffer | undefined,
): Promise<Answer> {
  const outgoing = request(url, { method, headers });
  // A server that refuses a body closes while we still write it.
  const incoming = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once("response", resolve);
    outgoing.once("error", reject);
  });
  outgoing.end(payload);
  const response = await incoming;
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString("utf8");
  let json: Json;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  return { status: response.statusCode ?? 0, headers: response.headers, text, json };
}

/** A turn with one flag, whose case has this number. */
export function flaggedTurn(
  caseNumber: string,
  changes: Partial<TurnRecord> = {},
  flag: Partial<FlagRecord> = {},
): Partial<TurnRecord> {
  const userId = changes.userId ?? "ZhangSan";
  return {
    turnId: `turn-${caseNumber}`,
    conversationId: `app:1000002:${userId}:${caseNumber}`,
    userId,
    flags: [sampleFlag({ caseNumber, ...flag })],
    ...changes,
  };
}

export function unreachable(): YingdaError {
  return new YingdaError("wecom_unreachable", "WeCom did not answer (test)", { retryable: true });
}

export const roleUser = (role: Role): string => USERS.find((user) => user.role === role)?.userId ?? "";
