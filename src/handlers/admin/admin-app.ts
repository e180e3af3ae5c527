import { fileURLToPath } from "node:url";
import type { Context, Middleware } from "koa";
import Router from "koa-router";
import { YingdaError } from "../../base/errors.ts";
import { AdminLogins } from "../../session/admin-logins.ts";
import { AdminSessions } from "../../session/admin-sessions.ts";
import { admitted } from "./access.ts";
import { answerError, badRequest, notFound } from "./admin-errors.ts";
import type { AdminContext, AdminParts } from "./admin-parts.ts";
import { rowOfConflict } from "./case-bodies.ts";
import { sendConsolePage } from "./console-page.ts";
import { EventHub } from "./event-hub.ts";
import { readJsonBody } from "./json-body.ts";
import type { Route } from "./route.ts";
import { ADMIN_ROUTES } from "./routes.ts";

const API = "/admin/api";
const BUILT_PAGE = fileURLToPath(new URL("../../../console/dist", import.meta.url));
/** Only our own files, nothing inline: what somebody wrote in a chat can never become a script. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "font-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join("; ");
const HSTS = "max-age=31536000; includeSubDomains";

export interface Admin {
  /** Answers all of `/admin`, errors included, and lets everything else pass. */
  middleware: Middleware;
  /** Ends the streams of open pages. */
  stop(): Promise<void>;
}

/** The review console: its page and its API. */
export function createAdmin(parts: AdminParts): Admin {
  const sessions = new AdminSessions(parts.redis, parts.clock);
  const hub = new EventHub({ ...parts, sessions });
  const admin: AdminContext = { ...parts, sessions, logins: new AdminLogins(parts.redis), hub, denials: new Map() };
  const router = new Router({ prefix: API, strict: true, sensitive: true });
  for (const one of ADMIN_ROUTES) {
    router.register(one.path, [one.method], (ctx) => serve(ctx, one, admin));
  }
  const routes = router.routes();
  const otherMethods = router.allowedMethods({
    throw: true,
    methodNotAllowed: () => new YingdaError("method_not_allowed", "The route exists, the method does not."),
    notImplemented: () => new YingdaError("method_not_allowed", "The method is not known here."),
  });
  const secure = parts.publicUrl !== null && new URL(parts.publicUrl).protocol === "https:";

  return {
    async middleware(ctx, next) {
      const { path } = ctx;
      if (path !== "/admin" && !path.startsWith("/admin/")) return next();
      setHeaders(ctx, secure);
      try {
        if (path === "/admin") return ctx.redirect("/admin/");
        if (path !== API && !path.startsWith(`${API}/`)) {
          return await sendConsolePage(ctx, parts.pageFolder ?? BUILT_PAGE, path.slice("/admin/".length));
        }
        // No body is read before it is known who sends it, and no route is named to whoever asks for none.
        await routes(ctx as Parameters<typeof routes>[0], () =>
          otherMethods(ctx as Parameters<typeof otherMethods>[0], async () => {}),
        );
        if (ctx.status === 404) throw notFound();
      } catch (error) {
        const signal = AbortSignal.timeout(CONFLICT_ROW_MS);
        await answerError(ctx, error, {
          log: parts.log,
          rowOf: (conflict) => rowOfConflict(conflict, parts, signal),
        });
      }
    },
    stop: () => hub.stop(),
  };
}

/** For the names in the row that goes with a conflict. */
const CONFLICT_ROW_MS = 2_000;

async function serve(ctx: Context, route: Route, admin: AdminContext): Promise<void> {
  // The router takes HEAD for GET; here a HEAD would open a stream, or write an audit row for a file that nobody gets.
  if (ctx.method !== route.method)
    throw new YingdaError("method_not_allowed", "The route exists, the method does not.");
  const gone = new AbortController();
  ctx.res.once("close", () => gone.abort());
  const caller = await admitted(ctx, route, admin);
  const body = route.method === "GET" ? undefined : await readJsonBody(ctx.req, route.bodyBytesMax);
  const call = { ctx, admin, params: ctx.params as unknown, query: queryOf(ctx), body, signal: gone.signal };
  const answer = await route.handle(call, caller);
  if (route.answer !== null) ctx.body = answer;
  else if (route.gives === "nothing") ctx.status = 204;
}

/** Each name once: two values are two meanings, and proxies differ in which they take. */
function queryOf(ctx: Context): Record<string, string> {
  const query = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(ctx.querystring)) {
    if (query.has(name)) throw badRequest("A parameter is given twice.");
    query.set(name, value);
  }
  return Object.fromEntries(query);
}

function setHeaders(ctx: Context, secure: boolean): void {
  ctx.set({
    "cache-control": "no-store",
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
  });
  if (secure) ctx.set("strict-transport-security", HSTS);
}
