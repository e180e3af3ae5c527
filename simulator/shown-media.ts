import type { MediaStore } from "./media-store.ts";
import { contentTypeOf } from "./media-types.ts";
import type { ShownMedia } from "./platform-types.ts";

/** Something that a member sends, before it is encrypted for anybody. */
export interface PlainMedia {
  type: ShownMedia["type"];
  bytes: Buffer;
  name: string;
}

/** Keeps a file as the clients show it, open and for three days. */
export function showMedia(store: MediaStore, { type, bytes, name }: PlainMedia): ShownMedia {
  const contentType = contentTypeOf(bytes, name);
  return { id: store.put({ type, name, contentType, bytes }), type, name, contentType, bytes: bytes.length };
}

/** How a client sends a file that was chosen: as a picture, a voice message, a video or a file. */
export function mediaTypeOf(bytes: Buffer, name: string): ShownMedia["type"] {
  const contentType = contentTypeOf(bytes, name);
  if (/^image\/(?:png|jpeg|gif)$/.test(contentType)) return "image";
  if (contentType.startsWith("audio/")) return "voice";
  return contentType === "video/mp4" ? "video" : "file";
}

/** What the clients show behind a media_id; `undefined` for one that is unknown or too old. */
export function shownMedia(store: MediaStore, id: string): ShownMedia | undefined {
  const file = store.get(id);
  if (file === undefined) return undefined;
  const { type, name, bytes } = file;
  return { id, type, name, contentType: contentTypeOf(bytes, name), bytes: bytes.length };
}
