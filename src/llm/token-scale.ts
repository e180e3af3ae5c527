import type { Clock } from "../base/clock.ts";
import { describe } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Secret } from "../base/secret.ts";
import type { ChatMessage } from "./chat-model.ts";

/** Between two samples: the figure moves little, and the server has better things to do. */
const SAMPLE_EVERY_MS = 15_000;
const SAMPLE_MS_MAX = 5_000;
/** A server answers with every token's number, some eight bytes each; more than this is no answer to our question. */
const ANSWER_BYTES_MAX = 1024 * 1024;
/** A longer prompt is not sampled, so that its answer stays within the limit above. */
const PROMPT_CHARACTERS_MAX = 60_000;
/** After so many refusals in a row nobody asks any more: the server does not offer it. */
const FAILURES_MAX = 3;
/** So long it is left alone then. */
const PAUSE_MS = 10 * 60_000;
/** Before so many samples the estimate is not trusted to be too high. */
const SAMPLES_TO_LOWER = 5;
/** Other prompts than those sampled cost more for the same estimate. */
const MARGIN = 1.1;
/**
 * Never lower: of a conversation all in digits the estimate is a tenth too high and no more, whatever the samples were of.
 * Never higher: beyond it a server counts something else than tokens.
 */
const FACTOR = { min: 0.9, max: 2.5 };
/** Each step moves the start of every history once, so there are few. */
const STEP = 0.05;

export interface TokenScaleParts {
  /** An endpoint of the model, up to `/v1`; `/tokenize` lies beside it at the root (vLLM, SGLang). */
  baseUrl: string;
  apiKey: Secret | null;
  model: string;
  /** Tokens of these messages, as this service estimates them. */
  estimate: (messages: readonly ChatMessage[]) => number;
  clock: Clock;
  log: Logger;
}

/**
 * How many of the model's tokens an estimated one is at most, learned from a server that offers `POST /tokenize`. A prompt is
 * counted there now and then, beside its turn: no turn waits for it and none fails by it.
 */
export class TokenScale {
  readonly #parts: TokenScaleParts;
  readonly #url: string;
  #factor = 1;
  #highest = 0;
  #samples = 0;
  #failures = 0;
  #nextAtMs = 0;
  #asking: Promise<void> | null = null;

  constructor(parts: TokenScaleParts) {
    this.#parts = parts;
    this.#url = `${new URL(parts.baseUrl).origin}/tokenize`;
  }

  /** 1 as long as nothing is known. It goes down once at most, and up whenever a prompt costs more than was thought. */
  get factor(): number {
    return this.#factor;
  }

  /** Counts this prompt, if it is time. Never throws and never waits. */
  sample(messages: readonly ChatMessage[]): void {
    const nowMs = this.#parts.clock.nowMs();
    if (this.#asking !== null || nowMs < this.#nextAtMs) return;
    if (messages.reduce((sum, { content }) => sum + content.length, 0) > PROMPT_CHARACTERS_MAX) return;
    this.#nextAtMs = nowMs + SAMPLE_EVERY_MS;
    this.#asking = this.#ask(messages).finally(() => {
      this.#asking = null;
    });
  }

  /** Resolves when no sample is under way. */
  async settled(): Promise<void> {
    await this.#asking;
  }

  async #ask(messages: readonly ChatMessage[]): Promise<void> {
    const { estimate, log } = this.#parts;
    try {
      this.#learn((await this.#count(messages)) / Math.max(1, estimate(messages)));
      this.#failures = 0;
    } catch (error) {
      this.#failures += 1;
      // It has no such route, or is away: asked again now and then, since servers are restarted.
      if (this.#failures >= FAILURES_MAX) this.#nextAtMs = this.#parts.clock.nowMs() + PAUSE_MS;
      log.debug({ why: describe(error) }, "the model server counted no tokens");
    }
  }

  async #count(messages: readonly ChatMessage[]): Promise<number> {
    const { apiKey, model } = this.#parts;
    const response = await fetch(this.#url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(apiKey === null ? {} : { authorization: `Bearer ${apiKey.reveal()}` }),
      },
      body: JSON.stringify({
        model,
        // Without their pictures, whose tokens are no text.
        messages: messages.map(({ role, content }) => ({ role, content })),
        add_generation_prompt: true,
      }),
      redirect: "manual",
      signal: AbortSignal.timeout(SAMPLE_MS_MAX),
    });
    const body = JSON.parse(await textOf(response)) as { count?: unknown } | null;
    const count = response.ok ? body?.count : undefined;
    if (typeof count !== "number" || !Number.isInteger(count) || count <= 0) throw new Error("no count in the answer");
    return count;
  }

  #learn(ratio: number): void {
    this.#samples += 1;
    this.#highest = Math.max(this.#highest, ratio);
    const safe = Math.ceil((this.#highest * MARGIN) / STEP - 1e-9) * STEP;
    const learned = Math.min(FACTOR.max, Math.max(FACTOR.min, safe));
    if (learned > this.#factor || this.#samples === SAMPLES_TO_LOWER) this.#factor = learned;
  }
}

async function textOf(response: Response): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > ANSWER_BYTES_MAX) throw new Error("the answer is too long");
  }
  return text;
}
