import { z } from "zod";
import { YingdaError } from "./base/errors.ts";
import { parseRedisUrl } from "./base/redis-address.ts";
import { parseRequestParams } from "./base/request-params.ts";
import { Secret } from "./base/secret.ts";

/**
 * The environment of contract.md, read by this one schema. A bad value stops the start with one line per fault: the name,
 * what is wrong, and an example that works. Secrets are wrapped so that they cannot print.
 */

const EXAMPLES: Record<string, string> = {
  HOST: "0.0.0.0",
  PORT: "3000",
  PUBLIC_URL: "https://yingda.example.com",
  ROLE: "all",
  REDIS_URL: "redis://127.0.0.1:6379/0",
  DATABASE_URL: "postgres://yingda:password@127.0.0.1:5432/yingda",
  DATA_DIR: "./data",
  WECOM_API_BASE: "https://qyapi.weixin.qq.com",
  WECOM_CORP_ID: "ww1234567890abcdef",
  WECOM_APP_AGENT_ID: "1000002",
  WECOM_APP_SECRET: "the app's Secret from the admin console",
  WECOM_APP_TOKEN: "the Token shown beside the app's callback URL",
  WECOM_APP_AES_KEY: "the 43 characters shown as EncodingAESKey",
  WECOM_BOT_NAME: "应答助手",
  WECOM_BOT_TOKEN: "the Token shown beside the bot's callback URL",
  WECOM_BOT_AES_KEY: "the 43 characters shown as EncodingAESKey",
  WECOM_BOT_ID: "the bot's id",
  WECOM_BOT_SECRET: "the bot's long-connection secret",
  WECOM_BOT_WS_URL: "wss://openws.work.weixin.qq.com",
  WECOM_MEDIA_HOSTS: "qyapi.weixin.qq.com,*.myqcloud.com",
  ANSWER_IMAGE_HOSTS: "pictures.corp.example,10.0.0.8:8080",
  CALLBACK_MAX_AGE_SECONDS: "300",
  OPENAI_BASE_URL: "http://127.0.0.1:8000/v1",
  OPENAI_API_KEY: "sk-...",
  OPENAI_MODEL: "Qwen/Qwen3-8B",
  OPENAI_FALLBACK_MODEL: "Qwen/Qwen3-4B",
  OPENAI_FALLBACK_BASE_URL: "http://127.0.0.1:8002/v1",
  OPENAI_FALLBACK_API_KEY: "sk-...",
  MODEL_CONTEXT_TOKENS: "8192",
  MODEL_TOKENIZE: "auto",
  MODEL_VISION: "no",
  MODEL_PARAMS: '{"temperature":0.6,"chat_template_kwargs":{"enable_thinking":false}}',
  MODEL_PARAMS_APP: '{"temperature":0.3}',
  MODEL_PARAMS_BOT: '{"temperature":0.7}',
  MODEL_PARAMS_SOCKET: '{"temperature":0.7}',
  SYSTEM_PROMPT_FILE: "./prompt.md",
  COMPANY_NAME: "示例科技",
  GREETING_FILE: "./greeting.yaml",
  GROUP_SESSION: "group",
  SESSION_TTL_SECONDS: "86400",
  TURN_TIMEOUT_SECONDS: "300",
  MERGE_WINDOW_SECONDS: "0",
  MEMBER_DAILY_TOKENS: "500000",
  MEMBER_DAILY_TOKENS_SOFT: "400000",
  DEPARTMENT_DAILY_TOKENS: "5000000",
  POLICY_FILE: "./policy.yaml",
  TRANSCRIPTION_BASE_URL: "http://127.0.0.1:8002/v1",
  TRANSCRIPTION_MODEL: "whisper-large-v3",
  GUARD_BASE_URL: "http://127.0.0.1:8001/v1",
  GUARD_KIND: "qwen3guard",
  GUARD_MODEL: "Qwen/Qwen3Guard-Gen-4B",
  ADMIN_USERS: "zhangsan:admin,lisi:reviewer",
  API_TOKENS: "oa:4f9c2ab81d0e4c7f93a5b6d2,monitor:0b7de1a94c3f4f0e8a62c9d1",
  ALERT_WEBHOOK_URL: "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=...",
  LOG_LEVEL: "info",
};

/** What `/v1/moderations` is asked for where GUARD_MODEL names nothing else. */
const OPENAI_MODERATION_MODEL = "omni-moderation-latest";

const text = z.string().trim().min(1);
const secret = text.transform((value) => new Secret(value));
const aesKey = text
  .regex(/^[A-Za-z0-9+/]{43}$/, "must be exactly the 43 characters that the admin console shows")
  .transform((value) => new Secret(value));
const callbackToken = text
  .regex(/^[A-Za-z0-9]{1,32}$/, "must be 1 to 32 letters and digits")
  .transform((value) => new Secret(value));

function url(...protocols: string[]) {
  const allowed = protocols.map((protocol) => `${protocol}://`).join(" or ");
  return text.refine((value) => protocols.includes(URL.parse(value)?.protocol.slice(0, -1) ?? ""), {
    message: `must be an address that begins with ${allowed}`,
  });
}

const redisUrl = text.superRefine((value, context) => {
  try {
    parseRedisUrl(value);
  } catch (error) {
    context.addIssue({ code: "custom", message: error instanceof YingdaError ? error.message : "cannot be read" });
  }
});

const requestParams = text.transform((value, context) => {
  try {
    return parseRequestParams(value);
  } catch (error) {
    context.addIssue({ code: "custom", message: error instanceof YingdaError ? error.message : "cannot be read" });
    return z.NEVER;
  }
});

function wholeNumber(min: number, max: number) {
  return text
    .regex(/^\d+$/, "must be a whole number")
    .transform(Number)
    .pipe(z.number().min(min, `must be at least ${min}`).max(max, `must be at most ${max}`));
}

/** 0 is how a limit is taken away again. Sums of these stay whole numbers in Redis and here. */
const dailyTokens = wholeNumber(0, 1_000_000_000_000).default(0);

const listOf = (item: z.ZodType<string, string>) =>
  text.transform((value) => value.split(",").map((part) => part.trim())).pipe(z.array(item).min(1));

/** The shape alone; `readMediaHosts` looks closer. */
const mediaHost = z
  .string()
  .regex(/^(\*\.)?[^\s/?#@*]+$/, "must be hosts as host, host:port or *.domain, comma-separated");

const adminUsers = text
  .transform((value) => value.split(",").map((part) => part.trim()))
  .pipe(
    z.array(
      z
        .string()
        .regex(/^[^:]+:(viewer|reviewer|admin)$/, "must be userid:role with the roles viewer, reviewer, admin")
        .transform((entry) => {
          const [userId = "", role = ""] = entry.split(":");
          return { userId: userId.toLowerCase(), role: role as "viewer" | "reviewer" | "admin" };
        }),
    ),
  );

/** Too short a token could be guessed at the rate that a server answers. */
const API_TOKEN_UNITS_MIN = 24;
/** Systems of one company; each costs a comparison in every request. */
const API_TOKENS_MAX = 50;

/** What stands before and behind an entry's first colon. */
function apiToken(entry: string): { name: string; token: string } {
  const colon = entry.indexOf(":");
  return { name: entry.slice(0, colon).toLowerCase(), token: entry.slice(colon + 1) };
}

const allDiffer = (values: readonly string[]): boolean => new Set(values).size === values.length;

const apiTokens = text
  .transform((value) => value.split(",").map((part) => part.trim()))
  .pipe(
    z
      .array(
        z
          .string()
          .regex(
            new RegExp(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}:[\\x21-\\x7e]{${API_TOKEN_UNITS_MIN},256}$`),
            `must be name:token, comma-separated, each token at least ${API_TOKEN_UNITS_MIN} characters`,
          ),
      )
      .max(API_TOKENS_MAX, `must name at most ${API_TOKENS_MAX} systems`)
      .refine((all) => allDiffer(all.map((entry) => apiToken(entry).name)), "must name each system once")
      .refine((all) => allDiffer(all.map((entry) => apiToken(entry).token)), "must give each system its own token"),
  )
  .transform((all) => all.map(apiToken).map(({ name, token }) => ({ name, token: new Secret(token) })));

const schema = z.object({
  HOST: text.default("0.0.0.0"),
  PORT: wholeNumber(0, 65_535).default(3000),
  PUBLIC_URL: url("https", "http").optional(),
  ROLE: z.enum(["all", "web", "worker"]).default("all"),
  REDIS_URL: redisUrl.default("redis://127.0.0.1:6379/0"),
  DATABASE_URL: url("postgres", "postgresql")
    .transform((value) => new Secret(value))
    .optional(),
  DATA_DIR: text.default("./data"),
  WECOM_API_BASE: url("https", "http").default("https://qyapi.weixin.qq.com"),
  WECOM_CORP_ID: text.optional(),
  WECOM_APP_AGENT_ID: text.regex(/^\d+$/, "must be the app's AgentId, a number").optional(),
  WECOM_APP_SECRET: secret.optional(),
  WECOM_APP_TOKEN: callbackToken.optional(),
  WECOM_APP_AES_KEY: aesKey.optional(),
  WECOM_BOT_NAME: text.optional(),
  WECOM_BOT_TOKEN: callbackToken.optional(),
  WECOM_BOT_AES_KEY: aesKey.optional(),
  WECOM_BOT_ID: text.optional(),
  WECOM_BOT_SECRET: secret.optional(),
  WECOM_BOT_WS_URL: url("wss", "ws").default("wss://openws.work.weixin.qq.com"),
  WECOM_MEDIA_HOSTS: listOf(mediaHost).default(["qyapi.weixin.qq.com", "*.myqcloud.com"]),
  ANSWER_IMAGE_HOSTS: listOf(mediaHost).default([]),
  CALLBACK_MAX_AGE_SECONDS: wholeNumber(1, 86_400).default(300),
  OPENAI_BASE_URL: listOf(url("http", "https")).optional(),
  OPENAI_API_KEY: secret.optional(),
  OPENAI_MODEL: text.optional(),
  OPENAI_FALLBACK_MODEL: text.optional(),
  OPENAI_FALLBACK_BASE_URL: listOf(url("http", "https")).optional(),
  OPENAI_FALLBACK_API_KEY: secret.optional(),
  MODEL_CONTEXT_TOKENS: wholeNumber(1_024, 10_000_000).default(8_192),
  MODEL_TOKENIZE: z.enum(["auto", "off"]).default("auto"),
  MODEL_VISION: z.enum(["auto", "yes", "no"]).default("auto"),
  MODEL_PARAMS: requestParams.default({}),
  MODEL_PARAMS_APP: requestParams.default({}),
  MODEL_PARAMS_BOT: requestParams.default({}),
  MODEL_PARAMS_SOCKET: requestParams.default({}),
  SYSTEM_PROMPT_FILE: text.optional(),
  COMPANY_NAME: text.max(64, "must be at most 64 characters").optional(),
  GREETING_FILE: text.optional(),
  GROUP_SESSION: z.enum(["group", "member"]).default("group"),
  SESSION_TTL_SECONDS: wholeNumber(1, 31_536_000).default(86_400),
  TURN_TIMEOUT_SECONDS: wholeNumber(1, 3_600).default(300),
  MERGE_WINDOW_SECONDS: wholeNumber(0, 10).default(0),
  MEMBER_DAILY_TOKENS: dailyTokens,
  MEMBER_DAILY_TOKENS_SOFT: dailyTokens,
  DEPARTMENT_DAILY_TOKENS: dailyTokens,
  POLICY_FILE: text.optional(),
  TRANSCRIPTION_BASE_URL: url("http", "https").optional(),
  TRANSCRIPTION_API_KEY: secret.optional(),
  TRANSCRIPTION_MODEL: text.optional(),
  GUARD_BASE_URL: url("http", "https").optional(),
  GUARD_API_KEY: secret.optional(),
  GUARD_MODEL: text.optional(),
  GUARD_KIND: z
    .enum(["qwen3guard", "llama-guard", "nemoguard", "polyguard", "openai-moderation", "judge"])
    .default("qwen3guard"),
  ADMIN_USERS: adminUsers.default([]),
  ADMIN_BOOTSTRAP_TOKEN: secret.optional(),
  API_TOKENS: apiTokens.default([]),
  ALERT_WEBHOOK_URL: url("https", "http")
    .transform((value) => new Secret(value))
    .optional(),
  LOG_LEVEL: z.enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"]).default("info"),
});

export interface Config {
  http: { host: string; port: number };
  role: "all" | "web" | "worker";
  /** May hold a password. */
  redisUrl: Secret;
  database: { url: Secret | null; dataDir: string };
  wecom: {
    apiBase: string;
    app: { corpId: string; agentId: string; secret: Secret; token: Secret; aesKey: Secret } | null;
    bot: { token: Secret; aesKey: Secret } | null;
    /** The same bot over the long connection. */
    socket: { botId: string; secret: Secret; url: string } | null;
    botName: string | undefined;
    /** Entries for `readMediaHosts`. */
    mediaHosts: string[];
  };
  /** Entries for `readMediaHosts`: where pictures may be fetched from that an answer names by their addresses. */
  answerImageHosts: string[];
  callbackMaxAgeMs: number;
  /** Where people reach the console. */
  publicUrl: string | null;
  admin: { users: { userId: string; role: "viewer" | "reviewer" | "admin" }[]; bootstrapToken: Secret | null };
  /** Systems of the company that may speak through the bot; the name is what the audit log shows. */
  apiTokens: { name: string; token: Secret }[];
  /** The address of a group's robot, key included. */
  alertWebhookUrl: Secret | null;
  model: {
    baseUrls: string[];
    apiKey: Secret | null;
    name: string;
    /** Answers by rule in place of the main one. */
    fallback: { baseUrls: string[]; apiKey: Secret | null; model: string } | null;
    /** Fields that join each request, and those that replace them in one channel. */
    params: {
      general: Record<string, unknown>;
      byChannel: Record<"app" | "bot" | "socket", Record<string, unknown>>;
    };
    contextTokens: number;
    vision: "auto" | "yes" | "no";
    /** Whether the server is asked how many tokens prompts have. */
    tokenize: boolean;
  };
  /** What turns a voice message into text; null: nothing does. */
  transcription: { baseUrl: string; apiKey: Secret | null; model: string } | null;
  guard: { kind: Env["GUARD_KIND"]; baseUrl: string; apiKey: Secret | null; model: string } | null;
  systemPromptFile: string | null;
  /** As the bot speaks of it; stands in the system prompt. */
  companyName: string | null;
  greetingFile: string | null;
  policyFile: string | null;
  groupSession: "group" | "member";
  sessionTtlMs: number;
  turnTimeoutMs: number;
  mergeWindowMs: number;
  /** Tokens a day; null: no such limit. */
  usage: { memberTokens: number | null; memberSoftTokens: number | null; departmentTokens: number | null };
  logLevel: string;
  /** What is set and has no effect in this version: logged at start, so that nobody relies on it. */
  notices: string[];
}

/** Checks the whole environment at once. Throws `bad_config` whose message has one line per fault. */
export function readConfig(env: Record<string, string | undefined>): Config {
  // An empty value is how compose files and shells say "not set".
  const given = Object.fromEntries(
    Object.entries(env).filter(([name, value]) => name in schema.shape && value !== undefined && value.trim() !== ""),
  );
  const parsed = schema.safeParse(given);
  // What lies between variables depends on which are set, not on their being right: it is told in the same go.
  const faults = [
    ...(parsed.success ? [] : parsed.error.issues.map((issue) => fault(String(issue.path[0]), issue.message))),
    ...crossFaults(given as unknown as Env),
  ];
  if (!parsed.success || faults.length > 0) throw badConfig(faults);
  const e = parsed.data;
  return {
    http: { host: e.HOST, port: e.PORT },
    role: e.ROLE,
    redisUrl: new Secret(e.REDIS_URL),
    database: { url: e.DATABASE_URL ?? null, dataDir: e.DATA_DIR },
    wecom: {
      apiBase: e.WECOM_API_BASE,
      app: appOf(e),
      bot: botOf(e),
      socket: socketOf(e),
      botName: e.WECOM_BOT_NAME,
      mediaHosts: e.WECOM_MEDIA_HOSTS,
    },
    answerImageHosts: e.ANSWER_IMAGE_HOSTS,
    callbackMaxAgeMs: e.CALLBACK_MAX_AGE_SECONDS * 1000,
    publicUrl: e.PUBLIC_URL ?? null,
    admin: { users: e.ADMIN_USERS, bootstrapToken: e.ADMIN_BOOTSTRAP_TOKEN ?? null },
    apiTokens: e.API_TOKENS,
    alertWebhookUrl: e.ALERT_WEBHOOK_URL ?? null,
    model: {
      baseUrls: e.OPENAI_BASE_URL ?? [],
      apiKey: e.OPENAI_API_KEY ?? null,
      name: e.OPENAI_MODEL ?? "",
      fallback: fallbackOf(e),
      params: {
        general: e.MODEL_PARAMS,
        byChannel: { app: e.MODEL_PARAMS_APP, bot: e.MODEL_PARAMS_BOT, socket: e.MODEL_PARAMS_SOCKET },
      },
      contextTokens: e.MODEL_CONTEXT_TOKENS,
      tokenize: e.MODEL_TOKENIZE === "auto",
      vision: e.MODEL_VISION,
    },
    transcription: transcriptionOf(e),
    guard: guardOf(e),
    systemPromptFile: e.SYSTEM_PROMPT_FILE ?? null,
    companyName: e.COMPANY_NAME ?? null,
    greetingFile: e.GREETING_FILE ?? null,
    policyFile: e.POLICY_FILE ?? null,
    groupSession: e.GROUP_SESSION,
    sessionTtlMs: e.SESSION_TTL_SECONDS * 1000,
    turnTimeoutMs: e.TURN_TIMEOUT_SECONDS * 1000,
    mergeWindowMs: e.MERGE_WINDOW_SECONDS * 1000,
    usage: {
      memberTokens: e.MEMBER_DAILY_TOKENS || null,
      memberSoftTokens: e.MEMBER_DAILY_TOKENS_SOFT || null,
      departmentTokens: e.DEPARTMENT_DAILY_TOKENS || null,
    },
    logLevel: e.LOG_LEVEL,
    notices: noticesOf(given),
  };
}

type Env = z.output<typeof schema>;

function appOf(e: Env): Config["wecom"]["app"] {
  const { WECOM_CORP_ID, WECOM_APP_AGENT_ID, WECOM_APP_SECRET, WECOM_APP_TOKEN, WECOM_APP_AES_KEY } = e;
  if (!(WECOM_CORP_ID && WECOM_APP_AGENT_ID && WECOM_APP_SECRET && WECOM_APP_TOKEN && WECOM_APP_AES_KEY)) return null;
  return {
    corpId: WECOM_CORP_ID,
    agentId: WECOM_APP_AGENT_ID,
    secret: WECOM_APP_SECRET,
    token: WECOM_APP_TOKEN,
    aesKey: WECOM_APP_AES_KEY,
  };
}

function botOf(e: Env): Config["wecom"]["bot"] {
  if (!(e.WECOM_BOT_TOKEN && e.WECOM_BOT_AES_KEY)) return null;
  return { token: e.WECOM_BOT_TOKEN, aesKey: e.WECOM_BOT_AES_KEY };
}

function socketOf(e: Env): Config["wecom"]["socket"] {
  if (!(e.WECOM_BOT_ID && e.WECOM_BOT_SECRET)) return null;
  return { botId: e.WECOM_BOT_ID, secret: e.WECOM_BOT_SECRET, url: e.WECOM_BOT_WS_URL };
}

function transcriptionOf(e: Env): Config["transcription"] {
  const { TRANSCRIPTION_BASE_URL: baseUrl, TRANSCRIPTION_API_KEY: apiKey = null, TRANSCRIPTION_MODEL: model } = e;
  return baseUrl === undefined || model === undefined ? null : { baseUrl, apiKey, model };
}

/** On the main model's servers where no others are named. Servers of its own do not get the main one's key. */
function fallbackOf(e: Env): Config["model"]["fallback"] {
  const {
    OPENAI_FALLBACK_MODEL: model,
    OPENAI_FALLBACK_BASE_URL: baseUrls,
    OPENAI_FALLBACK_API_KEY: ownKey = null,
  } = e;
  if (model === undefined) return null;
  if (baseUrls !== undefined) return { baseUrls, apiKey: ownKey, model };
  return { baseUrls: e.OPENAI_BASE_URL ?? [], apiKey: ownKey ?? e.OPENAI_API_KEY ?? null, model };
}

function guardOf(e: Env): Config["guard"] {
  const { GUARD_BASE_URL: baseUrl, GUARD_API_KEY: apiKey = null, GUARD_KIND: kind } = e;
  const model = e.GUARD_MODEL ?? (kind === "openai-moderation" ? OPENAI_MODERATION_MODEL : undefined);
  return baseUrl === undefined || model === undefined ? null : { kind, baseUrl, apiKey, model };
}

/** Faults that lie between variables: half a channel, two ways for one bot, nothing to do. */
function crossFaults(e: Env): string[] {
  const faults: string[] = [];
  const together = (names: (keyof Env)[], why: string): boolean => {
    const missing = names.filter((name) => e[name] === undefined);
    if (missing.length > 0 && missing.length < names.length) {
      for (const name of missing) faults.push(fault(name, `is missing: ${why}`));
    }
    return missing.length === 0;
  };
  const app = together(
    ["WECOM_APP_AGENT_ID", "WECOM_APP_SECRET", "WECOM_APP_TOKEN", "WECOM_APP_AES_KEY"],
    "the self-built app needs all four WECOM_APP_* values, or none",
  );
  const bot = together(["WECOM_BOT_TOKEN", "WECOM_BOT_AES_KEY"], "the AI bot's callback needs both values, or none");
  const socket = together(["WECOM_BOT_ID", "WECOM_BOT_SECRET"], "the AI bot's long connection needs both, or none");
  if (app && e.WECOM_CORP_ID === undefined) faults.push(fault("WECOM_CORP_ID", "is missing: the app needs the corpid"));
  if (bot && socket) {
    faults.push(fault("WECOM_BOT_ID", "a bot uses its callback or its long connection: remove one of the two pairs"));
  }
  if (faults.length === 0 && !app && !bot && !socket) {
    const why = "no channel is set: set the app's values, the bot's callback pair, or its id and secret";
    faults.push(fault("WECOM_APP_AGENT_ID", why));
  }
  together(
    ["TRANSCRIPTION_BASE_URL", "TRANSCRIPTION_MODEL"],
    "turning voice into text needs both an address and a model, or neither",
  );
  const ownModel = e.GUARD_KIND === "openai-moderation";
  if (e.GUARD_BASE_URL !== undefined && e.GUARD_MODEL === undefined && !ownModel) {
    faults.push(fault("GUARD_MODEL", "is missing: GUARD_BASE_URL needs the name of the guard model served there"));
  }
  const elsewhere = e.OPENAI_FALLBACK_BASE_URL !== undefined || e.OPENAI_FALLBACK_API_KEY !== undefined;
  if (elsewhere && e.OPENAI_FALLBACK_MODEL === undefined) {
    faults.push(
      fault("OPENAI_FALLBACK_MODEL", "is missing: the fallback's address or key needs the name of its model"),
    );
  }
  for (const name of ["OPENAI_BASE_URL", "OPENAI_MODEL"] as const) {
    if (e[name] === undefined) faults.push(fault(name, "is missing: without a model nothing can be answered"));
  }
  return faults;
}

function noticesOf(given: Record<string, unknown>): string[] {
  const guardless =
    given.GUARD_BASE_URL === undefined &&
    (["GUARD_MODEL", "GUARD_API_KEY", "GUARD_KIND"] as const).some((name) => given[name] !== undefined);
  return [
    ...(given.DEPARTMENT_DAILY_TOKENS !== undefined && given.WECOM_APP_SECRET === undefined
      ? ["DEPARTMENT_DAILY_TOKENS has no effect without the self-built app: only it can ask for departments."]
      : []),
    ...(guardless ? ["GUARD_BASE_URL is missing: without it the other GUARD_* settings have no effect."] : []),
  ];
}

function fault(name: string, what: string): string {
  return `${name} ${what}. Example: ${name}=${EXAMPLES[name] ?? "..."}`;
}

function badConfig(faults: string[]): YingdaError {
  const count = faults.length === 1 ? "One setting is wrong" : `${faults.length} settings are wrong`;
  return new YingdaError("bad_config", `${count}:\n${faults.map((line) => `  - ${line}`).join("\n")}`);
}
