import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Koa from "koa";
import Router from "koa-router";
import type { PlatformOptions } from "../../simulator/platform-setup.ts";
import { startWeComPlatform, type WeComPlatform } from "../../simulator/wecom-platform.ts";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import { Events } from "../../src/base/events.ts";
import { createLogger } from "../../src/base/logger.ts";
import { Secret } from "../../src/base/secret.ts";
import { takeAppCallback } from "../../src/handlers/app-callback.ts";
import { takeBotCallback } from "../../src/handlers/bot-callback.ts";
import { answerErrors } from "../../src/handlers/http-errors.ts";
import { Intake } from "../../src/handlers/intake.ts";
import { CardDispatcher, type DispatcherParts } from "../../src/handlers/review-cards/card-dispatcher.ts";
import { ClickDesk } from "../../src/handlers/review-cards/click-desk.ts";
import type { CardQueue } from "../../src/review/card-queue.ts";
import type { CaseView } from "../../src/review/case-reader.ts";
import { openRecordStore, type SqlRecordStore } from "../../src/review/record-store.ts";
import type { FlagRecord, TurnRecord } from "../../src/review/records.ts";
import { Mailbox } from "../../src/session/mailbox.ts";
import { RecordSpool } from "../../src/session/record-spool.ts";
import { connectRedis, readyWithin } from "../../src/session/redis.ts";
import { RedisTokenStore } from "../../src/session/redis-token-store.ts";
import { SendBudget } from "../../src/session/send-budget.ts";
import { Snapshots } from "../../src/session/snapshots.ts";
import { WeComApi } from "../../src/wecom/api-client.ts";
import { CallbackCrypto } from "../../src/wecom/crypto.ts";
import { emptyBotReply } from "../../src/wecom/payloads.ts";
import { sampleFlag, sampleTurn } from "../integration/review-samples.ts";
import { startPrivateRedis } from "./private-redis.ts";

export const MEMBERS = [
  { userId: "ZhangSan", name: "张三" },
  { userId: "LiSi", name: "李四" },
  { userId: "WangWu", name: "王五" },
  { userId: "ZhaoLiu", name: "赵六" },
];

/** Reviewers, their cards and a pretend WeCom, on one SQLite file and one Redis. */
export interface ReviewTeam {
  platform: WeComPlatform;
  records: SqlRecordStore;
  cards: CardQueue;
  clock: Clock;
  logLines: Record<string, unknown>[];
  /** Categories whose cases two reviewers have to decide alike; tests add some. */
  fourEyes: string[];
  /** A process of the service, which WeCom calls from then on. */
  startReplica(changes?: Partial<DispatcherParts>): Promise<ReviewReplica>;
  /** Time passes, for the service and for WeCom. */
  pass(ms: number): void;
  /** A turn with one flag, a second ago. */
  raise(caseNumber: string, flag?: Partial<FlagRecord>, turn?: Partial<TurnRecord>): Promise<void>;
  view(caseNumber: string): Promise<CaseView>;
  stop(): Promise<void>;
}

export interface ReviewReplica {
  dispatcher: CardDispatcher;
  desk: ClickDesk;
}

/** LiSi reviews, ZhaoLiu is an admin, WangWu only looks, ZhangSan writes. */
const USERS = [
  { userId: "lisi", role: "reviewer" as const },
  { userId: "zhaoliu", role: "admin" as const },
  { userId: "wangwu", role: "viewer" as const },
];

export async function startReviewTeam(options: PlatformOptions = {}): Promise<ReviewTeam> {
  let movedMs = 0;
  const clock: Clock = { ...systemClock, nowMs: () => Date.now() + movedMs };
  const platform = await startWeComPlatform({
    members: MEMBERS,
    nowMs: () => clock.nowMs(),
    ...options,
    timing: { appRetryIntervalMs: 300, ...options.timing },
  });
  const server = await startPrivateRedis({ appendonly: false });
  const dataDir = mkdtempSync(join(tmpdir(), "yingda-cards-"));
  const logLines: Record<string, unknown>[] = [];
  const log = createLogger("debug", { write: (line) => void logLines.push(JSON.parse(line)) });
  const events = new Events(log);
  const redis = connectRedis(server.url, events);
  await readyWithin(redis, 10_000);
  const fourEyes: string[] = [];
  const rules = { fourEyesCategories: () => fourEyes };
  const records = openRecordStore({ databaseUrl: null, dataDir, clock, rules });
  const { cards } = records;
  const closers: (() => Promise<unknown>)[] = [];
  const urls: string[] = [];
  const agentId = String(platform.app.agentId);
  const api = new WeComApi({
    baseUrl: platform.url,
    corpId: platform.corpId,
    agentId,
    secret: new Secret(platform.app.secret),
    tokenStore: new RedisTokenStore(redis, agentId),
    events,
    clock,
    timeouts: { answerMs: 1_000, wholeMs: 1_500 },
  });
  return {
    platform,
    records,
    cards,
    clock,
    logLines,
    fourEyes,
    async startReplica(changes = {}) {
      const parts: DispatcherParts = {
        api,
        budget: new SendBudget(redis, agentId),
        cases: records.cases,
        cards,
        audit: records.audit,
        settled: async () => {},
        users: USERS,
        nameOf: async (userId) =>
          MEMBERS.find((member) => member.userId.toLowerCase() === userId.toLowerCase())?.name ?? userId,
        publicUrl: "https://bot.example.com/",
        robot: null,
        clock,
        events,
        log,
        ...changes,
      };
      const desk = new ClickDesk(parts);
      const intake = new Intake({ mailbox: new Mailbox(redis), events, clock });
      const callbackMaxAgeMs = 300_000;
      const router = new Router();
      router.post(
        "/wecom/app",
        takeAppCallback({
          app: { agentId, api, crypto: new CallbackCrypto({ ...keysOf(platform.app), receiverId: platform.corpId }) },
          intake,
          callbackMaxAgeMs,
          log,
          onCardEvent: (event) => desk.take(event),
        }),
      );
      router.post(
        "/wecom/bot",
        takeBotCallback({
          bot: { crypto: new CallbackCrypto({ ...keysOf(platform.bot), receiverId: "" }), name: "应答" },
          groupSession: "group",
          welcome: emptyBotReply,
          intake,
          snapshots: new Snapshots(redis),
          spool: new RecordSpool(redis, "test"),
          callbackMaxAgeMs,
          events,
          onCardEvent: async (click) => desk.answerBot(click),
        }),
      );
      const koa = new Koa();
      koa.use(answerErrors(log));
      koa.use(router.routes());
      const answer = koa.callback();
      const http = createServer((req, res) => void answer(req, res));
      const listening = Promise.withResolvers<void>();
      http.listen(0, "127.0.0.1", listening.resolve);
      await listening.promise;
      urls.push(`http://127.0.0.1:${(http.address() as AddressInfo).port}`);
      platform.setCallbackUrls({
        app: urls.map((url) => `${url}/wecom/app`),
        bot: urls.map((url) => `${url}/wecom/bot`),
      });
      const dispatcher = new CardDispatcher(parts);
      closers.push(async () => {
        await dispatcher.stop();
        await desk.stop();
        http.closeAllConnections();
        http.close();
      });
      return { dispatcher, desk };
    },
    pass(ms) {
      movedMs += ms;
    },
    async raise(caseNumber, flag = {}, turn = {}) {
      const receivedAtMs = clock.nowMs() - 3_000;
      const flags = [sampleFlag({ caseNumber, severity: "P0", action: "refuse", categories: ["minors"], ...flag })];
      // Conversations of their own, or the flags would be one case.
      const own = { turnId: `turn-${caseNumber}`, conversationId: `app:1:${caseNumber}` };
      await records.write([sampleTurn({ ...own, receivedAtMs, flags, ...turn })]);
    },
    view: (caseNumber) => records.cases.get(caseNumber),
    async stop() {
      await Promise.all(closers.map((close) => close()));
      await records.close();
      redis.disconnect();
      await Promise.all([platform.stop(), server.stop()]);
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

function keysOf({ token, aesKey }: { token: string; aesKey: string }): { token: Secret; aesKey: Secret } {
  return { token: new Secret(token), aesKey: new Secret(aesKey) };
}
