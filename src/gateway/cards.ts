import type { Clock } from "../base/clock.ts";
import type { Events } from "../base/events.ts";
import type { Logger } from "../base/logger.ts";
import type { Config } from "../config.ts";
import type { AppChannel } from "../handlers/app-callback.ts";
import type { ChatActions } from "../handlers/chat-actions.ts";
import { CardDispatcher } from "../handlers/review-cards/card-dispatcher.ts";
import { ClickDesk } from "../handlers/review-cards/click-desk.ts";
import type { Decided } from "../review/case-decisions.ts";
import type { SqlRecordStore } from "../review/record-store.ts";
import type { RedisConnection } from "../session/redis.ts";
import { SendBudget } from "../session/send-budget.ts";
import { GroupRobot } from "../wecom/group-robot.ts";
import type { MemberNames } from "../wecom/member-names.ts";

export interface CardsParts {
  redis: RedisConnection;
  records: SqlRecordStore;
  app: AppChannel | null;
  names: MemberNames;
  actions: ChatActions;
  clock: Clock;
  events: Events;
  log: Logger;
}

/**
 * Review cards in WeCom; null without the self-built app, which is the only one that can begin to write. Throws `bad_config`
 * for the address of a group's robot that cannot be one.
 */
export function createCards(
  config: Config,
  { redis, records, app, names, actions, clock, events, log }: CardsParts,
): { dispatcher: CardDispatcher; clicks: ClickDesk } | null {
  if (app === null) return null;
  const { alertWebhookUrl: webhookUrl } = config;
  const parts = {
    api: app.api,
    budget: new SendBudget(redis, app.agentId),
    cases: records.cases,
    cards: records.cards,
    audit: records.audit,
    settled: async (decided: Decided) => actions.settledBy(decided),
    users: config.admin.users,
    nameOf: async (userId: string, signal: AbortSignal) => names.nameOf(userId, signal),
    publicUrl: config.publicUrl,
    robot: webhookUrl === null ? null : new GroupRobot({ webhookUrl, events, clock }),
    clock,
    events,
    log,
  };
  return { dispatcher: new CardDispatcher(parts), clicks: new ClickDesk(parts) };
}
