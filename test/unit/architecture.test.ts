import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, test } from "@jest/globals";

const ROOT = resolve(import.meta.dirname, "../..");
const MAP = readFileSync(join(ROOT, "docs/ARCHITECTURE.md"), "utf8");

/** Room → rooms it may import, read from the table in docs/ARCHITECTURE.md. */
function readArrows(): Map<string, string[]> {
  const rows = MAP.split("\n").filter((line) => /^\| `(src|simulator)/.test(line));
  return new Map(
    rows.map((row) => {
      const [, room = "", , allowed = ""] = row.split("|").map((cell) => cell.trim());
      return [unquote(room), allowed === "" ? [] : allowed.split(",").map((name) => unquote(name.trim()))];
    }),
  );
}

function unquote(name: string): string {
  return name.replaceAll("`", "");
}

function sourceFiles(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(ts|tsx|mts)$/.test(name) && !name.endsWith(".d.ts"))
    .map((name) => join(folder, name));
}

function importsOf(file: string): string[] {
  const code = readFileSync(join(ROOT, file), "utf8");
  const specifiers = [...code.matchAll(/(?:\bfrom|\bimport|\bimport\()\s*["'](\.[^"']+)["']/g)];
  return specifiers.map(([, specifier = ""]) => relative(ROOT, resolve(ROOT, dirname(file), specifier)));
}

function roomOf(file: string, rooms: Iterable<string>): string | undefined {
  return [...rooms].find((room) => file === room || file.startsWith(`${room}/`));
}

/** Every import that leaves its room where the table has no arrow. */
function forbidden(files: string[], arrows: Map<string, string[]>, read = importsOf): string[] {
  return files.flatMap((file) => {
    const room = roomOf(file, arrows.keys());
    if (room === undefined) return [`${file} is in no room of docs/ARCHITECTURE.md`];
    return read(file).flatMap((target) => {
      const other = roomOf(target, arrows.keys());
      if (other === room || (other !== undefined && arrows.get(room)?.includes(other))) return [];
      return [`${file} imports ${target}`];
    });
  });
}

describe("architecture", () => {
  const arrows = readArrows();
  const files = [...sourceFiles("src"), ...sourceFiles("simulator")];

  test("imports between folders, in all source files, go only along the table's arrows", () => {
    expect(arrows.size).toBeGreaterThan(10);
    expect(files.length).toBeGreaterThan(30);
    expect(forbidden(files, arrows)).toEqual([]);
  });

  test("a planted import against an arrow is found", () => {
    const planted = forbidden(["src/session/keys.ts"], arrows, () => ["src/handlers/intake.ts", "bench/run.ts"]);
    expect(planted).toEqual([
      "src/session/keys.ts imports src/handlers/intake.ts",
      "src/session/keys.ts imports bench/run.ts",
    ]);
  });

  test("the environment is read only by the process entry and the scripts around the service", () => {
    const readers = files.filter((file) => readFileSync(join(ROOT, file), "utf8").includes("process.env"));
    expect(readers).toEqual(["src/main.ts"]);
  });

  test.each(["docs/ARCHITECTURE.md", "README.md", "README.zh-CN.md", "CONTRIBUTING.md"])(
    "paths of this repository named in %s exist",
    (document) => {
      const text = readFileSync(join(ROOT, document), "utf8");
      const named = [...text.matchAll(/`((?:src|test|docs|scripts|simulator|bench|eval|deploy)\/[\w./-]+)`/g)];
      const missing = named.map(([, path = ""]) => path).filter((path) => !existsSync(join(ROOT, path)));
      expect(missing).toEqual([]);
    },
  );
});
