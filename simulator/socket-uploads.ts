import { createHash, randomBytes } from "node:crypto";
import { BoundedMap } from "./bounded-log.ts";
import { Refusal } from "./errcodes.ts";
import type { Journal } from "./journal.ts";
import type { MediaStore, StoredMedia } from "./media-store.ts";
import { MemberWindows } from "./send-window.ts";
import type { SocketFrame } from "./socket-frames.ts";
import { type JsonObject, stringOr, utf8Bytes } from "./values.ts";

export interface SocketUploadsParts {
  media: MediaStore;
  journal: Journal;
  /** Life of an upload that was begun. */
  lifeMs: number;
  perMinute: number;
  perHour: number;
  nowMs: () => number;
}

interface Upload {
  type: StoredMedia["type"];
  name: string;
  totalBytes: number;
  totalChunks: number;
  md5: string;
  chunks: Map<number, Buffer>;
  expiresAtMs: number;
}

const MEGABYTE = 1024 * 1024;
/** wecom-protocol 5.7, for pictures the smaller of the two figures that were seen. */
const BYTES_MAX: Record<StoredMedia["type"], number> = {
  image: 2 * MEGABYTE,
  voice: 2 * MEGABYTE,
  video: 10 * MEGABYTE,
  file: 20 * MEGABYTE,
};
const BYTES_MIN = 5;
const CHUNKS_MAX = 100;
const CHUNK_BYTES_MAX = 512 * 1024;
const NAME_BYTES_MAX = 256;
/** Uploads under way; beyond, the oldest is forgotten, so that abandoned ones cannot fill the memory. */
const UPLOADS_MAX = 20;

/** Media upload over the long connection: begin, chunks in any order, end (wecom-protocol 5.7). */
export class SocketUploads {
  readonly #parts: SocketUploadsParts;
  readonly #uploads = new BoundedMap<string, Upload>(UPLOADS_MAX);
  readonly #windows: MemberWindows;

  constructor(parts: SocketUploadsParts) {
    this.#parts = parts;
    this.#windows = new MemberWindows(parts.perMinute, parts.perHour);
  }

  begin({ body }: SocketFrame): JsonObject {
    const { type, total_size: totalBytes, total_chunks: totalChunks } = body;
    const name = stringOr(body.filename);
    if (type !== "image" && type !== "voice" && type !== "video" && type !== "file") throw this.#wrong(40004, "type");
    if (name === "" || utf8Bytes(name) > NAME_BYTES_MAX) throw this.#wrong(40058, "filename");
    if (!isCount(totalBytes) || totalBytes < BYTES_MIN) throw this.#wrong(40058, "total_size");
    if (totalBytes > BYTES_MAX[type]) throw this.#wrong(40006, "total_size");
    if (!isCount(totalChunks) || totalChunks < 1 || totalChunks > CHUNKS_MAX) throw this.#wrong(40058, "total_chunks");
    const { nowMs, lifeMs } = this.#parts;
    if (this.#windows.take("uploads", nowMs()) !== "ok") throw new Refusal(45009);
    const uploadId = randomBytes(16).toString("hex");
    const md5 = stringOr(body.md5).toLowerCase();
    const expiresAtMs = nowMs() + lifeMs;
    this.#uploads.set(uploadId, { type, name, totalBytes, totalChunks, md5, chunks: new Map(), expiresAtMs });
    return { upload_id: uploadId };
  }

  chunk({ body }: SocketFrame): undefined {
    const upload = this.#known(body);
    const index = body.chunk_index;
    if (!isCount(index) || index >= upload.totalChunks) throw this.#wrong(40058, "chunk_index");
    const bytes = Buffer.from(stringOr(body.base64_data), "base64");
    if (bytes.length === 0 || bytes.length > CHUNK_BYTES_MAX) throw this.#wrong(40058, "base64_data");
    // A repeat is ignored.
    if (!upload.chunks.has(index)) upload.chunks.set(index, bytes);
  }

  finish({ body }: SocketFrame): JsonObject {
    const upload = this.#known(body);
    const { type, name, md5 } = upload;
    const bytes = Buffer.concat([...upload.chunks].sort(([one], [other]) => one - other).map(([, chunk]) => chunk));
    if (upload.chunks.size !== upload.totalChunks) throw this.#wrong(40058, "the number of chunks");
    if (bytes.length !== upload.totalBytes) throw this.#wrong(40006, "total_size");
    if (md5 !== "" && md5 !== createHash("md5").update(bytes).digest("hex")) throw this.#wrong(40058, "md5");
    this.#uploads.delete(stringOr(body.upload_id));
    const mediaId = this.#parts.media.put({ type, name, contentType: CONTENT_TYPES[type], bytes });
    return { type, media_id: mediaId, created_at: Math.floor(this.#parts.nowMs() / 1000) };
  }

  #known(body: JsonObject): Upload {
    const upload = this.#uploads.get(stringOr(body.upload_id));
    if (upload === undefined || upload.expiresAtMs <= this.#parts.nowMs()) throw this.#wrong(40058, "upload_id");
    return upload;
  }

  #wrong(errcode: number, field: string): Refusal {
    this.#parts.journal.violate("socket", "upload_wrong", `${field} of an upload is wrong`);
    return new Refusal(errcode);
  }
}

const CONTENT_TYPES: Record<StoredMedia["type"], string> = {
  image: "application/octet-stream",
  voice: "audio/amr",
  video: "video/mp4",
  file: "application/octet-stream",
};

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0;
}
