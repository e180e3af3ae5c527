import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** `scripts/demo.ts` as a person starts it, with a folder of its own. */
export interface Demo {
  pageUrl: string;
  serviceUrl: string;
  /** The review console's address with the login that works once. */
  consoleUrl: string;
  stop(): Promise<void>;
}

export async function startDemo(): Promise<Demo> {
  const folder = mkdtempSync(join(tmpdir(), "yingda-demo-"));
  const script = new URL("../../scripts/demo.ts", import.meta.url).pathname;
  const { OPENAI_BASE_URL: _, ...env } = process.env;
  const child = spawn(process.execPath, [script], {
    env: { ...env, DATA_DIR: folder },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const found: Record<string, string> = {};
  for await (const line of createInterface({ input: child.stdout })) {
    const [, name, url] = /(Chat page|Service|Console)\s+(http:\S+)/.exec(line) ?? [];
    if (name !== undefined && url !== undefined) found[name] = url;
    if (line.includes("Ctrl-C")) break;
  }
  child.stdout.resume();
  const { "Chat page": pageUrl, Service: serviceUrl, Console: consoleUrl } = found;
  if (pageUrl === undefined || serviceUrl === undefined || consoleUrl === undefined)
    throw new Error("the demo ended before it was running");
  return {
    pageUrl,
    serviceUrl,
    consoleUrl,
    async stop() {
      child.kill("SIGINT");
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
