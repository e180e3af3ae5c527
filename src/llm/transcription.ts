import type OpenAI from "openai";
import { toFile } from "openai";
import { abortAfter, type Clock } from "../base/clock.ts";
import { YingdaError } from "../base/errors.ts";
import type { Secret } from "../base/secret.ts";
import { failureOf } from "./failure-of.ts";
import { ModelFailure } from "./model-failure.ts";
import { openAiClient } from "./openai-client.ts";

export interface TranscriberOptions {
  /** Up to and including `/v1`. */
  baseUrl: string;
  apiKey: Secret | null;
  model: string;
  clock: Clock;
  /** Default: 30 s. A voice message has a minute at most, which a GPU turns into text within seconds. */
  timeoutMs?: number;
}

export interface Recording {
  bytes: Uint8Array;
  /** As `detectFileType` calls it. WeCom's voice messages are AMR (wecom-protocol 3.5): the server has to read that. */
  type: "amr" | "mp3" | "wav" | "m4a";
  /** Unique for each attempt; servers log it. */
  requestId: string;
  signal: AbortSignal;
}

const TIMEOUT_MS = 30_000;
/** The text of a minute has some kilobytes; a longer answer comes from something else. */
const ANSWER_BYTES_MAX = 256 * 1024;
/** UTF-16 units that are kept; a model that repeats itself without an end is known for this. */
const TEXT_LENGTH_MAX = 8_000;
const MIME_TYPES = { amr: "audio/amr", mp3: "audio/mpeg", wav: "audio/wav", m4a: "audio/mp4" };

/** Turns voice messages into text, at an OpenAI-compatible `/audio/transcriptions`. */
export class Transcriber {
  readonly #client: OpenAI;
  readonly #options: TranscriberOptions;
  readonly #timeoutMs: number;

  constructor(options: TranscriberOptions) {
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.#client = openAiClient({
      ...options,
      timeoutMs: this.#timeoutMs,
      bytesMax: ANSWER_BYTES_MAX,
      name: ENDPOINT,
    });
  }

  /**
   * What is said in the recording, at most 8,000 UTF-16 units; the empty string when nothing is. It is what somebody said:
   * check it as a message is checked.
   * @throws YingdaError `transcription_unavailable` (retryable) or `transcription_refused`; the signal's reason. Neither holds
   *   a word of the server's, which may quote what was said.
   */
  async transcribe({ bytes, type, requestId, signal }: Recording): Promise<string> {
    signal.throwIfAborted();
    const late = abortAfter(this.#timeoutMs, this.#options.clock, () => unavailable({ reason: "late" }));
    const stop = AbortSignal.any([signal, late.signal]);
    try {
      const file = await toFile(bytes, `voice.${type}`, { type: MIME_TYPES[type] });
      const answer: unknown = await this.#client.audio.transcriptions.create(
        { file, model: this.#options.model, response_format: "json" },
        { signal: stop, headers: { "x-request-id": requestId } },
      );
      return textOf(answer);
    } catch (error) {
      stop.throwIfAborted();
      throw failureFrom(error);
    } finally {
      late.cancel();
    }
  }
}

/** What its failures call the server in the details. */
const ENDPOINT = "transcription";

/** Some servers answer with the text alone, whatever form they are asked for. */
function textOf(answer: unknown): string {
  const text = typeof answer === "object" && answer !== null && "text" in answer ? answer.text : answer;
  if (typeof text !== "string") throw refused({ reason: "not_a_transcription" });
  return text.trim().slice(0, TEXT_LENGTH_MAX).toWellFormed();
}

/** The client's failures mean the same here as with a chat model; whom they blame, and what to do, differs. */
function failureFrom(error: unknown): unknown {
  const failure = failureOf(error, ENDPOINT, false);
  if (!(failure instanceof ModelFailure)) return failure;
  const { status, hint } = failure.details;
  const details = {
    reason: failure.reason,
    ...(status === undefined ? {} : { status }),
    ...(hint === undefined ? {} : { hint }),
  };
  const isTheirs = failure.reason !== "malformed" && failure.retryable;
  return isTheirs ? unavailable(details, failure.retryAfterMs) : refused(details);
}

function unavailable(details: YingdaError["details"], retryAfterMs?: number): YingdaError {
  return new YingdaError(
    "transcription_unavailable",
    "The server that turns voice into text could not be reached, is overloaded, or did not answer in time; is TRANSCRIPTION_BASE_URL right?",
    { retryable: true, details, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
  );
}

function refused(details: YingdaError["details"]): YingdaError {
  return new YingdaError(
    "transcription_refused",
    "The server that turns voice into text did not accept the recording, or its answer is none; check TRANSCRIPTION_API_KEY and TRANSCRIPTION_MODEL, and that it reads AMR.",
    { details },
  );
}
