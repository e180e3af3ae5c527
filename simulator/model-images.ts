import { createHash } from "node:crypto";
import { YingdaError } from "../src/base/errors.ts";
import { contentTypeOf } from "./media-types.ts";

/** A picture that came with a message. Its bytes are not kept: tests compare the sum. */
export interface ModelImage {
  /** Read from the bytes, whatever the data URL says. */
  contentType: string;
  bytes: number;
  sha256: string;
  /** 0 when the header could not be read. */
  width: number;
  height: number;
}

/** `data:image/png;base64,…`. Throws `bad_request` for any other address: the demo model fetches nothing. */
export function readImageUrl(url: string): ModelImage {
  const data = /^data:image\/[\w.+-]+;base64,([A-Za-z0-9+/=]+)$/.exec(url)?.[1];
  if (data === undefined) throw new YingdaError("bad_request", "'image_url.url' is a data URL with base64 here.");
  const bytes = Buffer.from(data, "base64");
  const contentType = contentTypeOf(bytes, "");
  const [width, height] = sizeOf(bytes, contentType) ?? [0, 0];
  return { contentType, bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex"), width, height };
}

/** Width and height in pixels from the header of a PNG, JPEG, GIF or WebP. */
function sizeOf(bytes: Buffer, contentType: string): [number, number] | undefined {
  try {
    switch (contentType) {
      case "image/png":
        return [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
      case "image/gif":
        return [bytes.readUInt16LE(6), bytes.readUInt16LE(8)];
      case "image/jpeg":
        return jpegSize(bytes);
      case "image/webp":
        return webpSize(bytes);
      default:
        return undefined;
    }
  } catch {
    // A header that ends in the middle.
    return undefined;
  }
}

/** Goes from segment to segment to the frame header, which holds the size. */
function jpegSize(bytes: Buffer): [number, number] | undefined {
  for (let at = 2; at + 9 < bytes.length; at += 2 + bytes.readUInt16BE(at + 2)) {
    const marker = bytes.readUInt16BE(at);
    const isFrame = marker >= 0xffc0 && marker <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(marker);
    if (isFrame) return [bytes.readUInt16BE(at + 7), bytes.readUInt16BE(at + 5)];
  }
  return undefined;
}

function webpSize(bytes: Buffer): [number, number] | undefined {
  const form = bytes.toString("latin1", 12, 16);
  if (form === "VP8X") return [bytes.readUIntLE(24, 3) + 1, bytes.readUIntLE(27, 3) + 1];
  if (form === "VP8 ") return [bytes.readUInt16LE(26) & 0x3fff, bytes.readUInt16LE(28) & 0x3fff];
  if (form !== "VP8L") return undefined;
  const packed = bytes.readUInt32LE(21);
  return [(packed & 0x3fff) + 1, ((packed >> 14) & 0x3fff) + 1];
}
