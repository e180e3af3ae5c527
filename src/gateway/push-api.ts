import type { Clock } from "../base/clock.ts";
import type { Events } from "../base/events.ts";
import type { Logger } from "../base/logger.ts";
import type { Config } from "../config.ts";
import { appActiveChannel } from "../handlers/active-messages.ts";
import type { AppChannel } from "../handlers/app-callback.ts";
import type { SocketJob } from "../handlers/bot-socket/jobs.ts";
import { socketActiveChannel } from "../handlers/bot-socket/socket-active.ts";
import type { PushApiParts } from "../handlers/push-api.ts";
import type { SqlRecordStore } from "../review/record-store.ts";
import { PushRequests } from "../session/push-requests.ts";
import type { RedisConnection } from "../session/redis.ts";
import { SendBudget } from "../session/send-budget.ts";
import { SentTexts } from "../session/sent-texts.ts";
import { SocketChats } from "../session/socket-chats.ts";
import type { SocketOutbox } from "../session/socket-outbox.ts";

/** What other systems may use to speak through the bot; null without API_TOKENS, and where no requests are taken. */
export function createPushApi(
  config: Config,
  parts: {
    redis: RedisConnection;
    records: SqlRecordStore;
    app: AppChannel | null;
    outbox: SocketOutbox<SocketJob> | null;
    clock: Clock;
    events: Events;
    log: Logger;
  },
): PushApiParts | null {
  const { redis, records, app, outbox, clock, events, log } = parts;
  const { socket } = config.wecom;
  if (config.apiTokens.length === 0 || config.role === "worker") return null;
  return {
    tokens: config.apiTokens,
    channels: {
      ...(app === null ? {} : { app: appChannelOf(app, redis) }),
      ...(socket === null || outbox === null
        ? {}
        : {
            socket: socketActiveChannel({
              botId: socket.botId,
              outbox,
              chats: new SocketChats(redis, socket.botId),
              clock,
            }),
          }),
    },
    requests: new PushRequests(redis),
    audit: records.audit,
    events,
    log,
  };
}

function appChannelOf({ agentId, api }: AppChannel, redis: RedisConnection) {
  return appActiveChannel({ agentId, api, budget: new SendBudget(redis, agentId), sentTexts: new SentTexts(redis) });
}
