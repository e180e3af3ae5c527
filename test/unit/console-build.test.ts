import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { buildConsole, consoleInPlace } from "../../scripts/setup/console.mjs";

let checkout: string;

function write(name: string, text = name): void {
  const file = path.join(checkout, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** What Vite would do, and whether it went well. */
function builder(ok = true, alongside = () => {}) {
  const steps: string[] = [];
  return {
    steps,
    say: () => {},
    step: (file: string) => {
      steps.push(file);
      alongside();
      if (ok) write("console/dist/index.html");
      return Promise.resolve({ ok, how: ok ? "exit code 0" : "exit code 1", output: "main.tsx: no such word" });
    },
  };
}

describe("building the console's page", () => {
  beforeEach(() => {
    checkout = mkdtempSync(path.join(tmpdir(), "yingda-console-build-"));
    for (const name of ["src/main.tsx", "src/words/zh.json", "index.html", "vite.config.ts", "tsconfig.json"]) {
      write(`console/${name}`);
    }
    write("package-lock.json");
    write("node_modules/.bin/vite");
  });
  afterEach(() => {
    rmSync(checkout, { recursive: true, force: true });
  });

  test("what is built is in place until a source, a word or a dependency changes", async () => {
    expect(consoleInPlace(checkout)).toBe(false);
    await buildConsole(checkout, {}, builder());
    expect(consoleInPlace(checkout)).toBe(true);
    for (const name of ["console/src/words/zh.json", "console/index.html", "package-lock.json"]) {
      write(name, "changed");
      expect([name, consoleInPlace(checkout)]).toEqual([name, false]);
      await buildConsole(checkout, {}, builder());
      expect(consoleInPlace(checkout)).toBe(true);
    }
    write("console/src/new.ts");
    expect(consoleInPlace(checkout)).toBe(false);
  });

  test("a source that changes while it is built is built again next time", async () => {
    await buildConsole(
      checkout,
      {},
      builder(true, () => write("console/src/main.tsx", "changed meanwhile")),
    );
    expect(consoleInPlace(checkout)).toBe(false);
  });

  test("a page without sources beside it, as in an image, is taken as it is", () => {
    rmSync(path.join(checkout, "console", "src"), { recursive: true });
    expect(consoleInPlace(checkout)).toBe(false);
    write("console/dist/index.html");
    expect(consoleInPlace(checkout)).toBe(true);
  });

  test("a failed build says what the tool said, and leaves nothing that looks built", async () => {
    await expect(buildConsole(checkout, {}, builder(false))).rejects.toThrow("main.tsx: no such word");
    expect(consoleInPlace(checkout)).toBe(false);
  });

  test("without the development tools the error says how to get them", async () => {
    rmSync(path.join(checkout, "node_modules"), { recursive: true });
    const { steps, ...foreground } = builder();
    await expect(buildConsole(checkout, {}, foreground)).rejects.toThrow("npm ci --include=dev");
    expect(steps).toEqual([]);
  });
});
