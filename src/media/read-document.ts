import { Worker } from "node:worker_threads";
import { type ErrorCode, YingdaError } from "../base/errors.ts";
import { Turnstile } from "../base/turnstile.ts";
import { documentTooLarge, documentUnreadable } from "./document-errors.ts";
import { type DocumentText, gather } from "./document-text.ts";
import { type FileType, isDocument } from "./file-type.ts";
import { decodeText, textEncodingOf } from "./text-encoding.ts";

export type { DocumentText } from "./document-text.ts";

export interface DocumentRequest {
  bytes: Uint8Array;
  type: "pdf" | "docx" | "xlsx" | "pptx";
  charactersMax: number;
}

/** What the thread answers. */
export type DocumentAnswer =
  | { read: DocumentText }
  | { failed: { code: ErrorCode; message: string; details: YingdaError["details"] } };

export interface DocumentLimits {
  /** Documents read at once in this process: each has a thread, and a core while it lasts. */
  atOnceMax: number;
  /** Documents that wait for their turn; each holds its bytes. */
  waitingMax: number;
  /** A document that takes longer is built to do so. */
  readMs: number;
  /** Of the thread's objects; V8 ends it beyond. */
  heapMb: number;
  /** Of the thread's buffers, which V8 does not count; looked at while it reads. */
  buffersMb: number;
}

const LIMITS: DocumentLimits = { atOnceMax: 2, waitingMax: 16, readMs: 20_000, heapMb: 384, buffersMb: 256 };
/** How often the thread's memory is looked at: a bomb unpacks some ten megabytes meanwhile. */
const LOOK_MS = 50;
const MB = 1024 * 1024;
/** UTF-8 and GB18030 take at most four bytes for what is one or two UTF-16 units. */
const BYTES_PER_UNIT_MAX = 4;

/**
 * Reads documents that members send. Parsers of PDF and Office files are large, and files may be made to break them: each
 * document is parsed in a thread of its own, with bounds on its time, its objects and its buffers; one that goes beyond
 * ends its thread and nothing else.
 */
export class DocumentReader {
  readonly #limits: DocumentLimits;
  readonly #turnstile: Turnstile;

  constructor(limits: Partial<DocumentLimits> = {}) {
    this.#limits = { ...LIMITS, ...limits };
    this.#turnstile = new Turnstile({
      insideMax: this.#limits.atOnceMax,
      waitingMax: this.#limits.waitingMax,
      full: () => new YingdaError("media_busy", "too many documents are being read at once", { retryable: true }),
    });
  }

  /**
   * The document's text as Markdown, at most `charactersMax` UTF-16 units, with marks such as `--- 第 3 页 ---` between pages,
   * slides and sheets. It is what somebody wrote: quote it to a model, as data. `type` is `detectFileType`'s.
   * @throws YingdaError `document_unreadable` (`details.reason`: `damaged`, `encrypted`, `old_format`, `unknown_type`,
   *   `late`), `document_too_large`, `document_without_text`, `media_busy` (retryable); the signal's reason.
   */
  async read(
    bytes: Uint8Array,
    type: FileType,
    { charactersMax, signal }: { charactersMax: number; signal: AbortSignal },
  ): Promise<DocumentText> {
    signal.throwIfAborted();
    if (type === "old-office") throw documentUnreadable("old_format");
    if (type === "encrypted-office") throw documentUnreadable("encrypted");
    if (!isDocument(type)) throw documentUnreadable("unknown_type");
    // No parser, so no thread: a bounded part of it is decoded.
    if (type === "text" || type === "markdown" || type === "csv") return readText(bytes, charactersMax);
    return this.#turnstile.pass(() => this.#inThread({ bytes, type, charactersMax }, signal), signal);
  }

  async #inThread(request: DocumentRequest, signal: AbortSignal): Promise<DocumentText> {
    const { heapMb, readMs } = this.#limits;
    // A copy of its own: handing over the caller's bytes would take them away, and they may lie in a pool of Node's.
    const bytes = new Uint8Array(request.bytes);
    const thread = new Worker(new URL("./document-thread.ts", import.meta.url), {
      workerData: { ...request, bytes } satisfies DocumentRequest,
      transferList: [bytes.buffer],
      resourceLimits: { maxOldGenerationSizeMb: heapMb, maxYoungGenerationSizeMb: 32 },
      // What a parser prints may quote the document: it goes nowhere. It needs nothing of the environment.
      stdout: true,
      stderr: true,
      env: {},
    });
    const { promise, resolve, reject } = Promise.withResolvers<DocumentAnswer>();
    thread.once("message", resolve);
    thread.once("error", (error) =>
      reject(isOutOfMemory(error) ? documentTooLarge("memory") : documentUnreadable("damaged")),
    );
    thread.once("exit", () => reject(documentUnreadable("damaged")));
    const late = setTimeout(() => reject(documentUnreadable("late")), readMs);
    const stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    const look = setInterval(() => void this.#look(thread, reject), LOOK_MS);
    try {
      const answer = await promise;
      if ("read" in answer) return answer.read;
      throw new YingdaError(answer.failed.code, answer.failed.message, { details: answer.failed.details });
    } finally {
      clearTimeout(late);
      clearInterval(look);
      signal.removeEventListener("abort", stop);
      await thread.terminate();
    }
  }

  async #look(thread: Worker, reject: (error: Error) => void): Promise<void> {
    // A thread that has just ended has no figures.
    const figures = await thread.getHeapStatistics().catch(() => null);
    if ((figures?.external_memory ?? 0) > this.#limits.buffersMb * MB) reject(documentTooLarge("memory"));
  }
}

async function readText(bytes: Uint8Array, charactersMax: number): Promise<DocumentText> {
  const encoding = textEncodingOf(bytes);
  if (encoding === null) throw documentUnreadable("damaged");
  const bytesMax = (charactersMax + 1) * BYTES_PER_UNIT_MAX;
  const text = decodeText(bytes, encoding, bytesMax);
  return gather({ counted: null, pieces: [text], leftOut: () => bytes.length > bytesMax }, charactersMax);
}

function isOutOfMemory(error: Error): boolean {
  return (error as NodeJS.ErrnoException).code === "ERR_WORKER_OUT_OF_MEMORY";
}
