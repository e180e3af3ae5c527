export interface PrivateRedisOptions {
  /** Keep every write in the append-only file, so that it survives `kill` and `restart`. Default: false. */
  appendonly?: boolean;
  /** More arguments for the server, such as `["--cluster-enabled", "yes"]`. */
  args?: readonly string[];
}

export interface PrivateRedis {
  /** `redis://127.0.0.1:PORT/0`; stays the same over restarts. */
  readonly url: string;
  readonly port: number;
  /** Undefined where the temporary folder's path is too long for a socket. */
  readonly socketPath: string | undefined;
  /** The server process; another one after each restart. */
  readonly pid: number;
  readonly folder: string;
  /** Ends the server and removes its folder. */
  stop(): Promise<void>;
  /** Sends the signal and, unless it is SIGSTOP or SIGCONT, waits until the server is gone. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Ends the server if it still runs and starts it again, same port and folder; on return it answers. */
  restart(): Promise<void>;
}

/**
 * Starts a Redis of our own: free port on 127.0.0.1, new temporary folder, no password, nothing saved unless asked,
 * `noeviction` as the service needs it. It ends with this process however that ends, and answers PING on return.
 * Throws when no server program is found or it does not start.
 */
export function startPrivateRedis(options?: PrivateRedisOptions): Promise<PrivateRedis>;
