import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const CHECKOUT = fileURLToPath(new URL("../..", import.meta.url));
/** What the starter and the fakes may use of the real system; nothing else is on their PATH. */
const SYSTEM_TOOLS = ["sh", "env", "sleep", "rm", "grep", "mkdir", "ln", "cat", "touch", "chmod"];
const END_TIMEOUT_MS = 30_000;
const POLL_MS = 20;

export interface Ended {
  /** As a shell would see it; -1 where the starter itself died of a signal. */
  code: number;
  stdout: string;
  stderr: string;
}

export interface Started {
  process: ChildProcessWithoutNullStreams;
  /** Resolves with the first stdout line that has `words` in it; rejects when the process ends without. */
  said(words: string): Promise<string>;
  ended: Promise<Ended>;
}

/** A small project in a temporary folder, with the real starter in it and a PATH of its own. */
export class FakeCheckout {
  readonly folder = mkdtempSync(join(tmpdir(), "yingda-checkout-"));
  readonly bin = join(this.folder, "fake-bin");
  #running: Started[] = [];

  constructor() {
    for (const path of ["scripts/run.mjs", "scripts/setup"]) {
      cpSync(join(CHECKOUT, path), join(this.folder, path), { recursive: true });
    }
    mkdirSync(this.bin);
    for (const tool of SYSTEM_TOOLS) {
      const found = spawnSync("sh", ["-c", `command -v ${tool}`], { encoding: "utf8" }).stdout.trim();
      if (found.startsWith("/")) symlinkSync(found, join(this.bin, tool));
    }
    symlinkSync(process.execPath, join(this.bin, "node"));
    const { scripts } = JSON.parse(readFileSync(join(CHECKOUT, "package.json"), "utf8"));
    this.write("package.json", JSON.stringify({ name: "fake", version: "1.0.0", type: "module", scripts }));
    this.write("package-lock.json", lockFile("1.0.0"));
    // Keeps what it was asked, and behaves as npm does: ci empties node_modules first and writes its own list last.
    this.program(
      "npm",
      `echo "$@" >> "${this.folder}/npm.log"
       case $1 in
         ci)
           rm -rf node_modules && mkdir node_modules
           [ ! -e "${this.folder}/npm-hangs" ] || { echo hanging; sleep 60; }
           [ ! -e "${this.folder}/npm-fails" ] || { echo "npm error the registry is on fire" >&2; exit 1; }
           sleep 0.2
           cat package-lock.json > node_modules/.package-lock.json;;
         install)
           mkdir -p "$3/node_modules/.bin"
           echo '#!/bin/sh
           exec "${process.execPath}" "$@"' > "$3/node_modules/.bin/node"
           chmod +x "$3/node_modules/.bin/node";;
       esac`,
    );
    this.program("redis-server", 'echo "Redis server v=7.0.15 sha=00000000:0 malloc=libc bits=64 build=0"');
    this.write("scripts/demo.ts", 'console.log("demo ran");');
    this.write("src/main.ts", 'console.log("service ran");');
  }

  write(path: string, content: string): void {
    const file = join(this.folder, path);
    mkdirSync(join(file, ".."), { recursive: true });
    writeFileSync(file, content);
  }

  read(path: string): string {
    const file = join(this.folder, path);
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  }

  /** Puts a shell script on the PATH. */
  program(name: string, body: string): string {
    const file = join(this.bin, name);
    rmSync(file, { force: true });
    writeFileSync(file, `#!/bin/sh\n${body}\n`);
    chmodSync(file, 0o755);
    return file;
  }

  withoutProgram(name: string): void {
    rmSync(join(this.bin, name), { force: true });
  }

  /** What npm was asked to do so far, one line a call. */
  npmCalls(): string[] {
    return this.read("npm.log").split("\n").filter(Boolean);
  }

  start(args: readonly string[], env: Record<string, string> = {}): Started {
    return this.spawn(process.execPath, [join(this.folder, "scripts", "run.mjs"), ...args], env);
  }

  run(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
    const started = this.start(args, env);
    started.process.stdin.end();
    return started.ended;
  }

  spawn(file: string, args: readonly string[], env: Record<string, string> = {}): Started {
    const child = spawn(file, args, { cwd: this.folder, env: { PATH: this.bin, HOME: this.folder, ...env } });
    child.stdin.on("error", () => {}); // it may have ended before it read everything
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk) => {
      stdout += chunk;
    });
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    const ended = new Promise<Ended>((resolve, reject) => {
      const timer = setTimeout(() => {
        child.kill("SIGKILL");
        reject(new Error(`no end after ${END_TIMEOUT_MS} ms; so far: ${stdout}\n${stderr}`));
      }, END_TIMEOUT_MS);
      child.on("exit", () => clearTimeout(timer));
      child.on("close", (code) => resolve({ code: code ?? -1, stdout, stderr }));
    });
    ended.catch(() => {}); // whoever awaits it hears of it
    const lineWith = (words: string) => stdout.split("\n").find((line) => line.includes(words));
    const started = {
      process: child,
      ended,
      async said(words: string) {
        await until(() => lineWith(words) !== undefined || child.exitCode !== null || child.signalCode !== null);
        const line = lineWith(words);
        if (line === undefined) throw new Error(`it ended without saying "${words}": ${stdout}\n${stderr}`);
        return line;
      },
    };
    this.#running.push(started);
    return started;
  }

  async remove(): Promise<void> {
    for (const { process: child, ended } of this.#running) {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      // What it may have left running must not hold us by its output.
      child.stdout.destroy();
      child.stderr.destroy();
      await ended.catch(() => {});
    }
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A package-lock.json that asks for one package of this version; without a version, for none. */
export function lockFile(version?: string, more: { dev?: boolean } = {}): string {
  const one = version === undefined ? {} : { "node_modules/one": { version, integrity: `sha512-${version}`, ...more } };
  return JSON.stringify({ lockfileVersion: 3, packages: { "": { name: "fake" }, ...one } });
}

/** Waits until `holds`, looking every few milliseconds; throws after `timeoutMs`. */
export async function until(holds: () => boolean, timeoutMs = 20_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`still not so after ${timeoutMs} ms: ${holds}`);
    await delay(POLL_MS);
  }
}

/** Whether the process runs; one that is dead and only not yet waited for does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const status = `/proc/${pid}/status`;
  try {
    return !/^State:\s+Z/m.test(readFileSync(status, "utf8"));
  } catch {
    return !existsSync("/proc/self");
  }
}
