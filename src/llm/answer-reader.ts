import type { ChatResult, Usage } from "./chat-model.ts";
import { failureOfErrorEvent } from "./failure-of.ts";
import { ModelFailure } from "./model-failure.ts";
import { ReasoningFilter } from "./reasoning-filter.ts";

export interface AnswerReaderOptions {
  endpoint: string;
  answerBytesMax: number;
  /** The endpoint is known to begin its content inside a block of reasoning; see `ReasoningFilter`. */
  startsInside: boolean;
}

/**
 * Reads the chunks of one streamed chat completion, of whichever server: takes the answer's text out, notes how it
 * finished, and throws a `ModelFailure` for what is no answer. Nothing that a server may send is taken on trust.
 */
export class AnswerReader {
  /** Set once the server said why it stopped. Without it an answer is not whole, however the stream ended. */
  finishReason: ChatResult["finishReason"] | undefined;
  usage: Usage | undefined;
  readonly #options: AnswerReaderOptions;
  readonly #filter: ReasoningFilter;
  #answerBytes = 0;

  constructor(options: AnswerReaderOptions) {
    this.#options = options;
    this.#filter = new ReasoningFilter(options);
  }

  get sawLoneClose(): boolean {
    return this.#filter.sawLoneClose;
  }

  /**
   * Takes the next event. `text`: what may be let out now, often empty. `alive`: it carried tokens, if only of
   * reasoning.
   */
  read(event: unknown): { text: string; alive: boolean } {
    if (!isObject(event)) throw new ModelFailure("malformed", { endpoint: this.#options.endpoint });
    // `{"error":…}` was thrown by the client library already; it does not know the flat form (SGLang).
    if (event.object === "error") throw failureOfErrorEvent(event, this.#options.endpoint);
    this.usage = usageOf(event.usage) ?? this.usage;
    if (this.finishReason !== undefined) return { text: "", alive: false };
    // The chunk that carries the usage has no choices; others may come with more of them than we asked for.
    const choices: unknown[] = Array.isArray(event.choices) ? event.choices : [];
    const choice = choices.find((each) => isObject(each) && (each.index ?? 0) === 0);
    if (!isObject(choice)) return { text: "", alive: false };
    const delta = isObject(choice.delta) ? choice.delta : {};
    const content = stringOf(delta.content);
    // vLLM says `reasoning`, SGLang and older vLLM `reasoning_content`.
    const reasons = stringOf(delta.reasoning) !== "" || stringOf(delta.reasoning_content) !== "";
    let text = content === "" ? "" : this.#filter.push(content);
    if (typeof choice.finish_reason === "string") {
      this.finishReason = this.#finishReasonOf(choice.finish_reason);
      text += this.#filter.finish({ whole: this.finishReason === "stop" });
    }
    this.#countAnswer(text);
    return { text, alive: reasons || content !== "" };
  }

  /** Throws unless the answer is whole and says something. An upstream's own refusal may be silent. */
  assertWhole(): ChatResult["finishReason"] {
    const { endpoint } = this.#options;
    if (this.finishReason === undefined) throw new ModelFailure("cut", { endpoint });
    if (this.#answerBytes === 0 && this.finishReason !== "content_filter") {
      throw new ModelFailure("empty", { endpoint, hint: this.finishReason });
    }
    return this.finishReason;
  }

  #finishReasonOf(word: string): ChatResult["finishReason"] {
    const reason = FINISH_REASONS.get(word);
    if (reason !== undefined) return reason;
    // SGLang's `abort` (a request of higher priority, a shutdown), some proxies' `error`, or a tool that we never
    // offered.
    throw new ModelFailure("gave_up", { endpoint: this.#options.endpoint, hint: word });
  }

  #countAnswer(text: string): void {
    this.#answerBytes += Buffer.byteLength(text);
    if (this.#answerBytes > this.#options.answerBytesMax) {
      throw new ModelFailure("answer_too_long", { endpoint: this.#options.endpoint });
    }
  }
}

/** The words of OpenAI's API, and what other servers say instead. */
const FINISH_REASONS = new Map<string, ChatResult["finishReason"]>([
  ["stop", "stop"],
  ["eos", "stop"],
  ["eos_token", "stop"],
  ["stop_sequence", "stop"],
  ["end_turn", "stop"],
  ["length", "length"],
  ["max_tokens", "length"],
  ["content_filter", "content_filter"],
]);

function usageOf(value: unknown): Usage | undefined {
  if (!isObject(value)) return undefined;
  const promptTokens = value.prompt_tokens;
  const answerTokens = value.completion_tokens;
  if (!isCount(promptTokens) || !isCount(answerTokens)) return undefined;
  // vLLM and SGLang tell only when started with a flag for it.
  const cached = isObject(value.prompt_tokens_details) ? value.prompt_tokens_details.cached_tokens : undefined;
  return { promptTokens, answerTokens, ...(isCount(cached) ? { cachedTokens: cached } : {}) };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function stringOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
