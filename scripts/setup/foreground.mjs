import { constants } from "node:os";
import { runStep, spawnTethered } from "./tether.mjs";

/** What a terminal, npm or a process manager sends; the child is in a session of its own and hears it only from us. */
const PASSED_ON = /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"]);
/**
 * Ctrl-C under `npm run` arrives twice, from the terminal and passed on by npm, and a program that takes a second
 * Ctrl-C for "at once" would never drain. A person's second press comes later than this.
 */
const SAME_SIGNAL_WITHIN_MS = 500;
const PARENT_POLL_MS = 1_000;
/** How long the command may drain after we are gone, before its group is killed. */
const COMMAND_GRACE_MS = 30_000;

/** Set-up was interrupted by a signal; the exit code says which. */
export class InterruptedError extends Error {
  /** @param {number} exitCode */
  constructor(exitCode) {
    super("interrupted");
    this.exitCode = exitCode;
  }
}

/** The one child that this starter runs at a time, first set-up steps, then the command; signals go to it. */
export class Foreground {
  #hasChild = false;
  /**
   * Where signals go, once the child is underway: to a set-up step's whole group, as from a terminal, but to the
   * command alone, which ends its own children.
   * @type {number | undefined}
   */
  #target;
  /** @type {NodeJS.Signals | undefined} */
  #received;

  /** @param {(line: string) => void} say */
  constructor(say) {
    this.say = say;
    for (const signal of PASSED_ON) {
      let passedAtMs = Number.NEGATIVE_INFINITY;
      process.on(signal, () => {
        const nowMs = performance.now();
        if (nowMs - passedAtMs < SAME_SIGNAL_WITHIN_MS) return;
        passedAtMs = nowMs;
        this.#pass(signal);
      });
    }
    // Ctrl-Z stops us and the child together, and fg wakes both.
    process.on("SIGTSTP", () => {
      this.#send("SIGSTOP");
      process.kill(process.pid, "SIGSTOP");
    });
    process.on("SIGCONT", () => this.#send("SIGCONT"));
  }

  /** The exit code that a signal we got asks for; undefined while none came. */
  get interruptCode() {
    return this.#received === undefined ? undefined : exitCodeOf(null, this.#received);
  }

  /**
   * One set-up step, its output kept back for the case that it fails.
   *
   * @param {string} file
   * @param {readonly string[]} args
   * @param {{ timeoutMs: number, env?: NodeJS.ProcessEnv, cwd?: string }} options
   * @throws {InterruptedError} when a signal came meanwhile; the step has ended by then
   */
  async step(file, args, options) {
    this.#hasChild = true;
    const result = await runStep(file, args, { ...options, onUnderway: (pid) => this.#aimAt(-pid) });
    this.#letGo();
    if (this.interruptCode !== undefined) throw new InterruptedError(this.interruptCode);
    return result;
  }

  /**
   * The command itself: terminal, stdin, signals and exit code pass through.
   *
   * @param {string} file
   * @param {readonly string[]} args
   * @param {{ env: NodeJS.ProcessEnv, cwd: string }} options
   * @returns {Promise<number>} the exit code; 128 + n when it died of signal n, as a shell has it
   */
  async run(file, args, options) {
    this.#hasChild = true;
    const child = spawnTethered(file, args, {
      ...options,
      graceMs: COMMAND_GRACE_MS,
      onUnderway: () => this.#aimAt(child.pid ?? 0),
    });
    const stopWatching = this.#endWithNpm();
    try {
      return await new Promise((resolve, reject) => {
        child.once("error", reject);
        child.once("exit", (code, signal) => resolve(exitCodeOf(code, signal)));
      });
    } finally {
      stopWatching();
      this.#letGo();
    }
  }

  /** @param {number} target */
  #aimAt(target) {
    if (!this.#hasChild) return; // it has already ended
    this.#target = target;
    if (this.#received !== undefined) this.#send(this.#received); // it came while the child was starting
  }

  #letGo() {
    this.#hasChild = false;
    this.#target = undefined;
  }

  /** @param {NodeJS.Signals} signal */
  #pass(signal) {
    this.#received = signal;
    if (!this.#hasChild) process.exit(exitCodeOf(null, signal));
    this.#send(signal);
  }

  /** @param {NodeJS.Signals} signal */
  #send(signal) {
    if (this.#target === undefined) return;
    try {
      process.kill(this.#target, signal);
    } catch {
      // it has ended by itself meanwhile
    }
  }

  /** Killing npm with -9 leaves us without anybody who could stop us; then the command is asked to end. */
  #endWithNpm() {
    if (process.env.npm_lifecycle_event === undefined) return () => {};
    const npm = process.ppid;
    const timer = setInterval(() => {
      if (process.ppid === npm) return;
      clearInterval(timer);
      this.#pass("SIGTERM");
    }, PARENT_POLL_MS);
    return () => clearInterval(timer);
  }
}

/**
 * @param {number | null} code
 * @param {NodeJS.Signals | null} signal
 */
function exitCodeOf(code, signal) {
  return signal === null ? (code ?? 1) : 128 + constants.signals[signal];
}
