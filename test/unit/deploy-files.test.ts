import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { parse } from "yaml";
import { readConfig } from "../../src/config.ts";

const CHECKOUT = join(import.meta.dirname, "../..");
const read = (path: string) => readFileSync(join(CHECKOUT, path), "utf8");

/** The environment as it is promised to the outside; a name that comes or goes is a change of that promise. */
const PROMISED = `HOST PORT PUBLIC_URL ROLE REDIS_URL DATABASE_URL DATA_DIR WECOM_API_BASE WECOM_CORP_ID
  WECOM_APP_AGENT_ID WECOM_APP_SECRET WECOM_APP_TOKEN WECOM_APP_AES_KEY WECOM_BOT_NAME WECOM_BOT_TOKEN
  WECOM_BOT_AES_KEY WECOM_BOT_ID WECOM_BOT_SECRET WECOM_BOT_WS_URL WECOM_MEDIA_HOSTS ANSWER_IMAGE_HOSTS CALLBACK_MAX_AGE_SECONDS
  OPENAI_BASE_URL OPENAI_API_KEY OPENAI_MODEL OPENAI_FALLBACK_MODEL OPENAI_FALLBACK_BASE_URL OPENAI_FALLBACK_API_KEY
  MODEL_CONTEXT_TOKENS MODEL_TOKENIZE MODEL_PARAMS MODEL_PARAMS_APP MODEL_PARAMS_BOT MODEL_PARAMS_SOCKET SYSTEM_PROMPT_FILE GREETING_FILE COMPANY_NAME GROUP_SESSION
  SESSION_TTL_SECONDS TURN_TIMEOUT_SECONDS MERGE_WINDOW_SECONDS MEMBER_DAILY_TOKENS MEMBER_DAILY_TOKENS_SOFT DEPARTMENT_DAILY_TOKENS
  POLICY_FILE GUARD_BASE_URL GUARD_API_KEY GUARD_MODEL GUARD_KIND
  TRANSCRIPTION_BASE_URL TRANSCRIPTION_API_KEY TRANSCRIPTION_MODEL
  ADMIN_USERS ADMIN_BOOTSTRAP_TOKEN LOG_LEVEL`.split(/\s+/);
const COMPOSE_ONLY = ["POSTGRES_PASSWORD", "REDIS_MAXMEMORY", "VLLM_MODEL", "HF_TOKEN", "VLLM_VERSION"];

interface Service {
  image: string;
  profiles?: string[];
  command?: string[];
  environment?: Record<string, string>;
  env_file?: { path: string; required: boolean }[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test: string[] };
  volumes?: string[];
  ports?: string[];
  read_only?: boolean;
  tmpfs?: string[];
  stop_grace_period?: string;
  deploy?: { resources: { reservations: { devices: { capabilities: string[] }[] } } };
}

const compose: { services: Record<string, Service>; volumes: Record<string, null> } = parse(read("compose.yaml"));
const service = (name: string): Service => {
  const found = compose.services[name];
  if (found === undefined) throw new Error(`compose.yaml has no service ${name}`);
  return found;
};

describe("deploy/env.example", () => {
  const settings = new Map(
    [...read("deploy/env.example").matchAll(/^# ([A-Z][A-Z_]+)=(.*)$/gm)].map((line) => [line[1] ?? "", line[2] ?? ""]),
  );

  test("names every promised variable once, and nothing else but what compose itself uses", () => {
    expect([...settings.keys()].sort()).toEqual([...PROMISED, ...COMPOSE_ONLY].sort());
  });

  test("sets nothing by itself", () => {
    expect(
      read("deploy/env.example")
        .split("\n")
        .filter((line) => line !== "" && !line.startsWith("#")),
    ).toEqual([]);
  });

  test("taken as it is, with its blanks filled in, it is a configuration that the service starts with", () => {
    const secrets = { WECOM_APP_SECRET: "s", WECOM_APP_TOKEN: "t", WECOM_APP_AES_KEY: "a".repeat(43) };
    const guard = { GUARD_BASE_URL: "http://guard:8001/v1", GUARD_MODEL: "guard" };
    const config = readConfig({ ...Object.fromEntries(settings), ...secrets, ...guard });
    expect(config.wecom.app).toMatchObject({ corpId: "ww1234567890abcdef", agentId: "1000002" });
    expect(config.model).toMatchObject({ baseUrls: ["http://vllm:8000/v1"], name: "qwen3" });
  });
});

describe("compose.yaml", () => {
  test("pins every image to a major version at least", () => {
    const images = Object.values(compose.services).map(({ image }) => image.replace(/\$\{\w+:-([^}]*)\}/, "$1"));
    for (const image of images) expect(image).toMatch(/:v?\d/);
  });

  test("uses no variable that env.example does not explain", () => {
    const used = [...read("compose.yaml").matchAll(/\$\{(\w+)/g)].map((match) => match[1]);
    expect([...PROMISED, ...COMPOSE_ONLY]).toEqual(expect.arrayContaining(used));
  });

  test("declares every volume that a service mounts, and none besides", () => {
    const mounted = Object.values(compose.services).flatMap(({ volumes = [] }) =>
      volumes.map((one) => one.split(":")[0]),
    );
    expect(mounted.sort()).toEqual(Object.keys(compose.volumes).sort());
  });

  test("the service starts when both stores are healthy, can run without .env, and writes to its volume and /tmp only", () => {
    const yingda = service("yingda");
    expect(yingda.depends_on).toEqual({
      redis: { condition: "service_healthy" },
      postgres: { condition: "service_healthy" },
    });
    expect(yingda.env_file).toEqual([{ path: ".env", required: false }]);
    expect(yingda).toMatchObject({ read_only: true, tmpfs: ["/tmp"], volumes: ["data:/data"] });
    expect(yingda.environment).toMatchObject({ DATA_DIR: "/data", REDIS_URL: "redis://redis:6379/0" });
  });

  test("Docker waits longer for the service than it drains", () => {
    expect(Number.parseInt(service("yingda").stop_grace_period ?? "", 10)).toBeGreaterThan(28);
  });

  test("Redis keeps what it acknowledged and evicts nothing", () => {
    const command = service("redis").command ?? [];
    const following = (option: string) => command[command.indexOf(option) + 1];
    expect(following("--appendonly")).toBe("yes");
    expect(following("--maxmemory-policy")).toBe("noeviction");
  });

  test("every server besides the service has a health check, and none of them is reachable from outside", () => {
    for (const name of ["redis", "postgres", "vllm"]) {
      expect(service(name).healthcheck?.test.length).toBeGreaterThan(1);
      expect(service(name).ports).toBeUndefined();
    }
  });

  test("the model server runs only under the profile gpu, and reserves a GPU", () => {
    const profiled = Object.entries(compose.services).filter(([, { profiles }]) => profiles !== undefined);
    expect(profiled.map(([name, { profiles }]) => [name, profiles])).toEqual([["vllm", ["gpu"]]]);
    expect(service("vllm").deploy?.resources.reservations.devices[0]?.capabilities).toEqual(["gpu"]);
  });
});

describe("Dockerfile", () => {
  const lines = read("Dockerfile")
    .replace(/\\\n\s*/g, " ")
    .split("\n");
  const instructions = (name: string) => lines.filter((line) => line.startsWith(`${name} `));

  test("builds on a pinned major version, installs no development tool, runs no install script", () => {
    for (const from of instructions("FROM")) expect(from).toMatch(/^FROM node:24-slim\b/);
    expect(instructions("RUN").join("\n")).toContain("npm ci --omit=dev --ignore-scripts");
  });

  test("runs the service as the first process, without root", () => {
    expect(instructions("USER")).toEqual(["USER node"]);
    expect(instructions("CMD")).toEqual(['CMD ["node", "src/main.ts"]']);
  });

  test("the image gets only what .dockerignore names, and all of it that it needs is there", () => {
    const rules = read(".dockerignore")
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"));
    expect(rules[0]).toBe("*");
    const needed = ["package.json", "package-lock.json", ".npmrc", "src", "deploy/healthcheck.mjs"];
    expect(rules).toEqual(expect.arrayContaining(needed.map((path) => `!${path}`)));
    for (const path of needed) expect(existsSync(join(CHECKOUT, path))).toBe(true);
  });
});
