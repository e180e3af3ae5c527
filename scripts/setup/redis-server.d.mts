export interface RedisServer {
  /** Of the program. */
  path: string;
  /** For LD_LIBRARY_PATH; empty when the system's own libraries do. */
  libraryPath: string;
}

/** The private place that Debian's package is unpacked into. */
export const PRIVATE_REDIS: string;

/**
 * Looks for a Redis (or Valkey) server that is new enough, nearest first: the one named by YINGDA_REDIS_SERVER, then
 * `redis-server`, then `valkey-server` on the PATH, then the one that an earlier start has unpacked. Starts nothing.
 * What was found but will not do is told in `notGood`. Throws when YINGDA_REDIS_SERVER names something that will not do.
 */
export function findRedisServer(env?: NodeJS.ProcessEnv): { server: RedisServer | undefined; notGood: string[] };

/** The environment that a server program runs in. */
export function redisEnvironment(server: RedisServer): NodeJS.ProcessEnv;

/** A Redis as it lies in a folder that Debian's packages were unpacked into. */
export function redisUnpackedIn(folder: string): RedisServer;

/** Why it will not do; undefined when it will. */
export function faultOf(server: RedisServer): string | undefined;
