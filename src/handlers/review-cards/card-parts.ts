import type { Clock } from "../../base/clock.ts";
import type { Events } from "../../base/events.ts";
import type { Logger } from "../../base/logger.ts";
import type { AuditLog } from "../../review/audit-log.ts";
import type { CardQueue } from "../../review/card-queue.ts";
import type { Decided } from "../../review/case-decisions.ts";
import type { CaseStore } from "../../review/case-store.ts";
import type { SendBudget } from "../../session/send-budget.ts";
import type { WeComApi } from "../../wecom/api-client.ts";

export interface CardParts {
  api: Pick<WeComApi, "sendCard" | "sendNotice" | "sendText" | "updateCard">;
  /** WeCom drops what is beyond its rate without a word; cards count with the app's other messages. */
  budget: Pick<SendBudget, "reserve">;
  cases: Pick<CaseStore, "get" | "decide">;
  cards: CardQueue;
  audit: Pick<AuditLog, "append">;
  /** What follows from a case being resolved, as after a decision in the console. */
  settled(decided: Decided): Promise<void>;
  /** ADMIN_USERS: userids in lower case. */
  users: readonly { userId: string; role: "viewer" | "reviewer" | "admin" }[];
  /** The display name, or the userid where none can be had. Never throws. */
  nameOf(userId: string, signal: AbortSignal): Promise<string>;
  /** PUBLIC_URL; null: cards have no way to the console. */
  publicUrl: string | null;
  clock: Clock;
  events: Events;
  log: Logger;
}

/** Who gets cards, and may decide on them: reviewers and admins. Userids in lower case. */
export function reviewersOf(users: CardParts["users"]): string[] {
  return users.filter(({ role }) => role !== "viewer").map(({ userId }) => userId.toLowerCase());
}

/** `path` below the console's own address, as the console's routes have it. */
export function consoleUrl(publicUrl: string | null, path: string): string | null {
  return publicUrl === null ? null : `${publicUrl.replace(/\/+$/, "")}/admin/${path}`;
}
