import { YingdaError } from "../../src/base/errors.ts";
import type { ChatEvent, ChatModel, ChatRequest, ModelHealth } from "../../src/llm/chat-model.ts";
import type { Message } from "../../src/session/message.ts";
import type { Generation, History } from "./history.ts";
import type { Random } from "./random.ts";
import type { Scenario } from "./scenario.ts";
import type { Life } from "./virtual-time.ts";

/** The answer that contains this is taken back by the simulated moderator. */
export const WITHHELD_WORD = "禁答";
/** An answer that is given again and again, so that equal texts must be told apart on the way. */
const COMMON_ANSWER = "好的。";

/** How long an answer is, by how likely. A book does not fit into what any channel delivers at once. */
const USUAL = { common: 8, line: 50, page: 30, pages: 10, book: 2 };
const LONG = { common: 2, line: 10, page: 10, pages: 50, book: 28 };

const RESULT = { model: "simulated", endpoint: "simulated", firstTokenMs: 0 } as const;

/** Names one message in every line of its answers, and no other: `c2m5.` */
export function labelOf(message: { id: string }): string {
  return `${message.id.split(":").at(-1)}.`;
}

/** Every label in a text. */
export function labelsIn(text: string): string[] {
  return [...new Set([...text.matchAll(/c\d+m\d+\./g)].map(([label]) => label))];
}

/** Answers that say whose they are, streamed in virtual time, with the failures that a pool of real endpoints shows. */
export class SimulatedModel implements ChatModel {
  readonly #life: Life;
  readonly #history: History;
  readonly #random: Random;
  readonly #scenario: Scenario;
  readonly #isQuiet: () => boolean;
  readonly #crash: () => void;

  constructor(parts: {
    life: Life;
    history: History;
    random: Random;
    scenario: Scenario;
    isQuiet: () => boolean;
    crash: () => void;
  }) {
    this.#life = parts.life;
    this.#history = parts.history;
    this.#random = parts.random;
    this.#scenario = parts.scenario;
    this.#isQuiet = parts.isQuiet;
    this.#crash = parts.crash;
  }

  async *stream(request: ChatRequest): AsyncGenerator<ChatEvent, void, undefined> {
    const { signal, traceId } = request;
    const message = this.#history.byTrace(traceId);
    if (message === undefined) throw new Error(`the model was asked for an unknown trace id, ${traceId}`);
    this.#checkPrompt(request, message);
    const fate = this.#isQuiet() ? "ok" : this.#random.weighted(this.#scenario.modelFates);
    if (fate !== "ok") this.#history.count(`model: ${fate}`);
    this.#history.note(() => `${this.#life.name} asks the model for ${message.id} (${fate})`);
    const drafts = this.#history.generations.filter((one) => one.messageId === message.id).length;
    const generation: Generation = {
      messageId: message.id,
      text: this.#draw(message, drafts + 1),
      complete: false,
      cutAtLength: fate === "length",
      failedWith: null,
    };
    this.#history.generations.push(generation);
    const fail = (error: YingdaError): YingdaError => {
      generation.failedWith = error.code;
      return error;
    };

    // One that does not hear its signal goes on: the turn must not wait for it.
    const heard = fate === "deaf" ? undefined : signal;
    await this.#wait(50, 1_500, heard);
    if (labelOf(message).endsWith(`m${this.#scenario.poison}.`)) {
      this.#history.count("replica: poisoned");
      this.#crash();
      await this.#wait(1, 1, undefined);
    }
    if (fate === "fails") throw fail(this.#failure());
    if (fate === "empty") throw fail(new YingdaError("model_empty", "no content", { retryable: true }));
    if (fate === "stalls") {
      await this.#life.clock.sleep(60_000, signal);
      throw fail(new YingdaError("model_timeout", "the stream stood still"));
    }
    const pieces = cutInPieces(generation.text, this.#random.int(2, 9));
    for (const [index, text] of pieces.entries()) {
      if (fate === "cut" && index === pieces.length - 1) throw fail(new YingdaError("model_cut_short", "cut short"));
      yield { type: "text", text };
      await this.#wait(10, 700, heard);
    }
    generation.complete = true;
    if (fate === "filtered") generation.failedWith = "model_refused_request";
    const finishReason = fate === "length" ? "length" : fate === "filtered" ? "content_filter" : "stop";
    yield { type: "end", result: { ...RESULT, finishReason } };
  }

  health(): ModelHealth {
    return { endpoints: [], waiting: 0 };
  }

  async #wait(fromMs: number, toMs: number, signal: AbortSignal | undefined): Promise<void> {
    const ms = this.#random.int(fromMs, toMs) * (this.#isQuiet() ? 1 : this.#scenario.modelSlowness);
    await this.#life.clock.sleep(ms, signal);
  }

  #failure(): YingdaError {
    return this.#random.pick([
      new YingdaError("model_unreachable", "the model is away", { retryable: true }),
      new YingdaError("model_overloaded", "the model is busy", { retryable: true, retryAfterMs: 1_000 }),
      new YingdaError("model_refused_request", "the model does not take this"),
    ]);
  }

  #draw(message: Message, draft: number): string {
    const random = this.#random;
    const size = random.weighted(this.#scenario.longAnswers ? LONG : USUAL);
    if (size === "common") return COMMON_ANSWER;
    const lines = { line: 1, page: random.int(4, 20), pages: random.int(40, 120), book: random.int(300, 700) }[size];
    const label = labelOf(message);
    const text = Array.from({ length: lines }, (_, line) => `${label}第${draft}稿，第${line + 1}行：这是回答。`);
    if (random.chance(0.03)) text[random.int(0, lines - 1)] += WITHHELD_WORD;
    return text.join(random.pick(["\n", "\n\n"]));
  }

  /** The model is told of this conversation only. */
  #checkPrompt({ messages }: ChatRequest, message: Message): void {
    const ours = labelOf(message).replace(/m\d+\.$/, "m");
    for (const { content } of messages) {
      const foreign = labelsIn(content).find((label) => !label.startsWith(ours));
      if (foreign !== undefined)
        this.#history.complain(`the model was told of ${foreign} when ${message.id} was asked`);
    }
  }
}

/** At edges that the chance of the text's length gives, also between the halves of a character. */
function cutInPieces(text: string, count: number): string[] {
  const size = Math.max(1, Math.ceil(text.length / count));
  return Array.from({ length: Math.ceil(text.length / size) }, (_, i) => text.slice(i * size, (i + 1) * size));
}
