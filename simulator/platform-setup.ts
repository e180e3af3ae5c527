import { randomInt } from "node:crypto";
import { randomAlphanumerics } from "./platform-crypto.ts";
import type {
  AppCredentials,
  BotCredentials,
  Group,
  Member,
  PlatformLimits,
  PlatformTiming,
  SocketBotCredentials,
} from "./platform-types.ts";

export interface PlatformOptions {
  /** Default 0: a free port. */
  port?: number;
  corpId?: string;
  /** What is left out of either is made up, as the admin console's buttons do. */
  app?: Partial<AppCredentials>;
  bot?: Partial<BotCredentials>;
  socketBot?: Partial<SocketBotCredentials>;
  /**
   * Addresses of the service for each callback; several stand for replicas behind a load balancer. They can also be
   * set later, with `setCallbackUrls`, once the service listens.
   */
  appCallbackUrls?: string[];
  botCallbackUrls?: string[];
  /** Default: zhangsan 张三, lisi 李四, wangwu 王五. */
  members?: Member[];
  groups?: Group[];
  /** Agent ids of other apps of the corp: sending as one of them is 301002. */
  foreignAgentIds?: number[];
  timing?: Partial<PlatformTiming>;
  limits?: Partial<PlatformLimits>;
  /** Whether a fetch within the validity gives the same token again (wecom-protocol 3.1: do not assume). Default true. */
  sameTokenWithinValidity?: boolean;
  /** `new` (default): every callback on a connection of its own. `kept`: for benchmarks. */
  connections?: "new" | "kept";
  /** The platform's clock for everything that is dated or expires; tests move it. Network time limits use real time. */
  nowMs?: () => number;
}

export interface PlatformSetup {
  port: number;
  corpId: string;
  app: AppCredentials;
  bot: BotCredentials;
  socketBot: SocketBotCredentials;
  urls: { app: string[]; bot: string[] };
  members: Member[];
  groups: Group[];
  foreignAgentIds: number[];
  timing: PlatformTiming;
  limits: PlatformLimits;
  sameTokenWithinValidity: boolean;
  connections: "new" | "kept";
  nowMs: () => number;
}

const TIMING: PlatformTiming = {
  callbackTimeoutMs: 5_000,
  verifyTimeoutMs: 1_000,
  appRetries: 3,
  appRetryIntervalMs: 5_000,
  botRetries: 0,
  pollIntervalMs: 1_000,
  streamLifeMs: 360_000,
  tokenLifeSeconds: 7_200,
  responseUrlLifeMs: 3_600_000,
  mediaUrlLifeMs: 300_000,
  heartbeatTimeoutMs: 90_000,
  kickCloseDelayMs: 2_200,
  socketStreamLifeMs: 600_000,
  replyWindowMs: 24 * 3_600_000,
  uploadLifeMs: 1_800_000,
};

const LIMITS: PlatformLimits = {
  memberPerMinute: 30,
  memberPerHour: 1_000,
  socketPerMinute: 30,
  socketPerHour: 1_000,
  streamFramesCount: true,
  interactionsMax: 3,
  concurrentCallsMax: 400,
  historyMax: 5_000,
};

const MEMBERS: Member[] = [
  { userId: "zhangsan", name: "张三" },
  { userId: "lisi", name: "李四" },
  { userId: "wangwu", name: "王五" },
];

/** Fills in WeCom's figures and makes up the credentials that were not given. */
export function platformSetup(options: PlatformOptions): PlatformSetup {
  return {
    port: options.port ?? 0,
    corpId: options.corpId ?? `ww${randomAlphanumerics(16).toLowerCase()}`,
    app: {
      agentId: randomInt(1_000_002, 1_000_999),
      name: "应答",
      secret: randomAlphanumerics(43),
      token: randomAlphanumerics(24),
      aesKey: randomAlphanumerics(43),
      ...options.app,
    },
    bot: {
      botId: `aib${randomAlphanumerics(24)}`,
      name: "应答助手",
      token: randomAlphanumerics(24),
      aesKey: randomAlphanumerics(43),
      ...options.bot,
    },
    socketBot: {
      botId: `aib${randomAlphanumerics(24)}`,
      name: options.bot?.name ?? "应答助手",
      secret: randomAlphanumerics(43),
      ...options.socketBot,
    },
    urls: { app: options.appCallbackUrls ?? [], bot: options.botCallbackUrls ?? [] },
    members: options.members ?? MEMBERS,
    groups: options.groups ?? [],
    foreignAgentIds: options.foreignAgentIds ?? [],
    timing: { ...TIMING, ...options.timing },
    limits: { ...LIMITS, ...options.limits },
    sameTokenWithinValidity: options.sameTokenWithinValidity ?? true,
    connections: options.connections ?? "new",
    nowMs: options.nowMs ?? Date.now,
  };
}
