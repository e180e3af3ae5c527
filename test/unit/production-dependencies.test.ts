import { readdirSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join } from "node:path";
import { expect, test } from "@jest/globals";

const CHECKOUT = join(import.meta.dirname, "../..");
/** What runs without the development tools: the container, `npm start`, `npm run doctor`, and the demo. */
const RUNS_IN_PRODUCTION = ["src", "simulator", "scripts/demo.ts", "scripts/doctor.ts"];

function sourcesIn(path: string): string[] {
  if (path.endsWith(".ts")) return [path];
  return readdirSync(join(CHECKOUT, path), { recursive: true, encoding: "utf8" })
    .filter((name) => /\.ts$/.test(name) && !name.endsWith(".d.ts"))
    .map((name) => join(path, name));
}

test("what runs in production imports no package that only development installs", () => {
  const { dependencies } = JSON.parse(readFileSync(join(CHECKOUT, "package.json"), "utf8"));
  const strays = RUNS_IN_PRODUCTION.flatMap(sourcesIn).flatMap((file) => {
    const imports = readFileSync(join(CHECKOUT, file), "utf8").matchAll(
      /^(?!import type).*?\b(?:from|import\()\s*"([^"]+)"/gm,
    );
    return [...imports]
      .map((match) => match[1] ?? "")
      .filter((from) => !from.startsWith(".") && !isBuiltin(from))
      .map((from) =>
        from
          .split("/")
          .slice(0, from.startsWith("@") ? 2 : 1)
          .join("/"),
      )
      .filter((name) => !(name in dependencies))
      .map((name) => `${file}: ${name}`);
  });
  expect(strays).toEqual([]);
});
