import { mkdirSync } from "node:fs";
import { Redis } from "ioredis";
import { systemClock } from "../src/base/clock.ts";
import { codeOf, describe } from "../src/base/errors.ts";
import { Events } from "../src/base/events.ts";
import { createLogger } from "../src/base/logger.ts";
import { type Config, readConfig } from "../src/config.ts";
import type { ModelParams } from "../src/llm/model-params.ts";
import { createModelPool, type ServedModel } from "../src/llm/model-pool.ts";
import { loadPolicy } from "../src/moderation/policy/policy.ts";
import { openRecordStore } from "../src/review/record-store.ts";
import { WeComApi } from "../src/wecom/api-client.ts";
import { CallbackCrypto } from "../src/wecom/crypto.ts";

/**
 * `npm run doctor`: checks a configuration against the real Redis, database, model and platform. One line per finding, the
 * cure beside what is wrong; exit code 1 when something is. Nothing is changed and no message is sent.
 */

/** No check waits longer: a doctor that hangs is no help. */
const CHECK_TIMEOUT_MS = 20_000;

/** A userid that no company has: asking for it needs a good token and an allowed IP, and changes nothing. */
const NOBODY = "yingda-doctor-asks-for-nobody";

interface Finding {
  ok: boolean;
  what: string;
  cure?: string;
}

async function main(): Promise<number> {
  let config: Config;
  try {
    config = readConfig(process.env);
  } catch (error) {
    print({ ok: false, what: "configuration", cure: error instanceof Error ? error.message : String(error) });
    return 1;
  }
  print({ ok: true, what: "configuration is complete" });
  let failed = 0;
  for (const check of [
    checkPolicy,
    checkKeys,
    checkRedis,
    checkDatabase,
    checkModel,
    checkApp,
    checkSocket,
    checkClock,
  ]) {
    for (const finding of await check(config)) {
      if (!finding.ok) failed += 1;
      print(finding);
    }
  }
  process.stdout.write(failed === 0 ? "\nAll is well.\n" : `\n${failed} to mend.\n`);
  return failed === 0 ? 0 : 1;
}

function print({ ok, what, cure }: Finding): void {
  process.stdout.write(`${ok ? "ok  " : "FAIL"}  ${what}${cure === undefined ? "" : `\n      ${cure}`}\n`);
}

async function attempt(what: string, cure: string, work: () => Promise<string>): Promise<Finding> {
  try {
    return { ok: true, what: `${what}: ${await work()}` };
  } catch (error) {
    return { ok: false, what: `${what}: ${describe(error)}`, cure };
  }
}

const silent = (): Events => new Events(createLogger("silent"));

async function checkPolicy(config: Config): Promise<Finding[]> {
  const cure = "Correct POLICY_FILE, or leave it away for the built-in policy.";
  return [
    await attempt("moderation policy", cure, async () => {
      const { readFile } = await import("node:fs/promises");
      loadPolicy(config.policyFile === null ? undefined : await readFile(config.policyFile, "utf8"));
      return config.policyFile ?? "built in";
    }),
  ];
}

async function checkKeys({ wecom }: Config): Promise<Finding[]> {
  const cure = "Copy Token and EncodingAESKey again from the page where the callback URL is set.";
  const findings: Finding[] = [];
  for (const [name, keys, receiverId] of [
    ["app callback keys", wecom.app, wecom.app?.corpId ?? ""],
    ["bot callback keys", wecom.bot, ""],
  ] as const) {
    if (keys === null) continue;
    findings.push(
      await attempt(name, cure, () => {
        new CallbackCrypto({ token: keys.token, aesKey: keys.aesKey, receiverId });
        return Promise.resolve("well formed");
      }),
    );
  }
  return findings;
}

async function checkRedis({ redisUrl }: Config): Promise<Finding[]> {
  const redis = new Redis(redisUrl.reveal(), { lazyConnect: true, retryStrategy: () => null, connectTimeout: 5_000 });
  redis.on("error", () => undefined); // what went wrong is told by the call that failed
  const findings: Finding[] = [];
  const cure = "Start Redis 6.2 or newer and set REDIS_URL to it.";
  try {
    const reach = await attempt("Redis", cure, async () => {
      await redis.connect();
      const version = /redis_version:(\S+)/.exec(await redis.info("server"))?.[1] ?? "unknown";
      const [major = 0, minor = 0] = version.split(".").map(Number);
      if (major < 6 || (major === 6 && minor < 2)) throw new Error(`version ${version} is too old`);
      return `version ${version}`;
    });
    findings.push(reach);
    if (!reach.ok) return findings;
    const setting = async (name: string): Promise<string> => {
      const [, value = ""] = (await redis.config("GET", name)) as string[];
      return value;
    };
    findings.push(
      await attempt(
        "Redis keeps what it was given",
        "Set `appendonly yes`: without it a restart loses messages.",
        async () => {
          if ((await setting("appendonly")) !== "yes") throw new Error("appendonly is off");
          return "appendonly yes";
        },
      ),
      await attempt("Redis evicts nothing", "Set `maxmemory-policy noeviction`: others delete messages.", async () => {
        const policy = await setting("maxmemory-policy");
        if (policy !== "noeviction") throw new Error(`maxmemory-policy is ${policy}`);
        return "noeviction";
      }),
    );
    return findings;
  } finally {
    redis.disconnect();
  }
}

async function checkDatabase({ database }: Config): Promise<Finding[]> {
  const cure =
    database.url === null
      ? "Make DATA_DIR a folder that this user may write to."
      : "Check DATABASE_URL: address, user, password, database; the user must be allowed to create tables.";
  return [
    await attempt("database", cure, async () => {
      if (database.url === null) mkdirSync(database.dataDir, { recursive: true });
      const store = openRecordStore({ databaseUrl: database.url, dataDir: database.dataDir, clock: systemClock });
      try {
        await store.ping();
      } finally {
        await store.close();
      }
      return database.url === null ? `SQLite in ${database.dataDir}` : "PostgreSQL";
    }),
  ];
}

async function checkModel({ model }: Config): Promise<Finding[]> {
  const main = { baseUrls: model.baseUrls, apiKey: model.apiKey, model: model.name };
  const findings: Finding[] = [];
  for (const [what, served, setting] of [
    ["model", main, "OPENAI"],
    ["fallback model", model.fallback, "OPENAI_FALLBACK"],
  ] as const) {
    for (const baseUrl of served?.baseUrls ?? []) {
      if (served === null) continue;
      const cure = `Check ${setting}_BASE_URL (usually ends in /v1), ${setting}_API_KEY and ${setting}_MODEL against \`GET /v1/models\`.`;
      const endpoint = { ...served, baseUrls: [baseUrl] };
      findings.push(await attempt(`${what} at ${new URL(baseUrl).host}`, cure, () => askModel(endpoint, model.params)));
    }
  }
  return findings;
}

/** Opens the connection and says nothing: a subscription would push out the service that runs with the same bot. */
async function checkSocket({ wecom }: Config): Promise<Finding[]> {
  if (wecom.socket === null) return [];
  const { url } = wecom.socket;
  const cure = "Let this machine reach WECOM_BOT_WS_URL: DNS, firewall, and a proxy that takes WebSockets.";
  return [
    await attempt("the bot's long connection", cure, async () => {
      const socket = new WebSocket(url);
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      socket.addEventListener("open", () => resolve());
      socket.addEventListener("error", () => reject(new Error("no WebSocket answered there")));
      const late = setTimeout(() => reject(new Error("no answer in time")), CHECK_TIMEOUT_MS);
      try {
        await promise;
      } finally {
        clearTimeout(late);
        socket.close();
      }
      return "reachable; id and secret are tried by the service alone, since a second connection would close its own";
    }),
  ];
}

async function askModel(endpoint: ServedModel, params: ModelParams): Promise<string> {
  const pool = createModelPool({ ...endpoint, params, events: silent(), clock: systemClock });
  const stream = pool.stream({
    messages: [{ role: "user", content: "Say OK." }],
    answerTokensMax: 64,
    conversationId: "doctor",
    userId: "doctor",
    traceId: "doctor",
    signal: AbortSignal.timeout(CHECK_TIMEOUT_MS),
  });
  for await (const event of stream) {
    if (event.type === "end") return `${event.result.model} answers, first token after ${event.result.firstTokenMs} ms`;
  }
  throw new Error("no answer");
}

async function checkApp({ wecom }: Config): Promise<Finding[]> {
  const { app, apiBase } = wecom;
  if (app === null) return [];
  // A token of our own in memory: the doctor must not disturb the one that the service shares.
  let stored: { token: string; expiresAtMs: number } | null = null;
  const api = new WeComApi({
    baseUrl: apiBase,
    corpId: app.corpId,
    agentId: app.agentId,
    secret: app.secret,
    tokenStore: {
      read: () => Promise.resolve(stored),
      write: (token) => {
        stored = token;
        return Promise.resolve();
      },
      drop: () => {
        stored = null;
        return Promise.resolve();
      },
      lock: () => Promise.resolve(() => Promise.resolve()),
    },
    events: silent(),
    clock: systemClock,
  });
  const cure =
    "40001/40013: check WECOM_APP_SECRET and WECOM_CORP_ID. 60020: add this machine's IP to the app's 企业可信IP list.";
  return [
    await attempt("WeCom's API takes the app's secret", cure, async () => {
      try {
        await api.getUser(NOBODY, AbortSignal.timeout(CHECK_TIMEOUT_MS));
      } catch (error) {
        // WeCom looked and found nobody: token and IP were accepted, which is all we ask.
        if (codeOf(error) !== "wecom_recipient") throw error;
      }
      return "access token and IP are accepted";
    }),
  ];
}

/** Callbacks are refused when clocks differ by more than CALLBACK_MAX_AGE_SECONDS. */
async function checkClock({ wecom, callbackMaxAgeMs }: Config): Promise<Finding[]> {
  const cure = "Set this machine's clock (NTP).";
  return [
    await attempt("clock", cure, async () => {
      const response = await fetch(wecom.apiBase, {
        signal: AbortSignal.timeout(CHECK_TIMEOUT_MS),
        redirect: "manual",
      });
      await response.body?.cancel();
      const theirs = Date.parse(response.headers.get("date") ?? "");
      if (Number.isNaN(theirs)) return "WeCom's time could not be read";
      const offMs = Math.abs(Date.now() - theirs);
      if (offMs > callbackMaxAgeMs / 2) throw new Error(`${Math.round(offMs / 1000)} s off WeCom's`);
      return "agrees with WeCom's";
    }),
  ];
}

process.exit(await main());
