import type { ChatChannel } from "./chat-model.ts";

/** Fields of the request beside those that the service itself sets: `temperature`, `top_p`, `chat_template_kwargs` … */
export type RequestParams = Readonly<Record<string, unknown>>;

export interface ModelParams {
  general: RequestParams;
  /** Field by field in place of the general ones. */
  byChannel: Readonly<Partial<Record<ChatChannel, RequestParams>>>;
}

export const NO_PARAMS: ModelParams = { general: {}, byChannel: {} };
