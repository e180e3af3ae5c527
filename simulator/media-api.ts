import type { IncomingHttpHeaders } from "node:http";
import { Refusal } from "./errcodes.ts";
import type { MediaStore, StoredMedia } from "./media-store.ts";
import type { JsonObject } from "./values.ts";

const MEGABYTE = 1024 * 1024;
/** wecom-protocol 3.5, with the code for a file past its limit. */
const UPLOAD_LIMITS: Record<StoredMedia["type"], { bytesMax: number; errcode: number }> = {
  image: { bytesMax: 10 * MEGABYTE, errcode: 40009 },
  voice: { bytesMax: 2 * MEGABYTE, errcode: 40006 },
  video: { bytesMax: 10 * MEGABYTE, errcode: 40011 },
  file: { bytesMax: 20 * MEGABYTE, errcode: 40006 },
};
export const UPLOAD_BODY_BYTES_MAX = 21 * MEGABYTE;
const BYTES_OVER = 5;
/** A download without Range, and each part of one with Range, is at most this long. */
const PART_BYTES_MAX = 20 * MEGABYTE;

export interface MediaAnswer {
  status: number;
  headers: Record<string, string | number>;
  bytes: Buffer;
}

/** POST `media/upload`, multipart with one part named `media`. */
export async function uploadMedia(
  store: MediaStore,
  type: string | null,
  headers: IncomingHttpHeaders,
  body: Buffer,
  nowMs: number,
): Promise<JsonObject> {
  if (type !== "image" && type !== "voice" && type !== "video" && type !== "file") throw new Refusal(40004);
  const file = await readMultipart(headers["content-type"] ?? "", body);
  if (file === undefined) throw new Refusal(44001);
  const bytes = Buffer.from(await file.arrayBuffer());
  if (bytes.length === 0) throw new Refusal(44001);
  if (bytes.length <= BYTES_OVER) throw new Refusal(40006);
  if (bytes.length > UPLOAD_LIMITS[type].bytesMax) throw new Refusal(UPLOAD_LIMITS[type].errcode);
  const mediaId = store.put({ type, name: file.name, contentType: file.type || "application/octet-stream", bytes });
  return { type, media_id: mediaId, created_at: String(Math.floor(nowMs / 1000)) };
}

/** GET `media/get`: the bytes, or a part of them for `Range: bytes=from-to`. Refusals are JSON with HTTP 200. */
export function downloadMedia(store: MediaStore, mediaId: string | null, range: string | undefined): MediaAnswer {
  const media = store.get(mediaId ?? "");
  if (media === undefined) throw new Refusal(40007);
  const headers = {
    "content-type": media.contentType,
    "content-disposition": `attachment; filename="${encodeURIComponent(media.name)}"`,
  };
  const asked = /^bytes=(\d+)-(\d*)$/.exec(range ?? "");
  if (asked === null) {
    if (media.bytes.length > PART_BYTES_MAX) throw new Refusal(830002);
    return { status: 200, headers, bytes: media.bytes };
  }
  const from = Number(asked[1]);
  const to = Math.min(asked[2] === "" ? media.bytes.length - 1 : Number(asked[2]), media.bytes.length - 1);
  if (from > to) {
    return { status: 416, headers: { "content-range": `bytes */${media.bytes.length}` }, bytes: Buffer.alloc(0) };
  }
  if (to - from + 1 > PART_BYTES_MAX) throw new Refusal(830002);
  return {
    status: 206,
    headers: { ...headers, "content-range": `bytes ${from}-${to}/${media.bytes.length}` },
    bytes: media.bytes.subarray(from, to + 1),
  };
}

async function readMultipart(contentType: string, body: Buffer): Promise<File | undefined> {
  try {
    const form = await new Response(new Uint8Array(body), { headers: { "content-type": contentType } }).formData();
    const part = form.get("media");
    return part instanceof File ? part : undefined;
  } catch {
    throw new Refusal(44001);
  }
}
