import type { Clock } from "../base/clock.ts";
import type { ChatEvent, ChatRequest } from "./chat-model.ts";
import type { EndpointTier, Granted, PlaceWait } from "./endpoint-tier.ts";
import { ModelFailure } from "./model-failure.ts";
import type { ModelLimits } from "./model-limits.ts";
import type { PoolMember } from "./pool-member.ts";

/** A place at an endpoint, to be given back once. */
export interface Place {
  member: PoolMember;
  tier: EndpointTier;
  giveBack(): void;
}

export interface PlaceSearch {
  request: ChatRequest;
  tier: EndpointTier;
  /** Where the wait goes on as well once it has lasted; null: nowhere. */
  alsoAt: EndpointTier | null;
  tried: ReadonlySet<PoolMember>;
  limits: ModelLimits;
  clock: Clock;
}

/**
 * Waits for a place and tells the position meanwhile, once the wait is worth telling. Returns null when no endpoint that was
 * not tried can serve. Throws `ModelFailure` when too many wait or the wait takes too long, and the signal's reason when
 * aborted; out of the queue it is at once, however it ends.
 */
export async function* findPlace(search: PlaceSearch): AsyncGenerator<ChatEvent, Place | null, undefined> {
  const { request, tier, tried, limits, clock } = search;
  const startedMs = clock.nowMs();
  const waits = [tier.ask(request, tried)];
  let found: PlaceWait | null = null;
  let told = 0;
  try {
    for (;;) {
      const wait = settledOf(waits);
      if (wait?.settled === "busy" && search.alsoAt !== null && waits.length === 1) {
        waits.push(search.alsoAt.ask(request, tried));
        continue;
      }
      if (wait !== null) {
        if (wait.settled === "busy") throw new ModelFailure("queue_full", { endpoint: "all" });
        if (typeof wait.settled !== "object" || wait.settled === null) return null;
        found = wait;
        return { ...wait.settled, giveBack: () => wait.leave() };
      }
      const waitedMs = clock.nowMs() - startedMs;
      if (waitedMs >= limits.queueMs) throw new ModelFailure("waited_too_long", { endpoint: "all" });
      if (waitedMs >= limits.tellWaitAfterMs) {
        const position = Math.min(...waits.map((one) => one.position()).filter((one) => one > 0));
        if (position !== told && Number.isFinite(position)) yield { type: "waiting", position };
        told = position;
      }
      if (search.alsoAt !== null && waits.length === 1 && waitedMs >= limits.fallbackAfterMs) {
        waits.push(search.alsoAt.ask(request, tried));
        continue;
      }
      await untilSettled(waits, nextLookMs(search, waitedMs), search);
      // An endpoint that is left alone may be due by now, and nobody else may come to find out.
      for (const one of [tier, search.alsoAt]) one?.pump();
    }
  } finally {
    for (const wait of waits) if (wait !== found) wait.leave();
  }
}

/** A place wins over everything; a lost wait counts only when no other goes on. */
function settledOf(waits: readonly PlaceWait[]): PlaceWait | null {
  const placed = waits.find(({ settled }) => typeof settled === "object" && settled !== null);
  if (placed !== undefined) return placed;
  return waits.every(({ settled }) => settled !== null) ? (waits[0] ?? null) : null;
}

function nextLookMs({ limits, alsoAt }: PlaceSearch, waitedMs: number): number {
  const due = [limits.queueMs, limits.tellWaitAfterMs, alsoAt === null ? limits.queueMs : limits.fallbackAfterMs];
  const ahead = due.filter((atMs) => atMs > waitedMs).map((atMs) => atMs - waitedMs);
  return Math.min(limits.tellWaitEveryMs, ...ahead);
}

async function untilSettled(waits: readonly PlaceWait[], ms: number, { request, clock }: PlaceSearch): Promise<void> {
  const done = new AbortController();
  const signal = AbortSignal.any([request.signal, done.signal]);
  const look = clock.sleep(ms, signal).then(() => null);
  look.catch(() => undefined);
  try {
    const open = waits.filter(({ settled }) => settled === null).map(({ granted }): Promise<Granted | null> => granted);
    await Promise.race([...open, look]);
  } finally {
    done.abort();
    // Node's timer rejects with an AbortError of its own; callers were promised the signal's reason.
    request.signal.throwIfAborted();
  }
}
