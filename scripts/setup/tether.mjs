import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const TETHER = fileURLToPath(new URL("tether.sh", import.meta.url));

/** Between the shell's last word and its becoming the command lies a moment that nobody announces. */
const EXEC_MARGIN_MS = 10;
/** Captured output is kept up to this, so that a tool gone wild cannot fill our memory. */
const OUTPUT_CHARACTERS_MAX = 65_536;

/**
 * Starts `file` in a session and process group of its own, tied to this process (tether.sh says how): however we end,
 * kill -9 included, it gets its stop signal, then the grace time, and then the whole group is killed. When it ends by
 * itself, what it leaves behind in its group goes too.
 *
 * @param {string} file
 * @param {readonly string[]} args
 * @param {object} [options]
 * @param {string} [options.cwd]
 * @param {NodeJS.ProcessEnv} [options.env]
 * @param {import("node:child_process").StdioOptions} [options.stdio] of the child's fds 0, 1 and 2. Default: inherited
 * @param {string} [options.stopSignal] without the SIG. Default: TERM
 * @param {number} [options.graceMs] between the stop signal and the end of the whole group. Default: 10 s
 * @param {string} [options.cleanFolder] a private folder to remove with the child when we are gone and cannot
 * @param {() => void} [options.onUnderway] called when the command has taken over from the shell; a signal sent
 *   earlier can get lost
 * @param {number} [options.uid]
 * @param {number} [options.gid]
 * @returns {import("node:child_process").ChildProcess}
 */
export function spawnTethered(file, args, options = {}) {
  const { stopSignal = "TERM", graceMs = 10_000, cleanFolder = "", stdio = "inherit", onUnderway, ...rest } = options;
  const three = Array.isArray(stdio) ? stdio : [stdio, stdio, stdio];
  const ticks = String(Math.ceil(graceMs / 100));
  const child = spawn("sh", [TETHER, stopSignal, ticks, cleanFolder, file, ...args], {
    ...rest,
    stdio: [...three, "pipe"],
    detached: true,
  });
  const rope = /** @type {import("node:net").Socket | undefined} */ (child.stdio[3]);
  rope?.on("error", () => {}); // the watchdog may be gone first; there is nothing to mend
  rope?.once("data", () => setTimeout(() => onUnderway?.(), EXEC_MARGIN_MS).unref());
  child.on("exit", () => rope?.end("ended\n", () => rope.destroy()));
  return child;
}

/**
 * Runs one set-up step to its end with its output kept back, for the case that it fails.
 *
 * @param {string} file
 * @param {readonly string[]} args
 * @param {Omit<NonNullable<Parameters<typeof spawnTethered>[2]>, "stdio" | "onUnderway"> & { timeoutMs: number, onUnderway?: (pid: number) => void }} options
 *   `timeoutMs` keeps a hanging mirror from holding a start for ever
 * @returns {Promise<{ ok: boolean, how: string, output: string }>} `how` it ended, in words; the end of what it printed
 */
export function runStep(file, args, { timeoutMs, onUnderway, ...options }) {
  return new Promise((resolve) => {
    const child = spawnTethered(file, args, {
      graceMs: 2_000,
      ...options,
      stdio: ["ignore", "pipe", "pipe"],
      onUnderway: () => onUnderway?.(child.pid ?? 0),
    });
    let output = "";
    let timedOut = false;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (/** @type {string} */ chunk) => {
        output = (output + chunk).slice(-OUTPUT_CHARACTERS_MAX);
      });
    }
    const timer = setTimeout(() => {
      timedOut = true;
      child.stdio[3]?.destroy?.();
    }, timeoutMs);
    const settle = (/** @type {boolean} */ ok, /** @type {string} */ how) => {
      clearTimeout(timer);
      resolve({ ok, how, output });
    };
    child.on("error", (error) => settle(false, error.message));
    child.on("close", (code, signal) => {
      if (timedOut) settle(false, `no end after ${Math.round(timeoutMs / 1000)} s`);
      else settle(code === 0, signal === null ? `exit code ${code}` : `ended by ${signal}`);
    });
  });
}
