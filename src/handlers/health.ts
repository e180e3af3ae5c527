import type { Middleware } from "koa";
import type { Clock } from "../base/clock.ts";
import type { Events, ModelState } from "../base/events.ts";
import { untilAborted } from "../conversation/until-aborted.ts";

/** A dependency that does not answer within this counts as away. */
const CHECK_TIMEOUT_MS = 1_500;
/** Probes come often and from many sides; the stores are asked at most this often. */
const CHECK_EVERY_MS = 1_000;

export interface HealthParts {
  checkRedis(): Promise<unknown>;
  checkDatabase(): Promise<unknown>;
  model(): ModelState;
  /** This process's part in the AI bot's long connection; absent where the bot has none. */
  botSocket?(): string;
  isDraining(): boolean;
  events: Events;
  clock: Clock;
}

/** `GET /healthz`: the process runs; nothing else is asked, so that a dead Redis does not get the process restarted. */
export function liveness(): Middleware {
  return function healthz(ctx) {
    ctx.body = { status: "ok" };
  };
}

/** `GET /readyz`: 200 when messages can be taken, kept and recorded; 503 while draining or when a store is away. */
export function readiness(parts: HealthParts): Middleware {
  let last: { atMs: number; stores: Promise<{ redis: boolean; database: boolean }> } | null = null;
  return async function readyz(ctx) {
    const nowMs = parts.clock.nowMs();
    if (last === null || nowMs - last.atMs > CHECK_EVERY_MS) last = { atMs: nowMs, stores: checkStores(parts) };
    const { redis, database } = await last.stores;
    const draining = parts.isDraining();
    const ready = redis && database && !draining;
    ctx.status = ready ? 200 : 503;
    const model = parts.model();
    ctx.body = {
      ready,
      draining,
      redis: redis ? "ok" : "away",
      database: database ? "ok" : "away",
      model: model.endpoints,
      modelWaiting: model.waiting,
      ...(parts.botSocket === undefined ? {} : { botSocket: parts.botSocket() }),
    };
  };
}

/** `GET /metrics`: Prometheus text. */
export function metrics({ events }: { events: Events }): Middleware {
  return async function metricsText(ctx) {
    ctx.type = events.registry.contentType;
    ctx.body = await events.registry.metrics();
  };
}

async function checkStores(parts: HealthParts): Promise<{ redis: boolean; database: boolean }> {
  const [redis, database] = await Promise.all([answers(parts.checkRedis), answers(parts.checkDatabase)]);
  return { redis, database };
}

async function answers(check: () => Promise<unknown>): Promise<boolean> {
  try {
    await untilAborted(check(), AbortSignal.timeout(CHECK_TIMEOUT_MS));
    return true;
  } catch {
    return false;
  }
}
