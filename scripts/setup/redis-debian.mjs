import { mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { faultOf, PRIVATE_REDIS, redisUnpackedIn } from "./redis-server.mjs";
import { findOnPath } from "./search-path.mjs";

const HOW_TO_GET_ONE =
  "Install Redis 6.2 or newer (Debian, Ubuntu: apt-get install redis-server; macOS: brew install redis) " +
  "or name a server program in YINGDA_REDIS_SERVER, then run the same command again.";
/** What redis-server needs beyond a bare Debian, for the case that apt cannot work it out. */
const PACKAGES = ["redis-server", "redis-tools", "libjemalloc2", "liblzf1", "liblua5.1-0"];
/** A mirror that hangs must not hold a start for ever. */
const APT_TIMEOUT_MS = 300_000;
const DPKG_TIMEOUT_MS = 60_000;
const APT_OPTIONS = ["-o", "Debug::NoLocking=1", "-o", "Acquire::Retries=2", "-o", "APT::Sandbox::User=root"];

/**
 * Fetches Debian's (or Ubuntu's) own Redis packages and unpacks them privately: no root, no service, nothing of the
 * system is changed. The caller holds the set-up lock.
 *
 * @param {import("./foreground.mjs").Foreground} foreground
 * @param {readonly string[]} notGood servers that were found and will not do, and why
 * @returns {Promise<import("./redis-server.mjs").RedisServer>}
 * @throws {Error} with the way to get one by hand
 */
export async function fetchRedisFromDebian(foreground, notGood) {
  for (const fault of notGood) foreground.say(`not usable: ${fault}`);
  if (!findOnPath("apt-get", process.env) || !findOnPath("dpkg", process.env)) {
    throw new Error(`No Redis server was found, and this system has no apt-get to fetch one with. ${HOW_TO_GET_ONE}`);
  }
  foreground.say("fetching Redis from the system's packages into .yingda/redis (a few seconds, needs no root)");
  const work = `${PRIVATE_REDIS}.new`;
  rmSync(work, { recursive: true, force: true });
  const debs = join(work, "debs");
  const root = join(work, "root");
  mkdirSync(debs, { recursive: true });

  const fault =
    (await download(debs, work, foreground)) ??
    (await unpack(debs, root, foreground)) ??
    faultOf(redisUnpackedIn(root));
  if (fault !== undefined) throw new Error(`Redis could not be fetched: ${fault}\n${HOW_TO_GET_ONE}`);

  rmSync(PRIVATE_REDIS, { recursive: true, force: true });
  renameSync(root, PRIVATE_REDIS);
  rmSync(work, { recursive: true, force: true });
  return redisUnpackedIn(PRIVATE_REDIS);
}

/**
 * With the system's package lists; where those are empty, or so old that they name files which the mirror no longer
 * has, with fresh lists of our own.
 *
 * @param {string} debs
 * @param {string} work
 * @param {import("./foreground.mjs").Foreground} foreground
 * @returns {Promise<string | undefined>} what went wrong
 */
async function download(debs, work, foreground) {
  if ((await downloadWith([], debs, foreground)) === undefined) return undefined;
  const lists = join(work, "lists");
  const cache = join(work, "cache");
  mkdirSync(join(lists, "partial"), { recursive: true });
  mkdirSync(join(cache, "archives", "partial"), { recursive: true });
  const own = ["-o", `Dir::State::Lists=${lists}`, "-o", `Dir::Cache=${cache}`];
  const updated = await foreground.step("apt-get", [...APT_OPTIONS, ...own, "update"], { timeoutMs: APT_TIMEOUT_MS });
  if (!updated.ok) return told("apt-get update", updated);
  return downloadWith(own, debs, foreground);
}

/**
 * @param {readonly string[]} listOptions
 * @param {string} debs
 * @param {import("./foreground.mjs").Foreground} foreground
 */
async function downloadWith(listOptions, debs, foreground) {
  const options = [...APT_OPTIONS, ...listOptions];
  const simulated = await foreground.step(
    "apt-get",
    [...options, "--simulate", "--no-install-recommends", "install", "redis-server"],
    { timeoutMs: APT_TIMEOUT_MS },
  );
  const missing = [...simulated.output.matchAll(/^Inst (\S+) /gm)].map((line) => line[1] ?? "");
  const packages = simulated.ok && missing.length > 0 ? missing : PACKAGES;
  const downloaded = await foreground.step("apt-get", [...options, "download", ...packages], {
    cwd: debs,
    timeoutMs: APT_TIMEOUT_MS,
  });
  return downloaded.ok ? undefined : told("apt-get download", downloaded);
}

/**
 * @param {string} debs
 * @param {string} root
 * @param {import("./foreground.mjs").Foreground} foreground
 */
async function unpack(debs, root, foreground) {
  for (const deb of readdirSync(debs)) {
    const unpacked = await foreground.step("dpkg", ["-x", join(debs, deb), root], { timeoutMs: DPKG_TIMEOUT_MS });
    if (!unpacked.ok) return told(`unpacking ${deb}`, unpacked);
  }
  return undefined;
}

/**
 * @param {string} what
 * @param {{ how: string, output: string }} result
 */
function told(what, result) {
  return `${what} failed (${result.how})\n${result.output.trim().slice(-1_000)}`;
}
