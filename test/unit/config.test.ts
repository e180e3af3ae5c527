import { inspect } from "node:util";
import { describe, expect, test } from "@jest/globals";
import { YingdaError } from "../../src/base/errors.ts";
import { readConfig } from "../../src/config.ts";

const AES_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const MODEL = { OPENAI_BASE_URL: "http://127.0.0.1:8000/v1", OPENAI_MODEL: "qwen" };
const BOT = { WECOM_BOT_TOKEN: "testtoken", WECOM_BOT_AES_KEY: AES_KEY };

function faultsOf(env: Record<string, string>): string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof YingdaError && error.code === "bad_config") return error.message.split("\n").slice(1);
    throw error;
  }
  return [];
}

describe("API_TOKENS", () => {
  const read = (API_TOKENS: string) => readConfig({ ...MODEL, ...BOT, API_TOKENS }).apiTokens;
  const [one, two] = ["canary-0123456789abcdefgh", "canary-abcdefgh0123456789"];

  test("names several systems, whose tokens may hold colons and cannot print", () => {
    const tokens = read(`OA:${one}, monitor:${two}:x`);
    expect(tokens.map(({ name, token }) => [name, token.reveal()])).toEqual([
      ["oa", one],
      ["monitor", `${two}:x`],
    ]);
    expect(inspect(tokens, { depth: 9 })).not.toContain("canary");
    expect(readConfig({ ...MODEL, ...BOT }).apiTokens).toEqual([]);
  });

  test.each([
    ["a token of 23 characters", "oa:canary-0123456789abcdef"],
    ["no name", `:${one}`],
    ["no colon", one],
    ["a name twice", `oa:${one},OA:${two}`],
    ["a token twice", `oa:${one},monitor:${one}`],
    ["an empty entry", `oa:${one},`],
  ])("%s is a fault that shows no token", (_what, value) => {
    const faults = faultsOf({ ...MODEL, ...BOT, API_TOKENS: value });
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(/API_TOKENS/);
    expect(faults[0]).not.toContain("canary");
  });
});

describe("configuration", () => {
  test("a bot and a model are enough, and the rest has the contract's defaults", () => {
    const config = readConfig({ ...MODEL, ...BOT });
    expect(config.http).toEqual({ host: "0.0.0.0", port: 3000 });
    expect(config.role).toBe("all");
    expect(config.redisUrl.reveal()).toBe("redis://127.0.0.1:6379/0");
    expect(config.callbackMaxAgeMs).toBe(300_000);
    expect(config.sessionTtlMs).toBe(86_400_000);
    expect(config.turnTimeoutMs).toBe(300_000);
    expect(config.model.contextTokens).toBe(8192);
    expect(config.wecom.apiBase).toBe("https://qyapi.weixin.qq.com");
    expect(config.database.dataDir).toBe("./data");
    expect(config.wecom.app).toBeNull();
  });

  test("several faults are reported at once, each with its name and an example that works", () => {
    const faults = faultsOf({
      ...MODEL,
      ...BOT,
      PORT: "http",
      REDIS_URL: "localhost",
      GROUP_SESSION: "both",
      LOG_LEVEL: "loud",
    });
    expect(faults).toHaveLength(4);
    expect(faults.join("\n")).toMatch(/PORT must be a whole number. Example: PORT=3000/);
    expect(faults.join("\n")).toMatch(/REDIS_URL .*Example: REDIS_URL=redis:\/\//);
    expect(faults.join("\n")).toMatch(/GROUP_SESSION/);
    expect(faults.join("\n")).toMatch(/LOG_LEVEL/);
  });

  test("an empty environment names the channel and the model as missing", () => {
    const text = faultsOf({}).join("\n");
    expect(text).toMatch(/no channel is set/);
    expect(text).toMatch(/OPENAI_BASE_URL is missing/);
    expect(text).toMatch(/OPENAI_MODEL is missing/);
  });

  test("half of the app's values are refused, each missing one by name", () => {
    const text = faultsOf({
      ...MODEL,
      WECOM_CORP_ID: "ww1",
      WECOM_APP_AGENT_ID: "1000002",
      WECOM_APP_SECRET: "s",
    }).join();
    expect(text).toMatch(/WECOM_APP_TOKEN is missing/);
    expect(text).toMatch(/WECOM_APP_AES_KEY is missing/);
  });

  test("callback and long connection of one bot exclude each other", () => {
    const text = faultsOf({ ...MODEL, ...BOT, WECOM_BOT_ID: "b", WECOM_BOT_SECRET: "s" }).join();
    expect(text).toMatch(/remove one of the two pairs/);
  });

  test("hosts of media are WeCom's own unless others are named, and shaped like hosts", () => {
    expect(readConfig({ ...MODEL, ...BOT }).wecom.mediaHosts).toEqual(["qyapi.weixin.qq.com", "*.myqcloud.com"]);
    const named = readConfig({ ...MODEL, ...BOT, WECOM_MEDIA_HOSTS: "127.0.0.1:8080, *.corp.example" });
    expect(named.wecom.mediaHosts).toEqual(["127.0.0.1:8080", "*.corp.example"]);
    expect(named.notices).toEqual([]);
    for (const faulty of ["https://a.example", "a,,b", "*", "a b"]) {
      expect(faultsOf({ ...MODEL, ...BOT, WECOM_MEDIA_HOSTS: faulty }).join()).toMatch(
        /WECOM_MEDIA_HOSTS must be hosts/,
      );
    }
  });

  test("turning voice into text needs an address and a model, or neither", () => {
    const address = { TRANSCRIPTION_BASE_URL: "http://127.0.0.1:8002/v1" };
    const model = { TRANSCRIPTION_MODEL: "whisper" };
    expect(readConfig({ ...MODEL, ...BOT }).transcription).toBeNull();
    expect(readConfig({ ...MODEL, ...BOT, ...address, ...model }).transcription).toEqual({
      baseUrl: "http://127.0.0.1:8002/v1",
      apiKey: null,
      model: "whisper",
    });
    expect(faultsOf({ ...MODEL, ...BOT, ...address }).join()).toMatch(/TRANSCRIPTION_MODEL is missing/);
    expect(faultsOf({ ...MODEL, ...BOT, ...model }).join()).toMatch(/TRANSCRIPTION_BASE_URL is missing/);
  });

  test("a 42-character key is refused without showing it", () => {
    const text = faultsOf({ ...MODEL, WECOM_BOT_TOKEN: "t", WECOM_BOT_AES_KEY: AES_KEY.slice(1) }).join();
    expect(text).toMatch(/WECOM_BOT_AES_KEY must be exactly the 43 characters/);
    expect(text).not.toContain(AES_KEY.slice(1));
  });

  test("several endpoints and admins are read as lists, empty values as not set", () => {
    const config = readConfig({
      ...BOT,
      OPENAI_MODEL: "qwen",
      OPENAI_BASE_URL: "http://a:8000/v1, http://b:8000/v1",
      DATABASE_URL: "",
      ADMIN_USERS: "ZhangSan:admin,lisi:reviewer",
    });
    expect(config.model.baseUrls).toEqual(["http://a:8000/v1", "http://b:8000/v1"]);
    expect(config.database.url).toBeNull();
  });

  test("a fallback model is served where the main one is, with its key, or elsewhere, without it", () => {
    const main = { ...MODEL, ...BOT, OPENAI_API_KEY: "sk-main" };
    expect(readConfig(main).model.fallback).toBeNull();
    const beside = readConfig({ ...main, OPENAI_FALLBACK_MODEL: "small" }).model.fallback;
    expect(beside).toMatchObject({ baseUrls: [MODEL.OPENAI_BASE_URL], model: "small" });
    expect(beside?.apiKey?.reveal()).toBe("sk-main");
    const elsewhere = { ...main, OPENAI_FALLBACK_MODEL: "small", OPENAI_FALLBACK_BASE_URL: "http://b:1/v1" };
    expect(readConfig(elsewhere).model.fallback).toEqual({ baseUrls: ["http://b:1/v1"], apiKey: null, model: "small" });
    const own = readConfig({ ...elsewhere, OPENAI_FALLBACK_API_KEY: "sk-small" }).model.fallback;
    expect(own?.apiKey?.reveal()).toBe("sk-small");
    expect(faultsOf({ ...main, OPENAI_FALLBACK_BASE_URL: "http://b:1/v1" }).join()).toMatch(/OPENAI_FALLBACK_MODEL is/);
  });

  test("parameters of requests are JSON objects, without what the service sets itself", () => {
    const given = { ...MODEL, ...BOT };
    const kwargs = '{"chat_template_kwargs":{"enable_thinking":false}}';
    const { params } = readConfig({ ...given, MODEL_PARAMS: kwargs, MODEL_PARAMS_APP: '{"top_p":0.5}' }).model;
    expect(params).toEqual({
      general: { chat_template_kwargs: { enable_thinking: false } },
      byChannel: { app: { top_p: 0.5 }, bot: {}, socket: {} },
    });
    for (const [value, complaint] of [
      ["temperature=1", /MODEL_PARAMS must be JSON/],
      ["[1]", /must be a JSON object/],
      ["null", /must be a JSON object/],
      ['{"model":"m","n":2}', /must not have model, n/],
      ['{"stream":false}', /must not have stream/],
      ['{"tools":[]}', /must not have tools/],
      ['{"max_tokens":9}', /must not have max_tokens/],
      [`{"stop":"${"x".repeat(5_000)}"}`, /at most 4096 characters/],
    ] as const) {
      expect(faultsOf({ ...given, MODEL_PARAMS: value }).join()).toMatch(complaint);
    }
  });

  test("secrets do not print, in JSON, in text or when inspected", () => {
    const config = readConfig({
      ...MODEL,
      ...BOT,
      OPENAI_API_KEY: "sk-canary",
      DATABASE_URL: "postgres://u:canary@127.0.0.1/yingda",
      ALERT_WEBHOOK_URL: "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=canary",
    });
    const printed = `${JSON.stringify(config)} ${inspect(config, { depth: 9 })} ${config.model.apiKey}`;
    expect(printed).not.toContain("canary");
    expect(printed).not.toContain(AES_KEY);
    expect(config.model.apiKey?.reveal()).toBe("sk-canary");
    expect(config.alertWebhookUrl?.reveal()).toContain("key=canary");
    expect(() => readConfig({ ...MODEL, ...BOT, ALERT_WEBHOOK_URL: "canary" })).toThrow(
      /ALERT_WEBHOOK_URL(?!.*canary)/s,
    );
  });
});
