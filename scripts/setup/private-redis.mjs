import { connect } from "node:net";
import { join } from "node:path";
import { startPrivateServer } from "./private-server.mjs";
import { findRedisServer, redisEnvironment } from "./redis-server.mjs";

/** One question to a starting server; it answers within microseconds or is not ready. */
const ASK_TIMEOUT_MS = 1_000;
/** A Unix socket's path has room for 107 bytes on Linux and 103 on macOS; where the folder is deeper there is none. */
const SOCKET_PATH_BYTES_MAX = 100;

/**
 * Starts a Redis of our own: free port on 127.0.0.1, new temporary folder, no password, nothing saved unless asked,
 * `noeviction` as the service needs it. It ends with this process however that ends, and answers PING on return.
 *
 * @param {object} [options]
 * @param {boolean} [options.appendonly] keep every write in the append-only file, so that it survives kill() and
 *   restart(). Default: false
 * @param {readonly string[]} [options.args] more arguments for the server, such as `["--cluster-enabled", "yes"]`
 * @returns {Promise<{ url: string, port: number, socketPath: string | undefined, pid: number, folder: string,
 *   stop(): Promise<void>, kill(signal: NodeJS.Signals): Promise<void>, restart(): Promise<void> }>}
 * @throws {Error} when no server program is found or it does not start
 */
export async function startPrivateRedis({ appendonly = false, args = [] } = {}) {
  const { server, notGood } = findRedisServer();
  if (server === undefined) {
    throw new Error(
      `No Redis 6.2 or newer was found${notGood.map((fault) => `; ${fault}`).join("")}. ` +
        "Start through npm (npm test, npm run demo), which fetches one, or name one in YINGDA_REDIS_SERVER.",
    );
  }
  /** @param {string} folder */
  const socketIn = (folder) => {
    const path = join(folder, "redis.sock");
    return Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX ? path : undefined;
  };
  const running = await startPrivateServer({
    name: "redis",
    command: (port, folder) => {
      const socketPath = socketIn(folder);
      const options = [
        ["--port", String(port)],
        ["--bind", "127.0.0.1"],
        ["--dir", folder],
        ["--save", ""],
        ["--appendonly", appendonly ? "yes" : "no"],
        ["--maxmemory-policy", "noeviction"],
        ...(socketPath === undefined ? [] : [["--unixsocket", socketPath]]),
      ];
      return { file: server.path, args: [...options.flat(), ...args], env: redisEnvironment(server) };
    },
    isReady,
  });
  return {
    url: `redis://127.0.0.1:${running.port}/0`,
    port: running.port,
    socketPath: socketIn(running.folder),
    folder: running.folder,
    get pid() {
      return running.pid;
    },
    stop: running.stop,
    kill: running.kill,
    restart: running.restart,
  };
}

/**
 * @param {number} port
 * @param {number} pid
 * @returns {Promise<boolean>}
 */
function isReady(port, pid) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let answer = "";
    socket.setTimeout(ASK_TIMEOUT_MS, () => socket.destroy(new Error("no answer")));
    socket.once("error", reject);
    socket.once("close", () => resolve(false));
    // Once the data is read back from disk PING answers PONG; INFO says which process that is.
    socket.once("connect", () => socket.write("PING\r\nINFO server\r\n"));
    socket.on("data", (chunk) => {
      answer += chunk.toString("latin1");
      const owner = /^process_id:(\d+)\r$/m.exec(answer);
      if (owner === null) return;
      resolve(answer.startsWith("+PONG") && Number(owner[1]) === pid);
      socket.destroy();
    });
  });
}
