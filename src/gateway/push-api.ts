import type { Events } from "../base/events.ts";
import type { Logger } from "../base/logger.ts";
import type { Config } from "../config.ts";
import { appActiveChannel } from "../handlers/active-messages.ts";
import type { AppChannel } from "../handlers/app-callback.ts";
import type { PushApiParts } from "../handlers/push-api.ts";
import type { SqlRecordStore } from "../review/record-store.ts";
import { PushRequests } from "../session/push-requests.ts";
import type { RedisConnection } from "../session/redis.ts";
import { SendBudget } from "../session/send-budget.ts";
import { SentTexts } from "../session/sent-texts.ts";

/** What other systems may use to speak through the bot; null without API_TOKENS, and where no requests are taken. */
export function createPushApi(
  config: Config,
  parts: { redis: RedisConnection; records: SqlRecordStore; app: AppChannel | null; events: Events; log: Logger },
): PushApiParts | null {
  const { redis, records, app, events, log } = parts;
  if (config.apiTokens.length === 0 || config.role === "worker") return null;
  return {
    tokens: config.apiTokens,
    // A further channel is a further line here.
    channels: {
      ...(app === null ? {} : { app: appChannelOf(app, redis) }),
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
