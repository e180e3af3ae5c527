import { randomUUID } from "node:crypto";
import { setMaxListeners } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { YingdaError } from "../src/base/errors.ts";
import { BoundedLog } from "./bounded-log.ts";
import { listenOnLoopback, readBody, sendJson } from "./http-kit.ts";
import { type ModelTranscription, readTokenize, readTranscription, transcriptOf } from "./model-extras.ts";
import { type PersonaAnswer, type PersonaMessage, personaAnswer } from "./model-persona.ts";
import { type CompletionRequest, readCompletionRequest } from "./model-request.ts";
import { answerWhole, type ModelRequest, type Speech, streamSpeech } from "./model-speech.ts";
import { countPieces, piecesOf } from "./model-tokens.ts";

export interface DemoModelOptions {
  /** Default 0: a free port. */
  port?: number;
  /** Speed of an answer; default 40. `Infinity`: all at once. */
  tokensPerSecond?: number;
  /** Name under `/v1/models`; a request for another is 404. Default `yingda-demo`. */
  model?: string;
  /** When given, requests need it as a bearer token. */
  apiKey?: string;
  /** Prompt and answer together; more is refused with `context_length_exceeded`. Default 32768. */
  contextTokens?: number;
  /** Refuses pictures with 400, as vLLM does for a model that cannot see. */
  textOnly?: boolean;
  /** See PersonaOptions. */
  unsafeText?: string;
  /** Answers instead of the persona: tests that need exact words. */
  answer?: (messages: readonly PersonaMessage[]) => PersonaAnswer;
}

/** Something that goes wrong with the next completions on demand. */
export interface ModelFault {
  effect:
    | { kind: "status"; status: number; retryAfterSeconds?: number }
    /** The connection dies after so many tokens. */
    | { kind: "cut"; afterTokens: number }
    /** Nothing more comes after so many tokens, and the connection stays open. */
    | { kind: "stall"; afterTokens: number };
  /** Default 1. */
  times?: number;
}

export interface DemoModel {
  /** `http://127.0.0.1:<port>/v1`, for OPENAI_BASE_URL. */
  url: string;
  model: string;
  /** The newest requests, oldest first. The objects are live. */
  requests(): ModelRequest[];
  /** The newest recordings that were to be transcribed, oldest first. */
  transcriptions(): ModelTranscription[];
  /** Completions in progress. */
  running(): number;
  fault(fault: ModelFault): void;
  stop(): Promise<void>;
}

/** Several pictures in base64. */
const BODY_BYTES_MAX = 64 * 1024 * 1024;
/** What a picture counts, about as much as in real models. */
const IMAGE_TOKENS = 256;
const REQUESTS_KEPT = 500;
const FAULTS_MAX = 100;
/**
 * An OpenAI-compatible model server that needs no GPU: `/v1/chat/completions` (streamed or not), `/v1/models`,
 * `/v1/audio/transcriptions`, `/tokenize`, `/health`, `/metrics`. It is a demo that answers by rules and says so; see model-persona.ts.
 */
export async function startDemoModel(options: DemoModelOptions = {}): Promise<DemoModel> {
  const model = new Model(options);
  const server = await listenOnLoopback((req, res) => model.handle(req, res), options.port ?? 0);
  return {
    url: `${server.url}/v1`,
    model: model.name,
    requests: () => model.requests.list(),
    transcriptions: () => model.transcriptions.list(),
    running: () => model.running,
    fault: (fault) => model.arm(fault),
    async stop() {
      model.abort.abort();
      await server.close();
    },
  };
}

class Model {
  readonly name: string;
  readonly requests = new BoundedLog<ModelRequest>(REQUESTS_KEPT);
  readonly transcriptions = new BoundedLog<ModelTranscription>(REQUESTS_KEPT);
  readonly abort = new AbortController();
  readonly #options: DemoModelOptions;
  readonly #tokensPerSecond: number;
  readonly #contextTokens: number;
  readonly #faults: { effect: ModelFault["effect"]; timesLeft: number }[] = [];
  #running = 0;
  #tokens = 0;

  constructor(options: DemoModelOptions) {
    this.#options = options;
    this.name = options.model ?? "yingda-demo";
    this.#tokensPerSecond = options.tokensPerSecond ?? 40;
    this.#contextTokens = options.contextTokens ?? 32_768;
    setMaxListeners(0, this.abort.signal);
  }

  get running(): number {
    return this.#running;
  }

  arm(fault: ModelFault): void {
    if (this.#faults.length >= FAULTS_MAX) throw new YingdaError("bad_request", `At most ${FAULTS_MAX} faults.`);
    this.#faults.push({ effect: fault.effect, timesLeft: fault.times ?? 1 });
  }

  async handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const path = new URL(req.url ?? "/", "http://model").pathname;
    switch (`${req.method} ${path}`) {
      case "GET /health":
        res.writeHead(200).end();
        return;
      case "GET /metrics":
        res.writeHead(200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" }).end(this.#metrics());
        return;
      case "GET /v1/models":
        if (this.#refuseStranger(req, res)) return;
        sendJson(res, 200, {
          object: "list",
          data: [{ id: this.name, object: "model", created: 0, owned_by: "demo" }],
        });
        return;
      case "POST /v1/chat/completions":
        if (this.#refuseStranger(req, res)) return;
        await this.#complete(req, res);
        return;
      case "POST /v1/audio/transcriptions":
        if (this.#refuseStranger(req, res)) return;
        await this.#transcribe(req, res);
        return;
      case "POST /tokenize":
        if (this.#refuseStranger(req, res)) return;
        await this.#tokenize(req, res);
        return;
      default:
        refuse(res, 404, "There is nothing here.", "not_found_error", "not_found");
    }
  }

  async #transcribe(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const transcription = await orRefuse(() => readTranscription(req), res);
    if (transcription === undefined) return;
    this.transcriptions.push(transcription);
    sendJson(res, 200, { text: transcriptOf(transcription) });
  }

  async #tokenize(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const tokenized = await orRefuse(() => readTokenize(req), res);
    if (tokenized === undefined) return;
    sendJson(res, 200, { ...tokenized, max_model_len: this.#contextTokens });
  }

  async #complete(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const body = await readBody(req, BODY_BYTES_MAX);
    const request = await orRefuse(() => readCompletionRequest(body), res);
    if (request === undefined) return;
    if (request.model !== this.name) {
      refuse(res, 404, "The model does not exist.", "invalid_request_error", "model_not_found");
      return;
    }
    if (this.#options.textOnly === true && request.messages.some(({ images }) => images !== undefined)) {
      refuse(res, 400, `${this.name} is not a multimodal model`, "BadRequestError", null);
      return;
    }
    const promptTokens = request.messages.reduce((sum, message) => sum + tokensOf(message), 0);
    if (promptTokens + (request.answerTokensMax ?? 1) > this.#contextTokens) {
      const text = `This model's maximum context length is ${this.#contextTokens} tokens.`;
      refuse(res, 400, text, "invalid_request_error", "context_length_exceeded");
      return;
    }
    const fault = this.#strike();
    if (fault?.kind === "status") {
      if (fault.retryAfterSeconds !== undefined) res.setHeader("retry-after", fault.retryAfterSeconds);
      refuse(res, fault.status, "The demo model was told to fail.", "server_error", null);
      return;
    }
    const speech = this.#prepare(request, promptTokens, res);
    speech.breakAt = fault?.afterTokens ?? Number.POSITIVE_INFINITY;
    speech.breakKind = fault?.kind;
    this.#running += 1;
    try {
      await (request.stream ? streamSpeech(speech, res) : answerWhole(speech, res));
    } catch (error) {
      if (!speech.signal.aborted) throw error;
      speech.record.outcome = "client_closed";
      res.destroy();
    } finally {
      this.#tokens += speech.record.tokensSent;
      if (speech.record.outcome === "running") speech.record.outcome = "failed";
      this.#running -= 1;
    }
  }

  #prepare(request: CompletionRequest, promptTokens: number, res: ServerResponse): Speech {
    const { unsafeText } = this.#options;
    const answer =
      this.#options.answer?.(request.messages) ??
      personaAnswer(request.messages, unsafeText === undefined ? {} : { unsafeText });
    const reasoning = piecesOf(answer.reasoning ?? "");
    const all = piecesOf(answer.text);
    const room = Math.max(0, (request.answerTokensMax ?? Number.POSITIVE_INFINITY) - reasoning.length);
    const gone = new AbortController();
    res.once("close", () => gone.abort());
    const record: ModelRequest = {
      atMs: Date.now(),
      messages: request.messages,
      stream: request.stream,
      tokensSent: 0,
      outcome: "running",
    };
    this.requests.push(record);
    return {
      request,
      record,
      id: `chatcmpl-${randomUUID()}`,
      model: this.name,
      tokensPerSecond: this.#tokensPerSecond,
      reasoning,
      pieces: all.slice(0, room),
      finishReason: all.length > room ? "length" : "stop",
      promptTokens,
      waitMs: answer.waitMs,
      breakAt: Number.POSITIVE_INFINITY,
      breakKind: undefined,
      signal: AbortSignal.any([gone.signal, this.abort.signal]),
    };
  }

  #strike(): ModelFault["effect"] | undefined {
    const fault = this.#faults[0];
    if (fault === undefined) return undefined;
    fault.timesLeft -= 1;
    if (fault.timesLeft <= 0) this.#faults.shift();
    return fault.effect;
  }

  #refuseStranger(req: IncomingMessage, res: ServerResponse): boolean {
    const { apiKey } = this.#options;
    if (apiKey === undefined || req.headers.authorization === `Bearer ${apiKey}`) return false;
    refuse(res, 401, "Incorrect API key provided.", "invalid_request_error", "invalid_api_key");
    return true;
  }

  /** A little of what a vLLM server tells. */
  #metrics(): string {
    return [
      "# TYPE vllm:num_requests_running gauge",
      `vllm:num_requests_running{model_name="${this.name}"} ${this.#running}`,
      "# TYPE vllm:num_requests_waiting gauge",
      `vllm:num_requests_waiting{model_name="${this.name}"} 0`,
      "# TYPE vllm:generation_tokens_total counter",
      `vllm:generation_tokens_total{model_name="${this.name}"} ${this.#tokens}`,
      "",
    ].join("\n");
  }
}

function tokensOf({ content, images = [] }: PersonaMessage): number {
  return countPieces(content) + images.length * IMAGE_TOKENS;
}

/** What a request says; `undefined` when it was refused for what is wrong with it. */
async function orRefuse<T>(read: () => T | Promise<T>, res: ServerResponse): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof YingdaError) || error.code !== "bad_request") throw error;
    refuse(res, 400, error.message, "invalid_request_error", null);
    return undefined;
  }
}

function refuse(res: ServerResponse, status: number, message: string, type: string, code: string | null): void {
  sendJson(res, status, { error: { message, type, code, param: null } });
}
