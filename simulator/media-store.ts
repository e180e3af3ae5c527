import { randomBytes } from "node:crypto";
import { BoundedMap } from "./bounded-log.ts";

export interface StoredMedia {
  type: "image" | "voice" | "video" | "file";
  name: string;
  contentType: string;
  bytes: Buffer;
  expiresAtMs: number;
}

const MEDIA_LIFE_MS = 3 * 24 * 3_600_000;
const FILES_MAX = 500;
/** All files together; the oldest make room, so that uploads cannot fill the memory. */
const BYTES_MAX = 256 * 1024 * 1024;

/** Files behind a media_id (3 days, wecom-protocol 3.5) and files that a bot callback links to (5 minutes, 4.5). */
export class MediaStore {
  readonly #nowMs: () => number;
  readonly #files = new BoundedMap<string, StoredMedia>(FILES_MAX);

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Keeps the file and gives its id. */
  put(media: Omit<StoredMedia, "expiresAtMs">, lifeMs: number = MEDIA_LIFE_MS): string {
    const id = randomBytes(24).toString("base64url");
    this.#makeRoom(media.bytes.length);
    this.#files.set(id, { ...media, expiresAtMs: this.#nowMs() + lifeMs });
    return id;
  }

  /** `undefined` for an id that never was or is too old. */
  get(id: string): StoredMedia | undefined {
    const media = this.#files.get(id);
    return media !== undefined && media.expiresAtMs > this.#nowMs() ? media : undefined;
  }

  #makeRoom(bytes: number): void {
    let used = [...this.#files.values()].reduce((sum, media) => sum + media.bytes.length, 0);
    for (const [id, media] of [...this.#files.entries()]) {
      if (used + bytes <= BYTES_MAX) return;
      this.#files.delete(id);
      used -= media.bytes.length;
    }
  }
}
