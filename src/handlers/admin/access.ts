import { createHash, timingSafeEqual } from "node:crypto";
import type { Context } from "koa";
import type { AdminSession } from "../../session/admin-sessions.ts";
import { AdminError } from "./admin-errors.ts";
import type { AdminContext, AdminUser } from "./admin-parts.ts";
import { ROLES, type Role } from "./api-schema.ts";
import { cookieManner, readCookie } from "./cookies.ts";
import type { Route } from "./route.ts";

/** Who calls. */
export interface Caller {
  userId: string;
  role: Role;
  session: AdminSession;
  /** The cookie's value. */
  token: string;
}

/** Who signs in by the bootstrap token when ADMIN_USERS names no admin. */
const BOOTSTRAP_USER = "admin";
/** Denials of one person and route are written down once in this time; more say nothing new and fill the log. */
const DENIAL_AGAIN_MS = 60_000;
/** Persons times routes remembered for that. */
const DENIALS_MAX = 1_000;

export function atLeast(role: Role, least: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(least);
}

/** Whom the bootstrap token signs in: the first admin that is configured. */
export function bootstrapUserId(users: readonly AdminUser[]): string {
  return users.find(({ role }) => role === "admin")?.userId ?? BOOTSTRAP_USER;
}

/**
 * The role that the configuration gives this session's person now; null for who is in it no more. A member of WeCom who
 * happens to be called `admin` is not the bootstrap's admin.
 */
export function roleOf(session: Pick<AdminSession, "userId" | "way">, users: readonly AdminUser[]): Role | null {
  const userId = session.userId.toLowerCase();
  const named = users.findLast((user) => user.userId === userId);
  if (named !== undefined) return named.role;
  return session.way === "bootstrap" && userId === bootstrapUserId(users) ? "admin" : null;
}

/**
 * Lets a request through to its route, or throws `not_signed_in`, `not_allowed` or `bad_csrf`. The one place where it is
 * decided who may call what. Null: a route for nobody in particular.
 */
export async function admitted(ctx: Context, route: Route, admin: AdminContext): Promise<Caller | null> {
  // Navigation from elsewhere may begin a login and come back from it; all else is the page's own business.
  if (route.role !== "nobody" || route.method !== "GET") refuseForeignPages(ctx);
  if (route.method !== "GET") refuseForeignOrigin(ctx, admin.publicUrl);
  if (route.role === "nobody") return null;
  const caller = await callerOf(ctx, admin);
  if (caller === null) throw new AdminError("not_signed_in", "Sign in first.");
  if (route.method !== "GET" && !sameSecret(ctx.get("x-csrf-token"), caller.session.csrf)) {
    throw new AdminError(
      "bad_csrf",
      "The header x-csrf-token is missing or belongs to another session; load the page anew.",
    );
  }
  if (!atLeast(caller.role, route.role)) {
    await noteDenial(caller, `${route.method} ${route.path}`, admin);
    throw new AdminError("not_allowed", `This takes the role ${route.role}; yours is ${caller.role}.`);
  }
  return caller;
}

/** Throws `not_allowed` where a part of a route takes more than the route itself. */
export async function requireRole(caller: Caller, least: Role, what: string, admin: AdminContext): Promise<void> {
  if (atLeast(caller.role, least)) return;
  await noteDenial(caller, what, admin);
  throw new AdminError("not_allowed", `${what} takes the role ${least}; yours is ${caller.role}.`);
}

async function callerOf(ctx: Context, admin: AdminContext): Promise<Caller | null> {
  const token = readCookie(ctx.req, cookieManner(ctx.req, admin.publicUrl), "session");
  if (token === null) return null;
  const session = await admin.sessions.use(token);
  if (session === null) return null;
  const role = roleOf(session, admin.users);
  if (role !== null) return { userId: session.userId, role, session, token };
  await admin.sessions.revoke(session.id);
  return null;
}

/** Browsers say by this header whether our own page asks; one that does not send it is held by Origin and SameSite. */
function refuseForeignPages(ctx: Context): void {
  const site = ctx.get("sec-fetch-site");
  if (site === "" || site === "same-origin" || site === "none") return;
  throw new AdminError("bad_csrf", "Another page asks for this; open the console itself.");
}

/** A browser names the page's origin with everything but GET. Without PUBLIC_URL it has to be the host that was asked. */
function refuseForeignOrigin(ctx: Context, publicUrl: string | null): void {
  const origin = URL.parse(ctx.get("origin"));
  const own = publicUrl === null ? null : new URL(publicUrl).origin;
  const fits = own === null ? origin?.host === ctx.get("host").toLowerCase() : origin?.origin === own;
  if (origin !== null && fits) return;
  throw new AdminError(
    "bad_csrf",
    own === null
      ? "The Origin header is missing or is not this server."
      : "The Origin header is missing or is not PUBLIC_URL; open the console at that address.",
  );
}

/** Compares digests, so that neither length nor beginning shows in the time it takes. */
export function sameSecret(given: string, expected: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

async function noteDenial(caller: Caller, what: string, admin: AdminContext): Promise<void> {
  const noted = admin.denials;
  const key = `${caller.userId} ${what}`;
  const nowMs = admin.clock.nowMs();
  const before = noted.get(key);
  if (before !== undefined && nowMs - before < DENIAL_AGAIN_MS) return;
  if (noted.size >= DENIALS_MAX) noted.clear();
  noted.set(key, nowMs);
  const details = { what, role: caller.role };
  await admin.records.audit.append({ by: caller.userId, action: "access.denied", subject: "console", details });
}
