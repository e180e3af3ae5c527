import type { Clock } from "../../base/clock.ts";
import type { Events } from "../../base/events.ts";
import type { Secret } from "../../base/secret.ts";
import type { Audience, Category } from "../verdict.ts";
import type { Adapter } from "./adapter.ts";
import { GuardDesk } from "./guard-desk.ts";
import { endpointNameOf, GuardEndpoint, plainUrl } from "./guard-endpoint.ts";
import { completionFailure } from "./guard-failure.ts";
import { type GuardLimits, limitsOf } from "./guard-limits.ts";
import { judge, judgeMessages, readJudgement } from "./judge.ts";
import { llamaGuard } from "./llama-guard.ts";
import { nemoGuard } from "./nemoguard.ts";
import { openAiModeration } from "./openai-moderation.ts";
import { polyGuard } from "./polyguard.ts";
import { qwen3Guard } from "./qwen3guard.ts";

/** Which contract the guard's server speaks; each has a file here. */
export const GUARD_KINDS = [
  "qwen3guard",
  "llama-guard",
  "nemoguard",
  "polyguard",
  "openai-moderation",
  "judge",
] as const;
export type GuardKind = (typeof GUARD_KINDS)[number];

export interface GuardRequest {
  direction: "question" | "answer";
  /** What the person asked. */
  question: string;
  /** For direction `answer`: the part of the answer to judge, with its context before it. */
  answer?: string;
  audience: Audience;
  traceId: string;
  /** Aborting it closes the request upstream. */
  signal: AbortSignal;
}

export interface GuardJudgement {
  level: "safe" | "controversial" | "unsafe";
  /** Ours, in the order of CATEGORIES. Empty if and only if the level is `safe`. */
  categories: Category[];
  /** 0 (safe) to 1 (unsafe), where the server gives the probability of the verdict's word. */
  score?: number;
  /** Whether the answer refuses the question, where the model says so. */
  refusal?: boolean;
  /** As configured. */
  model: string;
  tookMs: number;
}

export interface Guard {
  /**
   * Judges one text. Text longer than the limits is cut from the middle; blank text is safe without asking.
   *
   * Throws `YingdaError` and never takes a failure for `safe`: `guard_unreachable` (at once while the breaker is open),
   * `guard_overloaded`, `guard_timeout`, `guard_refused_request`, `guard_nonsense`; and the signal's reason when aborted.
   */
  judge(request: GuardRequest): Promise<GuardJudgement>;
  /** For `/readyz`: without a network call; not ok while the breaker leaves the guard alone. */
  health(): { endpoint: string; ok: boolean };
}

export interface GuardOptions {
  kind: GuardKind;
  /** Up to and including `/v1`. */
  baseUrl: string;
  /** Null sends none. */
  apiKey: Secret | null;
  model: string;
  events: Pick<Events, "guardAnswered" | "guardFailed" | "alert">;
  clock: Clock;
  limits?: Partial<GuardLimits>;
}

const ADAPTERS: Record<GuardKind, Adapter> = {
  qwen3guard: qwen3Guard,
  "llama-guard": llamaGuard,
  nemoguard: nemoGuard,
  polyguard: polyGuard,
  "openai-moderation": openAiModeration,
  judge,
};

/** A guard model behind an OpenAI-compatible server. Throws `bad_config` when `baseUrl` is not a plain http(s) address. */
export function createGuard(options: GuardOptions): Guard {
  const { kind, apiKey, model, events, clock } = options;
  const adapter = ADAPTERS[kind];
  const limits = limitsOf(kind, options.limits);
  const baseUrl = plainUrl(options.baseUrl);
  const name = endpointNameOf(baseUrl);
  const endpoint = new GuardEndpoint({ name, baseUrl, apiKey, replyBytesMax: limits.replyBytesMax });
  return new GuardDesk({ kind, endpoint: name, model, limits, events, clock }, async (exchange, attempt) => {
    const body = { model, ...adapter.body(exchange) };
    return adapter.read(await endpoint.post(adapter.path, body, adapter.optionalFields, attempt), exchange);
  });
}

export interface JudgeMessage {
  role: "system" | "user";
  content: string;
}

/**
 * Any chat model as a guard of the kind `judge`. `complete` resolves to the model's whole text and must stop when the
 * signal is aborted; its `model_*` errors become `guard_*` ones. It is asked once: a pool of models tries again by itself.
 */
export function createJudgeOf(
  complete: (messages: JudgeMessage[], signal: AbortSignal) => Promise<string>,
  options: {
    /** What health and metrics call it. Default: `chat-model`. */
    endpoint?: string;
    model: string;
    events: GuardOptions["events"];
    clock: Clock;
    limits?: Partial<GuardLimits>;
  },
): Guard {
  const { endpoint = "chat-model", model, events, clock } = options;
  const limits = limitsOf("judge", { triesMax: 1, ...options.limits });
  return new GuardDesk({ kind: "judge", endpoint, model, limits, events, clock }, async (exchange, { signal }) => {
    const text = await complete(judgeMessages(exchange), signal).catch((error: unknown) => {
      throw completionFailure(error, endpoint);
    });
    return readJudgement(text, exchange.direction);
  });
}
