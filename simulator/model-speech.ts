import type { ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { YingdaError } from "../src/base/errors.ts";
import { sendJson } from "./http-kit.ts";
import type { PersonaMessage } from "./model-persona.ts";
import type { CompletionRequest } from "./model-request.ts";

/** One completion, as the model saw it. */
export interface ModelRequest {
  atMs: number;
  messages: PersonaMessage[];
  stream: boolean;
  tokensSent: number;
  outcome: "running" | "stop" | "length" | "client_closed" | "failed";
}

/** One answer on its way out. */
export interface Speech {
  request: CompletionRequest;
  record: ModelRequest;
  id: string;
  model: string;
  tokensPerSecond: number;
  reasoning: string[];
  pieces: string[];
  finishReason: "stop" | "length";
  promptTokens: number;
  waitMs: number;
  /** Tokens after which it breaks off, and how. */
  breakAt: number;
  breakKind: "cut" | "stall" | undefined;
  /** Ends when the client goes away or the server stops. */
  signal: AbortSignal;
}

/** The least pause between two writes; at high speeds several tokens go out together. */
const TICK_MS = 5;

/** Server-sent events, one chunk a token, then usage when asked for, then `[DONE]`. Throws when the client has gone. */
export async function streamSpeech(speech: Speech, res: ServerResponse): Promise<void> {
  res.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" });
  const choice = (delta: object, finishReason: string | null) =>
    event(speech, { choices: [{ index: 0, delta, finish_reason: finishReason }] });
  await write(res, choice({ role: "assistant", content: "" }, null), speech.signal);
  const say = async (from: number, to: number) => {
    let events = "";
    for (let index = from; index < to; index += 1) {
      const thought = speech.reasoning[index];
      const piece = speech.pieces[index - speech.reasoning.length];
      events += choice(thought === undefined ? { content: piece ?? "" } : { reasoning_content: thought }, null);
    }
    await write(res, events, speech.signal);
  };
  if (!(await speak(speech, say, res))) return;
  await write(res, choice({}, speech.finishReason), speech.signal);
  if (speech.request.includeUsage) {
    await write(res, event(speech, { choices: [], usage: usageOf(speech) }), speech.signal);
  }
  speech.record.outcome = speech.finishReason;
  res.end("data: [DONE]\n\n");
}

/** One JSON answer, after the time that the tokens would have taken. Throws when the client has gone. */
export async function answerWhole(speech: Speech, res: ServerResponse): Promise<void> {
  if (!(await speak(speech, () => Promise.resolve(), res))) return;
  speech.record.outcome = speech.finishReason;
  const reasoning = speech.reasoning.join("");
  const message = {
    role: "assistant",
    content: speech.pieces.join(""),
    ...(reasoning === "" ? {} : { reasoning_content: reasoning }),
  };
  sendJson(res, 200, {
    id: speech.id,
    object: "chat.completion",
    created: Math.floor(speech.record.atMs / 1000),
    model: speech.model,
    choices: [{ index: 0, message, finish_reason: speech.finishReason }],
    usage: usageOf(speech),
  });
}

/** Lets the tokens out at the model's pace. `false` when it was told to break off; throws when the client has gone. */
async function speak(
  speech: Speech,
  say: (from: number, to: number) => Promise<void>,
  res: ServerResponse,
): Promise<boolean> {
  const { record, signal, tokensPerSecond } = speech;
  if (speech.waitMs > 0) await delay(speech.waitMs, undefined, { signal });
  const end = Math.min(speech.reasoning.length + speech.pieces.length, speech.breakAt);
  const startedMs = performance.now();
  while (record.tokensSent < end) {
    const elapsedMs = performance.now() - startedMs;
    const due = Math.min(end, Math.floor((elapsedMs / 1000) * tokensPerSecond) + 1);
    if (due > record.tokensSent) {
      await say(record.tokensSent, due);
      record.tokensSent = due;
    }
    if (record.tokensSent < end) await delay(Math.max(TICK_MS, 1000 / tokensPerSecond), undefined, { signal });
  }
  if (speech.breakKind === undefined) return true;
  if (speech.breakKind === "stall") await untilAborted(signal);
  record.outcome = "failed";
  res.destroy();
  return false;
}

function event(speech: Speech, fields: object): string {
  const created = Math.floor(speech.record.atMs / 1000);
  const chunk = { id: speech.id, object: "chat.completion.chunk", created, model: speech.model, ...fields };
  return `data: ${JSON.stringify(chunk)}\n\n`;
}

function usageOf(speech: Speech): object {
  const answerTokens = speech.reasoning.length + speech.pieces.length;
  return {
    prompt_tokens: speech.promptTokens,
    completion_tokens: answerTokens,
    total_tokens: speech.promptTokens + answerTokens,
  };
}

/** Writes and waits while the client is slower than we are; throws when it has gone. */
async function write(res: ServerResponse, text: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (res.write(text)) return;
  await new Promise<void>((resolve, reject) => {
    const onDrain = () => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    };
    const onAbort = () => {
      res.off("drain", onDrain);
      reject(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
    };
    res.once("drain", onDrain);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const leave = () => reject(new YingdaError("model_timeout", "The client went away while the model stalled."));
    if (signal.aborted) leave();
    else signal.addEventListener("abort", leave, { once: true });
  });
}
