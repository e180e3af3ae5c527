import { Cluster, Redis } from "ioredis";
import { YingdaError } from "../base/errors.ts";
import type { Events } from "../base/events.ts";
import { parseRedisUrl, redisHosts } from "../base/redis-address.ts";

/** A connection to one Redis (directly or through Sentinel) or to a Cluster: the same commands. */
export type RedisConnection = Redis | Cluster;

/** How long one command may take. WeCom gives a callback 5 s; past this the callback is better sent again. */
const COMMAND_TIMEOUT_MS = 1000;
const CONNECT_TIMEOUT_MS = 2000;
/** Longest pause between attempts to reconnect: recovery is felt within two seconds of Redis being back. */
const RECONNECT_WAIT_MAX_MS = 2000;

/**
 * The connection for everything that answers quickly. It fails at once while Redis is away (no offline queue), so that a
 * callback gets its 503 and WeCom sends it again, instead of waiting in our memory where a crash would lose it.
 */
export function connectRedis(url: string, events: Events): RedisConnection {
  return connect(url, events, {
    enableOfflineQueue: false,
    enableAutoPipelining: true,
    commandTimeout: COMMAND_TIMEOUT_MS,
    maxRetriesPerRequest: 0,
  });
}

/** How often the link is tried while nothing else goes over it, and how many unanswered tries make it a dead one. */
const LINK_CHECK_EVERY_MS = 2_000;
const LINK_CHECKS_FAILED_MAX = 2;

/**
 * Renews a link that went silent: a machine that died or a forgotten NAT entry closes nothing, and without this every
 * command would time out until the kernel gives up, a quarter of an hour later. Ends when the connection ends.
 */
export function renewSilentLinks(redis: RedisConnection): void {
  const failed = new WeakMap<Redis, number>();
  const check = async (node: Redis): Promise<void> => {
    if (node.status !== "ready") return;
    try {
      await node.ping();
      failed.delete(node);
    } catch {
      const times = (failed.get(node) ?? 0) + 1;
      failed.set(node, times);
      if (times < LINK_CHECKS_FAILED_MAX) return;
      failed.delete(node);
      node.disconnect(true);
    }
  };
  const timer = setInterval(() => {
    for (const node of redis instanceof Cluster ? redis.nodes() : [redis]) void check(node);
  }, LINK_CHECK_EVERY_MS);
  timer.unref();
  redis.once("end", () => clearInterval(timer));
}

/** A connection of its own for blocking reads: a command behind a blocked one would wait as long as it does. */
export function connectBlockingRedis(url: string, events: Events): RedisConnection {
  return connect(url, events, { enableOfflineQueue: true, enableAutoPipelining: false, maxRetriesPerRequest: null });
}

interface Manners {
  enableOfflineQueue: boolean;
  enableAutoPipelining: boolean;
  maxRetriesPerRequest: number | null;
  commandTimeout?: number;
}

function connect(url: string, events: Events, manners: Manners): RedisConnection {
  const address = parseRedisUrl(url);
  const { enableOfflineQueue, enableAutoPipelining, ...perNode } = manners;
  const common = {
    ...perNode,
    connectTimeout: CONNECT_TIMEOUT_MS,
    // A master that was demoted answers READONLY to every write: the connection must look for the new one.
    reconnectOnError: (error: Error) => (error.message.startsWith("READONLY") ? 1 : false),
  };
  const single = { ...common, enableOfflineQueue, enableAutoPipelining, retryStrategy: reconnectWaitMs };
  switch (address.kind) {
    case "single":
      return watch(new Redis(address.url, single), redisHosts(address), events);
    case "sentinel": {
      const { sentinels, master, db, credentials } = address;
      const watched = { sentinels, name: master, db, sentinelRetryStrategy: reconnectWaitMs, ...credentials };
      return watch(new Redis({ ...single, ...watched }), redisHosts(address), events);
    }
    case "cluster": {
      const cluster = new Cluster(address.nodes, {
        enableOfflineQueue,
        enableAutoPipelining,
        clusterRetryStrategy: reconnectWaitMs,
        // A slot whose master is being replaced is asked for again, within the time that a callback has.
        retryDelayOnFailover: 100,
        retryDelayOnClusterDown: 100,
        redisOptions: { ...common, ...address.credentials },
      });
      return watch(cluster, redisHosts(address), events);
    }
  }
}

/** Resolves when the connection can be used, or after `ms`: a start does not wait for ever for a Redis that is away. */
export async function readyWithin(redis: RedisConnection, ms: number): Promise<void> {
  if (redis.status === "ready") return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  redis.once("ready", resolve);
  await promise;
  clearTimeout(timer);
  redis.off("ready", resolve);
}

function reconnectWaitMs(attempt: number): number {
  return Math.min(RECONNECT_WAIT_MAX_MS, 50 * 2 ** Math.min(attempt, 6));
}

/** One alert when Redis goes away, none for each attempt that follows. */
function watch<C extends RedisConnection>(redis: C, hosts: string, events: Events): C {
  let away = false;
  redis.on("error", (error: Error) => {
    if (away) return;
    away = true;
    const reason = (error as NodeJS.ErrnoException).code ?? error.name;
    const advice = "Redis cannot be reached; retrying. Check REDIS_URL and the server.";
    events.alert("redis_away", advice, { hosts, reason });
  });
  redis.on("ready", () => {
    away = false;
  });
  return redis;
}

/** Runs a Redis call and turns any failure of it into the one error that callers answer with 503. */
export async function inStore<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof YingdaError) throw error;
    throw new YingdaError("store_unavailable", "Redis did not take the command; it is away, slow or out of memory.", {
      retryable: true,
      cause: error,
    });
  }
}
