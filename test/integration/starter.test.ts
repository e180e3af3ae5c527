import { mkdirSync, renameSync, utimesSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { FakeCheckout, isAlive, lockFile, until } from "../support/fake-checkout.ts";

/** What each step that does something prints; nothing else may appear on stderr. */
function steps(stderr: string): string[] {
  return stderr.split("\n").filter(Boolean);
}

jest.setTimeout(60_000); // processes, on a machine that may be busy

let checkout: FakeCheckout;
beforeEach(() => {
  checkout = new FakeCheckout();
});
afterEach(async () => {
  await checkout.remove();
});

describe("installing the dependencies", () => {
  test("a first start installs them, saying so, and a second start does nothing and says nothing", async () => {
    const first = await checkout.run(["demo"]);
    expect(first).toMatchObject({ code: 0, stdout: "demo ran\n" });
    expect(steps(first.stderr)).toEqual([expect.stringContaining("npm ci")]);

    const second = await checkout.run(["demo"]);
    expect(second).toEqual({ code: 0, stdout: "demo ran\n", stderr: "" });
    expect(checkout.npmCalls()).toHaveLength(1);
  });

  test("a changed package-lock.json is installed at the next start", async () => {
    await checkout.run(["demo"]);
    checkout.write("package-lock.json", lockFile("2.0.0"));
    const next = await checkout.run(["demo"]);
    expect(steps(next.stderr)).toEqual([expect.stringContaining("npm ci")]);
    expect(checkout.npmCalls()).toHaveLength(2);
  });

  test("an install cut off by kill -9 ends with the starter and is done again at the next start", async () => {
    checkout.program(
      "npm",
      `rm -rf node_modules; mkdir node_modules; echo $$ > "${checkout.folder}/npm.pid"; sleep 60`,
    );
    const cutOff = checkout.start(["demo"]);
    await until(() => checkout.read("npm.pid") !== "");
    cutOff.process.kill("SIGKILL");
    const npm = Number(checkout.read("npm.pid"));
    await until(() => !isAlive(npm), 5_000);

    checkout.program("npm", "cat package-lock.json > node_modules/.package-lock.json; echo ci >> npm.log");
    const again = await checkout.run(["demo"]);
    expect(again).toMatchObject({ code: 0, stdout: "demo ran\n" });
    expect(checkout.npmCalls()).toEqual(["ci"]);
  });

  test("Ctrl-C while installing ends npm and the starter, and leaves no lock behind", async () => {
    checkout.write("npm-hangs", "");
    const started = checkout.start(["demo"]);
    await until(() => checkout.npmCalls().length > 0);
    started.process.kill("SIGINT");
    expect((await started.ended).code).toBe(130);
    expect(checkout.read(".yingda/lock")).toBe("");
  });

  test("an install by hand is recognised and not repeated", async () => {
    checkout.write("node_modules/.package-lock.json", lockFile("1.0.0"));
    expect(await checkout.run(["demo"])).toEqual({ code: 0, stdout: "demo ran\n", stderr: "" });
    expect(checkout.npmCalls()).toEqual([]);
  });

  test("an install by hand of other versions is not taken for the right one", async () => {
    checkout.write("node_modules/.package-lock.json", lockFile("0.9.0"));
    await checkout.run(["demo"]);
    expect(checkout.npmCalls()).toHaveLength(1);
  });

  test("demo and start ask for production dependencies only, and a later bench for the rest", async () => {
    checkout.write("package-lock.json", lockFile("1.0.0", { dev: true }));
    checkout.write("bench/run.ts", "console.log('bench ran');");
    expect(await checkout.run(["demo"])).toMatchObject({ code: 0, stdout: "demo ran\n" });
    expect(await checkout.run(["start"])).toEqual({ code: 0, stdout: "service ran\n", stderr: "" });
    checkout.write("node_modules/.package-lock.json", lockFile()); // as npm leaves it: no development tools
    expect(await checkout.run(["bench"])).toMatchObject({ code: 0, stdout: "bench ran\n" });
    expect(await checkout.run(["demo"])).toMatchObject({ code: 0, stderr: "" });
    expect(checkout.npmCalls()).toEqual([
      expect.stringContaining("ci --omit=dev"),
      expect.stringContaining("ci --include=dev"),
    ]);
  });

  test("a failing npm is quoted, with what to do, and nothing is run", async () => {
    checkout.write("npm-fails", "");
    const failed = await checkout.run(["demo"]);
    expect(failed).toMatchObject({ code: 1, stdout: "" });
    expect(failed.stderr).toContain("the registry is on fire");
    expect(failed.stderr).toContain("run the same command again");
  });
});

describe("the set-up lock", () => {
  test("two starts at once install once, and both commands run", async () => {
    const both = await Promise.all([checkout.run(["demo"]), checkout.run(["demo"])]);
    expect(both.map(({ code, stdout }) => ({ code, stdout }))).toEqual([
      { code: 0, stdout: "demo ran\n" },
      { code: 0, stdout: "demo ran\n" },
    ]);
    expect(checkout.npmCalls()).toHaveLength(1);
  });

  test("a lock whose holder is dead is taken over at once", async () => {
    const dead = checkout.spawn(process.execPath, ["-e", ""]);
    await dead.ended;
    checkout.write(".yingda/lock", JSON.stringify({ token: "old", pid: dead.process.pid, host: hostname() }));
    utimesSync(join(checkout.folder, ".yingda", "lock"), 0, 0);
    const started = await checkout.run(["demo"]);
    expect(started).toMatchObject({ code: 0, stdout: "demo ran\n" });
    expect(started.stderr).not.toContain("waiting");
    expect(checkout.read(".yingda/lock")).toBe("");
  });

  test("a lock whose holder lives is waited for, and the wait is told once", async () => {
    checkout.write(".yingda/lock", JSON.stringify({ token: "ours", pid: process.pid, host: hostname() }));
    const started = checkout.start(["demo"]);
    const heard: string[] = [];
    started.process.stderr.on("data", (chunk) => heard.push(String(chunk)));
    await until(() => heard.join("").includes(`waiting for another start (process ${process.pid})`));
    renameSync(join(checkout.folder, ".yingda", "lock"), join(checkout.folder, ".yingda", "released"));
    const { code, stderr } = await started.ended;
    expect(code).toBe(0);
    expect(stderr.match(/waiting/g)).toHaveLength(1);
  });

  test("a lock of another machine is taken over only when it was not touched for the stale time", async () => {
    checkout.write(".yingda/lock", JSON.stringify({ token: "theirs", pid: 1, host: "another-machine" }));
    utimesSync(join(checkout.folder, ".yingda", "lock"), 0, 0);
    checkout.write(
      "take.mjs",
      `import { withLock } from "./scripts/setup/lock.mjs";
       const startedMs = performance.now();
       await withLock(".yingda/lock", () => {}, async () => console.log(performance.now() - startedMs), { staleAfterMs: 600 });`,
    );
    const { stdout } = await checkout.spawn(process.execPath, ["take.mjs"]).ended;
    expect(Number(stdout)).toBeGreaterThan(600);
  });
});

describe("fetching Node 24", () => {
  /** The starter believes that it runs on Node 20. */
  function onNode20(): Record<string, string> {
    checkout.write(
      "node20.mjs",
      `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.20.2" } });
       Object.defineProperty(process, "version", { value: "v20.20.2" });`,
    );
    return { NODE_OPTIONS: `--import ${join(checkout.folder, "node20.mjs")}` };
  }

  test("an older Node fetches 24 through npm once, and npm ci and the command run on it", async () => {
    checkout.write("scripts/demo.ts", "console.log(process.execPath, process.env.PATH?.split(':')[0]);");
    const first = await checkout.run(["demo"], onNode20());
    const bin = join(checkout.folder, ".yingda", "node24", "node_modules", ".bin");
    expect(first).toMatchObject({ code: 0, stdout: `${process.execPath} ${bin}\n` });
    expect(steps(first.stderr)).toEqual([
      expect.stringContaining("fetching Node 24"),
      expect.stringContaining("npm ci"),
    ]);
    expect(checkout.npmCalls()).toEqual([expect.stringContaining("node@24"), expect.stringContaining("ci ")]);
    expect(await checkout.run(["demo"], onNode20())).toMatchObject({ code: 0, stderr: "" });
  });

  test("a fetched Node that does not run is an error with the way out, not a later crash", async () => {
    checkout.program("npm", 'mkdir -p "$3/node_modules/.bin"; touch "$3/node_modules/.bin/node"');
    const { code, stderr } = await checkout.run(["demo"], onNode20());
    expect(code).toBe(1);
    expect(stderr).toContain("it does not run on this system");
    expect(stderr).toContain("Install Node 24.12 or newer yourself");
  });
});

describe("check", () => {
  const tools = ["tsc", "biome", "oxlint", "knip"];
  beforeEach(() => {
    checkout.write("node_modules/.package-lock.json", lockFile("1.0.0"));
    checkout.write("node_modules/jest/bin/jest.js", "console.log('jest', process.argv.at(-1));");
    mkdirSync(join(checkout.folder, "node_modules", ".bin"));
    for (const tool of tools) link(tool, `echo ${tool}`);
  });
  function link(tool: string, body: string): void {
    renameSync(checkout.program(tool, body), join(checkout.folder, "node_modules", ".bin", tool));
  }
  const ran = "tsc\ntsc\ntsc\nbiome\noxlint\nknip\njest test/unit/architecture.test.ts\n";

  test("all checks run and pass", async () => {
    expect(await checkout.run(["check"])).toMatchObject({ code: 0, stdout: ran });
  });

  test("a failing check does not keep the others from running, and is named at the end", async () => {
    link("tsc", "echo tsc; exit 2");
    link("knip", "echo knip; exit 1");
    const { code, stdout, stderr } = await checkout.run(["check"]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: ran });
    expect(steps(stderr).at(-1)).toBe(
      "yingda: failed: types, types of the chat page, types of the console, unused code",
    );
  });
});

test("an unknown command is answered with the known ones", async () => {
  const { code, stderr } = await checkout.run(["deom"]);
  expect(code).toBe(64);
  expect(stderr).toContain("demo, start, test, bench, check, doctor");
});
