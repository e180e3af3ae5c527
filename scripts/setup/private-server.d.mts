export interface ServerCommand {
  file: string;
  args: string[];
  env?: NodeJS.ProcessEnv;
  uid?: number;
  gid?: number;
}

export interface PrivateServerOptions {
  /** For messages, and the start of the folder's name. */
  name: string;
  command(port: number, folder: string): ServerCommand;
  /**
   * Asks the server at `port` whether it is ready and is the process `pid`: a stranger's server may have the port.
   * A rejection counts as "not yet".
   */
  isReady(port: number, pid: number): Promise<boolean>;
  /** Before the first start. */
  prepare?(folder: string): Promise<void>;
  /** Without the SIG. Default: TERM. */
  stopSignal?: string;
}

export interface PrivateServer {
  /** Stays the same over restarts. */
  readonly port: number;
  /** The server process; another one after each restart. */
  readonly pid: number;
  readonly folder: string;
  /** Ends the server and removes its folder. */
  stop(): Promise<void>;
  /** Sends the signal and, unless it is SIGSTOP or SIGCONT, waits until the server is gone. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Ends the server if it still runs and starts it again, same port and folder; on return it is ready. */
  restart(): Promise<void>;
}

/**
 * Starts a server of our own on a free port of 127.0.0.1 with a new temporary folder, and waits until it is ready.
 * It ends with this process, however that ends, and does not keep it alive. Throws, with the end of the server's log,
 * when it does not start.
 */
export function startPrivateServer(options: PrivateServerOptions): Promise<PrivateServer>;
