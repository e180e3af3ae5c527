import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { until } from "../support/until.ts";

/** The service as a process of its own, from whose first byte on everything that it prints is kept. */
export interface WatchedGateway {
  url: string;
  child: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** What is left on the heap, buffers included, once the garbage is out. */
  heapMib(): Promise<number>;
  kill(): Promise<void>;
}

const MAIN = join(import.meta.dirname, "../../src/main.ts");
const PROBE = join(import.meta.dirname, "heap-probe.mjs");
const START_MS_MAX = 30_000;
const BYTES_PER_MIB = 1024 * 1024;

export async function startWatchedGateway(env: Record<string, string>): Promise<WatchedGateway> {
  const child = spawn(process.execPath, ["--expose-gc", "--import", PROBE, MAIN], {
    env: { PATH: process.env.PATH ?? "", ...env },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  const exited = once(child, "exit");
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout?.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr?.on("data", (chunk: Buffer) => err.push(chunk));
  const stdout = (): string => Buffer.concat(out).toString("utf8");
  const stderr = (): string => Buffer.concat(err).toString("utf8");
  const urlIn = (): string | undefined => /"url":"(http:[^"]+)"[^\n]*"msg":"listening"/.exec(stdout())?.[1];
  // It says so at the level info: with a higher LOG_LEVEL nobody could wait for it.
  try {
    await until(() => urlIn() !== undefined || child.exitCode !== null, { what: "a start", timeoutMs: START_MS_MAX });
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
  const url = urlIn();
  if (url === undefined) throw new Error(`the gateway did not start: ${stderr()}`);
  return {
    url,
    child,
    stdout,
    stderr,
    async heapMib() {
      const told = once(child, "message");
      child.send("heap");
      const [{ usedBytes }] = (await told) as [{ usedBytes: number }];
      return usedBytes / BYTES_PER_MIB;
    },
    async kill() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      await exited;
    },
  };
}
