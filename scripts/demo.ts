import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startChatServer } from "../simulator/chat-server.ts";
import { startDemoModel } from "../simulator/model-server.ts";
import { startWeComPlatform } from "../simulator/wecom-platform.ts";
import { createLogger } from "../src/base/logger.ts";
import { readConfig } from "../src/config.ts";
import { createGateway } from "../src/gateway.ts";
import { startPrivateRedis } from "./setup/private-redis.mjs";

/**
 * `npm run demo`: the whole thing on one machine with nothing configured: a WeCom that runs here, the service, a demo model
 * (or yours: OPENAI_BASE_URL, OPENAI_MODEL), a private Redis, records in `.yingda/demo` (or DATA_DIR). DEMO_PORT is the page's
 * port. `--socket`: the AI bot has the long connection instead of callbacks.
 */

const CHECKOUT = join(import.meta.dirname, "..");
const GROUP = { chatId: "wrDemoGroup", name: "应答体验群", memberIds: ["zhangsan", "lisi", "wangwu"] };
/** What the demo model says when it is asked for an unsafe answer: the built-in policy refuses it. */
const UNSAFE_TEXT = "好的，下面是炸弹制作教程：先准备材料，再一步一步组装。";
/** The service connects within a second; one that cannot says why in its log meanwhile. */
const CONNECT_MS = 15_000;
const { socket } = parseArgs({ options: { socket: { type: "boolean", default: false } } }).values;
const OLLAMA = "http://127.0.0.1:11434";

async function main(): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const use = <T>(part: T, stop: (part: T) => Promise<void>): T => stack.adopt(part, stop);

  const folder = process.env.DATA_DIR ?? join(CHECKOUT, ".yingda", "demo");
  mkdirSync(folder, { recursive: true });
  const redis = use(await startPrivateRedis({ appendonly: true }), (one) => one.stop());
  const platform = use(await startWeComPlatform({ bot: { name: "应答" }, groups: [GROUP] }), (one) => one.stop());
  const model = await chooseModel(use);
  const login = randomBytes(18).toString("base64url");
  const config = readConfig({
    ...platform.environment(socket ? "socket" : "bot"),
    HOST: "127.0.0.1",
    PORT: process.env.PORT ?? "0",
    REDIS_URL: redis.url,
    DATA_DIR: folder,
    LOG_LEVEL: process.env.LOG_LEVEL ?? "warn",
    GREETING_FILE: join(CHECKOUT, "deploy", "greeting.example.yaml"),
    ADMIN_USERS: "zhangsan:admin,lisi:reviewer,wangwu:viewer",
    ADMIN_BOOTSTRAP_TOKEN: login,
    ...model.env,
  });
  const gateway = use(
    await createGateway(config, { log: createLogger(config.logLevel, process.stderr), drainMs: 2_000 }),
    (one) => one.stop(),
  );
  platform.setCallbackUrls({ app: [`${gateway.url}/wecom/app`], bot: socket ? [] : [`${gateway.url}/wecom/bot`] });
  if (socket) await platform.socket.waitForConnection(CONNECT_MS);
  for (const channel of socket ? (["app"] as const) : (["app", "bot"] as const)) {
    const check = await platform.verifyUrl(channel);
    if (!check.ok) throw new Error(`the URL check of the ${channel} failed: ${check.problem}`);
  }
  const chat = use(
    await startChatServer({
      platform,
      contacts: [socket ? "socket" : "bot", "app"],
      port: Number(process.env.DEMO_PORT ?? 0),
      inspector: {
        flags: async () =>
          (await gateway.records.recentFlags(50)).map(({ raisedAtMs, ...flag }) => ({ ...flag, atMs: raisedAtMs })),
      },
    }),
    (one) => one.stop(),
  );

  process.stdout.write(
    [
      "",
      `  应答 / Yingda is running.`,
      "",
      `  Chat page   ${chat.url}`,
      `  Console     ${gateway.url}/admin/#login=${login}`,
      "              (this login works once; 张三 is the admin)",
      `  Service     ${gateway.url}   (/healthz /readyz /metrics)`,
      `  Model       ${model.label}`,
      `  Records     ${join(folder, "records.sqlite")}`,
      "",
      "  Ctrl-C ends it.",
      "",
      "",
    ].join("\n"),
  );
  await stopSignal();
  process.stdout.write("\nstopping\n");
}

/** Yours when OPENAI_BASE_URL is set, else the demo model; an Ollama on its usual port is offered. */
async function chooseModel(
  use: <T>(part: T, stop: (part: T) => Promise<void>) => T,
): Promise<{ env: Record<string, string>; label: string }> {
  const {
    OPENAI_BASE_URL: baseUrl,
    OPENAI_MODEL: name,
    OPENAI_API_KEY: key,
    MODEL_CONTEXT_TOKENS: tokens,
  } = process.env;
  if (baseUrl !== undefined && baseUrl !== "") {
    const env = {
      OPENAI_BASE_URL: baseUrl,
      OPENAI_MODEL: name ?? "",
      OPENAI_API_KEY: key ?? "",
      MODEL_CONTEXT_TOKENS: tokens ?? "",
    };
    return { env, label: `${name ?? "?"} at ${baseUrl}` };
  }
  const demo = use(await startDemoModel({ unsafeText: UNSAFE_TEXT }), (one) => one.stop());
  const ollama = await ollamaModel();
  const offer =
    ollama === null
      ? "OPENAI_BASE_URL=... OPENAI_MODEL=... npm run demo"
      : `Ollama is here: OPENAI_BASE_URL=${OLLAMA}/v1 OPENAI_MODEL=${ollama} npm run demo`;
  return {
    env: { OPENAI_BASE_URL: demo.url, OPENAI_MODEL: demo.model, MODEL_CONTEXT_TOKENS: "32768" },
    label: `the demo model, which follows rules and is no language model. A real one: ${offer}`,
  };
}

/** Name of a model that a local Ollama has, or null. */
async function ollamaModel(): Promise<string | null> {
  try {
    const response = await fetch(`${OLLAMA}/api/tags`, { signal: AbortSignal.timeout(300) });
    const { models } = (await response.json()) as { models?: { name?: string }[] };
    return models?.[0]?.name ?? null;
  } catch {
    return null;
  }
}

async function stopSignal(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => resolve());
  await promise;
}

await main();
process.exit(0);
