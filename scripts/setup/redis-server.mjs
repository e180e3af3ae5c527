import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findOnPath } from "./search-path.mjs";

/** XAUTOCLAIM, which takes over the work of a killed worker, came with 6.2. */
const VERSION_MIN = [6, 2];
const CHECKOUT = fileURLToPath(new URL("../..", import.meta.url));

/**
 * @typedef {object} RedisServer
 * @property {string} path of the program
 * @property {string} libraryPath for LD_LIBRARY_PATH; empty when the system's own libraries do
 */

/** The private place that Debian's package is unpacked into. */
export const PRIVATE_REDIS = join(CHECKOUT, ".yingda", "redis");

/**
 * Looks for a Redis (or Valkey) server that is new enough, nearest first: the one named by YINGDA_REDIS_SERVER, then
 * `redis-server`, then `valkey-server` on the PATH, then the one that an earlier start has unpacked. Starts nothing.
 *
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {{ server: RedisServer | undefined, notGood: string[] }} what was found but will not do is told in `notGood`
 * @throws {Error} when YINGDA_REDIS_SERVER names something that will not do: silently taking another would surprise
 */
export function findRedisServer(env = process.env) {
  const named = env.YINGDA_REDIS_SERVER;
  if (named) {
    const server = { path: named, libraryPath: env.YINGDA_REDIS_LD_LIBRARY_PATH ?? "" };
    const fault = faultOf(server);
    if (fault === undefined) return { server, notGood: [] };
    throw new Error(`YINGDA_REDIS_SERVER is not usable: ${fault}. Unset it, or name another.`);
  }
  const notGood = [];
  for (const server of candidates(env)) {
    const fault = faultOf(server);
    if (fault === undefined) return { server, notGood };
    notGood.push(fault);
  }
  return { server: undefined, notGood };
}

/**
 * The environment that a server program runs in.
 *
 * @param {RedisServer} server
 * @returns {NodeJS.ProcessEnv}
 */
export function redisEnvironment(server) {
  if (server.libraryPath === "") return process.env;
  const inherited = process.env.LD_LIBRARY_PATH;
  return { ...process.env, LD_LIBRARY_PATH: inherited ? `${server.libraryPath}:${inherited}` : server.libraryPath };
}

/**
 * A Redis as it lies in a folder that Debian's packages were unpacked into.
 *
 * @param {string} folder
 * @returns {RedisServer}
 */
export function redisUnpackedIn(folder) {
  const libraries = ["usr/lib", "lib"].flatMap((lib) => {
    const inside = join(folder, lib);
    if (!existsSync(inside)) return [];
    return readdirSync(inside)
      .filter((name) => name.includes("-linux-"))
      .map((name) => join(inside, name));
  });
  return { path: join(folder, "usr/bin/redis-server"), libraryPath: libraries.join(":") };
}

/**
 * @param {RedisServer} server
 * @returns {string | undefined} why it will not do; undefined when it will
 */
export function faultOf(server) {
  const run = spawnSync(server.path, ["--version"], {
    env: redisEnvironment(server),
    encoding: "utf8",
    timeout: 5_000,
  });
  if (run.error) return `${server.path} does not run (${run.error.message})`;
  const version = /\bv=(\d+)\.(\d+)\.(\d+)/.exec(run.stdout);
  if (run.status !== 0 || version === null) {
    return `${server.path} does not tell its version (${run.stderr.trim().slice(0, 200) || `exit code ${run.status}`})`;
  }
  const [major = 0, minor = 0] = version.slice(1).map(Number);
  const [majorMin = 0, minorMin = 0] = VERSION_MIN;
  if (major > majorMin || (major === majorMin && minor >= minorMin)) return undefined;
  return `${server.path} is version ${major}.${minor}, and ${VERSION_MIN.join(".")} or newer is needed`;
}

/** @param {NodeJS.ProcessEnv} env */
function* candidates(env) {
  for (const name of ["redis-server", "valkey-server"]) {
    const path = findOnPath(name, env);
    if (path !== undefined) yield { path, libraryPath: "" };
  }
  if (existsSync(PRIVATE_REDIS)) yield redisUnpackedIn(PRIVATE_REDIS);
}
