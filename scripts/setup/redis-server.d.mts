export interface RedisServer {
  /** Of the program. */
  path: string;
  /** For LD_LIBRARY_PATH; empty when the system's own libraries do. */
  libraryPath: string;
}

/**
 * Looks for a Redis (or Valkey) server that is new enough, nearest first: the one named by YINGDA_REDIS_SERVER, then
 * `redis-server`, then `valkey-server` on the PATH, then the one that an earlier start has unpacked. Starts nothing.
 * What was found but will not do is told in `notGood`. Throws when YINGDA_REDIS_SERVER names something that will not do.
 */
export function findRedisServer(env?: NodeJS.ProcessEnv): { server: RedisServer | undefined; notGood: string[] };
