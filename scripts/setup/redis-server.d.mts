export interface RedisServer {
  path: string;
  /** Where its libraries lie when it was unpacked privately; empty for one from the PATH. */
  libraryPath: string;
}

/** The server program to use, and why others that were seen are not good enough. */
export function findRedisServer(): { server: RedisServer | undefined; notGood: string[] };
/** The environment that the server program runs in. */
export function redisEnvironment(server: RedisServer): NodeJS.ProcessEnv;
