import type { Context } from "koa";
import { z } from "zod";
import { YingdaError } from "../../base/errors.ts";
import { LOGIN_LIFE_MS } from "../../session/admin-logins.ts";
import { type LoginWay, SESSION_LIFE_MS } from "../../session/admin-sessions.ts";
import { LOGIN_CODE_OVER } from "../../wecom/api-errors.ts";
import { bootstrapUserId, roleOf, sameSecret } from "./access.ts";
import { AdminError, badRequest } from "./admin-errors.ts";
import type { AdminContext, WeComLogin } from "./admin-parts.ts";
import { bootstrapRequest, loginOptions, type Session, sessionAnswer } from "./api-schema.ts";
import { cookieHeader, cookieManner, readCookie } from "./cookies.ts";
import { peerOf } from "./peer-address.ts";
import { sendRefusedPage } from "./plain-pages.ts";
import { openRoute, type Route, route } from "./route.ts";

/** wecom-protocol 8.3 */
const QR_URL = "https://login.work.weixin.qq.com/wwlogin/sso/login";
/** wecom-protocol 8.1 */
const OAUTH_URL = "https://open.weixin.qq.com/connect/oauth2/authorize";
/** WeCom's browser names itself so; there nobody can scan a code. */
const INSIDE_WECOM = /wxwork/i;
const CALLBACK_PATH = "/admin/api/login/callback";
const IDENTIFY_TIMEOUT_MS = 10_000;
const NEXT_UNITS_MAX = 1_000;
/** wecom-protocol 8.1 */
const CODE_UNITS_MAX = 512;

/** In place of a userid, none of which has a space. */
const CODE_OVER = "code over";

const nextQuery = z.object({ next: z.string().max(NEXT_UNITS_MAX).optional() });
const callbackQuery = z.object({
  code: z.string().min(1).max(CODE_UNITS_MAX).optional(),
  state: z.string().max(200).default(""),
});

export const LOGIN_ROUTES: readonly Route[] = [
  openRoute({
    method: "GET",
    path: "/login/options",
    summary: "Which ways to sign in are open",
    answer: loginOptions,
    async handle({ admin }) {
      const { bootstrapToken, wecomLogin, publicUrl, logins } = admin;
      const bootstrap = bootstrapToken !== null && !(await logins.bootstrapUsed(bootstrapToken.reveal()));
      return { wecom: wecomLogin !== null && publicUrl !== null, bootstrap };
    },
  }),
  openRoute({
    method: "POST",
    path: "/login/bootstrap",
    summary: "Sign in the first admin by the one-time token of the environment",
    body: bootstrapRequest,
    answer: sessionAnswer,
    async handle({ ctx, admin, body, signal }) {
      await spendAttempt(ctx, admin, "failures");
      const expected = admin.bootstrapToken?.reveal() ?? null;
      if (expected === null || !sameSecret(body.token, expected)) {
        throw new AdminError("not_allowed", "The token is not right.");
      }
      cookieMannerFor(ctx, admin);
      if (!(await admin.logins.useBootstrap(expected))) {
        throw new AdminError("not_allowed", "The token was used before; set a new ADMIN_BOOTSTRAP_TOKEN and restart.");
      }
      await admin.logins.forgive("failures", peerOf(ctx.req));
      try {
        return await signIn(ctx, admin, bootstrapUserId(admin.users), "bootstrap", signal);
      } catch (error) {
        // The database was away, for one: the only way in must not be lost by that.
        await admin.logins.returnBootstrap(expected);
        throw error;
      }
    },
  }),
  openRoute({
    method: "GET",
    path: "/login/wecom",
    summary: "Begin a login at WeCom: its QR page, or inside WeCom its silent login",
    query: nextQuery,
    gives: "a redirect to WeCom",
    async handle({ ctx, admin, query }) {
      await spendAttempt(ctx, admin, "starts");
      const { login, publicUrl } = wecomLoginOf(admin);
      const manner = cookieMannerFor(ctx, admin);
      const { state, browser } = await admin.logins.begin(safeNext(query.next));
      ctx.append("set-cookie", cookieHeader(manner, "login", browser, LOGIN_LIFE_MS));
      const inside = INSIDE_WECOM.test(ctx.get("user-agent"));
      const redirectUri = new URL(CALLBACK_PATH, publicUrl).href;
      ctx.redirect(inside ? oauthAddress(login, redirectUri, state) : qrAddress(login, redirectUri, state));
    },
  }),
  openRoute({
    method: "GET",
    path: "/login/callback",
    summary: "Where WeCom sends the browser back to",
    query: callbackQuery,
    gives: "a redirect to the page that was asked for",
    async handle({ ctx, admin, query, signal }) {
      await spendAttempt(ctx, admin, "failures");
      const manner = cookieMannerFor(ctx, admin);
      const browser = readCookie(ctx.req, manner, "login");
      const begun = browser === null ? null : await admin.logins.finish(query.state, browser);
      ctx.append("set-cookie", cookieHeader(manner, "login", null, 0));
      if (begun === null) return sendRefusedPage(ctx, "login_over");
      if (query.code === undefined) return sendRefusedPage(ctx, "login_cancelled");
      const { login } = wecomLoginOf(admin);
      const userId = await identify(login, query.code, signal);
      if (userId === CODE_OVER) return sendRefusedPage(ctx, "login_over");
      if (userId === null) return sendRefusedPage(ctx, "not_a_member");
      if (roleOf({ userId, way: "wecom" }, admin.users) === null) {
        const entry = { by: userId, action: "login.refused", subject: "console", details: { way: "wecom" } };
        await admin.records.audit.append(entry);
        return sendRefusedPage(ctx, "unknown_user", userId);
      }
      await admin.logins.forgive("failures", peerOf(ctx.req));
      await signIn(ctx, admin, userId, "wecom", signal);
      ctx.redirect(begun.next);
    },
  }),
  route({
    method: "POST",
    path: "/logout",
    role: "viewer",
    summary: "End this session",
    async handle({ ctx, admin, caller }) {
      await admin.sessions.end(caller.token);
      ctx.append("set-cookie", cookieHeader(cookieMannerFor(ctx, admin), "session", null, 0));
      // What the page keeps for this person goes with the session.
      ctx.set("clear-site-data", '"cache", "storage"');
      await admin.records.audit.append({ by: caller.userId, action: "logout", subject: "console", details: {} });
    },
  }),
  route({
    method: "GET",
    path: "/session",
    role: "viewer",
    summary: "Who is signed in",
    answer: sessionAnswer,
    async handle({ admin, caller, signal }) {
      const { userId, role, session } = caller;
      const name = await admin.nameOf(userId, signal);
      return { user: { userId, name, role }, csrf: session.csrf, expiresAtMs: session.expiresAtMs };
    },
  }),
];

/** Only pages of the console: a login must not lead elsewhere, with the trust that it gives the address. */
export function safeNext(next: string | undefined): string {
  const home = "/admin/";
  if (next === undefined || !/^\/admin\/[\x21-\x7e]*$/.test(next) || next.includes("\\")) return home;
  const url = URL.parse(next, "http://console.invalid");
  if (url === null || url.origin !== "http://console.invalid") return home;
  // As the browser will read it, without dots that climb out.
  const path = url.pathname + url.search + url.hash;
  return url.pathname.startsWith("/admin/") && !url.pathname.startsWith("/admin/api/") ? path : home;
}

/** Puts a new session into the browser, in place of the one it may have had. The audit row comes first: no row, no login. */
async function signIn(
  ctx: Context,
  admin: AdminContext,
  userId: string,
  way: LoginWay,
  signal: AbortSignal,
): Promise<Session> {
  const role = roleOf({ userId, way }, admin.users);
  if (role === null) throw new AdminError("not_allowed", "ADMIN_USERS does not name you.");
  const manner = cookieMannerFor(ctx, admin);
  await admin.records.audit.append({ by: userId, action: "login", subject: "console", details: { way, role } });
  const before = readCookie(ctx.req, manner, "session");
  if (before !== null) await admin.sessions.end(before);
  const { token, session } = await admin.sessions.open(userId, way);
  ctx.append("set-cookie", cookieHeader(manner, "session", token, SESSION_LIFE_MS));
  admin.log.info({ userId, way, role }, "signed in to the console");
  const name = await admin.nameOf(userId, signal);
  return { user: { userId, name, role }, csrf: session.csrf, expiresAtMs: session.expiresAtMs };
}

async function identify(login: WeComLogin, code: string, signal: AbortSignal): Promise<string | null> {
  try {
    return await login.identify(code, AbortSignal.any([signal, AbortSignal.timeout(IDENTIFY_TIMEOUT_MS)]));
  } catch (error) {
    if (error instanceof YingdaError && error.details.errcode === LOGIN_CODE_OVER) return CODE_OVER;
    if (error instanceof YingdaError) throw error;
    throw new YingdaError("wecom_unreachable", "WeCom did not name the member in time.", { cause: error });
  }
}

function wecomLoginOf({ wecomLogin, publicUrl }: AdminContext): { login: WeComLogin; publicUrl: string } {
  if (wecomLogin !== null && publicUrl !== null) return { login: wecomLogin, publicUrl };
  throw badRequest("Signing in over WeCom needs WECOM_APP_* and PUBLIC_URL.");
}

function cookieMannerFor(ctx: Context, admin: AdminContext): "secure" | "loopback" {
  const manner = cookieManner(ctx.req, admin.publicUrl);
  if (manner !== "none") return manner;
  throw new AdminError(
    "not_allowed",
    "Nobody signs in over a network in clear text: set PUBLIC_URL to the https:// address of the console, or open it on the machine itself.",
  );
}

async function spendAttempt(ctx: Context, { logins }: AdminContext, kind: "failures" | "starts"): Promise<void> {
  if (await logins.attempt(kind, peerOf(ctx.req))) return;
  throw new AdminError("too_many_requests", "Too many attempts from this address; wait a minute.");
}

function qrAddress({ corpId, agentId, qrUrl = QR_URL }: WeComLogin, redirectUri: string, state: string): string {
  const url = new URL(qrUrl);
  const query = { login_type: "CorpApp", appid: corpId, agentid: agentId, redirect_uri: redirectUri, state };
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url.href;
}

/** The parameters in the order in which the documentation has them. */
function oauthAddress(
  { corpId, agentId, oauthUrl = OAUTH_URL }: WeComLogin,
  redirectUri: string,
  state: string,
): string {
  const url = new URL(oauthUrl);
  const query = {
    appid: corpId,
    redirect_uri: redirectUri,
    response_type: "code",
    scope: "snsapi_base",
    state,
    agentid: agentId,
  };
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  url.hash = "wechat_redirect";
  return url.href;
}
