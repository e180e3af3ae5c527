/** The contract between a turn and a language model. */

export interface ChatMessage {
  role: "system" | "user" | "assistant";
  content: string;
  /** Pictures that belong to a user's message, before its text. Only for models that see. */
  images?: readonly ChatImage[];
}

export interface ChatImage {
  mimeType: string;
  base64: string;
}

export type ChatChannel = "app" | "bot" | "socket";

export interface ChatRequest {
  messages: ChatMessage[];
  /** Longest answer, in the model's tokens. */
  answerTokensMax: number;
  /** Endpoints are chosen by it, so that one conversation keeps hitting the same prefix cache. */
  conversationId: string;
  /** Whose turn it is: places at the model are shared fairly between members. Any spelling of case is the same member. */
  userId: string;
  /** Where the answer goes, for the parameters of that channel; without it the general ones hold. */
  channel?: ChatChannel;
  /** `fallback`: the smaller model, where there is one and it is well. Default: the main one. */
  prefer?: "main" | "fallback";
  /** Part of a turn that has begun already, such as a judgement of its answer: goes ahead of those who wait. */
  urgent?: boolean;
  traceId: string;
  /** Aborting it closes the upstream request, so the GPU stops. */
  signal: AbortSignal;
}

export interface Usage {
  promptTokens: number;
  answerTokens: number;
  /** Of the prompt's, those that the server had in its prefix cache; left out where it does not say. */
  cachedTokens?: number;
}

export interface ChatResult {
  /** Why the model stopped: `stop` is a whole answer, `length` hit `answerTokensMax`, `content_filter` is the upstream's own refusal. */
  finishReason: "stop" | "length" | "content_filter";
  model: string;
  endpoint: string;
  usage?: Usage;
  firstTokenMs: number;
}

/** The state of one endpoint in this process. */
export interface EndpointHealth {
  endpoint: string;
  /** False while it is left alone after failures. */
  ok: boolean;
  model: string;
  /** Requests of this process there, and the most that it sends at once. */
  running: number;
  limit: number;
  /** Requests there in all as the server told lately, its own queue included; null where it does not tell. */
  serverLoad: number | null;
  /** Much slower than the others, so used only when they have no room. */
  avoided: boolean;
}

export interface ModelHealth {
  endpoints: EndpointHealth[];
  /** Requests of this process that wait for a place. */
  waiting: number;
}

export type ChatEvent =
  /**
   * Before any text, when the wait for a place lasts: how many are served before this one, itself included. As things are:
   * it may grow.
   */
  | { type: "waiting"; position: number }
  /** Answer text only: reasoning is kept out. Never empty. */
  | { type: "text"; text: string }
  /** Exactly one, last. A stream that ends without it has failed and throws instead. */
  | { type: "end"; result: ChatResult };

export interface ChatModel {
  /**
   * Streams one answer. Throws YingdaError `model_*` on every failure (a cut or stalled stream included) and the
   * signal's reason when aborted; an abort never looks like a normal end.
   */
  stream(request: ChatRequest): AsyncGenerator<ChatEvent, void, undefined>;
  /** For `/readyz` and metrics, without a network call. */
  health(): ModelHealth;
}
