import Koa, { type Middleware } from "koa";
import Router from "koa-router";
import { YingdaError } from "../base/errors.ts";
import type { Events } from "../base/events.ts";
import type { Logger } from "../base/logger.ts";
import { type AppCallbackParts, takeAppCallback, verifyAppUrl } from "./app-callback.ts";
import { type BotCallbackParts, takeBotCallback, verifyBotUrl } from "./bot-callback.ts";
import { type HealthParts, liveness, metrics, readiness } from "./health.ts";
import { answerErrors } from "./http-errors.ts";
import { type PushApiParts, takePush } from "./push-api.ts";

export interface HttpAppParts {
  app: AppCallbackParts;
  bot: BotCallbackParts;
  health: HealthParts;
  /** False in a process that only works on turns: it answers health and metrics alone. */
  takesCallbacks: boolean;
  /** For other systems of the company; null where none has a token. */
  push: PushApiParts | null;
  /** The review console; null where it is not served. */
  admin: Middleware | null;
  events: Events;
  log: Logger;
}

/** The Koa application: the routes of contract.md, middleware in reading order. */
export function createHttpApp(parts: HttpAppParts): Koa {
  const koa = new Koa();
  const router = new Router();
  router.get("/healthz", liveness());
  router.get("/readyz", readiness(parts.health));
  router.get("/metrics", metrics(parts));
  if (parts.takesCallbacks) {
    router.get("/wecom/app", measured("app", parts), verifyAppUrl(parts.app));
    router.post("/wecom/app", measured("app", parts), takeAppCallback(parts.app));
    router.get("/wecom/bot", measured("bot", parts), verifyBotUrl(parts.bot));
    router.post("/wecom/bot", measured("bot", parts), takeBotCallback(parts.bot));
  }
  if (parts.push !== null) router.post("/api/messages", takePush(parts.push));
  koa.use(safeHeaders);
  koa.use(answerErrors(parts.log));
  koa.use(pathsOnly);
  if (parts.admin !== null) koa.use(parts.admin);
  koa.use(router.routes());
  koa.use(
    router.allowedMethods({
      throw: true,
      methodNotAllowed: () => new YingdaError("method_not_allowed", "The route exists, the method does not."),
      notImplemented: () => new YingdaError("method_not_allowed", "The method is not known here."),
    }),
  );
  // A socket that breaks while it is answered is the peer's business; everything else was answered above.
  koa.on("error", (error: unknown) => parts.log.debug({ err: error }, "a response could not be sent"));
  return koa;
}

const safeHeaders: Middleware = async function safeHeaders(ctx, next) {
  ctx.set("x-content-type-options", "nosniff");
  ctx.set("cache-control", "no-store");
  await next();
};

/** Whole addresses and `*` are for proxies, which this is not; what reads them below throws at a host that is none. */
const pathsOnly: Middleware = async function pathsOnly(ctx, next) {
  if (!ctx.url.startsWith("/")) throw new YingdaError("bad_request", "The request's target is not a path.");
  await next();
};

/** One event for each callback with what was answered; errors are counted on their way to becoming answers. */
function measured(channel: string, { events }: { events: Events }): Middleware {
  return async function measure(ctx, next) {
    const startMs = performance.now();
    const kind = (): string => String(ctx.state.kind ?? (ctx.method === "GET" ? "url check" : "unread"));
    const tookMs = (): number => performance.now() - startMs;
    try {
      await next();
      events.callbackAnswered({ channel, kind: kind(), status: ctx.status, tookMs: tookMs() });
    } catch (error) {
      const known = error instanceof YingdaError ? error : new YingdaError("internal", "Unforeseen.", { cause: error });
      events.callbackAnswered({ channel, kind: kind(), status: known.status, tookMs: tookMs(), error: known });
      throw error;
    }
  };
}
