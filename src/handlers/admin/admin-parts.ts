import type { Clock } from "../../base/clock.ts";
import type { Events } from "../../base/events.ts";
import type { Logger } from "../../base/logger.ts";
import type { Secret } from "../../base/secret.ts";
import type { PolicyDesk } from "../../conversation/policy-desk.ts";
import type { Resolution } from "../../review/case-moves.ts";
import type { SqlRecordStore } from "../../review/record-store.ts";
import type { Restriction } from "../../review/restrictions.ts";
import type { AdminLogins } from "../../session/admin-logins.ts";
import type { AdminSessions } from "../../session/admin-sessions.ts";
import type { RedisConnection } from "../../session/redis.ts";
import type { Role, Settings } from "./api-schema.ts";
import type { EventHub } from "./event-hub.ts";

/**
 * What is done in the chat beside a decision. Each call does it at once or throws: a YingdaError of WeCom or of a store, or
 * `bad_request` where it cannot be done at all. The decision stands either way; the reviewer is told, and the audit log
 * has the outcome. `by` is the userid of who decided.
 */
export interface AdminActions {
  /** Says this to the member in the chat of the case, in the bot's name. */
  warn(request: { caseNumber: string; text: string; by: string }): Promise<void>;
  /** Answers the flagged question after all, in the bot's name. */
  answer(request: { caseNumber: string; text: string; by: string }): Promise<void>;
  /** Takes back what the app sent for the flagged turn, within WeCom's time (wecom-protocol 3.4). */
  recall(request: { caseNumber: string; by: string }): Promise<void>;
  /** Hits on this phrase count no more, from now on and in every process. */
  allowPhrase(request: { caseNumber: string; phrase: string; by: string }): Promise<void>;
  /**
   * A case was resolved: what was refused by mistake counts no strikes, and whoever appealed is told how it ended. Throws
   * when the member cannot be told; the rest is done then.
   */
  settled(request: { caseNumber: string; resolution: Resolution; wasAppeal: boolean }): Promise<void>;
  /** A restriction was imposed or lifted in the database: turns have to follow it from now on. */
  enforce(restriction: Restriction): Promise<void>;
}

/** Pauses that strikes brought by themselves. */
export interface MemberPauses {
  /** Null when the member is not paused. */
  pausedUntilMs(userId: string): Promise<number | null>;
  lift(userId: string): Promise<void>;
}

/** How the company's members sign in (wecom-protocol 8). */
export interface WeComLogin {
  corpId: string;
  agentId: string;
  /** The userid of a member; null for whoever is none. Throws a YingdaError of WeCom's API. */
  identify(code: string, signal: AbortSignal): Promise<string | null>;
  /** Where the browser is sent; by default WeCom's own addresses. */
  qrUrl?: string;
  oauthUrl?: string;
}

/** An entry of ADMIN_USERS, the userid in lower case. */
export interface AdminUser {
  userId: string;
  role: Role;
}

export interface AdminParts {
  redis: RedisConnection;
  records: SqlRecordStore;
  policy: PolicyDesk;
  actions: AdminActions;
  pauses: MemberPauses;
  /** The display name, or the userid where none can be had. Takes two seconds at most, and throws nothing. */
  nameOf(userId: string, signal: AbortSignal): Promise<string>;
  users: readonly AdminUser[];
  bootstrapToken: Secret | null;
  /** PUBLIC_URL: the address in the browser. */
  publicUrl: string | null;
  wecomLogin: WeComLogin | null;
  /** What the environment made of the service. */
  settings(): Omit<Settings, "people" | "sessions">;
  /** Where the built page lies; by default `console/dist` of this checkout. */
  pageFolder?: string;
  clock: Clock;
  events: Events;
  log: Logger;
}

/** The parts and what the console's API makes of them itself. */
export interface AdminContext extends AdminParts {
  sessions: AdminSessions;
  logins: AdminLogins;
  hub: EventHub;
  /** When each denial was last written down; see access.ts. */
  denials: Map<string, number>;
}
