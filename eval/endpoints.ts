import { startDemoModel } from "../simulator/model-server.ts";
import { YingdaError } from "../src/base/errors.ts";
import { Events } from "../src/base/events.ts";
import { createLogger } from "../src/base/logger.ts";
import { Secret } from "../src/base/secret.ts";
import { createJudge, type Judge } from "./judge.ts";

type Env = Record<string, string | undefined>;

export interface Endpoint {
  baseUrls: string[];
  model: string;
  apiKey: Secret | null;
  demo: boolean;
  stop(): Promise<void>;
}

const CONTEXT_TOKENS = 8_192;
const CONTEXT_TOKENS_MIN = 1_024;

/** The model that is measured; without one the demo's, which needs no GPU and is no language model. Throws `bad_config`. */
export async function measuredEndpoint(env: Env): Promise<Endpoint> {
  const given = endpointOf(env, "OPENAI");
  if (given !== null) return { ...given, demo: false, stop: async () => {} };
  const demo = await startDemoModel({ tokensPerSecond: Number.POSITIVE_INFINITY });
  return { baseUrls: [demo.url], model: demo.model, apiKey: null, demo: true, stop: () => demo.stop() };
}

/** Null: only rules judge. Throws `bad_config` for half a setting. */
export function judgeFrom(env: Env, events: Events): Judge | null {
  const given = endpointOf(env, "EVAL_JUDGE");
  return given === null ? null : createJudge({ ...given, events });
}

export function contextTokensFrom(env: Env): number {
  const given = env.MODEL_CONTEXT_TOKENS ?? "";
  const tokens = given.trim() === "" ? CONTEXT_TOKENS : Number(given);
  if (Number.isInteger(tokens) && tokens >= CONTEXT_TOKENS_MIN) return tokens;
  throw new YingdaError("bad_config", `MODEL_CONTEXT_TOKENS must be a whole number of at least ${CONTEXT_TOKENS_MIN}.`);
}

/** The client's own events go nowhere: what went wrong stands in the results. */
export function silentEvents(): Events {
  return new Events(createLogger("silent"));
}

function endpointOf(env: Env, prefix: string): { baseUrls: string[]; model: string; apiKey: Secret | null } | null {
  const [baseUrl, model, key] = ["BASE_URL", "MODEL", "API_KEY"].map((name) => env[`${prefix}_${name}`]?.trim() ?? "");
  if (!baseUrl && !model) return null;
  if (!baseUrl || !model) {
    throw new YingdaError("bad_config", `${prefix}_BASE_URL and ${prefix}_MODEL are set together, or neither.`);
  }
  return { baseUrls: baseUrl.split(","), model, apiKey: key ? new Secret(key) : null };
}
