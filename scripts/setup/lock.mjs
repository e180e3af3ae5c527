import { randomUUID } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const BEAT_MS = 2_000;
/** A holder that has not been heard of for so long, while we watched, is gone: another machine's, or its pid reused. */
const STALE_AFTER_MS = 30_000;
/** As long as the longest set-up may take; past it something is wrong that waiting will not mend. */
const WAIT_MAX_MS = 2_700_000;
const LOOK_EVERY_MS = 200;
/** A holder killed a moment ago: its npm is only now being ended by the tether, and must not write into our install. */
const SETTLE_MS = 3_500;

/**
 * Runs `work` while no other starter of this checkout does. The lock is a file that its holder touches every two
 * seconds. It is stale when its holder's process is gone, or when it was not touched for 30 s.
 *
 * @template T
 * @param {string} path of the lock file
 * @param {(line: string) => void} say
 * @param {() => Promise<T>} work
 * @param {{ staleAfterMs?: number }} [limits]
 * @returns {Promise<T>}
 * @throws {Error} when the lock cannot be had within 45 minutes
 */
export async function withLock(path, say, work, { staleAfterMs = STALE_AFTER_MS } = {}) {
  const token = randomUUID();
  await take(path, token, say, staleAfterMs);
  const isOurs = () => holderOf(read(path)?.text).token === token;
  const beat = setInterval(() => {
    if (isOurs()) {
      touch(path);
      return;
    }
    // We slept so long (a closed laptop, Ctrl-Z) that another starter took over; its install must not meet ours.
    say("another start has taken over setting up this checkout; run the same command again");
    process.exit(1);
  }, BEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    if (isOurs()) rmSync(path, { force: true });
  }
}

/**
 * @param {string} path
 * @param {string} token
 * @param {(line: string) => void} say
 * @param {number} staleAfterMs
 */
async function take(path, token, say, staleAfterMs) {
  mkdirSync(dirname(path), { recursive: true });
  const mine = JSON.stringify({ token, pid: process.pid, host: hostname() });
  const startedMs = performance.now();
  let watched = { text: "", touchedMs: -1, sinceMs: startedMs };
  let told = false;
  for (;;) {
    try {
      writeFileSync(path, mine, { flag: "wx" });
      return;
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EEXIST") throw error;
    }
    const seen = read(path);
    const nowMs = performance.now();
    if (seen !== undefined) {
      if (seen.text !== watched.text || seen.touchedMs !== watched.touchedMs) watched = { ...seen, sinceMs: nowMs };
      const holder = holderOf(seen.text);
      if (isGone(holder) || nowMs - watched.sinceMs > staleAfterMs) {
        if (seize(path, seen.text, token) && Date.now() - seen.touchedMs < SETTLE_MS + BEAT_MS) await delay(SETTLE_MS);
        continue;
      }
      if (!told) say(`waiting for another start (process ${holder.pid}) that is setting up this checkout`);
      told = true;
    }
    if (nowMs - startedMs > WAIT_MAX_MS) {
      throw new Error(`Another start has been setting up this checkout for too long; end it, or remove ${path}.`);
    }
    await delay(LOOK_EVERY_MS);
  }
}

/**
 * Takes a stale lock out of the way. Two starters may judge the same lock stale; the slower one must not remove the
 * lock that the faster one has made meanwhile, so the file is first moved aside, then looked at.
 *
 * @param {string} path
 * @param {string} stale its content when it was judged
 * @param {string} token
 * @returns {boolean} whether this call removed it
 */
function seize(path, stale, token) {
  const aside = `${path}.${token}`;
  try {
    renameSync(path, aside);
  } catch {
    return false; // another was faster
  }
  const removed = readFileSync(aside, "utf8") === stale;
  if (!removed) {
    try {
      linkSync(aside, path);
    } catch {
      // A third one has it by now; the one whose lock we moved sees that at its next beat and gives up.
    }
  }
  rmSync(aside, { force: true });
  return removed;
}

/** @param {string} path */
function touch(path) {
  try {
    const now = new Date();
    utimesSync(path, now, now);
  } catch {
    // removed in this very moment; the next beat sees it
  }
}

/** @param {string} path */
function read(path) {
  try {
    return { text: readFileSync(path, "utf8"), touchedMs: statSync(path).mtimeMs };
  } catch {
    return undefined;
  }
}

/**
 * @param {string | undefined} text
 * @returns {{ token?: string, pid?: number, host?: string }} empty while it is being written
 */
function holderOf(text) {
  try {
    return JSON.parse(text ?? "{}") ?? {};
  } catch {
    return {};
  }
}

/** @param {{ pid?: number, host?: string }} holder */
function isGone({ pid, host }) {
  if (pid === undefined || host !== hostname()) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === "ESRCH";
  }
}
