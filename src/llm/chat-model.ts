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

export interface ChatRequest {
  messages: ChatMessage[];
  /** Longest answer, in the model's tokens. */
  answerTokensMax: number;
  /** Endpoints are chosen by it, so that one conversation keeps hitting the same prefix cache. */
  conversationId: string;
  traceId: string;
  /** Aborting it closes the upstream request, so the GPU stops. */
  signal: AbortSignal;
}

export interface Usage {
  promptTokens: number;
  answerTokens: number;
}

export interface ChatResult {
  /** Why the model stopped: `stop` is a whole answer, `length` hit `answerTokensMax`, `content_filter` is the upstream's own refusal. */
  finishReason: "stop" | "length" | "content_filter";
  model: string;
  endpoint: string;
  usage?: Usage;
  firstTokenMs: number;
}

export type ChatEvent =
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
  /** For `/readyz`: one entry an endpoint, without a network call. */
  health(): { endpoint: string; ok: boolean }[];
}
