import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A bundle takes a second; a busy machine may need many. */
const BUILD_TIMEOUT_MS = 300_000;

/**
 * Whether console/dist was built from the sources and the dependencies that stand here: a digest of both is kept in it.
 * A dist without sources beside it, as in an image, is taken as it is.
 *
 * @param {string} checkout
 */
export function consoleInPlace(checkout) {
  const files = filesOf(checkout);
  if (!existsSync(files.page)) return false;
  if (!existsSync(files.sources)) return true;
  try {
    return readFileSync(files.digest, "utf8") === digestOf(checkout);
  } catch {
    return false; // built by hand, or cut off before the digest was written
  }
}

/**
 * Builds console/dist. The caller holds a lock and has seen to the development tools.
 *
 * @param {string} checkout
 * @param {NodeJS.ProcessEnv} env with Node 24 first on the PATH
 * @param {Pick<import("./foreground.mjs").Foreground, "say" | "step">} foreground
 * @throws {Error} with Vite's own words
 */
export async function buildConsole(checkout, env, foreground) {
  const files = filesOf(checkout);
  if (!existsSync(files.vite)) {
    throw new Error(
      "The review console's page is not built, and the tool that builds it is not installed. " +
        "Run `npm ci --include=dev`, then the same command again.",
    );
  }
  foreground.say("building the review console's page");
  // Taken before: a source that is changed meanwhile is built again next time.
  const digest = digestOf(checkout);
  const built = await foreground.step(files.vite, ["build", "--config", files.config, "--logLevel", "warn"], {
    cwd: checkout,
    // whatever runs us, tests above all: the page is built as it is served
    env: { ...env, NODE_ENV: "production" },
    timeoutMs: BUILD_TIMEOUT_MS,
  });
  if (!built.ok) {
    throw new Error(
      `${built.output.trim().slice(-4_000)}\nThe review console's page could not be built (${built.how}).`,
    );
  }
  writeFileSync(files.digest, digest);
}

/** @param {string} checkout */
function filesOf(checkout) {
  const folder = join(checkout, "console");
  return {
    sources: join(folder, "src"),
    config: join(folder, "vite.config.ts"),
    page: join(folder, "dist", "index.html"),
    digest: join(folder, "dist", ".digest"),
    vite: join(checkout, "node_modules", ".bin", "vite"),
  };
}

/**
 * Names and contents of everything that the page is made of.
 *
 * @param {string} checkout
 */
function digestOf(checkout) {
  const folder = join(checkout, "console");
  const sources = readdirSync(join(folder, "src"), { recursive: true, encoding: "utf8" })
    .map((name) => join("src", name))
    .filter((name) => statSync(join(folder, name)).isFile());
  const hash = createHash("sha256");
  for (const name of [...sources, "index.html", "vite.config.ts", "tsconfig.json"].sort()) {
    hash
      .update(`${name}\0`)
      .update(readFileSync(join(folder, name)))
      .update("\0");
  }
  return hash.update(readFileSync(join(checkout, "package-lock.json"))).digest("hex");
}
