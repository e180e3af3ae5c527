import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** All tools on a slow line; a minute on a fast one. */
const INSTALL_TIMEOUT_MS = 1_800_000;

/** @typedef {"all" | "production"} Scope what must be installed: with the development tools, or without */

/**
 * Whether node_modules holds what package-lock.json asks for. The hash of the lock file at the last good install is
 * remembered; without that memory (somebody ran npm by hand) npm's own list of what it installed is compared.
 *
 * @param {string} checkout
 * @param {Scope} scope
 */
export function dependenciesInPlace(checkout, scope) {
  const files = filesOf(checkout);
  if (!existsSync(files.installed)) return false; // npm writes it last: an interrupted npm ci has none
  const lock = readFileSync(files.lock);
  const lockHash = hashOf(lock);
  const memory = recall(files.memory);
  if (memory?.lockHash === lockHash && (memory.scope === "all" || scope === "production")) return true;
  if (!holdsAll(JSON.parse(lock.toString("utf8")), readInstalled(files.installed), scope)) return false;
  remember(files, { lockHash, scope });
  return true;
}

/**
 * Installs exactly what package-lock.json says. The caller holds the set-up lock.
 *
 * @param {string} checkout
 * @param {Scope} scope
 * @param {NodeJS.ProcessEnv} env with Node 24 first on the PATH
 * @param {import("./foreground.mjs").Foreground} foreground
 * @throws {Error} with npm's own words
 */
export async function installDependencies(checkout, scope, env, foreground) {
  const files = filesOf(checkout);
  foreground.say(`installing the dependencies with npm ci (${scope === "all" ? "a minute or two" : "half a minute"})`);
  // Forgotten first, remembered last: an install that was cut off is done again.
  rmSync(files.memory, { force: true });
  const lockHash = hashOf(readFileSync(files.lock));
  const include = scope === "all" ? "--include=dev" : "--omit=dev";
  const installed = await foreground.step("npm", ["ci", include, "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: checkout,
    env,
    timeoutMs: INSTALL_TIMEOUT_MS,
  });
  if (!installed.ok) {
    throw new Error(
      `${installed.output.trim().slice(-4_000)}\nThe dependencies could not be installed (npm ci: ${installed.how}). ` +
        "Mend what npm says above, often the network or the disk, then run the same command again.",
    );
  }
  remember(files, { lockHash, scope });
}

/** @param {string} checkout */
function filesOf(checkout) {
  return {
    lock: join(checkout, "package-lock.json"),
    installed: join(checkout, "node_modules", ".package-lock.json"),
    folder: join(checkout, ".yingda"),
    memory: join(checkout, ".yingda", "dependencies.json"),
  };
}

/** @param {Buffer} content */
function hashOf(content) {
  return createHash("sha256").update(content).digest("hex");
}

/** @param {string} file */
function recall(file) {
  try {
    return /** @type {{ lockHash: string, scope: Scope }} */ (JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return undefined; // none yet, or cut off while it was written
  }
}

/**
 * @param {{ folder: string, memory: string }} files
 * @param {{ lockHash: string, scope: Scope }} memory
 */
function remember(files, memory) {
  try {
    mkdirSync(files.folder, { recursive: true });
    writeFileSync(files.memory, JSON.stringify(memory));
  } catch {
    // A checkout that cannot be written to, as in a container image: it is compared again next time.
  }
}

/** @typedef {{ packages?: Record<string, { version?: string, integrity?: string, dev?: boolean, devOptional?: boolean, optional?: boolean }> }} LockFile */

/**
 * @param {string} file
 * @returns {LockFile}
 */
function readInstalled(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return {};
  }
}

/**
 * @param {LockFile} lock
 * @param {LockFile} installed
 * @param {Scope} scope
 */
function holdsAll(lock, installed, scope) {
  return Object.entries(lock.packages ?? {}).every(([path, wanted]) => {
    if (path === "") return true; // the project itself
    if (scope === "production" && (wanted.dev || wanted.devOptional)) return true;
    const there = installed.packages?.[path];
    if (there === undefined) return wanted.optional === true; // for another system, most often
    return there.version === wanted.version && there.integrity === wanted.integrity;
  });
}
