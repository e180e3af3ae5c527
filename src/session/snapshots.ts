import { snapshotKey } from "./keys.ts";
import type { RedisConnection } from "./redis.ts";
import { inStore } from "./redis.ts";

/**
 * WeCom stops polling six minutes after the user's message (wecom-protocol 4.8). We finish the bubble half a minute
 * earlier, while it can still be changed, and send the rest another way.
 */
export const STREAM_LIFE_MS = 330_000;

/** A picture of an answer, made fit for every channel (wecom-protocol 3.5, 4.7, 5.7). */
export interface AnswerPicture {
  mimeType: "image/jpeg" | "image/png";
  base64: string;
  /** Of the raw bytes, hex. */
  md5: string;
}

/** What the bubble of one bot message shows: read by polls on any process, written by the turn that holds the lease. */
export interface Snapshot {
  /** The whole text so far; it replaces what is shown. */
  content: string;
  finish: boolean;
  /** From here on polls finish the bubble even when nobody writes to it any more. */
  expiresAtMs: number;
  /** Below the text, of a finished bubble only. */
  pictures?: readonly AnswerPicture[];
}

export function firstSnapshot(receivedAtMs: number): Snapshot {
  return { content: "", finish: false, expiresAtMs: receivedAtMs + STREAM_LIFE_MS };
}

/** How the JSON of a finished snapshot begins: scripts tell by it, without reading all of the text. */
export const FINISHED = '{"finish":true';

export function encodeSnapshot({ finish, expiresAtMs, content, pictures }: Snapshot): string {
  return JSON.stringify({ finish, expiresAtMs, content, ...(pictures === undefined ? {} : { pictures }) });
}

export class Snapshots {
  readonly #redis: RedisConnection;

  constructor(redis: RedisConnection) {
    this.#redis = redis;
  }

  /** One GET. Null for a stream that is unknown or long gone. Throws `store_unavailable`. */
  async read(streamId: string): Promise<Snapshot | null> {
    const key = snapshotKey(streamId);
    if (key === null) return null;
    const stored = await inStore(() => this.#redis.get(key));
    return stored === null ? null : (JSON.parse(stored) as Snapshot);
  }
}
