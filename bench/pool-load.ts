import { setTimeout as delay } from "node:timers/promises";
import { systemClock } from "../src/base/clock.ts";
import type { ChatModel } from "../src/llm/chat-model.ts";
import type { ModelLimits } from "../src/llm/model-limits.ts";
import { createModelPool } from "../src/llm/model-pool.ts";
import { type Health, type PoolServer, startPoolServer } from "./pool-server.ts";

/** As in production, in a world ten times as fast. */
export const FAST_LIMITS: Partial<ModelLimits> = {
  firstTokenMs: 6_000,
  openMs: 1_000,
  queuedFirstTokenMs: 200,
  slowFirstTokenMs: 100,
  slowAvoidedMs: 3_000,
  loadEveryMs: 200,
  probeMs: 1_000,
};
const SAMPLE_EVERY_MS = 20;
/** Below this many at once, nobody can be called more loaded than another. */
const LOADED_MIN = 6;

export interface PoolLoad {
  conversations: number;
  turns: number;
  thinkMs: number;
}

export interface Turn {
  conversation: number;
  endpoint: string | null;
  firstMs: number;
  tookMs: number;
}

export interface PoolRun {
  turns: Turn[];
  tookMs: number;
  servers: PoolServer[];
  /** Share of turns that went where their conversation's turn before went. */
  sticky: number;
  /** The busiest well endpoint over the mean of the well ones, as a mean over the run. */
  imbalance: number;
}

export function poolOver(servers: readonly PoolServer[], limits: Partial<ModelLimits> = {}): ChatModel {
  const silent = () => undefined;
  return createModelPool({
    baseUrls: servers.map(({ url }) => url),
    apiKey: null,
    model: "bench",
    events: { modelAnswered: silent, modelFailed: silent, alert: silent },
    clock: systemClock,
    limits: { ...FAST_LIMITS, ...limits },
  });
}

/** Conversations that ask, read for a while and ask again, over endpoints of this health. */
export async function runLoad(healths: readonly Health[], load: PoolLoad): Promise<PoolRun> {
  const servers = await Promise.all(healths.map((health) => startPoolServer(health)));
  const model = poolOver(servers);
  const turns: Turn[] = [];
  const startedMs = performance.now();
  const watching = new AbortController();
  const imbalance = watchBalance(servers, watching.signal);
  let left = load.turns;
  const converse = async (conversation: number): Promise<void> => {
    await delay(Math.random() * load.thinkMs * 2);
    while (left > 0) {
      left -= 1;
      turns.push(await askOnce(model, conversation));
      await delay(load.thinkMs * (0.5 + Math.random()));
    }
  };
  await Promise.all(Array.from({ length: load.conversations }, (_, i) => converse(i)));
  watching.abort();
  await Promise.all(servers.map((server) => server.stop()));
  return {
    turns,
    tookMs: performance.now() - startedMs,
    servers,
    sticky: stickyShare(turns),
    imbalance: await imbalance,
  };
}

export async function askOnce(model: ChatModel, conversation: number, userId = `user${conversation}`): Promise<Turn> {
  const startedMs = performance.now();
  let firstMs: number | null = null;
  let endpoint: string | null = null;
  try {
    const events = model.stream({
      messages: [{ role: "user", content: "问题" }],
      answerTokensMax: 64,
      conversationId: `conversation${conversation}`,
      userId,
      traceId: "bench",
      signal: AbortSignal.timeout(60_000),
    });
    for await (const event of events) {
      if (event.type === "text") firstMs ??= performance.now() - startedMs;
      if (event.type === "end") endpoint = event.result.endpoint;
    }
  } catch {
    // A turn without an endpoint is one that was not answered.
  }
  const tookMs = performance.now() - startedMs;
  return { conversation, endpoint, firstMs: firstMs ?? tookMs, tookMs };
}

async function watchBalance(servers: readonly PoolServer[], signal: AbortSignal): Promise<number> {
  const well = servers.filter(({ health }) => health === "well");
  const ratios: number[] = [];
  while (!signal.aborted) {
    const loads = well.map((server) => server.running());
    const sum = loads.reduce((all, one) => all + one, 0);
    if (sum >= LOADED_MIN) ratios.push(Math.max(...loads) / (sum / loads.length));
    await delay(SAMPLE_EVERY_MS);
  }
  return ratios.length === 0 ? 1 : ratios.reduce((all, one) => all + one, 0) / ratios.length;
}

function stickyShare(turns: readonly Turn[]): number {
  const last = new Map<number, string | null>();
  let followed = 0;
  let kept = 0;
  for (const { conversation, endpoint } of turns) {
    const before = last.get(conversation);
    if (before !== undefined) followed += 1;
    if (before !== undefined && before === endpoint) kept += 1;
    last.set(conversation, endpoint);
  }
  return followed === 0 ? 1 : kept / followed;
}
