import { randomUUID } from "node:crypto";
import { type Clock, systemClock } from "./base/clock.ts";
import { YingdaError } from "./base/errors.ts";
import { Events } from "./base/events.ts";
import { createLogger, type Logger } from "./base/logger.ts";
import type { Config } from "./config.ts";
import { readGreeting } from "./conversation/greeting.ts";
import { Recorder } from "./conversation/recorder.ts";
import type { Reply } from "./conversation/reply.ts";
import type { ReplySink } from "./conversation/reply-sink.ts";
import { Summariser } from "./conversation/summariser.ts";
import { languageOf } from "./conversation/texts.ts";
import { ConversationWorker } from "./conversation/worker.ts";
import { createSocketChannel, createSocketOutbox } from "./gateway/bot-socket.ts";
import { createCards } from "./gateway/cards.ts";
import { createAppChannel, createBotChannel } from "./gateway/channels.ts";
import { createConsole } from "./gateway/console.ts";
import { closeServer, createHttpServer, listen } from "./gateway/http-server.ts";
import { createMediaDesk } from "./gateway/media.ts";
import { startModeration } from "./gateway/moderation.ts";
import { createPushApi } from "./gateway/push-api.ts";
import { readOptional } from "./gateway/settings-files.ts";
import { SocketSink } from "./handlers/bot-socket/socket-sink.ts";
import { createHttpApp } from "./handlers/http-app.ts";
import { Intake } from "./handlers/intake.ts";
import { appSink, BotSink } from "./handlers/reply-sinks.ts";
import type { CardClick } from "./handlers/review-cards/click-desk.ts";
import { welcomeOf } from "./handlers/welcome.ts";
import type { ChatModel } from "./llm/chat-model.ts";
import type { ModelLimits } from "./llm/model-limits.ts";
import { createModelPool } from "./llm/model-pool.ts";
import { DEFAULT_SYSTEM_PROMPT, readSystemPrompt } from "./llm/system-prompt.ts";
import { TokenScale } from "./llm/token-scale.ts";
import type { Policy } from "./moderation/policy/policy.ts";
import { caseSweepLoop } from "./review/case-sweep-loop.ts";
import { openRecordStore } from "./review/record-store.ts";
import type { SpooledRecord } from "./review/records.ts";
import { retentionLoop } from "./review/retention-loop.ts";
import { RedisConduct } from "./session/conduct.ts";
import { type ConversationDesk, redisConversations } from "./session/conversations.ts";
import { Mailbox } from "./session/mailbox.ts";
import type { Message } from "./session/message.ts";
import { RecordSpool } from "./session/record-spool.ts";
import {
  connectBlockingRedis,
  connectRedis,
  type RedisConnection,
  readyWithin,
  renewSilentLinks,
} from "./session/redis.ts";
import { SendBudget } from "./session/send-budget.ts";
import { SentIds } from "./session/sent-ids.ts";
import { Snapshots } from "./session/snapshots.ts";
import { RedisSummaries } from "./session/summaries.ts";
import { estimatePrompt } from "./session/token-budget.ts";
import { RedisUsageBudget } from "./session/usage-budget.ts";
import { readersFor, WakeUps } from "./session/wake-ups.ts";
import { MemberNames } from "./wecom/member-names.ts";
import { ResponseUrlClient } from "./wecom/response-url.ts";

/** Turns that run at SIGTERM may finish within this; the rest is handed over. Below Kubernetes' 30 s. */
const DRAIN_MS = 20_000;
/** A start waits so long for Redis, then listens all the same and answers 503 until it is there. */
const REDIS_WAIT_MS = 5_000;
/** Parts a test may replace. */
export interface Overrides {
  clock?: Clock;
  log?: Logger;
  model?: ChatModel;
  modelLimits?: Partial<ModelLimits>;
  /** In place of the one that is read at the start. */
  policy?: Policy;
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

  const botName = config.wecom.botName ?? "应答";
  const systemPrompt = readSystemPrompt(
    readOptional(config.systemPromptFile, "SYSTEM_PROMPT_FILE") ?? DEFAULT_SYSTEM_PROMPT,
    { company: config.companyName, bot: botName },
  );
  const greeting = readGreeting(readOptional(config.greetingFile, "GREETING_FILE"));

  // The store is there before the policy that it asks at each decision.
  let fourEyes: () => readonly string[] = () => [];
  const redisUrl = config.redisUrl.reveal();
  const redis = stack.adopt(connectRedis(redisUrl, events), (connection) => connection.disconnect());
  renewSilentLinks(redis);
  const records = stack.adopt(
    openRecordStore({
      databaseUrl: config.database.url,
      dataDir: config.database.dataDir,
      rules: { fourEyesCategories: () => fourEyes() },
      clock,
      events,
    }),
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
      fallback: config.model.fallback,
      params: config.model.params,
      events,
      clock,
      ...(overrides.modelLimits === undefined ? {} : { limits: overrides.modelLimits }),
    });
  events.watchModelEndpoints(() => model.health());
  const moderation = await startModeration(config, overrides.policy, { model, records, stack, clock, events, log });
  const { moderator } = moderation;
  fourEyes = () => moderator.settings.fourEyes;
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

  const sentIds = new SentIds(redis);
  const outbox = createSocketOutbox(config, redis, clock);
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
    if (reply.kind === "socket") {
      if (outbox === null)
        throw new YingdaError("channel_not_configured", "Set WECOM_BOT_ID and WECOM_BOT_SECRET again.");
      const { receivedAtMs, text } = message;
      const { responseUrl } = reply;
      const language = languageOf(text);
      return new SocketSink({ ...reply, responseUrl, desk, outbox, responseUrls, receivedAtMs, language, clock });
    }
    if (app === null) throw new YingdaError("channel_not_configured", "The app's settings are gone; set WECOM_APP_*.");
    return appSink(app.api, reply.toUser, new SendBudget(redis, app.agentId), (msgId) =>
      sentIds.note(message.id, msgId),
    );
  };

  const retention = retentionLoop({ store: records, days: moderator.settings.retention, log, clock });
  const readers = readersFor(redisUrl, () =>
    stack.adopt(connectBlockingRedis(redisUrl, events), (connection) => connection.disconnect()),
  );
  const [firstUrl] = config.model.baseUrls;
  const tokenScale =
    config.model.tokenize && firstUrl !== undefined
      ? new TokenScale({
          baseUrl: firstUrl,
          apiKey: config.model.apiKey,
          model: config.model.name,
          estimate: estimatePrompt,
          clock,
          log,
        })
      : null;
  const memory = new Summariser({
    sessions: new RedisSummaries(redis),
    model,
    moderator,
    systemPrompt: systemPrompt.text,
    contextTokens: config.model.contextTokens,
    tokenScale,
    events,
    clock,
  });
  const worker = new ConversationWorker({
    conversations: redisConversations<Reply>(redis, processId),
    wakeUps: new WakeUps(redis, readers, processId),
    moderator,
    conduct: new RedisConduct(redis),
    model,
    systemPrompt: systemPrompt.text,
    asksFor: systemPrompt.asksFor,
    contextTokens: config.model.contextTokens,
    tokenScale,
    botName,
    usage: usageOf(config, redis, clock),
    departmentOf: async (userId, signal) => names.departmentOf(userId, signal),
    contact: greeting.contact,
    nameOf: async (userId, signal) => names.nameOf(userId, signal),
    media: createMediaDesk(config, { redis, app, clock }),
    sinkFor,
    async bubbleChanged({ reply }) {
      if (reply.kind === "socket") await outbox?.hint({ ...reply, kind: "show" });
    },
    memory,
    mergeWindowMs: config.mergeWindowMs,
    sessionTtlMs: config.sessionTtlMs,
    turnTimeoutMs: config.turnTimeoutMs,
    events,
    log,
    clock,
  });

  const { admin, actions } = createConsole(config, {
    redis,
    records,
    moderator,
    policy: moderation.policy,
    app,
    sentIds,
    names,
    clock,
    events,
    log,
  });
  const cards = createCards(config, { redis, records, app, names, actions, clock, events, log });
  const sweep = caseSweepLoop({ cases: records.cases, log, clock });
  const intake = new Intake({ mailbox: new Mailbox(redis), events, clock });
  const botEvents = {
    welcome: () => welcomeOf({ botName, contact: greeting.contact, ...moderator.settings.retention }, greeting),
    spool,
    ...(cards === null ? {} : { onCardEvent: async (click: CardClick) => cards.clicks.answerBot(click) }),
  };
  const socket =
    outbox === null
      ? null
      : createSocketChannel(config, {
          ...botEvents,
          redis,
          connectReader: () =>
            stack.adopt(connectBlockingRedis(redisUrl, events), (connection) => connection.disconnect()),
          outbox,
          intake,
          clock,
          events,
          log,
        });
  let draining = false;
  const koa = createHttpApp({
    app: {
      app,
      intake,
      callbackMaxAgeMs: config.callbackMaxAgeMs,
      log,
      ...(cards === null ? {} : { onCardEvent: (event) => cards.clicks.take(event) }),
    },
    bot: {
      ...botEvents,
      bot: createBotChannel(config),
      groupSession: config.groupSession,
      intake,
      snapshots: new Snapshots(redis),
      callbackMaxAgeMs: config.callbackMaxAgeMs,
      events,
    },
    health: {
      checkRedis: async () => redis.ping(),
      checkDatabase: async () => records.ping(),
      model: () => model.health(),
      ...(socket === null ? {} : { botSocket: () => socket.state }),
      isDraining: () => draining,
      events,
      clock,
    },
    push: createPushApi(config, { redis, records, app, outbox, clock, events, log }),
    takesCallbacks: config.role !== "worker",
    admin: config.role === "worker" ? null : admin.middleware,
    events,
    log,
  });

  stack.defer(async () => cards?.clicks.stop());
  const server = createHttpServer(koa.callback());
  stack.defer(() => closeServer(server));
  // Open pages hold a stream each: they end before the listener waits for its requests.
  stack.defer(async () => admin.stop());
  // The bot's callbacks are not sent twice: the first ones after a start should find Redis connected.
  await readyWithin(redis, REDIS_WAIT_MS);
  const url = await listen(server, config.http.host, config.http.port);
  socket?.start();
  // After the worker: the last words of turns that finish during the shutdown go out by it.
  stack.defer(async () => socket?.stop());

  if (config.role !== "web") {
    worker.start();
    recorder.start();
    retention.start();
    sweep.start();
    cards?.dispatcher.start();
    stack.defer(async () => cards?.dispatcher.stop());
    restore(actions, log);
    stack.defer(async () => sweep.stop());
    stack.defer(async () => retention.stop());
    stack.defer(async () => recorder.stop());
    stack.defer(async () => memory.stop());
    stack.defer(async () => worker.stop(overrides.drainMs ?? DRAIN_MS));
  }
  stack.defer(() => {
    draining = true;
  });
  log.info(
    { url, role: config.role, app: app !== null, bot: config.wecom.bot !== null, socket: socket !== null },
    "listening",
  );

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

/** Delivery, waits for a lease and clocks that differ: what a turn reserved is kept so much longer than it may be made. */
const USAGE_HELD_BEYOND_TURN_MS = 15 * 60_000;

function usageOf(config: Config, redis: RedisConnection, clock: Clock): RedisUsageBudget | null {
  if (Object.values(config.usage).every((limit) => limit === null)) return null;
  const holdMs = config.turnTimeoutMs + USAGE_HELD_BEYOND_TURN_MS;
  return new RedisUsageBudget(redis, { ...config.usage, holdMs }, () => clock.nowMs());
}

/** Redis may have lost what the database remembers of members' restrictions. The service answers meanwhile. */
function restore(actions: { enforceAll(): Promise<void> }, log: Logger): void {
  actions.enforceAll().catch((error: unknown) => {
    log.warn(
      { err: error },
      "restrictions of members were not put into Redis again; they hold as far as Redis knows them",
    );
  });
}
