import type { IncomingMessage } from "node:http";
import { YingdaError } from "../src/base/errors.ts";
import { readBody } from "./http-kit.ts";
import { piecesOf } from "./model-tokens.ts";
import { isObject, listOr, objectOr, stringOr } from "./values.ts";

/** What a model server offers beside completions: speech to text, counting tokens. */

const AUDIO_BODY_BYTES_MAX = 26 * 1024 * 1024;
const TOKENIZE_BODY_BYTES_MAX = 8 * 1024 * 1024;
const TOKEN_IDS = 32_000;

/** One recording, as the model saw it. */
export interface ModelTranscription {
  atMs: number;
  fileName: string;
  contentType: string;
  bytes: number;
  model: string;
  language: string;
}

/** `POST /v1/audio/transcriptions`. Throws `bad_request` for anything but a form with a file and a model. */
export async function readTranscription(req: IncomingMessage): Promise<ModelTranscription> {
  const body = await readBody(req, AUDIO_BODY_BYTES_MAX);
  const form = await readForm(req.headers["content-type"] ?? "", body);
  const file = form.get("file");
  if (!(file instanceof File) || file.size === 0) throw new YingdaError("bad_request", "'file' is a recording.");
  return {
    atMs: Date.now(),
    fileName: file.name,
    contentType: file.type,
    bytes: file.size,
    model: stringOr(form.get("model")),
    language: stringOr(form.get("language")),
  };
}

/** It hears nothing and says so. */
export function transcriptOf({ bytes }: ModelTranscription): string {
  return `（演示转写：演示模型听不懂语音，只知道这段录音有 ${bytes} 字节。Demo transcript of a recording of ${bytes} bytes.）`;
}

/** `POST /tokenize` in vLLM's form: `{prompt}` or `{messages}`. Throws `bad_request`. */
export async function readTokenize(req: IncomingMessage): Promise<{ count: number; tokens: number[] }> {
  const body = await readBody(req, TOKENIZE_BODY_BYTES_MAX);
  let request: unknown;
  try {
    request = JSON.parse(body.toString());
  } catch (error) {
    throw new YingdaError("bad_request", "The body is not JSON.", { cause: error });
  }
  if (!isObject(request)) throw new YingdaError("bad_request", "The body is no JSON object.");
  const texts =
    typeof request.prompt === "string"
      ? [request.prompt]
      : listOr(request.messages).map((message) => stringOr(objectOr(message).content));
  if (texts.length === 0) throw new YingdaError("bad_request", "'prompt' or 'messages' is expected.");
  const pieces = texts.flatMap(piecesOf);
  return { count: pieces.length, tokens: pieces.map(tokenOf) };
}

/** The same number for the same piece, and nothing more. */
function tokenOf(piece: string): number {
  let sum = 0;
  for (const character of piece) sum = (sum * 31 + (character.codePointAt(0) ?? 0)) % TOKEN_IDS;
  return sum;
}

async function readForm(contentType: string, body: Buffer): Promise<FormData> {
  try {
    return await new Response(new Uint8Array(body), { headers: { "content-type": contentType } }).formData();
  } catch (error) {
    throw new YingdaError("bad_request", "The body is no multipart form.", { cause: error });
  }
}
