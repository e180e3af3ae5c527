import { readFileSync } from "node:fs";
import type { Clock } from "../base/clock.ts";
import type { Events } from "../base/events.ts";
import type { Logger } from "../base/logger.ts";
import type { Config } from "../config.ts";
import type { PolicyDesk } from "../conversation/policy-desk.ts";
import { type Admin, createAdmin } from "../handlers/admin/admin-app.ts";
import type { WeComLogin } from "../handlers/admin/admin-parts.ts";
import type { AppChannel } from "../handlers/app-callback.ts";
import { ChatActions } from "../handlers/chat-actions.ts";
import type { Moderator } from "../moderation/verdict.ts";
import type { SqlRecordStore } from "../review/record-store.ts";
import { RedisConduct } from "../session/conduct.ts";
import type { RedisConnection } from "../session/redis.ts";
import type { SentIds } from "../session/sent-ids.ts";
import type { MemberNames } from "../wecom/member-names.ts";

export interface ConsoleParts {
  redis: RedisConnection;
  records: SqlRecordStore;
  moderator: Moderator;
  policy: PolicyDesk;
  app: AppChannel | null;
  sentIds: SentIds;
  names: MemberNames;
  clock: Clock;
  events: Events;
  log: Logger;
}

/** The review console, and what its reviewers do in the chat. */
export function createConsole(config: Config, parts: ConsoleParts): { admin: Admin; actions: ChatActions } {
  const { redis, records, moderator, policy, app, sentIds, names, clock, events, log } = parts;
  const conduct = new RedisConduct(redis);
  const actions = new ChatActions({
    cases: records.cases,
    restrictions: records.restrictions,
    conduct,
    sentIds,
    app: app?.api ?? null,
    policy,
    clock,
  });
  const admin = createAdmin({
    redis,
    records,
    policy,
    actions,
    pauses: {
      pausedUntilMs: async (userId) => conduct.pausedUntilMs(userId, clock.nowMs()),
      lift: async (userId) => conduct.endPause(userId),
    },
    nameOf: async (userId, signal) => names.nameOf(userId, signal),
    users: config.admin.users,
    bootstrapToken: config.admin.bootstrapToken,
    publicUrl: config.publicUrl,
    wecomLogin: wecomLoginOf(config, app),
    settings: () => ({
      serviceVersion: serviceVersion(),
      channels: [...(app === null ? [] : ["app"]), ...(config.wecom.bot === null ? [] : ["bot"])],
      model: config.model.name,
      guard: config.guard === null ? null : `${config.guard.kind} ${config.guard.model}`,
      retention: moderator.settings.retention,
      policySource: policy.source,
    }),
    clock,
    events,
    log,
  });
  return { admin, actions };
}

/** Members sign in through the self-built app; without its corpid there is no way. */
function wecomLoginOf(config: Config, app: AppChannel | null): WeComLogin | null {
  const settings = config.wecom.app;
  if (settings === null || app === null || config.publicUrl === null) return null;
  const { corpId, agentId } = settings;
  return { corpId, agentId, identify: async (code, signal) => app.api.getLoginUserId(code, signal) };
}

function serviceVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  return manifest.version;
}
