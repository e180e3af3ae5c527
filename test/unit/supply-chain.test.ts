import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";

/**
 * What comes in with `npm ci`. The registry's audit needs a network and is for CI; this much the lock file and the
 * installed packages show by themselves.
 */

const CHECKOUT = join(import.meta.dirname, "../..");

interface LockEntry {
  integrity?: string;
  resolved?: string;
  link?: boolean;
  dev?: boolean;
  devOptional?: boolean;
  optional?: boolean;
  hasInstallScript?: boolean;
}

const lock = JSON.parse(readFileSync(join(CHECKOUT, "package-lock.json"), "utf8")) as {
  packages: Record<string, LockEntry>;
};
/** All packages but the project itself and links into it. */
const packages = Object.entries(lock.packages).filter(([path, entry]) => path !== "" && entry.link !== true);
const production = packages.filter(([, entry]) => entry.dev !== true && entry.devOptional !== true);

/** Allow use, change and distribution, in a closed service too. A new one is a decision, not an accident. */
const LICENCES = new Set(["MIT", "ISC", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "0BSD"]);
/** The image library that sharp loads: a binary of its own, which anybody may replace by another build, as LGPL asks. */
const REPLACEABLE_BINARY = /^node_modules\/@img\/sharp-libvips-/;
/**
 * Measured: 127, for 19 that we ask for; 28 of them come with the vendor's client of the long connection. Every package is
 * somebody who could slip something in: who adds one that goes beyond this looks at what it brings along, and then moves
 * the bound.
 */
const PRODUCTION_PACKAGES_MAX = 130;

function licenceOf(path: string): string {
  const file = join(CHECKOUT, path, "package.json");
  // Optional ones for other systems are not installed; they never run here.
  if (!existsSync(file)) return "not installed";
  return String((JSON.parse(readFileSync(file, "utf8")) as { license?: unknown }).license);
}

describe("supply chain", () => {
  test("every locked package has a strong integrity", () => {
    expect(packages.length).toBeGreaterThan(100);
    expect(packages.filter(([, entry]) => !/^sha512-/.test(entry.integrity ?? "")).map(([path]) => path)).toEqual([]);
  });

  test("no package comes from git, a plain http address or a file", () => {
    const strays = packages.filter(([, { resolved }]) => resolved !== undefined && !/^https:\/\//.test(resolved));
    expect(strays.map(([path]) => path)).toEqual([]);
    const { dependencies, devDependencies } = JSON.parse(readFileSync(join(CHECKOUT, "package.json"), "utf8"));
    const wanted: [string, string][] = Object.entries({ ...dependencies, ...devDependencies });
    expect(wanted.filter(([, range]) => !/^[\^~]?\d+\.\d+\.\d+$/.test(range))).toEqual([]);
  });

  test("the licences of what runs in production are on the list", () => {
    const others = production
      .filter(([path]) => !REPLACEABLE_BINARY.test(path))
      .map(([path]) => [path, licenceOf(path)] as const)
      .filter(([, licence]) => licence !== "not installed" && !LICENCES.has(licence));
    expect(others).toEqual([]);
    const missing = production.filter(
      ([path, { optional }]) => optional !== true && licenceOf(path) === "not installed",
    );
    expect(missing.map(([path]) => path)).toEqual([]);
  });

  test("what runs in production runs no script when it is installed", () => {
    expect(production.filter(([, entry]) => entry.hasInstallScript === true).map(([path]) => path)).toEqual([]);
  });

  test("the number of production packages stays within its bound", () => {
    // Optional ones are the same binary for other systems.
    expect(production.filter(([, { optional }]) => optional !== true).length).toBeLessThanOrEqual(
      PRODUCTION_PACKAGES_MAX,
    );
  });
});
