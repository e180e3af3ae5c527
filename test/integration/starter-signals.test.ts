import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { findRedisServer } from "../../scripts/setup/redis-server.mjs";
import { FakeCheckout, isAlive, lockFile, until } from "../support/fake-checkout.ts";

jest.setTimeout(60_000); // processes, on a machine that may be busy

/** Counts the signals it gets, and drains for a moment on each before it exits. */
const DRAINING_SERVICE = `
  import { appendFileSync } from "node:fs";
  let draining;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      appendFileSync("heard", signal + "\\n");
      draining ??= setTimeout(() => { appendFileSync("heard", "drained\\n"); process.exit(0); }, 700);
    });
  }
  setInterval(() => {}, 1000);
  console.log("service pid", process.pid);`;

let checkout: FakeCheckout;
beforeEach(() => {
  checkout = new FakeCheckout();
  checkout.write("node_modules/.package-lock.json", lockFile("1.0.0"));
});
afterEach(async () => {
  await checkout.remove();
});

function pidIn(line: string): number {
  return Number(/pid (\d+)/.exec(line)?.[1]);
}

describe("what the command says and hears", () => {
  test("its exit code is the starter's, and its arguments are what followed the command's name", async () => {
    checkout.write("scripts/demo.ts", "console.log(process.argv.slice(2).join(' ')); process.exit(7);");
    const { code, stdout } = await checkout.run(["demo", "--port", "0"]);
    expect({ code, stdout }).toEqual({ code: 7, stdout: "--port 0\n" });
  });

  test("its death by a signal becomes 128 + the signal's number", async () => {
    checkout.write("scripts/demo.ts", "process.kill(process.pid, 'SIGKILL');");
    expect((await checkout.run(["demo"])).code).toBe(137);
  });

  test("it reads what is written to the starter's stdin, to its end", async () => {
    checkout.write(
      "scripts/demo.ts",
      "let text = ''; for await (const chunk of process.stdin) text += chunk; console.log('read', text);",
    );
    const started = checkout.start(["demo"]);
    started.process.stdin.end("line");
    expect((await started.ended).stdout).toBe("read line\n");
  });

  test.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)(
    "it gets %s once and may drain before it ends",
    async (signal) => {
      checkout.write("src/main.ts", DRAINING_SERVICE);
      const started = checkout.start(["start"]);
      await started.said("pid");
      started.process.kill(signal);
      expect((await started.ended).code).toBe(0);
      expect(checkout.read("heard")).toBe(`${signal}\ndrained\n`);
    },
  );

  const withProc = existsSync("/proc/self/stat") ? test : test.skip;
  withProc("Ctrl-Z stops it with the starter, and both go on together", async () => {
    checkout.write("scripts/demo.ts", DRAINING_SERVICE);
    const started = checkout.start(["demo"]);
    const service = pidIn(await started.said("pid"));
    const stopped = (pid: number | undefined) => readFileSync(`/proc/${pid}/status`, "utf8").includes("State:\tT");
    started.process.kill("SIGTSTP");
    await until(() => stopped(service) && stopped(started.process.pid));
    started.process.kill("SIGCONT");
    await until(() => !stopped(service) && !stopped(started.process.pid));
    started.process.kill("SIGTERM");
    expect((await started.ended).code).toBe(0);
  });

  test("what it leaves running in its group ends with it", async () => {
    checkout.write(
      "scripts/demo.ts",
      `import { spawn } from "node:child_process";
       const left = spawn("sleep", ["60"], { stdio: "ignore" });
       left.unref();
       console.log("pid", left.pid);`,
    );
    const { stdout } = await checkout.run(["demo"]);
    await until(() => !isAlive(pidIn(stdout)), 5_000);
  });
});

describe("through npm", () => {
  const npm = realNpm();
  const throughNpm = npm === undefined ? test.skip : test;
  const inTerminal = npm === undefined || !existsSync("/usr/bin/script") ? test.skip : test;

  throughNpm("SIGTERM to npm start reaches the service once, and npm waits while it drains", async () => {
    checkout.write("src/main.ts", DRAINING_SERVICE);
    const started = checkout.spawn(process.execPath, [npm ?? "", "start"]);
    await started.said("pid");
    started.process.kill("SIGTERM");
    await once(started.process, "exit");
    expect(checkout.read("heard")).toBe("SIGTERM\ndrained\n");
  });

  throughNpm("npm killed with -9 takes the service with it, drained", async () => {
    checkout.write("src/main.ts", DRAINING_SERVICE);
    const started = checkout.spawn(process.execPath, [npm ?? "", "start"]);
    const service = pidIn(await started.said("pid"));
    started.process.kill("SIGKILL");
    await until(() => !isAlive(service), 10_000);
    expect(checkout.read("heard")).toBe("SIGTERM\ndrained\n");
  });

  inTerminal("Ctrl-C in a terminal reaches the demo once, though npm passes it on as well", async () => {
    checkout.write("scripts/demo.ts", DRAINING_SERVICE);
    const command = `exec ${process.execPath} ${npm} run demo`;
    const terminal = checkout.spawn("/usr/bin/script", ["-qec", command, "/dev/null"]);
    await terminal.said("pid");
    terminal.process.stdin.write("\u0003");
    await terminal.ended;
    expect(checkout.read("heard")).toBe("SIGINT\ndrained\n");
  });

  inTerminal("in a terminal the demo has the terminal: it reads keys from it", async () => {
    checkout.write(
      "scripts/demo.ts",
      `process.stdin.setRawMode(true).once("data", (key) => { console.log("key", String(key)); process.exit(0); });
       console.log("terminal", process.stdout.isTTY);`,
    );
    const command = `exec ${process.execPath} ${npm} run demo`;
    const terminal = checkout.spawn("/usr/bin/script", ["-qec", command, "/dev/null"]);
    expect(await terminal.said("terminal")).toContain("true");
    terminal.process.stdin.write("y");
    expect(await terminal.said("key")).toContain("key y");
  });
});

/** npm's own program, run with our Node: the fake one on the checkout's PATH is for installs. */
function realNpm(): string | undefined {
  return (process.env.PATH ?? "")
    .split(":")
    .map((folder) => join(folder, "npm"))
    .find((path) => existsSync(path));
}

describe("when the starter is killed with -9", () => {
  /** Temporary folders of this test's servers land here, so that leftovers can be seen. */
  let temporary: string;
  beforeEach(() => {
    temporary = mkdtempSync(join(tmpdir(), "yingda-left-"));
  });
  afterEach(() => {
    rmSync(temporary, { recursive: true, force: true });
  });

  test("the command is asked to end and drains, then its Redis ends, and no folder is left", async () => {
    checkout.write(
      "scripts/demo.ts",
      `import { startPrivateRedis } from "./setup/private-redis.mjs";
       console.log("redis pid", (await startPrivateRedis()).pid);
       ${DRAINING_SERVICE}`,
    );
    const { server } = findRedisServer();
    const started = checkout.start(["demo"], {
      TMPDIR: temporary,
      YINGDA_REDIS_SERVER: server?.path ?? "",
      YINGDA_REDIS_LD_LIBRARY_PATH: server?.libraryPath ?? "",
    });
    const redis = pidIn(await started.said("redis pid"));
    const command = pidIn(await started.said("service pid"));
    started.process.kill("SIGKILL");
    await until(() => !isAlive(command), 5_000);
    await until(() => !isAlive(redis), 5_000);
    await until(() => readdirSync(temporary).length === 0, 5_000);
    expect(checkout.read("heard")).toBe("SIGTERM\ndrained\n");
  });

  test("a command that ignores SIGTERM is killed with its group when the grace time is over", async () => {
    checkout.write(
      "stubborn.mjs",
      "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); console.log('pid', process.pid);",
    );
    checkout.write(
      "starter.mjs",
      `import { spawnTethered } from "./scripts/setup/tether.mjs";
       spawnTethered(process.execPath, ["stubborn.mjs"], { graceMs: 500 });`,
    );
    const started = checkout.spawn(process.execPath, ["starter.mjs"]);
    const stubborn = pidIn(await started.said("pid"));
    const killedMs = performance.now();
    started.process.kill("SIGKILL");
    await until(() => !isAlive(stubborn), 5_000);
    expect(performance.now() - killedMs).toBeGreaterThan(400);
  });
});
