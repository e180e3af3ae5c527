import { createHash, randomUUID } from "node:crypto";
import { codeOf, type ErrorCode, YingdaError } from "../base/errors.ts";
import type { Transcriber } from "../llm/transcription.ts";
import { detectFileType, type FileType, isAudio, isImage } from "../media/file-type.ts";
import { imageTokens, prepareImage } from "../media/image.ts";
import type { DocumentReader } from "../media/read-document.ts";
import type { Attachment, MediaSource, Message } from "../session/message.ts";
import type { SessionImage } from "../session/session-images.ts";
import { mustLeave } from "./turn-errors.ts";
import type { Vision } from "./vision.ts";

/** Pictures of one message that are looked at; a mixed message may hold two hundred. */
const IMAGES_MAX = 4;
/** Other files of one message, its quote's included. */
const FILES_MAX = 2;
const IMAGE_BYTES_MAX = 20 * 1024 * 1024;
const FILE_BYTES_MAX = 20 * 1024 * 1024;
const VOICE_BYTES_MAX = 2 * 1024 * 1024;
/** A prepared picture, so that eight of them beside a session stay a small thing for Redis. */
const PREPARED_BYTES_MAX = 512 * 1024;
/** Characters read of one file: about what a model's window and a moderator's time allow. */
const FILE_CHARACTERS_MAX = 24_000;

/** Where the turn gets what came with a message; made by the gateway. */
export interface MediaDesk {
  /** The bytes, decrypted. Throws YingdaErrors `media_*` and those of WeCom's API. */
  fetch(
    source: MediaSource,
    limits: { bytesMax: number; signal: AbortSignal; traceId: string },
  ): Promise<{ bytes: Buffer; fileName: string | null }>;
  /**
   * A picture that an answer names by its address, from the hosts of ANSWER_IMAGE_HOSTS; left out where none is named. Throws
   * YingdaErrors `media_*`.
   */
  fetchPicture?(url: string, limits: { bytesMax: number; signal: AbortSignal; traceId: string }): Promise<Buffer>;
  /** Turns voice into words; null where no endpoint is configured. */
  transcriber: Pick<Transcriber, "transcribe"> | null;
  keepImages(conversationId: string, images: readonly SessionImage[], ttlMs: number): Promise<void>;
  readImages(conversationId: string, ids: readonly string[]): Promise<Map<string, SessionImage>>;
  documents: Pick<DocumentReader, "read">;
  vision: Vision;
}

/** A picture as the model may see it, and what it takes of the window. */
export interface SeenImage extends SessionImage {
  tokens: number;
}

/** Why something that came with a message was not read; each has a sentence for the member. */
export type UnreadReason =
  | "cannot_see"
  | "cannot_hear"
  | "cannot_watch"
  | "too_large"
  | "too_many"
  | "gone"
  | "unknown_type"
  | "no_text"
  | "nothing_said"
  | "damaged"
  | "old_format"
  | "locked"
  | "failed";

export interface Unread {
  kind: Attachment["kind"];
  why: UnreadReason;
}

/** What came with a message, as far as it could be read. */
export interface Material {
  /** Quoted words and files, each below a line that says what it is: data, written by anybody. */
  quoted: string[];
  images: SeenImage[];
  /** What a voice message says. */
  spoken: string[];
  unread: Unread[];
}

/**
 * Reads what came with a message and with what it quotes: pictures for a model that sees, files as text, the app's voice by
 * the transcription endpoint. What cannot be read is named, never an error. Throws only what makes the turn end.
 */
export async function readMaterial(
  message: Message,
  desk: MediaDesk,
  signal: AbortSignal,
  /** Whether pictures are looked at. */
  sees: boolean,
): Promise<Material> {
  const material: Material = { quoted: quotedWords(message), images: [], spoken: [], unread: [] };
  const all = [...message.attachments, ...(message.quote?.attachments ?? [])];
  let images = 0;
  let files = 0;
  for (const attachment of all) {
    const { kind } = attachment;
    if (kind === "image") images += 1;
    const isFile = kind === "file" || kind === "voice";
    if (isFile) files += 1;
    const tooMany = kind === "image" ? images > IMAGES_MAX : isFile && files > FILES_MAX;
    if (tooMany) {
      material.unread.push({ kind, why: "too_many" });
      continue;
    }
    try {
      await readOne(attachment, material, { message, desk, signal, sees });
    } catch (error) {
      signal.throwIfAborted();
      if (mustLeave(error)) throw error;
      material.unread.push({ kind, why: reasonOf(error) });
    }
  }
  return material;
}

function reasonOf(error: unknown): UnreadReason {
  const reason = error instanceof YingdaError ? String(error.details.reason) : "";
  return REASONS[reason] ?? CODES[codeOf(error)] ?? "failed";
}

const CODES: Partial<Record<ErrorCode, UnreadReason>> = {
  media_gone: "gone",
  media_too_large: "too_large",
  media_unreadable: "damaged",
  document_too_large: "too_large",
  document_unreadable: "damaged",
  document_without_text: "no_text",
};
/** Of `document_unreadable`. */
const REASONS: Partial<Record<string, UnreadReason>> = {
  encrypted: "locked",
  old_format: "old_format",
  unknown_type: "unknown_type",
};

interface Reading {
  message: Message;
  desk: MediaDesk;
  signal: AbortSignal;
  sees: boolean;
}

async function readOne(attachment: Attachment, material: Material, reading: Reading): Promise<void> {
  const { desk, signal } = reading;
  switch (attachment.kind) {
    case "location": {
      const { label, latitude, longitude } = attachment;
      material.quoted.push(labelled("位置 / location", `${label} (${latitude}, ${longitude})`));
      return;
    }
    case "link": {
      const { title, url, description } = attachment;
      material.quoted.push(labelled("链接，内容未打开 / link, not opened", [title, url, description].join("\n")));
      return;
    }
    case "video":
      material.unread.push({ kind: "video", why: "cannot_watch" });
      return;
    case "voice": {
      if (desk.transcriber === null) {
        material.unread.push({ kind: "voice", why: "cannot_hear" });
        return;
      }
      const { bytes } = await fetched(attachment, VOICE_BYTES_MAX, reading);
      await hear(bytes, detectFileType(bytes, null), "voice", material, reading);
      return;
    }
    case "image": {
      if (!reading.sees) {
        material.unread.push({ kind: "image", why: "cannot_see" });
        return;
      }
      const { bytes } = await fetched(attachment, IMAGE_BYTES_MAX, reading);
      material.images.push(await seen(bytes, signal));
      return;
    }
    case "file":
      await readFile(attachment, material, reading);
  }
}

async function readFile(
  attachment: Extract<Attachment, { kind: "file" }>,
  material: Material,
  reading: Reading,
): Promise<void> {
  const { desk, signal } = reading;
  const { bytes, fileName } = await fetched(attachment, FILE_BYTES_MAX, reading);
  const name = attachment.name ?? fileName;
  const type = detectFileType(bytes, name);
  if (isImage(type) && reading.sees) {
    material.images.push(await seen(bytes, signal));
    return;
  }
  if (isAudio(type)) return hear(bytes, type, "file", material, reading);
  if (isImage(type)) {
    material.unread.push({ kind: "file", why: "cannot_see" });
    return;
  }
  const read = await desk.documents.read(bytes, type, { charactersMax: FILE_CHARACTERS_MAX, signal });
  const facts = [`文件 / file: ${name ?? type}`, ...(read.cut ? ["只读了开头 / only its beginning"] : [])];
  material.quoted.push(labelled(facts.join("，"), read.text));
}

async function hear(
  bytes: Buffer,
  type: FileType,
  kind: "voice" | "file",
  material: Material,
  { message, desk, signal }: Reading,
): Promise<void> {
  if (desk.transcriber === null || !isAudio(type)) {
    material.unread.push({ kind, why: desk.transcriber === null ? "cannot_hear" : "damaged" });
    return;
  }
  const words = await desk.transcriber.transcribe({
    bytes,
    type,
    requestId: `${message.traceId}-${randomUUID()}`,
    signal,
  });
  if (words.trim() === "") material.unread.push({ kind, why: "nothing_said" });
  else material.spoken.push(words);
}

async function fetched(attachment: MediaSource, bytesMax: number, { message, desk, signal }: Reading) {
  return desk.fetch(attachment, { bytesMax, signal, traceId: message.traceId });
}

async function seen(bytes: Buffer, signal: AbortSignal): Promise<SeenImage> {
  const {
    bytes: prepared,
    mimeType,
    width,
    height,
  } = await prepareImage(bytes, { bytesMax: PREPARED_BYTES_MAX, signal });
  return {
    id: createHash("sha256").update(prepared).digest("hex").slice(0, 24),
    mimeType,
    base64: Buffer.from(prepared).toString("base64"),
    tokens: imageTokens(width, height),
  };
}

/** What was quoted, with where it comes from: WeCom tells neither author nor time. */
function quotedWords({ quote }: Message): string[] {
  return quote === undefined || quote.text.trim() === "" ? [] : [quote.text];
}

function labelled(what: string, text: string): string {
  return `[${what}]\n${text}`;
}
