import type { Clock } from "../base/clock.ts";
import type { Events } from "../base/events.ts";
import type { Config } from "../config.ts";
import type { AppChannel } from "../handlers/app-callback.ts";
import type { RedisConnection } from "../session/redis.ts";
import { RedisTokenStore } from "../session/redis-token-store.ts";
import { WeComApi } from "../wecom/api-client.ts";
import { CallbackCrypto } from "../wecom/crypto.ts";

/** The ways into WeCom that the configuration names. */

export function createAppChannel(
  config: Config,
  redis: RedisConnection,
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

export function createBotChannel(config: Config): { crypto: CallbackCrypto; name: string | undefined } | null {
  const { bot, botName } = config.wecom;
  if (bot === null) return null;
  // The AI bot's receiveid is empty (wecom-protocol 1.5).
  return { crypto: new CallbackCrypto({ token: bot.token, aesKey: bot.aesKey, receiverId: "" }), name: botName };
}
