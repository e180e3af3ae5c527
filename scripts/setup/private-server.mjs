import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { spawnTethered } from "./tether.mjs";

/** A free port can be taken between our look and the server's own listen; so often we try another. */
const PORT_TRIES_MAX = 5;
/** A server that is not ready by then is broken; waiting longer would only hide it. */
const READY_TIMEOUT_MS = 20_000;
const READY_POLL_MS = 25;
/** Between the stop signal and SIGKILL: a private server's data is thrown away, so nothing is worth a longer wait. */
const STOP_GRACE_MS = 5_000;

/**
 * @typedef {object} ServerCommand
 * @property {string} file
 * @property {string[]} args
 * @property {NodeJS.ProcessEnv} [env]
 * @property {number} [uid]
 * @property {number} [gid]
 *
 * @typedef {object} PrivateServerOptions
 * @property {string} name for messages, and the start of the folder's name
 * @property {(port: number, folder: string) => ServerCommand} command
 * @property {(port: number, pid: number) => Promise<boolean>} isReady asks the server at `port` whether it is ready *and is the
 *   process `pid`*: a stranger's server may have the port. An error counts as "not yet"
 * @property {(folder: string) => Promise<void>} [prepare] before the first start
 * @property {string} [stopSignal] without the SIG. Default: TERM
 *
 * @typedef {object} PrivateServer
 * @property {number} port
 * @property {number} pid
 * @property {string} folder
 * @property {() => Promise<void>} stop
 * @property {(signal: NodeJS.Signals) => Promise<void>} kill
 * @property {() => Promise<void>} restart
 */

/**
 * Starts a server of our own on a free port of 127.0.0.1 with a new temporary folder, and waits until it is ready.
 * It ends with this process, however that ends, and does not keep it alive.
 *
 * @param {PrivateServerOptions} options
 * @returns {Promise<PrivateServer>}
 * @throws {Error} when it does not start, with the end of its log
 */
export async function startPrivateServer(options) {
  const folder = mkdtempSync(join(tmpdir(), `yingda-${options.name}-`));
  const server = { ...options, folder, logFile: join(folder, "server.log") };
  /** @type {Running} */
  let running;
  let port = 0;
  try {
    await options.prepare?.(folder);
    for (let attempt = 1; ; attempt += 1) {
      port = await freePort();
      try {
        running = await launch(server, port);
        break;
      } catch (error) {
        if (attempt >= PORT_TRIES_MAX || !(error instanceof PortTakenError)) throw error;
      }
    }
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }

  return {
    port,
    folder,
    get pid() {
      return running.pid;
    },
    async stop() {
      await end(running, options.stopSignal ?? "TERM");
      rmSync(folder, { recursive: true, force: true });
    },
    async kill(signal) {
      running.child.kill(signal);
      if (signal !== "SIGSTOP" && signal !== "SIGCONT") await gone(running);
    },
    async restart() {
      await end(running, options.stopSignal ?? "TERM");
      running = await launch(server, port);
    },
  };
}

/** @typedef {{ child: import("node:child_process").ChildProcess, pid: number, exited: Promise<void>, hasExited: boolean }} Running */

class PortTakenError extends Error {}

/**
 * @param {PrivateServerOptions & { folder: string, logFile: string }} server
 * @param {number} port
 * @returns {Promise<Running>}
 */
async function launch(server, port) {
  const { file, args, ...identity } = server.command(port, server.folder);
  const log = openSync(server.logFile, "w");
  const child = spawnTethered(file, args, {
    ...identity,
    cwd: server.folder,
    stdio: ["ignore", log, log],
    stopSignal: server.stopSignal ?? "TERM",
    graceMs: STOP_GRACE_MS,
    cleanFolder: server.folder,
  });
  closeSync(log);
  const running = watch(child);
  const deadline = Date.now() + READY_TIMEOUT_MS;
  for (;;) {
    if (running.hasExited) throw failure(server, `port ${port}: it ended at once`);
    if (await server.isReady(port, running.pid).catch(() => false)) return running;
    if (Date.now() > deadline) {
      await end(running, "KILL");
      throw failure(server, `not ready after ${READY_TIMEOUT_MS / 1000} s`);
    }
    await delay(READY_POLL_MS);
  }
}

/**
 * @param {import("node:child_process").ChildProcess} child
 * @returns {Running}
 */
function watch(child) {
  const running = { child, pid: child.pid ?? -1, hasExited: false, exited: Promise.resolve() };
  running.exited = new Promise((resolve) => {
    const ended = () => {
      running.hasExited = true;
      resolve();
    };
    child.once("exit", ended);
    child.once("error", ended);
  });
  // Whoever forgets stop() still gets to exit; the tether then ends the server.
  child.unref();
  /** @type {import("node:net").Socket} */ (child.stdio[3])?.unref();
  return running;
}

/**
 * @param {Running} running
 * @param {string} stopSignal
 */
async function end(running, stopSignal) {
  if (running.hasExited) return;
  running.child.kill(/** @type {NodeJS.Signals} */ (`SIG${stopSignal}`));
  running.child.kill("SIGCONT"); // a server that a test has stopped must wake up to hear it
  const timer = setTimeout(() => running.child.kill("SIGKILL"), STOP_GRACE_MS);
  await gone(running);
  clearTimeout(timer);
}

/** @param {Running} running */
async function gone(running) {
  running.child.ref(); // while somebody waits for its end, this process has something to live for
  await running.exited;
}

/**
 * @param {{ name: string, logFile: string }} server
 * @param {string} what
 */
function failure(server, what) {
  const log = readFileSync(server.logFile, "utf8").slice(-2_000);
  const Kind = /address already in use/i.test(log) ? PortTakenError : Error;
  return new Kind(`The private ${server.name} did not start (${what}). The end of its log:\n${log}`);
}

/** @returns {Promise<number>} a port of 127.0.0.1 that nobody listens on at this moment */
function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
