import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, realpathSync, renameSync, rmSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { findOnPath } from "./search-path.mjs";

/** From here on Node runs TypeScript without a flag and without a warning. */
const VERSION_MIN = [24, 12];
/** 50 MB through npm, on a slow line. */
const INSTALL_TIMEOUT_MS = 900_000;

/**
 * The Node that everything runs on: the one we run on where it is new enough, else the private one of an earlier
 * start. Fetches nothing.
 *
 * @param {string} checkout
 * @returns {string | undefined} path of the program
 */
export function findNode24(checkout) {
  if (isNewEnough(process.versions.node)) return process.execPath;
  const own = join(privateFolder(checkout), "node_modules", ".bin", "node");
  return existsSync(own) && runs(own) ? own : undefined;
}

/**
 * Fetches Node 24 through npm, where this system's own Node is older. The caller holds the set-up lock.
 *
 * @param {string} checkout
 * @param {import("./foreground.mjs").Foreground} foreground
 * @returns {Promise<string>} path of the program
 * @throws {Error} with the way to get it by hand
 */
export async function fetchNode24(checkout, foreground) {
  foreground.say(`fetching Node 24 through npm into .yingda/node24 (this machine has ${process.version})`);
  const folder = privateFolder(checkout);
  const work = `${folder}.new`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  // The package's own install script puts the program in place, so scripts must be on whatever the user's npmrc says.
  const flags = ["--no-save", "--no-audit", "--no-fund", "--loglevel=error", "--ignore-scripts=false"];
  const installed = await foreground.step("npm", ["install", "--prefix", work, ...flags, "node@24"], {
    cwd: work,
    timeoutMs: INSTALL_TIMEOUT_MS,
  });
  if (!installed.ok || !runs(join(work, "node_modules", ".bin", "node"))) {
    const why = installed.ok ? "it does not run on this system" : installed.how;
    throw new Error(
      `${installed.output.trim().slice(-2_000)}\nNode 24 could not be fetched through npm (${why}). ` +
        `Install Node ${VERSION_MIN.join(".")} or newer yourself, then run the same command again.`,
    );
  }
  rmSync(folder, { recursive: true, force: true });
  renameSync(work, folder);
  return join(folder, "node_modules", ".bin", "node");
}

/**
 * The environment in which `node`, and so npm and every tool, is that Node.
 *
 * @param {string} node
 * @returns {NodeJS.ProcessEnv}
 */
export function environmentWith(node) {
  const first = findOnPath("node", process.env);
  if (first !== undefined && realpathSync(first) === realpathSync(node)) return { ...process.env };
  return { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ""}` };
}

/** @param {string} checkout */
function privateFolder(checkout) {
  return join(checkout, ".yingda", "node24");
}

/** @param {string} node */
function runs(node) {
  const run = spawnSync(node, ["--version"], { encoding: "utf8", timeout: 10_000 });
  return run.status === 0 && isNewEnough(run.stdout.trim().replace(/^v/, ""));
}

/** @param {string} version */
function isNewEnough(version) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [majorMin = 0, minorMin = 0] = VERSION_MIN;
  return major > majorMin || (major === majorMin && minor >= minorMin);
}
