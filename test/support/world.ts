import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { PlatformOptions } from "../../simulator/platform-setup.ts";
import { startWeComPlatform, type WeComPlatform } from "../../simulator/wecom-platform.ts";
import { createLogger } from "../../src/base/logger.ts";
import { readConfig } from "../../src/config.ts";
import { createGateway, type Gateway, type Overrides } from "../../src/gateway.ts";
import { loadPolicy, type Policy } from "../../src/moderation/policy/policy.ts";
import { type FaultModelServer, startFaultModelServer } from "./fault-model-server.ts";
import { type PrivateRedis, startPrivateRedis } from "./private-redis.ts";

/** Everything around the service on one machine: a WeCom, a model, a Redis, a folder for records. */
export interface World {
  platform: WeComPlatform;
  model: FaultModelServer;
  redis: PrivateRedis;
  dataDir: string;
  /** The environment that the service gets; tests may change it before they start a replica. */
  env: Record<string, string>;
  /** Log lines of replicas in this process, as JSON objects. */
  logLines: Record<string, unknown>[];
  /** A replica in this process; WeCom calls it from then on. */
  startGateway(env?: Record<string, string>, overrides?: Overrides): Promise<Gateway>;
  /** A replica as a process of its own, as in production; WeCom calls it from then on. */
  startProcess(env?: Record<string, string>): Promise<Replica>;
  /** Takes a replica's address away from WeCom. */
  forget(url: string): void;
  stop(): Promise<void>;
}

export interface Replica {
  url: string;
  child: ChildProcess;
  /** Sends SIGKILL and waits for the end. */
  kill(): Promise<void>;
  /** Sends SIGTERM and resolves with the exit code. */
  terminate(): Promise<number | null>;
}

/** Polls and retries as in WeCom, but quicker, so that tests are. */
const QUICK: PlatformOptions["timing"] = { pollIntervalMs: 60, appRetryIntervalMs: 300 };

/** `bot`: which way the AI bot is connected. `packs`: false for who starts many processes and asks nothing that a rule would know: their start takes a third. */
export async function startWorld(
  options: { platform?: PlatformOptions; packs?: boolean; bot?: "bot" | "socket" } = {},
): Promise<World> {
  // First what can refuse its options: nothing else runs yet that would have to be stopped.
  const platform = await startWeComPlatform({
    ...options.platform,
    timing: { ...QUICK, ...options.platform?.timing },
  });
  const [model, redis] = await Promise.all([startFaultModelServer(), startPrivateRedis({ appendonly: true })]);
  const dataDir = mkdtempSync(join(tmpdir(), "yingda-test-"));
  const policyFile = join(dataDir, "policy.yaml");
  writeFileSync(policyFile, options.packs === false ? withoutPacks(policyWithoutLabel()) : policyWithoutLabel());
  const env: Record<string, string> = {
    POLICY_FILE: policyFile,
    ...platform.environment(options.bot),
    HOST: "127.0.0.1",
    PORT: "0",
    REDIS_URL: redis.url,
    DATA_DIR: dataDir,
    OPENAI_BASE_URL: model.url,
    OPENAI_MODEL: "test-model",
    LOG_LEVEL: "info",
  };
  const logLines: Record<string, unknown>[] = [];
  const closers: (() => Promise<unknown>)[] = [];
  const urls: string[] = [];
  const announce = (): void => {
    platform.setCallbackUrls({
      app: urls.map((url) => `${url}/wecom/app`),
      bot: urls.map((url) => `${url}/wecom/bot`),
    });
  };
  const join_ = (url: string): void => {
    urls.push(url);
    announce();
  };
  return {
    platform,
    model,
    redis,
    dataDir,
    env,
    logLines,
    async startGateway(extra = {}, overrides = {}) {
      const log = createLogger("debug", { write: (line) => void logLines.push(JSON.parse(line)) });
      const whole = { ...env, ...extra };
      const policy = policyIn(whole.POLICY_FILE);
      const gateway = await createGateway(readConfig(whole), { log, policy, drainMs: 2_000, ...overrides });
      closers.push(() => gateway.stop());
      join_(gateway.url);
      return gateway;
    },
    async startProcess(extra = {}) {
      const replica = await startReplica({ ...env, ...extra });
      closers.push(() => replica.kill());
      join_(replica.url);
      return replica;
    },
    forget(url) {
      urls.splice(urls.indexOf(url), 1);
      announce();
    },
    async stop() {
      await Promise.all(closers.map((close) => close()));
      await Promise.all([platform.stop(), model.stop(), redis.stop()]);
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

const policies = new Map<string, Policy>();

/** The policy of a file, put together once for all gateways of a test file: it takes most of their start. */
function policyIn(path = ""): Policy {
  const text = path === "" ? undefined : readFileSync(path, "utf8");
  const policy = policies.get(text ?? "") ?? loadPolicy(text);
  policies.set(text ?? "", policy);
  return policy;
}

/** The policy that ships, without the note below each answer: tests compare what the model said with what arrived. */
function policyWithoutLabel(): string {
  const shipped = readFileSync(new URL("../../src/moderation/policy/default-policy.yaml", import.meta.url), "utf8");
  return shipped.replace(/^label: footer$/m, "label: off");
}

function withoutPacks(policy: string): string {
  return policy.replace(/^packs:\n(?: .*\n)+/m, "packs: []\n");
}

/** Starts `src/main.ts` and waits for the line that says where it listens. */
async function startReplica(env: Record<string, string>): Promise<Replica> {
  const main = new URL("../../src/main.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, [main], {
    env: { PATH: process.env.PATH ?? "", ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const lines = createInterface({ input: child.stdout });
  const listening = (async (): Promise<string> => {
    for await (const line of lines) {
      const entry = JSON.parse(line) as { msg?: string; url?: string };
      if (entry.msg === "listening" && entry.url !== undefined) return entry.url;
    }
    throw new Error("the replica ended before it listened");
  })();
  const url = await listening;
  child.stdout.resume();
  return {
    url,
    child,
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await exited;
    },
    async terminate() {
      child.kill("SIGTERM");
      await exited;
      return child.exitCode;
    },
  };
}
