import { YingdaError } from "../src/base/errors.ts";
import { readImageUrl } from "./model-images.ts";
import type { PersonaMessage } from "./model-persona.ts";
import { isObject, type JsonObject, listOr, objectOr, stringOr } from "./values.ts";

/** The parts of a chat completion request that the demo model obeys. */
export interface CompletionRequest {
  model: string;
  messages: PersonaMessage[];
  stream: boolean;
  includeUsage: boolean;
  /** `max_completion_tokens` or `max_tokens`. */
  answerTokensMax: number | undefined;
}

const MESSAGES_MAX = 2_000;
const IMAGES_MAX = 16;

/** Throws `bad_request` with OpenAI's kind of explanation. */
export function readCompletionRequest(body: Buffer): CompletionRequest {
  let request: unknown;
  try {
    request = JSON.parse(body.toString());
  } catch (error) {
    throw new YingdaError("bad_request", "The body is not JSON.", { cause: error });
  }
  if (!isObject(request)) throw new YingdaError("bad_request", "The body is no JSON object.");
  const messages = listOr(request.messages);
  if (messages.length === 0 || messages.length > MESSAGES_MAX) {
    throw new YingdaError("bad_request", `'messages' is a list of 1 to ${MESSAGES_MAX} messages.`);
  }
  return {
    model: stringOr(request.model),
    messages: messages.map(readMessage),
    stream: request.stream === true,
    includeUsage: objectOr(request.stream_options).include_usage === true,
    answerTokensMax: limitOf(request),
  };
}

function readMessage(message: unknown): PersonaMessage {
  const { role, content } = objectOr(message);
  if (typeof role !== "string") throw new YingdaError("bad_request", "Every message has a role.");
  if (typeof content === "string") return { role, content };
  // The other form: a list of parts.
  const parts = listOr(content).map(objectOr);
  const texts = parts.filter((part) => part.type === "text").map((part) => stringOr(part.text));
  const pictures = parts.filter((part) => part.type === "image_url");
  const other = parts.find((part) => part.type !== "text" && part.type !== "image_url");
  if (other !== undefined)
    throw new YingdaError("bad_request", "A part of a message is of type 'text' or 'image_url'.");
  if (pictures.length > IMAGES_MAX) {
    throw new YingdaError("bad_request", `At most ${IMAGES_MAX} image(s) may be provided in one prompt.`);
  }
  const images = pictures.map((part) => readImageUrl(stringOr(objectOr(part.image_url).url)));
  return { role, content: texts.join("\n"), ...(images.length === 0 ? {} : { images }) };
}

function limitOf(request: JsonObject): number | undefined {
  const limit = request.max_completion_tokens ?? request.max_tokens;
  if (limit === undefined || limit === null) return undefined;
  if (typeof limit !== "number" || !Number.isInteger(limit) || limit < 1) {
    throw new YingdaError("bad_request", "'max_tokens' is a whole number from 1.");
  }
  return limit;
}
