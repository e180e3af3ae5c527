import { randomUUID } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type Clock, systemClock } from "./base/clock.ts";
import { describe, YingdaError } from "./base/errors.ts";
import { Events } from "./base/events.ts";
import { createLogger, type Logger } from "./base/logger.ts";
import type { Config } from "./config.ts";
import { Recorder } from "./conversation/recorder.ts";
import type { Reply } from "./conversation/reply.ts";
import type { ReplySink } from "./conversation/reply-sink.ts";
import { languageOf } from "./conversation/texts.ts";
import { ConversationWorker } from "./conversation/worker.ts";
import type { AppChannel } from "./handlers/app-callback.ts";
import { createHttpApp } from "./handlers/http-app.ts";
import { Intake } from "./handlers/intake.ts";
import { appSink, BotSink } from "./handlers/reply-sinks.ts";
import type { ChatMessage, ChatModel } from "./llm/chat-model.ts";
import type { ModelLimits } from "./llm/model-limits.ts";
import { createModelPool } from "./llm/model-pool.ts";
import { DEFAULT_SYSTEM_PROMPT } from "./llm/prompt.ts";
import { loadClassifier } from "./moderation/classifier/classifier.ts";
import { createGuard, createJudgeOf, type Guard } from "./moderation/guard/guard.ts";
import { createModerator } from "./moderation/moderator.ts";
import { loadPolicy, type Policy } from "./moderation/policy/policy.ts";
import { PolicyWatch } from "./moderation/policy/policy-watch.ts";
import { openRecordStore } from "./review/record-store.ts";
import type { SpooledRecord } from "./review/records.ts";
import { RetentionLoop } from "./review/retention-loop.ts";
import { RedisConduct } from "./session/conduct.ts";
import { type ConversationDesk, redisConversations } from "./session/conversations.ts";
import { Mailbox } from "./session/mailbox.ts";
import type { Message } from "./session/message.ts";
import { RecordSpool } from "./session/record-spool.ts";
import { connectBlockingRedis, connectRedis, readyWithin, renewSilentLinks } from "./session/redis.ts";
import { RedisTokenStore } from "./session/redis-token-store.ts";
import { SendBudget } from "./session/send-budget.ts";
import { SentIds } from "./session/sent-ids.ts";
import { Snapshots } from "./session/snapshots.ts";
import { readersFor, WakeUps } from "./session/wake-ups.ts";
import { WeComApi } from "./wecom/api-client.ts";
import { CallbackCrypto } from "./wecom/crypto.ts";
import { MemberNames } from "./wecom/member-names.ts";
import { ResponseUrlClient } from "./wecom/response-url.ts";

/** Turns that run at SIGTERM may finish within this; the rest is handed over. Below Kubernetes' 30 s. */
const DRAIN_MS = 20_000;
/** Requests under way when the listener closes; a callback takes milliseconds, unless Redis is slow. */
const CLOSE_MS = 3_000;
/** A start waits so long for Redis, then listens all the same and answers 503 until it is there. */
const REDIS_WAIT_MS = 5_000;
/** An idle keep-alive socket; longer than the usual proxy's 60 s, so that the proxy closes first. */
const KEEP_ALIVE_MS = 65_000;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 15_000;
/** How often Node looks for sockets past those two; its own 30 s would let a slow sender keep one for 40 s. */
const TIMEOUT_CHECK_MS = 2_000;

/** Parts a test may replace. */
export interface Overrides {
  clock?: Clock;
  log?: Logger;
  model?: ChatModel;
  modelLimits?: Partial<ModelLimits>;
  drainMs?: number;
}

export interface Gateway {
  /** Where it listens. */
  url: string;
  events: Events;
  log: Logger;
  records: ReturnType<typeof openRecordStore>;
  /** Stops taking messages, lets running turns finish or hands them over, closes everything in reverse order. Safe to call twice. */
  stop(): Promise<void>;
}

/** Makes every part from the configuration, in the order of their dependence, and starts listening. */
export async function createGateway(config: Config, overrides: Overrides = {}): Promise<Gateway> {
  const clock = overrides.clock ?? systemClock;
  const log = overrides.log ?? createLogger(config.logLevel);
  const events = new Events(log);
  for (const notice of config.notices) log.warn(notice);
  await using stack = new AsyncDisposableStack();

  const systemPrompt = readOptional(config.systemPromptFile, "SYSTEM_PROMPT_FILE") ?? DEFAULT_SYSTEM_PROMPT;

  const redisUrl = config.redisUrl.reveal();
  const redis = stack.adopt(connectRedis(redisUrl, events), (connection) => connection.disconnect());
  renewSilentLinks(redis);
  const records = stack.adopt(
    openRecordStore({ databaseUrl: config.database.url, dataDir: config.database.dataDir, clock, events }),
    async (store) => store.close(),
  );
  const processId = randomUUID();
  const spool = new RecordSpool<SpooledRecord>(redis, processId);
  const recorder = new Recorder({ spool, store: records, events, clock });
  const model =
    overrides.model ??
    createModelPool({
      baseUrls: config.model.baseUrls,
      apiKey: config.model.apiKey,
      model: config.model.name,
      events,
      clock,
      ...(overrides.modelLimits === undefined ? {} : { limits: overrides.modelLimits }),
    });
  events.watchModelEndpoints(() => model.health());
  const policy = loadPolicy(readOptional(config.policyFile, "POLICY_FILE"));
  const guard = createGuardFor(config, policy, model, events, clock);
  if (guard !== null) events.watchGuard(() => guard.health());
  const moderator = createModerator({
    policy,
    guard,
    classifier: loadClassifier(ownWeights(config.database.dataDir)),
    onFault: (error) => {
      events.alert("moderation_fault", "A moderation checker broke; texts are treated by the policy's `faults`.", {
        why: describe(error),
      });
    },
  });
  if (config.policyFile !== null) {
    const watch = new PolicyWatch({
      path: config.policyFile,
      clock,
      onPolicy: (next) => {
        moderator.usePolicy(next);
        log.info({ policyVersion: next.version }, "policy changed");
      },
      onFault: (error) => {
        events.alert("policy_rejected", "POLICY_FILE was changed and has a fault; the policy before it stays in use.", {
          why: describe(error),
        });
      },
    });
    await watch.start();
    stack.defer(async () => watch.stop());
  }
  const app = createAppChannel(config, redis, events, clock);
  const names = new MemberNames({
    lookUp: app === null ? null : async (userId, signal) => app.api.getUser(userId, signal),
    clock,
    log,
  });
  const api = new URL(config.wecom.apiBase);
  const responseUrls = new ResponseUrlClient({
    allowedHost: api.host,
    allowedProtocol: api.protocol === "http:" ? "http:" : "https:",
    events,
    clock,
  });
  const botName = config.wecom.botName ?? "应答";

  const sentIds = new SentIds(redis);
  const sinkFor = (message: Message, desk: ConversationDesk<Reply>): ReplySink => {
    const { reply } = message;
    if (reply.kind === "bot") {
      const { streamId, responseUrl } = reply;
      const { receivedAtMs } = message;
      return new BotSink({
        desk,
        streamId,
        responseUrl,
        responseUrls,
        receivedAtMs,
        language: languageOf(message.text),
        clock,
      });
    }
    if (app === null) throw new YingdaError("channel_not_configured", "The app's settings are gone; set WECOM_APP_*.");
    return appSink(app.api, reply.toUser, new SendBudget(redis, app.agentId), (msgId) =>
      sentIds.note(message.id, msgId),
    );
  };

  const retention = new RetentionLoop({ store: records, days: policy.retention, log, clock });
  const readers = readersFor(redisUrl, () =>
    stack.adopt(connectBlockingRedis(redisUrl, events), (connection) => connection.disconnect()),
  );
  const worker = new ConversationWorker({
    conversations: redisConversations<Reply>(redis, processId),
    wakeUps: new WakeUps(redis, readers, processId),
    moderator,
    conduct: new RedisConduct(redis),
    model,
    systemPrompt,
    contextTokens: config.model.contextTokens,
    botName,
    nameOf: async (userId, signal) => names.nameOf(userId, signal),
    sinkFor,
    sessionTtlMs: config.sessionTtlMs,
    turnTimeoutMs: config.turnTimeoutMs,
    events,
    log,
    clock,
  });

  const intake = new Intake({ mailbox: new Mailbox(redis), events, clock });
  let draining = false;
  const koa = createHttpApp({
    app: { app, intake, callbackMaxAgeMs: config.callbackMaxAgeMs, log },
    bot: {
      bot: createBotChannel(config),
      groupSession: config.groupSession,
      displayName: botName,
      intake,
      snapshots: new Snapshots(redis),
      spool,
      callbackMaxAgeMs: config.callbackMaxAgeMs,
      events,
    },
    health: {
      checkRedis: async () => redis.ping(),
      checkDatabase: async () => records.ping(),
      modelEndpoints: () => model.health(),
      isDraining: () => draining,
      events,
      clock,
    },
    takesCallbacks: config.role !== "worker",
    events,
    log,
  });

  const answer = koa.callback();
  const server = createServer(
    {
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
    },
    (incoming, outgoing) => void answer(incoming, outgoing),
  );
  stack.defer(() => closeServer(server));
  // The bot's callbacks are not sent twice: the first ones after a start should find Redis connected.
  await readyWithin(redis, REDIS_WAIT_MS);
  const url = await listen(server, config.http.host, config.http.port);

  if (config.role !== "web") {
    worker.start();
    recorder.start();
    retention.start();
    stack.defer(async () => retention.stop());
    stack.defer(async () => recorder.stop());
    stack.defer(async () => worker.stop(overrides.drainMs ?? DRAIN_MS));
  }
  stack.defer(() => {
    draining = true;
  });
  log.info({ url, role: config.role, app: app !== null, bot: config.wecom.bot !== null }, "listening");

  const parts = stack.move();
  let stopped: Promise<void> | null = null;
  return {
    url,
    events,
    log,
    records,
    stop() {
      stopped ??= parts.disposeAsync();
      return stopped;
    },
  };
}

/** The classifier's weights that were trained on this company's own decisions; without them those that ship are used. */
function ownWeights(dataDir: string): Uint8Array | undefined {
  const path = join(dataDir, "style.weights");
  return existsSync(path) ? readFileSync(path) : undefined;
}

/** The guard model of the configuration; without one the chat model itself, where the policy asks for that. */
function createGuardFor(config: Config, policy: Policy, model: ChatModel, events: Events, clock: Clock): Guard | null {
  if (config.guard !== null) return createGuard({ ...config.guard, events, clock });
  if (policy.guard.unset === "off") return null;
  return createJudgeOf((messages, signal) => completed(model, messages, signal), {
    model: config.model.name,
    events,
    clock,
  });
}

/** Longest word of a chat model that judges: one line of JSON, and the thinking that some models cannot leave out. */
const JUDGE_TOKENS_MAX = 1_024;

async function completed(model: ChatModel, messages: ChatMessage[], signal: AbortSignal): Promise<string> {
  const ids = { conversationId: "judge", traceId: "judge" };
  let text = "";
  for await (const event of model.stream({ messages, answerTokensMax: JUDGE_TOKENS_MAX, signal, ...ids })) {
    if (event.type === "text") text += event.text;
  }
  return text;
}

function createAppChannel(
  config: Config,
  redis: ReturnType<typeof connectRedis>,
  events: Events,
  clock: Clock,
): AppChannel | null {
  const { app, apiBase } = config.wecom;
  if (app === null) return null;
  const { corpId, agentId, secret } = app;
  return {
    agentId,
    crypto: new CallbackCrypto({ token: app.token, aesKey: app.aesKey, receiverId: corpId }),
    api: new WeComApi({
      baseUrl: apiBase,
      corpId,
      agentId,
      secret,
      tokenStore: new RedisTokenStore(redis, `${corpId}:${agentId}`),
      events,
      clock,
    }),
  };
}

function createBotChannel(config: Config): { crypto: CallbackCrypto; name: string | undefined } | null {
  const { bot, botName } = config.wecom;
  if (bot === null) return null;
  // The AI bot's receiveid is empty (wecom-protocol 1.5).
  return { crypto: new CallbackCrypto({ token: bot.token, aesKey: bot.aesKey, receiverId: "" }), name: botName };
}

function readOptional(path: string | null, variable: string): string | undefined {
  if (path === null) return undefined;
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new YingdaError("bad_config", `${variable} names a file that cannot be read: ${path}`, { cause: error });
  }
}

async function listen(server: Server, host: string, port: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(port, host, resolve);
  await promise;
  const address = server.address() as AddressInfo;
  const shown = address.address === "0.0.0.0" || address.address === "::" ? "127.0.0.1" : address.address;
  return `http://${shown.includes(":") ? `[${shown}]` : shown}:${address.port}`;
}

/** Takes no new connections; requests under way may finish, for a while. */
async function closeServer(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeIdleConnections();
  const hard = setTimeout(() => server.closeAllConnections(), CLOSE_MS);
  await promise;
  clearTimeout(hard);
}
