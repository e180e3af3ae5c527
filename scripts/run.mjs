// The starter: plain JavaScript for the Node that a machine happens to have (20 or newer). It sees to it that Node 24,
// the dependencies and, where the command wants one, a Redis server are there, then runs the command.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildConsole, consoleInPlace } from "./setup/console.mjs";
import { dependenciesInPlace, installDependencies } from "./setup/dependencies.mjs";
import { Foreground, InterruptedError } from "./setup/foreground.mjs";
import { withLock } from "./setup/lock.mjs";
import { environmentWith, fetchNode24, findNode24 } from "./setup/node24.mjs";
import { fetchRedisFromDebian } from "./setup/redis-debian.mjs";
import { findRedisServer } from "./setup/redis-server.mjs";

const CHECKOUT = fileURLToPath(new URL("..", import.meta.url));
const JEST = [
  "--experimental-vm-modules",
  "--disable-warning=ExperimentalWarning",
  join("node_modules", "jest", "bin", "jest.js"),
];

/**
 * What runs the service itself, the demo included, needs no development tools: a newcomer waits a third as long.
 *
 * `console`: serves the review console's page, which is built once from its sources; that takes the development tools.
 *
 * @type {Record<string, {
 *   dependencies: import("./setup/dependencies.mjs").Scope,
 *   redis: boolean,
 *   console?: boolean,
 *   node: string[] | undefined,
 * }>}
 */
const COMMANDS = {
  demo: { dependencies: "production", redis: true, console: true, node: ["scripts/demo.ts"] },
  start: { dependencies: "production", redis: false, console: true, node: ["src/main.ts"] },
  test: { dependencies: "all", redis: true, console: true, node: JEST },
  bench: { dependencies: "all", redis: true, console: true, node: ["bench/run.ts"] },
  check: { dependencies: "all", redis: false, node: undefined },
  doctor: { dependencies: "production", redis: false, node: ["scripts/doctor.ts"] },
  chaos: { dependencies: "all", redis: true, node: ["scripts/chaos.ts"] },
  simulate: { dependencies: "all", redis: true, node: ["scripts/simulate.ts"] },
  soak: { dependencies: "production", redis: true, node: ["scripts/soak.ts"] },
  eval: { dependencies: "all", redis: false, node: ["eval/main.ts"] },
  "eval:moderation": { dependencies: "all", redis: false, node: ["scripts/eval-moderation.ts"] },
  "train-classifier": { dependencies: "production", redis: false, node: ["scripts/train-classifier.ts"] },
  mutate: {
    dependencies: "all",
    redis: false,
    node: ["node_modules/@stryker-mutator/core/bin/stryker.js", "run"],
  },
  "audit:verify": { dependencies: "production", redis: false, node: ["scripts/audit-verify.ts"] },
  "dead-letters": { dependencies: "production", redis: false, node: ["scripts/dead-letters.ts"] },
};

/** What `check` runs, all of it even when one fails: name, tool in node_modules/.bin, arguments. */
const CHECKS = [
  { name: "types", tool: "tsc", args: [] },
  { name: "types of the chat page", tool: "tsc", args: ["-p", "simulator/chat"] },
  { name: "types of the console", tool: "tsc", args: ["-p", "console"] },
  { name: "lint and format", tool: "biome", args: ["check", "."] },
  {
    name: "lint with types",
    tool: "oxlint",
    args: ["--type-aware", "src", "simulator", "scripts", "bench", "eval", "test", "console/src"],
  },
  { name: "unused code", tool: "knip", args: [] },
  { name: "dependency direction", tool: "node", args: [...JEST, "test/unit/architecture.test.ts"] },
];

/** @param {string} line */
function say(line) {
  process.stderr.write(`yingda: ${line}\n`);
}

/** A checkout without the page's sources has nothing to build. */
function hasConsole() {
  return !existsSync(join(CHECKOUT, "console", "src")) || consoleInPlace(CHECKOUT);
}

/**
 * Looks first, without a lock and without a word, so that every start but the first is quick.
 *
 * @param {(typeof COMMANDS)[string]} command
 * @param {Foreground} foreground
 */
async function provide(command, foreground) {
  const look = () => {
    const console = command.console !== true || hasConsole();
    return {
      node: findNode24(CHECKOUT),
      console,
      dependencies: dependenciesInPlace(CHECKOUT, console ? command.dependencies : "all"),
      redis: command.redis ? findRedisServer() : undefined,
    };
  };
  const isMissing = (/** @type {ReturnType<typeof look>} */ found) =>
    found.node === undefined ||
    !found.console ||
    !found.dependencies ||
    (found.redis !== undefined && found.redis.server === undefined);

  let found = look();
  if (isMissing(found)) {
    found = await withLock(join(CHECKOUT, ".yingda", "lock"), say, async () => {
      const now = look(); // another start may have done it while we waited
      const node = now.node ?? (await fetchNode24(CHECKOUT, foreground));
      if (!now.dependencies) {
        await installDependencies(
          CHECKOUT,
          now.console ? command.dependencies : "all",
          environmentWith(node),
          foreground,
        );
      }
      if (!now.console) await buildConsole(CHECKOUT, environmentWith(node), foreground);
      const redis = now.redis && {
        ...now.redis,
        server: now.redis.server ?? (await fetchRedisFromDebian(foreground, now.redis.notGood)),
      };
      return { node, console: true, dependencies: true, redis };
    });
  }
  const node = found.node ?? process.execPath;
  const env = environmentWith(node);
  if (found.redis?.server) {
    env.YINGDA_REDIS_SERVER = found.redis.server.path;
    env.YINGDA_REDIS_LD_LIBRARY_PATH = found.redis.server.libraryPath;
  }
  return { node, env };
}

/**
 * @param {Foreground} foreground
 * @param {{ node: string, env: NodeJS.ProcessEnv }} provided
 */
async function check(foreground, { node, env }) {
  const failed = [];
  for (const { name, tool, args } of CHECKS) {
    say(name);
    const file = tool === "node" ? node : join(CHECKOUT, "node_modules", ".bin", tool);
    const code = await foreground.run(file, args, { cwd: CHECKOUT, env });
    if (foreground.interruptCode !== undefined) return foreground.interruptCode;
    if (code !== 0) failed.push(name);
  }
  say(failed.length === 0 ? "all checks passed" : `failed: ${failed.join(", ")}`);
  return failed.length === 0 ? 0 : 1;
}

async function main() {
  const [name = "", ...args] = process.argv.slice(2);
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    say(`no command "${name}"; there are: ${Object.keys(COMMANDS).join(", ")}`);
    return 64;
  }
  if (process.platform === "win32") {
    say("this runs on Linux and macOS; on Windows use the Linux subsystem (WSL)");
    return 1;
  }
  const foreground = new Foreground(say);
  const provided = await provide(command, foreground);
  if (command.node === undefined) return check(foreground, provided);
  return foreground.run(provided.node, [...command.node, ...args], { cwd: CHECKOUT, env: provided.env });
}

try {
  process.exit(await main());
} catch (error) {
  if (error instanceof InterruptedError) process.exit(error.exitCode);
  say(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
